"""Edits of assets.yaml by position: only the lines of the entry change; comments, order, quotes and indentation stay.

Each edit is parsed again and compared with what it was meant to do, so that an odd but valid file is refused rather
than damaged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from assetsync.errors import InvalidError, ManifestError
from assetsync.escape import printable
from assetsync.manifest.nodes import BYTE_ORDER_MARK, Mapping, Node, Scalar, read
from assetsync.manifest.parse import normal_path, parse_manifest
from assetsync.manifest.store_url import check_store_url
from assetsync.model.files import MANIFEST
from assetsync.model.manifest import Entry, Manifest, StoreConfig
from assetsync.model.names import name_problem
from assetsync.model.versioning import DEFAULT
from assetsync.suggest import did_you_mean

# Names and paths that every YAML reader takes for the same string, in block and in flow style.
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
_NOT_PLAIN = re.compile(r"null|true|false|yes|no|on|off|y|n|\.(?:inf|nan)|[.0-9].*", re.IGNORECASE)
# The store of a manifest that leaves it to flags or variables; what it is does not matter to an edit.
_ANY_STORE = StoreConfig("memory://edit")


def add_entries(
    text: str, entries: Sequence[Entry], *, filename: str = MANIFEST, default_versioning: str = DEFAULT
) -> str:
    """`text` with these entries behind the others; in the short form where name and path are all there is.

    `filename` and `default_versioning`, here and below, are those of `parse_manifest`.
    ManifestError when `text` is wrong before; InvalidError when an entry breaks a rule or the edit can't be made.
    """
    added = [replace(entry, path=normal_path(entry.path)) for entry in entries]
    if not added:
        return text
    source = _Source(text, filename, default_versioning)
    known = {other.name: other for other in source.manifest.entries}
    for entry in added:
        if entry.name in known:
            there = known[entry.name]
            raise InvalidError(
                f"`{printable(entry.name)}` is in {filename} already, in line {there.line}",
                hint=f"its path is `{printable(there.path)}`: edit it there, or give another name",
            )
    return source.edited(_addition(source, added), (*source.manifest.entries, *added))


def entries_of(text: str, *, filename: str = MANIFEST, default_versioning: str = DEFAULT) -> tuple[Entry, ...]:
    """The entries of a manifest, which may leave its store to others. ManifestError."""
    return _Source(text, filename, default_versioning).manifest.entries


def remove_entry(text: str, name: str, *, filename: str = MANIFEST, default_versioning: str = DEFAULT) -> str:
    """`text` without an entry, and without the comments directly above it at its indentation.

    ManifestError when `text` is wrong before; InvalidError when there is no such entry or the edit can't be made.
    """
    source = _Source(text, filename, default_versioning)
    assets, key, value = source.entry(name)
    splice = _flow_removal(source, assets, name) if assets.flow else _block_removal(source, key, value)
    return source.edited([splice], (entry for entry in source.manifest.entries if entry.name != name))


def set_version(
    text: str, name: str, version: str, *, filename: str = MANIFEST, default_versioning: str = DEFAULT
) -> str:
    """`text` with another `version` of an entry, in the quotes of the old one; the short form becomes the long one.

    ManifestError when `text` is wrong before; InvalidError when there is no such entry or the edit can't be made.
    """
    source = _Source(text, filename, default_versioning)
    assets, key, value = source.entry(name)
    splices = _version_splices(source, assets, key, value, version)
    entries = (replace(e, version=version) if e.name == name else e for e in source.manifest.entries)
    return source.edited(splices, entries)


def default_name(path: str, *, is_file: bool) -> str:
    """The name of an asset that nobody named: its path, without the endings of a file. InvalidError when it can't be.

    With the folders, because a store is shared and `model` alone is soon taken.
    """
    folder, _, last = normal_path(path).rpartition("/")
    name = f"{folder}/{last.partition('.')[0] if is_file else last}".lstrip("/")
    problem = name_problem(name)
    if problem is not None:
        raise InvalidError(
            f"no name follows from `{printable(path)}`: {problem}",
            hint=f"name it: `assetsync add {printable(path)} NAME`",
        )
    return name


class _Splice(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


class _Source:
    """A manifest's text, what it says, and where its lines are. ManifestError when the manifest is wrong."""

    def __init__(self, text: str, filename: str, default_versioning: str) -> None:
        self.filename = filename
        self._default_versioning = default_versioning
        self.manifest = self._parsed(text)
        self.text = text.removeprefix(BYTE_ORDER_MARK)
        self._mark = text[: len(text) - len(self.text)]
        root = read(text, filename).root
        assert isinstance(root, Mapping)  # noqa: S101 - it was parsed as one
        self.root = root

    def entry(self, name: str) -> tuple[Mapping, Scalar, Node]:
        """The mapping of all entries, and key and value of one. InvalidError when there is none of that name."""
        assets = self.root.get("assets")
        if not isinstance(assets, Mapping) or name not in assets.pairs:
            near = did_you_mean(name, [entry.name for entry in self.manifest.entries])
            hint = near or f"`{self.filename}` lists what there is"
            raise InvalidError(f"`{printable(name)}` is not in {self.filename}", hint=hint)
        return assets, *assets.pairs[name]

    def edited(self, splices: Iterable[_Splice], wanted: Iterable[Entry]) -> str:
        """The text after the splices. InvalidError unless it then says `wanted`, and else what it said before."""
        text = self.text
        for start, end, new in sorted(splices, reverse=True):
            text = text[:start] + new + text[end:]
        expected = replace(self.manifest, entries=_placeless(wanted))
        try:
            found = self._parsed(text)
        except ManifestError as error:
            problems = "; ".join(problem.message for problem in error.problems)
            raise InvalidError(problems, hint=f"{self.filename} was left as it is") from None
        if replace(found, entries=_placeless(found.entries)) != expected:
            raise self.by_hand()
        return self._mark + text

    def _parsed(self, text: str) -> Manifest:
        return parse_manifest(
            text, filename=self.filename, default_store=_ANY_STORE, default_versioning=self._default_versioning
        )

    def by_hand(self) -> InvalidError:
        return InvalidError(
            f"this can't be changed in {self.filename} without touching more than it should",
            hint="edit the file by hand",
        )

    # --- lines

    def colon_end(self, key: Scalar) -> int:
        """The offset behind the colon of a key. InvalidError for a key that has none, in `{key}`."""
        colon = re.compile(r"\s*:").match(self.text, key.end)
        if colon is None:
            raise self.by_hand()
        return colon.end()

    def line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """The offset behind the line break that ends the line of `offset`."""
        found = self.text.find("\n", offset)
        return len(self.text) if found < 0 else found + 1

    def line(self, start: int) -> str:
        return self.text[start : self.line_end(start)]

    def newline(self, offset: int) -> str:
        """How the line of `offset` ends; the line above it where it is the last and does not end."""
        end = self.text.find("\n", offset)
        if end < 0:
            end = self.text.rfind("\n")
        return "\r\n" if end > 0 and self.text[end - 1] == "\r" else "\n"

    def behind(self, offset: int, lines: Iterable[str]) -> _Splice:
        """New lines behind the line of `offset`."""
        end, newline = self.line_end(offset), self.newline(offset)
        unfinished = end == len(self.text) and not self.text.endswith("\n")
        return _Splice(end, end, (newline if unfinished else "") + "".join(line + newline for line in lines))

    def starts_line(self, offset: int) -> bool:
        return not self.text[self.line_start(offset) : offset].strip()

    def last_line_of(self, node: Node | Scalar, column: int) -> int:
        """An offset in the last line of a node, comments directly below that are indented beyond `column` included."""
        offset = node.end
        while (start := self.line_end(offset)) < len(self.text):
            comment = re.match(r"[ \t]*(?=#)", self.line(start))
            if comment is None or comment.end() < column:
                break
            offset = start
        return offset


def _placeless(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(replace(entry, line=1, column=1) for entry in entries)


# --- adding


def _addition(source: _Source, entries: Sequence[Entry]) -> list[_Splice]:
    root, text = source.root, source.text
    pair = root.pairs.get("assets")
    if pair is None and root.flow:
        return _flow_addition(source, root, "assets: {" + _flow_entries(entries) + "}")
    if pair is None:
        indent = " " * (next(iter(root.pairs.values()))[0].column - 1)
        lines = [f"{indent}assets:", *_block_entries(entries, indent + "  ", "  ")]
        return [source.behind(source.last_line_of(root, len(indent)), lines)]
    key, assets = pair
    if isinstance(assets, Mapping) and assets.pairs:
        last_key, last = list(assets.pairs.values())[-1]
        if assets.flow:
            return _flow_addition(source, assets, _flow_entries(entries, quote=text[last_key.start] == '"'))
        lines = _block_entries(entries, " " * (last_key.column - 1), _step(assets))
        return [source.behind(source.last_line_of(last, last_key.column), lines)]
    colon = source.colon_end(key)
    if isinstance(assets, Mapping) and (root.flow or text[assets.start : assets.end].strip("{} \t\r\n")):
        brace = text.index("{", assets.start) + 1
        return [_Splice(brace, brace, _flow_entries(entries))]
    if root.flow:
        return [_Splice(colon, assets.end, " {" + _flow_entries(entries) + "}")]
    # `assets:`, `assets: {}` or `assets: null`: what stands behind the colon goes, but for a comment.
    lines = _block_entries(entries, " " * (key.column + 1), "  ")
    return [
        _Splice(colon, assets.end, ""),
        source.behind(source.last_line_of(assets, key.column), lines),
    ]


def _flow_addition(source: _Source, mapping: Mapping, pair: str) -> list[_Splice]:
    """One more pair at the end of a flow mapping, on a line of its own where the last one has one."""
    if not mapping.pairs:
        return [_Splice(mapping.start + 1, mapping.start + 1, pair)]
    key, value = list(mapping.pairs.values())[-1]
    comma = re.compile(r"[ \t]*,").match(source.text, value.end)
    end = comma.end() if comma else value.end
    if source.starts_line(key.start) and source.line_end(end) <= mapping.end:
        line = source.text[source.line_start(key.start) : key.start] + pair + ("," if comma else "")
        missing = [] if comma else [_Splice(end, end, ",")]
        return [*missing, source.behind(end, [line])]
    return [_Splice(end, end, f" {pair}," if comma else f", {pair}")]


def _step(assets: Mapping) -> str:
    """By how much the keys of the long form are indented, as the file does it already."""
    for key, value in assets.pairs.values():
        if isinstance(value, Mapping) and not value.flow:
            inner = next(iter(value.pairs.values()))[0]
            return " " * max(1, inner.column - key.column)
    return "  "


def _fields(entry: Entry, write: Callable[[str], str]) -> list[tuple[str, str]]:
    """The keys of the long form with their values as YAML; nothing but the path for an entry in short form."""
    fields = [("path", write(entry.path))]
    if entry.version is not None:
        fields.append(("version", _quoted(entry.version)))
    if entry.readonly:
        fields.append(("readonly", "true"))
    if entry.exclude:
        fields.append(("exclude", "[" + ", ".join(map(_quoted, entry.exclude)) + "]"))
    if entry.description is not None:
        fields.append(("description", _quoted(entry.description)))
    return fields


def _block_entries(entries: Iterable[Entry], indent: str, step: str) -> list[str]:
    return [line for entry in entries for line in _block_entry(entry, indent, step)]


def _flow_entries(entries: Iterable[Entry], *, quote: bool = False) -> str:
    return ", ".join(_flow_entry(entry, quote=quote) for entry in entries)


def _block_entry(entry: Entry, indent: str, step: str) -> list[str]:
    name = _scalar(entry.name)
    fields = _fields(entry, _scalar)
    if len(fields) == 1:
        return [f"{indent}{name}: {fields[0][1]}"]
    return [f"{indent}{name}:", *(f"{indent}{step}{key}: {value}" for key, value in fields)]


def _flow_entry(entry: Entry, *, quote: bool = False) -> str:
    """The entry inside `{}`; with `quote` all of it is JSON."""
    write: Callable[[str], str] = _quoted if quote else _scalar
    fields = _fields(entry, write)
    if len(fields) == 1:
        return f"{write(entry.name)}: {fields[0][1]}"
    return f"{write(entry.name)}: {{" + ", ".join(f"{write(key)}: {value}" for key, value in fields) + "}"


def _scalar(text: str) -> str:
    """`text` as a YAML scalar, plain where no reader could take it for something else."""
    return text if _PLAIN.fullmatch(text) and not _NOT_PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- removing


def _block_removal(source: _Source, key: Scalar, value: Node) -> _Splice:
    column = key.column - 1
    start = source.line_start(key.start)
    end = source.line_end(source.last_line_of(value, column + 1))
    while start:
        above = source.line_start(start - 1)
        if not source.line(above).startswith(" " * column + "#"):
            break
        start = above
    blank_above = start > 0 and not source.line(source.line_start(start - 1)).strip()
    if blank_above and (end == len(source.text) or not source.line(end).strip()):
        start = source.line_start(start - 1)  # one blank line between neighbours stays, and none at the end
    return _Splice(start, end, "")


def _flow_removal(source: _Source, assets: Mapping, name: str) -> _Splice:
    text = source.text
    pairs = list(assets.pairs)
    key, value = assets.pairs[name]
    start, end = key.start, value.end
    comma = re.compile(r"[ \t]*,[ \t]*").match(text, end)
    index = pairs.index(name)
    before = assets.pairs[pairs[index - 1]][1].end if index else None
    if comma:
        end = comma.end()
    elif before is not None and re.fullmatch(r"[ \t]*,[ \t]*", text[before:start]):
        start = before
    if source.starts_line(start) and re.fullmatch(r"[ \t]*(?:#.*)?\r?\n", text[end : source.line_end(end)]):
        return _Splice(source.line_start(start), source.line_end(end), "")
    return _Splice(start, end, "")


# --- changing a version


def _version_splices(source: _Source, assets: Mapping, key: Scalar, value: Node, version: str) -> list[_Splice]:
    if not isinstance(value, Mapping):
        return _to_long_form(source, assets, key, value, version)
    old = value.get("version")
    if old is not None:
        quote = source.text[old.start]
        return [_Splice(old.start, old.end, f"'{version}'" if quote == "'" else _quoted(version))]
    path_key, path = value.pairs["path"]
    if value.flow:
        return [_Splice(path.end, path.end, f", version: {_quoted(version)}")]
    indent = source.text[source.line_start(path_key.start) : path_key.start]
    return [source.behind(path.end, [f"{indent}version: {_quoted(version)}"])]


def _to_long_form(source: _Source, assets: Mapping, key: Scalar, path: Node, version: str) -> list[_Splice]:
    if assets.flow:
        return [
            _Splice(path.start, path.start, "{path: "),
            _Splice(path.end, path.end, f", version: {_quoted(version)}}}"),
        ]
    indent = " " * (key.column - 1) + _step(assets)
    colon = source.colon_end(key)
    between = source.text[colon : path.start]
    if "\n" in between:  # the path has a line of its own
        indent = between.rpartition("\n")[2]
        start = path.start
        opening = "path: "
    else:
        start = colon
        opening = f"{source.newline(path.end)}{indent}path: "
    return [
        _Splice(start, path.start, opening),
        source.behind(path.end, [f"{indent}version: {_quoted(version)}"]),
    ]


# --- a new manifest

_TEMPLATE = """\
# Which local paths are which assets, and where they live. `assetsync plan` shows what is new or changed and which
# version each asset would get; `assetsync apply` publishes that and records it in assets.lock.
# All that can stand here: https://github.com/your-org/assetsync/blob/main/docs/manifest.md

# The object store: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a directory such as ./store.
# Credentials never stand here: they come from the environment, as for the cloud's own tools.
{store}
#
# Several stores have names; then `store` says which is the default, and `--store prod` picks another for a command:
# stores: {{dev: s3://DEV-BUCKET/PREFIX, prod: {{url: s3://PROD-BUCKET/PREFIX, region: eu-west-1}}}}

# How versions look: major_minor (1.2, the default) or simple_date (2026-01-31T09-00-00Z).
{versioning}

# Each asset is a file or a directory. `assetsync add PATH [NAME]` writes an entry; so can you:
#
#   nlp/tokenizer: models/tokenizer       # NAME: PATH, relative to this file
#
#   nlp/sentiment:
#     path: models/sentiment.bin
#     version: "1"                        # publish 1.x; raise it to "2" and the next version is 2.0
#     description: Sentiment classifier
#     exclude: ["*.tmp", "checkpoints/"]  # what of it is not published, in gitignore syntax
#
#   shared/embeddings:
#     path: data/embeddings
#     version: "3"                        # the newest 3.x; "3.2" pins one
#     readonly: true                      # only fetched, never published from here
assets:
"""


def new_manifest(store_url: str | None, versioning: str = DEFAULT) -> str:
    """The text of a new assets.yaml, which explains itself. Without a URL, its `store` is left to be filled in.

    InvalidError when the URL can't be the store of a manifest.
    """
    if store_url is None:
        return _TEMPLATE.format(store="# store: s3://BUCKET/PREFIX", versioning=_versioning(versioning))
    url = check_store_url(store_url)
    plain = re.fullmatch(r"[A-Za-z./][A-Za-z0-9:_./-]*", url)
    store = f"store: {url if plain else _quoted(url)}"
    return _TEMPLATE.format(store=store, versioning=_versioning(versioning))


def _versioning(name: str) -> str:
    return f"{'# ' if name == DEFAULT else ''}versioning: {_scalar(name)}"
