"""Which local files are which version of which asset of a store.

By size first: one listing of the store has the sizes of all files of all versions, and one walk those of what is here.
Only where they agree is anything read: the `.meta` of that version, or, where modelkit made it, its bytes, once.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from assetsync.errors import AssetsyncError, UsageError
from assetsync.local.inventory import Inventory, stems
from assetsync.local.scan import scan_all
from assetsync.model.history import History
from assetsync.model.manifest import Entry
from assetsync.model.names import META, name_problem
from assetsync.model.tree import Content, Tree
from assetsync.model.versioning import Lines, is_valid
from assetsync.plan.snapshot import Present
from assetsync.pool import together
from assetsync.progress import Reporter
from assetsync.project.workspace import Workspace
from assetsync.remote import layout
from assetsync.remote.store import Store

# Where an asset is looked for before anywhere else.
GUESSES = ("{name}", "models/{name}", "assets/{name}", "data/{name}")
# Places with the right sizes that are compared for one version; more are as good as none.
_MAX_PLACES = 20
# Paths of files relative to the asset -> sizes in bytes; a single file has the empty path.
_Sizes = Mapping[str, int]


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


def look(
    workspace: Workspace, search: Search, entries: Sequence[Entry], root: str, reporter: Reporter
) -> tuple[tuple[Match, ...], tuple[str, ...]]:
    """Find what is here of the assets of the store; also the wanted assets that `entries` have already.

    Paths are relative to `root`, and so are those of `entries`, which are left alone. StoreError.
    """
    store = workspace.store
    known = {entry.name for entry in entries}
    catalogue = _catalogue(store, search)
    here = Inventory(root, [entry.path for entry in entries], _inside(store, root))
    places = {name: _places(here, search, name, sizes) for name, sizes in catalogue.items() if name not in known}
    trees = _hashed(workspace, root, places, reporter)
    found = list(together(lambda name: _match(store, search, here, name, catalogue[name], places[name], trees), places))
    return tuple(_settled(store, search, found, entries)), tuple(sorted(known & catalogue.keys()))


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


def _places(here: Inventory, search: Search, name: str, versions: Mapping[str, _Sizes]) -> dict[str, list[str]]:
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
    return any(stem in guesses for stem in stems(path))


def _of_these_sizes(here: Inventory, sizes: _Sizes, guesses: Sequence[str]) -> Iterator[str]:
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
    here: Inventory,
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
