"""assets.yaml: text -> Manifest, with every problem at once, each at its place.

The rules are those of docs/manifest.md; `manifest.schema.json`, which ships beside this module, says the same to
editors as far as a JSON Schema can. Edits by position are in `assetsync.manifest.edit`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from assetsync.errors import InvalidError, Located, ManifestError, UsageError
from assetsync.escape import brief, printable
from assetsync.manifest.fields import with_hint
from assetsync.manifest.nodes import Mapping, Node, Scalar, Sequence, read
from assetsync.manifest.stores import StoreFields
from assetsync.model.files import LOCK, MANIFEST, STATE
from assetsync.model.guards import MAJORS, SECRETS, Guards, parse_size
from assetsync.model.manifest import Entry, Manifest, StoreConfig
from assetsync.model.marks import alias_in, alias_problem
from assetsync.model.names import name_problem, version_problem
from assetsync.model.paths import fold, part_problem
from assetsync.model.versioning import BUILT_IN, DEFAULT, Lines, Versioning, is_valid

_TOP_KEYS = ("store", "stores", "versioning", "guards", "assets")
_GUARD_KEYS = ("secrets", "max_upload", "max_files", "majors")
_ENTRY_KEYS = ("path", "version", "readonly", "exclude", "description", "owner", "tags", "allow_secrets")
# Of one entry: more patterns than a person writes are a list of files, which belongs elsewhere.
MAX_EXCLUDES = 1_000
MAX_DESCRIPTION = 10_000  # characters
MAX_ALLOWED = 1_000  # paths in which secrets are allowed
MAX_TAGS = 100
MAX_LABEL = 200  # characters of an owner or a tag
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_COUNT = re.compile(r"[1-9][0-9]{0,11}")
T = TypeVar("T", bound=str)


def parse_manifest(
    text: str | bytes,
    *,
    filename: str = MANIFEST,
    default_store: StoreConfig | None = None,
    default_versioning: str = DEFAULT,
    plugin: Callable[[str], Versioning] | None = None,
) -> Manifest:
    """Parse assets.yaml; bytes are UTF-8. ManifestError with all that is wrong.

    `filename` is the manifest's name for messages; its last part can't be inside an asset. The defaults stand for what
    the text leaves out. `plugin` finds a versioning system that is not built in, and is `load_versioning` where the
    versions matter; without it, they are only checked for what no version may be. UsageError when it finds none for
    `default_versioning`.
    """
    root, problems = read(text, filename)
    reader = _Reader(problems, filename, plugin)
    manifest = reader.manifest(root, default_store, default_versioning)
    if reader.problems or manifest is None:
        raise ManifestError(filename, list(dict.fromkeys(reader.problems)))
    return manifest


class _Reader(StoreFields):
    """Nodes -> values, collecting problems. Each method returns what it can make of a node, however bad."""

    def __init__(
        self, problems: list[Located], filename: str, plugin: Callable[[str], Versioning] | None = None
    ) -> None:
        super().__init__(problems, filename)
        self._own_files = _own_files(filename)
        self._plugin = plugin
        self._system: Versioning | None = None
        self._lines: Lines | None = None

    def manifest(
        self, root: Node | None, default_store: StoreConfig | None, default_versioning: str
    ) -> Manifest | None:
        if root is None:
            self._problem(None, "the file is empty; `assetsync init` writes one that explains itself")
            return None
        if not isinstance(root, Mapping):
            self._problem(root, "the file must be a mapping with the keys `store` and `assets`")
            return None
        self._check_keys(root, _TOP_KEYS)
        versioning = self._string(root, "versioning") or default_versioning
        self._system = self._versioning(root, versioning)
        self._lines = _lines_of(self._system)
        stores = self.stores(root.get("stores"))
        store = self.default_store(root, stores) if "store" in root.pairs else default_store
        if stores and "store" not in root.pairs:
            self._problem(
                root.get("stores"), f"`store` must say which of `stores` is the default: `store: {stores[0].name}`"
            )
        elif store is None:
            self._problem(
                None, "`store` is missing: it says where the assets live, such as `store: s3://BUCKET/PREFIX`"
            )
        guards = self._guards(root)
        entries = self._entries(root.get("assets"))
        self._check_names(entries)
        self._check_paths(entries, [*stores, *([store] if store and store.name is None else [])])
        return Manifest(store, versioning, tuple(entries), guards, stores) if store else None

    def _versioning(self, root: Mapping, name: str) -> Versioning | None:
        if name in BUILT_IN:
            return BUILT_IN[name]()
        if self._plugin is None:
            return None
        try:
            return self._plugin(name)
        except UsageError as error:
            if "versioning" not in root.pairs:
                raise
            self._problem(root.get("versioning"), with_hint(error))
            return None

    # --- guards

    def _guards(self, root: Mapping) -> Guards:
        node = root.get("guards")
        if node is None:
            return Guards()
        if not isinstance(node, Mapping):
            self._problem(node, "`guards` must be a mapping, such as `guards: {max_files: 10000}`")
            return Guards()
        self._check_keys(node, _GUARD_KEYS)
        return Guards(
            secrets=self._choice(node, "secrets", SECRETS),
            max_upload=self._size(node, "max_upload"),
            max_files=self._count(node, "max_files"),
            majors=self._choice(node, "majors", MAJORS),
        )

    def _choice(self, mapping: Mapping, name: str, words: tuple[T, ...]) -> T:
        """One of some words; the first where the key is not there, or is no such word."""
        node = mapping.get(name)
        found = [word for word in words if isinstance(node, Scalar) and node.text == word]
        if node is not None and not found:
            self._problem(node, f"`{name}` must be {' or '.join(f'`{word}`' for word in words)}")
        return (*found, *words)[0]

    def _size(self, mapping: Mapping, name: str) -> int | None:
        node = mapping.get(name)
        size = parse_size(node.text) if isinstance(node, Scalar) else None
        if node is not None and size is None:
            self._problem(node, f"`{name}` must be a number of bytes with its unit, such as `5 GiB` or `200 MB`")
        return size

    def _count(self, mapping: Mapping, name: str) -> int | None:
        node = mapping.get(name)
        if node is None:
            return None
        if not isinstance(node, Scalar) or not node.plain or not _COUNT.fullmatch(node.text):
            self._problem(node, f"`{name}` must be a whole number from 1 on, such as `{name}: 10000`")
            return None
        return int(node.text)

    # --- entries

    def _entries(self, assets: Node | None) -> list[Entry]:
        if assets is None or (isinstance(assets, Scalar) and assets.is_null):
            return []
        if not isinstance(assets, Mapping):
            self._problem(assets, "`assets` must be a mapping of names to paths, such as `nlp/model: models/nlp.bin`")
            return []
        return [self._entry(key, value) for key, value in assets.pairs.values()]

    def _entry(self, key: Scalar, value: Node) -> Entry:
        if isinstance(value, Mapping):
            return self._long_entry(key, value)
        path = ""
        if not isinstance(value, Scalar) or value.is_null:
            self._problem(value, f"`{brief(key.text)}` needs a path, or a mapping with the key `path`")
        elif not value.is_string:
            self._problem(value, f'a path must be a string: write `"{brief(value.text)}"`')
        else:
            path = self._path(value, value.text)
        return Entry(key.text, path, line=key.line, column=key.column)

    def _long_entry(self, key: Scalar, entry: Mapping) -> Entry:
        self._check_keys(entry, _ENTRY_KEYS)
        if "path" not in entry.pairs:
            self._problem(key, f"`{brief(key.text)}` has no `path`")
        path = self._string(entry, "path")
        readonly = self._boolean(entry, "readonly", default=False)
        return Entry(
            key.text,
            self._path(entry.get("path"), path) if path is not None else "",
            version=self._version(entry.get("version"), readonly),
            readonly=readonly,
            exclude=self._exclude(entry.get("exclude")),
            description=self._description(entry),
            owner=self._owner(entry),
            tags=self._tags(entry.get("tags")),
            allow_secrets=self._allowed(entry.get("allow_secrets")),
            line=key.line,
            column=key.column,
        )

    def _description(self, entry: Mapping) -> str | None:
        text = self._string(entry, "description")
        if text is not None and len(text) > MAX_DESCRIPTION:
            self._problem(entry.get("description"), f"`description` is longer than {MAX_DESCRIPTION:,} characters")
        return text

    def _owner(self, entry: Mapping) -> str | None:
        text = self._string(entry, "owner")
        problem = _label_problem(text) if text is not None else None
        if problem is not None:
            self._problem(entry.get("owner"), f"`owner` {problem}")
        return text

    def _tags(self, node: Node | None) -> tuple[str, ...]:
        tags = self._strings(node, "tags", "tags: [nlp, french]", MAX_TAGS)
        for item in tags:
            problem = _label_problem(item.text)
            if problem is not None:
                self._problem(item, f"a tag {problem}")
        return tuple(dict.fromkeys(item.text for item in tags))

    def _allowed(self, node: Node | None) -> tuple[str, ...]:
        items = self._strings(node, "allow_secrets", "allow_secrets: [tests/key.pem]", MAX_ALLOWED)
        paths = [normal_path(item.text) for item in items]
        for item, path in zip(items, paths, strict=True):
            problem = part_problem(path)
            if problem is not None:
                self._problem(item, f"{problem}; a path of `allow_secrets` is relative to the asset")
        return tuple(paths)

    def _strings(self, node: Node | None, name: str, example: str, most: int) -> list[Scalar]:
        """The strings of a list, as nodes."""
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self._problem(node, f"`{name}` must be a list of strings, such as `{example}`")
            return []
        if len(node.items) > most:
            self._problem(node, f"`{name}` has more than {most:,} items")
            return []
        strings = []
        for item in node.items:
            if isinstance(item, Scalar) and item.is_string:
                strings.append(item)
            else:
                self._problem(item, f"an item of `{name}` must be a string")
        return strings

    def _path(self, node: Node | None, text: str) -> str:
        path = normal_path(text)
        problem = path_problem(path, self._own_files)
        if problem is not None:
            self._problem(node, problem)
            return ""
        return path

    def _version(self, node: Node | None, readonly: bool) -> str | None:
        if node is None:
            return None
        if not isinstance(node, Scalar) or node.is_null:
            self._problem(node, '`version` must be a quoted string, such as `version: "1"`')
            return None
        wrong, better = self._version_problem(node.text, readonly)
        if node.plain and better == node.text:
            self._problem(node, f'`version` must be a quoted string: write `version: "{brief(better)}"`')
        elif wrong is not None:
            self._problem(node, f"`version` must be a quoted string, and {wrong}" if node.plain else wrong)
        return node.text

    def _version_problem(self, version: str, readonly: bool) -> tuple[str | None, str]:
        """The problem of an entry's version, and what should stand there, as far as that can be told."""
        alias = alias_in(version)
        if alias is not None:
            return alias_problem(alias) or (None if readonly else _NOT_FOLLOWED), version
        malformed = version_problem(version)
        if malformed is not None or self._system is None:
            return malformed, version
        complete = is_valid(self._system, version)
        if readonly and complete:
            return None, version
        if self._lines is None:
            return _no_lines(self._system, version, readonly), version
        if complete:
            line = self._lines.line_of(version)
            wrong = f"`{version}` is a complete version, and an asset that is published names its line"
            return f'{wrong}: write `version: "{line}"`, or add `readonly: true` to pin it', line
        try:
            self._lines.check_line(version)
        except InvalidError as error:
            return (f"{error.message}, nor a complete version" if readonly else error.message), version
        return None, version

    def _exclude(self, node: Node | None) -> tuple[str, ...]:
        patterns = self._strings(node, "exclude", 'exclude: ["*.tmp"]', MAX_EXCLUDES)
        for item in patterns:
            problem = exclude_problem(item.text)
            if problem is not None:
                self._problem(item, problem)
        return tuple(item.text for item in patterns)

    # --- entries among each other

    def _check_names(self, entries: Iterable[Entry]) -> None:
        folded: dict[str, Entry] = {}
        for entry in entries:
            problem = name_problem(entry.name) or self._lies_among_versions(entry.name)
            if problem is not None:
                self._problem(entry, problem)
                continue
            other = folded.setdefault(fold(entry.name), entry)
            if other is not entry:
                self._problem(entry, f"`{entry.name}` differs from `{other.name}` (line {other.line}) only in case")

    def _lies_among_versions(self, name: str) -> str | None:
        """The rule of `name_problem` about versions, for the versions of a plug-in."""
        if self._system is None or type(self._system) in BUILT_IN.values():
            return None
        for segment in name.split("/"):
            if is_valid(self._system, segment):
                return f"`{name}` can't be a name: `{segment}` is a version"
        return None

    def _check_paths(self, entries: Iterable[Entry], stores: Iterable[StoreConfig]) -> None:
        """No path may be, hold or lie in another, nor the directory of a store."""
        paths: dict[str, Entry] = {}
        for entry in entries:
            if entry.path:
                other = paths.setdefault(fold(entry.path), entry)
                if other is not entry:
                    self._problem(entry, f"`{entry.path}` is the path of `{other.name}` (line {other.line}) already")
        for path, entry in paths.items():
            for parent in _parents(path):
                if parent in paths:
                    self._overlap(entry, paths[parent])
        for store in stores:
            if store.url == "." or store.url.startswith("./"):
                self._check_folder(paths, store.url)

    def _check_folder(self, paths: dict[str, Entry], url: str) -> None:
        """No path may be, hold or lie in the directory of a store."""
        folder = fold(normal_path(url))
        above = {*_parents(folder)}
        for path, entry in paths.items():
            if folder in (".", path) or path in above or folder in _parents(path):
                self._problem(entry, f"`{entry.path}` overlaps with the directory of the store, `{url}`")

    def _overlap(self, inner: Entry, outer: Entry) -> None:
        if (inner.line, inner.column) > (outer.line, outer.column):
            later, how, other = inner, "lies inside", outer
        else:
            later, how, other = outer, "contains", inner
        self._problem(later, f"`{later.path}` {how} `{other.path}`, the path of `{other.name}` (line {other.line})")


def normal_path(text: str) -> str:
    """A path of a manifest without the leading `./` and the trailing slashes that change nothing."""
    path = text.removeprefix("./")
    return path.rstrip("/") or path[:1]


def path_problem(path: str, own_files: Collection[str] = (MANIFEST, LOCK)) -> str | None:
    """Why `path`, as `normal_path` makes it, can't be the path of an asset, or None when it can.

    `own_files` are assetsync's own files beside the manifest, with case folded.
    """
    if path in ("", "."):
        return "a path can't be the manifest's own directory; give each asset a path inside it"
    if path == ".." or path.startswith("../"):
        return f"`{brief(path)}` leaves the manifest's directory"
    if _URL.match(path):
        return (
            f"`{brief(path)}` is a URL, and a path is a file or directory beside the manifest; `assetsync new URL NAME`"
            " publishes what lies there, and `store` says where assets live"
        )
    problem = part_problem(path)
    if problem is not None:
        return f"{problem}; a path is relative to the manifest and uses `/`"
    top = fold(path.partition("/")[0])
    if top in (STATE, ".git") or top in own_files:
        return f"`{path}` can't be an asset: it belongs to {'git' if top == '.git' else 'assetsync'}"
    return None


def exclude_problem(pattern: str) -> str | None:
    """Why `pattern` can't stand in `exclude`, or None when it can."""
    if printable(pattern) != pattern:
        return f"the pattern `{brief(pattern)}` holds a control character"
    if pattern.strip() in ("", "!"):
        return f"`{brief(pattern)}` is not a pattern"
    if pattern.startswith("#"):
        shown = brief(pattern)
        return f"`{shown}` is a comment in gitignore syntax; write `\\{shown}` for a name that begins with `#`"
    from assetsync.model.patterns import pattern_problem

    problem = pattern_problem(pattern)
    return f"`{brief(pattern)}` is not a pattern in gitignore syntax: {problem}" if problem else None


def _label_problem(text: str) -> str | None:
    """Why `text` can't be an owner or a tag, or None when it can."""
    if not text.strip():
        return "is empty"
    if len(text) > MAX_LABEL:
        return f"is longer than {MAX_LABEL} characters"
    return "holds a control character" if printable(text) != text else None


def _own_files(filename: str) -> frozenset[str]:
    base = filename.replace("\\", "/").rpartition("/")[2]
    return frozenset(map(fold, (base, MANIFEST, LOCK)))


def _parents(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _lines_of(system: Versioning | None) -> Lines | None:
    if system is not None and isinstance(system, Lines):
        return system
    return None


_NOT_FOLLOWED = "an alias is followed by an asset with `readonly: true` alone: name a line to publish into"


def _no_lines(system: Versioning, version: str, readonly: bool) -> str:
    if not readonly:
        return "these versions have no lines to publish into: leave `version` out, or add `readonly: true` to pin one"
    try:
        system.check(version)
    except InvalidError as error:
        return error.message
    return f"`{version}` is not a version"
