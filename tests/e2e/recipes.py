"""Runs the steps of a workflow file of docs/ci as a CI system would, in a real clone of a bare remote.

`uses:` steps are known by name: a checkout really checks out, the others need nothing here. `run:` steps run in bash
with the systems' own options. `pip`, `gh` and `curl` are programs that only note down what they are called with.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.e2e.harness import Repo

RECIPES = Path("docs/ci")
_NOTHING_TO_DO = ("actions/setup-python@v5", "aws-actions/configure-aws-credentials@v4")
_CHECKOUT = "actions/checkout@v4"
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_STUBS = {
    "assetsync": 'exec {python} -m assetsync "$@"',
    "pip": 'echo "pip $*" >> {calls}',
    "gh": 'exec {python} {stubs} gh {folder} "$@"',
    "curl": 'exec {python} {stubs} curl {folder} "$@"',
}


def recipe(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load((RECIPES / name).read_text())
    return data


@dataclass(slots=True)
class Ran:
    """How a job ended: the output of each step that ran, and whether all went well."""

    ok: bool
    steps: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return "\n".join(self.steps)


@dataclass(slots=True)
class CI:
    """A CI system beside a bare remote. What its stubs were called with is in `folder`."""

    remote: Path
    folder: Path
    environ: Mapping[str, str]
    runs: int = 0

    @classmethod
    def beside(cls, repo: Repo) -> CI:
        """One for the repo, whose branch `main` it pushes to a new remote."""
        remote, folder = repo.root.parent / "origin.git", repo.root.parent / "ci"
        repo.git("init", "-q", "--bare", str(remote))
        repo.git("remote", "add", "origin", str(remote))
        repo.git("push", "-q", "-u", "origin", "main")
        (folder / "bin").mkdir(parents=True)
        for name, script in _STUBS.items():
            values = {
                "python": sys.executable,
                "stubs": os.path.abspath("tests/e2e/stubs.py"),
                "folder": folder,
                "calls": folder / "calls",
            }
            path = folder / "bin" / name
            path.write_text(
                "#!/bin/sh\n" + script.format(**{key: shlex.quote(str(value)) for key, value in values.items()}) + "\n"
            )
            path.chmod(0o755)
        return cls(remote, folder, {**repo.environ, **repo.extra, "GIT_CONFIG_GLOBAL": str(folder / "gitconfig")})

    @property
    def comments(self) -> list[str]:
        """What stands in the pull request."""
        path = self.folder / "comments.json"
        return [comment["body"] for comment in json.loads(path.read_text())] if path.exists() else []

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def github(self, name: str, job: str, *, branch: str = "main", pull_request: bool = False) -> Ran:
        """Run a job of a GitHub workflow for a push to a branch, or for a pull request of it into main."""
        workflow = recipe(name)
        clone = self._clone()
        sha = self._git(clone, "rev-parse", f"origin/{branch}")
        environ = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "team/repo",
            "GITHUB_SHA": sha,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_ENV": str(clone.with_suffix(".env")),
        }
        known = {"github.token": "t0ken", "github.event.pull_request.number": "7"}
        ran = Ran(True)
        for step in workflow["jobs"][job]["steps"]:
            if step.get("uses") == _CHECKOUT:
                self._checkout(clone, branch, merged=pull_request)
            elif "uses" in step:
                assert step["uses"] in _NOTHING_TO_DO
            elif ran.ok or "cancelled()" in str(step.get("if")):
                given = {
                    key: _EXPRESSION.sub(lambda m: known[m[1]], value) for key, value in step.get("env", {}).items()
                }
                assert "${{" not in step["run"], "an expression in a script is an injection"
                self._bash(clone, ["-eo", "pipefail"], step["run"], {**environ, **_noted(environ), **given}, ran)
        return ran

    def gitlab(self, job: str, *, branch: str = "main") -> Ran:
        """Run a job of the GitLab file, which has a commit checked out, and no branch."""
        file = recipe("gitlab-ci.yml")
        clone = self._clone()
        self._git(clone, "checkout", "-q", "--detach", f"origin/{branch}")
        self._git(clone, "branch", "-q", "-D", "main")
        environ = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_COMMIT_BRANCH": branch,
            "CI_SERVER_HOST": "gitlab.example.com",
            "CI_PROJECT_PATH": "team/repo",
            "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
            "CI_MERGE_REQUEST_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "ASSETS_BOT_TOKEN": "t0ken",
        }
        # What the file pushes to, is our remote.
        pushed_to = "https://assets-bot:t0ken@gitlab.example.com/team/repo.git"
        self._git(clone, "config", f"url.{self.remote}.insteadOf", pushed_to)
        ran = Ran(True)
        extended = file[file[job]["extends"]]
        script = "\n".join([*extended.get("before_script", []), *file[job]["script"]])
        self._bash(clone, ["-eo", "pipefail"], script, environ, ran)
        return ran

    def _clone(self) -> Path:
        self.runs += 1
        clone = self.folder / f"run-{self.runs}"
        self._git(self.folder, "clone", "-q", str(self.remote), str(clone))
        return clone

    def _checkout(self, clone: Path, branch: str, *, merged: bool) -> None:
        """What actions/checkout leaves: a branch that follows the remote's, or a pull request merged, detached."""
        if not merged:
            self._git(clone, "checkout", "-q", "--force", "-B", branch, f"refs/remotes/origin/{branch}")
            return
        self._git(clone, "checkout", "-q", "--detach", "origin/main")
        who = ("-c", "user.name=GitHub", "-c", "user.email=noreply@github.com")
        self._git(clone, *who, "merge", "-q", "--no-ff", "-m", "Merge", f"origin/{branch}")

    def _bash(self, clone: Path, options: Sequence[str], script: str, environ: Mapping[str, str], ran: Ran) -> None:
        path = f"{self.folder / 'bin'}:{self.environ['PATH']}"
        done = subprocess.run(
            ["bash", *options, "-c", script],
            cwd=clone,
            env={**self.environ, **environ, "PATH": path, "PYTHONPATH": os.getcwd()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        ran.steps.append(done.stdout)
        ran.ok = ran.ok and done.returncode == 0

    def _git(self, folder: Path, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=folder, env=dict(self.environ), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def _noted(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that steps before set through $GITHUB_ENV."""
    path = Path(environ["GITHUB_ENV"])
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines)
