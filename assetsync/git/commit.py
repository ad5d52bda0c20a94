"""Committing what assetsync wrote, and pushing it: assets.lock alone, whatever else is staged or changed.

The commit is built beside the index and the working tree: a tree of HEAD with other contents for one or two paths. The
user's staged files stay staged, and changed files stay changed. Commit hooks do not run, because they work on the index
and the working tree; a pre-push hook does. `commit.gpgsign` is honoured.

When the remote branch has moved, the commit is made again on top of it, with assets.lock merged asset by asset. The
branch here follows after the push, as far as changes that are not committed let it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from shutil import which

from assetsync.errors import GitError
from assetsync.escape import printable
from assetsync.git.message import commit_message
from assetsync.git.objects import Objects
from assetsync.git.push import Branch, Pushed, tracking
from assetsync.git.repository import UNSAFE, Repository, open_repository

_ONGOING = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}
# How to have a branch checked out where CI systems leave HEAD detached, by a variable that each of them sets.
_ATTACH = {
    "GITHUB_ACTIONS": "give actions/checkout the branch: `ref: ${{ github.head_ref || github.ref_name }}`",
    "GITLAB_CI": 'run `git checkout -B "$CI_COMMIT_BRANCH"` before it, in a branch pipeline',
    "TF_BUILD": 'run `git checkout -B "${BUILD_SOURCEBRANCH#refs/heads/}"` before it',
    "BUILDKITE": 'run `git checkout -B "$BUILDKITE_BRANCH"` before it',
    "CIRCLECI": 'run `git checkout -B "$CIRCLE_BRANCH"` before it',
    "JENKINS_URL": 'run `git checkout -B "$BRANCH_NAME"` before it, or let the job check out to a local branch',
}


class Checkout:
    """A branch that is checked out, and an assets.lock in it. Made by `open`."""

    def __init__(self, git: Repository, branch: Branch, lock_file: str) -> None:
        self._git = git
        self._objects = Objects(git)
        self._branch = branch
        self._lock_file = lock_file
        self._lock_path = branch.lock_path
        self._manifest_path = branch.manifest_path
        self._committed = False

    @classmethod
    def open(cls, manifest_file: str, lock_file: str, *, environ: Mapping[str, str]) -> Checkout:
        """The checkout that both files, of one folder, are in; checked, so that a commit should succeed.

        `environ` tells which CI system to advise on. GitError for anything that would be in the way later.
        """
        folder = os.path.dirname(lock_file)
        if not which("git"):
            raise GitError("git is not installed, or not in PATH", hint="install git, or leave out `--commit`")
        repository = open_repository(folder, environ)
        if repository is None:
            raise GitError(
                f"`{printable(folder)}` is not in a git checkout, so there is nothing to commit to",
                hint="leave out `--commit`, or run `git init` and commit assets.yaml first",
            )
        repository.text("rev-parse", "--git-dir", failed=f"git can't work in `{printable(folder)}`", hint=UNSAFE)
        name = repository.line("symbolic-ref", "-q", "HEAD").removeprefix("refs/heads/")
        if not name:
            raise _detached(environ)
        branch = Branch(repository, name, repository.relative(lock_file), repository.relative(manifest_file))
        self = cls(repository, branch, lock_file)
        self._check_free()
        self._check_identity()
        return self

    @property
    def branch(self) -> str:
        """The name of the branch."""
        return self._branch.name

    def commit(
        self, *, subject: str | None, published: Collection[str], rewrite: Callable[[str], str] | None = None
    ) -> str | None:
        """Commit assets.lock as it is in the working tree; the commit, or None when HEAD has it already.

        `subject` is the first line of the message, or what stands before the list of assets in it; `published` are
        the assets that the message may call so. `rewrite` makes the change to assets.yaml that belongs to it, to
        whatever text HEAD and the index have. GitError.
        """
        if not os.path.exists(self._lock_file):
            return None
        head = self._git.text("rev-parse", "HEAD")
        blobs = {}
        lock = self._git.text("hash-object", "-w", "--", self._lock_path)
        if lock != self._objects.blob(head, self._lock_path):
            blobs[self._lock_path] = lock
        manifest = self._objects.rewritten(self._objects.blob(head, self._manifest_path), rewrite)
        if manifest is not None:
            blobs[self._manifest_path] = manifest
        if not blobs:
            return None
        before, after = self._objects.lock(self._objects.blob(head, self._lock_path)), self._objects.lock(lock)
        message = commit_message(before, after, published, subject)
        made = self._objects.made(self._objects.tree(head, blobs), head, message)
        # In this order, whoever stops in between leaves what was going to be committed staged, and not its reverse.
        self._update_index(head, manifest, rewrite)
        self._branch.move(made, head, f"commit: {message.splitlines()[0]}")
        self._committed = True
        return made

    def is_dirty(self) -> bool:
        """Whether assets.yaml has changes that are not committed."""
        # Not `git diff`, which writes the index by the way: killed, it would leave `index.lock` in everybody's way.
        status = ("--no-optional-locks", "status", "--porcelain", "--", f":(top,literal){self._manifest_path}")
        return bool(self._git.data(*status)) or self._objects.blob("HEAD", self._manifest_path) is None

    def target(self) -> tuple[str, str]:
        """The remote to push to and the branch there, by git's settings. GitError when they leave it open, or when
        git could not note the push."""
        remote, branch = self._branch.target()
        self._branch.check_free(tracking(remote, branch))
        return remote, branch

    def push(self, *, pause: Callable[[int], None] | None = None) -> Pushed | None:
        """Push what `commit` made, or what an earlier one did and nobody pushed; None when there is no such thing.

        `pause(n)` is called before the n-th further try. GitError when the remote refuses, or moved each time.
        """
        return self._branch.push(committed=self._committed, pause=pause)

    def _check_free(self) -> None:
        git = self._git
        for name, what in _ONGOING.items():
            if os.path.exists(git.path_of(name)):
                raise GitError(f"a {what} is in progress", hint=f"finish it first; `git {what} --abort` gives it up")
        if git.text("ls-files", "--unmerged"):
            raise GitError("there are files with merge conflicts", hint="settle them first; `git status` lists them")
        self._branch.index.clear()
        self._branch.check_free("HEAD", self._branch.ref)
        if self._objects.commit("HEAD") is None:
            raise GitError("there is no commit yet to build on", hint="commit assets.yaml first")
        if git.run("check-ignore", "-q", "--", self._lock_path).code == 0:
            raise GitError(
                f"git ignores `{printable(self._lock_path)}`",
                hint=f"take it out of .gitignore; `git check-ignore -v {printable(self._lock_path)}` names the line",
            )

    def _check_identity(self) -> None:
        for role in ("AUTHOR", "COMMITTER"):
            if self._git.run("var", f"GIT_{role}_IDENT").code:
                raise GitError(
                    "git does not know who commits",
                    hint="set `git config user.name` and `git config user.email`, such as "
                    "`github-actions[bot]` and `41898282+github-actions[bot]@users.noreply.github.com`",
                )

    def _update_index(self, head: str, manifest: str | None, rewrite: Callable[[str], str] | None) -> None:
        """Let the index have what was committed, at these paths only; what else is staged in assets.yaml stays so."""
        path = self._manifest_path
        staged = self._objects.blob("", path)
        if manifest is not None and staged != self._objects.blob(head, path):
            manifest = self._objects.rewritten(staged, rewrite)

        def update(env: Mapping[str, str]) -> bool:
            failed = "git can't write its index"
            self._git.text("update-index", "--add", "--", self._lock_path, env=env, failed=failed)
            if manifest is not None:
                self._git.text("update-index", "--cacheinfo", f"100644,{manifest},{path}", env=env, failed=failed)
            return True

        self._branch.index.change(update)


def _detached(environ: Mapping[str, str]) -> GitError:
    advice = next((text for name, text in _ATTACH.items() if environ.get(name)), "run `git switch BRANCH` first")
    return GitError("no branch is checked out (HEAD is detached), so there is nothing to commit to", hint=advice)
