"""`adopt`: from a store that is full to a project, without publishing anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from assetsync import AssetStore, ConflictError, UsageError
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor, SimpleDate
from assetsync.project.matching import Search
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from tests.e2e.harness import Repo, clean_environ
from tests.e2e.remotes import BUCKET, Remote
from tests.servers.s3 import S3Server
from tests.unit.publishing import Files, files_below, put


@pytest.fixture
def place(tmp_path: Path) -> Repo:
    """A checkout without assets.yaml beside a directory store."""
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.in_process = True
    repo.extra["ASSETSYNC_STORE"] = "../store"
    return repo


@pytest.fixture
def store(place: Repo) -> Store:
    url = str(place.root.parent / "store")
    return Store(open_backend(StoreConfig(url), {}), MajorMinor(), Cache(None))


TOKENIZER = {"vocab.txt": b"a\nb\n", "deep/merges.txt": b"m"}


def test_what_is_here_is_found_entered_and_locked(place: Repo, store: Store) -> None:
    put(store, "nlp/tok", "0.0", {"vocab.txt": b"a\n"})
    put(store, "nlp/tok", "0.1", TOKENIZER, modelkit=True)
    put(store, "nlp/bin", "0.3", b"old line", modelkit=True)
    put(store, "nlp/bin", "1.0", b"the new line")
    put(store, "nlp/gone", "0.0", b"nowhere here")
    put(store, "nlp/mine", "0.0", b"published")
    put(store, "other/x", "0.0", b"not asked for")
    place.write("models/tokenizer/vocab.txt", TOKENIZER["vocab.txt"])
    place.write("models/tokenizer/deep/merges.txt", TOKENIZER["deep/merges.txt"])
    place.write("out/some-name.bin", b"old line")
    place.write("models/nlp/mine.bin", b"edited since")
    before = files_below(place.root.parent / "store")

    done = place.run("adopt", "nlp/*", "--yes")
    assert "+ nlp/tok   models/tokenizer is 0.1, the newest" in done.err
    assert '+ nlp/bin   out/some-name.bin is 0.3; 1.0 is newer; its line is declared: `version: "0"`' in done.err
    assert "- nlp/gone  not here; its newest is 0.0" in done.err
    assert "~ nlp/mine  models/nlp/mine.bin differs from each of its 1 version" in done.err
    assert files_below(place.root.parent / "store") == before
    assert "other/x" not in done.err

    lock = place.read("assets.lock")
    assert 'version: "0.1"' in lock
    assert 'version: "0.3"' in lock
    place.run("check")
    place.run("check", "--content")
    assert "Nothing to do" in place.run("plan").out
    place.write("out/some-name.bin", b"a change of the old line")
    (action,) = place.run("plan", "nlp/bin", "--format", "json").json()["actions"]
    assert (action["action"], action["to"]) == ("update", "0.4")


def test_an_assets_yaml_that_is_there_keeps_what_it_says(place: Repo, store: Store) -> None:
    put(store, "a", "0.0", b"first asset")
    put(store, "b", "0.0", b"second asset!")
    text = "# ours\nstore: ../store\nassets:\n    a: x/a.bin  # by hand\n"
    place.write("assets.yaml", text)
    place.write("x/a.bin", b"first asset")
    place.write("x/b.bin", b"second asset!")
    place.run("apply", "--yes")
    done = place.run("adopt", "--yes")
    assert "1 asset in assets.yaml already" in done.err
    assert place.read("assets.yaml") == f"{text}    b: x/b.bin\n"
    assert "Nothing to do" in place.run("plan").out
    again = place.run("adopt", "--yes")
    assert "Nothing to write" in again.err
    wrong = place.run("adopt", "--store", "../elsewhere", code=64)
    assert "names another store, `../store`" in wrong.err


def test_what_is_not_here_is_entered_as_readonly_when_asked(place: Repo, store: Store) -> None:
    put(store, "nlp/tok", "1.0", TOKENIZER)
    put(store, "nlp/old", "0.0", b"by modelkit", modelkit=True)
    done = place.run("adopt", "--all", "--yes", "--path", "data/{name}")
    assert "1 asset of modelkit: `assetsync sync` gets and locks them" in done.err
    manifest = place.read("assets.yaml")
    assert "  nlp/tok:\n    path: data/nlp/tok\n    readonly: true\n" in manifest
    place.run("sync", "--yes")
    assert (place.root / "data/nlp/old").read_bytes() == b"by modelkit"
    assert (place.root / "data/nlp/tok/vocab.txt").exists()
    place.run("check", "--content")


def test_two_assets_of_one_content_get_a_path_each(place: Repo, store: Store) -> None:
    put(store, "one", "0.0", b"the same")
    put(store, "two", "0.0", b"the same")
    place.write("models/two", b"the same")
    place.write("models/another", b"the same")
    place.run("adopt", "--yes")
    assert "  one: models/another\n  two: models/two\n" in place.read("assets.yaml")


def test_a_store_without_such_assets_is_said_to_be_one(place: Repo, store: Store) -> None:
    (place.root.parent / "store").mkdir()
    assert "has no assets" in place.run("adopt", code=1).err
    put(store, "flag", "0.0", b"x")
    assert "has nothing that matches `nlp/*`" in place.run("adopt", "nlp/*", code=1).err


def test_one_content_goes_to_the_asset_that_is_called_like_the_path(place: Repo, store: Store) -> None:
    for name in ("nlp/copy", "nlp/tokenizer", "old/tokens"):
        put(store, name, "0.0", TOKENIZER)
    for path, data in TOKENIZER.items():
        place.write(f"out/tokenizer-v3/{path}", data)
    out = place.run("adopt", "--dry-run").out
    assert "+ nlp/tokenizer  out/tokenizer-v3 is 0.0" in out
    assert "- nlp/copy " in out


def test_empty_files_are_told_apart_by_their_names_alone(place: Repo, store: Store) -> None:
    put(store, "flag", "0.0", b"")
    place.write("src/__init__.py", b"")
    assert "0 found here" in place.run("adopt", "--dry-run").out
    place.write("data/flag.txt", b"")
    assert "+ flag  data/flag.txt is 0.0" in place.run("adopt", "--dry-run").out


def test_a_larger_folder_is_not_the_asset(place: Repo, store: Store) -> None:
    put(store, "tok", "0.0", TOKENIZER)
    for path, data in {**TOKENIZER, "extra": b"x"}.items():
        place.write(f"models/tok/{path}", data)
    assert "~ tok  models/tok differs" in place.run("adopt", "--dry-run").out


def test_nothing_is_written_unless_asked_for(place: Repo, store: Store) -> None:
    put(store, "a", "0.0", b"first asset")
    place.write("a.bin", b"first asset")
    assert "+ a  a.bin is 0.0, the newest" in place.run("adopt", "--dry-run").out
    assert "pass `--yes`" in place.run("adopt", code=1).err
    assert not (place.root / "assets.yaml").exists()
    assert "no `{name}` in it" in place.run("adopt", "--path", "models", code=64).err


def test_the_store_in_the_project_is_not_searched(place: Repo) -> None:
    store = Store(open_backend(StoreConfig(str(place.root / "store")), {}), MajorMinor(), Cache(None))
    put(store, "a", "0.0", b"first asset")
    done = place.run("adopt", "--dry-run", env={"ASSETSYNC_STORE": "./store"})
    assert "- a  not here" in done.out


def test_what_was_fetched_is_no_place_to_publish_from(place: Repo, store: Store) -> None:
    put(store, "nlp/tok", "1.0", TOKENIZER)
    place.run("fetch", "nlp/tok", "--assets-dir", "assets")
    assert "- nlp/tok  not here" in place.run("adopt", "--dry-run").out


def test_the_lock_of_another_store_is_left_alone(place: Repo, store: Store) -> None:
    put(store, "a", "0.0", b"first asset")
    place.write("a.bin", b"first asset")
    place.write("assets.yaml", "store: ../other\nassets:\n  b: b.bin\n")
    place.write("b.bin", b"b")
    place.run("apply", "--yes", env={"ASSETSYNC_STORE": ""})
    lock = place.read("assets.lock")
    (place.root / "assets.yaml").unlink()
    refused = place.run("adopt", "--yes", code=1)
    assert "belongs to the store `../other`" in refused.err
    assert place.read("assets.lock") == lock
    assert not (place.root / "assets.yaml").exists()


def test_interrupted_between_the_two_files_the_same_command_finishes(place: Repo, store: Store) -> None:
    put(store, "a", "0.0", b"first asset")
    put(store, "a", "0.1", b"its next version")
    place.write("a.bin", b"first asset")
    place.run("adopt", "--yes")
    manifest, lock = place.read("assets.yaml"), place.read("assets.lock")
    (place.root / "assets.yaml").unlink()
    place.run("adopt", "--yes")
    assert (place.read("assets.yaml"), place.read("assets.lock")) == (manifest, lock)
    assert "`0.1` is available" in place.run("plan", "-v").out


def test_dates_have_no_line_to_declare(place: Repo, store: Store) -> None:
    old, new = "2024-01-31T09-00-00Z", "2025-01-31T09-00-00Z"
    dated = Store(store.backend, SimpleDate(), Cache(None))
    put(dated, "a", old, b"the old content", modelkit=True)
    put(dated, "a", new, b"and the new one", modelkit=True)
    place.write("a.bin", b"the old content")
    place.extra["MODELKIT_ASSETS_VERSIONING_SYSTEM"] = "simple_date"
    done = place.run("adopt", "--yes")
    assert f"+ a  a.bin is {old}; {new} is newer\n" in done.err
    assert "versioning: simple_date\n" in place.read("assets.yaml")
    del place.extra["MODELKIT_ASSETS_VERSIONING_SYSTEM"]
    assert f"`{new}` is available" in place.run("plan", "-v").out
    place.run("check", "--content")


def test_a_change_meanwhile_is_kept(place: Repo, store: Store) -> None:
    put(store, "a", "0.0", b"first asset")
    place.write("a.bin", b"first asset")
    with AssetStore("../store", directory=place.root, environ=place.environ) as assets:
        adoption = assets.find_local()
        place.write("assets.yaml", "store: ../store\n")
        with pytest.raises(ConflictError, match="changed meanwhile"):
            assets.adopt(adoption)
        with pytest.raises(UsageError):
            Search(templates=("models",))
    assert place.read("assets.yaml") == "store: ../store\n"


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        (
            {
                "MODELKIT_STORAGE_PROVIDER": "s3",
                "MODELKIT_STORAGE_BUCKET": "bucket",
                "MODELKIT_ASSETS_VERSIONING_SYSTEM": "simple_date",
            },
            ["store: s3://bucket/modelkit-assets", "versioning: simple_date"],
        ),
        (
            {
                "MODELKIT_STORAGE_PROVIDER": "gcs",
                "MODELKIT_STORAGE_BUCKET": "bucket",
                "MODELKIT_STORAGE_PREFIX": "a/b",
            },
            ["store: gs://bucket/a/b", "# versioning: major_minor"],
        ),
        ({}, ["# store: s3://BUCKET/PREFIX", "# versioning: major_minor"]),
    ],
)
def test_init_takes_what_the_variables_of_modelkit_say(
    tmp_path: Path, variables: Mapping[str, str], lines: list[str]
) -> None:
    repo = Repo(tmp_path, clean_environ(tmp_path / "home"), dict(variables), in_process=True)
    said = repo.run("init").err
    manifest = repo.read("assets.yaml").splitlines()
    assert [line for line in manifest if line in lines] == lines
    assert ("modelkit's variables name" in said) == bool(variables)
    (tmp_path / "assets.yaml").unlink()
    repo.run("init", "--store", "./elsewhere")
    assert "store: ./elsewhere" in repo.read("assets.yaml")


# -- what it costs: the requests and the bytes of their replies


def _fill(server: S3Server, remote: Remote, contents: Mapping[str, Mapping[str, Files]], *, modelkit: bool) -> None:
    """Make a store without a request."""
    memory = Store(MemoryBackend("memory://filled"), MajorMinor(), Cache(None))
    for name, versions in contents.items():
        for version, files in versions.items():
            put(memory, name, version, files, modelkit=modelkit)
    prefix = remote.url.removeprefix(f"s3://{BUCKET}/")
    for entry in memory.backend.list("").objects:
        server.put(BUCKET, f"{prefix}/{entry.key}", b"".join(memory.backend.read_range(entry.key, 0, entry.size)))


def _adopted(place: Repo, s3: Remote, contents: Mapping[str, Mapping[str, Files]], *, modelkit: bool) -> dict[str, int]:
    assert isinstance(s3.server, S3Server)
    _fill(s3.server, s3, contents, modelkit=modelkit)
    place.extra.update({**s3.environ, "ASSETSYNC_STORE": s3.url})
    s3.server.requests.clear()
    s3.server.sent = 0
    place.run("adopt", "--yes")
    counted = {kind: count for kind, count in s3.server.requests.items() if count}
    return {**counted, "bytes": s3.server.sent}


@pytest.mark.parametrize("modelkit", [False, True])
def test_thirty_assets_of_five_versions(place: Repo, s3: Remote, modelkit: bool) -> None:
    """One listing, and for each of the 20 that are here its index and the one version that is here."""
    contents = {
        f"nlp/asset-{n}": {
            f"0.{v}": {"data.bin": os.urandom(2000 + 10 * n + v), "config.json": b"{}"} for v in range(5)
        }
        for n in range(30)
    }
    for n in range(20):
        version = "0.4" if n < 15 else "0.2"
        for path, data in contents[f"nlp/asset-{n}"][version].items():
            place.write(f"models/asset-{n}/{path}", data)
    cost = _adopted(place, s3, contents, modelkit=modelkit)
    assert place.read("assets.lock").count('version: "0.4"') == 15
    assert place.read("assets.lock").count('version: "0.2"') == 5
    size = cost.pop("bytes")
    if modelkit:  # no digest is recorded: the sizes are listed again, and the two files read, once
        assert sum(cost.values()) <= 1 + 20 * 5
        assert size < 400_000
    else:
        assert sum(cost.values()) <= 1 + 20 * 2
        assert size < 300_000
    assert not any(kind.startswith(("Put", "Delete", "Create", "Copy")) for kind in cost)


@pytest.mark.slow
def test_a_thousand_assets(place: Repo, s3: Remote) -> None:
    """Three listings, and two small requests for each of the 1,000 that is here."""
    contents = {f"ns-{n % 10}/asset-{n}": {"0.0": b"%d" % n + b"x" * (n + 1)} for n in range(1000)}
    for name, versions in contents.items():
        place.write(f"assets/{name}.bin", versions["0.0"])
    cost = _adopted(place, s3, contents, modelkit=False)
    assert place.read("assets.lock").count('version: "0.0"') == 1000
    size = cost.pop("bytes")
    assert sum(cost.values()) <= 3 + 1000 * 2
    assert size < 4_000_000
    place.run("check", "--content")
