"""The memory between runs, of facts that can be learnt again: hashes of local files, and facts about stores.

One SQLite file under `.assetsync`, made when there is first something to keep. It may be deleted, damaged, read-only,
shared by several processes, or on a full disk: then less is remembered, and nothing fails. It may also have been
written by a stranger: a file that is a link is refused, one whose tables are not exactly ours is made anew, and each
value that is read is checked for its type and its form.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode

from assetsync.model.tree import Content
from assetsync.state.folder import Folder

if TYPE_CHECKING:
    import sqlite3  # imported where it is used: 5 ms that most commands need not spend

# Raised whenever the tables, what is in them, or the rules for paths change; a file of another format is thrown away.
FORMAT = 2
# Seconds to wait for another process that writes. It takes milliseconds; on some network file systems, forever.
BUSY_TIMEOUT = 2.0
# Steps of SQLite's machine. A query of ours takes a few hundred; that of a damaged file may go in circles.
STEPS = 10_000_000
_STEPS_AT_ONCE = 100_000
# Bytes of a value. Those of 1,000,000 files have about 100 MB.
LARGEST = 512 * 1024 * 1024

_MAX_COUNT = 2**63 - 1  # of bytes, and of files

_TABLES = {
    "facts": "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "hashes": "CREATE TABLE hashes (root BLOB PRIMARY KEY, paths BLOB NOT NULL, stamps BLOB NOT NULL,"
    " sha256 BLOB NOT NULL, digest BLOB NOT NULL, checksum BLOB NOT NULL)",
}
_WIDTH = 32  # bytes of a sha256
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(f"sha256:{_SHA256.pattern}")

T = TypeVar("T")


class _OtherFormatError(Exception):
    """The file is no cache of this format."""


class Hashes(Struct, frozen=True):
    """The files under one root that are remembered, packed, in the order in which they were found.

    `paths` are relative to the root, with a zero byte between them. `stamps`, all of the same length, are those that
    the files had, and `sha256` those of the bytes that they held then. `digest` is that of the directory that they
    make, where it is known.
    """

    paths: str = ""
    stamps: bytes = b""
    sha256: bytes = b""
    digest: str = ""

    @classmethod
    def of(cls, paths: Iterable[str], stamps: Iterable[bytes], sha256: Iterable[str], digest: str = "") -> Hashes:
        """Pack what is known of some files, in parallel."""
        return cls("\0".join(paths), b"".join(stamps), bytes.fromhex("".join(sha256)), digest)

    @property
    def count(self) -> int:
        """How many files these are."""
        return len(self.sha256) // _WIDTH

    def files(self) -> Iterator[tuple[str, bytes, str]]:
        """Path, stamp and sha256 (hex) of each."""
        digits, width = self.sha256.hex(), len(self.stamps) // max(self.count, 1)
        for number, path in enumerate(self.paths.split("\0") if self.count else ()):
            stamp = self.stamps[width * number : width * (number + 1)]
            yield path, stamp, digits[2 * _WIDTH * number : 2 * _WIDTH * (number + 1)]


class Cache:
    """The cache in the file at `path`; in memory when that is None or can't be used. For many threads at once.

    Close it, or use it as a context manager.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._writable = path is not None
        self._lock = threading.Lock()
        self._changing = threading.Lock()  # held for moments, and never while the file is waited for
        self._connection: sqlite3.Connection | None = None
        # The facts that this process learnt and has not written, or could not; and how many blocks write them later.
        self._waiting = 0
        self._facts: dict[str, str] = {}
        self._hashes: dict[str, Hashes] = {}

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. A closed cache opens it again when used."""
        with self._lock:
            self._disconnect()

    def fact(self, key: str) -> str | None:
        """The value that was remembered under `key`, or None."""
        found = self._facts.get(key)
        if found is not None:
            return found
        row = self._read("SELECT value FROM facts WHERE key = ?", key)
        return row[0] if row and isinstance(row[0], str) else None

    def remember(self, key: str, value: str) -> None:
        """Remember `value` under `key`. Writes at once, or at the end of `at_once`, and only what is new."""
        if self.fact(key) == value:
            return
        with self._changing:
            self._facts[key] = value
        if not self._waiting:
            self._write_facts()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Facts that are remembered in the block, by any thread, are written at its end, in one transaction."""
        with self._changing:
            self._waiting += 1
        try:
            yield
        finally:
            with self._changing:
                self._waiting -= 1
            self._write_facts()

    def _write_facts(self) -> None:
        """Write those that were not, and forget them here; what can't be written stays."""
        if not self._writable:
            return
        with self._changing:
            facts = dict(self._facts)

        def put(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

        if facts and self._write(put):
            with self._changing:
                self._facts = {key: value for key, value in self._facts.items() if facts.get(key) != value}

    def content(self, key: str) -> tuple[Content, str] | None:
        """The content that was remembered under `key`, and the word that came with it; or None."""
        match self._json(key):
            case [str() as digest, bool() as is_directory, int() as size, int() as files, str() as word]:
                if _DIGEST.fullmatch(digest) and min(size, files) >= 0 and max(size, files) <= _MAX_COUNT:
                    return Content(digest, is_directory, size, files), word
            case _:
                pass
        return None

    def remember_content(self, key: str, content: Content, word: str) -> None:
        """Remember a content under `key`, and with it the version or tag that it is of."""
        fact = [content.digest, content.is_directory, content.size, content.files, word]
        self.remember(key, encode(fact).decode())

    def learnt(self, key: str) -> tuple[str, Mapping[str, str]]:
        """The sha256 (hex) of files by path that were remembered under `key`, and the tag of what they are of."""
        match self._json(key):
            case [str() as tag, dict() as hashes]:
                if all(isinstance(sha256, str) and _SHA256.fullmatch(sha256) for sha256 in hashes.values()):
                    return tag, hashes
            case _:
                pass
        return "", {}

    def remember_learnt(self, key: str, tag: str, hashes: Mapping[str, str]) -> None:
        """Remember the sha256 of files by path under `key`, and the tag of what they are of."""
        self.remember(key, encode([tag, hashes], order="sorted").decode())

    def versions(self, key: str, tag: str) -> tuple[str, ...] | None:
        """The versions that were remembered under `key`; None when they had another tag."""
        match self._json(key):
            case [str() as found, [*versions]] if found == tag and all(isinstance(one, str) for one in versions):
                return tuple(cast("list[str]", versions))
            case _:
                return None

    def remember_versions(self, key: str, versions: Sequence[str], tag: str) -> None:
        """Remember versions under `key`, and the tag of what names them."""
        self.remember(key, encode([tag, versions]).decode())

    def _json(self, key: str) -> object:
        """The JSON that was remembered under `key`; None for all that is none."""
        try:
            return cast("object", decode(self.fact(key) or "null"))
        except (MsgspecError, ValueError, RecursionError):
            return None  # not what we wrote

    def hashes(self, root: str) -> Hashes:
        """The files that were remembered under `root`, an absolute path; empty when there are none."""
        if root in self._hashes:
            return self._hashes[root]
        row = self._read("SELECT paths, stamps, sha256, digest, checksum FROM hashes WHERE root = ?", os.fsencode(root))
        return (_unpack(*row) if row else None) or Hashes()

    def remember_hashes(self, by_root: Mapping[str, Hashes]) -> None:
        """Remember the files under some roots, in place of what was known of them, in one transaction.

        Roots that are no more are forgotten.
        """
        rows = [(os.fsencode(root), *_pack(hashes)) for root, hashes in by_root.items() if hashes.count]
        if not rows:
            return

        def put(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?, ?)", rows)
            _forget_the_gone(connection)

        if not self._write(put):
            self._hashes.update(by_root)

    def _read(self, query: str, key: str | bytes) -> tuple[Any, ...] | None:
        """The first row of a query. None too when there is no file, or none that can be read."""
        if self._path is None or not (self._connection or os.path.lexists(self._path)):
            return None
        row: tuple[Any, ...] | None = self._run(self._path, lambda db: db.execute(query, (key,)).fetchone())
        return row

    def _write(self, put: Callable[[sqlite3.Connection], None]) -> bool:
        """Run `put` in a transaction. False when that fails, and then nothing is written any more."""

        def transaction(connection: sqlite3.Connection) -> bool:
            with connection:  # commits, or rolls back
                connection.execute("BEGIN IMMEDIATE")
                put(connection)
            return True

        if self._writable and self._path is not None:
            self._writable = self._run(self._path, transaction) or False
        return self._writable

    def _run(self, path: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Return what `work` makes of the connection; None when it fails. A damaged file is removed and made anew.

        InvalidError when the file, or its folder, is a link or somebody else's.
        """
        try:
            import sqlite3
        except ImportError:  # a Python that was built without it
            return None
        with self._lock:
            for _ in range(2):
                try:
                    if self._connection is None:
                        self._connection = _connect(path)
                    _limit(self._connection)
                    return work(self._connection)
                except (sqlite3.Error, _OtherFormatError, OSError, UnicodeError, OverflowError) as error:
                    if not _is_damaged(error):
                        return None
                    self._disconnect()
                    _remove(path)
        return None

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connect(path: str) -> sqlite3.Connection:
    import sqlite3

    # SQLite opens by path and follows links, so what lies there is looked at first, by descriptors. Its journals it
    # opens without following any.
    folder = Folder.at(os.path.dirname(os.path.abspath(path)))
    folder.check_file(os.path.basename(path), create=not os.path.lexists(path))
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _limit(connection)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
        # No fsync: a power failure may damage the file, which shows, and then it starts anew.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA trusted_schema = OFF")
        if _format(connection) == 0:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                if _format(connection) == 0:  # no other process was faster
                    for statement in (*_TABLES.values(), f"PRAGMA user_version = {FORMAT}"):
                        connection.execute(statement)
        _check_format(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_format(connection: sqlite3.Connection) -> None:
    """Refuse a file that has more than our tables: a view, a trigger or an expression may do anything."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 9").fetchall()
    if _format(connection) != FORMAT or sorted(found) != sorted(_TABLES.items()):
        raise _OtherFormatError


def _limit(connection: sqlite3.Connection) -> None:
    """Let what is run next take no more than STEPS."""
    rounds = iter(range(STEPS // _STEPS_AT_ONCE))
    connection.set_progress_handler(lambda: int(next(rounds, None) is None), _STEPS_AT_ONCE)


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_damaged(error: Exception) -> bool:
    import sqlite3

    # The low byte is the primary code; a missing table or column is an SQLITE_ERROR, an endless query is interrupted.
    damaged = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_INTERRUPT)
    return isinstance(error, _OtherFormatError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in damaged


def _remove(path: str) -> None:
    try:
        os.remove(path)  # a journal that stays behind is removed by SQLite
    except OSError:
        pass  # not ours to remove: then it stays unused


def _forget_the_gone(connection: sqlite3.Connection) -> None:
    roots = connection.execute("SELECT root FROM hashes").fetchall()
    gone = [row for row in roots if not _is_there(row[0])]
    connection.executemany("DELETE FROM hashes WHERE root IS ?", gone)


def _is_there(root: object) -> bool:
    try:
        return isinstance(root, bytes) and os.path.lexists(root)
    except ValueError:  # a zero byte
        return False


def _pack(hashes: Hashes) -> tuple[bytes, ...]:
    """One row instead of one for each file: 50,000 files are read in a tenth of the time."""
    blobs = hashes.paths.encode(), hashes.stamps, hashes.sha256, hashes.digest.encode()
    return *blobs, _checksum(*blobs)


def _unpack(*row: object) -> Hashes | None:
    """The value that `_pack` has packed; None for a row that it did not make."""
    *blobs, checksum = (value if isinstance(value, bytes) else b"" for value in row)
    if checksum != _checksum(*blobs):
        return None
    paths, stamps, sha256, digest = blobs
    try:
        found = Hashes(paths.decode(), stamps, sha256, digest.decode())
    except UnicodeDecodeError:
        return None
    count = paths.count(0) + 1
    if not stamps or len(stamps) % count or len(sha256) != _WIDTH * count:
        return None
    return found if not digest or _DIGEST.fullmatch(found.digest) else None


def _checksum(*blobs: bytes) -> bytes:
    digest = hashlib.sha256()
    for blob in blobs:
        digest.update(blob)
    return digest.digest()
