"""Paths of files inside an asset: what they may be, and which of them collide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import compress, islice, pairwise, starmap

from assetsync.escape import brief, printable

MAX_KEY_BYTES = 1024  # of S3, GCS and Azure alike; what is longer could be no key, and is looked at no further
MAX_SEGMENTS = 128

_SEPARATOR = "\x01"  # sorts before all that a path can hold


def part_problem(path: str) -> str | None:
    """Why `path` can't be the path of a file inside a directory asset, or None when it can."""
    if len(path) > MAX_KEY_BYTES or len(path.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        return f"`{brief(path)}` is longer than {MAX_KEY_BYTES} bytes"
    if printable(path) != path:
        return f"`{brief(path)}` holds a control character, an invisible one, or invalid UTF-8"
    if "\\" in path:
        return f"`{brief(path)}` holds a backslash"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return f"`{brief(path)}` is absolute"
    segments = path.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        return f"`{brief(path)}` has an empty, `.` or `..` segment"
    if len(segments) > MAX_SEGMENTS:
        return f"`{brief(path)}` lies in more than {MAX_SEGMENTS - 1} folders"
    return None


def parts_problem(paths: Iterable[str]) -> str | None:
    """Why these can't be the files of one directory asset, or None: each path, and collisions between them.

    Two paths collide when a file system that folds case or normalises Unicode takes them for one, or when one of them
    is a folder of another. Takes time and memory in proportion to the paths themselves, whatever they are: paths that
    share a folder are neighbours once they are sorted, so nothing is kept of any folder.
    """
    paths = list(paths)
    if _plainly_right(paths):
        folded = "\n".join(paths).lower()
    else:
        problem = next(filter(None, map(part_problem, paths)), None)
        if problem is not None:
            return problem
        folded = "\n".join(map(fold, paths))
    as_folded = folded.replace("/", _SEPARATOR).split("\n") if paths else []
    return _same_problem(as_folded, paths) or _inside_problem(as_folded, paths) or _folders_problem(paths)


def _plainly_right(paths: list[str]) -> bool:
    """Whether a few passes over all paths at once show that each is right; for trees of 50,000 files."""
    text = f"/{'/'.join(paths)}/"
    if not (text.isascii() and text.isprintable()) or any(odd in text for odd in ("\\", ":", "//", "/./", "/../")):
        return False
    # No segment is empty, so that a path of so many segments has twice as many characters.
    return max(map(len, paths), default=0) < 2 * MAX_SEGMENTS or all(
        len(path) <= MAX_KEY_BYTES and path.count("/") < MAX_SEGMENTS for path in paths
    )


def _same_problem(folded: list[str], paths: list[str]) -> str | None:
    """Whether two paths are one when they are folded."""
    if len(set(folded)) == len(set(paths)):
        return None
    ordered = sorted(zip(folded, paths, strict=True))
    return next(_collision(path, other) for (a, other), (b, path) in pairwise(ordered) if a == b and path != other)


def _inside_problem(folded: list[str], paths: list[str]) -> str | None:
    """Whether a path is a folder of another. The things in a folder follow it at once when they are sorted."""
    ordered = sorted(folded)
    inside = map(str.startswith, islice(ordered, 1, None), [path + _SEPARATOR for path in ordered])
    above = next(compress(ordered, inside), None)
    return None if above is None else f"`{brief(paths[folded.index(above)])}` is both a file and a folder"


def _folders_problem(paths: list[str]) -> str | None:
    """Whether two paths spell a folder that they share in two ways."""
    folders = {path.rpartition("/")[0] for path in paths}
    ordered = sorted((fold(folder).replace("/", _SEPARATOR), folder) for folder in folders)
    return next(filter(None, starmap(_spelling_problem, pairwise(ordered))), None)


def _spelling_problem(one: tuple[str, str], two: tuple[str, str]) -> str | None:
    """Whether two neighbours among the folders, folded and as they are, spell one that they share in two ways."""
    (before, other), (after, path) = one, two
    spelled, as_well = path.split("/"), other.split("/")
    for number, (a, b) in enumerate(zip(after.split(_SEPARATOR), before.split(_SEPARATOR), strict=False)):
        if a != b:
            return None
        if spelled[number] != as_well[number]:
            return _collision("/".join(spelled[: number + 1]), "/".join(as_well[: number + 1]))
    return None


def _collision(path: str, other: str) -> str:
    return f"`{brief(path)}` and `{brief(other)}` collide where case or Unicode forms are folded"


def fold(path: str) -> str:
    """`path` as a file system sees it that folds case and normalises Unicode: equal results are one file there."""
    if path.isascii():
        return path.lower()
    import unicodedata  # for paths that are not ASCII alone

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
