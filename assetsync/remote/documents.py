"""The JSON objects of the remote layout, to values and back: `.meta`, `.versions`, `.claim` and `.marks`.

`.meta` and `.versions` are modelkit's (`modelkit.assets.remote`, 0.1); `.meta` has one more key, ``assetsync``.
Documents are checked like any input: they may come from another tool, an older version, or someone hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from assetsync.errors import ContentError, DamagedError
from assetsync.escape import printable
from assetsync.model.marks import MAX_ALIASES, MAX_MOVES, MAX_YANKS, Act, Marks, Move, Yank, alias_problem
from assetsync.model.names import version_problem
from assetsync.model.paths import parts_problem
from assetsync.model.provenance import Promoted, Provenance
from assetsync.model.tree import DIGEST_PREFIX, FileEntry, Tree, directory_tree, file_tree
from assetsync.shape import misfit

META_FORMAT = 1
CLAIM_FORMAT = 1
MARKS_FORMAT = 1
# The most that the backend is asked to read, in bytes. A file takes about 120 bytes in a `.meta`, a version about 10 in
# a `.versions`; a claim is a few lines.
MAX_META_BYTES = 64 * 1024 * 1024
MAX_VERSIONS_BYTES = 4 * 1024 * 1024
MAX_CLAIM_BYTES = 16 * 1024
MAX_MARKS_BYTES = 16 * 1024 * 1024

MAX_FILES = 1_000_000
MAX_VERSIONS = 100_000
MAX_SIZE = 2**63 - 1  # bytes
MAX_TEXT = 10_000  # characters of a description or a fact of provenance; the rest is cut off
MAX_TAGS = 100
MAX_PROMOTED = 100
MAX_REASON = 1000  # characters of a fact about a mark; the rest is cut off
# Lists and objects in one document, for which `[` and `{` are counted, in strings too. Without it 64 MiB of `[],[],`
# became gigabytes.
MAX_BRACKETS = 1_000_000

_SHA256 = re.compile(r"[0-9a-f]{64}")
# A claim's id becomes part of a local file's name.
_CLAIM_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


class Meta(Struct, frozen=True):
    """A `.meta`. `push_date` is ISO 8601, as written. `tree` and `provenance` are None in versions that modelkit made.

    `paths` are the files of a directory; for a single file it is one empty string, as in a Tree. `tag` is the store's
    name for the bytes that this was read from; empty where it was not read. `promoted` are the steps by which the
    version came from the store where it was published, the first one first.
    """

    push_date: str
    is_directory: bool
    paths: tuple[str, ...]
    tree: Tree | None
    provenance: Provenance | None
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    tag: str = ""
    promoted: tuple[Promoted, ...] = ()


class Logged(Struct, frozen=True):
    """A version of an asset's history. `meta` is None where it can't be read; then `error` says why.

    `aliases` are at it; `yank` says that it was marked as bad.
    """

    version: str
    meta: Meta | None
    error: str | None = None
    aliases: tuple[str, ...] = ()
    yank: Yank | None = None


class Claim(Struct, frozen=True):
    """A `.claim`: who is publishing what, under an id that only the claimant knows to be its own."""

    id: str
    digest: str
    is_directory: bool
    who: str
    when: str


def render_meta(meta: Meta) -> bytes:
    """The bytes of a `.meta`. ASCII only: modelkit reads it in the locale's encoding. `meta.tree` must be set.

    ContentError when there are more files than `parse_meta` takes.
    """
    if meta.tree is None:
        raise ValueError("a version is never written without its tree")
    document: dict[str, Any] = {"push_date": meta.push_date, "is_directory": meta.is_directory}
    if meta.is_directory:
        document["contents"] = list(meta.paths)
    ours: dict[str, Any] = {
        "format": META_FORMAT,
        "digest": meta.tree.digest,
        "size": meta.tree.content.size,
        "sizes": [entry.size for entry in meta.tree.files],
        "sha256": [entry.sha256 for entry in meta.tree.files],
    }
    if meta.provenance is not None:
        ours["provenance"] = _known(meta.provenance)
    if meta.description is not None:
        ours["description"] = meta.description
    if meta.owner is not None:
        ours["owner"] = meta.owner
    if meta.tags:
        ours["tags"] = list(meta.tags)
    if meta.promoted:
        ours["promoted"] = [_known(one) for one in meta.promoted]
    document["assetsync"] = ours
    data = _dump(document)
    if len(data) > MAX_META_BYTES or len(meta.paths) > MAX_FILES:
        raise ContentError(
            f"{len(meta.paths):,} files are too many for one version: its `.meta` could not be read again",
            hint="split it into several assets, or pack the files into archives",
        )
    return data


def _known(value: Provenance | Promoted) -> dict[str, Any]:
    return {key: value for key, value in asdict(value).items() if value is not None}


def parse_meta(data: bytes, *, key: str) -> Meta:
    """A `.meta` read from `key`. DamagedError when it is not one, or names files that could not be written safely."""
    document = _load(data, key, MAX_META_BYTES)
    _check(document, {"push_date": str, "is_directory": bool}, key)
    push_date, is_directory = document["push_date"][:MAX_TEXT], document["is_directory"]
    paths: tuple[str, ...] = ("",)
    if is_directory:
        _check(document, {"contents": [str]}, key)
        paths = tuple(document["contents"])
        if len(paths) > MAX_FILES:
            raise DamagedError(f"`{key}` is refused: `contents` holds more than {MAX_FILES:,}")
        problem = parts_problem(paths)
        if problem is not None:
            raise DamagedError(f"`{key}` is refused: {problem}")
        if len(set(paths)) != len(paths):
            raise DamagedError(f"`{key}` is refused: it names a file twice")
    if "assetsync" not in document:
        return Meta(push_date, is_directory, paths, None, None)
    _check(document, {"assetsync": {"format": int}}, key)
    ours = document["assetsync"]
    if ours["format"] > META_FORMAT:
        raise DamagedError(f"`{key}` was written by a newer assetsync", hint="upgrade assetsync to read this version")
    _check(document, {"assetsync": {"sizes": [int], "sha256": [str]}}, key)
    return Meta(
        push_date,
        is_directory,
        paths,
        _tree(ours, paths, is_directory, key),
        _provenance(ours.get("provenance")),
        description=_text(ours.get("description")),
        owner=_text(ours.get("owner")),
        tags=_tags(ours.get("tags")),
        promoted=_promoted(ours.get("promoted")),
    )


def _tree(ours: Mapping[str, Any], paths: tuple[str, ...], is_directory: bool, key: str) -> Tree:
    sizes, hashes = ours["sizes"], ours["sha256"]
    if not len(paths) == len(sizes) == len(hashes):
        raise DamagedError(
            f"`{key}` is damaged: it has {len(paths)} files, {len(sizes)} sizes and {len(hashes)} hashes"
        )
    if not all(0 <= size <= MAX_SIZE for size in sizes) or not all(map(_SHA256.fullmatch, hashes)):
        raise DamagedError(f"`{key}` is damaged: a size or a sha256 is not one")
    files = map(FileEntry, paths, sizes, hashes)
    tree = directory_tree(files) if is_directory else file_tree(sizes[0], hashes[0])
    if ours.get("digest") != tree.digest:
        raise DamagedError(f"`{key}` is damaged: its digest is not that of the files it lists")
    return tree


def _text(found: object) -> str | None:
    return found[:MAX_TEXT] if isinstance(found, str) else None


def _tags(found: object) -> tuple[str, ...]:
    """Tags are a courtesy too: what is none is left out."""
    listed = found[:MAX_TAGS] if isinstance(found, list) else []
    return tuple(tag[:MAX_TEXT] for tag in listed if isinstance(tag, str))


def _provenance(found: object) -> Provenance | None:
    """Provenance is a courtesy: fields that are not what they should be are left out, and nothing fails for them."""
    if not isinstance(found, dict):
        return None
    fields = Provenance.__struct_fields__
    wanted = {name: bool if name == "dirty" else str for name in fields}
    known = {name: found[name] for name, kind in wanted.items() if isinstance(found.get(name), kind)}
    short: dict[str, Any] = {
        name: value[:MAX_TEXT] if isinstance(value, str) else value for name, value in known.items()
    }
    return Provenance(**{"tool": "unknown", **short})


def _promoted(found: object) -> tuple[Promoted, ...]:
    """A courtesy like provenance."""
    steps = []
    for one in found[:MAX_PROMOTED] if isinstance(found, list) else ():
        if isinstance(one, dict):
            known = {name: _text(one.get(name)) for name in Promoted.__struct_fields__}
            given = {name: text for name, text in known.items() if text is not None}
            steps.append(Promoted(**{"store": "unknown", "date": "", "tool": "unknown", **given}))
    return tuple(steps)


def render_versions(versions: Iterable[str]) -> bytes:
    """The bytes of a `.versions`, newest first. modelkit drops other keys when it updates, so there are none.

    ContentError for more versions than `parse_versions` takes.
    """
    listed = list(versions)
    data = _dump({"versions": listed})
    if len(listed) > MAX_VERSIONS or len(data) > MAX_VERSIONS_BYTES:
        raise ContentError(f"{len(listed):,} versions are too many for one asset: its index could not be read again")
    return data


def parse_versions(data: bytes, *, key: str) -> tuple[str, ...]:
    """The versions of a `.versions` read from `key`, as it has them. DamagedError."""
    document = _load(data, key, MAX_VERSIONS_BYTES)
    _check(document, {"versions": [str]}, key)
    if len(document["versions"]) > MAX_VERSIONS:
        raise DamagedError(f"`{key}` is refused: `versions` holds more than {MAX_VERSIONS:,}")
    return tuple(document["versions"])


def render_claim(claim: Claim) -> bytes:
    """The bytes of a `.claim`."""
    return _dump({"format": CLAIM_FORMAT, **asdict(claim)})


def parse_claim(data: bytes, *, key: str) -> Claim:
    """A `.claim` read from `key`. DamagedError."""
    document = _load(data, key, MAX_CLAIM_BYTES)
    _check(document, {"digest": str, "id": str, "is_directory": bool, "who": str, "when": str}, key)
    digest, claim_id = document["digest"], document["id"]
    if not digest.startswith(DIGEST_PREFIX) or not _SHA256.fullmatch(digest.removeprefix(DIGEST_PREFIX)):
        raise DamagedError(f"`{key}` is damaged: its digest is not one")
    if not _CLAIM_ID.fullmatch(claim_id):
        raise DamagedError(f"`{key}` is damaged: its id is not one")
    return Claim(
        id=claim_id,
        digest=digest,
        is_directory=document["is_directory"],
        who=printable(document["who"])[:200],
        when=printable(document["when"])[:40],
    )


def render_marks(marks: Marks) -> bytes:
    """The bytes of a `.marks`. ContentError when they are more than `parse_marks` takes."""
    data = _dump(
        {
            "format": MARKS_FORMAT,
            "aliases": {alias: [_move_document(move) for move in moves] for alias, moves in marks.moves.items()},
            "yanked": [_yank_document(yank) for yank in marks.yanks],
        }
    )
    if len(data) > MAX_MARKS_BYTES:
        raise ContentError("this asset has too many aliases and yanked versions: they could not be read again")
    return data


def _move_document(move: Move) -> dict[str, Any]:
    return {"version": move.version, **({"back": True} if move.back else {}), **_act_document(move.act)}


def _yank_document(yank: Yank) -> dict[str, Any]:
    undone = {"undone": _act_document(yank.undone)} if yank.undone is not None else {}
    return {"version": yank.version, **_act_document(yank.act), **undone}


def _act_document(act: Act) -> dict[str, str]:
    return {name: value[:MAX_REASON] for name, value in asdict(act).items() if value is not None}


def parse_marks(data: bytes, *, key: str) -> Marks:
    """A `.marks` read from `key`. DamagedError."""
    document = _load(data, key, MAX_MARKS_BYTES)
    _check(document, {"format": int}, key)
    if document["format"] > MARKS_FORMAT:
        raise DamagedError(f"`{key}` was written by a newer assetsync", hint="upgrade assetsync to read it")
    act = {"who": str, "when": str}
    move = {"version": (str, type(None)), **act}
    _check(document, {"aliases": {"*": [move]}, "yanked": [{"version": str, **act}]}, key)
    moves = {alias: tuple(map(_move, found)) for alias, found in document["aliases"].items()}
    yanks = tuple(map(_yank, document["yanked"]))
    problem = _marks_problem(moves, yanks)
    if problem is not None:
        raise DamagedError(f"`{key}` is refused: {problem}")
    return Marks(moves, yanks)


def _marks_problem(moves: Mapping[str, tuple[Move, ...]], yanks: tuple[Yank, ...]) -> str | None:
    """Why marks are refused, or None when they are not."""
    if len(moves) > MAX_ALIASES or len(yanks) > MAX_YANKS or any(len(one) > MAX_MOVES for one in moves.values()):
        return "it holds more aliases, moves or yanks than there can be"
    versions = [move.version for one in moves.values() for move in one if move.version is not None]
    problems = (*map(alias_problem, moves), *map(version_problem, [*versions, *(yank.version for yank in yanks)]))
    return next((problem for problem in problems if problem is not None), None)


def _move(found: Mapping[str, Any]) -> Move:
    return Move(found["version"], _act(found), found.get("back") is True)


def _yank(found: Mapping[str, Any]) -> Yank:
    undone = found.get("undone")
    is_act = isinstance(undone, dict) and isinstance(undone.get("who"), str) and isinstance(undone.get("when"), str)
    return Yank(found["version"], _act(found), _act(undone) if is_act and undone else None)


def _act(found: Mapping[str, Any]) -> Act:
    """Who and why are shown, so what is foreign is made printable; what is no text, is left out."""
    texts = {name: found[name] for name in Act.__struct_fields__ if isinstance(found.get(name), str)}
    return Act(**{name: printable(text[:MAX_REASON]) for name, text in texts.items()})


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=True, separators=(", ", ": ")).encode("ascii")


def _load(data: bytes, key: str, limit: int) -> dict[str, Any]:
    if len(data) > limit:
        raise DamagedError(f"`{key}` is refused: it is larger than {limit:,} bytes")
    if data.count(b"[") + data.count(b"{") > MAX_BRACKETS:
        raise DamagedError(f"`{key}` is refused: it holds more than {MAX_BRACKETS:,} lists and objects")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refused_number)
    except (ValueError, RecursionError):
        what = "empty" if not data.strip() else "not JSON"
        raise DamagedError(
            f"`{key}` is damaged: it is {what}", hint="look at the store with `assetsync doctor`"
        ) from None
    if not isinstance(document, dict):
        raise DamagedError(f"`{key}` is damaged: it is JSON, but not an object")
    return document


def _refused_number(text: str) -> float:
    """JSON has no NaN and no Infinity."""
    raise ValueError(text)


def _check(document: Mapping[str, Any], shape: Mapping[str, Any], key: str) -> None:
    place = misfit(document, shape)
    if place is not None:
        raise DamagedError(f"`{key}` is damaged: `{printable(place)}` is missing or of the wrong type")
