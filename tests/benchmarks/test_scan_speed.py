"""How fast trees are scanned, beside the floors and the peers of this machine: `pytest -m benchmark`.

Peers that are not installed are left out. `ASSETSYNC_BENCH_DVC` may name a dvc that is not on the PATH.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assetsync.local.scan import scan
from assetsync.plan.snapshot import Present
from assetsync.state.cache import Cache
from tests.benchmarks.side_by_side import side_by_side, table

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1800)]

FILES = 50_000
DVC = os.environ.get("ASSETSYNC_BENCH_DVC") or shutil.which("dvc")
PROCESS = """
import sys
from assetsync.state.cache import Cache
from assetsync.local.scan import scan
with Cache(sys.argv[2]) as cache:
    scan(sys.argv[1], "data", cache=cache)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # gigabytes; pytest would keep the last three


@pytest.fixture
def small_files(folder: Path) -> Path:
    """50,000 files of 4 KiB in 500 folders, under `data`."""
    rng = random.Random(1)
    for number in range(FILES // 100):
        where = folder / f"data/{number % 20}/{number}"
        where.mkdir(parents=True)
        for file in range(100):
            (where / f"file-{file:03}.bin").write_bytes(rng.randbytes(4096))
    return folder


def later() -> int:
    return time.time_ns() + 3600 * 10**9


def stat_all(top: str) -> int:
    count, folders = 0, [top]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    count += bool(entry.stat())
    return count


def run(*command: str, cwd: Path) -> Callable[[], object]:
    return lambda: subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def test_an_unchanged_directory(small_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top, db = str(small_files), str(small_files / "cache.sqlite")
    subprocess.run(["git", "init", "-q", top], check=True)
    subprocess.run(["git", "add", "data"], cwd=top, check=True)

    def scanned() -> Present | None:
        with Cache(db) as cache:
            found = scan(top, "data", cache=cache, clock=later)
        return found if isinstance(found, Present) else None

    first = scanned()
    contenders: dict[str, Callable[[], object]] = {
        "scan": scanned,
        "scan, process included": run(sys.executable, "-c", PROCESS, top, db, cwd=Path.cwd()),
        "scandir + stat": lambda: stat_all(top + "/data"),
        "find -printf": run("find", "data", "-printf", "%s %T@ %P\n", cwd=small_files),
        "git status": run("git", "status", "--short", cwd=small_files),
    }
    if DVC:
        subprocess.run([DVC, "init", "-q", "--no-scm"], cwd=top, check=True)
        shutil.copytree(small_files / "data", small_files / "tracked")
        subprocess.run([DVC, "add", "-q", "tracked"], cwd=top, check=True)
        contenders["dvc status"] = run(DVC, "status", "-q", cwd=small_files)
    times = side_by_side(contenders)
    with capsys.disabled():
        sys.stdout.write(table(f"unchanged, {FILES} files", times, "scandir + stat"))
    assert first is not None
    assert scanned() == first


def test_hashing_small_files(small_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top = str(small_files)

    def scanned() -> object:
        with Cache(None) as cache:
            return scan(top, "data", cache=cache)

    pipeline = "find . -type f -print0 | xargs -0 openssl dgst -sha256"
    contenders: dict[str, Callable[[], object]] = {
        "scan": scanned,
        "openssl": run("bash", "-c", pipeline, cwd=small_files / "data"),
        "sha256sum": run("bash", "-c", "find . -type f -print0 | xargs -0 sha256sum", cwd=small_files / "data"),
    }
    if DVC:
        subprocess.run([DVC, "init", "-q", "--no-scm"], cwd=top, check=True)
        subprocess.run([DVC, "config", "cache.type", "hardlink"], cwd=top, check=True)

        def dvc_add() -> None:
            for made in (".dvc/cache", ".dvc/tmp", "data.dvc"):
                path = small_files / made
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            subprocess.run([DVC, "add", "-q", "data"], cwd=top, check=True, capture_output=True)

        contenders["dvc add, removal of its cache included"] = dvc_add
    times = side_by_side(contenders, rounds=3)
    with capsys.disabled():
        sys.stdout.write(table(f"hash {FILES} × 4 KiB", times, "scan"))
    assert isinstance(scanned(), Present)


def test_hashing_large_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = random.Random(1).randbytes(1 << 20)
    (folder / "pair").mkdir()
    for name in ("one", "pair/a", "pair/b"):
        with (folder / name).open("wb") as file:
            for number in range(1024):
                file.write(block[number:] + block[:number])

    def scanned(path: str) -> Present | None:
        with Cache(None) as cache:
            found = scan(str(folder), path, cache=cache)
        return found if isinstance(found, Present) else None

    times = side_by_side(
        {
            "scan, 1 GiB": lambda: scanned("one"),
            "openssl, 1 GiB": run("openssl", "dgst", "-sha256", "one", cwd=folder),
            "sha256sum, 1 GiB": run("sha256sum", "one", cwd=folder),
            "scan, 2 × 1 GiB": lambda: scanned("pair"),
            "openssl, 2 × 1 GiB": run("openssl", "dgst", "-sha256", "pair/a", "pair/b", cwd=folder),
        },
        rounds=3,
    )
    with capsys.disabled():
        sys.stdout.write(table("large files", times, "openssl, 1 GiB"))
    output = subprocess.run(["openssl", "dgst", "-sha256", "one"], cwd=folder, capture_output=True, text=True).stdout
    one = scanned("one")
    assert one is not None
    assert output.split()[-1] == one.tree.files[0].sha256
