"""Runs the steps of a workflow file of docs/ci as a CI system would, in a real clone of a bare remote.

Our own action's steps run like those of the workflow; the others' actions are known by name, and need nothing here but
the checkout. `run:` steps run in bash with the systems' own options. `pip` and `python` (which only installs) note down
what they are called with; `gh` and `curl` are in stubs.py.
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

from tests.docs.release import NAME
from tests.e2e.harness import Repo, started

RECIPES = Path("docs/ci")
ACTION = Path(".github/actions/assetsync").absolute()
ACTION_NAME = f"{NAME}/.github/actions/assetsync@"
_NOTHING_TO_DO = (
    "actions/checkout@v4",  # done before
    "actions/setup-python@v5",
    "actions/upload-pages-artifact@v3",
    "actions/deploy-pages@v4",
    "aws-actions/configure-aws-credentials@v4",
)
_EQUALS = re.compile(r"(\S+) == '(.*)'")
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
_STUBS = {
    "assetsync": 'exec {assetsync} "$@"',
    "pip": 'echo "pip $*" >> {calls}',
    "python": 'echo "python $*" >> {calls}',
    "gh": 'exec {python} {stubs} gh {folder} "$@"',
    "curl": 'exec {python} {stubs} curl {folder} "$@"',
}


def recipe(name: str) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load((RECIPES / name).read_text())
    return data


def action() -> dict[str, Any]:
    """The composite action that the recipes use."""
    data: dict[str, Any] = YAML(typ="safe").load((ACTION / "action.yml").read_text())
    return data


def inputs(given: Mapping[str, str]) -> dict[str, str]:
    """The inputs of the action as expressions name them, with their defaults."""
    declared = action()["inputs"]
    assert given.keys() <= declared.keys()
    missing = {name for name, one in declared.items() if one.get("required")} - given.keys()
    assert not missing
    return {f"inputs.{name}": given.get(name, one.get("default", "")) for name, one in declared.items()}


@dataclass(slots=True)
class Ran:
    """How a job ended: the output of each step, whether all went well, what the action gave out, and where it ran."""

    ok: bool
    steps: list[str] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    clone: Path = field(default_factory=Path)

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
                "assetsync": started(),
                "python": [sys.executable],
                "stubs": [os.path.abspath("tests/e2e/stubs.py")],
                "folder": [str(folder)],
                "calls": [str(folder / "calls")],
            }
            path = folder / "bin" / name
            path.write_text(
                "#!/bin/sh\n" + script.format(**{key: shlex.join(value) for key, value in values.items()}) + "\n"
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
        return self._job(recipe(name)["jobs"][job]["steps"], branch, pull_request)

    def act(self, given: Mapping[str, str], *, pull_request: bool = False) -> Ran:
        """Run a job whose only step is our action."""
        return self._job([{"uses": ACTION_NAME, "with": given}], "main", pull_request)

    def _job(self, steps: Sequence[Mapping[str, Any]], branch: str, pull_request: bool) -> Ran:
        clone = self._clone()
        environ = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "team/repo",
            "GITHUB_SHA": self._git(clone, "rev-parse", f"origin/{branch}"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_OUTPUT": str(clone.with_suffix(".out")),
            "GITHUB_ACTION_PATH": str(ACTION),
        }
        known = {"github.token": "t0ken", "github.event.pull_request.number": "7" if pull_request else ""}
        self._checkout(clone, branch, merged=pull_request)
        ran = Ran(True, clone=clone)
        for step in steps:
            if str(step.get("uses")).startswith(ACTION_NAME):
                for inner in action()["runs"]["steps"]:
                    self._step(clone, inner, environ, known | inputs(step["with"]), ran)
            else:
                self._step(clone, step, environ, known, ran)
        output = Path(environ["GITHUB_OUTPUT"])
        ran.outputs = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
        return ran

    def _step(
        self, clone: Path, step: Mapping[str, Any], environ: Mapping[str, str], known: Mapping[str, str], ran: Ran
    ) -> None:
        if "uses" in step:
            assert step["uses"] in _NOTHING_TO_DO
            return
        condition = _EQUALS.fullmatch(step.get("if", "'' == ''"))
        assert condition, step
        if ran.ok and known.get(condition[1], "") == condition[2]:
            given = {key: _EXPRESSION.sub(lambda m: known[m[1]], value) for key, value in step.get("env", {}).items()}
            self._bash(clone, ["-eo", "pipefail"], step["run"], {**environ, **given}, ran)

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
        ran = Ran(True, clone=clone)
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
            timeout=300,
        )
        ran.steps.append(done.stdout)
        ran.ok = ran.ok and done.returncode == 0

    def _git(self, folder: Path, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=folder, env=dict(self.environ), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
