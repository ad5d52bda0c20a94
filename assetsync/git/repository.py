"""A git checkout: staged files, ignored paths, and where content comes from. The only module that imports GitPython.

Importing GitPython takes 90 ms, so it happens at first use. Without a repo, or without git, `open_repository` says None
and everything that does not need git goes on.
"""

from __future__ import annotations

import os
import re
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from assetsync.errors import GitError, InvalidError
from assetsync.escape import printable, public_url, redacted
from assetsync.git import ci
from assetsync.model.files import LOCK
from assetsync.reading import MAX_TEXT

_REGULAR_FILES = ("100644", "100755")
UNSAFE = (
    "run `git status` there to see what is wrong; in a container whose user is another: "
    "`git config --global --add safe.directory DIR`"
)


class Ran(Struct, frozen=True):
    """A finished git command. `error` is what it said, without secrets."""

    code: int
    out: bytes
    error: str

    @property
    def line(self) -> str | None:
        """The output without its last line end, or None when the command failed or printed nothing."""
        return os.fsdecode(self.out).rstrip("\n") or None if self.code == 0 else None

    @property
    def reason(self) -> str:
        """The line of `error` that tells most."""
        lines = [line for line in self.error.strip().split("\n") if line]
        fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
        return (fatal or lines or ["no reason given"])[0].removeprefix("fatal: ").removeprefix("error: ")


class Staged(Struct, frozen=True):
    """A file of the index. `data` is None where it has no content that could be committed: `unmerged`, or a link."""

    path: str
    data: bytes | None
    unmerged: bool = False


class Repository:
    """A git checkout. `root` is the top folder of its working tree. Made by `open_repository`.

    Its commands run in `root`, with the index that `git commit` has prepared when they run in a hook.
    """

    def __init__(self, root: str, git_dir: str, environ: Mapping[str, str]) -> None:
        from git import Git

        self.root = root
        self._git = Git(root)
        self._environ = _hook_environ(root, git_dir, environ)

    def run(self, *args: str, env: Mapping[str, str] | None = None, given: bytes | None = None) -> Ran:
        """Run `git ARGS`, with the variables of `env` besides, and `given` as its input. GitError without git."""
        from git import GitCommandNotFound

        with tempfile.TemporaryFile() as input_file:
            input_file.write(given or b"")
            input_file.seek(0)
            try:
                code, out, error = self._git.execute(
                    ["git", *args],
                    istream=input_file,
                    with_extended_output=True,
                    with_exceptions=False,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    env={**self._environ, **(env or {})},
                )
            except GitCommandNotFound:
                raise GitError("git is not installed, or not in PATH", hint="install git") from None
        return Ran(int(code), bytes(out), redacted(os.fsdecode(error)))

    def data(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        given: bytes | None = None,
        failed: str | None = None,
        hint: str | None = None,
    ) -> bytes:
        """The output of a command that must succeed. GitError, which says `failed` and git's reason."""
        ran = self.run(*args, env=env, given=given)
        if ran.code:
            failed = failed or f"`git {args[0]}` failed in `{printable(self.root)}`"
            raise GitError(f"{failed}: {printable(ran.reason)}", hint=hint)
        return ran.out

    def text(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        given: bytes | None = None,
        failed: str | None = None,
        hint: str | None = None,
    ) -> str:
        """`data` as text, without the last line end."""
        return os.fsdecode(self.data(*args, env=env, given=given, failed=failed, hint=hint)).rstrip("\n")

    def line(self, *args: str) -> str:
        """The output of a command that may fail; empty when it does."""
        return self.run(*args).line or ""

    def path_of(self, name: str) -> str:
        """Where git keeps its file `name`, which may be another place in a linked worktree or a hook."""
        return os.path.join(self.root, self.text("rev-parse", "--git-path", name))

    def staged_files(self, patterns: Sequence[str]) -> list[Staged]:
        """The files of the index that match pathspecs relative to `root`, with their contents. GitError."""
        listed = self.data("ls-files", "--stage", "-z", "--", *patterns, hint=UNSAFE)
        stages: dict[str, list[str]] = {}
        for record in os.fsdecode(listed).split("\0")[:-1]:
            about, _, path = record.partition("\t")
            stages.setdefault(path, []).append(about)
        return [self._staged(path, about) for path, about in stages.items()]

    def _staged(self, path: str, stages: Sequence[str]) -> Staged:
        mode, blob, stage = stages[0].split(" ")
        if stage != "0":
            return Staged(path, None, unmerged=True)
        if mode not in _REGULAR_FILES:
            return Staged(path, None)
        return Staged(path, self.blob(blob, path))

    def blob(self, name: str, path: str) -> bytes:
        """The blob of that name, a version of the text `path`. InvalidError when it is too large for one; GitError."""
        if int(self.data("cat-file", "-s", name, hint=UNSAFE)) > MAX_TEXT:
            raise InvalidError(f"`{printable(path)}` in git is larger than {MAX_TEXT >> 20} MiB, and is not read")
        return self.data("cat-file", "blob", name, hint=UNSAFE)

    def ignores(self, path: str) -> bool:
        """Whether git ignores `path`, which need not exist."""
        return self.run("check-ignore", "-q", "--", self.relative(path)).code == 0

    def tracks(self, path: str) -> bool:
        """Whether `path`, or a file below it, is in the index."""
        return self.run("ls-files", "--", self._literal(path)).line is not None

    def tracked(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of `paths` that are in the index, or have a file below them that is, in any case of their letters.
        GitError."""
        specs = [f":(top,literal,icase){self.relative(path)}" for path in paths]
        # With a slash at their ends, and sorted, the first name that is not before a path is the path, or in it.
        listed = os.fsdecode(self.data("ls-files", "-z", "--", *specs)).casefold()
        found = sorted(f"{name}/" for name in listed.split("\0"))

        def is_found(path: str) -> bool:
            wanted = f"{self.relative(path).casefold()}/"
            at = bisect_left(found, wanted)
            return at < len(found) and found[at].startswith(wanted)

        return frozenset(filter(is_found, paths))

    def links(self) -> list[str]:
        """The links in the index, relative to `root`. GitError."""
        records = os.fsdecode(self.data("ls-files", "--stage", "-z", "--", ":(top)")).split("\0")
        return [record.partition("\t")[2] for record in records if record.startswith("120000 ")]

    def attribute(self, name: str, path: str) -> str | None:
        """The value of an attribute of `path`, by .gitattributes and its like; None when it has none."""
        line = self.run("check-attr", "-z", name, "--", self.relative(path)).line
        value = line.split("\0")[2] if line else "unspecified"
        return None if value == "unspecified" else value

    def relative(self, path: str) -> str:
        """`path` as git names it: relative to `root`, with its folder's links resolved."""
        folder = os.path.relpath(os.path.realpath(os.path.dirname(path)), self.root)
        return os.path.normpath(os.path.join(folder, os.path.basename(path))).replace(os.sep, "/")

    def _literal(self, path: str) -> str:
        return f":(top,literal){self.relative(path)}"

    # --- provenance

    def provenance(self, folder: str, environ: Mapping[str, str]) -> dict[str, str | bool | None]:
        """Commit, branch, dirty and repository of the checkout that `folder` is in, and who works there as author; None
        for the unknown."""
        head, dirty = self._status(folder)
        commit = head.get("branch.oid") or self.line("rev-parse", "-q", "--verify", "HEAD")
        if not commit:
            return {}
        branch = head.get("branch.head") or self.run("symbolic-ref", "--short", "-q", "HEAD").line
        settings = self._settings()
        return {
            "commit": commit,
            "author": self._worker(settings, environ) or None,
            "branch": branch or ci.branch(environ),
            "dirty": dirty,
            "repository": _url(settings, branch),
        }

    def _worker(self, settings: Mapping[str, str], environ: Mapping[str, str]) -> str:
        """Who works here. In a job of CI, whose identity is a bot's or none, that is the author of the commit."""
        known = "" if ci.run_url(environ) else environ.get("GIT_AUTHOR_NAME") or settings.get("user.name", "")
        return known or self.line("log", "-1", "--format=%aN", "HEAD")

    def _status(self, folder: str) -> tuple[dict[str, str], bool | None]:
        """The commit and the branch of HEAD, as far as one command tells, and whether tracked files differ from it.

        assets.lock, which an apply is about to change, is left out.
        """
        lock = self._literal(os.path.join(folder, LOCK)).replace("(top,", "(exclude,top,")
        options = ("--porcelain=v2", "--branch", "--no-ahead-behind", "--untracked-files=no")
        ran = self.run("--no-optional-locks", "status", *options, "--", ":(top)", lock)
        if ran.code:
            return {}, None
        about, files = {}, False
        for line in os.fsdecode(ran.out).splitlines():
            mark, _, rest = line.partition(" ")
            name, _, value = rest.partition(" ")
            if mark != "#":
                files = True
            elif not value.startswith("("):  # "(initial)" or "(detached)"
                about[name] = value
        return about, files

    def _settings(self) -> dict[str, str]:
        """The settings that tell who works here, and of remotes: of `user.name` the last one counts, as for git."""
        pattern = r"^(user\.name|remote\..*\.url|branch\..*\.remote)$"
        listed = os.fsdecode(self.run("config", "-z", "--get-regexp", pattern).out)
        settings: dict[str, str] = {}
        for setting in listed.split("\0")[:-1]:
            name, _, value = setting.partition("\n")
            if name == "user.name" or name not in settings:
                settings[name] = value
        return settings


def _url(settings: Mapping[str, str], branch: str | None) -> str | None:
    """The URL of the remote that `branch` follows, or of `origin`, or of the only one.

    As configured: what `insteadOf` makes of it is for this machine alone, and may add a token.
    """
    urls = {match[1]: value for name, value in settings.items() if (match := re.fullmatch(r"remote\.(.*)\.url", name))}
    followed = settings.get(f"branch.{branch}.remote", "origin")
    chosen = urls.get(followed) or urls.get("origin") or (next(iter(urls.values())) if len(urls) == 1 else None)
    return public_url(chosen) if chosen else None


def open_repository(folder: str, environ: Mapping[str, str]) -> Repository | None:
    """The checkout that `folder` is in: of a submodule that one, of a linked worktree that one. None without any.

    Found by going upward, whatever `GIT_DIR` says: hooks set it, and it need not be that of `folder`.
    """
    try:
        from git import InvalidGitRepositoryError, NoSuchPathError, Repo
    except ImportError:  # GitPython looks for the program when it is imported
        return None
    try:
        with Repo(os.path.realpath(folder), search_parent_directories=True, expand_vars=False) as repo:
            top, git_dir = repo.working_tree_dir, repo.git_dir
    except (InvalidGitRepositoryError, NoSuchPathError, ValueError, OSError):
        return None
    return Repository(os.path.realpath(top), os.fspath(git_dir), environ) if top else None


def ignore_line(path: str) -> str:
    """The line of a .gitignore that means `path`, POSIX and relative to the .gitignore, and nothing else."""
    escaped = re.sub(r"([\\*?\[\]])", r"\\\1", path)
    return "/" + (escaped[:-1] + "\\ " if escaped.endswith(" ") else escaped)


def with_lines(text: str, lines: Iterable[str]) -> str:
    """The text of a .gitignore or its like, with those of `lines` that it lacks at its end, in its own line ends."""
    have = {line.strip() for line in text.splitlines()}
    missing = [line for line in lines if line.strip() not in have]
    newline = "\r\n" if "\r\n" in text else "\n"
    start = newline if text and not text.endswith("\n") and missing else ""
    return text + start + "".join(line + newline for line in missing)


def _hook_environ(root: str, git_dir: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Variables in place of git's own, so that these mean this checkout, seen from `root`.

    In a hook, `GIT_INDEX_FILE` is the index of the commit that is being made: with `git commit PATH` it is another than
    the checkout's own. A relative one is relative to the top folder.
    """
    replaced = {}
    if environ.get("GIT_DIR"):
        replaced["GIT_DIR"] = git_dir
    if environ.get("GIT_WORK_TREE"):
        replaced["GIT_WORK_TREE"] = root
    index = environ.get("GIT_INDEX_FILE")
    if index:
        index = os.path.join(root, index)
        beside = os.path.dirname(os.path.realpath(index))
        foreign = os.path.isfile(os.path.join(beside, "HEAD")) and beside != os.path.realpath(git_dir)
        replaced["GIT_INDEX_FILE"] = os.path.join(git_dir, "index") if foreign else index
    return replaced
