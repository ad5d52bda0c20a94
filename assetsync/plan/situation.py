"""One entry of the manifest with its three states: the facts that decisions about it ask for, and what stops them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from assetsync.model.changes import compare
from assetsync.model.history import History
from assetsync.model.lock import LockEntry
from assetsync.model.manifest import Entry
from assetsync.model.tree import Content, FileEntry, Tree
from assetsync.model.versioning import is_valid
from assetsync.plan.plan import Problem
from assetsync.plan.snapshot import (
    Absent,
    HalfPulled,
    Present,
    RemoteAsset,
    RemoteVersion,
    Snapshot,
    Unusable,
)

NAMES_SHOWN = 3
# Versions that are looked into side by side.
_AT_ONCE = 8


class Stop(Exception):  # noqa: N818 - control flow between this module and `decide`, never an error for others
    """Ends the decision about one asset with a problem."""

    def __init__(self, asset: str, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(asset, code, message, hint)


class Needs(Struct, frozen=True):
    """The facts of a store that a decision asks for. `digests` are versions whose content is compared with what is
    here, for which memory will do; `files` those whose `.meta` is read; `hashes` those whose files are compared one by
    one. `folder`: what lies in the asset's folder, listed or not. `index`: `.versions`. `marks`: `.marks`.
    """

    digests: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    folder: bool = False
    index: bool = False
    marks: bool = False


class Unseen(Exception):  # noqa: N818 - control flow between this module and `needs`, never an error for others
    """Ends a decision that asks for something in the store at which nobody has looked yet."""

    def __init__(self, needs: Needs) -> None:
        super().__init__(f"nobody has looked at {needs}")
        self.needs = needs


class Situation(Struct, frozen=True):
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
            raise Unseen(Needs(marks=True))
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
        needs = Needs(
            tuple(new),
            tuple(unread),
            tuple(bare),
            folder=(folder or unlisted) and not self.remote.looked_into,
            index=index and not indexed,
            marks=marks and self.remote.marks is None,
        )
        if needs != Needs():
            raise Unseen(needs)

    def _files(self, version: str) -> Sequence[FileEntry] | None:
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

    def files_of(self, version: str) -> Sequence[FileEntry] | None:
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
                    "not_there",
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


def _found(version: RemoteVersion) -> str:
    """The store's side of an asset, in words."""
    if version.content is not None:
        return _short(version.content)
    files = version.files or ()
    return f"{counted(len(files))} of modelkit with {sum(file.size for file in files)} bytes"


def _short(content: Content) -> str:
    kind = "directory" if content.is_directory else "file"
    return f"{kind} {content.digest[:19]}…"


def _names(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    shown = ", ".join(f"`{path}`" for path in paths[:NAMES_SHOWN])
    more = len(paths) - NAMES_SHOWN
    return f": {shown}" + (f" and {more} more" if more > 0 else "")


def counted(count: int) -> str:
    """A number of files, in words."""
    return f"{count} file" if count == 1 else f"{count} files"
