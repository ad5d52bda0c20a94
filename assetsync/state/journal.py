"""What a publish must remember to go on after its process died: the claims it made, and uploads in parts.

One small file each under `.assetsync/journal`, so that several processes never wait for or overwrite each other. Losing
them loses no committed work, only the shortcut of going on.
"""

from __future__ import annotations

import hashlib
import os
import threading

from assetsync.model.tree import FileEntry


class Journal:
    """The journal in `folder`, made at first use. In memory when `folder` is None or can't be written."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._memory: dict[str, str] = {}

    def claims(self) -> frozenset[str]:
        """The ids of the claims that were made from here and not seen through."""
        names = {*self._memory, *self._names()}
        return frozenset(name.removeprefix("claim-") for name in names if name.startswith("claim-"))

    def has_claim(self, store: str, version: str) -> bool:
        """Whether a publish of a version began here and was not seen through."""
        return any(self._read(f"claim-{claim_id}") == _claimed(store, version) for claim_id in self.claims())

    def add_claim(self, claim_id: str, store: str, version: str) -> None:
        """Remember a claim on `version` (with its asset's name) in `store`."""
        self._write(f"claim-{claim_id}", _claimed(store, version))

    def drop_claim(self, claim_id: str) -> None:
        self._remove(f"claim-{claim_id}")

    def drop_claims(self, store: str, version: str) -> None:
        """Forget all claims on a version, those of tries that died before the claim was in the store included."""
        for claim_id in self.claims():
            if self._read(f"claim-{claim_id}") == _claimed(store, version):
                self.drop_claim(claim_id)

    def upload(self, store: str, key: str, entry: FileEntry) -> str | None:
        """The id of an upload in parts of exactly this content to this key, if one was begun."""
        return self._read(_upload_name(store, key, entry))

    def begin_upload(self, store: str, key: str, entry: FileEntry, upload_id: str) -> None:
        self._write(_upload_name(store, key, entry), upload_id)

    def end_upload(self, store: str, key: str, entry: FileEntry) -> None:
        self._remove(_upload_name(store, key, entry))

    def _names(self) -> list[str]:
        try:
            return os.listdir(self._folder) if self._folder else []
        except OSError:
            return []

    def _read(self, name: str) -> str | None:
        if name in self._memory or self._folder is None:
            return self._memory.get(name)
        try:
            with open(os.path.join(self._folder, name), encoding="utf-8") as file:
                return file.read() or None  # empty after a loss of power
        except OSError:
            return None

    def _write(self, name: str, text: str) -> None:
        if self._folder is not None:
            try:
                os.makedirs(self._folder, exist_ok=True)
                # A name that no entry has, until it is complete: half an id would lead astray.
                new = os.path.join(self._folder, f".{os.getpid()}-{threading.get_ident()}")
                # 0600: the id of a resumable upload is all that is needed to write to it.
                descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                os.replace(new, os.path.join(self._folder, name))
                return
            except OSError:
                pass  # a read-only checkout publishes all the same
        self._memory[name] = text

    def _remove(self, name: str) -> None:
        self._memory.pop(name, None)
        if self._folder is not None:
            try:
                os.remove(os.path.join(self._folder, name))
            except OSError:
                pass  # what stays is an id of something that is over


def _claimed(store: str, version: str) -> str:
    return f"{store}\n{version}"


def _upload_name(store: str, key: str, entry: FileEntry) -> str:
    return "upload-" + hashlib.sha256("\n".join((store, key, entry.sha256)).encode()).hexdigest()
