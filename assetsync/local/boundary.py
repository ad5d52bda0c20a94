"""Links that lead out of the project: a user's own are followed and told of, those that git tracks are refused.

`data -> /mnt/big` is common. But a link that git tracks was committed by somebody, who may be a stranger: following it
would publish a private key, or write where a pull has no business.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from assetsync.escape import printable

# Tells whether git tracks the link at an absolute path. GitError.
TracksLink = Callable[[str], bool]

# As many links as Linux follows in one path.
_MOST_LINKS = 40


class Outside(Struct, frozen=True):
    """A path that a link leads out of the project: the link, to where, and whether git tracks it or one before it."""

    link: str
    target: str
    tracked: bool

    def problem(self, root: str) -> tuple[str, str]:
        """The problem with a tracked one, and the hint."""
        link = printable(os.path.relpath(self.link, root))
        return (
            f"`{link}` is a link that git tracks, and it leads out of the project",
            f"put what it leads to in its place; one of your own is followed after `git rm --cached {link}`",
        )


class Boundary(Struct, frozen=True):
    """The folder that a project is, and what tells which links git tracks."""

    root: str
    tracks: TracksLink

    def way_out(self, path: str, real: Callable[[str], str] = os.path.realpath) -> Outside | None:
        """How links lead `path`, which is relative to the root, out of the project; None when they do not.

        Every link that lies in the project is asked about, for one that is the user's own may be used by another that
        is not. `real` resolves the links of folders: who asks about many paths at once need not ask anew for each.
        """
        inside = real(self.root)
        folder, name = os.path.split(os.path.join(inside, path))
        here = os.path.join(real(folder), name)
        if name in ("", os.curdir, os.pardir) or os.path.islink(here):
            here = os.path.realpath(here)
        if _lies_in(here, inside):
            return None
        links = _links(inside, path)
        out = [link for link in links if not _lies_in(os.path.realpath(link), inside)]
        if not out:
            return None
        tracked = next(filter(self.tracks, links), None)
        return Outside(tracked or out[0], os.path.realpath(out[0]), tracked is not None)


def _links(inside: str, path: str) -> list[str]:
    """The links in the folder `inside` that are gone through on the way to `path`, in order."""
    links: list[str] = []
    at, steps, gone = inside, path.split("/")[::-1], 0
    while steps and gone <= _MOST_LINKS:
        step = steps.pop()
        if step == "..":
            at = os.path.dirname(at)
        elif step not in ("", "."):
            at = os.path.join(at, step)
            try:
                target = os.readlink(at)
            except OSError:
                continue  # no link
            gone += 1
            if _lies_in(at, inside):
                links.append(at)
            steps.extend(target.split("/")[::-1])
            at = "/" if target.startswith("/") else os.path.dirname(at)
    return links


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
