"""Files that a directory asset leaves out: by `exclude`, in gitignore syntax, or because they never are content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.versioning import looks_like_version

if TYPE_CHECKING:
    from assetsync.model.patterns import Pattern

# modelkit marks a complete download by `.SUCCESS` in a directory or `.VERSION.SUCCESS` beside a file.
_MARKER = ".SUCCESS"
JUNK = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", _MARKER})


class Excludes:
    """Tells what is left out. `patterns` are those of one asset, relative to its root. InvalidError for a bad one."""

    def __init__(self, patterns: Sequence[str]) -> None:
        # As in git, the last pattern that matches decides.
        self._rules = list(_compiled(patterns[::-1])) if patterns else []

    @property
    def has_rules(self) -> bool:
        """Whether any name may be left out, and not only those that begin with a dot or are in JUNK."""
        return bool(self._rules)

    def leaves_out(self, path: str, is_folder: bool) -> bool:
        """Whether a path is left out, given that the folders above it are not."""
        name = path.rpartition("/")[2]
        if _never_content(name, is_folder):
            return True
        return next((rule.excludes for rule in self._rules if rule.matches(path, name, is_folder)), False)


def _never_content(name: str, is_folder: bool) -> bool:
    if is_folder or name == ".git":  # a file in submodules and worktrees
        return name == ".git"
    return name in JUNK or (name.endswith(_MARKER) and looks_like_version(name[1 : -len(_MARKER)]))


def _compiled(patterns: Sequence[str]) -> Iterator[Pattern]:
    from assetsync.model.patterns import is_blank, parse_pattern  # for assets that leave something out

    for text in patterns:
        if is_blank(text):
            continue
        try:
            yield parse_pattern(text)
        except ValueError as reason:
            raise InvalidError(
                f"`{printable(text[:80])}` in `exclude` is not a pattern: {reason}",
                hint="write it as in .gitignore, relative to the asset's root; `\\` escapes special characters",
            ) from None
