"""Transcripts in pages: blocks of `console`, whose lines after `$ ` are run by a shell and followed by what they print.

All blocks of a page run in one shell, in a folder of their own, where `assetsync` is this program and `$CHECKOUT` this
checkout. A block may also be a comment (`<!-- console`), for what a reader need not see.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import clean_environ, started

_BLOCK = re.compile(r"^(```console|<!-- console)\n(.*?)^(```|-->)$", re.DOTALL | re.MULTILINE)
_MARK = "\x1e"

# What differs from run to run, and says nothing.
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "DATE"),
    (re.compile(r"\b\d+\.\d s\b"), "SECONDS"),
    (
        re.compile(r"((?:^|Committed |Pushed |from:? +|[ ,] at |\"commit\": \"))[0-9a-f]{7,40}\b", re.MULTILINE),
        r"\1COMMIT",
    ),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A command, which may go over several lines, and what it printed."""

    command: str
    output: str


def rerun(page: str, checkout: Path) -> str:
    """The page with what its commands print now. Output that differs only in times and commits stays as it is."""
    blocks = [_steps(match[2]) for match in _BLOCK.finditer(page)]
    outputs = iter(_run([step.command for steps in blocks for step in steps], checkout))
    texts = iter(["".join(_text(step, next(outputs)) for step in steps) for steps in blocks])
    return _BLOCK.sub(lambda match: f"{match[1]}\n{next(texts)}{match[3]}", page)


def stable(text: str) -> str:
    """The text without what differs from run to run. Lines of progress come in any order: they are sorted."""
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return re.sub(
        r"(^  \S+: \w+ .*\n)+", lambda run: "".join(sorted(run[0].splitlines(True))), text, flags=re.MULTILINE
    )


def _text(step: Step, output: str) -> str:
    kept = step.output if stable(step.output) == stable(output) else output
    return "$ " + step.command.replace("\n", "\n> ") + "\n" + kept


def _steps(block: str) -> list[Step]:
    steps: list[Step] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ ").rstrip("\n"), ""))
        elif line.startswith("> ") and not steps[-1].output:
            steps[-1] = Step(steps[-1].command + "\n" + line.removeprefix("> ").rstrip("\n"), "")
        else:
            steps[-1] = Step(steps[-1].command, steps[-1].output + line)
    return steps


def _run(commands: list[str], checkout: Path) -> list[str]:
    """What each command prints, on stdout and stderr together, run one after the other in one shell."""
    with tempfile.TemporaryDirectory(prefix="assetsync-docs-") as scratch:
        home = Path(scratch, "home")
        script = Path(scratch, "script")
        script.write_text("".join(f"{{ {command}\n}} </dev/null 2>&1\nprintf '{_MARK}'\n" for command in commands))
        work = Path(scratch, "work")
        work.mkdir()
        done = subprocess.run(
            ["bash", str(script)],
            cwd=work,
            env=environ(home, Path(scratch, "bin")) | {"CHECKOUT": str(checkout)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        outputs = done.stdout.replace(scratch, "").split(_MARK)[:-1]
    if len(outputs) != len(commands) or done.stderr:
        raise RuntimeError(f"the shell ended early: {done.stderr}")
    return [output if output.endswith("\n") or not output else output + "\n" for output in outputs]


def environ(home: Path, programs: Path) -> dict[str, str]:
    """An environment in which `assetsync` is this program, and Ada commits. Makes both folders."""
    home.mkdir()
    programs.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
        "[advice]\n\tdetachedHead = false\n"
    )
    program = programs / "assetsync"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(started())} "$@"\n')
    program.chmod(0o755)
    return clean_environ(home) | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
    }
