"""The documents that Cloud Storage answers with, read into values. Each reader raises ValueError for any other JSON."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from assetsync.backends.gcs.digest import FIELD
from assetsync.shape import misfit

# Below 10^18, which is more than any object has.
_SIZE = re.compile(r"[0-9]{1,18}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXT = (str, type(...))
_OBJECT = {"name": str, "size": (str, int), "generation": (str, int, type(...)), FIELD: _TEXT}
_PAGE = {"items": (list, type(...)), "prefixes": (list, type(...)), "nextPageToken": _TEXT}


class Resource(NamedTuple):
    """An object: its whole name and its size; the rest is empty or None where it was not asked for or is not known.

    `sha256` (hex) is the one that the uploader left, `checksum` the server's own, in Base64.
    """

    name: str
    size: int
    sha256: str | None
    generation: str
    checksum: str


class Page(NamedTuple):
    """A page of a listing: objects, folders by their whole names, and the token of the next page, if there is one."""

    objects: list[Resource]
    folders: list[str]
    next: str


class Rewrite(NamedTuple):
    """How far a copy has come: the copy, or the token to go on with."""

    copy: Resource | None
    token: str


def resource_of(document: Any) -> Resource:
    """An object's resource."""
    _hold(document, _OBJECT)
    size = str(document["size"])
    if not _SIZE.fullmatch(size):
        raise ValueError("`size` is no number")
    metadata = document.get("metadata")
    sha256 = metadata.get("sha256") if isinstance(metadata, dict) else None
    if metadata is not None and not isinstance(metadata, dict):
        raise ValueError("`metadata` is no object")
    known = isinstance(sha256, str) and _SHA256.fullmatch(sha256)
    generation = str(document.get("generation", ""))
    return Resource(document["name"], int(size), sha256 if known else None, generation, document.get(FIELD, ""))


def page_of(document: Any) -> Page:
    """A page of a listing."""
    _hold(document, _PAGE)
    folders = document.get("prefixes", [])
    _hold(folders, [str])
    return Page([resource_of(item) for item in document.get("items", ())], folders, document.get("nextPageToken", ""))


def rewrite_of(document: Any) -> Rewrite:
    """The reply to one round of a copy."""
    _hold(document, {"done": bool})
    if document["done"]:
        return Rewrite(resource_of(document.get("resource")), "")
    _hold(document, {"rewriteToken": str})
    return Rewrite(None, document["rewriteToken"])


def _hold(document: Any, shape: Any) -> None:
    place = misfit(document, shape)
    if place is not None:
        raise ValueError(f"`{place}` is missing or of another type")
