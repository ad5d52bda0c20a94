"""The remote layout over a backend: versions, metas, claims and the list of assets. No policy, no local files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from assetsync.backends.contract import Backend, Blob, ConditionalBackend, Listing, MadeByWriting, ObjectInfo
from assetsync.backends.opening import open_backend
from assetsync.errors import DamagedError, NotFoundError
from assetsync.manifest.settings import completed, environ_of
from assetsync.model.manifest import StoreConfig
from assetsync.model.marks import NO_MARKS, Marks
from assetsync.model.names import name_problem
from assetsync.model.tree import Content, FileEntry, Tree, directory_tree, file_tree
from assetsync.model.versioning import Versioning, is_valid, looks_like_version
from assetsync.plan.snapshot import RemoteVersion, Unfinished
from assetsync.pool import LOOK_WIDTH, together
from assetsync.progress import Progress, no_progress
from assetsync.remote import documents, layout
from assetsync.remote.documents import Claim, Meta
from assetsync.remote.index import Index, Indexes
from assetsync.remote.listed import tags
from assetsync.remote.marks import read_marks
from assetsync.remote.walk import indexed_in, walk
from assetsync.state.cache import Cache


class Folder(Struct, frozen=True):
    """A listing of an asset's folder: the committed versions, and the versions that have other objects alone.

    `done_claims` are the committed versions whose claim is still there.
    """

    committed: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()
    data_only: tuple[str, ...] = ()
    done_claims: tuple[str, ...] = ()


class AssetFolder(NamedTuple):
    """An asset, or a folder that looks like one, as a walk through the store finds it. `marked`: it has a `.marks`."""

    name: str
    indexed: bool
    folder: Folder
    marked: bool = False


class ListedAsset(NamedTuple):
    """An asset as a list of a store has it: its versions newest first, and those of other schemes as found.

    `error` says why its versions or marks can't be read, `refused` why assetsync takes no asset of this name, though
    modelkit does; then both tuples are empty.
    """

    name: str
    versions: tuple[str, ...]
    foreign: tuple[str, ...]
    error: str | None = None
    refused: str | None = None
    marks: Marks = NO_MARKS


class Store:
    """One store, seen through a versioning system. `cache` remembers what never changes.

    `called` is the store's URL as a person wrote it, for messages; that of the backend by default. Up to
    `width` requests are sent at once where many things are looked at.
    """

    def __init__(
        self,
        backend: Backend,
        versioning: Versioning,
        cache: Cache,
        *,
        called: str | None = None,
        width: int = LOOK_WIDTH,
    ) -> None:
        self.backend = backend
        self.called = called or backend.url
        self.versioning = versioning
        self.cache = cache
        self.width = width
        self._metas: dict[tuple[str, str], Meta] = {}
        # Tags of objects that a listing has just shown.
        self._listed: dict[str, str] = {}
        self.indexes = Indexes(backend, versioning, cache, self._listed)

    @property
    def url(self) -> str:
        """The store's URL, as in `Backend.url`."""
        return self.backend.url

    @property
    def is_to_be_made(self) -> bool:
        """Whether publishing would make the store: a directory that does not exist yet. StoreError.

        False for a bucket, which nobody makes but its owner; without it, every request raises NoStoreError.
        """
        return isinstance(self.backend, MadeByWriting) and not self.backend.is_there()

    def close(self) -> None:
        """Close the connections of the backend."""
        self.backend.close()

    def listing_ahead(self, locked: Mapping[str, str]) -> AbstractContextManager[None]:
        """For a block that asks for the indexes of these assets, and confirms these versions of them: list them first,
        where a few listings save many requests. StoreError.
        """
        keys = [
            (name, key)
            for name, version in locked.items()
            for key in (layout.versions_key(name), layout.meta_key(name, version))
        ]
        return self._believing(tags(self.backend, keys, width=self.width))

    @contextmanager
    def _believing(self, listed: Mapping[str, str]) -> Iterator[None]:
        """In the block, objects have the tags that were just listed."""
        self._listed.update(listed)
        try:
            yield
        finally:
            self._listed.clear()

    def meta(self, name: str, version: str) -> Meta:
        """The `.meta` of a version. NotFoundError when the version does not exist; DamagedError."""
        key = layout.meta_key(name, version)
        return self._meta(name, version, self.backend.read(key, limit=documents.MAX_META_BYTES))

    def planned_meta(self, name: str, version: str) -> Meta:
        """The same, for who carries out what was just planned: not asked for again when the plan has read it."""
        return self._metas.pop((name, version), None) or self.meta(name, version)

    def _meta(self, name: str, version: str, blob: Blob) -> Meta:
        meta = replace(documents.parse_meta(blob.data, key=layout.meta_key(name, version)), tag=blob.tag)
        if meta.tree is not None:
            self._remember(name, version, meta.tree.content, meta.tag)
        return meta

    def _changed_meta(self, name: str, version: str, tag: str) -> Meta | None:
        """The `.meta` of a version; None when it still is the one with `tag`. NotFoundError, DamagedError."""
        key = layout.meta_key(name, version)
        if isinstance(self.backend, ConditionalBackend):
            blob = self.backend.read_changed(key, tag, limit=documents.MAX_META_BYTES)
        else:
            blob = self.backend.read(key, limit=documents.MAX_META_BYTES)
        return None if blob is None or blob.tag == tag else self._meta(name, version, blob)

    def folder(self, name: str) -> Folder:
        """The versions in an asset's folder. One listing with a delimiter; it never descends into versions."""
        return self._without_empty(
            name, self._folder_of(name, self.backend.list(layout.asset_folder(name), delimiter=True))
        )

    def _without_empty(self, name: str, folder: Folder) -> Folder:
        """The same without folders that hold nothing: SeaweedFS lists those from which everything was deleted.

        A listing for each version that has neither `.meta` nor claim; there is hardly ever one.
        """
        if not folder.data_only:
            return folder
        filled = together(lambda version: self._has_data(layout.data_key(name, version)), folder.data_only)
        kept = tuple(version for version, some in zip(folder.data_only, filled, strict=True) if some)
        return replace(folder, data_only=kept)

    def _has_data(self, key: str) -> bool:
        """Whether there is an object at `key`, or in the folder of that name."""
        if self.backend.list(f"{key}/").objects:
            return True
        try:
            self.backend.stat(key)
        except NotFoundError:
            return False
        return True

    def _folder_of(self, name: str, listing: Listing) -> Folder:
        found = layout.version_objects(name, (entry.key for entry in listing.objects), listing.folders)
        valid = {version: objects for version, objects in found.items() if is_valid(self.versioning, version)}
        open_ = {version: objects for version, objects in valid.items() if not objects.meta}
        return Folder(
            committed=tuple(version for version, objects in valid.items() if objects.meta),
            claimed=tuple(version for version, objects in open_.items() if objects.claim),
            data_only=tuple(version for version, objects in open_.items() if not objects.claim),
            done_claims=tuple(version for version, objects in valid.items() if objects.meta and objects.claim),
        )

    def claim(self, name: str, version: str) -> tuple[Claim, float] | None:
        """The claim on a version and its age in seconds by the store's clock, or None. DamagedError."""
        key = layout.claim_key(name, version)
        try:
            found = self.backend.read_dated(key, limit=documents.MAX_CLAIM_BYTES)
        except NotFoundError:
            return None
        return documents.parse_claim(found.data, key=key), found.age

    def tagged_claim(self, name: str, version: str) -> tuple[Claim, str] | None:
        """The claim on a version and its tag, or None; without its age, which costs more. DamagedError."""
        key = layout.claim_key(name, version)
        try:
            found = self.backend.read(key, limit=documents.MAX_CLAIM_BYTES)
        except NotFoundError:
            return None
        return documents.parse_claim(found.data, key=key), found.tag

    def unfinished(self, name: str, version: str, own_claims: Collection[str]) -> Unfinished:
        """An unfinished version of which a claim was listed. A claim that can't be read counts as none."""
        try:
            found = self.claim(name, version)
        except DamagedError:
            found = None
        if found is None:
            return Unfinished(version)
        claim, age = found
        return Unfinished(version, claim.digest, claim.is_directory, claim.who, age, claim.id in own_claims)

    def is_spoiled(self, name: str, version: str, tree: Tree) -> bool:
        """Whether an object of an unfinished version is not the file that `tree` has there. One listing.

        Some servers keep an empty object when a client dies between the head and the body of a PUT. Sizes tell that;
        what only a checksum tells is known where a publish has run into it, see `spoil`.
        """
        if self.cache.fact(self._spoilt(name, version)) is not None:
            return True
        sizes = self.sizes(name, version, tree)
        return any(sizes.get(file.path, file.size) != file.size for file in tree.files)

    def spoil(self, name: str, version: str, key: str) -> None:
        """Remember that an unfinished version can't be finished, because the object at `key` is another."""
        self.cache.remember(self._spoilt(name, version), key)

    def _spoilt(self, name: str, version: str) -> str:
        return f"spoilt {self.url} {name}:{version}"

    def sizes(self, name: str, version: str, shape: Meta | Tree) -> dict[str, int]:
        """The sizes in bytes of the data objects that are there of a version, by path; also where it has no `.meta`.

        `shape` says whether it is a directory.
        """
        if not shape.is_directory:
            try:
                return {"": self.backend.stat(layout.data_key(name, version)).size}
            except NotFoundError:
                return {}
        prefix = layout.data_key(name, version) + "/"
        return {entry.key.removeprefix(prefix): entry.size for entry in self.backend.list(prefix).objects}

    def confirm(self, name: str, version: str) -> RemoteVersion | None:
        """A version as it is now, asked for anew; None when it does not exist. DamagedError.

        It costs a small request where its `.meta` is the one that is remembered here, none where it was just listed so,
        and a GET of it otherwise; one of modelkit costs a look at the sizes of its files besides.
        """
        content, tag = self._remembered(name, version) or (None, "")
        if tag and self._listed.get(layout.meta_key(name, version)) == tag:
            return RemoteVersion(version, content)
        try:
            # Where the store names no tags, nothing tells that it is the same.
            meta = self._changed_meta(name, version, tag) if tag else self.meta(name, version)
        except NotFoundError:
            return None
        return self._version(name, version, meta) if meta else RemoteVersion(version, content)

    def compare(self, name: str, version: str, like: Tree) -> RemoteVersion | None:
        """A version with enough to tell whether its content is `like`; None when it does not exist. DamagedError.

        The cache may answer, for versions never change. A version of modelkit is compared by its sizes and then, if
        need be, by reading it once.
        """
        known = self._remembered(name, version)
        if known is not None:
            return RemoteVersion(version, known[0])
        found = self.look(name, version)
        if found is None or found.content is not None or not _may_be(found, like):
            return found
        return self.look(name, version, like=like)

    def look(self, name: str, version: str, *, like: Tree | None = None) -> RemoteVersion | None:
        """A version with its files, from its `.meta`; None when it does not exist. DamagedError.

        A version of modelkit has no hashes: of its files, those that `like` has with the same path and size are read
        once, and what that teaches is remembered.
        """
        try:
            meta = self.meta(name, version)
        except NotFoundError:
            return None
        return self._version(name, version, meta, like)

    def _version(self, name: str, version: str, meta: Meta, like: Tree | None = None) -> RemoteVersion:
        self._metas[name, version] = meta
        if meta.tree is not None:
            return RemoteVersion(version, meta.tree.content, meta.tree.files)
        sizes = self.sizes(name, version, meta)
        hashes = self._learnt_hashes(name, version, meta)
        if like is not None:
            same = {file.path for file in like.files if sizes.get(file.path) == file.size}
            missing = [path for path in meta.paths if path in same and path not in hashes]
            hashes = self._learn_hashes(name, version, meta, hashes, {path: sizes[path] for path in missing})
        files = tuple(sorted(FileEntry(path, sizes.get(path, 0), hashes.get(path, "")) for path in meta.paths))
        content = None
        if files and all(file.sha256 and file.path in sizes for file in files):
            content = _tree(meta, files).content
            self._remember(name, version, content, meta.tag)
        return RemoteVersion(version, content, files, is_compared=like is not None)

    def learn(self, name: str, version: str, meta: Meta, progress: Progress = no_progress) -> Tree:
        """The tree of a version that modelkit made, by reading all of it, once; it is remembered."""
        entries = [self._hashed(name, version, path, progress) for path in meta.paths]
        tree = _tree(meta, entries)
        self.learnt(name, version, meta, tree)
        return tree

    def learnt(self, name: str, version: str, meta: Meta, tree: Tree) -> None:
        """Remember the tree of a version that modelkit made, learnt by downloading it."""
        self._remember_hashes(name, version, meta, {file.path: file.sha256 for file in tree.files})
        self._remember(name, version, tree.content, meta.tag)

    def _learn_hashes(
        self, name: str, version: str, meta: Meta, known: Mapping[str, str], sizes: Mapping[str, int]
    ) -> Mapping[str, str]:
        """`known`, and the hashes of the files of which `sizes` has the size, by reading those."""
        if not sizes:
            return known
        read = together(lambda path: self.sha256(layout.data_key(name, version, path), sizes[path]), sizes)
        hashes = {**known, **dict(zip(sizes, read, strict=True))}
        self._remember_hashes(name, version, meta, hashes)
        return hashes

    def _learnt_hashes(self, name: str, version: str, meta: Meta) -> Mapping[str, str]:
        tag, hashes = self.cache.learnt(f"hashes {self.url} {name}:{version}")
        return hashes if tag and tag == meta.tag else {}

    def _remember_hashes(self, name: str, version: str, meta: Meta, hashes: Mapping[str, str]) -> None:
        self.cache.remember_learnt(f"hashes {self.url} {name}:{version}", meta.tag, hashes)

    def _hashed(self, name: str, version: str, path: str, progress: Progress) -> FileEntry:
        key = layout.data_key(name, version, path)
        size = self.backend.stat(key).size
        return FileEntry(path, size, self.sha256(key, size, progress))

    def sha256(self, key: str, size: int, progress: Progress = no_progress) -> str:
        """The sha256 of an object, by reading its `size` bytes."""
        digest = hashlib.sha256()
        for chunk in self.backend.read_range(key, 0, size):
            digest.update(chunk)
            progress(len(chunk))
        return digest.hexdigest()

    def list(self, wanted: Callable[[str], bool] = lambda name: True) -> Sequence[ListedAsset]:
        """The wanted assets with their versions, sorted by name. StoreError.

        One small GET, many at once, for each whose index is neither the one that is remembered nor, by its MD5, what
        its folder says; and one more for marks where there are some.
        """
        found: dict[str, bool] = {}
        listed: dict[str, ObjectInfo] = {}
        committed: dict[str, Sequence[str]] = {}
        for folder, listing in walk(self.backend, self._is_version, width=self.width):
            marked = _marked(listing)
            found.update((name, name in marked) for name in indexed_in(listing) if wanted(name))
            listed.update((entry.key, entry) for entry in listing.objects if entry.tag)
            asset = folder.removesuffix("/")
            if asset in found:
                committed[asset] = self._folder_of(asset, listing).committed
        with self._believing({key: entry.tag for key, entry in listed.items()}), self.cache.at_once():
            for name, versions in committed.items():
                index = listed.get(layout.versions_key(name))
                if index is not None:
                    self.indexes.recognise(name, versions, index)
            known = {name: self.indexes.remembered(name) for name in found}
            open_ = [name for name, marked in found.items() if marked or known[name] is None]
            answers = together(lambda name: self._as_listed(name, found[name]), open_, width=self.width)
            read = dict(zip(open_, answers, strict=True))
            return [read.get(name) or _entry(name, known[name]) for name in sorted(found)]

    def _as_listed(self, name: str, marked: bool) -> ListedAsset:
        if name_problem(name) is not None:
            return _entry(name, None)
        try:
            return _entry(name, self.indexes.of(name), read_marks(self, name) if marked else NO_MARKS)
        except DamagedError as error:
            return ListedAsset(name, (), (), error.message)

    def survey(self) -> Sequence[AssetFolder]:
        """All assets, sorted by name, with what lies in their folders; those that never got an index, too. StoreError.

        A folder that holds an asset of modelkit, such as `1.0` with `models/1.0/x`, is no data of a version.
        """
        indexed: set[str] = set()
        marked: set[str] = set()
        folders: dict[str, Folder] = {}
        for folder, listing in walk(self.backend, self._is_version):
            indexed.update(indexed_in(listing))
            marked.update(_marked(listing))
            if folder:
                folders[folder.removesuffix("/")] = self._folder_of(folder.removesuffix("/"), listing)
        holding = {name.rpartition("/")[0] for name in indexed}
        found = {
            name: self._without_empty(name, _without_data(folder, name, holding)) for name, folder in folders.items()
        }
        names = indexed.union(name for name, folder in found.items() if folder != Folder())
        return [AssetFolder(name, name in indexed, found.get(name, Folder()), name in marked) for name in sorted(names)]

    def _is_version(self, folder: str, indexed: Collection[str]) -> bool:
        """Whether a folder is a version of the asset that it lies in. modelkit allows assets in folders like `1.0`."""
        asset, _, segment = folder.rpartition("/")
        return asset in indexed and (is_valid(self.versioning, segment) or looks_like_version(segment))

    def _remembered(self, name: str, version: str) -> tuple[Content, str] | None:
        """The content of a version and the tag of its `.meta`, as far as they are remembered here."""
        return self.cache.content(f"version {self.url} {name}:{version}")

    def _remember(self, name: str, version: str, content: Content, tag: str) -> None:
        self.cache.remember_content(f"version {self.url} {name}:{version}", content, tag)


def _tree(meta: Meta, files: Sequence[FileEntry]) -> Tree:
    return directory_tree(files) if meta.is_directory else file_tree(files[0].size, files[0].sha256)


def _entry(name: str, index: Index | None, marks: Marks = NO_MARKS) -> ListedAsset:
    refused = name_problem(name)
    if refused is not None or index is None:
        return ListedAsset(name, (), (), refused=refused)
    return ListedAsset(name, index.listed, index.foreign, marks=marks)


def _may_be(version: RemoteVersion, tree: Tree) -> bool:
    """Whether a version has the paths and sizes of `tree`."""
    return [file[:2] for file in version.files or ()] == [file[:2] for file in tree.files]


def _marked(listing: Listing) -> Collection[str]:
    """The names of the assets of which marks are in a listing."""
    names = map(layout.name_of_marks_key, (entry.key for entry in listing.objects))
    return {name for name in names if name is not None}


def _without_data(folder: Folder, name: str, holding: Collection[str]) -> Folder:
    return replace(folder, data_only=tuple(one for one in folder.data_only if f"{name}/{one}" not in holding))


def open_store(
    config: StoreConfig,
    versioning: Versioning,
    cache: Cache,
    *,
    root: str,
    environ: Mapping[str, str],
    width: int = LOOK_WIDTH,
) -> Store:
    """The store of `config`, with the settings of the SDKs' own variables; a relative directory is below `root`.

    InvalidError for a directory that belongs to git or to assetsync itself.
    """
    called = config.url
    environ = environ_of(config, environ)
    config = completed(config, environ)
    if "://" not in config.url:
        config = replace(config, url=os.path.normpath(os.path.join(root, os.path.expanduser(config.url))))
    backend = open_backend(config, environ)
    if config.url.startswith(("/", "file://")):
        from assetsync.backends.directory.store import DirectoryBackend
        from assetsync.remote.place import check_place

        if isinstance(backend, DirectoryBackend):
            check_place(backend.root)
    return Store(backend, versioning, cache, called=called, width=width)
