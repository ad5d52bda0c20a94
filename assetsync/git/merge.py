"""assets.lock with conflicts: settled from the sides in git's index or from its markers; and as git's merge driver.

A merge driver is what git calls to merge one file. `.gitattributes` says which file, in the repo; the configuration of
each clone says how. A clone without it gets git's own merge, whose conflicts `resolve` settles.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from assetsync.atomic import write_atomically
from assetsync.errors import LockError
from assetsync.git.repository import open_repository
from assetsync.lock.merge import merge_locks, resolve_conflicts
from assetsync.lock.text import parse_lock, render_lock
from assetsync.model.files import LOCK
from assetsync.model.lock import Lock
from assetsync.reading import read_existing


def resolve(lock_file: str, environ: Mapping[str, str]) -> bool:
    """Settle the conflicts in assets.lock, if any, and write it as assetsync does; False when that changes nothing.

    The three sides in git's index come first, since the markers may not show the common ancestor. LockError when a
    person must decide.
    """
    stages = _stages(lock_file, environ)
    if stages:
        merged = _merged(stages, os.path.relpath(lock_file))
    else:
        data = read_existing(lock_file)
        merged = resolve_conflicts(data.decode("utf-8", "replace"), filename=os.path.relpath(lock_file))
        if render_lock(merged).encode() == data:
            return False
    write_atomically(lock_file, render_lock(merged).encode())
    return True


def drive(base: str, ours: str, theirs: str, environ: Mapping[str, str]) -> None:
    """Merge three files as git's merge driver: the result goes to `ours`.

    Where a person must decide, git's own merge goes there, markers and all, and LockError says why.
    """
    stages = {stage: read_existing(path) for stage, path in ((1, base), (2, ours), (3, theirs))}
    try:
        # Without a common ancestor, git gives an empty file.
        merged = _merged({stage: data for stage, data in stages.items() if data}, LOCK)
    except LockError:
        repository = open_repository(os.path.dirname(os.path.abspath(ours)), environ)
        if repository is not None:
            labels = ("-L", "ours", "-L", "base", "-L", "theirs")
            repository.run("merge-file", *labels, "--", *map(os.path.abspath, (ours, base, theirs)))
        raise
    write_atomically(ours, render_lock(merged).encode())


def _merged(stages: dict[int, bytes], filename: str) -> Lock:
    if 2 not in stages or 3 not in stages:
        side = "theirs" if 2 in stages else "ours"
        raise LockError(
            f"`{filename}` was removed in {side} and changed in the other side",
            hint=f"keep it with `git add {filename}`, or drop it with `git rm {filename}`",
        )
    locks = {stage: parse_lock(data, filename=f"{filename} ({_SIDES[stage]})") for stage, data in stages.items()}
    return merge_locks(locks.get(1), locks[2], locks[3])


_SIDES = {1: "the common ancestor", 2: "ours", 3: "theirs"}


def _stages(lock_file: str, environ: Mapping[str, str]) -> dict[int, bytes]:
    """The three sides of an unmerged file by git's numbers; empty when it is merged, or there is no git to know."""
    repository = open_repository(os.path.dirname(lock_file), environ)
    if repository is None:
        return {}
    listed = repository.run("ls-files", "--unmerged", "-z", "--", repository.relative(lock_file))
    stages = {}
    for line in os.fsdecode(listed.out).split("\0")[:-1]:
        _, blob, stage = line.partition("\t")[0].split()
        stages[int(stage)] = repository.blob(blob, lock_file)
    return stages
