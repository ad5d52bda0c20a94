"""init, add and remove: assets.yaml by command, with what git should be told beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import glob
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from assetsync.atomic import write_atomically
from assetsync.cli.completing import assets, files
from assetsync.cli.console import Console
from assetsync.cli.options import Common, command
from assetsync.cli.usage import check_there
from assetsync.errors import InvalidError
from assetsync.escape import printable
from assetsync.lock.merge import DRIVER_ATTRIBUTES, DRIVER_COMMAND, DRIVER_SETTING
from assetsync.manifest import settings
from assetsync.manifest.edit import add_entries, default_name, entries_of, new_manifest, remove_entry
from assetsync.manifest.nodes import decoded
from assetsync.manifest.parse import path_problem
from assetsync.model.files import LOCK, MANIFEST
from assetsync.model.manifest import Entry
from assetsync.model.versioning import DEFAULT
from assetsync.project.locate import find_manifest
from assetsync.project.naming import chosen, is_pattern
from assetsync.project.texts import read_manifest
from assetsync.reading import read_file, shown_path

if TYPE_CHECKING:
    from assetsync.git.repository import Repository

yes_option = click.option("-y", "--yes", is_flag=True, help="Also make the edits that are offered, without asking.")


@command("init")
@yes_option
def init_command(common: Common, yes: bool) -> int:
    """Write an assets.yaml that explains itself, for the store of `--store URL`, into the current directory.

    Without `--store`, and where ASSETSYNC_STORE is not set, store and versioning are those of modelkit's variables
    (MODELKIT_STORAGE_PROVIDER, _BUCKET, _PREFIX, MODELKIT_ASSETS_VERSIONING_SYSTEM), if they are set.

    In a git checkout it offers what helps git with assets.lock: a line of .gitattributes, and one of .gitignore where
    git would ignore it. Without a terminal and without `--yes` it prints them and edits nothing.
    """
    console = Console(common)
    folder = os.path.abspath(common.directory or ".")
    path = os.path.join(folder, common.manifest or MANIFEST)
    if os.path.lexists(path):
        hint = f"it names its store itself: `store: {printable(common.store)}`" if common.store else None
        raise InvalidError(
            f"`{shown_path(path)}` exists already", hint=hint or "`assetsync add PATH` adds an asset to it"
        )
    theirs = None if common.store or os.environ.get("ASSETSYNC_STORE") else settings.default_store(os.environ)
    url = theirs.url if theirs else common.store
    text = new_manifest(url, settings.default_versioning(os.environ) if theirs else DEFAULT)
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
    console.say(f"Wrote {shown_path(path)}.")
    if theirs is not None:
        console.say(f"Its store is what modelkit's variables name: {printable(theirs.url)}")
    repository = _repository(folder)
    if repository is not None:
        _offer_for_lock(console, repository, os.path.dirname(path), yes=yes)
    console.say("Next:")
    if theirs is not None:
        console.say("  assetsync adopt             finds which local files are which version in it")
    if url is None:
        console.say(f"  name the store in {shown_path(path)}, as its comments say")
    console.say("  assetsync add PATH [NAME]   for each file or directory that is an asset")
    console.say("  assetsync plan              shows what would be published")
    return 0


@command("add")
@click.argument("given", nargs=-1, required=True, metavar="PATH [NAME] | PATH...", shell_complete=files)
@click.option("--version", metavar="LINE", help="The major line to publish into, or what a `--readonly` asset follows.")
@click.option("--readonly", is_flag=True, help="Never publish it from here: only fetch what others publish.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out files, in gitignore syntax; repeatable.")
@click.option("--description", metavar="TEXT", help="What it is.")
@yes_option
def add_command(
    common: Common,
    given: tuple[str, ...],
    version: str | None,
    readonly: bool,
    exclude: tuple[str, ...],
    description: str | None,
    yes: bool,
) -> int:
    """Add the file or directory PATH to assets.yaml as the asset NAME; by default the path without endings.

    With many paths, or a pattern such as 'models/*', each becomes an asset with a name of its own, and one that is an
    asset already is left as it is. Two arguments are PATH and NAME, unless the second is a path that exists.

    Nothing is published: `assetsync plan` shows what would be. Offers to add the paths to .gitignore.
    """
    console = Console(common)
    manifest_file, text = _manifest(common)
    filename, root = shown_path(manifest_file), os.path.dirname(manifest_file)
    versioning = settings.default_versioning(os.environ)
    paths, name = _split(given, common.directory or ".")
    if len(paths) > 1 and description is not None:
        raise click.UsageError("`--description` tells of one asset, and there are several paths")
    alone = len(given) == 1 + (name is not None) and not is_pattern(given[0])
    made = Entry(name or "", "", version, readonly, tuple(exclude), description)
    added = [_entry(common, root, path, made, given) for path in paths]
    if not alone:
        added = _without(console, added, entries_of(text, filename=filename, default_versioning=versioning))
    edited = add_entries(text, added, filename=filename, default_versioning=versioning)
    if not added:
        return 0
    write_atomically(manifest_file, edited.encode())
    for entry in added:
        console.say(f"Added `{entry.name}`: {entry.path}, to {filename}.")
    repository = _repository(root)
    if repository is not None:
        _offer_to_ignore(console, repository, root, [entry.path for entry in added], yes=yes)
    names = f" {added[0].name}" if len(added) == 1 else ""
    console.say(f"Next: `assetsync {'sync' if readonly else 'plan'}{names}`")
    return 0


def _entry(common: Common, root: str, path: str, made: Entry, given: Sequence[str]) -> Entry:
    """`made`, for a path; with the name that follows from it where it has none. ContentError, InvalidError."""
    here = common.directory or "."
    place = os.path.join(os.path.abspath(here), path)
    relative = _relative(root, place, path)
    if not made.readonly:
        hint = "for an asset that others publish, add `--readonly`"
        check_there("add", path, given[1] if len(given) == 2 else None, here, hint)
    name = made.name or default_name(relative, is_file=not os.path.isdir(place))
    return replace(made, name=name, path=relative)


def _without(console: Console, added: Sequence[Entry], known: Sequence[Entry]) -> list[Entry]:
    """The entries of many whose paths are no assets yet. UsageError when two paths would become one name."""
    names = {entry.path: entry.name for entry in known}
    for entry in added:
        if entry.path in names:
            console.say(f"{entry.path} is `{names[entry.path]}` already.")
    left = [entry for entry in added if entry.path not in names]
    first: dict[str, str] = {}
    for entry in left:
        if entry.name in first:
            raise click.UsageError(
                f"`{printable(first[entry.name])}` and `{printable(entry.path)}` would both be `{entry.name}`\n"
                f"hint: add them one by one, each with a name: `assetsync add {printable(entry.path)} NAME`"
            )
        first[entry.name] = entry.path
    return left


def _split(given: Sequence[str], directory: str) -> tuple[list[str], str | None]:
    """The paths that the arguments of `add` mean, patterns expanded, and the name where one is given. UsageError."""
    if len(given) == 2 and not is_pattern(given[1]) and not os.path.lexists(os.path.join(directory, given[1])):
        return [given[0]], given[1]
    paths: dict[str, None] = {}
    for text in given:
        found = [text]
        if is_pattern(text) and not os.path.lexists(os.path.join(directory, text)):
            found = sorted(glob(text, root_dir=directory, recursive=True))
            if not found:
                raise click.UsageError(
                    f"no path matches `{printable(text)}` in `{printable(os.path.abspath(directory))}`\n"
                    "hint: `*` does not go over `/`; `**` does"
                )
        paths.update(dict.fromkeys(found))
    return list(paths), None


@command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=assets)
def remove_command(common: Common, names: tuple[str, ...]) -> int:
    """Take the asset NAME out of assets.yaml. Its versions stay in the store, and its files stay here.

    NAME may be a pattern, such as 'nlp/*'.
    """
    console = Console(common)
    manifest_file, text = _manifest(common)
    filename = shown_path(manifest_file)
    versioning = settings.default_versioning(os.environ)
    entries = entries_of(text, filename=filename, default_versioning=versioning)
    paths = {entry.name: entry.path for entry in entries}
    removed = chosen(names, paths, filename, paths=paths)
    for name in removed:
        text = remove_entry(text, name, filename=filename, default_versioning=versioning)
    write_atomically(manifest_file, text.encode())
    shown = ", ".join(f"`{name}`" for name in removed)
    console.say(f"Removed {shown} from {filename}. Versions stay in the store, and files stay here.")
    console.say(f"Next: `assetsync apply` takes it out of {LOCK} too.")
    return 0


def _manifest(common: Common) -> tuple[str, str]:
    """The project's assets.yaml and its text."""
    base = os.path.abspath(common.directory or ".")
    path = os.path.join(base, common.manifest) if common.manifest else find_manifest(base)
    return path, decoded(read_manifest(path), shown_path(path))


def _relative(root: str, place: str, given: str) -> str:
    """`place` as assets.yaml in `root` names it. InvalidError when it can't be the path of an asset."""
    place = os.path.normpath(place)
    # Folders may be reached through links; the last segment stays, because a link to an asset is fine.
    real = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
    relative = os.path.relpath(real, os.path.realpath(root)).replace(os.sep, "/")
    if relative.startswith("../"):
        raise InvalidError(
            f"`{printable(given)}` is outside of the project `{printable(root)}`",
            hint="move it, or put a link to it, below the folder of assets.yaml",
        )
    problem = path_problem(relative)
    if problem is not None:
        raise InvalidError(problem, hint=_slashes(given))
    return relative


def _slashes(given: str) -> str | None:
    return f"write `{printable(given).replace(chr(92), '/')}`" if "\\" in given else None


# --- git


def _repository(folder: str) -> Repository | None:
    from assetsync.git.repository import open_repository

    return open_repository(folder, os.environ)


def _offer_for_lock(console: Console, repository: Repository, folder: str, *, yes: bool) -> None:
    lock = os.path.join(folder, LOCK)
    if repository.ignores(lock):
        _offer_lines(console, os.path.join(folder, ".gitignore"), [f"!{LOCK}"], "so that it can be committed", yes=yes)
    if repository.attribute("merge", lock) != "assetsync":
        _offer_lines(
            console,
            os.path.join(folder, ".gitattributes"),
            [DRIVER_ATTRIBUTES],
            "so that git merges it by asset",
            yes=yes,
        )
    console.say(f"Once in each clone, for that: git config {DRIVER_SETTING} '{DRIVER_COMMAND}'")


def _offer_to_ignore(console: Console, repository: Repository, root: str, paths: Sequence[str], *, yes: bool) -> None:
    from assetsync.git.repository import ignore_line

    lines = []
    for path in paths:
        place = os.path.join(root, path)
        if repository.tracks(place):
            console.say(f"note: git has {path} too; `git rm -r --cached {path}` takes it out of git and leaves it here")
        elif not repository.ignores(place):
            lines.append(ignore_line(path))
    if lines:
        _offer_lines(console, os.path.join(root, ".gitignore"), lines, "so that git leaves it out", yes=yes)


def _offer_lines(console: Console, file: str, lines: Sequence[str], why: str, *, yes: bool) -> None:
    """Add lines to a file of git's, or say which ones they are."""
    from assetsync.git.repository import with_lines

    shown = ", ".join(f"`{printable(line)}`" for line in lines)
    if not console.offer(f"Add {shown} to {shown_path(file)}, {why}?", yes=yes):
        console.say(f"Not done: {shown} in {shown_path(file)}, {why}.")
        return
    data = read_file(file) or b""
    edited = with_lines(data.decode("utf-8", "surrogateescape"), lines)
    write_atomically(file, edited.encode("utf-8", "surrogateescape"))
    console.say(f"Added {shown} to {shown_path(file)}, {why}.")
