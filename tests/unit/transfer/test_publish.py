"""The publish protocol over stores in memory and in a directory: stopped at each step, and raced."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from assetsync.backends.contract import Backend
from assetsync.backends.memory.store import MemoryBackend
from assetsync.backends.opening import open_backend
from assetsync.errors import (
    ChecksumError,
    ConflictError,
    ContentError,
    DeniedError,
    ExistsError,
    StoreError,
    UnsupportedError,
)
from assetsync.local.scan import scan
from assetsync.model.manifest import StoreConfig
from assetsync.model.tree import Tree
from assetsync.model.versioning import MajorMinor
from assetsync.plan.snapshot import CLAIM_LIFETIME, Present, RemoteVersion
from assetsync.pool import Transfers
from assetsync.progress import no_progress
from assetsync.remote import documents, layout
from assetsync.remote.documents import Claim
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.transfer.publication import Publication
from assetsync.transfer.publish import probe, publish, release
from tests.contract.harness import content, some_bytes

NAME = "nlp/tokenizer"
_stores = count()

# What is published: small files, one that is sent in parts where the store takes parts, and none at all.
FILES = {
    "config.json": b"{}",
    "sub/vocab.txt": b"a b c",
    "sub/empty": b"",
    "weights.bin": some_bytes(200_000),
}
CHANGED = {**FILES, "config.json": b'{"changed": true}', "weights.bin": some_bytes(200_000, 1)}


@dataclass
class Bench:
    """A store, a project beside it, and what it takes to publish from one to the other."""

    config: StoreConfig
    folder: Path
    backend: Backend

    def open(self) -> Backend:
        return open_backend(self.config, {})

    def project(self, name: str = "project") -> str:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return str(folder)

    def put(self, files: dict[str, bytes] | bytes, project: str = "project") -> Present:
        """Make local content what `files` says, and scan it."""
        root = self.project(project)
        if isinstance(files, bytes):
            Path(root, "asset").write_bytes(files)
        else:
            for path, data in files.items():
                file = Path(root, "asset", path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        with Cache(None) as cache:
            found = scan(root, "asset", exclude=(), cache=cache, progress=no_progress)
        assert isinstance(found, Present)
        return found

    def publication(self, files: dict[str, bytes] | bytes, version: str, project: str = "project") -> Publication:
        local = self.put(files, project)
        return Publication(NAME, version, os.path.join(self.project(project), "asset"), local)

    def journal(self, project: str = "project") -> Journal:
        return Journal(State(self.project(project)).journal)

    def run(
        self,
        what: Publication,
        *,
        backend: Backend | None = None,
        journal: Journal | None = None,
        progress: Callable[[int], None] = no_progress,
        who: str = "ada@host",
    ) -> None:
        """Publish and release, as one process does it."""
        store = _store(backend or self.open())
        journal = journal or self.journal()
        with Transfers(4) as transfers:
            publish(store, what, transfers=transfers, journal=journal, who=who, progress=progress)
            release(store, what.name, what.version, journal)

    def stored(self) -> list[str]:
        return [info.key for info in self.backend.list().objects]


def _store(backend: Backend) -> Store:
    return Store(backend, MajorMinor(), Cache(None))


@pytest.fixture(params=["memory", "local"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    url = f"memory://publish{next(_stores)}" if request.param == "memory" else str(tmp_path / "store")
    (tmp_path / "store").mkdir()
    config = StoreConfig(url)
    backend = open_backend(config, {})
    if isinstance(backend, MemoryBackend):
        backend.multipart_threshold = 100_000
        backend.bytes_per_part = 60_000
    return Bench(config, tmp_path, backend)


# A directory takes files of any size in one request.
in_parts = pytest.mark.parametrize("bench", ["memory"], indirect=True)


def _keys_of(tree: Tree, version: str) -> set[str]:
    data = {layout.data_key(NAME, version, file.path) for file in tree.files}
    return {*data, layout.meta_key(NAME, version), layout.versions_key(NAME)}


def _assert_published(bench: Bench, files: dict[str, bytes] | bytes, what: Publication, *others: str) -> None:
    """The version is there, whole and right, listed once beside `others`, and without a claim."""
    store = _store(bench.backend)
    index = store.indexes.of(NAME)
    assert index
    assert sorted(index.listed) == sorted([what.version, *others])
    meta = store.meta(NAME, what.version)
    assert meta.tree == what.tree
    assert store.claim(NAME, what.version) is None
    prefix = layout.data_key(NAME, what.version)
    if isinstance(files, bytes):
        assert content(bench.backend, prefix) == files
    else:
        found = {info.key.removeprefix(prefix + "/") for info in bench.backend.list(prefix + "/").objects}
        assert found == set(files)
        for path, data in files.items():
            assert content(bench.backend, f"{prefix}/{path}") == data


# One publisher


def test_a_directory_is_published(bench: Bench) -> None:
    what = bench.publication(FILES, "0.0")
    sent: list[int] = []
    bench.run(what, progress=sent.append)
    _assert_published(bench, FILES, what)
    assert set(bench.stored()) == _keys_of(what.tree, "0.0")
    assert sum(sent) == what.tree.content.size
    assert bench.journal().claims() == frozenset()


@pytest.mark.parametrize("data", [b"", b"small", some_bytes(250_000)], ids=["empty", "small", "large"])
def test_a_single_file_is_published(bench: Bench, data: bytes) -> None:
    what = bench.publication(data, "0.0")
    sent: list[int] = []
    bench.run(what, progress=sent.append)
    _assert_published(bench, data, what)
    assert set(bench.stored()) == _keys_of(what.tree, "0.0")
    assert sum(sent) == len(data)


def test_publishing_again_changes_nothing(bench: Bench) -> None:
    what = bench.publication(FILES, "0.0")
    bench.run(what)
    before = bench.backend.read(layout.meta_key(NAME, "0.0")).data
    bench.run(what)
    _assert_published(bench, FILES, what)
    assert bench.backend.read(layout.meta_key(NAME, "0.0")).data == before


def _after(bench: Bench, what: Publication) -> RemoteVersion:
    meta = _store(bench.backend).meta(NAME, what.version)
    assert meta.tree
    return RemoteVersion(what.version, meta.tree.content, meta.tree.files)


def test_unchanged_files_are_copied_and_nothing_is_uploaded_twice(bench: Bench) -> None:
    first = bench.publication(FILES, "0.0")
    bench.run(first)
    second = replace(bench.publication(CHANGED, "0.1"), source=_after(bench, first))
    calls = _Calls()
    bench.run(second, backend=calls.of(bench.open()))
    _assert_published(bench, CHANGED, second, "0.0")
    assert calls.names.count("copy") == 2
    assert calls.names.count("upload") + calls.names.count("complete_upload") == 2


def test_files_that_the_version_before_has_lost_are_uploaded(bench: Bench) -> None:
    first = bench.publication(FILES, "0.0")
    bench.run(first)
    source = _after(bench, first)
    bench.backend.delete(layout.data_key(NAME, "0.0", "sub/vocab.txt"))
    second = replace(bench.publication(CHANGED, "0.1"), source=source)
    bench.run(second)
    _assert_published(bench, CHANGED, second, "0.0")


def test_a_damaged_file_of_the_version_before_is_not_passed_on(tmp_path: Path) -> None:
    config = StoreConfig(str(tmp_path / "store"))
    bench = Bench(config, tmp_path, open_backend(config, {}))
    first = bench.publication(FILES, "0.0")
    bench.run(first)
    source = _after(bench, first)
    Path(config.url, layout.data_key(NAME, "0.0", "sub/vocab.txt")).write_bytes(b"rotten")
    second = replace(bench.publication(CHANGED, "0.1"), source=source)
    bench.run(second)
    _assert_published(bench, CHANGED, second, "0.0")


# Stopped at each step


class _Died(BaseException):
    """The process was killed."""


class _Calls:
    """Clients that count their calls, and die at one of them: before it does anything, or after it did."""

    def __init__(self, stop_at: int | None = None, *, after: bool = False) -> None:
        self.names: list[str] = []
        self._stop_at = stop_at
        self._after = after
        self._lock = threading.Lock()
        self.dead = False

    def of(self, backend: Backend) -> Backend:
        """The same store, seen through these calls. It has the attributes of `backend` and no others."""
        names = [name for name in dir(backend) if not name.startswith("_")]
        methods = {name: self._watched(getattr(backend, name)) for name in names if callable(getattr(backend, name))}
        values = {name: getattr(backend, name) for name in names if name not in methods}
        return cast("Backend", type("Watched", (), {**values, **methods})())

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        if method.__name__ in ("part_size", "close"):  # they ask nothing of the store
            return lambda _, *args: method(*args)

        def call(_: object, *args: Any, **kwargs: Any) -> Any:
            with self._lock:
                if self.dead:
                    raise _Died
                self.names.append(method.__name__)
                self.dead = dies = len(self.names) == self._stop_at
            if dies and not self._after:
                raise _Died
            result = method(*args, **kwargs)
            if self.dead:
                raise _Died
            return result

        return call


def _stopped_at_each_call(bench: Bench, what: Publication, again: Callable[[_Calls], None], *, after: bool) -> int:
    """Publish `what` until the n-th call kills it, for every n; `again` then sees what is left. Returns the last n."""
    for stop_at in count(1):
        calls = _Calls(stop_at, after=after)
        try:
            bench.run(what, backend=calls.of(bench.open()))
        except _Died:
            again(calls)
            continue
        return stop_at
    raise AssertionError("unreachable")


@pytest.fixture(params=[False, True], ids=["before", "after"])
def after(request: pytest.FixtureRequest) -> bool:
    """Whether the call that kills the process was carried out by the store."""
    return bool(request.param)


def _forget(bench: Bench, version: str) -> None:
    """Put the store back to what it was before `version`."""
    for info in bench.backend.list(layout.asset_folder(NAME)).objects:
        if info.key.removeprefix(layout.asset_folder(NAME)).startswith((f"{version}/", f"{version}.")):
            bench.backend.delete(info.key)
    _store(bench.backend).indexes.rewrite(NAME, lambda found: [one for one in found if one != version])


def test_a_publish_that_was_stopped_anywhere_is_finished_by_the_same_command(bench: Bench, after: bool) -> None:
    first = bench.publication(FILES, "0.0")
    bench.run(first)
    what = replace(bench.publication(CHANGED, "0.1"), source=_after(bench, first))

    def again(calls: _Calls) -> None:
        # Whoever looks meanwhile sees all of the version, or nothing.
        index = _store(bench.backend).indexes.of(NAME)
        assert index
        if layout.meta_key(NAME, "0.1") in bench.stored():
            assert _keys_of(what.tree, "0.1") <= set(bench.stored())
        else:
            assert index.listed == ("0.0",)
        sent: list[int] = []
        bench.run(what, progress=sent.append)
        _assert_published(bench, CHANGED, what, "0.0")
        assert set(bench.stored()) == _keys_of(first.tree, "0.0") | _keys_of(what.tree, "0.1")
        assert bench.journal().claims() == frozenset()
        assert sum(sent) in (0, what.tree.content.size)
        _forget(bench, "0.1")

    steps = _stopped_at_each_call(bench, what, again, after=after)
    assert steps > 10
    _assert_published(bench, CHANGED, what, "0.0")


def test_a_publish_that_was_stopped_anywhere_is_finished_by_another_machine(bench: Bench, after: bool) -> None:
    """Which knows nothing of the first one's journal, but has the same content."""
    what = bench.publication(FILES, "0.0")
    elsewhere = bench.publication(FILES, "0.0", "elsewhere")

    def again(calls: _Calls) -> None:
        bench.run(elsewhere, journal=bench.journal("elsewhere"))
        _assert_published(bench, FILES, elsewhere)
        assert set(bench.stored()) == _keys_of(elsewhere.tree, "0.0")
        for key in bench.stored():
            bench.backend.delete(key)

    assert _stopped_at_each_call(bench, what, again, after=after) > 8


def test_other_content_never_gets_into_a_version_that_was_begun(bench: Bench, after: bool) -> None:
    what = bench.publication(FILES, "0.0")
    other = bench.publication(CHANGED, "0.0", "elsewhere")

    def again(calls: _Calls) -> None:
        before = {key: content(bench.backend, key) for key in bench.stored()}
        if not before:  # it died before its claim was there
            bench.run(other, journal=bench.journal("elsewhere"))
            _assert_published(bench, CHANGED, other)
        else:
            with pytest.raises(ConflictError):
                bench.run(other, journal=bench.journal("elsewhere"))
            assert {key: content(bench.backend, key) for key in bench.stored()} == before
            assert bench.journal("elsewhere").claims() == frozenset()
        for key in bench.stored():
            bench.backend.delete(key)

    assert _stopped_at_each_call(bench, what, again, after=after) > 8


@in_parts
def test_parts_that_were_sent_are_not_sent_again(bench: Bench) -> None:
    data = some_bytes(600_000)
    what = bench.publication(data, "0.0")
    # Claim, check, begin, four parts and no more.
    first = _Calls(8)
    with pytest.raises(_Died):
        bench.run(what, backend=first.of(bench.open()))
    assert first.names.count("begin_upload") == 1
    second = _Calls()
    sent: list[int] = []
    bench.run(what, backend=second.of(bench.open()), progress=sent.append)
    _assert_published(bench, data, what)
    assert second.names.count("begin_upload") == 0
    assert first.names[:7].count("upload_part") + second.names.count("upload_part") == 10
    assert sum(sent) == len(data)


@in_parts
def test_an_upload_that_the_store_has_forgotten_begins_anew(bench: Bench) -> None:
    data = some_bytes(300_000)
    what = bench.publication(data, "0.0")
    with pytest.raises(_Died):
        bench.run(what, backend=_Calls(6).of(bench.open()))
    assert isinstance(bench.backend, MemoryBackend)
    for upload_id in list(bench.backend._uploads):
        bench.backend.abort_upload("", upload_id)
    bench.run(what)
    _assert_published(bench, data, what)


# Many publishers


def _race(*runs: Callable[[], None]) -> list[StoreError | ConflictError | None]:
    """The errors of publishers that start together; None of those that succeed."""
    start = threading.Barrier(len(runs))

    def run(publisher: Callable[[], None]) -> StoreError | ConflictError | None:
        start.wait()
        try:
            publisher()
        except (StoreError, ConflictError) as error:
            return error
        return None

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(run, runs))


def test_publishers_of_the_same_content_help_each_other(bench: Bench) -> None:
    projects = [f"p{number}" for number in range(4)]
    all_ = [bench.publication(FILES, "0.0", project) for project in projects]
    errors = _race(
        *[
            lambda what=what, project=project: bench.run(what, journal=bench.journal(project))
            for what, project in zip(all_, projects, strict=True)
        ]
    )
    _assert_published(bench, FILES, all_[0])
    assert errors == [None] * 4
    assert set(bench.stored()) == _keys_of(all_[0].tree, "0.0")


def test_who_sees_one_claim_after_another_go_is_done_when_the_content_is_there(bench: Bench) -> None:
    """Of many publishers of the same content, each releases a claim that another one has just met."""
    bench.run(bench.publication(FILES, "0.0"))
    backend = bench.open()
    create = backend.create

    def come_and_go(key: str, data: bytes) -> None:
        if key == layout.claim_key(NAME, "0.0"):
            raise ExistsError(f"`{key}` is here, and gone in a moment")
        create(key, data)

    backend.create = come_and_go  # type: ignore[method-assign]
    other = bench.publication(FILES, "0.0", "elsewhere")
    bench.run(other, backend=backend, journal=bench.journal("elsewhere"))
    assert bench.journal("elsewhere").claims() == frozenset()
    changed = bench.publication(CHANGED, "0.0", "third")
    with pytest.raises(ConflictError, match="published by someone else"):
        bench.run(changed, backend=backend, journal=bench.journal("third"))
    _assert_published(bench, FILES, other)


def test_two_processes_of_one_project_share_an_upload_in_parts(bench: Bench) -> None:
    data = some_bytes(900_000)
    what = bench.publication(data, "0.0")
    errors = _race(*[lambda: bench.run(what)] * 2)
    assert all(error is None or isinstance(error, ConflictError) for error in errors)
    assert None in errors
    _assert_published(bench, data, what)


def test_of_publishers_of_different_content_one_wins_whole(bench: Bench) -> None:
    contents = [{**FILES, "config.json": b"%d" % number, f"only{number}": b"x"} for number in range(4)]
    projects = [f"p{number}" for number in range(4)]
    all_ = [bench.publication(files, "0.0", project) for files, project in zip(contents, projects, strict=True)]
    errors = _race(
        *[
            lambda what=what, project=project: bench.run(what, journal=bench.journal(project))
            for what, project in zip(all_, projects, strict=True)
        ]
    )
    winners = [number for number, error in enumerate(errors) if error is None]
    assert len(winners) == 1
    assert all(error is None or isinstance(error, ConflictError) for error in errors)
    _assert_published(bench, contents[winners[0]], all_[winners[0]])
    assert set(bench.stored()) == _keys_of(all_[winners[0]].tree, "0.0")


def test_versions_that_are_published_at_once_are_all_listed(bench: Bench) -> None:
    versions = [f"0.{number}" for number in range(8)]
    all_ = [bench.publication({"f": version.encode()}, version, version) for version in versions]
    errors = _race(*[lambda what=what: bench.run(what, journal=bench.journal(what.version)) for what in all_])
    assert errors == [None] * len(versions)
    index = _store(bench.backend).indexes.of(NAME)
    assert index
    assert index.listed == tuple(reversed(versions))


def _claim_by_another(bench: Bench, what: Publication) -> None:
    claim = Claim("0" * 32, "sha256:" + "1" * 64, True, "grace@elsewhere", "2026-01-31T09:00:00+00:00")
    bench.backend.create(layout.claim_key(NAME, what.version), documents.render_claim(claim))


def test_a_claim_of_someone_else_stops_before_anything_is_sent(bench: Bench) -> None:
    what = bench.publication(FILES, "0.0")
    _claim_by_another(bench, what)
    with pytest.raises(ConflictError, match="grace@elsewhere") as caught:
        bench.run(what)
    assert "dead" in (caught.value.hint or "")
    assert bench.stored() == [layout.claim_key(NAME, "0.0")]
    assert bench.journal().claims() == frozenset()


def test_an_old_claim_is_not_taken_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher that was only slow would go on beside us: the number is skipped instead."""
    what = bench.publication(FILES, "0.0")
    _claim_by_another(bench, what)
    monkeypatch.setattr("assetsync.transfer.publish.CLAIM_LIFETIME", -1.0)
    assert CLAIM_LIFETIME > 0
    with pytest.raises(ConflictError, match="occupied"):
        bench.run(what)
    assert bench.stored() == [layout.claim_key(NAME, "0.0")]


@pytest.mark.parametrize("taken", [False, True], ids=["cleared", "taken by another"])
def test_a_publish_that_lost_its_claim_is_not_committed(bench: Bench, taken: bool) -> None:
    """Whoever clears what looks dead may be wrong: its data is gone then, so nothing may point to it."""
    what = bench.publication(FILES, "0.0")

    def lose_claim(count: int) -> None:
        bench.backend.delete(layout.claim_key(NAME, "0.0"))
        if taken:
            _claim_by_another(bench, what)

    with pytest.raises(ConflictError, match="was cleared"):
        bench.run(what, progress=_once(lose_claim))
    assert layout.meta_key(NAME, "0.0") not in bench.stored()
    assert layout.versions_key(NAME) not in bench.stored()


def _once(call: Callable[[int], None]) -> Callable[[int], None]:
    """A progress that calls `call` the first time."""
    first = threading.Lock()
    return lambda count: call(count) if first.acquire(blocking=False) else None


# What is there already


def test_objects_that_are_right_count_as_done(bench: Bench) -> None:
    what = bench.publication(FILES, "0.0")
    for path, data in FILES.items():
        bench.backend.create(layout.data_key(NAME, "0.0", path), data)
    sent: list[int] = []
    bench.run(what, progress=sent.append)
    _assert_published(bench, FILES, what)


@pytest.mark.parametrize("path", ["config.json", "weights.bin"])
@pytest.mark.parametrize("wrong", [b"", b"??", some_bytes(200_000, 7)], ids=["empty", "short", "long"])
@pytest.mark.parametrize("claimed", [False, True])
def test_objects_that_are_wrong_stop_the_publish(bench: Bench, path: str, wrong: bytes, claimed: bool) -> None:
    what = bench.publication(FILES, "0.0")
    if claimed:
        with pytest.raises(_Died):
            bench.run(what, backend=_Calls(1, after=True).of(bench.open()))
    bench.backend.create(layout.data_key(NAME, "0.0", path), wrong)
    with pytest.raises(ConflictError, match="other content"):
        bench.run(what)
    assert content(bench.backend, layout.data_key(NAME, "0.0", path)) == wrong
    assert layout.meta_key(NAME, "0.0") not in bench.stored()
    assert _store(bench.backend).indexes.of(NAME) is None


def test_a_committed_version_of_other_content_is_taken(bench: Bench) -> None:
    first = bench.publication(FILES, "0.0")
    bench.run(first)
    other = bench.publication(CHANGED, "0.0", "elsewhere")
    with pytest.raises(ConflictError, match="published by someone else"):
        bench.run(other, journal=bench.journal("elsewhere"))
    _assert_published(bench, FILES, first)
    assert bench.journal("elsewhere").claims() == frozenset()


def test_a_version_that_modelkit_made_is_taken(bench: Bench) -> None:
    meta = b'{"push_date": "2024-01-31T09:00:00", "is_directory": true, "contents": ["config.json"]}'
    bench.backend.create(layout.meta_key(NAME, "0.0"), meta)
    with pytest.raises(ConflictError):
        bench.run(bench.publication(FILES, "0.0"))
    assert bench.stored() == [layout.meta_key(NAME, "0.0")]


@pytest.mark.parametrize("error", [DeniedError("no"), UnsupportedError("no"), StoreError("object lock")])
def test_a_store_that_refuses_to_delete_is_fine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    def refuse(key: str) -> None:
        raise error

    backend = bench.open()
    monkeypatch.setattr(backend, "delete", refuse)
    what = bench.publication(FILES, "0.0")
    bench.run(what, backend=backend)
    assert set(bench.stored()) == _keys_of(what.tree, "0.0") | {layout.claim_key(NAME, "0.0")}
    assert not bench.journal().claims()


# Files that change


@pytest.mark.parametrize("path", ["config.json", "weights.bin"])
@pytest.mark.parametrize("when", ["before", "during"])
@pytest.mark.parametrize("change", ["other bytes", "grown", "cut off", "removed"])
def test_a_file_that_changes_is_never_published(bench: Bench, path: str, when: str, change: str) -> None:
    what = bench.publication(FILES, "0.0")
    file = Path(what.path, path)
    changes = iter([change])
    lock = threading.Lock()

    def spoil(_: int = 0) -> None:
        with lock:  # nobody goes on before it has happened
            match next(changes, None):
                case "other bytes":
                    file.write_bytes(b"?" * len(FILES[path]))
                case "grown":
                    file.write_bytes(FILES[path] + b"?")
                case "cut off":
                    file.write_bytes(FILES[path][:-1])
                case "removed":
                    file.unlink()
                case _:
                    pass

    if when == "before":
        spoil()
    with pytest.raises(ContentError) as caught:
        bench.run(what, progress=spoil)
    assert path in caught.value.message
    assert layout.meta_key(NAME, "0.0") not in bench.stored()
    assert _store(bench.backend).indexes.of(NAME) is None


@pytest.mark.parametrize("path", ["config.json", "weights.bin"])
def test_bytes_that_change_behind_our_back_are_found_by_their_checksum(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    what = bench.publication(FILES, "0.0")
    file = Path(what.path, path)
    file.write_bytes(b"?" * len(FILES[path]))
    monkeypatch.setattr("assetsync.transfer.sending.stamp_changed", lambda path, stamp: False)
    with pytest.raises(ChecksumError):
        bench.run(what)
    assert layout.meta_key(NAME, "0.0") not in bench.stored()
    file.write_bytes(FILES[path])
    bench.run(what)
    _assert_published(bench, FILES, what)


# Stores of which it is unsure


class _Probed(MemoryBackend):
    conditional_writes = True
    needs_probe = True
    probes = 0
    expected = ""

    def probe(self) -> None:
        self.probes += 1

    def expect_writes(self, folder: str) -> None:
        self.expected = folder


def test_a_store_is_probed_once_and_that_is_remembered() -> None:
    backend = _Probed("memory://probed")
    store = _store(backend)
    probe(store)
    probe(store)
    assert backend.probes == 1


def test_a_store_that_failed_its_probe_is_probed_again() -> None:
    class Failing(_Probed):
        def probe(self) -> None:
            super().probe()
            raise UnsupportedError("it overwrites")

    backend = Failing("memory://probed")
    store = _store(backend)
    for _ in range(2):
        with pytest.raises(UnsupportedError):
            probe(store)
    assert backend.probes == 2


def test_a_store_is_told_of_the_objects_that_a_directory_will_have(bench: Bench) -> None:
    backend = _Probed("memory://probed")
    bench.run(bench.publication(FILES, "0.0"), backend=backend)
    assert backend.expected == f"{NAME}/0.0/"


class _Ignorant(_Probed):
    """Ignores conditions: another publisher, who found no claim either, writes his over each."""

    conditional_writes = False
    their_digest = "sha256:" + "1" * 64

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        if key == layout.claim_key(NAME, "0.0"):
            self.delete(key)
            super().create(key, documents.render_claim(Claim("theirs", self.their_digest, True, "bob@host", "now")))


def test_whose_claim_was_written_over_sends_nothing(bench: Bench) -> None:
    backend = _Ignorant("memory://ignorant")
    with pytest.raises(ConflictError, match="by someone else"):
        bench.run(bench.publication(FILES, "0.0"), backend=backend)
    assert [entry.key for entry in backend.list().objects] == [layout.claim_key(NAME, "0.0")]


def test_a_claim_on_the_same_content_may_be_written_over(bench: Bench) -> None:
    backend = _Ignorant("memory://ignorant")
    what = bench.publication(FILES, "0.0")
    backend.their_digest = what.tree.digest
    bench.run(what, backend=backend)
    assert layout.meta_key(NAME, "0.0") in {entry.key for entry in backend.list().objects}


# -- modelkit, which looks whether a version exists and then writes without a condition


@pytest.mark.parametrize("theirs", [b'{"push_date": "now", "is_directory": true, "contents": ["theirs.txt"]}', None])
def test_a_meta_that_is_overwritten_or_removed_at_once_is_not_taken_for_published(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, theirs: bytes | None
) -> None:
    store = Store(bench.open(), MajorMinor(), Cache(None))
    key = layout.meta_key(NAME, "0.0")
    create = type(store.backend).create

    def create_and_lose(self: Backend, created: str, data: bytes) -> None:
        create(self, created, data)
        if created == key:
            self.delete(key)
            if theirs is not None:
                create(self, key, theirs)

    monkeypatch.setattr(type(store.backend), "create", create_and_lose)
    what = bench.publication(FILES, "0.0")
    with Transfers() as transfers, pytest.raises(ConflictError, match=NAME):
        publish(store, what, transfers=transfers, journal=Journal(None), who="me", progress=no_progress)
    assert store.indexes.of(NAME) is None
