"""Is the lock right? Gathers the texts, files and versions that `assetsync.lock.check` judges, for `check` and hooks.

Nothing here is configurable: which store and which versions are right is for assets.yaml alone to say, so no flag and
no variable can make a wrong lock pass. Nothing is written either, but for the stat cache. Modules that only one form of
the check needs are imported there, because the plain one has to be fast.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import DamagedError, InvalidError
from assetsync.lock.check import Finding, check_content, check_guards, check_lock, check_remote, read_lock, with_lines
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.labels import EVERYTHING, Filter, Labels
from assetsync.model.versioning import load_versioning
from assetsync.plan.plan import Problem
from assetsync.plan.snapshot import Local, Present, RemoteVersion
from assetsync.progress import Reporter
from assetsync.project.locate import find_manifest
from assetsync.project.texts import Source, parse_as_locked, staged_sources, worktree_source
from assetsync.reading import read_file, shown_path

if TYPE_CHECKING:
    from assetsync.model.marks import Yank
    from assetsync.remote.store import Store
    from assetsync.state.cache import Cache


# Findings of one project that are shown: a lock that is wrong as a whole takes megabytes otherwise.
_MOST = 1000


class Inspection(Struct, frozen=True):
    """How many projects and assets were checked, and the findings, with files relative to the current directory."""

    projects: int
    assets: int
    findings: tuple[Finding, ...]


def inspect(
    directory: str = ".",
    *,
    manifest_file: str | None = None,
    names: Collection[str] = (),
    labels: Filter = EVERYTHING,
    staged: bool = False,
    content: bool = False,
    remote: bool = False,
    store: str | None = None,
    environ: Mapping[str, str],
    reporter: Reporter | None = None,
) -> Inspection:
    """Check the lock of the project that `directory` belongs to, or of `manifest_file`; of all assets, or of
    `names`, as far as `labels` keeps them.

    `staged`: both files as they are in git's index; without `manifest_file`, all projects in and below `directory`.
    `content`: local content against the lock. `remote`: the locked versions against the store of assets.yaml, or the
    one of its `stores` that is called `store`.
    ManifestError, NoFileError, InvalidError when there is nothing that can be judged; UsageError for a name that no
    project knows; GitError; StoreError.
    """
    if staged:
        sources = staged_sources(directory, manifest_file, environ)
    else:
        path = os.path.abspath(os.path.join(directory, manifest_file)) if manifest_file else find_manifest(directory)
        sources = [worktree_source(path)]
    judged = [_Judgement(source) for source in sources]
    names = _chosen(names, labels, judged)
    findings: list[Finding] = []
    for one in judged:
        one.lock_findings(staged=staged, environ=environ)
        one.guard_findings({})
        if content:
            one.content_findings(environ, reporter)
        if remote:
            one.remote_findings(environ, store)
        findings += one.shown(names)
    count = sum(len(one.manifest.entries) for one in judged)
    return Inspection(len(judged), len(names) or count, tuple(findings))


class _Judgement:
    """One project, judged step by step. ManifestError."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.lock, self.findings = read_lock(source.lock_data)
        if source.problem is not None:
            self.findings = [source.problem]
        self.manifest = parse_as_locked(source, self.lock)
        self.versioning = load_versioning(self.manifest.versioning)

    @property
    def known(self) -> set[str]:
        return {entry.name for entry in self.manifest.entries} | set(self.lock.assets if self.lock else ())

    def lock_findings(self, *, staged: bool, environ: Mapping[str, str]) -> None:
        """Whether the lock is right for the manifest."""
        if self.lock is not None or not self.findings:
            self._add(check_lock(self.manifest, self.lock, self.versioning))
        if staged and self.findings:
            self.findings = _with_staging(self._source, self.findings)
        if self._source.lock_data is None and self.findings:
            self.findings = _with_ignored(self._source, self.findings, environ)

    def content_findings(self, environ: Mapping[str, str], reporter: Reporter | None) -> None:
        """Whether what is here is what the lock says, where there is a lock; and whether guards let in what is new."""
        from contextlib import closing

        from assetsync.progress import Silent
        from assetsync.project.gather import local_states
        from assetsync.project.locate import boundary, open_state
        from assetsync.project.workspace import Workspace

        root, store, versioning = self._source.root, self.manifest.store, self.manifest.versioning
        state, inside = open_state(root, environ), boundary(root, environ)
        with closing(Workspace(root, store, versioning, state, inside, environ=environ)) as workspace:
            local = local_states(workspace.site(self.manifest, self.lock), reporter or Silent())
            if self.lock is not None:
                self._add(check_content(self.manifest, self.lock, local))
            self.guard_findings(self._held_back(local, workspace.cache))

    def guard_findings(self, local: Mapping[str, Iterable[Problem]]) -> None:
        """Note the guards that are broken. `local` are the problems of local content, by asset."""
        found = check_guards(self.manifest, self.lock, local)
        self._add(one for one in found if one not in self.findings)

    def _held_back(self, local: Mapping[str, Local], cache: Cache) -> Mapping[str, Iterable[Problem]]:
        """The guards that what is here and not locked breaks, so that it can't be published. A warning is no finding.

        How much an upload would send, the store alone can tell.
        """
        from assetsync.plan.guards import limit_problems, not_allowed, secret_problems
        from assetsync.project.guarding import Guarding

        guarding = Guarding.of(self.manifest, self._source.root, cache)
        guards = self.manifest.guards
        found: dict[str, list[Problem]] = {}
        for entry in self.manifest.entries:
            here, locked = local[entry.name], self.lock.assets.get(entry.name) if self.lock else None
            if entry.readonly or not isinstance(here, Present):
                continue
            if locked is not None and here.tree.content.same_as(locked.content):
                continue
            found[entry.name] = list(limit_problems(entry.name, here.tree.content.files, 0, guards))
            if guards.secrets == "block":
                secrets = guarding.secrets_in(entry.path, here, os.path.join(self._source.root, entry.path))
                left = not_allowed(secrets, entry.path, entry)
                found[entry.name] += secret_problems(entry.name, entry.path, left)
        return found

    def remote_findings(self, environ: Mapping[str, str], called: str | None) -> None:
        """Whether the store, or the one that is called so, has what the lock says. Asks it itself, never a cache.

        UsageError when assets.yaml names none so.
        """
        if self.lock is None or self.lock.store != self.manifest.lock_store:
            return
        from assetsync.manifest import settings
        from assetsync.pool import together
        from assetsync.remote.store import open_store
        from assetsync.state.cache import Cache

        # How the store is reached may be set; which one it is may not.
        access = {name: value for name, value in environ.items() if name != "ASSETSYNC_STORE"}
        chosen = settings.chosen(self.manifest, access, called)
        config = chosen.store
        store = open_store(config, self.versioning, Cache(None), root=self._source.root, environ=environ)
        locked = self.lock.assets
        asked = [(entry.name, locked[entry.name].version) for entry in self.manifest.entries if entry.name in locked]

        try:
            found = dict(zip((name for name, _ in asked), together(lambda one: _look(store, *one), asked), strict=True))
            marked = dict(zip(found, together(lambda one: _yank(store, *one), asked), strict=True))
        finally:
            store.close()
        yanked = {name: yank for name, yank in marked.items() if yank is not None}
        self._add(check_remote(chosen, self.lock, found, yanked))

    def _add(self, findings: Iterable[Finding]) -> None:
        """Note what else is wrong; of an asset whose lines in the lock were edited, nothing else is worth saying."""
        edited = {one.asset for one in self.findings if one.code == "edited"}
        self.findings += [one for one in findings if one.asset not in edited]

    def shown(self, names: Collection[str]) -> list[Finding]:
        """The findings about `names`, with their places as a person finds them."""
        chosen = [one for one in self.findings if not names or not one.asset or one.asset in names]
        more = len(chosen) - _MOST
        if more > 0:
            chosen[_MOST:] = [Finding("", "more", f"{more:,} more findings", "mend these, and check again")]
        files = {
            MANIFEST: shown_path(self._source.manifest_file),
            LOCK: shown_path(os.path.join(self._source.root, LOCK)),
        }
        return [replace(one, file=files[one.file]) for one in with_lines(chosen, self._source.lock_data)]


def _yank(store: Store, name: str, version: str) -> Yank | None:
    """The yank of a version; None when it has none. StoreError, DamagedError."""
    from assetsync.remote.marks import read_marks

    return read_marks(store, name).yanked.get(version)


def _look(store: Store, name: str, version: str) -> RemoteVersion | DamagedError | None:
    """A version as the store has it now; None when it lacks it. Of modelkit's own, the content is not known."""
    try:
        return store.confirm(name, version)
    except DamagedError as error:
        return error


def _chosen(names: Collection[str], labels: Filter, judged: Sequence[_Judgement]) -> Sequence[str]:
    found = _named(names, judged)
    if not labels:
        return found
    entries = {entry.name: Labels(entry.owner, entry.tags) for one in judged for entry in one.manifest.entries}
    return labels.narrowed(found, entries, f"`{MANIFEST}`")


def _named(names: Collection[str], judged: Sequence[_Judgement]) -> Sequence[str]:
    if not names:
        return ()
    from assetsync.project.naming import chosen

    known = sorted({name for one in judged for name in one.known})
    paths = {entry.name: entry.path for one in judged for entry in one.manifest.entries}
    return chosen(names, known, MANIFEST, paths=paths)


# --- what mends it, in a hook


def _with_staging(source: Source, findings: list[Finding]) -> list[Finding]:
    """The findings, mended by `git add` alone where the working tree is right and only was not staged."""
    manifest, lock = _readable(source.manifest_file), _readable(os.path.join(source.root, LOCK))
    texts = ((source.manifest_data, lock, LOCK), (manifest, source.lock_data, MANIFEST), (manifest, lock, None))
    for manifest_data, lock_data, stage in texts:
        if manifest_data is not None and _is_right(replace(source, manifest_data=manifest_data, lock_data=lock_data)):
            paths = [shown_path(os.path.join(source.root, LOCK)), shown_path(source.manifest_file)]
            what = {LOCK: paths[0], MANIFEST: paths[1], None: " ".join(reversed(paths))}[stage]
            return [replace(one, fix=f"it is right, but not staged: run `git add {what}`") for one in findings]
    return findings


def _readable(path: str) -> bytes | None:
    """A file of the working tree, which is only asked for better advice."""
    try:
        return read_file(path)
    except InvalidError:
        return None


def _is_right(source: Source) -> bool:
    lock, problems = read_lock(source.lock_data)
    try:
        manifest = parse_as_locked(source, lock)
    except InvalidError:
        return False
    return not problems and not check_lock(manifest, lock, load_versioning(manifest.versioning))


def _with_ignored(source: Source, findings: list[Finding], environ: Mapping[str, str]) -> list[Finding]:
    """The findings about a missing lock, with the reason when git was told to ignore it: `*.lock` is often ignored."""
    from assetsync.git.repository import open_repository

    repository = open_repository(source.root, environ)
    if repository is None or not repository.ignores(os.path.join(source.root, LOCK)):
        return findings
    fix = f"git ignores it: add `!{LOCK}` to .gitignore, then "
    return [replace(one, fix=fix + one.fix) if one.code == "no_lock" else one for one in findings]
