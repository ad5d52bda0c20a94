"""A store without a repo around it: publish by hand, look, fetch. What `modelkit assets` and its Python class do.

::

    with AssetStore("s3://my-bucket/modelkit-assets") as store:
        version = store.update("out/model.bin", name="nlp/sentiment", message="retrained on May data")
        path = store.fetch("nlp/sentiment:1", assets_dir="/srv/assets")

Nothing here prints or asks. Work is reported through a `Reporter`, errors come from `assetsync.errors`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial

from assetsync import __version__
from assetsync.errors import ContentError, InvalidError, NotFoundError, UsageError
from assetsync.git.provenance import provenance
from assetsync.local.scan import scan, scan_all
from assetsync.manifest import settings
from assetsync.model.changes import Changes, compare
from assetsync.model.history import History
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.names import Spec, check_name, parse_spec
from assetsync.model.tree import Tree
from assetsync.model.versioning import Lines, Versioning, load_versioning
from assetsync.plan.decide import plan_sync
from assetsync.plan.plan import Action, Adopt, Create, Keep, Plan, Transfer, Update
from assetsync.plan.request import Options, Purpose
from assetsync.plan.snapshot import Absent, Local, Present, Snapshot, Unusable
from assetsync.pool import Transfers, together
from assetsync.progress import Reporter, Silent
from assetsync.project.execute import Execution, Outcome, who
from assetsync.project.gather import Site, gather
from assetsync.project.locate import LOCK
from assetsync.project.project import read_lock, read_manifest
from assetsync.remote.documents import Meta
from assetsync.remote.store import Index, ListedAsset, Store, open_store, resolve, unknown
from assetsync.state.cache import Cache
from assetsync.state.folder import State
from assetsync.state.journal import Journal
from assetsync.state.pull_markers import Markers
from assetsync.transfer import from_url as origin
from assetsync.transfer.fetch import fetch, fetched
from assetsync.transfer.publish import Elsewhere, release

Path = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Logged:
    """A version of an asset's history. `meta` is None where it can't be read; then `error` says why."""

    version: str
    meta: Meta | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
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
        return self.before.content.same_as(self.after.content)


class AssetStore:
    """One store. A context manager that closes what it opened.

    `url` is `s3://…`, `gs://…`, `az://…` or a directory. Without it, ASSETSYNC_STORE, the assets.yaml at
    `manifest_file` and modelkit's variables are asked, in this order. Relative paths are relative to `directory`.
    Settings that are not given come from `environ`, the process's environment by default. UsageError, InvalidError.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        directory: Path = ".",
        manifest_file: Path | None = None,
        versioning: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = os.environ if environ is None else environ
        self.directory = os.path.abspath(directory)
        self._root: str | None = None
        manifest = None
        if manifest_file is not None:
            path = os.path.join(self.directory, manifest_file)
            manifest = read_manifest(path, store=url, environ=self._environ)
            self._root = os.path.dirname(path)
        given = manifest.store if manifest else settings.given_store(self._environ, url)
        if given is None:
            raise UsageError(
                "no store is named",
                hint="give its URL, or set `ASSETSYNC_STORE`, or modelkit's `MODELKIT_STORAGE_PROVIDER` and `_BUCKET`",
            )
        self.config = settings.overridden(given, self._environ, url)
        is_given = bool(url or self._environ.get("ASSETSYNC_STORE"))
        self._store_root = self.directory if is_given or self._root is None else self._root
        self.versioning_name = versioning or (
            manifest.versioning if manifest else settings.default_versioning(self._environ)
        )
        self.versioning: Versioning = load_versioning(self.versioning_name)
        self._state = _state(self._environ, self._root)
        self._cache = Cache(self._state.cache)
        self._journal = Journal(self._state.journal)
        self._store: Store | None = None
        self._closing = ExitStack()
        # What was got ready for publishing from a URL, by that URL.
        self._elsewhere: dict[str, Elsewhere] = {}

    def __enter__(self) -> AssetStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the cache, the connections, and what was downloaded to be published."""
        self._elsewhere.clear()
        self._closing.close()
        self._cache.close()
        if self._store is not None:
            self._store.close()

    @property
    def url(self) -> str:
        """The store's URL, as it was given."""
        return self.config.url

    @property
    def store(self) -> Store:
        """The remote layout under this store, opened at first use. UsageError, DeniedError."""
        if self._store is None:
            self._store = open_store(
                self.config, self.versioning, self._cache, root=self._store_root, environ=self._environ
            )
        return self._store

    def new(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the first version of a new asset; returns that version.

        `path` is a file, a directory, or the `s3://`, `gs://` or `az://` URL of an object or a prefix. `version` is the
        line to start at (`1` for `1.0`). InvalidError when the asset exists; ContentError, StoreError, ConflictError.
        """
        plan = self.plan_new(path, name=name, version=version, reporter=reporter)
        return self.publish(plan, message=message, reporter=reporter)

    def update(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        message: str | None = None,
        reporter: Reporter | None = None,
    ) -> str:
        """Publish `path` as the next version of an asset; returns that version, or the newest when it has this content.

        `path` is as in `new`. `version` is the line to go on with (`1` for the next `1.x`), the newest by default;
        `bump_major` opens the next line; `force` publishes unchanged content too. NotFoundError when there is no such
        asset; InvalidError, ContentError, StoreError, ConflictError.
        """
        plan = self.plan_update(path, name=name, version=version, bump_major=bump_major, force=force, reporter=reporter)
        return self.publish(plan, message=message, reporter=reporter)

    def versions(self, name: str) -> Sequence[str]:
        """The versions of an asset, newest first. NotFoundError, StoreError, DamagedError."""
        return list(self._index(name).listed)

    def meta(self, spec: str) -> Meta:
        """What is recorded of a version: files, sizes, digests, provenance. NotFoundError, InvalidError, StoreError."""
        return self._meta(self.resolve(spec))

    def resolve(self, spec: str) -> Spec:
        """`spec` with the complete version that it stands for. NotFoundError, InvalidError, StoreError."""
        parsed = parse_spec(spec)
        return replace(parsed, version=resolve(self.store, parsed))

    def log(self, name: str, *, limit: int | None = None) -> Sequence[Logged]:
        """The newest `limit` versions of an asset, or all, newest first; one request each, many at once.

        What can't be read of single versions is in the result, and so are versions of another versioning system, at its
        end. NotFoundError, StoreError, DamagedError.
        """
        index = self._index(name)
        known = together(partial(self._logged, name), index.listed[:limit])
        ignored = f"ignored: not a `{self.versioning_name}` version"
        return [*known, *(Logged(version, None, ignored) for version in index.foreign)][:limit]

    def diff(self, old: str, new: str, *, reporter: Reporter | None = None) -> Difference:
        """What leads from one version to another, or to or from what is at a local path.

        An argument that begins with `./`, `../` or `/` is a path, and so is one that names no version and exists here.
        A version that modelkit made is read, because it has no checksums. NotFoundError, InvalidError, ContentError,
        StoreError.
        """
        if self._is_path(old) and self._is_path(new):
            raise UsageError(
                f"`{old}` and `{new}` are both paths", hint="name a version for one of them, such as `name:1.2`"
            )
        told = reporter or Silent()
        (old_name, before), (new_name, after) = self._side(old, told), self._side(new, told)
        return Difference(old_name, new_name, before, after, compare(before.files, after.files))

    def list(self, pattern: str | None = None) -> Sequence[ListedAsset]:
        """The assets whose names match a glob, or all, sorted. StoreError."""
        return self.store.list(lambda name: pattern is None or fnmatchcase(name, pattern))

    def newest_metas(self, assets: Collection[ListedAsset]) -> Mapping[str, Meta]:
        """What is recorded of the newest version of each asset, where that can be read. One request each."""
        specs = [Spec(asset.name, asset.versions[0]) for asset in assets if asset.versions]
        found = together(lambda spec: self._logged(spec.name, spec.version or ""), specs)
        return {spec.name: one.meta for spec, one in zip(specs, found, strict=True) if one.meta is not None}

    def locked(self) -> Mapping[str, str]:
        """The version of each asset in the assets.lock beside the manifest; empty without one, or with that of another
        store. LockError."""
        lock = read_lock(os.path.join(self._root, LOCK)) if self._root is not None else None
        if lock is None or lock.store != self.config.url:
            return {}
        return {name: entry.version for name, entry in lock.assets.items()}

    def fetch(
        self,
        spec: str,
        *,
        assets_dir: Path | None = None,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> str:
        """Get a version, or a part of one, into `assets_dir`; returns its absolute path there.

        `spec` is NAME, NAME:1, NAME:1.2 or NAME:1.2[part]. `assets_dir` is ASSETSYNC_ASSETS_DIR or MODELKIT_ASSETS_DIR
        by default; modelkit finds there what was fetched. What is there completely is not fetched again; `force`
        compares it with the store and gets what differs. NotFoundError, ChecksumError, …
        """
        given = assets_dir or settings.assets_dir(self._environ)
        if given is None:
            raise UsageError(
                "no assets directory is named", hint="give `--assets-dir DIR`, or set `ASSETSYNC_ASSETS_DIR`"
            )
        folder = os.path.join(self.directory, given)
        parsed = parse_spec(spec)
        there = None if force else fetched(parsed, self.versioning, folder)
        if there is not None:  # before the store is opened: that alone may take a second
            return there
        with Transfers() as transfers:
            return fetch(self.store, parsed, folder, transfers=transfers, reporter=reporter or Silent(), force=force)

    def plan_new(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        reporter: Reporter | None = None,
    ) -> Plan:
        """What `new` would do. Writes nothing to the store; what is at a URL is downloaded, to learn what it is."""
        self._check_line(version)
        snapshot = self._snapshot(path, name, version, Options(), reporter)
        remote = snapshot.remote[name]
        versions = History.of(remote.committed, self.versioning).versions
        plan = plan_sync(snapshot)
        if (versions or remote.foreign) and not self._finishes_new(snapshot, versions, plan):
            newest = f"`{versions[0]}`" if versions else f"`{remote.foreign[0]}`, of another versioning system"
            raise InvalidError(
                f"`{name}` exists already; its newest version is {newest}",
                hint=f"publish a further version with `assetsync update {os.fspath(path)} {name}`",
            )
        return self._as_carried_out(plan)

    def plan_update(
        self,
        path: Path,
        *,
        name: str,
        version: str | None = None,
        bump_major: bool = False,
        force: bool = False,
        reporter: Reporter | None = None,
    ) -> Plan:
        """What `update` would do. Writes nothing to the store; what is at a URL is downloaded, to learn what it is."""
        self._check_line(version)
        if bump_major and version is not None:
            raise UsageError(
                f"a major bump opens the next line, so it can't go on with line `{version}`", hint="drop one of them"
            )
        options = Options(bump_major=frozenset({name} if bump_major else ()), force=frozenset({name} if force else ()))
        snapshot = self._snapshot(path, name, version, options, reporter)
        history = self._history(snapshot, path)
        if version is not None and history.versions and version not in history.lines:
            known = ", ".join(f"`{line}`" for line in history.lines)
            raise InvalidError(
                f"`{name}` has no version line `{version}`; it has {known}", hint="open the next with `--bump-major`"
            )
        if self._was_published_before(snapshot, history.in_line(version)):
            options = Options()
        return self._as_carried_out(plan_sync(snapshot, options))

    def publish(self, plan: Plan, *, message: str | None = None, reporter: Reporter | None = None) -> str:
        """Carry out a plan of `plan_new` or `plan_update`; returns the version that has this content then.

        The problem of the plan, if it has one, is raised: ConflictError, InvalidError.
        """
        for problem in plan.problems:
            raise problem.error()
        (action,) = plan.actions
        if not isinstance(action, Keep):
            (outcome,) = self._carry_out(action, message, reporter or Silent())
            if outcome.error is not None:
                raise outcome.error
        if isinstance(action, Adopt):
            release(self.store, action.asset, action.to or "", self._journal)
        return action.to or ""

    # -- looking

    def _index(self, name: str) -> Index:
        index = self.store.index(check_name(name))
        if index is None:
            raise self._no_asset(name, "`assetsync list` shows what it has")
        return index

    def _no_asset(self, name: str, hint: str) -> NotFoundError:
        return NotFoundError(f"`{self.config.url}` has no asset `{name}`", hint=hint)

    def _meta(self, spec: Spec) -> Meta:
        try:
            return self.store.meta(spec.name, spec.version or "")
        except NotFoundError as error:
            raise unknown(self.store, replace(spec, part=None)) from error

    def _logged(self, name: str, version: str) -> Logged:
        try:
            return Logged(version, self.store.meta(name, version))
        except NotFoundError:
            return Logged(version, None, "listed, but not there: `assetsync doctor` tells more")
        except InvalidError as error:
            return Logged(version, None, error.message)

    def _is_path(self, text: str) -> bool:
        if text.startswith(("./", "../", "/")) or text in (".", ".."):
            return True
        return ":" not in text and os.path.lexists(os.path.join(self.directory, text))

    def _side(self, text: str, reporter: Reporter) -> tuple[str, Tree]:
        """One side of a difference: how it is called, and its files."""
        if self._is_path(text):
            found = scan(self.directory, os.path.normpath(text), cache=self._cache)
            return text, _present(found, text).tree
        spec = self.resolve(text)
        if spec.part is not None:
            raise UsageError("whole versions are compared", hint=f"leave `[{spec.part}]` out")
        meta = self._meta(spec)
        if meta.tree is not None:
            return str(spec), meta.tree
        reporter.begin(spec.name, "read", 0)
        tree = self.store.learn(spec.name, spec.version or "", meta, lambda count: reporter.advance(spec.name, count))
        reporter.end(spec.name, f"read {spec}")
        return str(spec), tree

    # -- publishing

    def _history(self, snapshot: Snapshot, path: Path) -> History:
        """The versions of the one asset of a snapshot; empty only where they can't be read. NotFoundError."""
        ((name, remote),) = snapshot.remote.items()
        history = History.of(remote.committed, self.versioning)
        if history.versions or remote.damaged is not None:
            return history
        if remote.foreign:
            raise InvalidError(
                f"`{name}` has no `{self.versioning_name}` version, but `{remote.foreign[0]}`",
                hint="name its versioning system by `ASSETSYNC_VERSIONING`",
            )
        raise self._no_asset(name, f"create it with `assetsync new {os.fspath(path)} {name}`")

    def _finishes_new(self, snapshot: Snapshot, versions: Sequence[str], plan: Plan) -> bool:
        """Whether the only version comes from an earlier run of the same `new` that died just before its end."""
        (remote,) = snapshot.remote.values()
        adopts = any(isinstance(action, Adopt) for action in plan.actions)
        cut_short = not remote.listed or self._was_published_before(snapshot, versions)
        return len(versions) == 1 and adopts and cut_short

    def _was_published_before(self, snapshot: Snapshot, versions: Sequence[str]) -> bool:
        """Whether an earlier run published exactly this and died before it could say so.

        Running it again must not publish once more what was to be published once, because that was asked for.
        """
        ((name, remote),) = snapshot.remote.items()
        local = snapshot.local[name]
        newest = remote.known.get(versions[0]) if versions else None
        if newest is None or not isinstance(local, Present) or not local.tree.content.same_as(newest.content):
            return False
        return self._journal.has_claim(self.store.url, f"{name}:{newest.version}")

    def _as_carried_out(self, plan: Plan) -> Plan:
        """The plan in the terms of a store without a lock: what is there already needs nothing."""
        return replace(plan, actions=tuple(map(self._in_our_terms, plan.actions)))

    def _in_our_terms(self, action: Action) -> Action:
        if isinstance(action, Adopt):
            version = f"{action.asset}:{action.to}"
            if action.unlisted or self._journal.has_claim(self.store.url, version):
                return replace(action, reason=f"finishes the interrupted publish of `{action.to}`")
            return Keep(
                asset=action.asset,
                path=action.path,
                reason=f"unchanged: `{action.to}` has this content",
                base=action.to,
                to=action.to,
                content=action.content,
                changes=action.changes,
                notes=action.notes,
                excluded=action.excluded,
            )
        elsewhere = self._elsewhere.get(action.path)
        if isinstance(action, Create | Update) and elsewhere is not None and elsewhere.copy is not None:
            return replace(action, transfer=Transfer(reuse=action.local.tree.content.size))
        return action

    def _carry_out(self, action: Action, message: str | None, reporter: Reporter) -> Sequence[Outcome]:
        elsewhere = self._elsewhere.get(action.path)
        if elsewhere is None and origin.is_url(action.path):
            raise UsageError("a plan is carried out by the AssetStore that made it, before that is closed")
        with Transfers() as transfers:
            return Execution(
                site=self._site(action.asset, action.path, None),
                store=self.store,
                transfers=transfers,
                reporter=reporter,
                record=lambda action, entry: None,
                who=who(),
                provenance=provenance(self.directory, self._environ, tool=f"assetsync {__version__}", message=message),
                elsewhere={} if elsewhere is None else {action.asset: elsewhere},
            ).carry_out([action])

    def _snapshot(
        self, path: Path, name: str, line: str | None, options: Options, reporter: Reporter | None
    ) -> Snapshot:
        """The states of the one asset. ContentError when there is nothing to publish."""
        check_name(name)
        given = os.fspath(path)
        given = given if origin.is_url(given) else os.path.normpath(given)
        told = reporter or Silent()
        local: Local = self._at_url(given, name, told) if origin.is_url(given) else self._here(given, name, told)
        return gather(
            self._site(name, given, line),
            self.store,
            now=datetime.now(UTC),
            reporter=told,
            purpose=Purpose.UPDATE,
            options=options,
            local={name: local},
        )

    def _here(self, path: str, name: str, reporter: Reporter) -> Local:
        found = scan_all(self.directory, [Entry(name, path)], cache=self._cache, reporter=reporter)
        present = _present(found[name], path)
        half = self._markers.get(name)
        if half is not None and self._root is not None:
            pulled = os.path.normpath(os.path.join(self._root, half.path))
            if pulled in (self._root, os.path.join(self.directory, path)):  # the root: nobody knows to where
                return half.half_pulled(present)
        return present

    def _at_url(self, url: str, name: str, reporter: Reporter) -> Present:
        """What is at a URL, got ready to be published: for the store to copy where it can, otherwise downloaded."""
        found = origin.look(url, self.config, self._environ, self._closing)
        tree = found.known_tree() if origin.shares_bucket(url, self.config.url) else None
        if tree is not None:
            self._elsewhere[url] = Elsewhere(copy=found.copier(self.config.url))
            return Present(tree, found.excluded)
        folder = origin.fresh_folder(os.path.join(self._state.folder, "incoming"), url, self._closing)
        present = found.bring(folder, self.store, name, reporter)
        self._elsewhere[url] = Elsewhere(path=origin.content_path(folder))
        return present

    def _site(self, name: str, path: str, line: str | None) -> Site:
        """A manifest of one entry, relative to the directory, without a lock."""
        manifest = Manifest(self.config, self.versioning_name, (Entry(name, path, line),))
        return Site(self.directory, manifest, None, self.versioning, self._cache, self._journal, self._markers)

    @property
    def _markers(self) -> Markers:
        return Markers(self._state.pulls)

    def _check_line(self, line: str | None) -> None:
        if line is None:
            return
        if not isinstance(self.versioning, Lines):
            raise UsageError(f"`{self.versioning_name}` versions have no lines, so `{line}` can't be one")
        try:
            self.versioning.check_line(line)
        except InvalidError as error:
            raise UsageError(error.message, hint="name a line, such as `1`; its next version is chosen") from None


def _present(found: Present | Absent | Unusable, path: str) -> Present:
    """What is at a path. ContentError when that can't be published."""
    match found:
        case Present():
            return found
        case Unusable():
            raise ContentError(found.message, hint=found.hint)
        case Absent():
            what = "is an empty directory, of which there is nothing to publish"
            raise ContentError(f"`{path}` {what if found.empty_folder else 'does not exist'}")


def _state(environ: Mapping[str, str], root: str | None) -> State:
    """Where what protects interrupted publishes is kept: in the project, or in the user's folder for such things."""
    if root is not None:
        state = State(root)
        state.ensure()
        return state
    from platformdirs import user_state_path

    return State.at(environ.get("ASSETSYNC_STATE_DIR") or str(user_state_path("assetsync")))
