"""The state in `.assetsync`, which a branch may bring: pull markers, journals, the cache with its facts and rows."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from assetsync.escape import printable
from assetsync.model.tree import Content, FileEntry
from assetsync.model.versioning import MajorMinor
from assetsync.remote.documents import MAX_SIZE
from assetsync.remote.store import Store
from assetsync.state.cache import Cache, Hashes
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.state.pull_markers import LONGEST, Marker, Markers
from tests.fuzz.register import target
from tests.unit.publishing import WatchedBackend

NAME = "nlp/tok"
CONTENT = Content("sha256:" + "0" * 64, True, 3, 2)
SHA256 = re.compile(r"[0-9a-f]{64}")


@cache
def _folder() -> Path:
    """One for each process, removed with it."""
    holder = tempfile.TemporaryDirectory()
    _holders.append(holder)
    return Path(holder.name)


_holders: list[tempfile.TemporaryDirectory[str]] = []


def _markers() -> tuple[Markers, Path]:
    folder = State(str(_folder() / "markers")).pulls
    markers = Markers(folder)
    markers.write(Marker(NAME, "1.0", "models/tok"))
    (path,) = Path(folder.path).iterdir()
    return markers, path


@target(
    json.dumps({"format": 2, "name": NAME, "version": "1.0", "path": "models/tok"}).encode(),
    json.dumps({"format": 2, "name": "other", "version": "1.0", "path": "x"}).encode(),
    b"",
)
def marker(data: bytes) -> None:
    """A marker that is there is one, whatever it holds."""
    markers, path = _markers()
    path.write_bytes(data)
    found = markers.get(NAME)
    assert found is not None
    assert found.name == NAME
    assert printable(found.version) == found.version
    assert len(found.version) <= LONGEST


@target(b"memory://x\nnlp/tok:1.0", b"https://storage.googleapis.com/upload/x?upload_id=y", b"0123456789")
def journal(data: bytes) -> None:
    """An entry of any bytes, for a claim and for an upload."""
    folder = State(str(_folder() / "journal")).journal
    before = Journal(folder)
    entry = FileEntry("a", 1, "0" * 64)
    before.add_claim("id", "memory://x", "nlp/tok:1.0")
    before.begin_upload("memory://x", "key", entry, "upload")
    for path in Path(folder.path).iterdir():
        path.write_bytes(data)
    kept = Journal(folder)
    claimed = kept.has_claim("memory://x", "nlp/tok:1.0")
    assert claimed == (data == b"memory://x\nnlp/tok:1.0")
    upload = kept.upload("memory://x", "key", entry)
    assert upload is None or upload.encode() == data
    kept.drop_claims("memory://x", "nlp/tok:1.0")
    kept.drop_claim("id")
    kept.end_upload("memory://x", "key", entry)
    assert not list(Path(folder.path).iterdir())


@target(b"claim-0123", b"upload-" + b"0" * 64, b"claim-a b", b"claim-" + b"a" * 65)
def journal_names(data: bytes) -> None:
    """An entry of any name."""
    folder = State(str(_folder() / "names")).journal
    Path(folder.path).mkdir(parents=True, exist_ok=True)
    path = os.path.join(os.fsencode(folder.path), data[:200].translate(None, b"/\0"))
    if os.path.isdir(path):
        return
    Path(os.fsdecode(path)).write_bytes(b"memory://x\nnlp/tok:1.0")
    kept = Journal(folder)
    for claim_id in kept.claims():
        assert re.fullmatch("[0-9A-Za-z-]{1,64}", claim_id)
    kept.has_claim("memory://x", "nlp/tok:1.0")
    kept.drop_claims("memory://x", "nlp/tok:1.0")
    if os.path.lexists(path):
        os.unlink(path)


def _fresh(name: str) -> Path:
    """Where a cache goes that is not there yet."""
    path = _folder() / name / "cache.db"
    for found in path.parent.glob("cache.db*"):
        found.unlink()
    return path


def _made(name: str) -> Path:
    path = _fresh(name)
    with Cache(str(path)) as made:
        made.remember("key", "value")
        made.remember_content("content", CONTENT, "1.0")
        made.remember_hashes({str(_folder()): Hashes.of(["a"], [b"s" * 32], ["0" * 64], f"sha256:{'0' * 64}")})
    return path


def _look(path: Path) -> None:
    """All that is asked of a cache; what it answers has the form that its callers rely on."""
    with Cache(str(path)) as kept:
        fact = kept.fact("key")
        assert fact is None or isinstance(fact, str)
        for key in ("key", "content"):
            found = kept.content(key)
            if found is not None:
                assert SHA256.fullmatch(found[0].digest.removeprefix("sha256:"))
                assert 0 <= found[0].size <= MAX_SIZE
                assert 0 <= found[0].files <= MAX_SIZE
                assert isinstance(found[0].is_directory, bool)
        _tag, learnt = kept.learnt("key")
        assert all(map(SHA256.fullmatch, learnt.values()))
        hashes = kept.hashes(str(_folder()))
        files = list(hashes.files())
        assert len(files) == hashes.count
        assert len({len(stamp) for _, stamp, _ in files}) <= 1
        assert all(SHA256.fullmatch(sha256) for _, _, sha256 in files)
        assert not hashes.digest or SHA256.fullmatch(hashes.digest.removeprefix("sha256:"))
        kept.remember("new", "value")
        assert kept.fact("new") == "value"


@target(
    json.dumps(["sha256:" + "0" * 64, True, 3, 2, "1.0"]).encode(),
    json.dumps(["tag", {"a": "0" * 64}]).encode(),
    b"null",
)
def cache_fact(data: bytes) -> None:
    """A value of a fact, as text where it is some, as bytes otherwise."""
    path = _folder() / "fact" / "cache.db"
    if not path.exists():
        path = _made("fact")
    connection = sqlite3.connect(path)
    with connection:
        value = data.decode("utf-8", "ignore") if data[:1] != b"\xff" else data
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('key', ?)", (value,))
    connection.close()
    _look(path)
    with Cache(str(path)) as kept:
        store = Store(WatchedBackend(), MajorMinor(), kept)
        kept.remember("version memory://watched nlp/tok:1.0", data.decode("utf-8", "ignore"))
        store.confirm(NAME, "1.0")


@target(b"a\0b" + b"s" * 64 + b"\0" * 64, b"", b"\0" * 200)
def cache_row(data: bytes) -> None:
    """A row of hashes, cut out of the input."""
    path = _folder() / "row" / "cache.db"
    if not path.exists():
        path = _made("row")
    fifth = len(data) // 5
    connection = sqlite3.connect(path)
    with connection:
        columns = [data[at * fifth : (at + 1) * fifth] for at in range(5)]
        connection.execute(
            "INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", (os.fsencode(str(_folder())), *columns)
        )
    connection.close()
    _look(path)


@target(b"CREATE VIEW v AS SELECT 1", b"DROP TABLE facts", b"PRAGMA user_version = 7", b"DELETE FROM hashes")
def cache_schema(data: bytes) -> None:
    """A file that other statements have changed."""
    path = _made("schema")
    connection = sqlite3.connect(path)
    connection.set_authorizer(_no_files)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10**6)
    rounds = iter(range(20))
    connection.set_progress_handler(lambda: int(next(rounds, None) is None), 1000)
    try:
        with connection:
            connection.executescript(data.decode("utf-8", "ignore").replace("\0", ""))
    except (sqlite3.Error, sqlite3.Warning):
        pass
    connection.close()
    _look(path)


def _no_files(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


@target(_made("seed").read_bytes())
def cache_file(data: bytes) -> None:
    """A file of any bytes."""
    path = _fresh("file")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    _look(path)
