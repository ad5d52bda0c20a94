"""What git tracks, which is what a stranger's branch can bring: asked before links and state in a repo are followed.

Asking git takes a tenth of a second, and every plan would have to. So `may_track` looks into the index first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from assetsync.errors import GitError
from assetsync.escape import printable
from assetsync.git.repository import Repository, open_repository

_HEADER = re.compile(rb"DIRC\0\0\0[\x02\x03]")
# Extensions of an index that lacks some of its paths: it shares them with another, or has whole folders as one.
_INCOMPLETE = re.compile(rb"(link|sdir)\0\0")


def may_track(folder: str, name: str) -> bool:
    """Whether git may track a path with `name`, in ASCII, in it, in the checkout of `folder`. False: surely not.

    Versions 2 and 3 of the index hold paths as they are (gitformat-index); of any other, nothing is said here.
    """
    git_dir = _git_dir(os.path.realpath(folder))
    if git_dir is None:
        return False
    try:
        with open(os.path.join(git_dir, "index"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if not _HEADER.match(data) or _INCOMPLETE.search(data):
        return True
    return name.lower().encode() in data.lower()


def _git_dir(folder: str) -> str | None:
    """The git folder of the checkout that `folder` is in, or what would be one."""
    while True:
        candidate = os.path.join(folder, ".git")
        if os.path.isdir(candidate):
            return candidate
        if os.path.lexists(candidate):  # of a submodule or a linked worktree
            try:
                with open(candidate, encoding="utf-8", errors="surrogateescape") as file:
                    return os.path.join(folder, file.read(4096).strip().removeprefix("gitdir: "))
            except OSError:
                return candidate
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def tracked(paths: Sequence[str], environ: Mapping[str, str]) -> frozenset[str]:
    """Those of the absolute `paths` that git tracks, or something below them. The last step of a path may be a link.

    Each is asked about in the checkout that its folder is in; one call for each checkout. GitError when there is a
    checkout, but git can't say.
    """
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.realpath(os.path.dirname(path)), []).append(path)
    by_root: dict[str, tuple[Repository, list[str]]] = {}
    for folder, inside in by_folder.items():
        if _git_dir(folder) is None:
            continue
        repository = open_repository(folder, environ)
        if repository is None:
            raise GitError(
                f"whether git tracks `{printable(inside[0])}` can't be found out", hint="install git, or mend `.git`"
            )
        by_root.setdefault(repository.root, (repository, []))[1].extend(inside)
    return frozenset(path for repository, inside in by_root.values() for path in repository.tracked(inside))
