"""The memory that lets a publish go on after its process died: the claims it made, and uploads in parts.

One small file each under `.assetsync/journal`, so that several processes never wait for or overwrite each other. Losing
them loses no committed work, only the shortcut of going on.
"""

from __future__ import annotations

import hashlib
import re

from assetsync.model.tree import FileEntry
from assetsync.state.folder import Folder

# Bytes of an entry. The longest are ids of uploads; those of Google are URLs.
LARGEST = 16 * 1024
_CLAIM = r"claim-[0-9a-zA-Z-]{1,64}"


class Journal:
    """The journal in `folder`, made at first use. In memory when `folder` is None or can't be written.

    InvalidError, of all methods, when an entry or the folder is a link or somebody else's.
    """

    def __init__(self, folder: Folder | None) -> None:
        self._folder = folder
        self._memory: dict[str, str] = {}
        # The claims of this process. To read each of the many that are under way, again and again, takes long.
        self._claimed: dict[str, str] = {}

    def claims(self) -> frozenset[str]:
        """The ids of the claims that were made from here and not seen through."""
        names = {*self._memory, *self._names()}
        return frozenset(name.removeprefix("claim-") for name in names if re.fullmatch(_CLAIM, name))

    def has_claim(self, store: str, version: str) -> bool:
        """Whether a publish of a version began here and was not seen through."""
        return any(self._claims(claim_id, store, version) for claim_id in self.claims())

    def add_claim(self, claim_id: str, store: str, version: str) -> None:
        """Remember a claim on `version` (with its asset's name) in `store`."""
        text = self._claimed[claim_id] = _claimed(store, version)
        self._write(f"claim-{claim_id}", text)

    def drop_claim(self, claim_id: str) -> None:
        """Forget a claim that was seen through, or was never made."""
        self._claimed.pop(claim_id, None)
        self._remove(f"claim-{claim_id}")

    def drop_claims(self, store: str, version: str) -> None:
        """Forget all claims on a version, those of tries that died before the claim was in the store included."""
        for claim_id in sorted(self.claims()):
            if self._claims(claim_id, store, version):
                self.drop_claim(claim_id)

    def _claims(self, claim_id: str, store: str, version: str) -> bool:
        text = self._claimed.get(claim_id) or self._read(f"claim-{claim_id}")
        return text == _claimed(store, version)

    def upload(self, store: str, key: str, entry: FileEntry) -> str | None:
        """The id of an upload in parts of exactly this content to this key, if one was begun."""
        return self._read(_upload_name(store, key, entry))

    def begin_upload(self, store: str, key: str, entry: FileEntry, upload_id: str) -> None:
        """Remember an upload in parts of this content to this key, in place of an earlier one."""
        self._write(_upload_name(store, key, entry), upload_id)

    def end_upload(self, store: str, key: str, entry: FileEntry) -> None:
        """Forget an upload that is complete, or given up."""
        self._remove(_upload_name(store, key, entry))

    def _names(self) -> list[str]:
        try:
            return self._folder.names() if self._folder else []
        except OSError:
            return []

    def _read(self, name: str) -> str | None:
        if name in self._memory or self._folder is None:
            return self._memory.get(name)
        try:
            text = self._folder.read(name, LARGEST).decode()
        except (OSError, UnicodeDecodeError):
            return None
        return text or None

    def _write(self, name: str, text: str) -> None:
        if self._folder is not None:
            try:
                # 0600: the id of a resumable upload is all that is needed to write to it.
                self._folder.write(name, text.encode(), mode=0o600, durable=False)
                return
            except OSError:
                pass  # a read-only checkout publishes all the same
        self._memory[name] = text

    def _remove(self, name: str) -> None:
        self._memory.pop(name, None)
        if self._folder is not None:
            try:
                self._folder.remove(name)
            except OSError:
                pass  # what stays is an id of something that is over


def _claimed(store: str, version: str) -> str:
    return f"{store}\n{version}"


def _upload_name(store: str, key: str, entry: FileEntry) -> str:
    return "upload-" + hashlib.sha256("\n".join((store, key, entry.sha256)).encode()).hexdigest()
