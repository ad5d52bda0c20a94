"""Looking into a store: what it records of versions, their history, and what differs between two of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import InvalidError, NotFoundError, UsageError
from assetsync.local.scan import scan
from assetsync.model.changes import Changes, compare
from assetsync.model.history import History
from assetsync.model.marks import AT, Marks
from assetsync.model.names import Spec, check_name, parse_spec
from assetsync.model.tree import Tree
from assetsync.pool import together
from assetsync.progress import Reporter
from assetsync.project.direct import publishable
from assetsync.project.workspace import Workspace
from assetsync.remote.documents import Logged, Meta
from assetsync.remote.index import Index
from assetsync.remote.marks import read_marks
from assetsync.remote.resolve import resolve, unknown
from assetsync.remote.store import ListedAsset, Store


class Difference(Struct, frozen=True):
    """Two versions, or a version and what is at a path, and what leads from one to the other.

    `old` and `new` are specs with complete versions, or paths.
    """

    old: str
    new: str
    before: Tree
    after: Tree
    changes: Changes

    @property
    def is_empty(self) -> bool:
        """Whether both sides have the same bytes under the same paths."""
        return self.before.content.same_as(self.after.content)


def index_of(store: Store, name: str) -> Index:
    """The versions of an asset. NotFoundError, InvalidError, StoreError, DamagedError."""
    index = store.indexes.of(check_name(name))
    if index is None:
        raise unknown(store, Spec(name), ())
    return index


def resolved(store: Store, spec: str) -> Spec:
    """`spec` with the complete version that it stands for. NotFoundError, InvalidError, StoreError."""
    parsed = parse_spec(spec)
    return replace(parsed, version=resolve(store, parsed))


def whole(spec: Spec, verb: str) -> Spec:
    """`spec` itself. UsageError, which says that whole versions are `verb`, when it names a part of one."""
    if spec.part is not None:
        raise UsageError(f"whole versions are {verb}", hint=f"leave `[{spec.part}]` out")
    return spec


def meta_of(store: Store, spec: Spec) -> Meta:
    """The `.meta` of a complete version. NotFoundError says which versions there are; InvalidError, StoreError."""
    try:
        return store.meta(spec.name, spec.version or "")
    except NotFoundError as error:
        raise unknown(store, replace(spec, part=None)) from error


def log(workspace: Workspace, name: str, limit: int | None) -> Sequence[Logged]:
    """As `AssetStore.log`."""
    store = workspace.store
    name, at, alias = name.partition(AT)
    index = index_of(store, name)
    marks = read_marks(store, name)
    history = History.of((*index.listed, *marks.yanked), workspace.versioning)
    newest = marks.resolved(name, alias) if at else None
    versions = [one for one in history.versions if newest is None or not history.is_newer(one, newest)][:limit]
    known = [_marked(one, marks) for one in together(partial(_logged, store, name), versions)]
    ignored = f"ignored: not a `{workspace.versioning_name}` version"
    return [*known, *(Logged(version, None, ignored) for version in index.foreign)][:limit]


def newest_metas(store: Store, assets: Collection[ListedAsset]) -> Mapping[str, Meta]:
    """As `AssetStore.newest_metas`."""
    specs = [(asset.name, asset.versions[0]) for asset in assets if asset.versions]
    found = together(lambda spec: _logged(store, *spec), specs)
    return {name: one.meta for (name, _), one in zip(specs, found, strict=True) if one.meta is not None}


def histories(store: Store, assets: Sequence[ListedAsset]) -> Iterator[tuple[ListedAsset, Sequence[Logged]]]:
    """As `AssetStore.histories`."""
    # All versions in one go: an asset has few, and a store has many assets.
    versions = [History.of((*asset.versions, *asset.marks.yanked), store.versioning).versions for asset in assets]
    specs = [(asset.name, version) for asset, each in zip(assets, versions, strict=True) for version in each]
    found = iter(together(lambda spec: _logged(store, *spec), specs))
    for asset, each in zip(assets, versions, strict=True):
        yield asset, [_marked(next(found), asset.marks) for _ in each]


def _marked(one: Logged, marks: Marks) -> Logged:
    return replace(one, aliases=marks.aliases_of(one.version), yank=marks.yanked.get(one.version))


def diff(workspace: Workspace, old: str, new: str, reporter: Reporter) -> Difference:
    """As `AssetStore.diff`."""
    if _is_path(workspace, old) and _is_path(workspace, new):
        raise UsageError(
            f"`{old}` and `{new}` are both paths", hint="name a version for one of them, such as `name:1.2`"
        )
    (old_name, before), (new_name, after) = (_side(workspace, text, reporter) for text in (old, new))
    return Difference(old_name, new_name, before, after, compare(before.files, after.files))


def _logged(store: Store, name: str, version: str) -> Logged:
    try:
        return Logged(version, store.meta(name, version))
    except NotFoundError:
        return Logged(version, None, "listed, but not there: `assetsync doctor` tells more")
    except InvalidError as error:
        return Logged(version, None, error.message)


def _is_path(workspace: Workspace, text: str) -> bool:
    if text.startswith(("./", "../", "/")) or text in (".", ".."):
        return True
    return ":" not in text and os.path.lexists(os.path.join(workspace.root, text))


def _side(workspace: Workspace, text: str, reporter: Reporter) -> tuple[str, Tree]:
    """One side of a difference: how it is called, and its files."""
    if _is_path(workspace, text):
        found = scan(workspace.root, os.path.normpath(text), cache=workspace.cache)
        return text, publishable(found, text).tree
    store = workspace.store
    spec = resolved(store, str(whole(parse_spec(text), "compared")))
    meta = meta_of(store, spec)
    if meta.tree is not None:
        return str(spec), meta.tree
    reporter.begin(spec.name, "read", 0)
    tree = store.learn(spec.name, spec.version or "", meta, lambda count: reporter.advance(spec.name, count))
    reporter.end(spec.name, f"read {spec}")
    return str(spec), tree
