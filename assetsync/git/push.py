"""Pushing a commit of assets.lock. When the remote branch has moved, it is made again on top of that.

assets.lock is then merged asset by asset, by the rules of `assetsync.lock.merge`. The branch here follows after the
push, as far as changes that are not committed let it.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from assetsync.errors import GitError, LockError
from assetsync.escape import printable
from assetsync.git.index import Index
from assetsync.git.objects import Objects
from assetsync.git.repository import Ran, Repository
from assetsync.lock.merge import merge_locks
from assetsync.lock.text import parse_lock, render_lock

TRIES = 8

_BY_HAND = "run `git pull --rebase` and `git push`; `assetsync lock --resolve` settles conflicts in assets.lock"
# The words of a server when two pushes met, so that another try can help.
_MET = re.compile(
    r"\[rejected\]|failed to update ref|cannot lock ref|incorrect old value|failed to lock|unable to lock"
)


class Pushed(Struct, frozen=True):
    """Where the commit went. `followed`: the branch here is at what was pushed."""

    remote: str
    branch: str
    commit: str
    followed: bool


class Branch:
    """The branch `name` that is checked out, and the paths of assets.lock and assets.yaml in it."""

    def __init__(self, git: Repository, name: str, lock_path: str, manifest_path: str) -> None:
        self.name = name
        self.ref = f"refs/heads/{name}"
        self.lock_path = lock_path
        self.manifest_path = manifest_path
        self.index = Index(git.path_of("index"))
        self._git = git
        self._objects = Objects(git)

    def move(self, to: str, expected: str, why: str) -> None:
        """Let the branch be at the commit `to`. GitError when it is not at `expected` any more."""
        self._git.text(
            "update-ref",
            *("-m", f"assetsync: {why}", self.ref, to, expected),
            failed=f"git can't move `{printable(self.name)}` to the new commit",
            hint="run the same command again",
        )

    def check_free(self, *refs: str) -> None:
        """GitError when another git moves one of these refs, or was killed while it did.

        A git that is killed leaves the locks that it holds, which look like those of a living one.
        """
        paths = [self._git.path_of(f"{ref}.lock") for ref in refs]
        left = [f"`{printable(path)}`" for path in paths if os.path.exists(path)]
        if left:
            raise GitError(
                f"another git moves the branch, or was killed: there is {' and '.join(left)}",
                hint=f"when no git is at work here, remove {'that file' if len(left) == 1 else 'both'}",
            )

    def target(self) -> tuple[str, str]:
        """The remote to push to and the branch there, by git's settings. GitError when they leave it open."""

        def setting(name: str) -> str:
            return self._git.line("config", "--get", name)

        remotes = self._git.text("remote").split("\n")
        followed = setting(f"branch.{self.name}.remote")
        remote = setting(f"branch.{self.name}.pushRemote") or setting("remote.pushDefault") or followed
        if not remote and len(remotes) == 1:
            remote = remotes[0]
        if not remote and "origin" in remotes:
            remote = "origin"
        if not remote or remote == ".":
            raise GitError(
                f"no remote to push `{printable(self.name)}` to",
                hint=f"add one, and name it with `git config branch.{printable(self.name)}.pushRemote REMOTE`",
            )
        merged = setting(f"branch.{self.name}.merge").removeprefix("refs/heads/")
        return remote, merged if merged and remote == followed else self.name

    def push(self, *, committed: bool, pause: Callable[[int], None] | None = None) -> Pushed | None:
        """Push commits of assets.lock that the remote lacks; None when there are none. `committed`: one was just made.

        `pause(n)` is called before the n-th further try. GitError when the remote refuses, or moved each time.
        """
        remote, branch = self.target()
        head = ours = self._git.text("rev-parse", "HEAD")
        followed = tracking(remote, branch)
        tip = self._objects.commit(followed) or self._fetch(remote, branch, followed)
        if not committed and not self._is_pending(tip, ours):
            return None
        for attempt in range(TRIES):
            if attempt:
                (pause or _pause)(attempt)
            if self._push_once(remote, branch, ours):
                return Pushed(remote, branch, ours, self._follow(head, ours))
            tip = self._fetch(remote, branch, followed)
            if tip is not None:
                ours = self._rebased(ours, tip)
            if ours == tip:  # somebody else made the very same change
                return Pushed(remote, branch, ours, self._follow(head, ours))
        raise GitError(
            f"`{printable(branch)}` on `{printable(remote)}` moved each of the {TRIES} times that it was pushed to",
            hint="run `git pull --rebase` and `git push`, or the same command again",
        )

    def _is_pending(self, tip: str | None, ours: str) -> bool:
        """Whether commits that `tip` lacks touch assets.lock."""
        without = (f"^{tip}",) if tip else ()
        return bool(self._git.text("rev-list", "-n", "1", ours, *without, "--", self.lock_path))

    def _fetch(self, remote: str, branch: str, tracking: str) -> str | None:
        """Where the remote's branch is now; None when it has no such branch."""
        ran = self._git.run("fetch", "--quiet", "--no-tags", remote, f"+refs/heads/{branch}:{tracking}")
        if ran.code == 0:
            return self._objects.commit(tracking)
        if "find remote ref" in ran.error:
            return None
        raise _unreachable(remote, ran)

    def _push_once(self, remote: str, branch: str, commit: str) -> bool:
        """Push one commit; False when the remote's branch moved. GitError when it was refused."""
        ran = self._git.run("push", "--porcelain", remote, f"{commit}:refs/heads/{branch}")
        if ran.code == 0:
            return True
        refused = next((line for line in ran.out.decode("utf-8", "replace").split("\n") if line.startswith("!")), None)
        if refused is None and "failed to push some refs" not in ran.error:
            raise _unreachable(remote, ran)
        if refused is not None and _MET.search(refused + ran.error):
            return False
        said = [line.removeprefix("remote:").strip() for line in ran.error.split("\n") if line.startswith("remote:")]
        reason = "; ".join(filter(None, said)) or (refused or "").rpartition("\t")[2] or "a pre-push hook refused"
        raise GitError(
            f"`{printable(remote)}` refused the push to `{printable(branch)}`: {printable(reason)}",
            hint="let whoever pushes here do so on this branch (protection rules, `contents: write`), then run "
            "`git push`; or push to a branch of its own, and merge that",
        )

    def _rebased(self, ours: str, tip: str) -> str:
        """Our commits made again on top of `tip`, which lacks them. GitError where that is more than lock changes."""
        if self._git.run("merge-base", tip, ours).code:
            raise GitError(
                "the remote's branch has no commit in common with the one here",
                hint="its history was rewritten, or this is a shallow clone: see `git fetch --unshallow`",
            )
        for commit in self._git.text("rev-list", "--reverse", "--topo-order", ours, f"^{tip}").split():
            tip = self._replayed(commit, tip)
        return tip

    def _replayed(self, commit: str, onto: str) -> str:
        parent, touched = self._change(commit)
        blobs = {}
        for path in touched:
            merge = self._merged_lock if path == self.lock_path else self._merged_text
            blob = merge(
                self._objects.blob(parent, path), self._objects.blob(onto, path), self._objects.blob(commit, path), path
            )
            if blob != self._objects.blob(onto, path):
                blobs[path] = blob
        if not blobs:
            return onto
        log = self._git.text("log", "-1", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit)
        name, email, date, message = log.split("\0", 3)
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
        return self._objects.made(self._objects.tree(onto, blobs), onto, message, author=author)

    def _change(self, commit: str) -> tuple[str, Sequence[str]]:
        """The parent of a commit and the paths it changes. GitError unless it is one of ours: a lock's, or nearly."""
        parents = self._git.text("rev-list", "-n", "1", "--parents", commit).split()[1:]
        listed = self._git.data("diff-tree", "--no-commit-id", "--name-only", "--no-renames", "-r", "-z", commit)
        touched = os.fsdecode(listed).rstrip("\0").split("\0")
        if len(parents) != 1 or not {self.lock_path} <= {*touched} <= {self.lock_path, self.manifest_path}:
            raise GitError(
                f"the remote's branch moved, and `{commit[:10]}`, which is not pushed either, is more than a new "
                "assets.lock",
                hint=_BY_HAND,
            )
        return parents[0], touched

    def _merged_lock(self, base: str | None, theirs: str | None, ours: str | None, path: str) -> str:
        if ours is None or (theirs is None and base is not None):
            raise GitError("assets.lock was removed on one side", hint=_BY_HAND)
        if theirs in (base, ours):
            return ours
        old, new = (parse_lock(self._objects.content(blob)) for blob in (theirs or ours, ours))
        try:
            merged = merge_locks(self._objects.lock(base), old, new)
        except LockError as error:
            raise GitError(error.message, hint=_BY_HAND) from error
        return self._objects.stored(render_lock(merged).encode())

    def _merged_text(self, base: str | None, theirs: str | None, ours: str | None, path: str) -> str:
        if ours is not None and theirs in (base, ours):
            return ours
        if base and theirs and ours:
            with tempfile.TemporaryDirectory() as folder:
                files = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
                for file, blob in zip(files, (ours, base, theirs), strict=True):
                    with open(file, "wb") as opened:
                        opened.write(self._objects.content(blob))
                ran = self._git.run("merge-file", "-p", *files)
            if ran.code == 0:
                return self._objects.stored(ran.out)
        raise GitError(f"both sides changed the same lines of `{printable(path)}`", hint=_BY_HAND)

    def _follow(self, head: str, pushed: str) -> bool:
        """Bring branch, index and working tree from `head` to `pushed`; all or nothing."""
        if head == pushed:
            return True

        def read(env: Mapping[str, str]) -> bool:
            self._git.run("update-index", "-q", "--refresh", env=env)
            return self._git.run("read-tree", "-m", "-u", head, pushed, env=env).code == 0

        if not self.index.change(read):
            return False
        self.move(pushed, head, "rebase")
        return True


def tracking(remote: str, branch: str) -> str:
    """The ref here that follows a branch of a remote."""
    return f"refs/remotes/{remote}/{branch}"


def _unreachable(remote: str, ran: Ran) -> GitError:
    return GitError(
        f"git can't reach `{printable(remote)}`: {printable(ran.reason)}",
        hint=f"see that `git push {printable(remote)}` works here: URL, credentials and the right to write",
    )


def _pause(attempt: int) -> None:
    """Let others through, not in step with them."""
    time.sleep(random.uniform(0, 0.3 * attempt))  # noqa: S311


def _file(folder: str, content: bytes, name: str = "content") -> str:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path
