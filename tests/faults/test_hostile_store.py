"""Stores that lie, are damaged, or want to write where they must not: one clear error, and nothing here is touched."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assetsync.backends.contract import Backend
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.opening import open_backend
from assetsync.errors import AssetsyncError, ChecksumError, DamagedError, InvalidError
from assetsync.escape import printable
from assetsync.model.manifest import StoreConfig
from assetsync.model.names import Spec, parse_spec
from assetsync.model.tree import FileEntry, directory_tree, file_tree
from assetsync.model.versioning import MajorMinor
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.project.locate import boundary
from assetsync.remote import layout
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.pull_markers import Markers
from assetsync.transfer import download as download_module
from assetsync.transfer.fetch import fetch
from assetsync.transfer.pull import Retrieval, pull
from tests.unit.publishing import Files, files_below, new_store, put, put_meta, scanned, watched

NAME, VERSION = "nlp/tok", "1.0"
META = layout.meta_key(NAME, VERSION)
HASH = "ab" * 32
LOCAL = {"a.txt": b"mine", "sub/b": b"also mine"}


@pytest.fixture(scope="module")
def transfers() -> Iterator[Transfers]:
    with Transfers(4) as transfers:
        yield transfers


@pytest.fixture(params=["memory", "directory"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "memory":
        return MemoryBackend("memory://hostile")
    return open_backend(StoreConfig(str(tmp_path / "store")), {})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repo with a file of its own and content at the asset's path; beside it, a file that must stay as it is."""
    root = tmp_path / "around" / "repo"
    local = {f"models/tok/{name}": data for name, data in LOCAL.items()}
    for path, data in {**local, "own.txt": b"own", "assets/nlp/tok/0.9": b"an older version"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root.parent / "beside.txt").write_bytes(b"beside")
    return root


def _pull(store: Store, root: Path, transfers: Transfers) -> None:
    what = Retrieval(NAME, VERSION, boundary(str(root), {}), "models/tok", scanned(root, "models/tok"))
    pull(store, what, transfers=transfers, markers=_markers(root), progress=lambda count: None)


def _markers(root: Path) -> Markers:
    return Markers(State(str(root)).pulls)


def _fetch(store: Store, root: Path, transfers: Transfers) -> None:
    fetch(store, Spec(NAME, VERSION), str(root / "assets"), transfers=transfers, reporter=Silent())


def _fetch_newest(store: Store, root: Path, transfers: Transfers) -> None:
    fetch(store, Spec(NAME), str(root / "assets"), transfers=transfers, reporter=Silent())


Getting = Callable[[Store, Path, Transfers], None]
GETTING = pytest.mark.parametrize("get", [_pull, _fetch])


def _store(backend: Backend) -> Store:
    return Store(backend, MajorMinor(), Cache(None))


def _refused(get: Getting, store: Store, root: Path, transfers: Transfers) -> AssetsyncError:
    """The error of getting the version, after checking that it reads well and that nothing was touched."""
    before = files_below(root.parent)
    with pytest.raises(AssetsyncError) as caught:
        get(store, root, transfers)
    error = caught.value
    assert error.exit_code == 1
    assert printable(error.message) == error.message
    assert len(error.message) < 1000
    assert files_below(root.parent) == before
    return error


# ---------------------------------------------------------------------------------------------------------------------
# Names of files

ESCAPING = ["../evil", "a/../../evil", "/tmp/evil", "..", "a/..", "C:/evil", "c:evil", "a\\..\\..\\evil", "\\evil"]
MALFORMED = ["", ".", "./a", "a//b", "a/", "/", "a\0b", "a\nb", "a\x1b[2Jb", "a\u2028b", "a\x7f", "\ud800"]
COLLIDING = [["a", "A"], ["é", "e\u0301"], ["a/x", "A/y"], ["a", "a/b"], ["a", "a"], ["ß", "SS"]]
MEANING_SOMETHING = [".git/config", "sub/.git/hooks/post-checkout", ".GIT/config", ".git", ".SUCCESS", "sub/.SUCCESS"]


@GETTING
@pytest.mark.parametrize("by_modelkit", [False, True])
@pytest.mark.parametrize(
    "paths", [*([path] for path in ESCAPING + MALFORMED + MEANING_SOMETHING), *COLLIDING, []], ids=repr
)
def test_names_of_files_that_would_do_harm_are_refused(
    root: Path, transfers: Transfers, get: Getting, paths: list[str], by_modelkit: bool
) -> None:
    store = new_store()
    document: dict[str, Any] = {"push_date": "2026-01-31T09:00:00+00:00", "is_directory": True, "contents": paths}
    if not by_modelkit:
        files = [FileEntry(path, 4, HASH) for path in paths]
        try:
            digest = directory_tree(files).digest
        except UnicodeEncodeError:
            digest = "sha256:" + HASH
        document["assetsync"] = {
            "format": 1,
            "digest": digest,
            "size": 4 * len(files),
            "sizes": [4] * len(files),
            "sha256": [HASH] * len(files),
        }
    store.backend.create(META, json.dumps(document).encode())
    for path in set(paths):
        store.backend.create(layout.data_key(NAME, VERSION, path), b"evil")
    assert isinstance(_refused(get, store, root, transfers), DamagedError)
    assert _markers(root).get(NAME) is None
    assert watched(store).ranges == []


_nasty = st.sampled_from(
    ["..", ".", "", "a", "A", "b", "é", "e\u0301", "\0", "\\", "x\ny", ".git", "evil", "a.txt", "~"]
)
_paths = st.lists(st.one_of(st.lists(_nasty, max_size=5).map("/".join), st.text(max_size=8)), min_size=1, max_size=5)


@given(paths=_paths, by_modelkit=st.booleans(), is_pull=st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_the_contents_say_only_the_target_is_touched(
    transfers: Transfers, paths: list[str], by_modelkit: bool, is_pull: bool
) -> None:
    store = new_store()
    content = {path: f"content of {number}".encode() for number, path in enumerate(paths)}
    try:
        put(store, NAME, VERSION, content, modelkit=by_modelkit)
    except (UnicodeEncodeError, AssetsyncError):
        return  # not even a store would take it
    with tempfile.TemporaryDirectory() as folder:
        around = Path(folder) / "around"
        target = around / "repo" / ("models/tok" if is_pull else "assets/nlp/tok/1.0")
        target.parent.mkdir(parents=True)
        (around / "evil").write_bytes(b"outside")
        (target.parent / "evil").write_bytes(b"beside")
        (around / "repo/own.txt").write_bytes(b"own")
        before = files_below(around)
        try:
            (_pull if is_pull else _fetch)(store, around / "repo", transfers)
        except DamagedError:
            assert files_below(around) == before
            return
        marks = {} if is_pull else {".SUCCESS": b""}
        assert files_below(target) == {**content, **marks}
        below = str(target.relative_to(around))
        assert {path: data for path, data in files_below(around).items() if not path.startswith(below)} == before


# ---------------------------------------------------------------------------------------------------------------------
# Documents

GARBAGE = [b"", b"   ", b"not JSON", b"\xff\xfe\x00", b"null", b"[]", b"5", b'"text"', b"{}", b"[" * 200_000, b'{"a":']


@GETTING
@pytest.mark.parametrize("data", GARBAGE, ids=lambda data: repr(data[:12]))
def test_a_meta_that_is_garbage_is_refused(
    backend: Backend, root: Path, transfers: Transfers, get: Getting, data: bytes
) -> None:
    backend.create(META, data)
    error = _refused(get, _store(backend), root, transfers)
    assert isinstance(error, DamagedError)
    assert META in error.message


@pytest.mark.parametrize("data", [*GARBAGE, b'{"versions": "1.0"}', b'{"versions": [1.0]}'], ids=lambda d: repr(d[:12]))
def test_versions_that_are_garbage_are_refused(backend: Backend, root: Path, transfers: Transfers, data: bytes) -> None:
    backend.create(layout.versions_key(NAME), data)
    error = _refused(_fetch_newest, _store(backend), root, transfers)
    assert isinstance(error, DamagedError)
    assert layout.versions_key(NAME) in error.message


@pytest.mark.parametrize(
    "listed", [["../../evil"], ["1.0/../../evil"], ["1.0\n"], ["/evil"], ["1.0.meta"], ["01.0"], [""], [".."]]
)
def test_versions_that_are_none_are_never_used(root: Path, transfers: Transfers, listed: list[str]) -> None:
    store = new_store()
    store.backend.create(layout.versions_key(NAME), json.dumps({"versions": listed}).encode())
    error = _refused(_fetch_newest, store, root, transfers)
    assert error.message == "`memory://watched` has no asset `nlp/tok`"
    # The listing is of names that may have been meant.
    assert watched(store).requests == [f"read {layout.versions_key(NAME)}", "list nlp/"]


@pytest.mark.parametrize("key", [META, layout.versions_key(NAME)])
def test_a_huge_document_is_not_read(tmp_path: Path, root: Path, transfers: Transfers, key: str) -> None:
    path = tmp_path / "store" / key
    path.parent.mkdir(parents=True)
    path.touch()
    os.truncate(path, 100 * 1024**3)
    store = _store(open_backend(StoreConfig(str(tmp_path / "store")), {}))
    error = _refused(_fetch if key == META else _fetch_newest, store, root, transfers)
    assert isinstance(error, DamagedError)
    assert key in error.message


def _meta(**changes: Any) -> bytes:
    """A `.meta` of one file with 4 bytes; `changes` go into its part of assetsync."""
    tree = directory_tree([FileEntry("a", 4, HASH)])
    ours = {"format": 1, "digest": tree.digest, "size": 4, "sizes": [4], "sha256": [HASH], **changes}
    document = {"push_date": "2026-01-31T09:00:00+00:00", "is_directory": True, "contents": ["a"], "assetsync": ours}
    return json.dumps(document).encode()


@GETTING
@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"format": "1"},
        {"digest": "sha256:" + "0" * 64},
        {"digest": None},
        {"sizes": [-4]},
        {"sizes": [True]},
        {"sizes": ["4"]},
        {"sizes": [4, 4]},
        {"sizes": {}},
        {"sha256": ["../../evil"]},
        {"sha256": [HASH.upper()]},
        {"sha256": [HASH + "\n"]},
        {"sha256": []},
    ],
    ids=repr,
)
def test_a_meta_that_contradicts_itself_is_refused(
    backend: Backend, root: Path, transfers: Transfers, get: Getting, changes: dict[str, Any]
) -> None:
    backend.create(META, _meta(**changes))
    backend.create(layout.data_key(NAME, VERSION, "a"), b"evil")
    assert isinstance(_refused(get, _store(backend), root, transfers), DamagedError)


@GETTING
def test_a_size_that_no_disk_has_is_refused_before_anything_is_asked_for(
    root: Path, transfers: Transfers, get: Getting
) -> None:
    store = new_store()
    store.backend.create(META, _meta(size=10**18, sizes=[10**18]))
    error = _refused(get, store, root, transfers)
    assert "not enough room" in error.message
    assert watched(store).ranges == []


# ---------------------------------------------------------------------------------------------------------------------
# Bytes

GOOD = b"0123456789" * 20_000
WRONG = {
    "other": b"?" + GOOD[1:],
    "cut": GOOD[:-1],
    "longer": GOOD + b"x",
    "endless": GOOD * 50,
    "empty": b"",
    "missing": None,
}


@GETTING
@pytest.mark.parametrize("in_ranges", [False, True])
@pytest.mark.parametrize("files", [GOOD, {"a.txt": b"good", "big": GOOD, "sub/b": b"good"}], ids=["file", "directory"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_bytes_never_arrive(
    root: Path,
    transfers: Transfers,
    monkeypatch: pytest.MonkeyPatch,
    get: Getting,
    files: Files,
    wrong: str,
    in_ranges: bool,
) -> None:
    if in_ranges:
        monkeypatch.setattr(download_module, "RANGE", 65536)
        monkeypatch.setattr(download_module, "LARGE", 131072)
    store = new_store()
    put(store, NAME, VERSION, files)
    key = layout.data_key(NAME, VERSION, "" if isinstance(files, bytes) else "big")
    watched(store).lies[key] = WRONG[wrong]
    error = _refused(get, store, root, transfers)
    assert isinstance(error, DamagedError if wrong == "missing" else ChecksumError)
    assert error.message.startswith(f"`{key}` in `memory://watched` is damaged: ")
    assert error.hint == "nothing here was changed; `assetsync verify` tells what else is damaged"


@GETTING
@pytest.mark.parametrize("wrong", ["cut", "longer", "missing"])
def test_wrong_bytes_of_a_version_of_modelkit_never_arrive(
    root: Path, transfers: Transfers, get: Getting, wrong: str
) -> None:
    store = new_store()
    put(store, NAME, VERSION, {"a.txt": b"good", "big": GOOD}, modelkit=True)
    watched(store).lies[layout.data_key(NAME, VERSION, "big")] = WRONG[wrong]
    assert "is damaged" in _refused(get, store, root, transfers).message


@GETTING
@pytest.mark.parametrize("by_modelkit", [False, True])
def test_an_object_that_is_gone_is_said_to_be(
    backend: Backend, root: Path, transfers: Transfers, get: Getting, by_modelkit: bool
) -> None:
    store = _store(backend)
    put(store, NAME, VERSION, {"a.txt": b"good", "gone": b"x"}, modelkit=by_modelkit)
    backend.delete(f"{NAME}/{VERSION}/gone")
    error = _refused(get, store, root, transfers)
    assert error.message == f"`{NAME}/{VERSION}/gone` in `{store.url}` is damaged: it is missing"


@GETTING
@pytest.mark.parametrize("by_modelkit", [False, True])
def test_a_version_whose_data_is_of_the_other_kind_is_refused(
    root: Path, transfers: Transfers, get: Getting, by_modelkit: bool
) -> None:
    store = new_store()
    put_meta(store, NAME, VERSION, file_tree(4, HASH), modelkit=by_modelkit)
    store.backend.create(layout.data_key(NAME, VERSION, "a"), b"evil")
    assert "it is missing" in _refused(get, store, root, transfers).message


@pytest.mark.parametrize("part", ["../../evil", "a/../../b", "a\0b", "a\\b", ".."])
def test_a_part_that_leads_outside_is_no_spec(part: str) -> None:
    with pytest.raises(InvalidError):
        parse_spec(f"{NAME}:{VERSION}[{part}]")
