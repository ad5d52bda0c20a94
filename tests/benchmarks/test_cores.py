"""What a second core is good for: the same command on all cores, and held to one. Servers always have all of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import worlds
from tests.benchmarks.conftest import Bench
from tests.benchmarks.measure import Contender, Job
from tests.benchmarks.worlds import Place, Project, files_below

KIB, MIB = 1024, 1024**2
HELD = "assetsync on 1 core"

pytestmark = pytest.mark.skipif(
    shutil.which("taskset") is None or os.cpu_count() == 1, reason="nothing holds a process to one of several cores"
)


def _both(make: Contender) -> dict[str, Contender]:
    def held(number: int) -> Job:
        job = make(number)
        return replace(job, command=["taskset", "-c", "0", *job.command])

    return {"assetsync": make, HELD: held}


def test_hashing(bench: Bench, folder: Path) -> None:
    for files, size in ((20_000, 4 * KIB), (1, 1024 * MIB)):
        root = folder / f"repo-{files}"
        number = bench.number(files) if files > 1 else 1
        worlds.make_files(root / "data", number, size if files > 1 else bench.size(size))
        project = Project(root, {"bench": "data"})
        project.use("./store")

        def assetsync(number: int, project: Project = project) -> Job:
            project.forget_files()
            return project.job(None, "plan", "--offline", "-q")

        work = f"cores: hash {files:,} × 4 KiB" if files > 1 else "cores: hash 1 GiB"
        assert HELD in bench.row(work, _both(assetsync)).results


@pytest.mark.parametrize(("files", "size"), [(2000, 20 * KIB), (100, 2 * MIB)])
def test_transfers(bench: Bench, seaweed: Place, folder: Path, files: int, size: int) -> None:
    number = bench.number(files)
    worlds.make_files(folder / "repo/data", number, size)
    project = Project(folder / "repo", {"bench": "data"})
    work = f"{files:,} × {size // KIB:,} KiB"
    runs = iter(range(100))
    with worlds.a_bucket(seaweed) as bucket:

        def up(_: int) -> Job:
            project.use(f"{bucket}/{next(runs)}", seaweed)
            return project.apply(seaweed)

        def down(_: int) -> Job:
            root = folder / "got"
            worlds.discard(root)
            return project.checkout(root).job(
                seaweed, "pull", "--yes", "-q", check=lambda: files_below(root / "data") == number
            )

        bench.row(f"cores: upload {work}", _both(up), seaweed.name, seaweed.requests)
        bench.row(f"cores: download {work}", _both(down), seaweed.name, seaweed.requests)
    assert files_below(folder / "got/data") == number
