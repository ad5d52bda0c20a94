"""Reading and making git's objects beside the index and the working tree: blobs, trees, commits."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping

from assetsync.errors import AssetsyncError, LockError
from assetsync.git.repository import Repository
from assetsync.lock.text import parse_lock
from assetsync.model.lock import Lock


class Objects:
    """The objects of a repository. GitError where git refuses."""

    def __init__(self, repository: Repository) -> None:
        self._git = repository

    def commit(self, revision: str) -> str | None:
        """The commit that `revision` names; None for none."""
        return self._git.line("rev-parse", "-q", "--verify", f"{revision}^{{commit}}") or None

    def blob(self, commit: str, path: str) -> str | None:
        """The blob at `path` in a commit, or in the index when `commit` is empty; None for none."""
        return self._git.line("rev-parse", "-q", "--verify", f"{commit}:{path}") or None

    def content(self, blob: str) -> bytes:
        """The bytes of a blob."""
        return self._git.data("cat-file", "blob", blob)

    def lock(self, blob: str | None) -> Lock | None:
        """The lock that a blob holds; None for none, or one that can't be read."""
        try:
            return None if blob is None else parse_lock(self.content(blob))
        except LockError:
            return None

    def stored(self, content: bytes) -> str:
        """The blob of some bytes, made when there is none."""
        return self._git.text("hash-object", "-w", "--no-filters", "--stdin", given=content)

    def rewritten(self, blob: str | None, rewrite: Callable[[str], str] | None) -> str | None:
        """The blob that `rewrite` makes of another; None when it changes nothing or does not fit."""
        if blob is None or rewrite is None:
            return None
        try:
            before = self.content(blob).decode()
            after = rewrite(before)
        except (UnicodeDecodeError, AssetsyncError):
            return None
        return None if after == before else self.stored(after.encode())

    def tree(self, commit: str, blobs: Mapping[str, str]) -> str:
        """The tree of `commit` with other blobs at some paths."""
        with tempfile.TemporaryDirectory() as folder:
            beside = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            self._git.text("read-tree", commit, env=beside)
            for path, blob in blobs.items():
                self._git.text("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=beside)
            return self._git.text("write-tree", env=beside)

    def made(self, tree: str, parent: str, message: str, *, author: Mapping[str, str] | None = None) -> str:
        """A new commit of `tree` on top of `parent`, signed when git's settings want that.

        `author` holds git's variables for another author and date than those of now.
        """
        sign = self._git.line("config", "--type=bool", "--get", "commit.gpgsign") == "true"
        return self._git.text(
            "commit-tree",
            *(("-S",) if sign else ()),
            *(tree, "-p", parent),
            env=author,
            given=message.encode(),
            failed="git can't make the commit",
        )
