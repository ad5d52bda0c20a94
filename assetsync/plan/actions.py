"""The actions that a decision about an asset can come to, worded and counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypedDict

from assetsync.model.changes import Changes, compare
from assetsync.model.tree import Content, FileEntry, Tree
from assetsync.plan.numbers import exactly, next_version
from assetsync.plan.plan import Adopt, Create, Keep, Pull, Transfer, Update
from assetsync.plan.situation import NAMES_SHOWN, Situation, counted
from assetsync.plan.snapshot import Absent, HalfPulled, Present, RemoteVersion


class _Shared(TypedDict):
    """The fields that every action has."""

    asset: str
    path: str
    reason: str
    notes: tuple[str, ...]
    excluded: int
    left_out: tuple[str, ...]
    through: tuple[str, ...]
    owner: str | None
    tags: tuple[str, ...]


def keep(asset: Situation, reason: str, *notes: str) -> Keep | Adopt:
    """Nothing to do, or only the new path to record."""
    locked = asset.locked
    if locked is not None and locked.path != asset.entry.path:
        return adopt(asset, locked.version, locked.content, f"path moved from `{locked.path}`", *notes, moved=False)
    return Keep(
        **_shared(asset, reason, notes),
        base=locked.version if locked else None,
        to=locked.version if locked else None,
        content=locked.content if locked else None,
        changes=Changes(unchanged=asset.here.files if asset.here else 0),
    )


def adopt(
    asset: Situation,
    version: str,
    content: Content | None,
    reason: str,
    *notes: str,
    set_line: str | None = None,
    moved: bool = True,
) -> Adopt:
    """Lock a version that is here. `moved` notes that the path is another than the locked one."""
    if not asset.is_locked_at(version):
        asset.ask(files=(version,))  # what memory says of it is no proof that the store still has it
    return Adopt(
        **_shared(asset, reason, notes, moved=moved),
        base=asset.locked.version if asset.locked else None,
        to=version,
        content=content,
        changes=Changes(unchanged=content.files if content else 0),
        unlisted=version in asset.remote.strays,
        set_line=set_line,
    )


def pull(asset: Situation, version: str, reason: str, *notes: str) -> Pull:
    """Make the local path what `version` is."""
    content, wanted, here = asset.content_of(version), asset.files_of(version), asset.tree
    over = asset.local
    if isinstance(over, HalfPulled):  # whose files were all scanned, and whoever decides to pull gives them up
        over = Present(here, over.excluded, over.stamps, over.through) if here else Absent()
    return Pull(
        **_shared(asset, reason, notes),
        base=asset.locked.version if asset.locked else None,
        to=version,
        content=content,
        changes=compare(here.files if here else (), wanted) if wanted is not None else Changes(),
        transfer=Transfer(download=_download(here, wanted, content)),
        over=over if isinstance(over, Present) else None,
    )


def publish(
    asset: Situation,
    line: str | None,
    *,
    exact: str | None = None,
    reason: str | None = None,
    notes: Sequence[str] = (),
    set_line: str | None = None,
) -> Create | Update:
    """Publish the local tree as the next version of `line`, or as its first, or as the version `exact`.

    Stop when that number is taken.
    """
    if not isinstance(asset.local, Present):
        raise TypeError("only a tree that is there is published")
    tree = asset.local.tree
    before = asset.history.older_than(exact) if exact is not None else asset.history.in_line(line)
    # A new line has no version of its own to take unchanged files from; the newest of all will do.
    base = next(iter(before), asset.history.newest)
    asset.ask(hashes=(base,) if base else (), folder=True)
    number = next_version(asset, line, tree.content) if exact is None else exactly(asset, exact, tree.content)
    to, about_number = number
    source = asset.remote.known.get(base) if base else None
    changes = compare((source.files or ()) if source else (), tree.files)
    shared = _shared(asset, reason or _what_changed(changes, source, tree), (*about_number, *notes))
    if base is None:
        return Create(
            **shared,
            to=to,
            content=tree.content,
            changes=changes,
            transfer=Transfer(upload=tree.content.size),
            local=asset.local,
        )
    return Update(
        **shared,
        base=base,
        to=to,
        content=tree.content,
        changes=changes,
        transfer=_upload(tree, source),
        local=asset.local,
        source=source,
        set_line=set_line,
    )


def _shared(asset: Situation, reason: str, notes: Sequence[str], *, moved: bool = True) -> _Shared:
    said = [*_yanked(asset), *notes]
    if moved and asset.locked is not None and asset.locked.path != asset.entry.path:
        said.append(f"path moved from `{asset.locked.path}`")
    said.extend(_oddities(asset))
    return _Shared(
        asset=asset.name,
        path=asset.entry.path,
        reason=reason,
        notes=tuple(said),
        excluded=asset.excluded,
        left_out=asset.local.left_out if isinstance(asset.local, Present) else (),
        through=asset.local.through,
        owner=asset.entry.owner,
        tags=asset.entry.tags,
    )


def _yanked(asset: Situation) -> Iterator[str]:
    """The note that the locked version was yanked. It comes first: `status` has room for one."""
    yank = asset.remote.yanked.get(asset.locked.version) if asset.locked else None
    if yank is not None and asset.locked is not None:
        yield f"`{asset.locked.version}`, which is locked, was yanked: {yank.why}; `assetsync upgrade {asset.name}`"


def _oddities(asset: Situation) -> Iterator[str]:
    """Notes on what is odd about the asset, here and in the store, and what mends it."""
    if asset.is_tracked:
        yield f"git tracks files of it, and a checkout puts old ones back: `{asset.untrack}`, and ignore it"
    if asset.remote.strays:
        versions = ", ".join(f"`{version}`" for version in asset.remote.strays)
        yield f"the store's index misses {versions}: `assetsync doctor --repair`"
    if asset.remote.foreign:
        shown = ", ".join(f"`{version}`" for version in asset.remote.foreign[:NAMES_SHOWN])
        more = len(asset.remote.foreign) - NAMES_SHOWN
        yield (
            f"ignores {shown}{f' and {more} more' if more > 0 else ''}:"
            f" not of the `{asset.snapshot.manifest.versioning}` scheme"
        )


def _what_changed(changes: Changes, source: RemoteVersion | None, tree: Tree) -> str:
    """The reason of an update, in words; a first version has none to compare with."""
    if source is None or not source.has_hashes:
        return "content changed"
    if source.content is not None and source.content.is_directory != tree.is_directory:
        return "a directory now, a file before" if tree.is_directory else "a file now, a directory before"
    counts = [(len(changes.changed), "changed"), (len(changes.added), "added"), (len(changes.removed), "removed")]
    if not any(count for count, _ in counts):
        return "content unchanged"
    if not counts[1][0] and not counts[2][0]:
        return f"content changed: {counted(counts[0][0])}"
    return "content changed: " + ", ".join(f"{counted(count)} {word}" for count, word in counts if count)


def _upload(tree: Tree, source: RemoteVersion | None) -> Transfer:
    has = {file.sha256 for file in source.files or ()} if source else set()
    reuse = sum(file.size for file in tree.files if file.sha256 in has)
    return Transfer(upload=tree.content.size - reuse, reuse=reuse)


def _download(over: Tree | None, wanted: Sequence[FileEntry] | None, content: Content | None) -> int:
    """Bytes to get; a file that is here under any path is copied from there. 0 where nobody knows the sizes."""
    if wanted is None or not all(file.sha256 for file in wanted):
        return content.size if content else 0
    here = {file.sha256 for file in over.files} if over else set()
    return sum(file.size for file in wanted if file.sha256 not in here)
