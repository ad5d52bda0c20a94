"""Uploads and downloads beside programs that only copy: they neither lock nor verify."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import worlds
from tests.benchmarks.conftest import Bench
from tests.benchmarks.measure import Contender, Job
from tests.benchmarks.worlds import Place, Project, files_below
from tests.servers.delay import delayed

KIB, MIB, GIB = 1024, 1024**2, 1024**3
NEAR = {"5,000 × 20 KiB": (5000, 20 * KIB), "200 × 2 MiB": (200, 2 * MIB), "1 GiB": (1, GIB)}
COPIERS = ("rclone", "s5cmd", "aws")
# What assetsync does in the same command: for each file of a folder, on both cores.
HASH = "find {0} -type f -print0 | xargs -0 -n 500 -P 2 sha256sum > /dev/null"
SYNC = "find {0} -type f -print0 | xargs -0 -n 500 -P 2 sync"
FAR = 0.03  # seconds of round trip
FAR_WIDTH = 64


def _data(bench: Bench, root: Path, work: str) -> tuple[Project, int]:
    """A project with one directory asset, and the number of its files."""
    number, size = NEAR[work]
    files = bench.number(number) if number > 1 else 1
    worlds.make_files(root / "data", files, size if number > 1 else bench.size(size))
    return Project(root, {"bench": "data"}), files


def _apply(project: Project, bucket: str, place: Place) -> Contender:
    def prepare(number: int) -> Job:
        project.use(f"{bucket}/assetsync-{number}", place)
        return project.apply(place)

    return prepare


def _all_there(place: Place, where: str, files: int) -> Callable[[], bool]:
    return lambda: place.count(where) == files


def _sending(name: str, project: Project, files: int, bucket: str, place: Place, width: int) -> Contender:
    """A copier that sends the files of a project to a new prefix."""

    def prepare(number: int) -> Job:
        where = f"{bucket}/{name}-{number}"
        job = worlds.copy(name, project.root / "data", where, place, width)
        return replace(job, check=_all_there(place, where, files))

    return prepare


def _uploads(project: Project, files: int, bucket: str, place: Place, width: int) -> dict[str, Contender]:
    copiers = {name: _sending(name, project, files, bucket, place, width) for name in COPIERS}
    return {"assetsync": _apply(project, bucket, place), **copiers}


def _fresh(target: Path, files: int, make: Callable[[], Job]) -> Job:
    """A job that fills `target`, which it finds empty."""
    worlds.discard(target)
    return replace(make(), check=lambda: files_below(target) >= files)


def _receiving(name: str, where: str, target: Path, files: int, place: Place, width: int) -> Contender:
    return lambda number: _fresh(
        target / "data", files, lambda: worlds.copy(name, where, target / "data", place, width)
    )


def _downloads(project: Project, files: int, folder: Path, place: Place, width: int) -> dict[str, Contender]:
    """Of the version that the project has published."""

    def assetsync(number: int) -> Job:
        root = folder / "got/assetsync"

        def make() -> Job:
            return project.checkout(root).job(place, "pull", "--yes", "-q")

        return _fresh(root, files, make)

    version = f"{project.where}/bench/0.0"
    copiers = {name: _receiving(name, version, folder / f"got/{name}/data", files, place, width) for name in COPIERS}
    return {"assetsync": assetsync, **copiers}


@pytest.mark.parametrize("work", NEAR)
def test_up_and_down(bench: Bench, place: Place, bucket: str, folder: Path, work: str) -> None:
    if work == "1 GiB" and place.folder is not None:
        pytest.skip("conditions are of no matter for one file, so one server is enough")
    project, files = _data(bench, folder / "repo", work)
    dvc_repos: list[Path] = []

    def dvc_up(number: int) -> Job:
        repo = worlds.dvc_repo(folder / f"dvc-{number}", f"{bucket}/dvc-{number}", place)
        shutil.copytree(project.root / "data", repo / "data")
        dvc_repos.append(repo)
        return worlds.dvc_job(repo, place, "add -q data", f"push -q -j {worlds.WIDTH}")

    def modelkit_up(number: int) -> Job:
        return worlds.modelkit_push(project.root / "data", f"{bucket}/modelkit-{number}", place, folder / "assets")

    contenders = _uploads(project, files, bucket, place, worlds.WIDTH)
    if place.folder is None:
        contenders |= {"dvc": dvc_up, "modelkit": modelkit_up}
    bench.row(f"upload {work}", contenders, place.name, place.requests)
    assert place.count(f"{project.where}/bench/0.0") == files

    def dvc_down(number: int) -> Job:
        repo = dvc_repos[-1]
        worlds.discard(repo / ".dvc/cache")
        return _fresh(repo / "data", files, lambda: worlds.dvc_job(repo, place, f"pull -q -j {worlds.WIDTH}"))

    def modelkit_down(number: int) -> Job:
        target = folder / "got/modelkit"
        return _fresh(target, files, lambda: worlds.modelkit_fetch(project.where, place, target))

    contenders = _downloads(project, files, folder, place, worlds.WIDTH)
    if place.folder is None:
        contenders |= {"dvc": dvc_down, "modelkit": modelkit_down}
    bench.row(f"download {work}", contenders, place.name, place.requests)
    assert files_below(folder / "got/assetsync/data") == files


def _besides(contender: Contender, *, before: str = "", after: str = "") -> Contender:
    """A contender that runs further commands around its own."""

    def prepare(number: int) -> Job:
        job = contender(number)
        line = " && ".join(part for part in (before, shlex.join(job.command), after) if part)
        return replace(job, command=["sh", "-c", line])

    return prepare


@pytest.mark.parametrize("work", NEAR)
def test_the_same_work(bench: Bench, seaweed: Place, folder: Path, work: str) -> None:
    """Beside copiers whose files are hashed before they are sent, and hashed and made durable when they have come."""
    project, files = _data(bench, folder / "repo", work)
    hashed = HASH.format(shlex.quote(str(project.root / "data")))
    with worlds.a_bucket(seaweed) as bucket:
        up = _uploads(project, files, bucket, seaweed, worlds.WIDTH)
        copiers = {name: _besides(up[name], before=hashed) for name in ("rclone", "s5cmd")}
        row = bench.row(
            f"upload {work}, hashed before", {"assetsync": up["assetsync"], **copiers}, seaweed.name, seaweed.requests
        )
        assert row.results["assetsync"].samples
        down = _downloads(project, files, folder, seaweed, worlds.WIDTH)
        copiers = {name: _besides(down[name], after=_kept(folder / "got" / name)) for name in copiers}
        row = bench.row(
            f"download {work}, hashed and synced", {"assetsync": down["assetsync"], **copiers}, seaweed.name
        )
    assert row.results["assetsync"].samples


def _kept(folder: Path) -> str:
    """A line that hashes the files of a folder, and makes them durable."""
    return " && ".join(line.format(shlex.quote(str(folder))) for line in (HASH, SYNC))


def test_a_new_version_with_one_file_changed(bench: Bench, place: Place, bucket: str, folder: Path) -> None:
    project, files = _data(bench, folder / "repo", "200 × 2 MiB")
    data = project.root / "data"
    project.use(f"{bucket}/store", place)
    project.run("apply", "--yes", place=place)

    def change() -> None:
        path = data / "0000/000001.bin"
        worlds.write(str(path), path.stat().st_size)

    def assetsync(number: int) -> Job:
        change()
        return project.apply(place)

    def rclone(number: int) -> Job:
        change()
        where = f"{bucket}/rclone-{number}"
        job = worlds.copy("rclone", data, where, place)
        base = worlds.remote(f"s3://{bucket}/store/bench/0.0", place)
        return replace(job, command=[*job.command, "--copy-dest", base], check=_all_there(place, where, files))

    contenders: dict[str, Contender] = {"assetsync": assetsync, "rclone": rclone}
    bench.row(f"new version, 1 of {files} × 2 MiB changed", contenders, place.name, place.requests)
    assert place.count(f"{bucket}/store/bench/0.1") == files


def test_far_away(bench: Bench, place: Place, bucket: str, folder: Path) -> None:
    files = bench.number(1000)
    worlds.make_files(folder / "repo/data", files, 20 * KIB)
    project = Project(folder / "repo", {"bench": "data"})
    with delayed(int(place.url.rpartition(":")[2]), FAR) as port:
        far = replace(place, url=f"http://127.0.0.1:{port}")
        store = f"{place.name}, 30 ms away"
        bench.row("upload 1,000 × 20 KiB", _uploads(project, files, bucket, far, FAR_WIDTH), store, place.requests)
        contenders = _downloads(project, files, folder, far, FAR_WIDTH)
        bench.row("download 1,000 × 20 KiB", contenders, store, place.requests)
    assert files_below(folder / "got/assetsync/data") == files


@pytest.mark.parametrize("full", [1, 200, 5000])
def test_nothing_to_do(bench: Bench, seaweed: Place, folder: Path, full: int) -> None:
    files = 1 if full == 1 else bench.number(full)
    data = worlds.make_files(folder / "repo/data", files, KIB)
    project = Project(folder / "repo", {"bench": "data"})
    with worlds.a_bucket(seaweed) as bucket:
        project.use(f"{bucket}/store", seaweed)
        project.run("apply", "--yes", place=seaweed)
        version = f"{bucket}/store/bench/0.0"

        def s5cmd(number: int) -> Job:
            job = worlds.copy("s5cmd", version, data, seaweed)
            return replace(job, command=["sync" if word == "cp" else word for word in job.command])

        contenders: dict[str, Contender] = {
            "assetsync": lambda number: project.job(seaweed, "pull", "-q"),
            "s5cmd": s5cmd,
            "rclone": lambda number: worlds.copy("rclone", version, data, seaweed),
            "floor: import click": lambda number: Job(worlds.python("import click"), folder),
        }
        row = bench.row(f"pull, nothing to do, {full:,} files", contenders, seaweed.name, seaweed.requests)
    assert row.results["assetsync"].samples
