"""The index of an asset, `NAME.versions`: read, remembered by its tag, and changed by compare-and-swap only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from assetsync.backends.contract import Backend, ObjectInfo
from assetsync.errors import ChangedError, ContentError, DamagedError, ExistsError, NotFoundError, StoreError
from assetsync.model.versioning import Versioning, is_valid
from assetsync.remote import documents, layout
from assetsync.state.cache import Cache

# Compare-and-swap rounds before giving up; each lost round means that another publisher won one.
INDEX_ATTEMPTS = 50


class Index(NamedTuple):
    """A `.versions`, sorted out: valid versions newest first, the others as found, and the tag for `replace`."""

    listed: tuple[str, ...]
    foreign: tuple[str, ...]
    tag: str


class _Raw(NamedTuple):
    """The versions of a `.versions`, as found, and the tag for `replace`: None where there is none."""

    versions: tuple[str, ...]
    tag: str | None


class Indexes:
    """The indexes of a store's assets, seen through a versioning system.

    `cache` remembers the versions that were read with a tag. `listed` has the tags of objects that a listing has just
    shown, as long as its owner keeps them there: what was read with such a tag is not read again.
    """

    def __init__(self, backend: Backend, versioning: Versioning, cache: Cache, listed: Mapping[str, str]) -> None:
        self._backend = backend
        self._versioning = versioning
        self._cache = cache
        self._listed = listed
        # What this process has read, for the next change to begin with.
        self._read: dict[str, _Raw] = {}

    def of(self, name: str) -> Index | None:
        """The versions of an asset as `.versions` has them, or None when there is no such asset. DamagedError."""
        raw = self._read[name] = self._now(name)
        return self._index(raw)

    def remembered(self, name: str) -> Index | None:
        """The same without asking: None when there is no such asset, or not the one that is remembered."""
        raw = self._known(name)
        return self._index(raw) if raw else None

    def recognise(self, name: str, versions: Iterable[str], listed: ObjectInfo) -> None:
        """Remember a `.versions` unread, when a listing tells by size and MD5 that it holds just these versions.

        S3 tags an object with the MD5 of its bytes ("Common response headers", ETag), but for those in parts and under
        a key of KMS. No store is believed more by this: it could as well answer with other bytes.
        """
        ordered = tuple(self._versioning.sort(versions))
        try:
            data = documents.render_versions(ordered)
        except ContentError:
            return
        if listed.size == len(data) and listed.tag.strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest():
            self._cache.remember_versions(self._fact(name), ordered, listed.tag)

    def raw(self, name: str) -> tuple[str, ...]:
        """`.versions` as it stands, with all that may be wrong with it. NotFoundError, DamagedError."""
        return self._asked(name)[0]

    def take_for_absent(self, names: Iterable[str]) -> None:
        """Let `add` begin with the belief that these assets have no `.versions`. Another one shows then."""
        self._read.update(dict.fromkeys(names, _Raw((), None)))

    def add(self, name: str, version: str) -> None:
        """Put a committed version into `.versions`, by compare-and-swap; no version is ever lost. StoreError."""
        self.rewrite(name, lambda versions: (*versions, version))

    def rewrite(self, name: str, change: Callable[[tuple[str, ...]], Iterable[str]]) -> None:
        """Replace the versions of `.versions` by what `change` makes of them, sorted; repeated when someone else won.

        Versions of another scheme stay, after the others: modelkit takes the first for the newest. It begins with what
        this process has read before, if it has: when that is outdated, the store refuses, and it is read again.
        """
        for _ in range(INDEX_ATTEMPTS):
            remembered = self._read.pop(name, None)
            raw = remembered or self._now(name)
            ordered = self._changed(raw, change)
            if ordered is None:
                if remembered:
                    continue  # that there is nothing to do, memory can't tell
                return
            try:
                self._backend.replace(layout.versions_key(name), documents.render_versions(ordered), raw.tag)
            except (ChangedError, ExistsError):
                continue
            return
        raise StoreError(
            f"cannot update `{layout.versions_key(name)}` in `{self._backend.url}`: it changed {INDEX_ATTEMPTS} times"
            " meanwhile",
            hint="run the same command again; what was uploaded is kept",
        )

    def rebuild(self, name: str, versions: Iterable[str]) -> None:
        """Replace a `.versions` that can't be read by one of these versions, unless somebody else has done so.

        ChangedError when it changes right now.
        """
        key = layout.versions_key(name)
        blob = self._backend.read(key)
        try:
            documents.parse_versions(blob.data, key=key)
        except DamagedError:
            self._backend.replace(key, documents.render_versions(self._versioning.sort(versions)), blob.tag)

    def _now(self, name: str) -> _Raw:
        """`.versions` as it is now. DamagedError."""
        known = self._known(name)
        if known is not None:
            return known
        try:
            versions, tag = self._asked(name)
        except NotFoundError:
            return _Raw((), None)
        self._cache.remember_versions(self._fact(name), versions, tag)
        return _Raw(versions, tag)

    def _known(self, name: str) -> _Raw | None:
        """`.versions` as it is remembered, where it was just listed with the tag of that."""
        listed = self._listed.get(layout.versions_key(name))
        versions = self._cache.versions(self._fact(name), listed) if listed else None
        return None if versions is None else _Raw(versions, listed)

    def _index(self, raw: _Raw) -> Index | None:
        if raw.tag is None:
            return None
        valid, foreign = self._sorted_out(raw.versions)
        return Index(valid, foreign, raw.tag)

    def _asked(self, name: str) -> tuple[tuple[str, ...], str]:
        key = layout.versions_key(name)
        blob = self._backend.read(key, limit=documents.MAX_VERSIONS_BYTES)
        return documents.parse_versions(blob.data, key=key), blob.tag

    def _fact(self, name: str) -> str:
        return f"index {self._backend.url} {name}"

    def _changed(self, raw: _Raw, change: Callable[[tuple[str, ...]], Iterable[str]]) -> tuple[str, ...] | None:
        """The versions that `.versions` is to hold; None when it does already."""
        valid, foreign = self._sorted_out(change(raw.versions))
        ordered = (*valid, *foreign)
        return None if raw.tag is not None and ordered == raw.versions else ordered

    def _sorted_out(self, versions: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The valid versions, newest first, and those of another scheme as they come; each once."""
        once = dict.fromkeys(versions)
        ours = dict.fromkeys(version for version in once if is_valid(self._versioning, version))
        return tuple(self._versioning.sort(ours)), tuple(version for version in once if version not in ours)
