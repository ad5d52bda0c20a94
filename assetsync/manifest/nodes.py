"""YAML text -> a tree of nodes that know their places.

It is built from the parser's events, because that is fast (libyaml does the work), expands no alias, constructs no
object, and gives every place. Offsets count from the start of the text, without its byte order mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from assetsync.errors import Located, ManifestError
from assetsync.escape import brief

# Far more than a manifest needs: what goes beyond is a mistake or an attack, and a check must not take long to say so.
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_NODES = 100_000  # each alias counts as all that it stands for
MAX_PROBLEMS = 100
# Of what libyaml refuses. The other parser takes about 15 s for a MiB.
MAX_SECOND_LOOK = 128 * 1024  # characters
BYTE_ORDER_MARK = "\ufeff"

# C0 but for tab, line feed and carriage return; a lone carriage return; DEL and C1; separators that YAML 1.1 takes for
# line breaks and editors do not; surrogates, which stand for bytes that are not UTF-8; noncharacters.
_REFUSED = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]|\r(?!\n)"
_SURROGATE = "[\ud800-\udfff]"
_CONFLICT = re.compile(r"^<{7}(?= |\r?$)", re.MULTILINE)
_NO_STRINGS = frozenset(["", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"])
_NUMBERS_BEGIN = frozenset("-+.0123456789")
_NUMBER = (
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


class Scalar(NamedTuple):
    """A scalar: its text, unescaped, and whether it was written plain. Line and column count from 1.

    An absent value (`key:`) is a plain scalar with an empty text, placed at its key.
    """

    text: str
    plain: bool
    line: int
    column: int
    start: int
    end: int

    @property
    def is_null(self) -> bool:
        """Whether YAML 1.2 takes it for nothing."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")

    @property
    def is_string(self) -> bool:
        """Whether YAML 1.2 takes it for a string, not for a number, a boolean or nothing."""
        if not self.plain:
            return True
        # Most manifests have nothing that looks like a number, and need not compile what tells.
        is_number = self.text[:1] in _NUMBERS_BEGIN and re.fullmatch(_NUMBER, self.text)
        return self.text not in _NO_STRINGS and not is_number


class Sequence(NamedTuple):
    """A sequence. `flow`: it was written as `[…]`. Line and column count from 1."""

    items: tuple[Node, ...]
    flow: bool
    line: int
    column: int
    start: int
    end: int


class Mapping(NamedTuple):
    """A mapping. Of keys that are there twice, only the first counts."""

    pairs: dict[str, tuple[Scalar, Node]]
    flow: bool
    line: int
    column: int
    start: int
    end: int

    def get(self, key: str) -> Node | None:
        """The value under a key; None when the key is not there."""
        pair = self.pairs.get(key)
        return pair[1] if pair else None


Node = Scalar | Sequence | Mapping


class Document(NamedTuple):
    """The root of a document, None when there is nothing but comments, and what is wrong with it as such."""

    root: Node | None
    problems: list[Located]


def read(text: str | bytes, filename: str) -> Document:
    """Parse one YAML document. ManifestError when it is no YAML at all, with the one place where it stops being it."""
    if isinstance(text, bytes):
        text = decoded(text, filename)
    if len(text) > MAX_BYTES:
        raise too_large(filename)
    text = text.removeprefix(BYTE_ORDER_MARK)
    _check_characters(text, filename)
    from ruamel.yaml.error import MarkedYAMLError

    try:
        try:
            return _Builder(text, pure=False).document()
        except MarkedYAMLError:
            if len(text) > MAX_SECOND_LOOK:
                raise
            # libyaml refuses some YAML 1.2, such as `{url: s3://bucket}`. The other parser is slow, and decides.
            return _Builder(text, pure=True).document()
    except MarkedYAMLError as error:
        raise ManifestError(filename, [_syntax_problem(error, text)]) from None
    except _StopError as error:
        raise ManifestError(filename, error.problems) from None


def too_large(filename: str) -> ManifestError:
    """The error for a manifest of more than MAX_BYTES."""
    message = f"the file is larger than {MAX_BYTES >> 20} MiB, and is not read; a manifest names assets, it holds none"
    return ManifestError(filename, [Located(1, 1, message)])


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def decoded(data: bytes, filename: str) -> str:
    """The text of a manifest. ManifestError with the place of what is not UTF-8, or when it is too large."""
    if len(data) > MAX_BYTES:
        raise too_large(filename)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ManifestError(filename, [Located(1, 1, "the file is UTF-16; save it as UTF-8")])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ManifestError(filename, [Located(*place_of(before, len(before)), message)]) from None


def _check_characters(text: str, filename: str) -> None:
    matches = islice(_CONFLICT.finditer(text), MAX_PROBLEMS)
    conflicts = [Located(*place_of(text, match.start()), _CONFLICT_MESSAGE) for match in matches]
    if conflicts:
        raise ManifestError(filename, conflicts)
    if text.isascii() and text.replace("\n", "").isprintable():
        return
    refused = re.search(_REFUSED, text)
    if refused is not None:
        character = refused[0]
        if "\ud800" <= character <= "\udfff":
            message = "this is not UTF-8; save the file as UTF-8"
        elif character == "\r":
            message = "a carriage return without a line feed; save the file with usual line ends"
        else:
            message = f"the control character U+{ord(character):04X} can't stand here"
        raise ManifestError(filename, [Located(*place_of(text, refused.start()), message)])


MORE_PROBLEMS = "there is more that is wrong; it shows when the rest is mended"
_CONFLICT_MESSAGE = "a merge conflict begins here; edit the file to what it should be, and remove the markers"


class _StopError(Exception):
    """Ends the reading of a document that makes no sense from some place on."""

    def __init__(self, found: list[Located], event: Any, message: str) -> None:
        super().__init__(message)
        self.problems = [*found, _problem_at(event, message)]


def _problem_at(event: Any, message: str) -> Located:
    return Located(event.start_mark.line + 1, event.start_mark.column + 1, message)


class _Builder:
    """Events -> nodes, collecting what YAML allows and a manifest does not."""

    def __init__(self, text: str, *, pure: bool) -> None:
        from ruamel.yaml import YAML, events

        self._text = text
        self._kinds = events
        self._events: Iterator[Any] = YAML(typ="safe", pure=pure).parse(text)
        # With how many nodes each of them stands for.
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        self._problems: list[Located] = []

    def document(self) -> Document:
        kinds = self._kinds
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, kinds.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._problem(event, "a second document begins here; a manifest is one document")
                    break
            elif not isinstance(event, kinds.StreamStartEvent | kinds.StreamEndEvent | kinds.DocumentEndEvent):
                root = self._node(event, 0)
        if isinstance(root, Scalar) and root.is_null:
            root = None
        return Document(root, self._problems)

    def _problem(self, event: Any, message: str) -> None:
        if len(self._problems) == MAX_PROBLEMS:
            raise self._stop(event, MORE_PROBLEMS)
        self._problems.append(_problem_at(event, message))

    def _stop(self, event: Any, message: str) -> _StopError:
        return _StopError(self._problems, event, message)

    def _count(self, event: Any, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._stop(event, f"the file is too large: up to here, it holds more than {MAX_NODES:,} values")

    def _node(self, event: Any, depth: int) -> Node:
        kinds = self._kinds
        if isinstance(event, kinds.AliasEvent):
            return self._aliased(event)
        if event.tag is not None:
            self._problem(event, f"the tag `{brief(event.tag)}` can't stand here; write the value without it")
        if depth > MAX_DEPTH:
            raise self._stop(event, "this is nested too deeply")
        before = self._nodes
        self._count(event, 1)
        node: Node
        if isinstance(event, kinds.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, kinds.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._nodes - before
        return node

    def _aliased(self, event: Any) -> Node:
        """The node that an alias stands for, at the place of the alias. Nodes are shared, never copied in depth."""
        if event.anchor not in self._anchors:
            raise self._stop(event, f"`*{brief(event.anchor)}` refers to nothing above it")
        node, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        start, end = event.start_mark, event.end_mark
        return node._replace(line=start.line + 1, column=start.column + 1, start=start.index, end=end.index)

    def _scalar(self, event: Any) -> Scalar:
        start, end = event.start_mark, event.end_mark
        if not event.value.isascii() and re.search(
            _SURROGATE, event.value
        ):  # by an escape; libyaml refuses them itself
            self._problem(event, "an escape in this string stands for half a character")
        stop = end.index
        if event.style in ("|", ">"):  # its end is where the next token begins
            stop = start.index + len(self._text[start.index : stop].rstrip())
        return Scalar(event.value, not event.style, start.line + 1, start.column + 1, start.index, stop)

    def _sequence(self, event: Any, depth: int) -> Sequence:
        start, items = event.start_mark, []
        stop = event.end_mark.index
        while not isinstance(inner := next(self._events), self._kinds.SequenceEndEvent):
            items.append(self._node(inner, depth + 1))
            stop = max(stop, items[-1].end)
        if event.flow_style:
            stop = inner.end_mark.index
        return Sequence(tuple(items), bool(event.flow_style), start.line + 1, start.column + 1, start.index, stop)

    def _mapping(self, event: Any, depth: int) -> Mapping:
        start, stop = event.start_mark, event.end_mark.index
        pairs: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(inner := next(self._events), self._kinds.MappingEndEvent):
            key = self._node(inner, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._problem(inner, "a key must be plain text; text with `{` or `[` in it needs quotes")
                continue
            if isinstance(value, Scalar) and value.start == value.end:
                value = self._absent(key)
            stop = max(stop, value.end)
            first = pairs.setdefault(key.text, (key, value))[0]
            if first is not key:
                name = brief(key.text)
                self._problem(inner, f"`{name}` is here a second time; the first is in line {first.line}")
        if event.flow_style:
            stop = inner.end_mark.index
        return Mapping(pairs, bool(event.flow_style), start.line + 1, start.column + 1, start.index, stop)

    def _absent(self, key: Scalar) -> Scalar:
        """The value of `key:`. The parsers differ in where they place it; here it begins behind the colon."""
        colon = _COLON.match(self._text, key.end)
        end = colon.end() if colon else key.end
        return Scalar("", True, key.line, key.column, end, end)


_COLON = re.compile(r"[ \t]*:")


def _syntax_problem(error: Any, text: str) -> Located:
    mark = error.problem_mark or error.context_mark
    line, column, index = (mark.line + 1, mark.column + 1, mark.index) if mark else (1, 1, 0)
    character = text[index : index + 1]
    problem = str(error.problem)
    if character == "\t" and ("cannot start any token" in problem or "tab character" in problem):
        return Located(line, column, "a tab can't indent YAML; use spaces")
    if "cannot start any token" in problem:
        return Located(line, column, f"a value can't begin with `{character}`; put it in quotes")
    if "mapping values are not allowed" in problem:
        message = "this `:` can't stand here: a value with `: ` in it needs quotes, a key the indentation of its kin"
        return Located(line, column, message)
    if "unexpected ':'" in problem:
        return Located(line, column, "a value with `:` in it needs quotes here")
    if "expected key" in problem or "<block end>" in problem:
        return Located(line, column, "this does not belong here: wrong indentation, or text behind a finished value")
    opened = error.context_mark
    since = f", begun in line {opened.line + 1}" if opened is not None and opened.line + 1 != line else ""
    context = f" {error.context}" if error.context else ""
    return Located(line, column, f"this is not YAML: {brief(problem)}{context}{since}")
