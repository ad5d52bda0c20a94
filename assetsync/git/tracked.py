"""The paths that git tracks, which a stranger's branch can bring: asked before links and state in a repo are followed.

Asking git takes a tenth of a second, and every plan would have to. So `may_track` looks into the index first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from assetsync.errors import GitError
from assetsync.escape import printable

if TYPE_CHECKING:
    from assetsync.git.repository import Repository

_HEADER = re.compile(rb"DIRC\0\0\0[\x02\x03]")
# Extensions of an index that lacks some of its paths: it shares them with another, or has whole folders as one.
_INCOMPLETE = re.compile(rb"(link|sdir)\0\0")


def may_track(folder: str, name: str) -> bool:
    """Whether git may track a path with `name`, in ASCII, in it, in the checkout of `folder`. False: surely not.

    Versions 2 and 3 of the index hold paths as they are (gitformat-index); of any other, nothing is said here.
    """
    checkout = _checkout(folder)
    if checkout is None:
        return False
    try:
        with open(os.path.join(checkout.git_dir, "index"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if not _HEADER.match(data) or _INCOMPLETE.search(data):
        return True
    return name.lower().encode() in data.lower()


class _Checkout(NamedTuple):
    top: str
    git_dir: str


def _checkout(folder: str) -> _Checkout | None:
    """The checkout that `folder` is in, or what would be one. `folder` need not be there."""
    folder = os.path.realpath(folder)
    while True:
        candidate = os.path.join(folder, ".git")
        if os.path.isdir(candidate):
            return _Checkout(folder, candidate)
        if os.path.lexists(candidate):  # of a submodule or a linked worktree
            try:
                with open(candidate, encoding="utf-8", errors="surrogateescape") as file:
                    git_dir = os.path.join(folder, file.read(4096).strip().removeprefix("gitdir: "))
            except OSError:
                git_dir = candidate
            return _Checkout(folder, git_dir)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def tracked(paths: Sequence[str], environ: Mapping[str, str]) -> frozenset[str]:
    """Those of the absolute `paths` that git tracks, or something below them. The last step of a path may be a link.

    Each is asked about in the checkout that its folder is in; one call for each checkout. GitError when there is a
    checkout, but git can't say.
    """
    by_checkout: dict[_Checkout, list[str]] = {}
    for path in paths:
        checkout = _checkout(os.path.dirname(path))
        if checkout is not None:
            by_checkout.setdefault(checkout, []).append(path)
    found = (_repository(at, inside[0], environ).tracked(inside) for at, inside in by_checkout.items())
    return frozenset(path for some in found for path in some)


class TrackedLinks:
    """Tells which links git tracks. Asks git at most once for each checkout, and only when it is called."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._links: dict[_Checkout, frozenset[str]] = {}

    def __call__(self, link: str) -> bool:
        """Whether the link at this absolute path is in the index, in any case of its letters. GitError."""
        folder = os.path.realpath(os.path.dirname(link))
        checkout = _checkout(folder)
        if checkout is None:
            return False
        if checkout not in self._links:
            self._links[checkout] = self._ask(checkout, link)
        return os.path.join(folder, os.path.basename(link)).casefold() in self._links[checkout]

    def _ask(self, checkout: _Checkout, link: str) -> frozenset[str]:
        repository = _repository(checkout, link, self._environ)
        return frozenset(os.path.join(repository.root, path).casefold() for path in repository.links())


def _repository(checkout: _Checkout, path: str, environ: Mapping[str, str]) -> Repository:
    from assetsync.git.repository import open_repository

    repository = open_repository(checkout.top, environ)
    if repository is None:
        raise GitError(f"whether git tracks `{printable(path)}` can't be found out", hint="install git, or mend `.git`")
    return repository
