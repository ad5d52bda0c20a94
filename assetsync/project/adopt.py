"""From a store to a project: which local files are which version of which asset. Nothing is published.

By size first: one listing of the store has the sizes of all files of all versions, and one walk those of what is here.
Only where they agree is anything read: the `.meta` of that version, or, where modelkit made it, its bytes, once.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from filelock import FileLock, Timeout
from msgspec import Struct, field
from msgspec.structs import replace

from assetsync.atomic import write_atomically
from assetsync.errors import AssetsyncError, ConflictError, LockError, UsageError
from assetsync.local.scan import scan_all
from assetsync.lock.text import render_lock
from assetsync.manifest.edit import add_entries
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.history import History
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.manifest import Entry, Manifest, StoreConfig
from assetsync.model.mismatch import lock_mismatches
from assetsync.model.names import META, name_problem
from assetsync.model.tree import Content, Tree
from assetsync.model.versioning import Lines, is_valid, looks_like_version
from assetsync.plan.snapshot import Present
from assetsync.pool import together
from assetsync.progress import Reporter
from assetsync.project.locate import open_state
from assetsync.project.texts import read_lock
from assetsync.project.workspace import Workspace
from assetsync.reading import read_file
from assetsync.remote import layout
from assetsync.remote.store import Store

# Where an asset is looked for before anywhere else.
GUESSES = ("{name}", "models/{name}", "assets/{name}", "data/{name}")
# Folders that hold no assets, and much else; so do those whose names begin with a dot.
_NOT_SEARCHED = frozenset({"node_modules", "__pycache__"})
# Places with the right sizes that are compared for one version; more are as good as none.
_MAX_PLACES = 20
# Paths of files relative to the asset -> sizes in bytes; a single file has the empty path.
_Sizes = Mapping[str, int]


class Match(Struct, frozen=True):
    """One asset of the store, and what was found of it here.

    `newest` is its newest version. `version` is the one that is at `path`; None where nothing here is one of its
    versions: then `path` is what lies where it was looked for first and differs from all of them, if anything does.
    `entry` is what assets.yaml is to say, and `content` what assets.lock is, None where only a download can tell.
    """

    name: str
    newest: str
    versions: int
    version: str | None = None
    path: str | None = None
    entry: Entry | None = None
    content: Content | None = None


class Adoption(Struct, frozen=True):
    """The result of a search: the matches, sorted by name, and the assets.yaml they were found with, or a new one.

    `present` are the wanted assets that it has already.
    """

    matches: tuple[Match, ...]
    manifest_file: str
    manifest_text: str
    is_new: bool
    filename: str
    versioning: str
    present: tuple[str, ...] = ()

    @property
    def entered(self) -> Sequence[Match]:
        """Those that get an entry."""
        return [match for match in self.matches if match.entry is not None]

    def new_text(self) -> str:
        """assets.yaml with the entries. InvalidError, ManifestError."""
        entries = [match.entry for match in self.matches if match.entry is not None]
        return add_entries(self.manifest_text, entries, filename=self.filename, default_versioning=self.versioning)


class Search(Struct, frozen=True):
    """The assets to look for: those whose names match one of `patterns`, or all. `templates` are the first guesses of
    paths, with `{name}` in them. With `everything`, assets without a local file are entered as readonly.
    """

    patterns: Sequence[str] = ()
    templates: Sequence[str] = GUESSES
    everything: bool = False

    def __post_init__(self) -> None:
        for template in self.templates:
            if "{name}" not in template:
                raise UsageError(f"`{template}` has no `{{name}}` in it", hint="such as `models/{name}`")

    def wants(self, name: str) -> bool:
        """Whether the asset called `name` is looked for."""
        return not self.patterns or any(fnmatchcase(name, pattern) for pattern in self.patterns)

    @property
    def prefix(self) -> str:
        """The folder of the store that holds all that is wanted; empty for the whole store."""
        folder, slash, _ = os.path.commonprefix([*map(_literal, self.patterns)]).rpartition("/")  # noqa: RUF071 - of keys
        return folder + slash

    def guesses(self, name: str) -> list[str]:
        """The paths where the asset called `name` is looked for first."""
        return [os.path.normpath(template.replace("{name}", name)) for template in self.templates]


def _literal(pattern: str) -> str:
    """A pattern up to its first wildcard."""
    return pattern[: next((place for place, char in enumerate(pattern) if char in "*?["), len(pattern))]


def look(
    workspace: Workspace, search: Search, entries: Sequence[Entry], root: str, reporter: Reporter
) -> tuple[tuple[Match, ...], tuple[str, ...]]:
    """Find what is here of the assets of the store; also the wanted assets that `entries` have already.

    Paths are relative to `root`, and so are those of `entries`, which are left alone. StoreError.
    """
    store = workspace.store
    known = {entry.name for entry in entries}
    catalogue = _catalogue(store, search)
    here = _Here(root, [entry.path for entry in entries], _inside(store, root))
    places = {name: _places(here, search, name, sizes) for name, sizes in catalogue.items() if name not in known}
    trees = _hashed(workspace, root, places, reporter)
    found = list(together(lambda name: _match(store, search, here, name, catalogue[name], places[name], trees), places))
    return tuple(_settled(store, search, found, entries)), tuple(sorted(known & catalogue.keys()))


def write(adoption: Adoption, store_url: str, environ: Mapping[str, str]) -> None:
    """Write assets.yaml and assets.lock. ConflictError when one of them changed meanwhile; OSError."""
    root = os.path.dirname(adoption.manifest_file)
    state = open_state(root, environ)
    try:
        with FileLock(state.lock, timeout=0):
            now = read_file(adoption.manifest_file)
            if now != (None if adoption.is_new else adoption.manifest_text.encode()):
                raise ConflictError(f"`{adoption.filename}` changed meanwhile", hint="run the command again")
            _write(adoption, store_url, root, state.folder)
    except Timeout:
        raise ConflictError(f"another assetsync is at work in `{root}`", hint="wait for it") from None


def _write(adoption: Adoption, store_url: str, root: str, aside: str) -> None:
    text = adoption.new_text()
    path = os.path.join(root, LOCK)
    lock = read_lock(path) or Lock(store_url, adoption.versioning)
    for problem in lock_mismatches(lock, Manifest(StoreConfig(store_url), adoption.versioning, ())):
        raise LockError(problem.message, hint=problem.fix)
    locked = {
        match.name: LockEntry(match.version or match.newest, match.content, match.entry.path)
        for match in adoption.matches
        if match.entry is not None and match.content is not None
    }
    # The lock first: when this is interrupted in between, the same command finds everything once more.
    write_atomically(path, render_lock(replace(lock, assets={**lock.assets, **locked})).encode(), aside=aside)
    write_atomically(adoption.manifest_file, text.encode(), aside=aside)


# -- the store


def _catalogue(store: Store, search: Search) -> dict[str, dict[str, _Sizes]]:
    """The wanted assets: for each committed version the sizes of its files, from one listing."""
    objects = store.backend.list(search.prefix).objects
    names = {name for name in map(layout.name_of_versions_key, (entry.key for entry in objects)) if name}
    wanted = {name for name in names if search.wants(name) and name_problem(name) is None}
    found: dict[str, dict[str, dict[str, int]]] = {name: {} for name in wanted}
    for entry in objects:
        name, _, version = entry.key.removesuffix(META).rpartition("/")
        if entry.key.endswith(META) and name in found and is_valid(store.versioning, version):
            found[name][version] = {}
    for entry in objects:
        for name, version, path in _readings(entry.key):
            if version in found.get(name, ()):
                found[name][version][path] = entry.size
    return {name: dict(versions) for name, versions in found.items() if versions}


def _readings(key: str) -> Iterator[tuple[str, str, str]]:
    """The possible meanings of a data object's key: the asset, the version and the path in it."""
    parts = key.split("/")
    for end in range(1, len(parts)):
        yield "/".join(parts[:end]), parts[end], "/".join(parts[end + 1 :])


def _inside(store: Store, root: str) -> str | None:
    """The folder of a directory store that lies in the project, relative to it."""
    url = store.url.removeprefix("file://")
    relative = os.path.relpath(url, root) if url.startswith("/") else ".."
    return None if relative.startswith("..") else relative


# -- what is here


class _Here(Struct, frozen=True):
    """All regular files below `root` that may belong to an asset: their sizes, by path, the paths by size and by their
    stem, and the folders that they lie in. Links are not followed."""

    root: str
    taken: Sequence[str]
    store: str | None
    sizes: dict[str, int] = field(default_factory=dict)
    by_size: dict[int, list[str]] = field(default_factory=dict)
    by_stem: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._walk("")

    def _walk(self, folder: str) -> None:
        try:
            inside = sorted(os.scandir(os.path.join(self.root, folder)), key=lambda entry: entry.name)
        except OSError:
            return  # what can't be read can't be adopted
        for entry in inside:
            path = os.path.join(folder, entry.name)
            # A file or folder that is called like a version lies in an assets directory, where things are fetched to.
            if path in (self.store, MANIFEST, LOCK, *self.taken) or looks_like_version(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                # Hidden files are content of an asset; a hidden folder in the project is a tool's.
                if entry.name not in _NOT_SEARCHED and not entry.name.startswith("."):
                    self._walk(path)
            elif entry.is_file(follow_symlinks=False):
                size = self.sizes[path] = entry.stat().st_size
                self.by_size.setdefault(size, []).append(path)
                self.folders.update(_above(path))
                for stem in _stems(path):
                    self.by_stem.setdefault(stem, path)

    def at(self, guesses: Sequence[str]) -> str | None:
        """The path where an asset is looked for first: a file, maybe with an ending, or a folder."""
        for guess in guesses:
            if guess in self.by_stem:
                return self.by_stem[guess]
            if guess in self.folders:
                return guess
        return None


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    while path := os.path.dirname(path):
        yield path


def _stems(path: str) -> Iterator[str]:
    """A path, and the same without one ending after the other."""
    yield path
    start = path.rfind("/") + 2  # a name that begins with a dot has no ending there
    dot = path.rfind(".")
    while dot >= start:
        yield path[:dot]
        dot = path.rfind(".", 0, dot)


def _places(here: _Here, search: Search, name: str, versions: Mapping[str, _Sizes]) -> dict[str, list[str]]:
    """For each version the paths where files of its sizes lie, the likeliest first."""
    guesses = search.guesses(name)

    def rank(path: str) -> tuple[bool, bool, int, str]:
        return *_unlikely(path, name, guesses), len(path), path

    return {
        version: sorted(set(_of_these_sizes(here, sizes, guesses)), key=rank)[:_MAX_PLACES]
        for version, sizes in versions.items()
        if sizes
    }


def _unlikely(path: str, name: str, guesses: Sequence[str]) -> tuple[bool, bool]:
    """Whether a path is no first guess, and whether it lacks the last segment of the asset's name."""
    return not _is_guess(path, guesses), name.rpartition("/")[2] not in path


def _is_guess(path: str, guesses: Sequence[str]) -> bool:
    """Whether a path is a first guess, or one with the ending of a file."""
    return any(stem in guesses for stem in _stems(path))


def _of_these_sizes(here: _Here, sizes: _Sizes, guesses: Sequence[str]) -> Iterator[str]:
    largest = max(sizes, key=lambda path: (sizes[path], path))
    alike = here.by_size.get(sizes[largest], [])
    if largest == "":
        # Empty files are all the same: only the name tells whose they are.
        yield from (path for path in alike if sizes[largest] or _is_guess(path, guesses))
        return
    for path in alike:
        folder = path.removesuffix(f"/{largest}")
        if folder != path and all(here.sizes.get(f"{folder}/{one}", -1) == size for one, size in sizes.items()):
            yield folder


def _hashed(
    workspace: Workspace, root: str, places: Mapping[str, Mapping[str, Iterable[str]]], reporter: Reporter
) -> dict[str, Tree]:
    """The content at each of the places; without those that can't be assets."""
    paths = sorted({path for versions in places.values() for found in versions.values() for path in found})
    scanned = scan_all(
        root,
        [Entry(path, path) for path in paths],
        cache=workspace.cache,
        boundary=workspace.boundary,
        reporter=reporter,
    )
    return {path: found.tree for path, found in scanned.items() if isinstance(found, Present)}


# -- together


class _Candidate(Struct, frozen=True):
    """An asset, its newest version, and the paths at which its newest version that is here lies."""

    name: str
    newest: str
    versions: int
    version: str | None = None
    content: Content | None = None
    paths: tuple[str, ...] = ()
    differing: str | None = None


def _match(
    store: Store,
    search: Search,
    here: _Here,
    name: str,
    versions: Mapping[str, _Sizes],
    places: Mapping[str, Sequence[str]],
    trees: Mapping[str, Tree],
) -> _Candidate:
    wanted = search.everything or any(places.values())
    index = store.indexes.of(name) if wanted else None  # `.versions` alone knows what was taken out of it
    history = History.of(index.listed if index and index.listed else versions, store.versioning)
    found = _Candidate(name, history.versions[0], len(history.versions))
    for version in history.versions:
        for path in places.get(version, ()):
            tree = trees.get(path)
            if tree is None:
                continue
            content = _content(store, name, version, tree)
            if tree.content.same_as(content):
                same = (one for one in places[version] if one in trees and trees[one].content.same_as(content))
                return replace(found, version=version, content=tree.content, paths=tuple(same))
    return replace(found, differing=here.at(search.guesses(name)))


def _content(store: Store, name: str, version: str, tree: Tree) -> Content | None:
    try:
        found = store.look(name, version, like=tree)
    except AssetsyncError:
        return None  # what can't be read of one version keeps no other from being found
    return found.content if found else None


def _settled(store: Store, search: Search, found: Sequence[_Candidate], entries: Sequence[Entry]) -> Iterator[Match]:
    """Give each path to one asset, first to those whose names it fits, and enter what is to be entered."""
    taken = [entry.path for entry in entries]
    given: dict[str, Match] = {}

    def unlikely(candidate: _Candidate) -> tuple[bool, bool, str]:
        guesses = search.guesses(candidate.name)
        return *min(
            (_unlikely(path, candidate.name, guesses) for path in candidate.paths), default=last
        ), candidate.name

    last = (True, True)
    for candidate in sorted(found, key=unlikely):
        match = Match(candidate.name, candidate.newest, candidate.versions)
        path = next((one for one in candidate.paths if not _overlap(one, taken)), None)
        if path is not None and candidate.version is not None:
            line = _line(store, candidate.version, candidate.newest)
            match = replace(
                match,
                version=candidate.version,
                path=path,
                entry=Entry(candidate.name, path, line),
                content=candidate.content,
            )
            taken.append(path)
        elif candidate.differing is not None and not _overlap(candidate.differing, taken):
            match = replace(match, path=candidate.differing)
        given[candidate.name] = match
    if search.everything:
        given.update(_readonly(store, search, [m for m in given.values() if m.path is None], taken))
    for name in sorted(given):
        yield given[name]


def _line(store: Store, version: str, newest: str) -> str | None:
    """The line that an entry has to declare: that of a version which is not of the newest line."""
    system = store.versioning
    if not isinstance(system, Lines) or system.line_of(version) == system.line_of(newest):
        return None
    return system.line_of(version)


def _readonly(store: Store, search: Search, matches: Sequence[Match], taken: list[str]) -> dict[str, Match]:
    """Those of which nothing is here, as entries that are only consumed."""
    entered = {}
    for match in sorted(matches, key=lambda match: match.name):
        path = search.guesses(match.name)[0]
        if not _overlap(path, taken):
            taken.append(path)
            entered[match.name] = replace(match, entry=Entry(match.name, path, readonly=True))
    contents = together(lambda match: _recorded(store, match), entered.values())
    return {one.name: replace(one, content=content) for one, content in zip(entered.values(), contents, strict=True)}


def _recorded(store: Store, match: Match) -> Content | None:
    try:
        tree = store.meta(match.name, match.newest).tree
    except AssetsyncError:
        return None
    return tree.content if tree else None


def _overlap(path: str, others: Collection[str]) -> bool:
    """Whether a path is one of the others, or lies in one, or one lies in it."""
    here = f"{path.casefold()}/"
    return any(here.startswith(f"{one.casefold()}/") or f"{one.casefold()}/".startswith(here) for one in others)
