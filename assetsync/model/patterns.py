"""Patterns of `exclude`, in gitignore syntax: text -> Pattern, which matches a path in time linear in its length.

The patterns come from whoever wrote assets.yaml, and the names that they meet from whoever made the files. The common
way, one regular expression for a pattern, tries all ways to share a name out among its stars: `*a*a*a*a*a*b` then
takes minutes for one name. Between two stars, though, the leftmost match is as good as any later one, so nothing has
to be tried twice: inside a segment that is what an atomic group says, and between `**` it is a loop.
"""

from __future__ import annotations

import re

from msgspec import Struct

MAX_LENGTH = 1024  # characters: as long as a key may be

Glob = re.Pattern[str]

_ANYWHERE = re.compile(r"\A/?(\*\*/)+|\A/(?=\*\*\Z)")
_TOKEN = re.compile(r"(\*+)|(\?+)|\\(.)|\[([!^]?)((?:\]|\\.|[^]\\])(?:\\.|[^]\\])*)\]|([^\\\[*?]+)", re.DOTALL)
_IN_BRACKET = re.compile(r"\\?(.)(?:-\\?(.))?", re.DOTALL)


class Pattern(Struct, frozen=True):
    """One pattern. Only `matches` tells which paths it means: a walk never asks about paths inside excluded folders."""

    excludes: bool
    folders_only: bool
    # Of a pattern without a slash: it is held against the last segment of a path.
    name: Glob | None
    # Of the others: runs of segments; any number of folders may lie between two runs.
    runs: tuple[tuple[Glob, ...], ...]

    def matches(self, path: str, name: str, is_folder: bool) -> bool:
        """Whether the pattern means the path itself. `name` is its last segment."""
        if self.folders_only and not is_folder:
            return False
        if self.name is not None:
            return self.name.fullmatch(name) is not None
        return self._matches_segments(path.split("/"))

    def _matches_segments(self, segments: list[str]) -> bool:
        first, *others = self.runs
        if not _runs_at(first, segments, 0):
            return False
        if not others:
            return len(first) == len(segments)
        position = len(first)
        for run in others[:-1]:
            while not _runs_at(run, segments, position):
                position += 1
                if position > len(segments):
                    return False
            position += len(run)
        last = others[-1]
        if not last:  # `folder/**`: all inside, not the folder itself
            return position < len(segments)
        start = len(segments) - len(last)
        return start >= position and _runs_at(last, segments, start)


def _runs_at(run: tuple[Glob, ...], segments: list[str], position: int) -> bool:
    if position + len(run) > len(segments):
        return False
    return all(glob.fullmatch(segments[position + number]) for number, glob in enumerate(run))


def is_blank(text: str) -> bool:
    """Whether a line is a comment or empty: no pattern, and no mistake where lines come from a file."""
    return not text.strip() or text.startswith("#")


def pattern_problem(text: str) -> str | None:
    """Why `text` is no pattern in gitignore syntax, or None when it is one. Takes no longer than its length."""
    try:
        _shape(text)
    except ValueError as error:
        return str(error)
    return None


def parse_pattern(text: str) -> Pattern:
    """One pattern, in gitignore syntax. ValueError, with the reason, when it is none."""
    folders_only, name, runs = _shape(text)
    return Pattern(
        not text.startswith("!"),
        folders_only,
        None if name is None else re.compile(name, re.DOTALL),
        tuple(tuple(re.compile(segment, re.DOTALL) for segment in run) for run in runs),
    )


def _shape(text: str) -> tuple[bool, str | None, list[list[str]]]:
    """Whether it is for folders only, and the regular expressions of a name or else of runs of segments."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    if is_blank(text) or "\n" in text:
        raise ValueError("it is empty, a comment, or more than a line")
    body = _without_trailing_spaces(text.removeprefix("!"))
    folders_only = body.endswith("/")
    body = body.rstrip("/")
    if not body:
        raise ValueError("it names nothing")
    rest = _ANYWHERE.sub("", body)
    if "/" not in rest:
        return folders_only, _glob(rest), []
    runs: list[list[str]] = [[]]
    for segment in body.removeprefix("/").split("/"):
        if segment == "**":
            runs.append([])
        elif not segment:
            raise ValueError("it has an empty segment")
        else:
            runs[-1].append(_glob(segment))
    return folders_only, None, runs


def _without_trailing_spaces(text: str) -> str:
    bare = text.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and bare != text else bare


def _glob(segment: str) -> str:
    """A segment as a regular expression that never tries anything twice. ValueError."""
    chunks = [""]
    position = 0
    while position < len(segment):
        token = _TOKEN.match(segment, position)
        if token is None:
            raise ValueError("a `[` has no `]`, or a `\\` nothing behind it")
        position = token.end()
        stars, questions, escaped, negation, bracket, plain = token.groups()
        if stars:
            chunks.append("")
        elif questions:
            chunks[-1] += "." * len(questions)
        elif bracket:
            chunks[-1] += f"[{'^' if negation else ''}{_bracket(bracket)}]"
        else:
            chunks[-1] += re.escape(escaped or plain)
    *before, last = chunks
    if not before:
        return last
    head, *middle = before
    return head + "".join(f"(?>.*?{chunk})" for chunk in middle) + f".*{last}"


def _bracket(inside: str) -> str:
    """The text between `[` and `]`, each character escaped, so that none but a range means more than itself."""
    if "[:" in inside:
        raise ValueError("classes such as `[:alpha:]` are not supported")
    parts = []
    for first, last in _IN_BRACKET.findall(inside):
        if last and last < first:
            raise ValueError("a range in `[]` is backwards")
        parts.append(f"\\U{ord(first):08x}" + (f"-\\U{ord(last):08x}" if last else ""))
    return "".join(parts)
