"""The remote layout: (asset, version, part) <-> object keys, both ways. The only place that builds or parses a key.

::

    NAME/VERSION          data of a single-file asset
    NAME/VERSION/PART     data of a directory asset, one object per file
    NAME/VERSION.meta     JSON, written last: a version exists exactly when this object exists
    NAME/VERSION.claim    JSON, only while a publish is in flight
    NAME.versions         JSON, replaced by compare-and-swap only, like the next
    NAME.marks            JSON, aliases and yanked versions

All keys are relative to the root of the store. The layout is that of modelkit 0.1 (`modelkit.assets.remote`), plus
claims and marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from assetsync.model.names import (
    _VERSION,
    CLAIM,
    MARKS,
    META,
    VERSIONS,
)
from assetsync.model.versioning import looks_like_version


def data_key(name: str, version: str, part: str = "") -> str:
    """The key of a single-file asset's data, or of one part of a directory asset."""
    return f"{name}/{version}/{part}" if part else f"{name}/{version}"


def meta_key(name: str, version: str) -> str:
    """The key of a version's `.meta`."""
    return f"{name}/{version}{META}"


def claim_key(name: str, version: str) -> str:
    """The key of a version's `.claim`."""
    return f"{name}/{version}{CLAIM}"


def versions_key(name: str) -> str:
    """The key of an asset's `.versions`."""
    return f"{name}{VERSIONS}"


def marks_key(name: str) -> str:
    """The key of an asset's `.marks`."""
    return f"{name}{MARKS}"


def asset_folder(name: str) -> str:
    """The prefix of all that belongs to the asset, but for `.versions` and `.marks`; nested assets lie there too."""
    return f"{name}/"


def folder_of(name: str) -> str:
    """The prefix of the folder that an asset's `.versions` lies in; empty for the root of the store."""
    return "".join(name.rpartition("/")[:2])


def name_of_versions_key(key: str) -> str | None:
    """The asset whose `.versions` lies at `key`; None when `key` is something else.

    The name may be one that modelkit allows and we do not: `name_problem` tells.
    """
    return key.removesuffix(VERSIONS) or None if key.endswith(VERSIONS) else None


def name_of_marks_key(key: str) -> str | None:
    """The asset whose `.marks` lies at `key`; None when `key` is something else."""
    return key.removesuffix(MARKS) or None if key.endswith(MARKS) else None


# All that modelkit allows in a name, and a few more: a first character is free.
_OF_MODELKIT = re.compile(r"[A-Za-z0-9._/\\-]+")


def folder_names(keys: Iterable[str], folders: Iterable[str]) -> list[str]:
    """The folders of a delimiter listing that may hold assets, or be one, without the slash at their end.

    The data of a version is none: `.meta` or a claim lies beside it.
    """
    beside = set(keys)
    names = (folder.removesuffix("/") for folder in folders)
    return [name for name in names if _OF_MODELKIT.fullmatch(name) and not {f"{name}{META}", f"{name}{CLAIM}"} & beside]


def is_of_nested_asset(part: str) -> bool:
    """Whether what lies below a version, as `x/1.0.meta` does, is of an asset of modelkit, which may lie there."""
    folder, _, last = part.rpartition("/")
    if last.endswith((VERSIONS, MARKS)):
        return True
    version = last.removesuffix(META).removesuffix(CLAIM)
    return bool(folder) and version != last and looks_like_version(version)


class VersionObjects(Struct):
    """The objects under one version of an asset, learnt from a listing of the asset's folder."""

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
        elif not rest.endswith((VERSIONS, MARKS)):
            found.setdefault(rest, VersionObjects()).data = True
    for folder in folders:
        found.setdefault(folder.removeprefix(prefix).rstrip("/"), VersionObjects()).data = True
    return {version: objects for version, objects in found.items() if _VERSION.fullmatch(version)}
