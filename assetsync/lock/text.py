"""assets.lock: text <-> Lock. A strict subset of YAML, written in one way only and read line by line.

::

    # Written by assetsync. Commit this file; do not edit it.
    lock_version: 1
    store: "s3://bucket/prefix"
    versioning: "major_minor"
    assets:
      "nlp/sentiment":
        version: "1.10"
        digest: "sha256:…"
        size: 48213
        files: 1
        is_directory: false
        path: "models/sentiment.bin"
        seal: "49a080c20df4a441"
        # end

Every block ends with the same line, because git merges two changes without a conflict where an unchanged line lies
between them: so it does for any change of two neighbours, and for a new block behind a changed one. `seal` stands
above it, because it is the line in which two blocks always differ: where git has to show a conflict, blocks stay whole.
`assetsync.lock.merge` settles what git leaves.

The seal shows an edit by hand without asking the store. It covers its own block alone, so that a merge of whole blocks
keeps every seal right, and a merge of lines within a block does not. The first release wrote no seals: a block without
one is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from msgspec import Struct

from assetsync.errors import InvalidError, LockError
from assetsync.escape import printable
from assetsync.model.files import LOCK
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.names import name_problem, version_problem
from assetsync.model.paths import part_problem
from assetsync.model.tree import DIGEST_PREFIX, Content
from assetsync.model.versioning import BUILT_IN

LOCK_VERSION = 1
SEAL_LENGTH = 16
# In the largest manifest, about 100,000 entries find room. Their blocks are under 32 MiB, and twice that in a conflict.
MAX_BYTES = 64 * 1024 * 1024

_FIRST_LINE = "# Written by assetsync. Commit this file; do not edit it."
_LAST_LINE = "    # end"
_VERSION_LINE = re.compile(r"^lock_version: ([0-9]{1,9})\s*$", re.MULTILINE)
_TOP = re.compile(r"([a-z_]+):(?: (.*))?")
_NAME = re.compile(r'  ("(?:[^"\\]|\\.)*"):')
_FIELD = re.compile(r"    ([a-z_]+): (.*)")
_PLAIN_STRING = re.compile(r'"([ !#-\[\]-~]*)"')  # which JSON writes as it is
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_COUNT = re.compile(r"0|[1-9][0-9]{0,17}")
_DIGEST = re.compile(DIGEST_PREFIX + r"[0-9a-f]{64}")
_SEAL = re.compile(rf"[0-9a-f]{{{SEAL_LENGTH}}}")
_RESTORE = "restore it from git, such as with `git checkout -- assets.lock`"


class LockText(Struct, frozen=True):
    """A lock as its text has it, and how far the text can be trusted.

    `sealed`: a block has a seal, so all should. `edited`: the assets with another seal than their lines make, and the
    number of the line in which each begins.
    """

    lock: Lock
    sealed: bool
    edited: Mapping[str, int]


def render_lock(lock: Lock, *, sealed: bool = True) -> str:
    """The one text of a lock, with a final newline. Not `sealed`: as the first release wrote it."""
    lines = [
        _FIRST_LINE,
        f"lock_version: {LOCK_VERSION}",
        f"store: {_quoted(lock.store)}",
        f"versioning: {_quoted(lock.versioning)}",
        "assets:" if lock.assets else "assets: {}",
    ]
    lines += (_text_of(name, lock.assets[name], sealed=sealed) for name in sorted(lock.assets))
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=100_000)  # a lock is saved again and again while its assets resolve
def _text_of(name: str, entry: LockEntry, *, sealed: bool) -> str:
    """The lines of an asset."""
    block = _block(name, entry)
    if sealed:
        block.insert(-1, f"    seal: {_quoted(_seal_of(block))}")
    return "\n".join(block)


def _block(name: str, entry: LockEntry) -> list[str]:
    """The lines of an asset, without the seal."""
    return [
        f"  {_quoted(name)}:",
        f"    version: {_quoted(entry.version)}",
        f"    digest: {_quoted(entry.content.digest)}",
        f"    size: {entry.content.size}",
        f"    files: {entry.content.files}",
        f"    is_directory: {'true' if entry.content.is_directory else 'false'}",
        f"    path: {_quoted(entry.path)}",
        _LAST_LINE,
    ]


def _seal_of(block: list[str]) -> str:
    text = "".join(f"{line}\n" for line in block)
    return hashlib.sha256(text.encode()).hexdigest()[:SEAL_LENGTH]


def parse_lock(text: str | bytes, *, filename: str = LOCK) -> Lock:
    """Parse assets.lock; bytes are UTF-8. Blocks and lines may be in any order, and line ends may be CRLF.

    LockError, with the line, when it was not written by assetsync, by a newer one, or edited since.
    """
    found = read_lock_text(text, filename=filename)
    for name, line in found.edited.items():
        raise LockError(f"{filename}:{line}: `{name}`: {EDITED}", hint=edited_hint(name), line=line)
    return found.lock


EDITED = "these lines do not match their seal: they were edited by hand, or merged line by line"


def edited_hint(name: str) -> str:
    """The two ways out for an asset with a wrong seal."""
    return (
        f"restore them with `git checkout HEAD -- {LOCK}`, or delete the lines of `{name}` there and run "
        f"`assetsync sync {name}`"
    )


def read_lock_text(text: str | bytes, *, filename: str = LOCK) -> LockText:
    """Read `text`, edited assets included, and name these. LockError when it is no lock that can be read."""
    if len(text) > MAX_BYTES:
        raise LockError(f"`{filename}` is larger than {MAX_BYTES >> 20} MiB, and is not read", hint=_RESTORE)
    if isinstance(text, bytes):
        text = _decoded(text, filename)
    newer = next((v for v in map(int, _VERSION_LINE.findall(text)) if v > LOCK_VERSION), None)
    if newer is not None:
        raise LockError(
            f"`{filename}` was written by a newer assetsync: its lock_version is {newer}, and this one knows "
            f"{LOCK_VERSION}",
            hint="upgrade assetsync, such as with `pip install --upgrade assetsync`",
        )
    return _Reader(text.removeprefix("\ufeff"), filename).read()


def block_lines(data: bytes) -> dict[str, int]:
    """The number of the line in which each asset of a lock begins, as far as they can be told."""
    found = {}
    for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), start=1):
        match = _NAME.fullmatch(line.rstrip())
        name = _string(match[1]) if match else None
        if name is not None:
            found[name] = number
    return found


def _quoted(text: str) -> str:
    quoted = f'"{text}"'
    if _PLAIN_STRING.fullmatch(quoted):
        return quoted
    import json  # 1 ms, which most locks need not

    return json.dumps(text, ensure_ascii=False)


def _decoded(data: bytes, filename: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LockError(f"{filename}:{line}: this is not UTF-8", hint=_RESTORE, line=line) from None


class _Reader:
    """One pass over the lines. `_at` is the number of the line that is being read."""

    def __init__(self, text: str, filename: str) -> None:
        self._text = text
        self._filename = filename
        self._at = 0

    def read(self) -> LockText:
        top: dict[str, Any] = {}
        blocks: dict[str, dict[str, Any]] = {}
        begins: dict[str, int] = {}
        block: dict[str, Any] | None = None
        for line in self._lines():
            if match := _FIELD.fullmatch(line):
                if block is None:
                    self._fail("this line belongs to no asset")
                self._take(block, match[1], match[2], _FIELDS)
            elif match := _NAME.fullmatch(line):
                name = self._name(match[1])
                if "assets" not in top:
                    self._fail("an asset stands before the line `assets:`")
                if name in blocks:
                    self._fail(f"`{name}` is here a second time; the first is in line {begins[name]}")
                block = blocks[name] = {}
                begins[name] = self._at
            elif match := _TOP.fullmatch(line):
                block = None
                self._take(top, match[1], match[2] or "", _TOP_FIELDS)
            else:
                self._fail("this is no line that assetsync writes")
        self._at = 1
        self._check_complete(top, _TOP_FIELDS, "the lock")
        assets, edited = {}, {}
        for name, fields in blocks.items():
            self._at = begins[name]
            self._check_complete(fields, _FIELDS, f"`{name}`")
            entry = assets[name] = self._entry(name, fields, top["versioning"])
            if "seal" in fields and fields["seal"] != _seal_of(_block(name, entry)):
                edited[name] = begins[name]
        sealed = any("seal" in fields for fields in blocks.values())
        return LockText(Lock(top["store"], top["versioning"], assets), sealed, edited)

    def _lines(self) -> Iterator[str]:
        """The lines that say something."""
        for number, line in enumerate(self._text.split("\n"), start=1):
            line = line.rstrip()
            if not line or line.lstrip().startswith("#"):
                continue
            self._at = number
            if line.startswith("<<<<<<<"):
                raise LockError(
                    f"{self._filename}:{self._at}: a merge conflict begins here",
                    hint="settle it with `assetsync lock --resolve`",
                    line=self._at,
                )
            yield line

    def _fail(self, message: str) -> NoReturn:
        raise LockError(f"{self._filename}:{self._at}: {message}", hint=_RESTORE, line=self._at)

    def _name(self, quoted: str) -> str:
        name = _string(quoted)
        problem = "a name must be a quoted string" if name is None else name_problem(name)
        if name is None or problem is not None:
            self._fail(str(problem))
        return name

    def _take(
        self, into: dict[str, Any], key: str, text: str, fields: dict[str, tuple[Callable[[str], Any], str]]
    ) -> None:
        if key not in fields:
            self._fail(f"unknown key `{key}`")
        if key in into:
            self._fail(f"`{key}` is here a second time")
        read, what = fields[key]
        value = read(text)
        if value is None:
            self._fail(f"`{key}` must be {what}")
        into[key] = value

    def _check_complete(self, found: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
        missing = [key for key in wanted if key not in found and key != "seal"]
        if missing:
            self._fail(f"{what} has no `{missing[0]}`")

    def _entry(self, name: str, fields: dict[str, Any], versioning: str) -> LockEntry:
        version, path, files = fields["version"], fields["path"], fields["files"]
        problem = version_problem(version) or part_problem(path)
        if problem is None and versioning in BUILT_IN:
            try:
                BUILT_IN[versioning]().check(version)
            except InvalidError as error:
                problem = error.message
        if problem is None and (files == 0 or (files > 1 and not fields["is_directory"])):
            problem = f"a {'directory' if fields['is_directory'] else 'file'} can't be {files} files"
        if problem is not None:
            self._fail(f"`{name}`: {problem}")
        content = Content(fields["digest"], fields["is_directory"], fields["size"], files)
        return LockEntry(version, content, path)


def _string(text: str) -> str | None:
    plain = _PLAIN_STRING.fullmatch(text)
    if plain is not None:
        return plain[1]
    if not _STRING.fullmatch(text):
        return None
    import json

    try:
        value: str = json.loads(text)
    except ValueError:
        return None
    return value if printable(value) == value else None


def _digest(text: str) -> str | None:
    value = _string(text)
    return value if value is not None and _DIGEST.fullmatch(value) else None


def _seal(text: str) -> str | None:
    value = _string(text)
    return value if value is not None and _SEAL.fullmatch(value) else None


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _flag(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _lock_version(text: str) -> int | None:
    return LOCK_VERSION if text == str(LOCK_VERSION) else None


def _no_value(text: str) -> str | None:
    return text if text in ("", "{}") else None


# How the value of each key is read, and what it must be.
_TOP_FIELDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "lock_version": (_lock_version, f"{LOCK_VERSION}"),
    "store": (_string, "a quoted string"),
    "versioning": (_string, "a quoted string"),
    "assets": (_no_value, "a mapping"),
}
_FIELDS: dict[str, tuple[Callable[[str], Any], str]] = {
    "version": (_string, "a quoted string"),
    "digest": (_digest, "`sha256:` and 64 hexadecimal digits, quoted"),
    "size": (_count, "a whole number of bytes"),
    "files": (_count, "a whole number"),
    "is_directory": (_flag, "`true` or `false`"),
    "path": (_string, "a quoted string"),
    "seal": (_seal, f"{SEAL_LENGTH} hexadecimal digits, quoted"),
}
