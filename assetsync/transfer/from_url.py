"""Objects in a bucket, outside of any assetsync layout, that are to be published: `assetsync new s3://… NAME`.

Only bytes tell what an asset is, so the objects are downloaded once and published from there. Where they lie in the
bucket of the store, and each of them has a SHA-256 kept with it, as those have that assetsync has written, nothing is
downloaded: the store copies them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from assetsync.backends.contract import Backend, Copy, ObjectInfo
from assetsync.backends.opening import open_backend
from assetsync.errors import ConflictError, InvalidError, NotFoundError
from assetsync.local.exclude import Excludes
from assetsync.local.scan import scan
from assetsync.manifest.settings import completed, environ_of
from assetsync.manifest.store_url import BUCKET_SCHEMES, check_store_url
from assetsync.model.manifest import StoreConfig
from assetsync.model.paths import parts_problem
from assetsync.model.tree import FileEntry, Tree, directory_tree, file_tree
from assetsync.plan.snapshot import Absent, Present, Unusable
from assetsync.pool import Transfers, together
from assetsync.progress import Reporter
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.state.folder import Folder
from assetsync.traffic import UNLIMITED, Traffic
from assetsync.transfer.download import Item, download

_CONTENT = "content"


def is_url(path: str) -> bool:
    """Whether a path is the URL of an object, or of a prefix."""
    return path.partition("://")[0] in BUCKET_SCHEMES and "://" in path


class Origin(Struct, frozen=True):
    """The objects at a URL: a single one, or all below a prefix. `paths` are relative to it, the empty one for an
    object; `keys` are parallel, and relative to the bucket that `backend` stands for.
    """

    url: str
    backend: Backend
    is_directory: bool
    paths: tuple[str, ...]
    keys: tuple[str, ...]
    sizes: tuple[int, ...]
    excluded: int

    def known_tree(self) -> Tree | None:
        """The tree, where a SHA-256 is kept with each object; None where one has none. A request for each of them."""
        sha256s: list[str] = []
        for info in together(self.backend.stat, self.keys):
            if info.sha256 is None:
                return None
            sha256s.append(info.sha256)
        if not self.is_directory:
            return file_tree(self.sizes[0], sha256s[0])
        return directory_tree(map(FileEntry, self.paths, self.sizes, sha256s))

    def reader(self) -> Callable[[str, int], bytes]:
        """A reader of the first bytes of a file, by its path in this and their number. NotFoundError, StoreError."""
        keys = dict(zip(self.paths, self.keys, strict=True))
        return lambda path, size: b"".join(self.backend.read_range(keys[path], 0, size))

    def copier(self, store: str) -> Copy:
        """A function that has the store copy a file of this to a key of the store at the URL `store`, of the same
        bucket.

        NotFoundError, ExistsError, ChecksumError, StoreError.
        """
        keys = dict(zip(self.paths, self.keys, strict=True))
        prefix = _split(store)[1]

        def copy(entry: FileEntry, target: str) -> bool:
            return self.backend.copy(keys[entry.path], f"{prefix}/{target}" if prefix else target, entry)

        return copy

    def bring(self, folder: str, store: Store, asset: str, reporter: Reporter, traffic: Traffic = UNLIMITED) -> Present:
        """Download all into `folder`, as `content`; returns what arrived. AssetsyncError, OSError."""
        arriving = os.path.join(folder, "arriving")
        os.makedirs(arriving, exist_ok=True)
        reporter.begin(asset, "download", sum(self.sizes))
        source = Store(self.backend, store.versioning, store.cache)
        items = [Item(key, size) for key, size in zip(self.keys, self.sizes, strict=True)]
        with Transfers(traffic=traffic) as transfers:
            got = download(
                source, items, arriving, transfers=transfers, progress=lambda count: reporter.advance(asset, count)
            )
        for path, one in zip(self.paths, got, strict=True):
            target = os.path.join(folder, _CONTENT, path) if path else os.path.join(folder, _CONTENT)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.rename(one.path, target)
        reporter.end(asset, f"downloaded {self.url}")
        with Cache(None) as cache:
            found = scan(folder, _CONTENT, cache=cache)
        match found:
            case Present():
                return replace(found, excluded=self.excluded)
            case Unusable():
                raise InvalidError(f"`{self.url}`: {found.message}", hint=found.hint)
            case Absent():
                raise NotFoundError(f"`{self.url}` vanished while it was downloaded")


def content_path(folder: str) -> str:
    """Where `Origin.bring` puts what arrives."""
    return os.path.join(folder, _CONTENT)


def look(url: str, config: StoreConfig, environ: Mapping[str, str], closing: ExitStack) -> Origin:
    """Find the objects at `url`: the one of exactly this key, or else, and with a slash at its end, all below it.

    `config` is the store, whose settings hold for its bucket. Files that are never content are left out. The backend is
    closed by `closing`. NotFoundError when nothing is there; InvalidError; StoreError.
    """
    check_store_url(url)
    environ = environ_of(config, environ)
    bucket, key = _split(url)
    backend = open_backend(_bucket_config(bucket, config, environ), environ)
    closing.callback(backend.close)
    if key and not url.endswith("/"):
        try:
            size = backend.stat(key).size
        except NotFoundError:
            pass
        else:
            return Origin(url, backend, False, ("",), (key,), (size,), 0)
    prefix = f"{key}/" if key else ""
    # A key that ends in a slash marks a folder made in a console.
    objects = [info for info in backend.list(prefix).objects if not info.key.endswith("/")]
    kept = [info for info in objects if not _left_out(info.key.removeprefix(prefix))]
    if not kept:
        raise NotFoundError(f"`{url}` is neither an object nor a prefix of any", hint="look for a typing mistake in it")
    return _directory(url, backend, prefix, kept, len(objects) - len(kept))


def _directory(url: str, backend: Backend, prefix: str, objects: Sequence[ObjectInfo], excluded: int) -> Origin:
    paths = tuple(info.key.removeprefix(prefix) for info in objects)
    problem = parts_problem(paths)
    if problem is not None:
        raise InvalidError(f"`{url}` can't be an asset: {problem}", hint="copy what you need of it to another prefix")
    keys, sizes = tuple(info.key for info in objects), tuple(info.size for info in objects)
    return Origin(url, backend, True, paths, keys, sizes, excluded)


def shares_bucket(url: str, store: str) -> bool:
    """Whether an object at `url` lies in the bucket of the store."""
    return _split(url)[0] == _split(store)[0]


def fresh_folder(parent: Folder, url: str, closing: ExitStack) -> str:
    """An empty folder for what is brought from `url`, removed by `closing`; what a killed process left there goes.

    ConflictError while another process brings the same.
    """
    from filelock import FileLock, Timeout  # 5 ms, which most commands need not spend

    with parent.opened(create=True) as descriptor:
        os.fchmod(descriptor, 0o700)
    folder = os.path.join(parent.path, hashlib.sha256(url.encode()).hexdigest()[:32])
    lock = FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConflictError(
            f"another assetsync is downloading `{url}`", hint="wait for it, then run the command again"
        ) from None
    closing.callback(lock.release)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    closing.callback(partial(shutil.rmtree, folder, ignore_errors=True))
    return folder


def _split(url: str) -> tuple[str, str]:
    """A URL as that of its bucket, and a key or prefix without slashes around it."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key.strip("/")


def _bucket_config(bucket: str, store: StoreConfig, environ: Mapping[str, str]) -> StoreConfig:
    """Another bucket of the same kind is taken to be of the same service; nothing else of the store's goes along."""
    mine = _split(store.url)[0]
    if mine == bucket:
        return completed(replace(store, url=bucket), environ)
    alike = mine.partition("://")[0] == bucket.partition("://")[0]
    return completed(StoreConfig(bucket, endpoint=store.endpoint if alike else None), environ)


def _left_out(path: str) -> bool:
    """Whether a path, or a folder above it, is never content."""
    excludes = Excludes(())
    folders = path.split("/")[:-1]
    above = ("/".join(folders[:depth]) for depth in range(1, len(folders) + 1))
    return excludes.leaves_out(path, False) or any(excludes.leaves_out(folder, True) for folder in above)
