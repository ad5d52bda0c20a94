"""The remote layout: (asset, version, part) <-> object keys, both ways. The only place that builds or parses a key.

::

    NAME/VERSION          data of a single-file asset
    NAME/VERSION/PART     data of a directory asset, one object per file
    NAME/VERSION.meta     JSON, written last: a version exists exactly when this object exists
    NAME/VERSION.claim    JSON, only while a publish is in flight
    NAME.versions         JSON, the only object that is ever replaced

All keys are relative to the root of the store. The layout is that of modelkit 0.1 (`modelkit.assets.remote`), plus the
claim.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from assetsync.errors import InvalidError
from assetsync.model import Spec
from assetsync.versioning import looks_like_version

META = ".meta"
CLAIM = ".claim"
VERSIONS = ".versions"

_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# Generous for versions of plug-ins; what a system calls valid is checked by the system.
_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SPEC = re.compile(r"(?P<name>[^:\[\]]+)(?::(?P<version>[^:\[\]]+))?(?:\[(?P<part>.+)\])?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# And what turns the direction of text around: it could make a terminal show one name for another.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
MAX_KEY_BYTES = 1024  # of S3, GCS and Azure alike


def data_key(name: str, version: str, part: str = "") -> str:
    """The key of a single-file asset's data, or of one part of a directory asset."""
    return f"{name}/{version}/{part}" if part else f"{name}/{version}"


def meta_key(name: str, version: str) -> str:
    return f"{name}/{version}{META}"


def claim_key(name: str, version: str) -> str:
    return f"{name}/{version}{CLAIM}"


def versions_key(name: str) -> str:
    return f"{name}{VERSIONS}"


def asset_folder(name: str) -> str:
    """The prefix of all that belongs to the asset, but for its `.versions`; nested assets lie there too."""
    return f"{name}/"


def name_of_versions_key(key: str) -> str | None:
    """The asset whose `.versions` lies at `key`, or None when `key` is something else or no valid name."""
    if not key.endswith(VERSIONS):
        return None
    name = key.removesuffix(VERSIONS)
    return name if name_problem(name) is None else None


@dataclass(slots=True)
class VersionObjects:
    """What lies in a store under one version of an asset, learnt from a listing of the asset's folder."""

    meta: bool = False
    claim: bool = False
    data: bool = False


def version_objects(name: str, keys: Iterable[str], folders: Iterable[str]) -> dict[str, VersionObjects]:
    """Group a delimiter listing of `asset_folder(name)` by version. Nested assets and strange keys are left out.

    Which of the versions are valid is for the versioning system to say.
    """
    found: dict[str, VersionObjects] = {}
    prefix = asset_folder(name)
    for key in keys:
        rest = key.removeprefix(prefix)
        if rest.endswith(META):
            found.setdefault(rest.removesuffix(META), VersionObjects()).meta = True
        elif rest.endswith(CLAIM):
            found.setdefault(rest.removesuffix(CLAIM), VersionObjects()).claim = True
        elif not rest.endswith(VERSIONS):
            found.setdefault(rest, VersionObjects()).data = True
    for folder in folders:
        found.setdefault(folder.removeprefix(prefix).rstrip("/"), VersionObjects()).data = True
    return {version: objects for version, objects in found.items() if _VERSION.fullmatch(version)}


def name_problem(name: str) -> str | None:
    """Why `name` can't be the name of an asset, or None when it can."""
    if not name:
        return "a name can't be empty"
    for segment in name.split("/"):
        if not segment:
            return f"`{printable(name)}` has an empty segment"
        if not _SEGMENT.fullmatch(segment):
            return (
                f"`{printable(name)}` is not a valid name: segments are letters, digits and `._-` inside, joined by `/`"
            )
        for ending in (META, VERSIONS, CLAIM):
            if segment.endswith(ending):
                return f"`{printable(name)}` can't be a name: no segment may end in `{ending}`"
        if looks_like_version(segment):
            return (
                f"`{printable(name)}` can't be a name: `{segment}` is a version, so it would lie among another asset's"
                " versions"
            )
    return None


def check_name(name: str) -> str:
    """`name` itself. InvalidError when it is not a valid name."""
    problem = name_problem(name)
    if problem is not None:
        raise InvalidError(problem)
    return name


def parse_spec(text: str) -> Spec:
    """`name[:version][[part]]` as a Spec. The versioning system says whether it is a version. InvalidError."""
    match = _SPEC.fullmatch(text)
    if match is None:
        raise InvalidError(
            f"`{printable(text)}` is not an asset spec", hint="write NAME, NAME:1, NAME:1.2 or NAME:1.2[part]"
        )
    version, part = match["version"], match["part"]
    if version is not None:
        problem = version_problem(version)
        if problem is not None:
            raise InvalidError(problem)
    if part is not None:
        part = part.strip("/")
        problem = part_problem(part)
        if problem is not None:
            raise InvalidError(problem)
    return Spec(check_name(match["name"]), version, part)


def version_problem(version: str) -> str | None:
    """Why `version` can't be a version or a line under any versioning system, or None when it may be one."""
    if not _VERSION.fullmatch(version):
        return f"`{printable(version)}` is not a version: versions are letters, digits and `._-` inside"
    return None


def part_problem(path: str) -> str | None:
    """Why `path` can't be the path of a file inside a directory asset, or None when it can."""
    if _CONTROL.search(path):
        return f"`{printable(path)}` holds a control character or invalid UTF-8"
    if "\\" in path:
        return f"`{path}` holds a backslash"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return f"`{path}` is absolute"
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        return f"`{path}` has an empty, `.` or `..` segment"
    return None


def parts_problem(paths: Iterable[str]) -> str | None:
    """Why these can't be the files of one directory asset, or None: each path, and collisions between them.

    Two paths collide when a file system that folds case or normalises Unicode takes them for one, or when one of them
    is a folder of another.
    """
    paths = list(paths)
    if _plainly_right(paths):
        return None
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        problem = part_problem(path)
        if problem is not None:
            return problem
        other = files.setdefault(fold(path), path)
        if other != path:
            return _collision(path, other)
        folder = path.rpartition("/")[0]
        while folder and folders.get(fold(folder)) != folder:
            other = folders.setdefault(fold(folder), folder)
            if other != folder:
                return _collision(folder, other)
            folder = folder.rpartition("/")[0]
    both = min(folders.keys() & files.keys(), default=None)
    return None if both is None else f"`{files[both]}` is both a file and a folder"


def _plainly_right(paths: list[str]) -> bool:
    """Whether a few passes over all paths at once show that nothing is wrong; for trees of 50,000 files."""
    text = f"/{'/'.join(paths)}/"
    if not (text.isascii() and text.isprintable()) or any(odd in text for odd in ("\\", ":", "//", "/./", "/../")):
        return False
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    folded = set(map(str.lower, paths))
    folded.update(map(str.lower, folders))
    return len(folded) == len(paths) + len(folders)


def _collision(path: str, other: str) -> str:
    return f"`{path}` and `{other}` collide where case or Unicode forms are folded"


def fold(path: str) -> str:
    """`path` as a file system sees it that folds case and normalises Unicode: equal results are one file there."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def printable(text: str) -> str:
    """`text` with control characters, turns of direction and lone surrogates escaped, for messages and terminals."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
