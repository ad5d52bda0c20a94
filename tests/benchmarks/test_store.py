"""Many assets: listed, planned, published."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import worlds
from tests.benchmarks.conftest import Bench
from tests.benchmarks.measure import Contender, Job
from tests.benchmarks.worlds import Place, Project, serve_ignorant
from tests.servers.delay import delayed

BUCKET = "bucket"
VERSIONS, PARTS = 10, 9


def _fill(bucket: Path, assets: int, versions: int, parts: int) -> None:
    """So many assets, as a server finds them in the folder of a bucket. Those of one asset that are alike are links."""
    names = [f"0.{version}" for version in range(versions)]
    listed = json.dumps({"versions": names[::-1]})
    for number in range(assets):
        asset = bucket / f"asset{number:05}"
        asset.mkdir(parents=True)
        part, meta = asset / "part", asset / "meta"
        part.touch()
        meta.write_text("{}")
        for name in names:
            os.link(meta, f"{asset}/{name}.meta")
            os.mkdir(f"{asset}/{name}")
            for one in range(parts):
                os.link(part, f"{asset}/{name}/{one}")
        part.unlink()
        meta.unlink()
        (bucket / f"{asset.name}.versions").write_text(listed)


def _lists(place: Place, folder: Path) -> dict[str, Contender]:
    project = Project(folder, {"bench": "data"})
    project.use(BUCKET, place)
    lines = ["lsf", "-R", "--files-only", "--fast-list", "--filter", "+ *.versions", "--filter", "- *"]

    def rclone(number: int) -> Job:
        job = worlds.copy("rclone", BUCKET, folder / "none", place)
        return replace(job, command=[job.command[0], *lines, worlds.remote(BUCKET, place)])

    return {
        "assetsync": lambda number: project.job(place, "list", "-q", "--format", "json"),
        "rclone": rclone,
        "modelkit": lambda number: worlds.modelkit_list(BUCKET, place, folder / "assets"),
    }


def test_a_list_of_a_thousand_assets(bench: Bench, folder: Path) -> None:
    _fill(folder / "served" / BUCKET, bench.number(1000), VERSIONS, PARTS)
    work = "list 1,000 assets among 101,000 objects"
    with serve_ignorant(folder / "served") as place:
        row = bench.row(work, _lists(place, folder), place.name)
        with delayed(int(place.url.rpartition(":")[2]), 0.03) as port:
            far = replace(place, url=f"http://127.0.0.1:{port}")
            contenders = _lists(far, folder)
            del contenders["modelkit"]  # a minute and a half
            bench.row(work, contenders, f"{place.name}, 30 ms away")
    assert row.results["assetsync"].samples


@pytest.mark.parametrize("full", [100, 1000, 10_000])
def test_a_list_of_any_length(bench: Bench, folder: Path, full: int) -> None:
    _fill(folder / "served" / BUCKET, bench.number(full), 1, 1)
    with serve_ignorant(folder / "served") as place:
        contenders = _lists(place, folder)
        del contenders["modelkit"]
        row = bench.row(f"scale: list {full:,} assets of one version", contenders, place.name)
    assert row.results["assetsync"].samples


def _many_assets(root: Path, number: int) -> Project:
    """A project of assets of one small file each."""
    worlds.make_files(root / "data", number, 1024)
    paths = sorted(path.relative_to(root).as_posix() for path in (root / "data").rglob("*.bin"))
    return Project(root, {f"many/asset-{index}": path for index, path in enumerate(paths)})


@pytest.mark.parametrize("full", [10, 100, 1000, 10_000])
def test_a_plan_of_unchanged_assets(bench: Bench, folder: Path, full: int) -> None:
    project = _many_assets(folder / "repo", bench.number(full))
    served = folder / "served"
    served.mkdir()
    with serve_ignorant(served) as place:
        project.use(f"{BUCKET}/store", place)
        project.lock(served / BUCKET / "store")
        contenders: dict[str, Contender] = {
            "assetsync": lambda number: project.job(place, "plan", "-q", "--detailed-exitcode"),
        }
        row = bench.row(f"scale: plan of {full:,} unchanged assets", contenders, place.name)
    assert row.results["assetsync"].samples


def test_an_apply_of_a_thousand_new_assets(bench: Bench, seaweed: Place, folder: Path) -> None:
    assets = bench.number(1000)
    project = _many_assets(folder / "repo", assets)
    files = worlds.make_files(folder / "objects/data", 5 * assets, 1024)
    with worlds.a_bucket(seaweed) as bucket:

        def assetsync(number: int) -> Job:
            project.use(f"{bucket}/assetsync-{number}", seaweed)
            return project.apply(seaweed)

        contenders: dict[str, Contender] = {
            "assetsync": assetsync,
            "floor: s5cmd, 5 objects for each": lambda number: worlds.copy(
                "s5cmd", files, f"{bucket}/s5cmd-{number}", seaweed
            ),
        }
        bench.row("apply 1,000 new one-file assets", contenders, seaweed.name, seaweed.requests)
        assert seaweed.count(f"{bucket}/assetsync-0") >= 3 * assets
