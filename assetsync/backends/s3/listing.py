"""Pages of ListObjectsV2, read with a third of the time that botocore takes for its records of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError

# The document that botocore gets to read in place of a page.
_NOTHING = b"<ListBucketResult/>"
_LONGEST_SIZE = 18


class Page(NamedTuple):
    """A page of a listing: (key, size) pairs, folders, and the token of the next page, if there is one."""

    objects: list[tuple[str, int]]
    folders: list[str]
    next: str


def take_listing(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """For botocore's event `before-parse.s3.ListObjectsV2`: put the `Page` into the reply, instead of all else."""
    if response_dict["status_code"] == 200:
        customized_response_dict["Page"] = page_of(response_dict["body"])
        response_dict["body"] = _NOTHING


def page_of(body: bytes) -> Page:
    """The page that a reply holds. ResponseParserError for what is none."""
    try:
        # With an encoding given, that of the document is no matter.
        root = ET.fromstring(body, ET.XMLParser(encoding="utf-8"))  # noqa: S314 - expat has limits
    except ET.ParseError as error:
        raise ResponseParserError(str(error)) from error
    space, _, name = root.tag.rpartition("}")
    space = f"{space}}}" if space else ""
    if name != "ListBucketResult":
        raise ResponseParserError(f"`{name}` is no listing")
    decode: Callable[[str], str] = unquote_plus if root.findtext(f"{space}EncodingType") == "url" else str
    objects = [(decode(_text(entry, f"{space}Key")), _size(entry, space)) for entry in root.iter(f"{space}Contents")]
    folders = [decode(_text(entry, f"{space}Prefix")) for entry in root.iter(f"{space}CommonPrefixes")]
    return Page(objects, folders, root.findtext(f"{space}NextContinuationToken") or "")


def _size(entry: ET.Element, space: str) -> int:
    text = _text(entry, f"{space}Size")
    if not text.isdecimal() or len(text) > _LONGEST_SIZE:
        raise ResponseParserError("`Size` is no number")
    return int(text)


def _text(entry: ET.Element, name: str) -> str:
    text = entry.findtext(name)
    if not text:
        raise ResponseParserError(f"an entry without `{name.rpartition('}')[2]}`")
    return text
