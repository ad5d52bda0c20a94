"""What is left out of a directory asset: `exclude` patterns in gitignore syntax, and files that are never content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.model.versioning import looks_like_version

if TYPE_CHECKING:
    from pathspec import Pattern

# modelkit marks a complete download by `.SUCCESS` in a directory or `.VERSION.SUCCESS` beside a file.
_MARKER = ".SUCCESS"
_ANYWHERE = re.compile(r"\A/?(\*\*/)+|\A/(?=\*\*\Z)")
_JUNK = frozenset({".DS_Store", "Thumbs.db", "desktop.ini", _MARKER})


class Excludes:
    """Tells what is left out. `patterns` are those of one asset, relative to its root. InvalidError for a bad one."""

    def __init__(self, patterns: Sequence[str]) -> None:
        # As in git, the last pattern that matches decides.
        self._rules = [rule for pattern in reversed(patterns) if (rule := _rule(pattern)) is not None]

    def suspect(self, name: str) -> bool:
        """Whether a path with this name may be left out; tells quickly that most are not."""
        return bool(self._rules) or name[0] == "." or name in _JUNK

    def leaves_out(self, path: str, is_folder: bool) -> bool:
        """Whether a path is left out, given that the folders above it are not."""
        name = path.rpartition("/")[2]
        if _never_content(name, is_folder):
            return True
        return next((rule.excludes for rule in self._rules if rule.matches(path, name, is_folder)), False)


def _never_content(name: str, is_folder: bool) -> bool:
    if is_folder or name == ".git":  # a file in submodules and worktrees
        return name == ".git"
    return name in _JUNK or (name.endswith(_MARKER) and looks_like_version(name[1 : -len(_MARKER)]))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One pattern. pathspec knows how names match; what a pattern applies to is settled here.

    pathspec takes a file for matched when a folder above it is, and so has to guess which of several patterns counts:
    it publishes `keep/tmp/x` under `["tmp", "!keep"]`, which git does not. A walk that never enters an excluded folder
    need not guess: only the path itself may match.
    """

    pattern: Pattern
    excludes: bool
    folders_only: bool
    by_name: bool
    contents_only: bool  # `folder/**`: all inside, not the folder itself

    def matches(self, path: str, name: str, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        text = name if self.by_name else path
        if is_folder and not self.contents_only:
            text += "/"
        found = self.pattern.match_file(text)
        # A match that ends early is one of a folder above.
        return found is not None and (self.by_name or self.contents_only or found.match.end() == len(text))


def _rule(text: str) -> _Rule | None:
    """The rule of one pattern, or None for a comment or an empty line. InvalidError."""
    if not text.strip() or text.startswith("#"):
        return None
    pattern = _compiled(text)
    body = text.removeprefix("!").rstrip()
    folders_only = body.endswith("/")
    body = body.rstrip("/")
    rest = _ANYWHERE.sub("", body)
    return _Rule(
        pattern=pattern,
        excludes=bool(pattern.include),
        folders_only=folders_only,
        by_name="/" not in rest,
        contents_only=rest.endswith("/**"),
    )


def _compiled(text: str) -> Any:
    from pathspec import GitIgnoreSpec  # 45 ms, and most assets have no patterns

    try:
        pattern = None if "[:" in text or "\n" in text else GitIgnoreSpec.from_lines([text]).patterns[0]
    except (ValueError, re.error):
        pattern = None
    if pattern is None or pattern.include is None:
        raise InvalidError(
            f"`{printable(text)}` in `exclude` is not a pattern",
            hint="write it as in .gitignore, relative to the asset's root; `\\` escapes special characters",
        )
    return pattern
