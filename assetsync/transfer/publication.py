"""A version to publish, and where its content is."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from assetsync.backends.contract import Copy
from assetsync.model.provenance import Provenance
from assetsync.model.tree import Tree
from assetsync.plan.snapshot import Present, RemoteVersion
from assetsync.remote.documents import Meta


class Elsewhere(Struct, frozen=True):
    """Where the content of an asset is, when that is not at the asset's path: at the local `path`, or beside the store.

    `copy` has the store copy one file of such content to a key, which must not exist yet. It raises NotFoundError,
    ExistsError, ChecksumError and other StoreErrors. `read` gets the first bytes of a file of it.
    """

    path: str = ""
    copy: Copy | None = None
    read: Callable[[str, int], bytes] | None = None


class Publication(Struct, frozen=True):
    """One version to publish: `local`, which was scanned at the absolute `path`, as `name:version`.

    The store copies unchanged files from `source`, the version that this one follows. With `copy`, it copies the others
    too, from outside the asset, and nothing is here: see Elsewhere. `record` is the `.meta` of a version that was
    published before in another store, which is kept.
    """

    name: str
    version: str
    path: str
    local: Present
    source: RemoteVersion | None = None
    provenance: Provenance | None = None
    description: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    copy: Copy | None = None
    record: Meta | None = None

    @property
    def tree(self) -> Tree:
        """The files to publish."""
        return self.local.tree

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"
