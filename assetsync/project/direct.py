"""Publishing by hand: one path as a version of one asset, without a manifest and without a lock."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property

from msgspec.structs import replace

from assetsync.errors import ContentError, InvalidError, NotFoundError, TakenError, UsageError
from assetsync.escape import printable
from assetsync.local.scan import scan_all
from assetsync.model.history import History
from assetsync.model.manifest import Entry, Manifest
from assetsync.model.names import check_name
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.decide import make_plan
from assetsync.plan.plan import Action, Adopt, Create, Keep, Plan, Transfer, Update
from assetsync.plan.request import Purpose, Request
from assetsync.plan.snapshot import Absent, Local, Present, Snapshot, Unusable
from assetsync.progress import Reporter
from assetsync.project.gather import Site, gather
from assetsync.project.guarding import Guarding, ReadAway
from assetsync.project.home import Home
from assetsync.project.result import Outcome
from assetsync.project.workspace import Workspace
from assetsync.transfer import from_url
from assetsync.transfer.publication import Elsewhere
from assetsync.transfer.publish import release

Path = str | os.PathLike[str]


class DirectPublishing:
    """Plans and publishes from `home`, in its workspace. Close it when done."""

    def __init__(self, workspace: Workspace, home: Home) -> None:
        self._workspace = workspace
        self._home = home
        self._closing = ExitStack()
        # The content that is ready to be published from a URL, by that URL.
        self._elsewhere: dict[str, Elsewhere] = {}

    @cached_property
    def guarding(self) -> Guarding:
        """The guards that hold here. ManifestError."""
        return Guarding.of(self._home.nearest_manifest(), self._workspace.root, self._workspace.cache)

    def close(self) -> None:
        """Remove what was downloaded to be published."""
        self._elsewhere.clear()
        self._closing.close()

    def plan_new(
        self,
        path: Path,
        *,
        name: str,
        version: str | None,
        reporter: Reporter,
    ) -> Plan:
        """As `AssetStore.plan_new`."""
        self._check_version(version)
        request = Request((name,), Purpose.PUBLISH)
        snapshot = self._snapshot(path, name, version, request, reporter, may_make_store=True)
        remote = snapshot.remote[name]
        versions = History.of(remote.committed, self._workspace.versioning).versions
        plan = make_plan(snapshot, request)
        if (versions or remote.foreign) and not self._finishes_new(snapshot, versions, plan):
            newest = f"`{versions[0]}`" if versions else f"`{remote.foreign[0]}`, of another versioning system"
            raise TakenError(
                f"`{name}` exists already; its newest version is {newest}",
                hint=f"publish a further version with `assetsync update {os.fspath(path)} {name}`",
            )
        return self._guarded(self._as_carried_out(plan), snapshot)

    def plan_update(
        self,
        path: Path,
        *,
        name: str,
        version: str | None,
        bump_major: bool,
        force: bool,
        reporter: Reporter,
    ) -> Plan:
        """As `AssetStore.plan_update`."""
        self._check_version(version)
        if bump_major and version is not None:
            raise UsageError(
                f"a major bump opens the next line, so it can't go on with `{version}`", hint="drop one of them"
            )
        request = Request(
            (name,),
            Purpose.PUBLISH,
            bump_major=frozenset({name} if bump_major else ()),
            force=frozenset({name} if force else ()),
        )
        snapshot = self._snapshot(path, name, version, request, reporter)
        history = self._history(snapshot, path)
        is_line = version is not None and not is_valid(self._workspace.versioning, version)
        if is_line and history.versions and version not in history.lines:
            known = ", ".join(f"`{line}`" for line in history.lines)
            raise InvalidError(
                f"`{name}` has no version line `{version}`; it has {known}", hint="open the next with `--bump-major`"
            )
        if self._was_published_before(snapshot, history.in_line(version)):
            request = Request((name,), Purpose.PUBLISH)
        return self._guarded(self._as_carried_out(make_plan(snapshot, request)), snapshot)

    def publish(self, plan: Plan, *, message: str | None, reporter: Reporter) -> str:
        """As `AssetStore.publish`."""
        for problem in plan.problems:
            raise problem.error()
        (action,) = plan.actions
        if not isinstance(action, Keep):
            (outcome,) = self._carry_out(action, message, reporter)
            if outcome.error is not None:
                raise outcome.error
        if isinstance(action, Adopt):
            release(self._workspace.store, action.asset, action.to or "", self._workspace.journal)
        return action.to or ""

    def _history(self, snapshot: Snapshot, path: Path) -> History:
        """The versions of the one asset of a snapshot; empty only where they can't be read. NotFoundError."""
        ((name, remote),) = snapshot.remote.items()
        history = History.of(remote.committed, self._workspace.versioning)
        if history.versions or remote.damaged is not None:
            return history
        if remote.foreign:
            raise InvalidError(
                f"`{name}` has no `{self._workspace.versioning_name}` version, but `{remote.foreign[0]}`",
                hint="name its versioning system by `ASSETSYNC_VERSIONING`",
            )
        raise NotFoundError(
            f"`{self._workspace.config.url}` has no asset `{name}`",
            hint=f"create it with `assetsync new {os.fspath(path)} {name}`",
        )

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
        return self._workspace.has_claim(f"{name}:{newest.version}")

    def _as_carried_out(self, plan: Plan) -> Plan:
        """The plan in the terms of a store without a lock: what is there already needs nothing."""
        return replace(plan, actions=tuple(map(self._in_our_terms, plan.actions)))

    def _guarded(self, plan: Plan, snapshot: Snapshot) -> Plan:
        """The plan, held against the guards."""
        away: dict[str, tuple[str, ReadAway | None]] = {}
        for action in plan.actions:
            elsewhere = self._elsewhere.get(action.path)
            if elsewhere is not None:
                away[action.asset] = elsewhere.path, elsewhere.read
        return self.guarding.applied(plan, snapshot, away=away)

    def _in_our_terms(self, action: Action) -> Action:
        if isinstance(action, Adopt):
            version = f"{action.asset}:{action.to}"
            if action.unlisted or self._workspace.has_claim(version):
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
                owner=action.owner,
                tags=action.tags,
            )
        elsewhere = self._elsewhere.get(action.path)
        if isinstance(action, Create | Update) and elsewhere is not None and elsewhere.copy is not None:
            return replace(action, transfer=Transfer(reuse=action.local.tree.content.size))
        return action

    def _carry_out(self, action: Action, message: str | None, reporter: Reporter) -> Sequence[Outcome]:
        elsewhere = self._elsewhere.get(action.path)
        if elsewhere is None and from_url.is_url(action.path):
            raise UsageError("a plan is carried out by the AssetStore that made it, before that is closed")
        return self._workspace.carry_out(
            [action],
            self._site(action.asset, action.path, None),
            record=lambda action, entry: None,
            message=message,
            reporter=reporter,
            elsewhere={} if elsewhere is None else {action.asset: elsewhere},
        )

    def _snapshot(
        self,
        path: Path,
        name: str,
        line: str | None,
        request: Request,
        reporter: Reporter,
        *,
        may_make_store: bool = False,
    ) -> Snapshot:
        """The states of the one asset. ContentError when there is nothing to publish."""
        check_name(name)
        given = os.fspath(path)
        given = given if from_url.is_url(given) else os.path.normpath(given)
        local: Local = (
            self._at_url(given, name, reporter) if from_url.is_url(given) else self._here(given, name, reporter)
        )
        return gather(
            self._site(name, given, line),
            lambda: self._workspace.store,
            now=datetime.now(UTC),
            reporter=reporter,
            request=request,
            local={name: local},
            may_make_store=may_make_store,
        )

    def _here(self, path: str, name: str, reporter: Reporter) -> Local:
        here = self._workspace
        found = scan_all(here.root, [Entry(name, path)], cache=here.cache, boundary=here.boundary, reporter=reporter)
        present = publishable(found[name], path)
        half = self._workspace.markers.get(name)
        project = self._home.project
        if half is not None and project is not None:
            pulled = os.path.normpath(os.path.join(project, half.path))
            if pulled in (project, os.path.join(self._workspace.root, path)):  # the root: nobody knows to where
                return half.half_pulled(present)
        return present

    def _at_url(self, url: str, name: str, reporter: Reporter) -> Present:
        """The objects at a URL, ready to be published: for the store to copy where it can, otherwise downloaded."""
        found = from_url.look(url, self._workspace.config, self._workspace.environ, self._closing)
        tree = found.known_tree() if from_url.shares_bucket(url, self._workspace.config.url) else None
        if tree is not None:
            self._elsewhere[url] = Elsewhere(copy=found.copier(self._workspace.config.url), read=found.reader())
            return Present(tree, found.excluded)
        folder = from_url.fresh_folder(self._workspace.state.incoming, url, self._closing)
        present = found.bring(folder, self._workspace.store, name, reporter, self._workspace.traffic)
        self._elsewhere[url] = Elsewhere(path=from_url.content_path(folder))
        return present

    def _site(self, name: str, path: str, line: str | None) -> Site:
        """A manifest of one entry, relative to the directory, without a lock."""
        declared = self.guarding.entries.get(name)
        entry = Entry(
            name,
            path,
            line,
            owner=declared.owner if declared else None,
            tags=declared.tags if declared else (),
        )
        manifest = Manifest(self._workspace.config, self._workspace.versioning_name, (entry,))
        return self._workspace.site(manifest, None)

    def _check_version(self, version: str | None) -> None:
        """UsageError when `version` is neither complete nor a line."""
        system, name = self._workspace.versioning, self._workspace.versioning_name
        if version is None or is_valid(system, version):
            return
        if "/" in version:
            raise UsageError(f"`{printable(version)}` is a name, where a version should be")
        if not isinstance(system, Lines):
            raise UsageError(f"`{name}` versions have no lines, so `{printable(version)}` can't be one")
        try:
            system.check_line(version)
        except InvalidError as error:
            raise UsageError(error.message, hint="name a line, such as `1`, or a complete version") from None


def publishable(found: Present | Absent | Unusable, path: str) -> Present:
    """The content at a path. ContentError when it can't be published."""
    match found:
        case Present():
            return found
        case Unusable():
            raise ContentError(found.message, hint=found.hint)
        case Absent():
            what = "is an empty directory, of which there is nothing to publish"
            raise ContentError(f"`{path}` {what if found.empty_folder else 'does not exist'}")
