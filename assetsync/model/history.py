"""The committed versions of one asset, by line."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from assetsync.model.versioning import Versioning, has_lines, is_valid


class History(Struct, frozen=True):
    """The committed versions of an asset, newest first, by line where the system has lines."""

    versioning: Versioning
    versions: tuple[str, ...]

    @classmethod
    def of(cls, versions: Iterable[str], versioning: Versioning) -> History:
        """The ones of `versions` that are valid under `versioning`, sorted."""
        return cls(versioning, tuple(versioning.sort({one for one in versions if is_valid(versioning, one)})))

    @property
    def newest(self) -> str | None:
        """The newest version of all lines; None without any."""
        return self.versions[0] if self.versions else None

    @property
    def lines(self) -> list[str]:
        """The lines that have versions, newest first; empty under a system without lines."""
        if not has_lines(self.versioning):
            return []
        return self.versioning.sort_lines({self.versioning.line_of(version) for version in self.versions})

    def in_line(self, line: str | None) -> list[str]:
        """The versions of a line, newest first. All of them for None."""
        if line is None or not has_lines(self.versioning):
            return list(self.versions)
        return [version for version in self.versions if self.versioning.line_of(version) == line]

    def matching(self, wanted: str | None) -> list[str]:
        """The versions that `wanted` stands for, newest first: a complete version, a line, or None for all."""
        return [version for version in self.versions if satisfies(version, wanted, self.versioning)]

    def older_than(self, version: str) -> list[str]:
        """The versions of all lines that are older than `version`, newest first."""
        return [one for one in self.versions if self.is_newer(version, one)]

    def is_newer(self, version: str, other: str) -> bool:
        """Whether `version` is newer than `other`; both are valid."""
        return version != other and self.versioning.sort([version, other])[0] == version


def satisfies(version: str, wanted: str | None, versioning: Versioning) -> bool:
    """Whether a valid version is what `wanted` stands for: a complete version, a line, or None for any."""
    if wanted is None or wanted == version:
        return True
    return not is_valid(versioning, wanted) and has_lines(versioning) and versioning.line_of(version) == wanted
