"""A real git repo and the real command in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from assetsync.cli.app import _run
from tests.e2e.remotes import Remote
from tests.servers.forking import Forking

# What a test must not inherit from the machine it runs on.
_FOREIGN = (
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "GCLOUD_",
    "GCSFS_",
    "MODELKIT_",
    "ASSETSYNC_",
    "GIT_",
    "S3_",
    "STORAGE_",
    "CI",
    "GITHUB_",
)
_KEPT = ("ASSETSYNC_TEST_", "ASSETSYNC_AZURITE", "AWS_CA_BUNDLE")


def clean_environ(home: Path) -> dict[str, str]:
    """The environment of this process without settings that could leak into a test, and a home of its own."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN) or name.startswith(_KEPT)
    }
    environ |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "110",
    }
    return environ


# What commands import one after the other, and the SDKs.
_IMPORTED = (
    "cli.commands.sync",
    "cli.commands.browse",
    "cli.commands.check",
    "cli.progress",
    "cli.failure",
    "backends.directory.store",
    "backends.s3.store",
    "backends.gcs.store",
    "backends.azure.store",
    "git.commit",
    "local.secrets",
)


def started() -> list[str]:
    """In place of `python -m assetsync`: the same program in a process of its own, for a tenth of the time.

    Signals do not reach it: it is killed when who waits for it is.
    """
    return [*warm_python().command, "-m", "assetsync"]


@cache
def warm_python() -> Forking:
    """A Python that has imported the program and the SDKs."""
    modules = [*(f"assetsync.{name}" for name in _IMPORTED), "tests.servers.boto"]
    return Forking(sys.executable, modules, {**os.environ, "PYTHONPATH": os.getcwd()})


@dataclass(slots=True)
class Run:
    """A finished command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Repo:
    """A git repo in `root`, with what its commands need in `environ`.

    `in_process`: `run` calls the program in this process, which spares half a second of starting it.
    """

    root: Path
    environ: dict[str, str]
    extra: dict[str, str] = field(default_factory=dict)
    in_process: bool = False

    @classmethod
    def init(cls, root: Path, home: Path) -> Repo:
        root.mkdir(parents=True)
        home.mkdir(parents=True, exist_ok=True)
        (home / ".gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
        )
        repo = cls(root, clean_environ(home))
        repo.git("init", "-q")
        return repo

    def use(self, remote: Remote) -> None:
        """Make `remote` the store of this repo."""
        self.write("assets.yaml", self.read("assets.yaml").replace("store: ../store", f"store: {remote.url}"))
        self.extra.update(remote.environ)

    def clone(self, name: str) -> Repo:
        """Another checkout of what is committed, beside this one."""
        self.git("clone", "-q", str(self.root), str(self.root.parent / name))
        return Repo(self.root.parent / name, self.environ, dict(self.extra), self.in_process)

    def commit(self, message: str = "work") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.root, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout

    def write(self, path: str, content: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def start(self, *args: str, env: Mapping[str, str] | None = None, **popen: Any) -> subprocess.Popen[str]:
        """The command, started and not waited for; `program` is what runs it."""
        return subprocess.Popen(
            [*popen.pop("program", (sys.executable, "-m", "assetsync")), *args],
            cwd=popen.pop("cwd", self.root),
            env={**self.environ, "PYTHONPATH": os.getcwd(), **self.extra, **(env or {})},
            stdin=popen.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )

    def run(self, *args: str, code: int | None = 0, env: Mapping[str, str] | None = None, **popen: Any) -> Run:
        """Run the command; its exit code must be `code`, unless that is None."""
        if self.in_process and popen.keys() <= {"cwd"}:
            return self.call(*args, code=code, env=env, **popen)
        with self.start(*args, env=env, **{"program": started(), **popen}) as process:
            out, err = process.communicate(timeout=300)
        assert code is None or process.returncode == code, (
            f"assetsync {' '.join(args)}: exit {process.returncode}, expected {code}\n{out}\n{err}"
        )
        return Run(process.returncode, out, err)

    def call(self, *args: str, code: int | None = 0, env: Mapping[str, str] | None = None, cwd: str = ".") -> Run:
        """Like `run`, without a terminal, but in this process: ten times as fast, where that makes no difference."""
        out, err = io.StringIO(), io.StringIO()
        environ = {**self.environ, **self.extra, **(env or {})}
        with (
            mock.patch.dict(os.environ, environ, clear=True),
            open(os.devnull) as nothing,
            mock.patch("sys.stdin", nothing),
            chdir(self.root / cwd),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            returned = _run(list(args))
        run = Run(returned, out.getvalue(), err.getvalue())
        assert code in (None, returned), (
            f"assetsync {' '.join(args)}: exit {returned}, expected {code}\n{run.out}\n{run.err}"
        )
        return run
