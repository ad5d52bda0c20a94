"""One entry of the manifest with its three states: the facts that the decision table asks for, and the actions that a
decision can come to, worded and counted. `assetsync.plan.decide` decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

from assetsync.errors import InvalidError
from assetsync.model.changes import Changes, compare
from assetsync.model.history import History
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.tree import Content, FileEntry, Tree
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.plan import Adopt, Create, Keep, Problem, Pull, Transfer, Update
from assetsync.plan.snapshot import (
    Absent,
    HalfPulled,
    Present,
    RemoteAsset,
    RemoteVersion,
    Snapshot,
    Unfinished,
    Unusable,
)

_NAMES_SHOWN = 3
# Versions that are looked into side by side.
_AT_ONCE = 8


class Stop(Exception):  # noqa: N818 - control flow between this module and `decide`, never an error for others
    """Ends the decision about one asset with a problem."""

    def __init__(self, asset: str, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(asset, code, message, hint)


class Unseen(Exception):  # noqa: N818 - control flow between this module and `needs`, never an error for others
    """Ends a decision that asks for something in the store at which nobody has looked yet. See `needs.Needs`."""

    def __init__(
        self,
        digests: Sequence[str] = (),
        files: Sequence[str] = (),
        hashes: Sequence[str] = (),
        *,
        folder: bool = False,
        index: bool = False,
        marks: bool = False,
    ) -> None:
        others = [name for name, asked in (("folder", folder), ("index", index), ("marks", marks)) if asked]
        super().__init__(f"nobody has looked at {[*digests, *files, *hashes, *others]}")
        self.digests, self.files, self.hashes = tuple(digests), tuple(files), tuple(hashes)
        self.folder, self.index, self.marks = folder, index, marks


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


@dataclass(frozen=True, slots=True)
class Situation:
    """One entry with its three states. Facts of the store raise Unseen when nobody has looked at them."""

    entry: Entry
    local: Present | Absent | HalfPulled
    locked: LockEntry | None
    remote: RemoteAsset
    snapshot: Snapshot
    _history: History

    @classmethod
    def of(cls, snapshot: Snapshot, entry: Entry) -> Situation:
        """Stop when one of the states can't be compared at all; Unseen when nobody knows which versions were yanked."""
        local, remote = snapshot.local[entry.name], snapshot.remote[entry.name]
        locked = snapshot.lock.assets.get(entry.name) if snapshot.lock else None
        system = snapshot.versioning
        if any(is_valid(system, segment) for segment in entry.name.split("/")):
            message = f"`{entry.name}` can't be a name under `{snapshot.manifest.versioning}`: a segment is a version"
            raise Stop(entry.name, "bad_name", message, "give it another name")
        if isinstance(local, Unusable):
            raise Stop(entry.name, local.code, local.message, local.hint)
        if remote.damaged is not None:
            raise Stop(entry.name, "damaged", remote.damaged, "look at the store with `assetsync doctor`")
        if locked is not None and not is_valid(system, locked.version):
            message = (
                f"`{entry.name}` is locked at `{locked.version}`, which is no `{snapshot.manifest.versioning}` version"
            )
            raise Stop(entry.name, "bad_lock", message, "restore assets.lock from git")
        if remote.unlisted and remote.marks is None and snapshot.online:
            raise Unseen(marks=True)
        return cls(entry, local, locked, remote, snapshot, History.of(remote.committed, system))

    # -- facts

    @property
    def name(self) -> str:
        """The name of the asset."""
        return self.entry.name

    @property
    def tree(self) -> Tree | None:
        """The local tree; None when nothing is here."""
        return None if isinstance(self.local, Absent) else self.local.tree

    @property
    def here(self) -> Content | None:
        """The local content; None when nothing is here."""
        return self.tree.content if self.tree else None

    @property
    def excluded(self) -> int:
        """The number of local files that were left out."""
        return 0 if isinstance(self.local, Absent) else self.local.excluded

    @property
    def is_as_locked(self) -> bool:
        """Whether the local tree is what the lock says."""
        return self.locked is not None and self.here is not None and self.here.same_as(self.locked.content)

    @property
    def is_untouched(self) -> bool:
        """Whether the local tree still is what an earlier state of the lock had put there, and the store has it."""
        seen = self.snapshot.last_seen.get(self.name)
        if self.here is None or seen is None or not self.here.same_as(seen.content):
            return False
        # A plan that is made offline is never carried out: there, memory is good enough.
        return not self.snapshot.online or self.is_stored_as(seen.version)

    @property
    def is_tracked(self) -> bool:
        """Whether git tracks files of the asset."""
        return self.name in self.snapshot.tracked

    @property
    def untrack(self) -> str:
        """The command that takes the files out of git and leaves them here."""
        return f"git rm -r --cached {self.entry.path}"

    def is_locked_at(self, version: str) -> bool:
        """Whether the lock has the asset at `version`."""
        return self.locked is not None and self.locked.version == version

    # -- facts of the store

    @property
    def history(self) -> History:
        """The committed versions that the store has."""
        self.ask(index=True)
        return self._history

    def ask(
        self,
        *,
        digests: Sequence[str] = (),
        files: Sequence[str] = (),
        hashes: Sequence[str] = (),
        folder: bool = False,
        index: bool = False,
        marks: bool = False,
    ) -> None:
        """Unseen, unless all of this has been looked at. To ask for much at once saves rounds of requests.

        Before `.versions` was read, a version that is asked for is one of the lock.
        """
        if not self.snapshot.online:
            return
        indexed = self.remote.indexed
        known, committed = self.remote.known, (*self.remote.listed, *self.remote.unlisted)
        wanted = [version for version in (*digests, *files, *hashes) if known.get(version, True) is not None]
        unlisted = indexed and any(version not in committed for version in wanted)
        versions = [version for version in dict.fromkeys(wanted) if version in committed or not indexed]
        new = [version for version in versions if version in digests and version not in known]
        unread = [version for version in versions if version in files and self._files(version) is None]
        bare = [version for version in versions if version in hashes and not self._has_hashes(version)]
        look_into = (folder or unlisted) and not self.remote.looked_into
        read_index = index and not indexed
        read_marks = marks and self.remote.marks is None
        if new or unread or bare or look_into or read_index or read_marks:
            raise Unseen(new, unread, bare, folder=look_into, index=read_index, marks=read_marks)

    def _files(self, version: str) -> tuple[FileEntry, ...] | None:
        known = self.remote.known.get(version)
        return known.files if known else None

    def _has_hashes(self, version: str) -> bool:
        known = self.remote.known.get(version)
        return known is not None and known.has_hashes

    def content_of(self, version: str) -> Content | None:
        """The content of a version as far as it was looked at, or as the lock has it."""
        known = self.remote.known.get(version)
        if known is not None and known.content is not None:
            return known.content
        return self.locked.content if self.locked and self.locked.version == version else None

    def files_of(self, version: str) -> tuple[FileEntry, ...] | None:
        """The files of a version; None offline, and where the store lacks it."""
        self.ask(files=(version,))
        return self._files(version)

    def has_here(self, version: str) -> bool:
        """Whether the local tree is that version."""
        self.ask(digests=(version,))
        known = self.remote.known.get(version)
        return self.here is not None and known is not None and self.here.same_as(known.content)

    def is_stored_as(self, version: str) -> bool:
        """Whether the local tree is that version by the store's word, not by memory, which others may have written."""
        self.ask(hashes=(version,))
        return self.has_here(version)

    def first_here(self, versions: Sequence[str]) -> str | None:
        """The first of `versions` that the local tree is."""
        self.ask(digests=versions)
        return next((version for version in versions if self.has_here(version)), None)

    def is_part_of(self, version: str) -> bool:
        """Whether all that is here is in `version` or in the locked one too: files are missing, and none is new."""
        versions = [version, self.locked.version] if self.locked else [version]
        self.ask(hashes=versions)
        kept = {(file.path, file.sha256) for one in versions for file in self._files(one) or ()}
        return self.tree is not None and kept.issuperset((file.path, file.sha256) for file in self.tree.files)

    def unstored(self, half: HalfPulled, version: str) -> set[str]:
        """The files of a half-pulled tree, by path, that no version in the store has: losing others loses nothing.

        Looked for in `version`, in the one that was being pulled, and then from the newest on: mostly, those and the
        one before explain all that is here. Each costs a small GET.
        """
        rest = {(file.path, file.sha256) for file in half.tree.files} if half.tree else set()
        began = [half.version] if is_valid(self.snapshot.versioning, half.version) else []
        versions = list(dict.fromkeys((version, *began, *self.history.versions)))
        while rest and versions:
            some, versions = versions[:_AT_ONCE], versions[_AT_ONCE:]
            self.ask(files=some)
            rest.difference_update((file.path, file.sha256) for one in some for file in self._files(one) or ())
        return {path for path, _ in rest}

    def newest_in(self, line: str | None) -> str | None:
        """The newest version of a line, or of all lines for None; None without any."""
        return next(iter(self.history.in_line(line)), None)

    def checked_lock(self) -> LockEntry | None:
        """The lock entry, after checking that the store still has its version with its content. Stop."""
        locked = self.locked
        if locked is None or not self.snapshot.online:
            return locked
        self.ask(digests=(locked.version,))
        version = f"`{self.name}:{locked.version}`"
        way_out = f"`assetsync upgrade {self.name} --discard-local {self.name}` takes what the store has"
        known = self.remote.known.get(locked.version)
        if known is None:
            if self.snapshot.manifest.home is not None:
                store = self.snapshot.manifest.store.shown
                raise self.stop(
                    "lost",
                    f"{version} is locked, but `{store}` does not have it",
                    f"bring it there with `assetsync promote {self.name} --to {store}`",
                )
            raise self.stop(
                "lost",
                f"{version} is locked, but the store does not have it",
                f"wrong store, or a damaged one: `assetsync doctor` tells more; {way_out}",
            )
        if known.contradicts(locked.content):
            raise self.stop(
                "lost",
                f"{version} is locked as {_short(locked.content)}, but the store has {_found(known)}",
                f"wrong store, a damaged one, or an edited lock: see `git log assets.lock`; {way_out}",
            )
        return locked

    # -- problems

    def yanked_here(self, way_out: str) -> Stop | None:
        """The problem that the local content is a version that was yanked; None when it is none.

        `way_out` is the option that publishes it all the same.
        """
        yanked = self.remote.yanked
        version = self.first_here([*yanked])
        if version is None:
            return None
        get = "pull" if self.locked is not None and self.locked.version != version else "upgrade"
        return self.stop(
            "yanked",
            f"what is at `{self.entry.path}` is `{self.name}:{version}`, which was yanked: {yanked[version].why}",
            f"get a good one with `assetsync {get} {self.name}`, or publish this on purpose with `{way_out}`",
        )

    def stop(self, code: str, message: str, hint: str | None = None) -> Stop:
        """The problem that ends the decision, for the caller to raise."""
        return Stop(self.name, code, message, hint)

    def modified(self, version: str, edited: Iterable[str] | None = None) -> Stop:
        """Local content is neither locked nor given up, so `version` is not pulled over it."""
        what = f"what `{self.name}` is locked at" if self.locked else f"`{self.name}:{version}`"
        command = "pull" if self.is_locked_at(version) else "upgrade"
        if edited is None:
            edited = self._edited(self.locked.version if self.locked else version)
        return self.stop(
            "modified",
            f"`{self.entry.path}` is not {what}, and pulling would lose that{_names(sorted(edited))}",
            "keep a copy elsewhere, or take the store's version with "
            f"`assetsync {command} {self.name} --discard-local {self.name}`",
        )

    def _edited(self, version: str) -> Iterator[str]:
        files = self.files_of(version)
        if self.tree is not None and files is not None and self._has_hashes(version):
            changes = compare(files, self.tree.files)
            yield from (file.path for file in (*changes.changed, *changes.added) if file.path)

    def incomplete_pull(self, half: HalfPulled) -> Stop:
        """A pull to this path did not finish, and the files were edited since or another version is wanted."""
        # Only the locked version is what `pull` goes on with.
        command = "pull" if self.is_locked_at(half.version) else "upgrade"
        back = f", or go back to the locked version with `assetsync pull {self.name}`"
        return self.stop(
            "incomplete_pull",
            f"a pull of `{self.name}:{half.version}` to `{self.entry.path}` did not finish",
            f"finish it with `assetsync {command} {self.name}`" + (back if self.locked and command != "pull" else ""),
        )

    # -- actions

    def keep(self, reason: str, *notes: str) -> Keep | Adopt:
        """Nothing to do, or only the new path to record."""
        locked = self.locked
        if locked is not None and locked.path != self.entry.path:
            return self.adopt(locked.version, locked.content, f"path moved from `{locked.path}`", *notes, moved=False)
        return Keep(
            **self._shared(reason, notes),
            base=locked.version if locked else None,
            to=locked.version if locked else None,
            content=locked.content if locked else None,
            changes=Changes(unchanged=self.here.files if self.here else 0),
        )

    def adopt(
        self,
        version: str,
        content: Content | None,
        reason: str,
        *notes: str,
        set_line: str | None = None,
        moved: bool = True,
    ) -> Adopt:
        """Lock a version that is here. `moved` notes that the path is another than the locked one."""
        if not self.is_locked_at(version):
            self.ask(files=(version,))  # what memory says of it is no proof that the store still has it
        return Adopt(
            **self._shared(reason, notes, moved=moved),
            base=self.locked.version if self.locked else None,
            to=version,
            content=content,
            changes=Changes(unchanged=content.files if content else 0),
            unlisted=version in self.remote.strays,
            set_line=set_line,
        )

    def pull(self, version: str, reason: str, *notes: str) -> Pull:
        """Make the local path what `version` is."""
        content = self.content_of(version)
        wanted = self.files_of(version)
        over = self.tree
        return Pull(
            **self._shared(reason, notes),
            base=self.locked.version if self.locked else None,
            to=version,
            content=content,
            changes=compare(over.files if over else (), wanted) if wanted is not None else Changes(),
            transfer=Transfer(download=_download(over, wanted, content)),
            over=self.replaceable,
        )

    @property
    def replaceable(self) -> Present | None:
        """The files that a pull may replace: all that were scanned, since a decision to pull has agreed to that."""
        if isinstance(self.local, HalfPulled):
            half = self.local
            return Present(half.tree, half.excluded, half.stamps, half.through) if half.tree else None
        return self.local if isinstance(self.local, Present) else None

    def publish(
        self,
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
        if not isinstance(self.local, Present):
            raise TypeError("only a tree that is there is published")
        tree = self.local.tree
        before = self.history.older_than(exact) if exact is not None else self.history.in_line(line)
        followed = next(iter(before), self.history.newest)
        self.ask(hashes=(followed,) if followed else (), folder=True)
        to, about_number = (
            self._next_version(line, tree.content) if exact is None else self._exactly(exact, tree.content)
        )
        # A new line has no version of its own to take unchanged files from; the newest of all will do.
        base = followed
        source = self.remote.known.get(base) if base else None
        changes = compare((source.files or ()) if source else (), tree.files)
        shared = self._shared(reason or _what_changed(changes, source, tree), (*about_number, *notes))
        if base is None:
            return Create(
                **shared,
                to=to,
                content=tree.content,
                changes=changes,
                transfer=Transfer(upload=tree.content.size),
                local=self.local,
            )
        return Update(
            **shared,
            base=base,
            to=to,
            content=tree.content,
            changes=changes,
            transfer=_upload(tree, source),
            local=self.local,
            source=source,
            set_line=set_line,
        )

    def _shared(self, reason: str, notes: Sequence[str], *, moved: bool = True) -> _Shared:
        said = list(notes)
        if moved and self.locked is not None and self.locked.path != self.entry.path:
            said.append(f"path moved from `{self.locked.path}`")
        said.extend(self._oddities())
        return _Shared(
            asset=self.name,
            path=self.entry.path,
            reason=reason,
            notes=tuple(said),
            excluded=self.excluded,
            left_out=self.local.left_out if isinstance(self.local, Present) else (),
            through=self.local.through,
            owner=self.entry.owner,
            tags=self.entry.tags,
        )

    def _oddities(self) -> Iterator[str]:
        """Notes on what is odd about the asset, here and in the store, and what mends it."""
        yank = self.remote.yanked.get(self.locked.version) if self.locked else None
        if yank is not None and self.locked is not None:
            yield f"`{self.locked.version}`, which is locked, was yanked: {yank.why}; `assetsync upgrade {self.name}`"
        if self.is_tracked:
            yield f"git tracks files of it, and a checkout puts old ones back: `{self.untrack}`, and ignore it"
        if self.remote.strays:
            versions = ", ".join(f"`{version}`" for version in self.remote.strays)
            yield f"the store's index misses {versions}: `assetsync doctor --repair`"
        if self.remote.foreign:
            shown = ", ".join(f"`{version}`" for version in self.remote.foreign[:_NAMES_SHOWN])
            more = len(self.remote.foreign) - _NAMES_SHOWN
            yield (
                f"ignores {shown}{f' and {more} more' if more > 0 else ''}:"
                f" not of the `{self.snapshot.manifest.versioning}` scheme"
            )

    # -- the next version

    def _next_version(self, line: str | None, content: Content) -> tuple[str, tuple[str, ...]]:
        """The version to publish, past what unfinished publishes occupy, and notes about those."""
        taken = History.of((*self.history.versions, *self.remote.yanked), self.snapshot.versioning).in_line(line)
        notes: list[str] = []
        for unfinished in self._unfinished(line, taken[0] if taken else None):
            if self._goes_on(unfinished, content):
                return unfinished.version, (*notes, _went_on(unfinished))
            taken.append(unfinished.version)
            notes.append(_skips(unfinished))
        return self._following(line, taken), tuple(notes)

    def _exactly(self, version: str, content: Content) -> tuple[str, tuple[str, ...]]:
        """The version that was asked for, and notes about it. Stop when it was yanked, or is being published."""
        yank = self.remote.yanked.get(version)
        if yank is not None:
            raise self.stop(
                "taken",
                f"`{self.name}:{version}` was yanked: {yank.why}",
                "its number is never used again: publish this as another version",
            )
        unfinished = next((one for one in self.remote.unfinished if one.version == version), None)
        if unfinished is None:
            return version, ()
        if self._goes_on(unfinished, content):
            return version, (_went_on(unfinished),)
        raise self.stop(
            "taken",
            f"`{self.name}:{version}` is occupied by an unfinished publish of other content",
            "nothing is overwritten: publish this as another version",
        )

    def _goes_on(self, unfinished: Unfinished, content: Content) -> bool:
        """Whether a publish of `content` can go on with this one. Stop while somebody else is at it."""
        if not unfinished.holds(content) and unfinished.in_progress:
            minutes = int((unfinished.claim_age or 0) // 60)
            raise self.stop(
                "in_progress",
                f"{unfinished.who} began to publish `{self.name}:{unfinished.version}` {minutes} min ago",
                "wait for it and plan again; if that process is dead, its number is skipped after an hour",
            )
        return unfinished.holds(content)

    def _unfinished(self, line: str | None, newest: str | None) -> list[Unfinished]:
        """The unfinished versions of the line that are newer than its newest, oldest first."""
        system = self.snapshot.versioning
        by_version = {one.version: one for one in self.remote.unfinished}
        candidates = system.sort(by_version)[::-1]
        if isinstance(system, Lines):
            wanted = line if line is not None else system.line_of(system.initial(now=self.snapshot.now))
            candidates = [version for version in candidates if system.line_of(version) == wanted]
        return [by_version[one] for one in candidates if newest is None or self.history.is_newer(one, newest)]

    def _following(self, line: str | None, taken: Sequence[str]) -> str:
        system, now = self.snapshot.versioning, self.snapshot.now
        try:
            if taken:
                version = system.next(taken, now=now)
            elif line is not None and isinstance(system, Lines):
                version = system.first_of_line(line)
            else:
                version = system.initial(now=now)
            system.check(version)
        except InvalidError as error:
            raise self.stop("no_next_version", f"`{self.name}` can't have a next version: {error.message}") from None
        if version in self.history.versions or version in taken:
            raise self.stop(
                "no_next_version",
                f"`{self.snapshot.manifest.versioning}` names `{version}` as the next version of `{self.name}`, "
                "which is taken",
                "that is a defect of the versioning system",
            )
        return version


def _went_on(unfinished: Unfinished) -> str:
    return f"goes on with the unfinished publish of `{unfinished.version}`"


def _skips(unfinished: Unfinished) -> str:
    if unfinished.is_spoiled:
        return f"skips `{unfinished.version}`, where an unfinished publish of this left a file that is not what it was"
    return f"skips `{unfinished.version}`, which an unfinished publish occupies"


def _found(version: RemoteVersion) -> str:
    """The store's side of an asset, in words."""
    if version.content is not None:
        return _short(version.content)
    files = version.files or ()
    return f"{_files(len(files))} of modelkit with {sum(file.size for file in files)} bytes"


def _short(content: Content) -> str:
    kind = "directory" if content.is_directory else "file"
    return f"{kind} {content.digest[:19]}…"


def _names(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    shown = ", ".join(f"`{path}`" for path in paths[:_NAMES_SHOWN])
    more = len(paths) - _NAMES_SHOWN
    return f": {shown}" + (f" and {more} more" if more > 0 else "")


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
        return f"content changed: {_files(counts[0][0])}"
    return "content changed: " + ", ".join(f"{_files(count)} {word}" for count, word in counts if count)


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


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
