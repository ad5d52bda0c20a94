"""The uncommitted blocks of a blob that is uploaded in parts, and their ids."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import BinaryIO

from azure.storage.blob import BlobBlock

from assetsync.backends.azure.replies import is_size
from assetsync.backends.contract import Part

# The id of a block: that of the upload, its number, and the MD5 of its bytes. Ids of one blob must be equally long, and
# these are as long as the SDK's own, 48: so an upload that modelkit left unfinished is not in the way.
UPLOAD_ID_LENGTH = 10
NUMBER_LENGTH = 6

UPLOAD_ID = re.compile(rf"[0-9a-f]{{{UPLOAD_ID_LENGTH}}}")
_BLOCK_ID = re.compile(rf"[0-9a-f]{{{UPLOAD_ID_LENGTH}}}(?!0{{{NUMBER_LENGTH}}})[0-9]{{{NUMBER_LENGTH}}}[0-9a-f]{{32}}")


def new_upload_id() -> str:
    """An id for a new upload."""
    return secrets.token_hex(UPLOAD_ID_LENGTH // 2)


def block_id(upload_id: str, number: int, md5: str) -> str:
    """The id of a part, by its number and the MD5 of its bytes in hex."""
    return f"{upload_id}{number:0{NUMBER_LENGTH}}{md5}"


def belongs(block: BlobBlock, upload_id: str) -> bool:
    """Whether a block is of an upload; whatever lies there may tell of others."""
    return is_size(block.size) and block.id.startswith(upload_id) and _BLOCK_ID.fullmatch(block.id) is not None


def number_of(block: str) -> int:
    """The number of the part that a block of ours is."""
    return int(block[UPLOAD_ID_LENGTH : UPLOAD_ID_LENGTH + NUMBER_LENGTH])


def md5_at(file: BinaryIO, part: Part, step: int) -> str:
    """The MD5 of what a local file has where the part belongs."""
    file.seek((part.number - 1) * step)
    return hashlib.md5(file.read(step), usedforsecurity=False).hexdigest()
