"""`assetsync yank`, with the real modelkit beside it: who pins the version still gets it, and nobody else does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from assetsync import AssetStore, ConflictError
from assetsync.backends.directory.store import DirectoryBackend
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.e2e.test_modelkit import Modelkit
from tests.servers.modelkit import needs_modelkit

NAME, FOLDER = "nlp/sentiment", "nlp/tokenizer"
WHY = "wrong labels"


def published(repo: Repo, count: int = 3) -> Repo:
    """A repo with so many versions of its assets: 0.0, 0.1, …"""
    for number in range(count):
        repo.write("models/sentiment.bin", f"version {number}")
        repo.write("models/tokenizer/vocab.txt", f"version {number}")
        repo.run("apply", "--yes")
    repo.commit("published")
    return repo


def yank(repo: Repo, spec: str, *args: str, code: int = 0) -> Any:
    return repo.run("yank", spec, "-m", WHY, "--yes", *args, code=code)


def listed(repo: Repo, name: str) -> dict[str, Any]:
    assets = repo.run("list", "--format", "json").json()["assets"]
    found: dict[str, Any] = next(one for one in assets if one["name"] == name)
    return found


def findings(repo: Repo, code: int = 2) -> list[tuple[str, str]]:
    found = repo.run("check", "--remote", "--format", "json", code=code).json()["findings"]
    return [(one["asset"], one["code"]) for one in found]


def test_the_newest_goes_together_with_a_newer_one(repo: Repo) -> None:
    published(repo)
    refused = yank(repo, f"{FOLDER}:0.2", code=3).err
    assert f"`assetsync yank {FOLDER}:0.2 --republish OLD`" in refused
    assert listed(repo, FOLDER)["versions"] == ["0.2", "0.1", "0.0"]

    done = yank(repo, f"{FOLDER}:0.2", "--republish", "0.1")
    assert done.out == f"{FOLDER}:0.3\n"
    assert listed(repo, FOLDER)["versions"] == ["0.3", "0.1", "0.0"]
    assert listed(repo, FOLDER)["yanked"] == {"0.2": WHY}
    assert repo.run("diff", f"{FOLDER}:0.1", f"{FOLDER}:0.3").code == 0
    assert "the content of 0.1 once more, for 0.2 was yanked: wrong labels" in repo.run("show", FOLDER).out
    repo.run("verify", "--all", "--deep")
    # Another reason does not replace the first, and nobody is told that it did.
    assert f"is yanked: {WHY};" in repo.run("yank", f"{FOLDER}:0.2", "-m", "another", "--yes").err
    # Again, and with the same options: nothing more happens.
    assert yank(repo, f"{FOLDER}:0.2", "--republish", "0.1").out == ""
    assert listed(repo, FOLDER)["versions"] == ["0.3", "0.1", "0.0"]


def test_projects_that_locked_it_are_told_and_can_still_pull_it(repo: Repo) -> None:
    published(repo)
    other = repo.clone("other")
    other.run("pull")
    yank(repo, f"{NAME}:0.2", "--republish", "0.1")

    note = f"`0.2`, which is locked, was yanked: {WHY}; `assetsync upgrade {NAME}`"
    plan = other.run("plan", "-v")
    assert note in plan.out
    assert "Nothing to do" in plan.out
    assert note in other.run("status").out  # which has room for one note, and there is a newer version too
    assert findings(other) == [(NAME, "yanked")]
    assert f"locked at `0.2`, which was yanked: {WHY}" in other.run("check", "--remote", code=2).out
    (other.root / "models/sentiment.bin").unlink()
    pulled = other.run("pull")
    assert note in pulled.out + pulled.err
    assert other.read("models/sentiment.bin") == "version 2"

    other.run("upgrade", "--yes")
    assert other.read("models/sentiment.bin") == "version 1"
    assert findings(other, 0) == []
    # Its content, put back by hand, is not published by mistake, and the next number is a new one.
    other.write("models/sentiment.bin", "version 2")
    assert f"is `{NAME}:0.2`, which was yanked: {WHY}" in other.run("plan", code=1).out
    other.write("models/sentiment.bin", "version 4")
    other.run("apply", "--yes")
    assert listed(repo, NAME)["versions"] == ["0.4", "0.3", "0.1", "0.0"]


def test_nothing_resolves_to_it_and_everything_tells_of_it(repo: Repo, tmp_path: Path) -> None:
    published(repo)
    yank(repo, f"{NAME}:0.1")
    assert repo.run("list", NAME).out.splitlines()[1].endswith("0.0; yanked: 0.1")
    log = repo.run("log", NAME, "--format", "json").json()["versions"]
    assert [(one["version"], (one["yanked"] or {}).get("message")) for one in log] == [
        ("0.2", None),
        ("0.1", WHY),
        ("0.0", None),
    ]
    assert f"yanked: {WHY} (" in repo.run("log", NAME).out
    assert repo.run("show", f"{NAME}:0.1", "--format", "json").json()["yanked"]["who"] == "Ada"
    assert f"yanked  {WHY} (" in repo.run("show", f"{NAME}:0.1").out
    assert Path(repo.run("fetch", f"{NAME}:0.1", "--assets-dir", str(tmp_path / "a")).out.strip()).is_file()
    verified = repo.run("verify", "--all", "--format", "json").json()["versions"]
    assert [(one["version"], one["yanked"]) for one in verified if one["asset"] == NAME] == [
        ("0.2", None),
        ("0.0", None),
        ("0.1", WHY),
    ]
    assert f"{NAME}:0.1  yanked: {WHY};" in repo.run("verify", f"{NAME}:0.1").out
    assert "0.1" not in repo.run("doctor").out

    repo.run("yank", f"{NAME}:0.1", "--undo", "--yes")
    assert listed(repo, NAME)["versions"] == ["0.2", "0.1", "0.0"]
    assert listed(repo, NAME)["yanked"] == {}


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([f"{NAME}:0.1", "--yes"], 64, "say why with `--message`"),
        ([f"{NAME}:0.1", "-m", WHY], 1, "there is no terminal to ask on"),
        ([f"{NAME}:0", "-m", WHY, "--yes"], 64, f"`{NAME}:0` is not one version"),
        ([NAME, "-m", WHY, "--yes"], 64, "is not one version"),
        ([f"{NAME}:0.9", "-m", WHY, "--yes"], 1, f"has no `{NAME}:0.9`"),
        ([f"{NAME}:0.2", "-m", WHY, "--yes", "--republish", "0.2"], 64, "is no other version"),
        ([f"{NAME}:0.2", "-m", WHY, "--yes", "--republish", "0.7"], 1, f"has no `{NAME}:0.7`"),
        ([f"{NAME}:0.2", "-m", WHY, "--yes", "--republish", "0.1"], 1, "`nlp/sentiment:0.1` was yanked itself"),
        ([f"{NAME}:0.0", "--yes", "--undo"], 1, f"`{NAME}:0.0` is not yanked"),
        ([f"{NAME}:0.1", "--yes", "--undo", "--republish", "0.0"], 64, "publishes nothing"),
    ],
)
def test_mistakes(repo: Repo, args: list[str], code: int, said: str) -> None:
    published(repo)
    yank(repo, f"{NAME}:0.1")
    assert said in repo.run("yank", *args, code=code).err
    assert listed(repo, NAME)["versions"] == ["0.2", "0.0"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([f"{NAME}:0.9"], 1, f"has no `{NAME}:0.9`"),
        ([f"{NAME}:0.9", "--republish", "0.0"], 1, f"has no `{NAME}:0.9`"),
        ([f"{NAME}:0.2"], 3, "is the newest of its line"),
        ([f"{NAME}:0.2", "--republish", "0.7"], 1, f"has no `{NAME}:0.7`"),
        ([f"{NAME}:0.2", "--republish", "0.1"], 1, f"`{NAME}:0.1` was yanked itself"),
        ([f"{NAME}:0.0"], 3, f"`{NAME}@production` is at `{NAME}:0.0`"),
        ([f"{NAME}:0.0", "--republish", "0.2"], 3, f"`{NAME}@production` is at `{NAME}:0.0`"),
        ([f"{NAME}:0.2", "--undo"], 1, f"`{NAME}:0.2` is not yanked"),
        # These have nothing against them.
        ([f"{NAME}:0.1", "--undo"], 1, "there is no terminal to ask on"),
        ([f"{NAME}:0.2", "--republish", "0.0"], 1, "there is no terminal to ask on"),
    ],
)
def test_nobody_is_asked_about_what_would_be_refused(repo: Repo, args: list[str], code: int, said: str) -> None:
    published(repo)
    yank(repo, f"{NAME}:0.1")
    repo.run("alias", NAME, "production", "0.0")
    assert said in repo.run("yank", *args, "-m", WHY, code=code).err
    assert listed(repo, NAME)["versions"] == ["0.2", "0.0"]


@pytest.mark.parametrize("spec", [f"{NAME}:0.9", f"{NAME}:0.2"])
def test_nothing_is_published_for_a_yank_that_is_refused(repo: Repo, spec: str) -> None:
    published(repo)
    repo.run("alias", NAME, "production", "0.2")
    yank(repo, spec, "--republish", "0.0", code=1 if spec.endswith("9") else 3)
    assert listed(repo, NAME)["versions"] == ["0.2", "0.1", "0.0"]


def test_an_alias_is_moved_first(repo: Repo) -> None:
    published(repo)
    repo.run("alias", NAME, "production", "0.0")
    repo.run("alias", NAME, "production", "0.1")
    assert f"`{NAME}@production` is at `{NAME}:0.1`" in yank(repo, f"{NAME}:0.1", code=3).err
    repo.run("alias", NAME, "production", "--rollback")
    yank(repo, f"{NAME}:0.1")
    assert "was yanked" in repo.run("alias", NAME, "production", "0.1", code=3).err


def test_a_republish_that_is_cut_short_is_gone_on_with(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before each of its writes in turn; then the same once more. There is one new version in the end."""
    published(repo)
    store_folder = repo.root.parent / "store"

    class Killed(BaseException):
        pass

    writes = {"left": 0}

    def dying(method: str) -> Any:
        whole = getattr(DirectoryBackend, method)

        def run(*args: Any, **kwargs: Any) -> Any:
            if writes["left"] == 0:
                raise Killed
            writes["left"] -= 1
            return whole(*args, **kwargs)

        return run

    def run() -> None:
        with AssetStore(str(store_folder), environ=repo.environ, directory=repo.root) as store:
            store.yank(f"{FOLDER}:0.2", message=WHY, republish="0.1")

    count = 0
    while True:
        with monkeypatch.context() as patched:
            for method in ("create", "replace", "copy", "delete"):
                patched.setattr(DirectoryBackend, method, dying(method))
            writes["left"] = count
            try:
                run()
                break
            except Killed:
                count += 1
    assert count > 3
    assert listed(repo, FOLDER)["versions"] == ["0.3", "0.1", "0.0"]
    assert listed(repo, FOLDER)["yanked"] == {"0.2": WHY}
    repo.run("verify", "--all", "--deep")
    assert not list(store_folder.rglob("*.claim"))


def test_from_python_and_dated(repo: Repo) -> None:
    oldest, newest = "2026-01-31T09-00-00Z", "2026-02-28T09-00-00Z"
    with AssetStore(
        str(repo.root.parent / "store"), environ=repo.environ, directory=repo.root, versioning="simple_date"
    ) as store:
        store.new("models/sentiment.bin", name=NAME, version=oldest)
        store.update("models/tokenizer/vocab.txt", name=NAME, version=newest)
        assert store.yank(f"{NAME}:{newest}", message=WHY).version == newest
        assert store.versions(NAME) == [oldest]
        with pytest.raises(ConflictError):
            store.yank(f"{NAME}:{oldest}", message=WHY)
        store.undo_yank(f"{NAME}:{newest}")
        assert store.versions(NAME) == [newest, oldest]


@pytest.mark.parametrize("serving", ["directory", "s3"], indirect=True)
class TestBesideModelkit:
    pytestmark = needs_modelkit

    def test_unpinned_readers_lose_it_pinned_ones_keep_it_and_pushes_overwrite_nothing(
        self, repo: Repo, remote: Remote, tmp_path: Path
    ) -> None:
        if remote.kind == "directory":
            os.makedirs(remote.url)
        repo.use(remote)
        published(repo)
        yank(repo, f"{FOLDER}:0.2", "--republish", "0.1")
        modelkit = Modelkit(remote, tmp_path / "assets")
        got = modelkit.fetch(FOLDER, f"{FOLDER}:0", f"{FOLDER}:0.2")
        assert {spec: (path / "vocab.txt").read_text() for spec, path in got.items()} == {
            FOLDER: "version 1",
            f"{FOLDER}:0": "version 1",
            f"{FOLDER}:0.2": "version 2",
        }
        repo.write("models/tokenizer/vocab.txt", "from modelkit")
        modelkit_update(modelkit, repo.root / "models/tokenizer", FOLDER)
        assert listed(repo, FOLDER)["versions"] == ["0.4", "0.3", "0.1", "0.0"]
        assert listed(repo, FOLDER)["yanked"] == {"0.2": WHY}
        repo.run("verify", f"{FOLDER}:0.2", f"{FOLDER}:0.3", "--deep")


UPDATE = """
import os
from modelkit.assets.remote import StorageProvider
from modelkit.assets.settings import AssetSpec
provider = StorageProvider()
spec = AssetSpec(os.environ["NAME"])
versions = spec.sort_versions(provider.get_versions_info(spec.name))
asked = spec.versioning.get_update_cli_params(version=None, version_list=versions, bump_major=False)
provider.update(os.environ["WHAT"], spec.name, spec.versioning.increment_version(versions, asked["params"]))
print("null")
"""


def modelkit_update(modelkit: Modelkit, path: Path, name: str) -> None:
    """What `modelkit assets update` does, but for its question."""
    from tests.servers.modelkit import run_modelkit

    run_modelkit(UPDATE, {**modelkit.environ, "WHAT": str(path), "NAME": name})
