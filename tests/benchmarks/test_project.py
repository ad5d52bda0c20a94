"""What needs no store: the start, and files looked at and hashed."""

from __future__ import annotations

import shutil
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


def _git(root: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)


def _status(root: Path) -> dict[str, Contender]:
    """A look at unchanged files, by those who have hashed them before: ours are published, git's are added."""
    project = Project(root, {"bench": "data"})
    project.use("./store")
    project.run("apply", "--yes")
    checkout = root.parent / "git"
    shutil.copytree(root / "data", checkout / "data")
    _git(checkout)
    subprocess.run(["git", "add", "data"], cwd=checkout, check=True)
    return {
        "assetsync": lambda number: project.job(None, "plan", "--offline", "-q"),
        "git": lambda number: Job(["git", "status", "--short", "data"], checkout),
        "floor: scandir + stat": lambda number: Job(worlds.python(STAT, "data"), root),
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


def test_the_status_of_unchanged_files(bench: Bench, folder: Path) -> None:
    root = folder / "repo"
    data = worlds.make_files(root / "data", bench.number(50_000), 4096)
    contenders = _status(root)
    if not peers.why_missing("dvc", install=False):
        shutil.copytree(data, folder / "dvc/data")
        worlds.dvc(folder / "dvc", "init", "-q", "--no-scm")
        worlds.dvc(folder / "dvc", "config", "cache.type", "hardlink")
        worlds.dvc(folder / "dvc", "add", "-q", "data")
        contenders["dvc"] = lambda number: worlds.dvc_job(folder / "dvc", None, "status -q")
    assert bench.row("status, 50,000 unchanged files", contenders).results["assetsync"].samples


@pytest.mark.parametrize("full", [1000, 10_000, 100_000])
def test_the_status_of_directories_of_any_size(bench: Bench, folder: Path, full: int) -> None:
    root = folder / "repo"
    worlds.make_files(root / "data", bench.number(full), 1024)
    assert bench.row(f"scale: status, {full:,} unchanged files", _status(root)).results["assetsync"].samples


def test_hashing_many_files(bench: Bench, folder: Path) -> None:
    root = folder / "repo"
    worlds.make_files(root / "data", bench.number(50_000), 4096)
    project = Project(root, {"bench": "data"})
    project.use("./store")

    def assetsync(number: int) -> Job:
        project.forget_files()
        return project.job(None, "plan", "--offline", "-q")

    def git(number: int) -> Job:
        shutil.rmtree(root / ".git", ignore_errors=True)
        _git(root)
        return Job(["git", "add", "data"], root)

    def dvc(number: int) -> Job:
        for made in (".dvc", ".dvcignore", "data.dvc"):
            path = root / made
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        worlds.dvc(root, "init", "-q", "--no-scm")
        worlds.dvc(root, "config", "cache.type", "hardlink")
        return worlds.dvc_job(root, None, "add -q data")

    openssl = "find data -type f -print0 | xargs -0 -n 1000 -P 2 openssl dgst -sha256 > /dev/null"
    contenders: dict[str, Contender] = {
        "assetsync": assetsync,
        "git": git,
        "floor: openssl, 2 processes": lambda number: Job(["sh", "-c", openssl], root),
        "dvc": dvc,
    }
    assert bench.row("hash 50,000 × 4 KiB", contenders).results["assetsync"].samples


def test_hashing_a_large_file(bench: Bench, folder: Path) -> None:
    worlds.write(folder / "large", bench.size(4 * GIB))
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
