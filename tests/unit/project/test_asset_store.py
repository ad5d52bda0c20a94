from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import force_setattr

import assetsync
from assetsync import (
    AssetStore,
    AssetsyncError,
    ConflictError,
    ContentError,
    InvalidError,
    NotFoundError,
    TakenError,
    UsageError,
)
from assetsync.backends.contract import Blob
from assetsync.backends.directory.store import DirectoryBackend
from assetsync.manifest.settings import max_files
from assetsync.plan.plan import Adopt, Keep, Update
from assetsync.transfer.publication import Elsewhere


class Place:
    """A folder with a store beside it, and what is published from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = folder / "store"
        self.environ = {"ASSETSYNC_STATE_DIR": str(folder / "state")}

    def open(self, **settings: Any) -> AssetStore:
        return AssetStore("./store", directory=self.folder, environ=self.environ, **settings)

    def write(self, path: str, text: str) -> str:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("tok/vocab.txt", "a\n")
    place.write("tok/deep/merges.txt", "m\n")
    place.write("m.bin", "model")
    return place


def test_all_that_is_exported_is_there() -> None:
    for name in assetsync.__all__:
        assert getattr(assetsync, name) is not None
    with pytest.raises(AttributeError, match="no attribute `Nothing`"):
        assetsync.Nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    ("name", "version", "kind", "said"),
    [
        ("x", "5.", UsageError, "`5.` is not a major version"),
        ("x", "nlp/x", UsageError, "`nlp/x` is a name, where a version should be"),
        ("a/../b", None, InvalidError, "not a valid name"),
        ("/etc/passwd", None, InvalidError, "empty segment"),
        ("a//b", None, InvalidError, "empty segment"),
        ("a.versions", None, InvalidError, "no segment may end in `.versions`"),
        ("a/1.0.meta", None, InvalidError, "no segment may end in `.meta`"),
        ("name\n", None, InvalidError, "not a valid name"),
        ("ns/0.0", None, InvalidError, "`0.0` is a version"),
        ("there", None, TakenError, "exists already; its newest version is `0.0`"),
        ("there", "5.7", TakenError, "exists already; its newest version is `0.0`"),
    ],
)
def test_new_refuses(place: Place, name: str, version: str | None, kind: type[AssetsyncError], said: str) -> None:
    with place.open() as store:
        store.new("m.bin", name="there")
        with pytest.raises(kind, match=said):
            store.new("tok", name=name, version=version)
        assert [asset.name for asset in store.list()] == ["there"]


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"name": "absent"}, NotFoundError, "has no asset `absent`"),
        ({"version": "5"}, InvalidError, "has no version line `5`; it has `0`"),
        ({"version": "0.0"}, TakenError, "`there:0.0` exists already, with other content"),
        ({"version": "0", "bump_major": True}, UsageError, "can't go on with `0`"),
        ({"version": "0.1", "bump_major": True}, UsageError, "can't go on with `0.1`"),
        ({"path": "gone"}, ContentError, "`gone` does not exist"),
        ({"path": "empty"}, ContentError, "is an empty directory"),
        ({"path": "link"}, ContentError, "broken link"),
    ],
)
def test_update_refuses(place: Place, settings: dict[str, str], kind: type[AssetsyncError], said: str) -> None:
    (place.folder / "empty").mkdir()
    (place.folder / "link").symlink_to("nowhere")
    with place.open() as store:
        store.new("m.bin", name="there")
        with pytest.raises(kind, match=said):
            store.update(**{"path": "tok", "name": "there", **settings})  # type: ignore[arg-type]
        assert store.versions("there") == ["0.0"]
    assert (place.folder / "empty").is_dir()
    assert not (place.folder / "gone").exists()  # nothing is pulled to where it was to come from


@pytest.mark.parametrize(
    ("published", "settings", "following"),
    [
        (["0.1", "1.1"], {}, "1.2"),
        (["0.1", "1.0"], {"bump_major": True}, "2.0"),
        (["0.1", "1.0"], {"version": "0"}, "0.2"),
        (["1.9", "1.10"], {}, "1.11"),
        (["1.0", "10.3"], {"version": "1"}, "1.1"),
    ],
)
def test_the_next_version_is_that_of_modelkit(
    place: Place, published: list[str], settings: dict[str, str], following: str
) -> None:
    for version in published:
        place.write(f"store/m/{version}", "old")
        place.write(f"store/m/{version}.meta", json.dumps({"push_date": "2020-01-01T00:00:00", "is_directory": False}))
    place.write("store/m.versions", json.dumps({"versions": published[::-1]}))
    with place.open() as store:
        plan = store.plan_update("m.bin", name="m", **settings)  # type: ignore[arg-type]
        assert [action.to for action in plan.actions] == [following]
        assert store.publish(plan) == following
        assert store.update("m.bin", name="m", version=following.partition(".")[0]) == following


def test_unchanged_content_is_compared_with_the_newest_alone(place: Place) -> None:
    with place.open() as store:
        store.new("m.bin", name="m")
        assert store.update("tok", name="m") == "0.1"
        assert store.update("m.bin", name="m") == "0.2"  # back to what 0.0 is: a version of its own
        assert isinstance(store.plan_update("m.bin", name="m").actions[0], Keep)
        assert store.update("m.bin", name="m", force=True) == "0.3"


def test_the_newest_version_alone_is_looked_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with place.open() as store:
        store.new("m.bin", name="m")
        for number in range(5):
            store.update(place.write("m.bin", str(number)), name="m")
    read: list[str] = []
    original = DirectoryBackend.read

    def noted(self: DirectoryBackend, key: str, *, limit: int) -> Blob:
        read.append(key)
        return original(self, key, limit=limit)

    monkeypatch.setattr(DirectoryBackend, "read", noted)
    with place.open() as store:
        store.plan_update(place.write("m.bin", "new"), name="m")
    assert read == ["m.versions", "m/0.5.meta"]


@pytest.mark.parametrize("settings", [{"bump_major": True}, {"force": True}])
@pytest.mark.parametrize("dies_before", ["index", "release"])
def test_an_update_that_died_at_its_end_is_finished_and_not_repeated(
    place: Place, monkeypatch: pytest.MonkeyPatch, settings: dict[str, bool], dies_before: str
) -> None:
    class KilledError(BaseException):
        pass

    def die(*_: object) -> None:
        raise KilledError

    with place.open() as store:
        store.new("m.bin", name="m")
        with monkeypatch.context() as patch:
            if dies_before == "index":
                patch.setattr(type(store.store.indexes), "add", die)
            else:
                patch.setattr("assetsync.project.execute.release", die)
            with pytest.raises(KilledError):
                store.update("m.bin", name="m", **settings)  # type: ignore[arg-type]
    expected = "1.0" if "bump_major" in settings else "0.1"
    with place.open() as store:
        plan = store.plan_update("m.bin", name="m", **settings)  # type: ignore[arg-type]
        assert isinstance(plan.actions[0], Adopt)
        assert store.publish(plan) == expected
        assert store.versions("m") == [expected, "0.0"]
        assert not list(place.remote.rglob("*.claim"))
        # Said once more, it is another one.
        assert isinstance(store.plan_update("m.bin", name="m", **settings).actions[0], Update)  # type: ignore[arg-type]


def test_a_new_that_died_at_its_end_is_finished(place: Place) -> None:
    with place.open() as store:
        store.new("m.bin", name="m")
    (place.remote / "m.versions").unlink()
    with place.open() as store:
        assert store.new("m.bin", name="m") == "0.0"
        assert store.versions("m") == ["0.0"]
        with pytest.raises(InvalidError, match="exists already"):
            store.new("m.bin", name="m")
    (place.remote / "m.versions").unlink()
    with place.open() as store, pytest.raises(InvalidError, match="exists already"):
        store.new("tok", name="m")


def test_a_damaged_index_is_a_problem_and_not_an_absent_asset(place: Place) -> None:
    place.write("store/m.versions", "not JSON")
    with place.open() as store:
        for plan in (store.plan_new("m.bin", name="m"), store.plan_update("m.bin", name="m")):
            assert [problem.code for problem in plan.problems] == ["damaged"]
            with pytest.raises(InvalidError, match="is damaged"):
                store.publish(plan)


def test_a_half_pulled_path_of_a_project_is_not_published(place: Place) -> None:
    from assetsync.state.folder import State
    from assetsync.state.pull_markers import Marker, Markers

    place.write("assets.yaml", "store: ./store\nassets:\n  nlp/tok: tok\n")
    with AssetStore(directory=place.folder, manifest_file="assets.yaml", environ=place.environ) as store:
        store.new("tok", name="nlp/tok")
        Markers(State(str(place.folder)).pulls).write(Marker("nlp/tok", "0.0", "tok"))
        place.write("tok/vocab.txt", "half")
        with pytest.raises(InvalidError, match="did not finish"):
            store.update("tok", name="nlp/tok")
        assert store.update("m.bin", name="nlp/tok") == "0.1"


def test_a_plan_of_a_url_belongs_to_the_store_that_made_it(place: Place) -> None:
    with place.open() as store:
        plan = store.plan_new("m.bin", name="m")
        url = "s3://bucket/key"
        (action,) = plan.actions
        force_setattr(action, "path", url)
        with pytest.raises(UsageError, match="by the AssetStore that made it"):
            store.publish(plan)
        store._direct._elsewhere[url] = Elsewhere(path=str(place.folder / "m.bin"))
        assert store.publish(plan) == "0.0"


def test_no_store_is_a_usage_error(place: Place) -> None:
    with pytest.raises(UsageError, match="no store is named"):
        AssetStore(environ={})


def test_an_object_that_changes_meanwhile_is_not_published(place: Place) -> None:
    with place.open() as store:
        plan = store.plan_new("m.bin", name="m")
        (action,) = plan.actions

        def copy(entry: assetsync.FileEntry, key: str) -> bool:
            place.write(f"store/{key}", "other")
            return False

        force_setattr(action, "path", "s3://bucket/key")
        store._direct._elsewhere["s3://bucket/key"] = Elsewhere(copy=copy)
        with pytest.raises(ConflictError, match="other content"):
            store.publish(plan)
        assert store.list() == []


def test_what_a_diff_says(place: Place) -> None:
    with place.open() as store:
        store.new("tok", name="tok-asset")
        place.write("tok/vocab.txt", "longer\n")
        place.write("tok/new.txt", "n")
        (place.folder / "tok/deep/merges.txt").unlink()
        found = store.diff("tok-asset", "tok")
        assert (found.old, found.new) == ("tok-asset:0.0", "tok")
        assert [file.path for file in found.changes.added] == ["new.txt"]
        assert [file.path for file in found.changes.changed] == ["vocab.txt"]
        assert [file.path for file in found.changes.removed] == ["deep/merges.txt"]
        assert not found.is_empty
        store.update("tok", name="tok-asset")
        assert store.diff("./tok", "tok-asset:0").is_empty
        with pytest.raises(UsageError, match="are both paths"):
            store.diff("tok", "./m.bin")
        with pytest.raises(UsageError, match="whole versions"):
            store.diff("tok-asset[deep]", "tok")
        with pytest.raises(NotFoundError, match="has no `tok-asset:0"):
            store.diff("tok-asset:0.7", "tok")


@pytest.mark.parametrize(("text", "expected"), [("", 50), ("7", 7), (" 0 ", 0)])
def test_the_number_of_files_is_a_setting(text: str, expected: int) -> None:
    assert max_files({"ASSETSYNC_MAX_FILES": text}) == expected


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "٣"])
def test_a_number_of_files_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number of files"):
        max_files({"ASSETSYNC_MAX_FILES": text})
