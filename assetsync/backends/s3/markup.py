"""The XML of S3: replies into a small tree, and the one document that we send.

Written on expat alone, so that a document type, and with it every kind of entity, can be refused where it begins:
replies come from whatever answers at the endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.parsers import expat
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class MalformedError(ValueError):
    """Not XML, or XML that no S3 sends."""


class Element:
    """An element: its name without namespace, its own text, its child elements."""

    __slots__ = ("children", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Element] = []

    def get(self, name: str) -> str:
        """The text of the first child of that name; empty when there is none."""
        return next((child.text for child in self.children if child.name == name), "")

    def need(self, name: str) -> str:
        """The text of a child that must be there. MalformedError."""
        text = self.get(name)
        if not text:
            raise MalformedError(f"`{self.name}` without `{name}`")
        return text

    def number(self, name: str) -> int:
        """The number in a child that must be there. MalformedError."""
        text = self.need(name)
        if not text.isdecimal() or len(text) > 18:
            raise MalformedError(f"`{name}` is no number")
        return int(text)

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)


def parse(body: bytes) -> Element:
    """The root of a document. MalformedError, also for a document type."""
    top = Element("")
    open_ = [top]

    def start(name: str, _: dict[str, str]) -> None:
        element = Element(name.rpartition(" ")[2])
        open_[-1].children.append(element)
        open_.append(element)

    def text(data: str) -> None:
        open_[-1].text += data

    def end(_: str) -> None:
        open_.pop()

    def refuse(*_: object) -> None:
        raise MalformedError("a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    try:
        # S3 sends blanks to keep a connection alive, before the declaration even.
        parser.Parse(body.strip(), True)
    except expat.ExpatError as error:
        raise MalformedError(str(error)) from error
    return top.children[0]


def complete_upload(parts: Iterable[tuple[int, str, str]]) -> bytes:
    """The body of CompleteMultipartUpload, of part number, etag, and SHA-256 in Base64 or an empty text."""
    rows = "".join([_row(number, etag, checksum) for number, etag, checksum in parts])
    return f'<CompleteMultipartUpload xmlns="{NAMESPACE}">{rows}</CompleteMultipartUpload>'.encode()


def _row(number: int, etag: str, checksum: str) -> str:
    sha256 = f"<ChecksumSHA256>{escape(checksum)}</ChecksumSHA256>" if checksum else ""
    return f"<Part>{sha256}<ETag>{escape(etag)}</ETag><PartNumber>{number}</PartNumber></Part>"
