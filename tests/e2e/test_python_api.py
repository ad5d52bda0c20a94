"""The programs of docs/python.md are correct for mypy, and do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import clean_environ

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str) -> list[str]:
    return _BLOCK.findall((ROOT / "docs" / page).read_text())


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the programs of the page."""
    (tmp_path / "store").mkdir()
    for text in blocks("python.md"):
        (tmp_path / text.partition("\n")[0].removeprefix("# ")).write_text(text)
    return tmp_path


def run(programs: Path, name: str) -> str:
    environ = clean_environ(programs / "home") | {"PYTHONPATH": os.getcwd(), "ASSETSYNC_STORE": str(programs / "store")}
    done = subprocess.run(
        [sys.executable, name], cwd=programs, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert name == "progress.py" or done.stderr == ""
    return done.stdout


def test_the_programs_run(programs: Path) -> None:
    assert run(programs, "train.py") == "published nlp/sentiment:0.0\n"
    assert run(programs, "train.py") == "published nlp/sentiment:0.0\n"
    assert run(programs, "serve.py") == "loaded 1048576 bytes\n"
    assert (programs / "assets/nlp/sentiment/0.0/.SUCCESS").exists()
    listed, logged, matched, changed = run(programs, "look.py").splitlines()
    assert listed == "nlp/sentiment 0.0"
    assert logged.endswith(" 1048590 accuracy 0.93")
    assert matched.startswith("nlp/sentiment:0.0 2")
    assert changed == "0 0 0"
    run(programs, "progress.py")
    assert (programs / "elsewhere/nlp/sentiment/0.0/config.json").exists()
    assert run(programs, "careful.py") == "published nlp/sentiment:1.0\n"
    assert run(programs, "ci.py") == "nlp/sentiment 1.0 -> 1.1 content changed: 1 file added\n"
    assert 'version: "1.1"' in (programs / "assets.lock").read_text()


def test_mypy_knows_the_types_of_the_programs(programs: Path) -> None:
    (quarterly,) = blocks("versioning.md")
    (programs / "quarterly.py").write_text(quarterly)
    wrong = programs / "wrong.py"
    wrong.write_text(
        "from assetsync import AssetStore, Project\n"
        "with AssetStore() as store:\n"
        '    number: int = store.new("x", name="x")\n'
        '    store.update("x", "name")\n'
        "Project.load().plan().nothing\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *sorted(map(str, programs.glob("*.py")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [re.sub(r".*/|: error:.*", "", line) for line in errors] == ["wrong.py:3", "wrong.py:4", "wrong.py:5"], (
        done.stdout + done.stderr
    )


def test_the_versioning_system_of_the_page_works(tmp_path: Path) -> None:
    (text,) = blocks("versioning.md")
    checks = """
from datetime import UTC, datetime

may = datetime(2026, 5, 1, tzinfo=UTC)
assert system.initial(now=may) == "2026-Q2-1"
assert system.next(["2026-Q2-9", "2026-Q2-10"], now=may) == "2026-Q2-11"
assert system.next(["2026-Q1-3"], now=may) == "2026-Q2-1"
assert system.sort(["2025-Q4-2", "2026-Q1-1", "2026-Q1-10"]) == ["2026-Q1-10", "2026-Q1-1", "2025-Q4-2"]
bad = ["", "2026", "2026-Q5-1", "2026-Q1-01", "2026-Q1-0", "2026-Q1-1\\n", "x" * 10**6, "2026-Q1-" + "9" * 5000]
for version in bad:
    try:
        system.check(version)
    except InvalidError:
        continue
    raise AssertionError(version[:20])
system.check("2026-Q1-3")
"""
    done = subprocess.run(
        [sys.executable, "-c", text + checks],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
