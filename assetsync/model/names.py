"""Names of assets, versions and specs: what they may be, and how a spec is read."""

from __future__ import annotations

import re

from msgspec import Struct

from assetsync.errors import InvalidError
from assetsync.escape import brief
from assetsync.model.marks import AT, alias_problem
from assetsync.model.paths import MAX_KEY_BYTES, part_problem
from assetsync.model.versioning import looks_like_version


class Spec(Struct, frozen=True):
    """`name`, `name:1`, `name:1.2`, `name@production`, `name:1.2[sub/part]`.

    `version` may be complete, a line, or `@` with an alias.
    """

    name: str
    version: str | None = None
    part: str | None = None

    def __str__(self) -> str:
        version = self.version or ""
        if version and not version.startswith(AT):
            version = f":{version}"
        part = f"[{self.part}]" if self.part else ""
        return f"{self.name}{version}{part}"


META = ".meta"
CLAIM = ".claim"
VERSIONS = ".versions"
MARKS = ".marks"
MAX_VERSION = 255  # characters: a version is the name of a file, too

_SEGMENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# Generous for versions of plug-ins; what a system calls valid is checked by the system.
_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SPEC = r"(?s)(?P<name>[^:@\[\]]+)(?::(?P<version>[^:@\[\]]+)|(?P<alias>@[^:@\[\]]*))?(?:\[(?P<part>.+)\])?"


def name_problem(name: str) -> str | None:
    """Why `name` can't be the name of an asset, or None when it can."""
    if not name:
        return "a name can't be empty"
    if len(name) > MAX_KEY_BYTES:
        return f"`{brief(name)}` is longer than {MAX_KEY_BYTES} bytes"
    for segment in name.split("/"):
        if not segment:
            return f"`{brief(name)}` has an empty segment"
        if not _SEGMENT.fullmatch(segment):
            return f"`{brief(name)}` is not a valid name: segments are letters, digits and `._-` inside, joined by `/`"
        for ending in (META, VERSIONS, CLAIM, MARKS):
            if segment.endswith(ending):
                return f"`{brief(name)}` can't be a name: no segment may end in `{ending}`"
        if looks_like_version(segment):
            return (
                f"`{brief(name)}` can't be a name: `{segment}` is a version, so it would lie among another asset's"
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
    """`name[:version][[part]]`, or `name@alias[[part]]`, as a Spec. InvalidError.

    Whether it is a version, the versioning system says.
    """
    match = re.fullmatch(_SPEC, text)
    if match is None:
        raise InvalidError(
            f"`{brief(text)}` is not an asset spec", hint="write NAME, NAME:1, NAME:1.2, NAME@ALIAS or NAME:1.2[part]"
        )
    name, version, alias, part = match["name"], match["version"], match["alias"], match["part"]
    if looks_like_version(name):
        raise InvalidError(
            f"`{brief(name)}` is a version, and stands where an asset does",
            hint=f"write it behind the name: `NAME:{brief(name)}`",
        )
    problem = version_problem(version) if version is not None else None
    if alias is not None:
        problem = alias_problem(alias.removeprefix(AT))
    if problem is not None:
        raise InvalidError(problem)
    if part is not None:
        part = part.strip("/")
        problem = part_problem(part)
        if problem is not None:
            raise InvalidError(problem)
    return Spec(check_name(name), version or alias, part)


def version_problem(version: str) -> str | None:
    """Why `version` can't be a version or a line under any versioning system, or None when it may be one."""
    if len(version) > MAX_VERSION:
        return f"`{brief(version)}` is longer than {MAX_VERSION} characters"
    if not _VERSION.fullmatch(version):
        return f"`{brief(version)}` is not a version: versions are letters, digits and `._-` inside"
    return None
