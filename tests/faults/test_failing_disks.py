"""Disks that are full or read-only, for the checkout and for a store in a directory: one clear error, nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.harness import some_bytes
from tests.e2e.harness import Run
from tests.e2e.remotes import Remote
from tests.faults.bench import Bench, new_bench
from tests.faults.warm import Warm
from tests.permissions import NOBODY, reachable_folder

LARGE = {"large.bin": some_bytes(600_000), "small.txt": b"small"}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and becoming somebody else are for root alone")


@pytest.fixture
def bench(warm: Warm, tmp_path: Path) -> Bench:
    return new_bench(warm, tmp_path, Remote("directory", str(tmp_path / "base/store")))


def _check_error(run: Run, says: str) -> None:
    assert run.code == 1, run.err
    assert says in run.err.lower()
    assert "hint:" in run.err
    assert "unexpected" not in run.err
    assert "Traceback" not in run.err


def test_a_checkout_that_takes_no_large_files(bench: Bench) -> None:
    bench.write(LARGE)
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.write({"small.txt": b"edited"})
    command = ("pull", "--yes", "--discard-local", "nlp/tok")
    _check_error(bench.warm.run(bench.repo, *command, code=1, largest=200_000), "file too large")
    assert bench.repo.read("models/tok/small.txt") == "edited"
    bench.warm.run(bench.repo, *command)
    bench.check(["0.1", "0.0"], LARGE)


def test_a_store_that_takes_no_large_files(bench: Bench) -> None:
    bench.write(LARGE)
    lock = bench.repo.read("assets.lock")
    _check_error(bench.warm.run(bench.repo, "apply", "--yes", code=1, largest=200_000), "file too large")
    assert bench.repo.read("assets.lock") == lock
    bench.warm.run(bench.repo, "apply", "--yes")
    bench.check(["0.1", "0.0"], LARGE)


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """`folder` on a disk of 400 kB, for what is in it."""
    kept = folder.parent / "kept"
    shutil.copytree(folder, kept)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("hooks"))
        yield
    finally:
        # At once for all who look, even if a git that the command has started is about to end there.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=4m", str(folder)], check=True)


@needs_root
@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no `mount`")
def test_a_full_disk_while_pulling(bench: Bench) -> None:
    other = bench.copy("other")
    bench.write(LARGE)
    bench.warm.run(bench.repo, "apply", "--yes")
    other = replace(other, remote=bench.remote)
    other.repo.write("assets.yaml", f"store: {bench.remote.url}\nassets:\n  nlp/tok: models/tok\n")
    other.repo.write("assets.lock", bench.repo.read("assets.lock").replace('"../store"', f'"{bench.remote.url}"'))
    shutil.rmtree(other.repo.root / "models")
    with _small_disk(other.repo.root):
        _check_error(other.warm.run(other.repo, "pull", code=1), "kb free")
        assert not (other.repo.root / "models").exists()
        _grow(other.repo.root)
        other.warm.run(other.repo, "pull")
        other.check(["0.1", "0.0"], LARGE)


@needs_root
@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no `mount`")
def test_a_full_disk_of_the_store(bench: Bench) -> None:
    bench.write(LARGE)
    lock = bench.repo.read("assets.lock")
    store = Path(bench.remote.url)
    with _small_disk(store):
        _check_error(bench.warm.run(bench.repo, "apply", "--yes", code=1), "the disk or the quota is full")
        assert bench.repo.read("assets.lock") == lock
        _grow(store)
        bench.warm.run(bench.repo, "apply", "--yes")
        bench.check(["0.1", "0.0"], LARGE)


@pytest.fixture
def owned(warm: Warm) -> Iterator[Bench]:
    """A bench whose files belong to nobody, who the command can be run as."""
    with reachable_folder() as folder:
        bench = new_bench(warm, folder, Remote("directory", str(folder / "base/store")))
        bench.write(LARGE)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield bench


def _forbid(*paths: Path) -> None:
    """Nobody may write here any more."""
    for path in paths:
        path.chmod(0o555)


@needs_root
def test_a_checkout_that_is_read_only(owned: Bench) -> None:
    root = owned.repo.root
    shutil.rmtree(root / ".assetsync")
    _forbid(root, root / "models")
    assert "0.0 → 0.1" in owned.warm.run(owned.repo, "plan", user=NOBODY).out
    _check_error(owned.warm.run(owned.repo, "apply", "--yes", code=1, user=NOBODY), "can't write to")
    assert not (Path(owned.remote.url) / "nlp/tok/0.1.claim").exists()
    root.chmod(0o755)
    owned.warm.run(owned.repo, "apply", "--yes", user=NOBODY)
    owned.check(["0.1", "0.0"], LARGE)


@needs_root
def test_a_lock_that_can_not_be_saved(owned: Bench) -> None:
    _forbid(owned.repo.root)
    lock = owned.repo.read("assets.lock")
    _check_error(owned.warm.run(owned.repo, "apply", "--yes", code=1, user=NOBODY), "permission denied")
    assert owned.repo.read("assets.lock") == lock
    owned.repo.root.chmod(0o755)
    owned.warm.run(owned.repo, "apply", "--yes", user=NOBODY)
    owned.check(["0.1", "0.0"], LARGE)


@needs_root
def test_a_path_that_can_not_be_written_to(owned: Bench) -> None:
    owned.warm.run(owned.repo, "apply", "--yes", user=NOBODY)
    shutil.rmtree(owned.repo.root / "models/tok")
    _forbid(owned.repo.root / "models")
    _check_error(owned.warm.run(owned.repo, "pull", code=1, user=NOBODY), "permission denied")
    (owned.repo.root / "models").chmod(0o755)
    owned.warm.run(owned.repo, "pull", user=NOBODY)
    owned.check(["0.1", "0.0"], LARGE)


@needs_root
def test_a_store_that_is_read_only(owned: Bench) -> None:
    lock = owned.repo.read("assets.lock")
    folders = [path for path in Path(owned.remote.url).rglob("*") if path.is_dir()]
    _forbid(Path(owned.remote.url), *folders)
    _check_error(owned.warm.run(owned.repo, "apply", "--yes", code=1, user=NOBODY), "permission denied")
    assert owned.repo.read("assets.lock") == lock
    for folder in folders:
        folder.chmod(0o755)
    owned.warm.run(owned.repo, "apply", "--yes", user=NOBODY)
    owned.check(["0.1", "0.0"], LARGE)
