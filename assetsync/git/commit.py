"""Committing what assetsync wrote, and pushing it: assets.lock alone, whatever else is staged or changed.

The commit is built beside the index and the working tree: a tree of HEAD with other contents for one or two paths. What
is staged stays staged, what is changed stays changed. Commit hooks do not run, because they work on the index and the
working tree; a pre-push hook does. `commit.gpgsign` is honoured.

When the remote branch has moved, the commit is made again on top of it, with assets.lock merged asset by asset. The
branch here follows after the push, as far as changes that are not committed let it.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from shutil import which

from assetsync.errors import AssetsyncError, GitError, LockError
from assetsync.escape import printable
from assetsync.git.repository import UNSAFE, Ran, Repository, open_repository
from assetsync.lock.merge import merge_locks
from assetsync.lock.text import parse_lock, render_lock
from assetsync.model.lock import Lock

TRIES = 8
SUBJECT_WIDTH = 72

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
_BY_HAND = "run `git pull --rebase` and `git push`; `assetsync lock --resolve` settles conflicts in assets.lock"
# What a server says when two pushes met, so that another try can help.
_MET = re.compile(
    r"\[rejected\]|failed to update ref|cannot lock ref|incorrect old value|failed to lock|unable to lock"
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """Where the commit went. `followed`: the branch here is at what was pushed."""

    remote: str
    branch: str
    commit: str
    followed: bool


class Checkout:
    """A branch that is checked out, and an assets.lock in it. Made by `open`."""

    def __init__(self, git: _Git, branch: str, lock_file: str, lock_path: str, manifest_path: str) -> None:
        self.branch = branch
        self._git = git
        self._ref = f"refs/heads/{branch}"
        self._lock_file = lock_file
        self._lock_path = lock_path
        self._manifest_path = manifest_path
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
        git = _Git(repository)
        git.text("rev-parse", "--git-dir", what=f"git can't work in `{printable(folder)}`", hint=UNSAFE)
        branch = git.line("symbolic-ref", "-q", "HEAD").removeprefix("refs/heads/")
        if not branch:
            raise _detached(environ)
        self = cls(git, branch, lock_file, repository.relative(lock_file), repository.relative(manifest_file))
        self._check_free()
        self._check_identity()
        return self

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
        if lock != self._blob(head, self._lock_path):
            blobs[self._lock_path] = lock
        manifest = self._rewritten(self._blob(head, self._manifest_path), rewrite)
        if manifest is not None:
            blobs[self._manifest_path] = manifest
        if not blobs:
            return None
        before, after = self._lock(self._blob(head, self._lock_path)), self._lock(lock)
        message = commit_message(before, after, published, subject)
        made = self._commit_tree(self._tree(head, blobs), head, message)
        # In this order, whoever stops in between leaves what was going to be committed staged, and not its reverse.
        self._update_index(head, manifest, rewrite)
        self._move_branch(made, head, f"commit: {message.splitlines()[0]}")
        self._committed = True
        return made

    def is_dirty(self) -> bool:
        """Whether assets.yaml has changes that are not committed."""
        return self._git.run("diff", "--quiet", "HEAD", "--", self._manifest_path).code != 0 or not self._blob(
            "HEAD", self._manifest_path
        )

    def target(self) -> tuple[str, str]:
        """The remote to push to and the branch there, by git's settings. GitError when they leave it open."""

        def setting(name: str) -> str:
            return self._git.line("config", "--get", name)

        remotes = self._git.text("remote").split("\n")
        followed = setting(f"branch.{self.branch}.remote")
        remote = setting(f"branch.{self.branch}.pushRemote") or setting("remote.pushDefault") or followed
        if not remote and len(remotes) == 1:
            remote = remotes[0]
        if not remote and "origin" in remotes:
            remote = "origin"
        if not remote or remote == ".":
            raise GitError(
                f"no remote to push `{printable(self.branch)}` to",
                hint=f"add one, and name it with `git config branch.{printable(self.branch)}.pushRemote REMOTE`",
            )
        merged = setting(f"branch.{self.branch}.merge").removeprefix("refs/heads/")
        return remote, merged if merged and remote == followed else self.branch

    def push(self, *, pause: Callable[[int], None] | None = None) -> Pushed | None:
        """Push what `commit` made, or what an earlier one did and nobody pushed; None when there is no such thing.

        `pause(n)` is called before the n-th further try. GitError when the remote refuses, or moved each time.
        """
        remote, branch = self.target()
        head = ours = self._git.text("rev-parse", "HEAD")
        tracking = f"refs/remotes/{remote}/{branch}"
        tip = self._commit_of(tracking) or self._fetch(remote, branch, tracking)
        if not self._committed and not self._is_pending(tip, ours):
            return None
        for attempt in range(TRIES):
            if attempt:
                (pause or _pause)(attempt)
            if self._push_once(remote, branch, ours):
                return Pushed(remote, branch, ours, self._follow(head, ours))
            tip = self._fetch(remote, branch, tracking)
            if tip is not None:
                ours = self._rebased(ours, tip)
            if ours == tip:  # somebody else made the very same change
                return Pushed(remote, branch, ours, self._follow(head, ours))
        raise GitError(
            f"`{printable(branch)}` on `{printable(remote)}` moved each of the {TRIES} times that it was pushed to",
            hint="run `git pull --rebase` and `git push`, or the same command again",
        )

    def _check_free(self) -> None:
        git = self._git
        for name, what in _ONGOING.items():
            if os.path.exists(os.path.join(git.folder, git.text("rev-parse", "--git-path", name))):
                raise GitError(f"a {what} is in progress", hint=f"finish it first; `git {what} --abort` gives it up")
        if git.text("ls-files", "--unmerged"):
            raise GitError("there are files with merge conflicts", hint="settle them first; `git status` lists them")
        if os.path.exists(os.path.join(git.folder, git.text("rev-parse", "--git-path", "index.lock"))):
            raise GitError(
                "another git is at work here: there is an `index.lock`",
                hint="wait for it; if there is none, remove the file that `git rev-parse --git-path index.lock` prints",
            )
        if self._commit_of("HEAD") is None:
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

    def _commit_of(self, revision: str) -> str | None:
        return self._git.line("rev-parse", "-q", "--verify", f"{revision}^{{commit}}") or None

    def _blob(self, commit: str, path: str) -> str | None:
        return self._git.line("rev-parse", "-q", "--verify", f"{commit}:{path}") or None

    def _content(self, blob: str) -> bytes:
        return self._git.data("cat-file", "blob", blob)

    def _lock(self, blob: str | None) -> Lock | None:
        """The lock that a blob holds; None for none, or one that can't be read."""
        try:
            return None if blob is None else parse_lock(self._content(blob))
        except LockError:
            return None

    def _stored(self, content: bytes) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return self._git.text("hash-object", "-w", "--no-filters", "--", _file(folder, content))

    def _rewritten(self, blob: str | None, rewrite: Callable[[str], str] | None) -> str | None:
        """The blob that `rewrite` makes of another; None when it changes nothing or does not fit."""
        if blob is None or rewrite is None:
            return None
        try:
            before = self._content(blob).decode()
            after = rewrite(before)
        except (UnicodeDecodeError, AssetsyncError):
            return None
        return None if after == before else self._stored(after.encode())

    def _tree(self, commit: str, blobs: Mapping[str, str]) -> str:
        """The tree of `commit` with other blobs at some paths."""
        with tempfile.TemporaryDirectory() as folder:
            beside = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            self._git.text("read-tree", commit, env=beside)
            for path, blob in blobs.items():
                self._git.text("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=beside)
            return self._git.text("write-tree", env=beside)

    def _commit_tree(self, tree: str, parent: str, message: str, *, author: Mapping[str, str] | None = None) -> str:
        sign = self._git.line("config", "--type=bool", "--get", "commit.gpgsign") == "true"
        with tempfile.TemporaryDirectory() as folder:
            return self._git.text(
                "commit-tree",
                *(("-S",) if sign else ()),
                *(tree, "-p", parent, "-F", _file(folder, message.encode())),
                env=author,
                what="git can't make the commit",
            )

    def _move_branch(self, to: str, expected: str, why: str) -> None:
        self._git.text(
            "update-ref",
            *("-m", f"assetsync: {why}", self._ref, to, expected),
            what=f"`{printable(self.branch)}` moved while the commit was made",
        )

    def _update_index(self, head: str, manifest: str | None, rewrite: Callable[[str], str] | None) -> None:
        """Let the index have what was committed, at these paths only; what else is staged in assets.yaml stays so."""
        self._git.text("update-index", "--add", "--", self._lock_path, what="git can't write its index")
        if manifest is None:
            return
        path = self._manifest_path
        staged = self._git.line("rev-parse", "-q", "--verify", f":{path}")
        if staged != self._blob(head, path):
            manifest = self._rewritten(staged or None, rewrite)
        if manifest is not None:
            self._git.text("update-index", "--cacheinfo", f"100644,{manifest},{path}")

    def _is_pending(self, tip: str | None, ours: str) -> bool:
        """Whether commits that `tip` lacks touch assets.lock."""
        without = (f"^{tip}",) if tip else ()
        return bool(self._git.text("rev-list", "-n", "1", ours, *without, "--", self._lock_path))

    def _fetch(self, remote: str, branch: str, tracking: str) -> str | None:
        """Where the remote's branch is now; None when it has no such branch."""
        ran = self._git.run("fetch", "--quiet", "--no-tags", remote, f"+refs/heads/{branch}:{tracking}")
        if ran.code == 0:
            return self._commit_of(tracking)
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
            merge = self._merged_lock if path == self._lock_path else self._merged_text
            blob = merge(self._blob(parent, path), self._blob(onto, path), self._blob(commit, path), path)
            if blob != self._blob(onto, path):
                blobs[path] = blob
        if not blobs:
            return onto
        log = self._git.text("log", "-1", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit)
        name, email, date, message = log.split("\0", 3)
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
        return self._commit_tree(self._tree(onto, blobs), onto, message, author=author)

    def _change(self, commit: str) -> tuple[str, Sequence[str]]:
        """The parent of a commit and the paths it changes. GitError unless it is one of ours: a lock's, or nearly."""
        parents = self._git.text("rev-list", "-n", "1", "--parents", commit).split()[1:]
        listed = self._git.data("diff-tree", "--no-commit-id", "--name-only", "--no-renames", "-r", "-z", commit)
        touched = os.fsdecode(listed).rstrip("\0").split("\0")
        if len(parents) != 1 or not {self._lock_path} <= {*touched} <= {self._lock_path, self._manifest_path}:
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
        old, new = (parse_lock(self._content(blob)) for blob in (theirs or ours, ours))
        try:
            merged = merge_locks(self._lock(base), old, new)
        except LockError as error:
            raise GitError(error.message, hint=_BY_HAND) from error
        return self._stored(render_lock(merged).encode())

    def _merged_text(self, base: str | None, theirs: str | None, ours: str | None, path: str) -> str:
        if ours is not None and theirs in (base, ours):
            return ours
        if base and theirs and ours:
            with tempfile.TemporaryDirectory() as folder:
                files = [
                    _file(folder, self._content(blob), name)
                    for name, blob in zip("otb", (ours, theirs, base), strict=True)
                ]
                ran = self._git.run("merge-file", "-p", files[0], files[2], files[1])
            if ran.code == 0:
                return self._stored(ran.out)
        raise GitError(f"both sides changed the same lines of `{printable(path)}`", hint=_BY_HAND)

    def _follow(self, head: str, pushed: str) -> bool:
        """Bring branch, index and working tree from `head` to `pushed`; all or nothing."""
        if head == pushed:
            return True
        self._git.run("update-index", "-q", "--refresh")
        if self._git.run("read-tree", "-m", "-u", head, pushed).code:
            return False
        self._move_branch(pushed, head, "rebase")
        return True


def commit_message(before: Lock | None, after: Lock | None, published: Collection[str], subject: str | None) -> str:
    """What a commit of assets.lock says: which assets moved to which versions. `subject` is its first line."""
    old, new = (dict(lock.assets) if lock else {} for lock in (before, after))
    bumps, lines = [], []
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if now is None:
            lines.append(f"- {name}: no longer locked")
        elif was is None:
            bumps.append(name)
            lines.append(f"- {name} {now.version}")
        elif was.version == now.version:
            lines.append(f"- {name} {now.version}, at another path")
        else:
            bumps.append(name)
            lines.append(f"- {name} {was.version} -> {now.version}")
    verb = "Publish" if published and {*bumps} <= {*published} else "Lock"
    first = subject or _subject(verb, [f"{name} {new[name].version}" for name in bumps])
    return "\n".join([first, "", *lines]).rstrip("\n") + "\n"


def _subject(verb: str, bumps: Sequence[str]) -> str:
    if not bumps:
        return "Update assets.lock"
    text = f"{verb} {', '.join(bumps)}"
    return text if len(text) <= SUBJECT_WIDTH else f"{verb} {len(bumps)} assets"


def _detached(environ: Mapping[str, str]) -> GitError:
    advice = next((text for name, text in _ATTACH.items() if environ.get(name)), "run `git switch BRANCH` first")
    return GitError("no branch is checked out (HEAD is detached), so there is nothing to commit to", hint=advice)


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


class _Git:
    """A repository whose commands must succeed."""

    def __init__(self, repository: Repository) -> None:
        self.folder = repository.root
        self.run = repository.run

    def line(self, *args: str) -> str:
        """What a command that may fail printed; empty when it did."""
        return self.run(*args).line or ""

    def data(self, *args: str, env: Mapping[str, str] | None = None, what: str = "", hint: str | None = None) -> bytes:
        ran = self.run(*args, env=env)
        if ran.code:
            raise GitError(f"{what or f'`git {args[0]}` failed'}: {printable(ran.reason)}", hint=hint)
        return ran.out

    def text(self, *args: str, env: Mapping[str, str] | None = None, what: str = "", hint: str | None = None) -> str:
        return os.fsdecode(self.data(*args, env=env, what=what, hint=hint)).rstrip("\n")
