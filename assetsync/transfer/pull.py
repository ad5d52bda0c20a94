"""Making the path of an asset what a version is. A pull marker covers the time until the last file is in place."""

from __future__ import annotations

from msgspec import Struct

from assetsync.errors import DamagedError
from assetsync.local.boundary import Boundary
from assetsync.local.install import locate
from assetsync.model.tree import Content
from assetsync.plan.snapshot import Present
from assetsync.pool import Transfers
from assetsync.progress import Progress
from assetsync.remote.store import Store
from assetsync.state.pull_markers import Marker, Markers
from assetsync.transfer.installation import Installation, Source, staging


class Retrieval(Struct, frozen=True):
    """A version to pull: `name:version` to `path`, which is relative to the root of `boundary`.

    `over` is what may be replaced there, as it was scanned; whatever else is there stays, excluded files among it.
    `content` is what the version is known to be, by the lock or by an earlier look.
    """

    name: str
    version: str
    boundary: Boundary
    path: str
    over: Present | None = None
    content: Content | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def pull(store: Store, what: Retrieval, *, transfers: Transfers, markers: Markers, progress: Progress) -> Content:
    """Make the path what the version is; returns its content.

    ContentError when that would lose something or lead outside, before anything is changed; ChecksumError or
    DamagedError when the store has other bytes than it should, and nothing is changed; StoreError; OSError.
    """
    source = Source.of(store, what.name, what.version)
    if source.tree is not None:
        _check_expected(what, source.tree.content)
    before = markers.get(what.name)
    left = before.emptied if before is not None else ()
    installation = Installation(store, source, locate(what.boundary, what.path), what.over, left)
    installation.check()
    markers.write(Marker(what.name, what.version, what.path, installation.emptied))
    with staging(markers.staging(what.name), installation.place) as folder:
        got = installation.download(folder, transfers, progress)
        tree = source.tree or source.learn(got)
        _check_expected(what, tree.content)
        installation.put(got)
    if source.tree is None:
        store.learnt(what.name, what.version, source.meta, tree)
    markers.clear(what.name)
    return tree.content


def _check_expected(what: Retrieval, content: Content) -> None:
    if what.content is not None and not what.content.same_as(content):
        raise DamagedError(
            f"`{what}` is locked as {what.content.digest[:19]}…, but the store has {content.digest[:19]}…",
            hint="wrong store, a damaged one, or an edited lock: `git log assets.lock` and `assetsync show` tell",
        )
