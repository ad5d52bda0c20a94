"""One asset as its store has it: its versions by line, its history, all of one version, and differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from assetsync.escape import printable
from assetsync.model.changes import Changes
from assetsync.model.history import History
from assetsync.model.marks import NO_MARKS, Marks, Yank
from assetsync.model.provenance import Promoted, Provenance
from assetsync.model.tree import FileEntry, Tree
from assetsync.remote.documents import Logged, Meta
from assetsync.render.document import dump
from assetsync.render.marks import act_document, acted, moment
from assetsync.render.plan_text import Paint, plain
from assetsync.render.units import plural, size

VERSIONS_SHOWN = 8
NOT_RECORDED = "not recorded"


def lines_text(name: str, history: History) -> str:
    """The versions of an asset by line, newest first, with a final newline."""
    text = [f"`{name}` has {plural(len(history.versions), 'version')}:"]
    lines = history.lines
    text.extend(f"  line {line}: {_first(history.in_line(line))}" for line in lines[:VERSIONS_SHOWN])
    if len(lines) > VERSIONS_SHOWN:
        text.append(f"  … {plural(len(lines) - VERSIONS_SHOWN, 'older line')}")
    if not lines:
        text.append(f"  {_first(history.versions)}")
    return "\n".join(text) + "\n"


def _first(versions: Sequence[str]) -> str:
    more = len(versions) - VERSIONS_SHOWN
    return ", ".join(versions[:VERSIONS_SHOWN]) + (f", … {more} more" if more > 0 else "")


# -- log


def log_text(logs: Mapping[str, Sequence[Logged]], *, many: bool = False, paint: Paint = plain) -> str:
    """The histories of assets by name: each version with a head and what else is recorded of it. With `many`, every
    asset has its name above."""
    return "\n".join(
        text for name, entries in logs.items() for text in _history(name if many else None, entries, paint)
    )


def _history(name: str | None, entries: Iterable[Logged], paint: Paint) -> Iterator[str]:
    if name is not None:
        yield f"{paint(printable(name), 'bright_white')}\n"
    yield from ("\n".join(_logged(entry, paint)) + "\n" for entry in entries)


def _logged(entry: Logged, paint: Paint) -> Iterator[str]:
    version, meta = printable(entry.version), entry.meta
    if meta is None:
        yield f"{paint(version, 'yellow')}  {paint(printable(entry.error or 'unreadable'), 'red')}"
        return
    aliases = "".join(f"  {paint(f'@{alias}', 'cyan')}" for alias in entry.aliases)
    yield f"{paint(version, 'yellow')}  {date(meta)}  {amount(meta)}{aliases}"
    if entry.yank is not None:
        yield f"    {paint('yanked', 'red')}: {printable(entry.yank.why)} ({acted(entry.yank.act)})"
    yield from (f"    promoted: {printable(text)}" for text in _steps(meta))
    made = meta.provenance
    if made is None:
        return
    if made.message:
        for line in made.message.splitlines():
            yield f"    {printable(line)}"
    yield from (f"    {label}: {printable(text)}" for label, text in _origin(made))


def _steps(meta: Meta) -> Iterator[str]:
    """The steps by which a version came here from other stores, in words."""
    for step in meta.promoted:
        by = f" by {step.author}" if step.author else ""
        run = f", {step.run_url}" if step.run_url else ""
        why = f": {step.message}" if step.message else ""
        yield f"from {step.store}, {step.date[:10]} {step.date[11:19]}{by}{run}{why}"


def _origin(made: Provenance) -> Iterator[tuple[str, str]]:
    if made.author:
        yield "by", made.author
    commit = f"{made.commit[:12]}{', with uncommitted changes' if made.dirty else ''}" if made.commit else None
    where = " on ".join(filter(None, (commit, made.branch)))
    if where:
        yield "from", where + (f" of {made.repository}" if made.repository else "")
    elif made.repository:
        yield "from", made.repository
    if made.run_url:
        yield "run", made.run_url


def date(meta: Meta) -> str:
    """When a version was published, in UTC to the second where it is written as it should be."""
    return moment(meta.push_date)


def amount(meta: Meta) -> str:
    """Size and number of files."""
    files = plural(len(meta.paths), "file")
    return f"{size(meta.tree.content.size)} in {files}" if meta.tree is not None else f"{files}, size {NOT_RECORDED}"


def log_json(store: str, logs: Mapping[str, Sequence[Logged]], *, many: bool = False) -> str:
    """The document of `log --format json`: that of one asset, or with `many` a list of `assets`."""
    assets = [{"asset": name, "versions": _versions(entries)} for name, entries in logs.items()]
    return _some(store, "assets", assets, many)


def _some(store: str, key: str, documents: Sequence[Mapping[str, Any]], many: bool) -> str:
    found: Mapping[str, Any] = {key: documents} if many else documents[0]
    return dump({"store": store, **found})


def _versions(entries: Iterable[Logged]) -> list[dict[str, Any]]:
    return [
        {
            "version": one.version,
            **(recorded(one.meta) if one.meta is not None else {"error": one.error}),
            "aliases": list(one.aliases),
            "yanked": _yank(one.yank),
        }
        for one in entries
    ]


def recorded(meta: Meta) -> dict[str, Any]:
    """A `.meta` without its list of files, as JSON has it; None stands for facts that modelkit does not record."""
    content = meta.tree.content if meta.tree is not None else None
    made = meta.provenance
    return {
        "date": meta.push_date,
        "is_directory": meta.is_directory,
        "digest": content.digest if content else None,
        "size": content.size if content else None,
        "files": len(meta.paths),
        "description": meta.description,
        "owner": meta.owner,
        "tags": list(meta.tags),
        "promoted": [{"from": one.store, **_fields(one)} for one in meta.promoted],
        "provenance": {field: getattr(made, field) for field in Provenance.__struct_fields__} if made else None,
    }


def _yank(yank: Yank | None) -> dict[str, Any] | None:
    return act_document(yank.act) if yank is not None else None


def _fields(step: Promoted) -> dict[str, str | None]:
    return {field: getattr(step, field) for field in Promoted.__struct_fields__ if field != "store"}


# -- show


class Shown(NamedTuple):
    """A version with all that is recorded of it, and the marks of its asset."""

    name: str
    version: str
    meta: Meta
    marks: Marks = NO_MARKS


def show_text(store: str, shown: Shown) -> str:
    """All that is recorded of a version, its files included, and what marks say of it."""
    name, version, meta, marks = shown
    content = meta.tree.content if meta.tree is not None else None
    rows = [
        ("asset", f"{name}:{version}"),
        ("store", store),
        ("date", date(meta)),
        ("kind", "directory" if meta.is_directory else "file"),
        ("digest", content.digest if content else f"{NOT_RECORDED}: modelkit published it"),
        ("size", f"{content.size:,} bytes ({size(content.size)})" if content else NOT_RECORDED),
        ("files", f"{len(meta.paths):,}"),
    ]
    rows.extend(("alias", f"@{alias}") for alias in marks.aliases_of(version))
    yank = marks.yanked.get(version)
    if yank is not None:
        rows.append(("yanked", f"{yank.why} ({acted(yank.act)})"))
    if meta.description:
        rows.append(("description", meta.description))
    if meta.owner:
        rows.append(("owner", meta.owner))
    if meta.tags:
        rows.append(("tags", ", ".join(meta.tags)))
    if meta.provenance is not None:
        made = meta.provenance
        rows.extend([*_origin(made), ("with", made.tool)])
        rows.extend(("message", line) for line in (made.message or "").splitlines())
    rows.extend(("promoted", step) for step in _steps(meta))
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {printable(text)}" for label, text in rows]
    if meta.is_directory:
        lines.extend(["", *_files(meta)])
    return "\n".join(lines) + "\n"


def _files(meta: Meta) -> Iterator[str]:
    if meta.tree is None:
        yield from map(printable, meta.paths)
        return
    width = max((len(f"{file.size:,}") for file in meta.tree.files), default=0)
    for file in meta.tree.files:
        yield f"{file.sha256}  {file.size:>{width},}  {printable(file.path)}"


def show_json(store: str, shown: Sequence[Shown], *, many: bool = False) -> str:
    """The document of `show --format json`: that of one version, or with `many` a list of `versions`. Sizes and hashes
    are null where they are not recorded."""
    return _some(store, "versions", [_all_of(*one) for one in shown], many)


def _all_of(name: str, version: str, meta: Meta, marks: Marks) -> dict[str, Any]:
    files: Iterable[FileEntry | str] = meta.tree.files if meta.tree is not None else meta.paths
    said = {"aliases": list(marks.aliases_of(version)), "yanked": _yank(marks.yanked.get(version))}
    return {"asset": name, "version": version, **recorded(meta), **said, "files": [_file(file) for file in files]}


def _file(file: FileEntry | str) -> dict[str, Any]:
    if isinstance(file, str):
        return {"path": file, "size": None, "sha256": None}
    return {"path": file.path, "size": file.size, "sha256": file.sha256}


# -- diff


def diff_text(old: str, new: str, before: Tree, after: Tree, changes: Changes, *, paint: Paint = plain) -> str:
    """The differences, file by file, with sizes before and after."""
    if before.content.same_as(after.content):
        return f"`{printable(old)}` and `{printable(new)}` have the same content\n"
    lines = [paint(f"--- {printable(old)}", "red"), paint(f"+++ {printable(new)}", "green")]
    if before.is_directory != after.is_directory:
        lines.append(
            f"{'a directory' if before.is_directory else 'a file'} before, "
            f"{'a directory' if after.is_directory else 'a file'} now"
        )
    sizes = {file.path: file.size for file in before.files}
    marked = [(file.path, "~", f"{size(sizes[file.path])} → {size(file.size)}") for file in changes.changed]
    marked += [(file.path, "+", size(file.size)) for file in changes.added]
    marked += [(file.path, "-", size(file.size)) for file in changes.removed]
    for path, mark, cost in sorted(marked):
        head = f"{mark} {printable(path) or '(the file)'}"
        lines.append(f"{paint(head, _COLOURS[mark])}  {cost}")
    counted = [(changes.added, "added"), (changes.changed, "changed"), (changes.removed, "removed")]
    words = [f"{len(files):,} {word}" for files, word in counted] + [f"{changes.unchanged:,} unchanged"]
    lines.append(f"Files: {', '.join(words)}. Bytes: {size(before.content.size)} → {size(after.content.size)}.")
    return "\n".join(lines) + "\n"


_COLOURS = {"+": "green", "~": "yellow", "-": "red"}


def diff_json(store: str, old: str, new: str, before: Tree, after: Tree, changes: Changes) -> str:
    """The document of `diff --format json`."""
    was = {file.path: file for file in before.files}
    changed = [
        {
            "path": file.path,
            "size": file.size,
            "sha256": file.sha256,
            "old_size": was[file.path].size,
            "old_sha256": was[file.path].sha256,
        }
        for file in changes.changed
    ]
    return dump(
        {
            "store": store,
            "old": {"name": old, **_side(before)},
            "new": {"name": new, **_side(after)},
            "differ": not before.content.same_as(after.content),
            "added": [_file(file) for file in changes.added],
            "changed": changed,
            "removed": [_file(file) for file in changes.removed],
            "unchanged": changes.unchanged,
        }
    )


def _side(tree: Tree) -> dict[str, Any]:
    return {
        "digest": tree.digest,
        "is_directory": tree.is_directory,
        "size": tree.content.size,
        "files": tree.content.files,
    }
