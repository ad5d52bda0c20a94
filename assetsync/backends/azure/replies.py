"""Facts of an object as Azure states them, checked: the SDK takes what comes."""

from __future__ import annotations

import re

from azure.storage.blob import BlobProperties

SHA256 = "sha256"

_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256_of(found: BlobProperties) -> str | None:
    """The sha256 that was kept with an object; not while it is being copied."""
    sha256 = (found.metadata or {}).get(SHA256, "")
    complete = found.copy.status in (None, "success")
    return sha256 if complete and _HEX_SHA256.fullmatch(sha256) else None


def is_size(size: object) -> bool:
    """Whether this is a number of bytes."""
    return type(size) is int and size >= 0


def known(found: BlobProperties) -> BlobProperties:
    """The properties of an object. ValueError for those without a size."""
    if not is_size(found.size):
        raise ValueError("no size")
    return found


def etag_of(found: BlobProperties) -> str:
    """The etag of an object. ValueError where there is none."""
    if not found.etag:
        raise ValueError("no etag")
    return found.etag


def is_directory(found: BlobProperties) -> bool:
    """Accounts with a hierarchical namespace list their folders among the objects."""
    return (found.metadata or {}).get("hdi_isfolder") == "true"


def tag_of(found: BlobProperties) -> str:
    """The etag of an object in a listing, which quotes none, as other replies have it; empty where there is none."""
    return '"{}"'.format(found.etag.strip('"')) if found.etag else ""
