"""What needs no store: the start, and files looked at and hashed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.benchmarks import peers, worlds
from tests.benchmarks.conftest import Bench
from tests.benchmarks.measure import Contender, Job
from tests.benchmarks.worlds import Project

STAT = """
import os, sys
folders = [sys.argv[1]]
while folders:
    with os.scandir(folders.pop()) as entries:
        for entry in entries:
            if entry.is_dir():
                folders.append(entry.path)
            else:
                entry.stat()
"""
GIB = 1024**3


def _git(repo: Path) -> list[str]:
    """git on the files of the current folder, with a new repo that lies elsewhere."""
    subprocess.run(["git", "init", "-q", "--bare", str(repo)], check=True)
    return ["git", f"--git-dir={repo}", "--work-tree=."]


def _status(project: Project, git: list[str]) -> dict[str, Contender]:
    """A look at unchanged files, by those who have hashed them before."""
    project.lock()
    subprocess.run([*git, "update-index", "-q", "--refresh"], cwd=project.root, check=True)
    return {
        "assetsync": lambda number: project.job(None, "plan", "--offline", "-q", "--detailed-exitcode"),
        "git": lambda number: Job([*git, "status", "--short", "data"], project.root),
        "floor: scandir + stat": lambda number: Job(worlds.python(STAT, "data"), project.root),
    }


def test_the_start(bench: Bench, folder: Path) -> None:
    contenders: dict[str, Contender] = {
        "assetsync": lambda number: Job([worlds.ours(), "--version"], folder),
        "s5cmd": lambda number: Job([peers.path("s5cmd"), "version"], folder),
        "rclone": lambda number: Job([peers.path("rclone"), "version"], folder, {"RCLONE_CONFIG": ""}),
        "aws": lambda number: Job([peers.path("aws"), "--version"], folder),
        "dvc": lambda number: worlds.dvc_job(folder, None, "--version"),
        "floor: import click": lambda number: Job(worlds.python("import click"), folder),
    }
    assert bench.row("start (`--version`)", contenders).results["assetsync"].samples


def test_many_files_hashed_and_then_unchanged(bench: Bench, folder: Path) -> None:
    root = folder / "repo"
    worlds.make_files(root / "data", bench.number(50_000), 4096)
    project = Project(root, {"bench": "data"})
    project.use("./store")
    repos: list[list[str]] = []

    def assetsync(number: int) -> Job:
        project.forget_files()
        return project.job(None, "plan", "--offline", "-q")

    def git(number: int) -> Job:
        repos.append(_git(folder / f"git-{number}"))
        return Job([*repos[-1], "add", "data"], root)

    def dvc(number: int) -> Job:
        worlds.discard(root / ".dvc")
        (root / "data.dvc").unlink(missing_ok=True)
        worlds.dvc(root, "init", "-q", "--no-scm", "--force")
        worlds.dvc(root, "config", "cache.type", "hardlink")
        return worlds.dvc_job(root, None, "add -q data")

    openssl = "find data -type f -print0 | xargs -0 -n 1000 -P 2 openssl dgst -sha256 > /dev/null"
    contenders: dict[str, Contender] = {
        "assetsync": assetsync,
        "git": git,
        "floor: openssl, 2 processes": lambda number: Job(["sh", "-c", openssl], root),
        "dvc": dvc,
    }
    row = bench.row("hash 50,000 × 4 KiB", contenders)
    assert row.results["assetsync"].samples

    contenders = _status(project, repos[-1])
    if "dvc" in row.results:
        contenders["dvc"] = lambda number: worlds.dvc_job(root, None, "status -q")
    assert bench.row("status, 50,000 unchanged files", contenders).results["assetsync"].samples


@pytest.mark.parametrize("full", [1000, 10_000, 100_000])
def test_the_status_of_directories_of_any_size(bench: Bench, folder: Path, full: int) -> None:
    root = folder / "repo"
    worlds.make_files(root / "data", bench.number(full), 1024, alike=True)
    project = Project(root, {"bench": "data"})
    project.use("./store")
    git = _git(folder / "git")
    subprocess.run([*git, "add", "data"], cwd=root, check=True)
    row = bench.row(f"scale: status, {full:,} unchanged files", _status(project, git))
    assert row.results["assetsync"].samples


def test_hashing_a_large_file(bench: Bench, folder: Path) -> None:
    worlds.write(f"{folder}/large", bench.size(4 * GIB))
    project = Project(folder, {"bench": "large"})
    project.use("./store")

    def assetsync(number: int) -> Job:
        project.forget_files()
        return project.job(None, "plan", "--offline", "-q")

    contenders: dict[str, Contender] = {
        "assetsync": assetsync,
        "floor: openssl": lambda number: Job(["openssl", "dgst", "-sha256", "large"], folder),
    }
    assert bench.row("hash 4 GiB", contenders).results["assetsync"].samples
