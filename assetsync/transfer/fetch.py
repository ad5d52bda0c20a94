"""Getting a version, or a part of one, into an assets directory that modelkit can use too."""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from assetsync.atomic import TEMPORARY_PREFIX, held, sync_folder
from assetsync.errors import ContentError, UsageError
from assetsync.local.install import Place, move
from assetsync.local.scan import scan
from assetsync.model.names import Spec
from assetsync.model.versioning import Versioning, is_valid
from assetsync.plan.snapshot import Present, Unusable
from assetsync.pool import Transfers
from assetsync.progress import Reporter
from assetsync.remote import layout
from assetsync.remote.resolve import resolve
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.transfer.installation import SUCCESS, Installation, Source, staging

# In an assets directory, where parts of versions lie. No asset can have this name.
PARTS = ".parts"


def fetch(
    store: Store,
    spec: Spec,
    assets_dir: str,
    *,
    transfers: Transfers,
    reporter: Reporter,
    force: bool = False,
) -> str:
    """Get a version into DIR/NAME/VERSION, or a part of one into DIR/.parts/NAME/VERSION; returns its absolute path.

    A part of a version that is there as a whole is the one in it. In a place of their own, parts are never taken for a
    version by modelkit, which without a provider takes any folder DIR/NAME/VERSION for one.

    A version that is there completely is not looked at again, and if `spec` is complete, no request is sent; `force`
    compares it with the store and gets what differs. modelkit can use what was fetched. A newly fetched version or part
    appears all at once. NotFoundError, InvalidError, ChecksumError, DamagedError, ContentError; StoreError; OSError.
    """
    exact = replace(spec, version=resolve(store, spec))
    there = None if force else fetched(exact, store.versioning, assets_dir)
    if there is not None:
        return there
    _check_apart(store, assets_dir)
    os.makedirs(assets_dir, exist_ok=True)
    name = hashlib.sha256(str(replace(exact, part=None)).encode()).hexdigest()[:32]
    aside = os.path.join(os.path.abspath(assets_dir), TEMPORARY_PREFIX + name)
    with held(f"{aside}.lock"):
        # Another process may have got it while this one waited.
        there = None if force else fetched(exact, store.versioning, assets_dir)
        return there or _Fetching(store, exact, os.path.abspath(assets_dir), transfers, reporter).run(aside)


def fetched(spec: Spec, versioning: Versioning, assets_dir: str) -> str | None:
    """The path of what `spec` names, where a complete version was fetched, completely, before; None otherwise."""
    if spec.version is None or not is_valid(versioning, spec.version):
        return None
    whole = replace(spec, part=None)
    if spec.part and fetched(whole, versioning, assets_dir):
        path = os.path.join(os.path.abspath(assets_dir), _below(whole), spec.part)
        return path if os.path.exists(path) else None
    path = os.path.join(os.path.abspath(assets_dir), _below(spec))
    tops = [path]
    for _ in spec.part.split("/")[1:] if spec.part else ():
        tops.append(os.path.dirname(tops[-1]))
    return path if os.path.exists(path) and any(os.path.exists(_success(top)) for top in tops) else None


def _below(spec: Spec) -> str:
    """Where a complete version, or a part of it, lies in an assets directory."""
    key = layout.data_key(spec.name, spec.version or "", spec.part or "")
    return f"{PARTS}/{key}" if spec.part else key


def _success(path: str) -> str:
    """modelkit's mark that `path` is complete; for parts, the same beside or inside them."""
    if os.path.isdir(path):
        return os.path.join(path, SUCCESS)
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{SUCCESS}")


def _mark(path: str) -> None:
    """Mark `path` as complete. The file is empty, as modelkit's is."""
    mark = _success(path)
    os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666))
    sync_folder(os.path.dirname(mark))


def unmark(path: str) -> None:
    """Take back that `path` is complete."""
    try:
        os.unlink(_success(path))
    except (FileNotFoundError, NotADirectoryError):
        pass


def _check_apart(store: Store, assets_dir: str) -> None:
    """UsageError when the assets directory lies in the store itself."""
    directory = store.url.removeprefix("file://")
    if directory != store.url and f"{os.path.realpath(assets_dir)}/".startswith(f"{os.path.realpath(directory)}/"):
        raise UsageError(
            f"the assets directory `{assets_dir}` lies in the store `{store.url}`", hint="give another `--assets-dir`"
        )


class _Fetching(Struct, frozen=True):
    """One fetch of a complete version, or of a part of it, under its lock."""

    store: Store
    spec: Spec
    assets_dir: str
    transfers: Transfers
    reporter: Reporter

    @property
    def path(self) -> str:
        return os.path.join(self.assets_dir, _below(self.spec))

    def run(self, aside: str) -> str:
        """Get it; returns its path."""
        source = Source.of(self.store, self.spec.name, self.spec.version or "")
        if self.spec.part:
            source = source.only(self.spec.part)
        place = self._place()
        if source.is_directory and not os.path.lexists(self.path):
            self._appear(source, place, aside)
        else:
            self._fill(source, place, self._here(), aside)
        part = f"[{self.spec.part}]" if self.spec.part else ""
        self.reporter.end(self.spec.name, f"fetched {self.spec.version}{part}")
        return self.path

    def _place(self) -> Place:
        if os.path.islink(self.path):
            raise ContentError(f"`{self.path}` is a symlink; none is followed or replaced here", hint="remove the link")
        inside = os.path.realpath(self.assets_dir)
        if not f"{os.path.realpath(self.path)}/".startswith(f"{inside}/"):
            raise ContentError(
                f"`{self.path}` lies in a folder that is a symlink to outside of `{inside}`; nothing is written there",
                hint="remove the link",
            )
        return Place(inside, os.path.relpath(os.path.realpath(self.path), inside))

    def _appear(self, source: Source, place: Place, aside: str) -> None:
        """Make a directory under a name that is no version, and rename it: it is complete as soon as it is there."""
        folder, slash, name = place.name.rpartition("/")
        hidden = replace(place, name=f"{folder}{slash}{TEMPORARY_PREFIX}{name}")
        shutil.rmtree(hidden.path, ignore_errors=True)
        installation = Installation(self.store, source, hidden, None)
        installation.check()
        self._bring(installation, aside)
        _mark(hidden.path)
        move(hidden, name)

    def _fill(self, source: Source, place: Place, over: Present | None, aside: str) -> None:
        """Get a file, or complete what is there."""
        installation = Installation(self.store, source, place, over)
        installation.check()
        unmark(self.path)
        self._bring(installation, aside)
        _mark(self.path)
        for folder, _, files in os.walk(self.path):
            if folder != self.path and SUCCESS in files:  # of a part of this part: now it says nothing any more
                os.unlink(os.path.join(folder, SUCCESS))

    def _here(self) -> Present | None:
        """The files that an interrupted fetch, or modelkit, has left. Nothing else is kept there."""
        with Cache(None) as cache:  # in memory, so that every byte is read: that is what `force` is for
            found = scan(self.assets_dir, _below(self.spec), cache=cache)
        if isinstance(found, Unusable):
            raise ContentError(found.message, hint=found.hint)
        return found if isinstance(found, Present) else None

    def _bring(self, installation: Installation, aside: str) -> None:
        name = self.spec.name
        self.reporter.begin(name, "download", installation.download_size)
        with staging(aside, installation.place) as folder:
            got = installation.download(folder, self.transfers, partial(self.reporter.advance, name))
            installation.put(got)
