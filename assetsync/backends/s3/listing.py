"""Listings of a bucket, a page for each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from botocore.parsers import ResponseParserError

from assetsync.backends.contract import Listing, ObjectInfo
from assetsync.backends.refusal import Place
from assetsync.backends.s3.failures import cut
from assetsync.backends.s3.signed import Call, Requests
from assetsync.backends.s3.translate import LIST, not_of_s3

_LIST = Call("ListObjectsV2", "GET", LIST)
_LONGEST_SIZE = 18


class Page(NamedTuple):
    """A page of a listing: (key, size, etag) of objects, folders, and the token of the next page, if there is one."""

    objects: list[tuple[str, int, str]]
    folders: list[str]
    next: str


class Listings:
    """The listings of one bucket under a prefix (empty, or with a slash at its end), by keys relative to it."""

    def __init__(self, requests: Requests, place: Callable[[], Place], prefix: str) -> None:
        self._requests = requests
        self._place = place
        self._prefix = prefix

    def page(self, prefix: str, *, delimiter: bool, token: str) -> tuple[Listing, str]:
        """At most 1,000 objects and folders, and the token of the next page. One try. NoStoreError."""
        query = {"list-type": "2", "encoding-type": "url", "prefix": self._prefix + prefix}
        if delimiter:
            query["delimiter"] = "/"
        if token:
            query["continuation-token"] = token
        body = self._requests.send(_LIST, None, query)
        try:
            page = page_of(body)
        except ResponseParserError as error:
            raise cut(LIST, "", self._place(), error) from error
        objects = [ObjectInfo(self._relative(key), size, tag=etag) for key, size, etag in page.objects]
        return Listing(objects, [self._relative(folder) for folder in page.folders]), page.next

    def _relative(self, text: str) -> str:
        """A key of a listing without the prefix. StoreError for one that was not asked for."""
        if not text.startswith(self._prefix):
            raise not_of_s3(LIST, "", self._place(), f"`{text}` was not asked for")
        return text[len(self._prefix) :]


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
    objects = [
        (decode(_text(entry, f"{space}Key")), _size(entry, space), _etag(entry, space))
        for entry in root.iter(f"{space}Contents")
    ]
    folders = [decode(_text(entry, f"{space}Prefix")) for entry in root.iter(f"{space}CommonPrefixes")]
    return Page(objects, folders, root.findtext(f"{space}NextContinuationToken") or "")


def _size(entry: ET.Element, space: str) -> int:
    text = _text(entry, f"{space}Size")
    if not text.isdecimal() or len(text) > _LONGEST_SIZE:
        raise ResponseParserError("`Size` is no number")
    return int(text)


def _etag(entry: ET.Element, space: str) -> str:
    """As in a header: with its quotes, which some leave out in listings."""
    etag = (entry.findtext(f"{space}ETag") or "").strip('"')
    return f'"{etag}"' if etag else ""


def _text(entry: ET.Element, name: str) -> str:
    text = entry.findtext(name)
    if not text:
        raise ResponseParserError(f"an entry without `{name.rpartition('}')[2]}`")
    return text
