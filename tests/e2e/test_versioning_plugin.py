"""A versioning system of a package of its own: built, installed, and used by the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import Repo

PLUGIN = Path(__file__).parents[2] / "docs/examples/semver-plugin"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder that the example plug-in is installed into."""
    pytest.importorskip("hatchling", reason="the plug-in is built by hatchling")
    target = tmp_path_factory.mktemp("plugin")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), str(PLUGIN)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return str(target)


def test_an_installed_system_is_used_by_all_commands(repo: Repo, installed: str) -> None:
    repo.in_process = False  # the plug-in is installed for the command alone
    repo.extra["PYTHONPATH"] = f"{os.getcwd()}{os.pathsep}{installed}"
    repo.write("assets.yaml", "store: ../store\nversioning: semver\nassets:\n  m: models/sentiment.bin\n")
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", "changed")
    action = repo.run("plan", "--format", "json").json()["actions"][0]
    assert (action["from"], action["to"]) == ("0.1.0", "0.1.1")
    repo.run("apply", "--yes")
    assert repo.run("update", "models/tokenizer", "m", "-y", "--bump-major").out == "m:1.0.0\n"
    assert repo.run("update", "models/sentiment.bin", "m:0.1", "-y", "--force-new-version").out == ("m:0.1.2\n")
    assert "0.1.1" in repo.read("assets.lock")
    listed = repo.run("list", "--format", "json").json()["assets"]
    assert listed[0]["versions"] == ["1.0.0", "0.1.2", "0.1.1", "0.1.0"]
    assert repo.run("fetch", "m:0.1", "--assets-dir", "../got").out.endswith("/got/m/0.1.2\n")


def test_a_system_that_is_not_installed_is_named_with_those_that_are(repo: Repo) -> None:
    repo.write("assets.yaml", "store: ../store\nversioning: semver\nassets: {}\n")
    refused = repo.run("list", code=1)
    assert "assets.yaml:2:13: unknown versioning system `semver`" in refused.err
    assert "`major_minor`, `simple_date`" in refused.err
