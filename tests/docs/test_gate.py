"""`.ci/run` runs what it is asked for, and the pages name its steps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def gate(*steps: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    return subprocess.run([".ci/run", *steps], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300)


def steps() -> list[str]:
    return re.findall(r"^(\w+) +\|", gate("help").stdout, re.MULTILINE)


def test_one_step_runs_alone() -> None:
    done = gate("layers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^== (\w+)", done.stdout, re.MULTILINE) == ["layers", "passed"]


def test_a_step_that_fails_fails_the_gate(tmp_path: Path) -> None:
    script = tmp_path / ".ci" / "run"
    script.parent.mkdir()
    text = (ROOT / ".ci/run").read_text()
    script.write_text(
        re.sub(r'steps="\n', 'steps="\nwrong | fails | false && true\nnext | is not reached | true\n', text)
    )
    done = subprocess.run(
        ["bash", script, "wrong", "next"], env={**os.environ, "VIRTUAL_ENV": sys.prefix}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "== wrong" in done.stdout
    assert "== next" not in done.stdout


def test_an_unknown_step_is_refused_before_any_work() -> None:
    done = gate("layers", "nonsense")
    assert done.returncode == 64
    assert done.stdout == ""
    assert "usage: .ci/run [STEP...]" in done.stderr


def test_pages_name_steps_that_there_are() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    named = {
        name for page in pages for line in re.findall(r"\.ci/run ([a-z ]+)", page.read_text()) for name in line.split()
    }
    assert named
    assert named <= {*steps(), "install", "help"}
