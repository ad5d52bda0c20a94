"""A branch whose assets.yaml or assets.lock is not what it seems: the program says so and reads nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import started

MANIFEST = "store: ./store\nassets:\n  a: data\n"


def run(folder: Path, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [*started(), *args]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSETSYNC", "GITHUB", "TF_"))}
    return subprocess.run(command, cwd=folder, env={**kept, **environ}, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("command", ["plan", "check"])
@pytest.mark.parametrize("name", ["assets.yaml", "assets.lock"])
@pytest.mark.parametrize("kind", ["/dev/zero", "/proc/kmsg", "fifo", "folder", "secret"])
def test_files_that_are_none_are_errors_and_never_hang(tmp_path: Path, command: str, name: str, kind: str) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / "assets.yaml").write_text(MANIFEST)
    (tmp_path / "secret").write_text("password: hunter2\n")
    (tmp_path / name).unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(tmp_path / name)
    elif kind == "folder":
        (tmp_path / name).mkdir()
    else:
        os.symlink(kind, tmp_path / name)
    done = run(tmp_path, command)
    assert done.returncode == 1, done
    said = done.stdout + done.stderr
    assert name in said
    assert "hunter2" not in said
    assert "password" not in said
    assert "unexpected" not in said


def test_a_manifest_that_is_not_utf_8_has_a_place(tmp_path: Path) -> None:
    (tmp_path / "assets.yaml").write_bytes(b"store: ./s\nassets:\n  caf\xe9: x\n")
    for command in (["plan"], ["check"], ["add", "assets.yaml", "x"], ["remove", "x"], ["list"]):
        done = run(tmp_path, *command)
        assert done.returncode == 1
        assert "assets.yaml:3:6: byte 0xe9 is not UTF-8" in done.stderr, (command, done.stderr)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store: ./s\nversioning: semver\n", "assets.yaml:2:13: unknown versioning system `semver`"),
        ("store: ./s\nassets:\n  x: s3://b/p\n", "assets.yaml:3:6: `s3://b/p` is a URL, and a path is a file"),
        ("store: ./.git/refs\n", "assets.yaml:1:8: a store can't lie in `.git`"),
        ("#" * 1_100_000, "assets.yaml:1:1: the file is larger than 1 MiB"),
    ],
)
def test_a_problem_of_a_manifest_has_a_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "assets.yaml").write_text(text)
    for command in ("plan", "check"):
        done = run(tmp_path, command)
        assert done.returncode == 1, done
        assert said in done.stderr


def test_a_manifest_can_write_no_command_into_the_log(tmp_path: Path) -> None:
    (tmp_path / "assets.yaml").write_text("store: ./s\n'x\\n::error::y ##[group]': 1\n'::set-env name=x::y': 1\n")
    done = run(tmp_path, "check", GITHUB_ACTIONS="true")
    assert done.returncode == 1
    lines = (done.stdout + done.stderr).splitlines()
    assert not any(line.strip().startswith("::") or "##[" in line for line in lines), lines


def test_a_publish_makes_no_branch(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "data").write_text("x")
    (tmp_path / "assets.yaml").write_text(MANIFEST)
    os.symlink(".git/refs/heads", tmp_path / "store")
    done = run(tmp_path, "apply", "--yes")
    assert done.returncode == 1
    assert "belongs to git" in done.stderr
    assert os.listdir(tmp_path / ".git/refs/heads") == []
