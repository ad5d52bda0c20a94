"""A machine that is short of something, or not to be relied on: a clear error or success, and the same command ends it.

Full disks are in test_any_step.py and test_failing_disks.py.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.harness import some_bytes
from tests.e2e.harness import Repo, Run
from tests.e2e.remotes import SERVERS, Remote
from tests.faults.inspection import published
from tests.faults.shim import DAY, Plan, library, missing
from tests.faults.warm import Warm
from tests.servers.restarting import serve_restarting
from tests.servers.seaweed import missing as no_seaweed
from tests.servers.silent import line_to
from tests.unit.publishing import files_below

SHORT = bool(os.environ.get("ASSETSYNC_TEST_SHORT"))
long = pytest.mark.skipif(SHORT, reason="takes long")
needs_shim = pytest.mark.skipif(missing() is not None, reason=str(missing()))
needs_seaweed = pytest.mark.skipif(no_seaweed() is not None, reason=str(no_seaweed()))


@pytest.fixture(scope="module", params=["directory", "s3"])
def place(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Remote]]:
    with SERVERS[request.param]() as place:
        yield place


@pytest.fixture(scope="module")
def shimmed() -> Iterator[Warm]:
    with Warm(library()) as warm:
        yield warm


def new_repo(folder: Path, remote: Remote) -> Repo:
    """A checkout with the asset `big` at models/big, of which nothing is here yet."""
    repo = Repo.init(folder / "repo", folder / "home")
    repo.write("assets.yaml", f"store: {remote.url}\nassets:\n  big: models/big\n")
    repo.write(".gitignore", "models/\n")
    repo.extra.update(remote.environ)
    return repo


def sparse(repo: Repo, size: int) -> None:
    with repo.write("models/big/large.bin", "").open("r+b") as file:
        file.truncate(size)


def limited(limit: str) -> tuple[str, ...]:
    """The program under a limit of the shell, such as `-n 64`."""
    return ("/bin/sh", "-c", f'ulimit {limit} && exec "$0" -m assetsync "$@"', sys.executable)


def told_or_done(run: Run) -> None:
    """It succeeds, or says what is wrong; it is no defect, and nothing that a user could not understand."""
    assert run.code in (0, 1, 3, 4), run.err
    if run.code:
        assert "error:" in run.err
        assert "hint:" in run.err
    assert "unexpected" not in run.err, run.err
    assert "Traceback" not in run.err, run.err


def pulled_elsewhere(repo: Repo, **how: object) -> Run:
    """Lose the files of the asset, pull them, and see that they are the same."""
    before = files_below(repo.root / "models")
    for path in sorted((repo.root / "models").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    run = repo.run("pull", "--yes", code=None, **how)  # type: ignore[arg-type]
    told_or_done(run)
    repo.run("pull", "--yes")
    assert files_below(repo.root / "models") == before
    return run


@pytest.mark.slow
def test_sixty_four_descriptors(tmp_path: Path, place: Callable[[Path], Remote]) -> None:
    repo = new_repo(tmp_path, place(tmp_path))
    for number in range(30 if SHORT else 300):
        repo.write(f"models/big/{number % 7}/{number}", f"{number}")
    told_or_done(repo.run("apply", "--yes", code=None, program=limited("-n 64")))
    repo.run("apply", "--yes")
    pulled_elsewhere(repo, program=limited("-n 64"))


@long
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_gigabyte_in_400_megabytes(tmp_path: Path, place: Callable[[Path], Remote]) -> None:
    repo = new_repo(tmp_path, place(tmp_path))
    sparse(repo, 1 << 30)
    told_or_done(repo.run("apply", "--yes", code=None, program=limited(f"-v {400 * 1024}")))
    repo.run("apply", "--yes")
    (repo.root / "models/big/large.bin").unlink()
    told_or_done(repo.run("pull", "--yes", code=None, program=limited(f"-v {400 * 1024}")))
    repo.run("pull", "--yes")
    assert repo.run("check", "--remote").code == 0


@needs_shim
@pytest.mark.slow
@pytest.mark.parametrize("days", [-3, 3])
def test_a_clock_that_is_wrong_by_days(
    shimmed: Warm, tmp_path: Path, days: int, place: Callable[[Path], Remote]
) -> None:
    """A server may refuse signatures of another day, and says so; nothing else depends on the time here."""
    remote = place(tmp_path)
    repo = new_repo(tmp_path, remote)
    repo.write("models/big/a", "a")
    with Plan(tmp_path / "plan", offset=days * DAY) as plan:
        run = shimmed.run(repo, "apply", "--yes", code=None, env=plan.environ)
    told_or_done(run)
    assert run.code == 0 or ("clock" in run.err and remote.kind == "s3"), run.err
    shimmed.run(repo, "apply", "--yes")
    assert published(remote) == {"big": ["0.0"]}
    repo.write("models/big/a", "b")
    with Plan(tmp_path / "plan", offset=-days * DAY) as plan:
        told_or_done(shimmed.run(repo, "apply", "--yes", code=None, env=plan.environ))
    shimmed.run(repo, "apply", "--yes")
    assert published(remote) == {"big": ["0.1", "0.0"]}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_small_files(tmp_path: Path, place: Callable[[Path], Remote]) -> None:
    remote = place(tmp_path)
    repo = new_repo(tmp_path, remote)
    repo.write("assets.yaml", repo.read("assets.yaml") + "guards:\n  max_files: 100000\n")
    for number in range(200 if SHORT else 20_000):
        repo.write(f"models/big/{number % 100}/{number}", f"{number}")
    repo.run("apply", "--yes")
    assert "Nothing to do" in repo.run("plan").out
    pulled_elsewhere(repo)


@contextmanager
def written_to(path: Path) -> Iterator[None]:
    """While the block lasts, the bytes of a file change."""
    over = threading.Event()

    def write() -> None:
        with path.open("r+b", buffering=0) as file:
            number = 0
            while not over.is_set():
                number += 1
                file.seek(number * 4096 % (1 << 20))
                file.write(b"%d " % number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


@pytest.mark.slow
def test_a_file_that_is_written_while_it_is_published(
    warm: Warm, tmp_path: Path, place: Callable[[Path], Remote]
) -> None:
    remote = place(tmp_path)
    repo = new_repo(tmp_path, remote)
    path = repo.write("models/big/log.bin", some_bytes(1 << 20))
    with written_to(path):
        run = warm.run(repo, "apply", "--yes", code=None)
    told_or_done(run)
    if run.code:
        assert "log.bin" in run.err, run.err
    warm.run(repo, "apply", "--yes")
    versions = published(remote, leftovers=True)["big"]  # asserts that each is what its `.meta` says
    assert 1 <= len(versions) <= 2
    assert "Nothing to do" in warm.run(repo, "plan").out


@long
@needs_seaweed
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_that_is_restarted_in_the_middle(warm: Warm, tmp_path: Path) -> None:
    with serve_restarting(tmp_path / "server") as restarting:
        restarting.server.make_bucket("restarted")
        remote = Remote("s3", "s3://restarted/assets", restarting.server.environ)
        repo = new_repo(tmp_path, remote)
        for number in range(300):
            repo.write(f"models/big/{number}", some_bytes(10_000 + number))
        child = warm.start(repo, "apply", "--yes")
        restarting.wait_for_objects("restarted", 20)
        restarting.restart()
        run = child.wait()
        told_or_done(run)
        warm.run(repo, "apply", "--yes")
        assert published(remote) == {"big": ["0.0"]}


@needs_seaweed
@pytest.mark.slow
@pytest.mark.parametrize("comes_through", [10_000] if SHORT else [0, 10_000, 400_000])
def test_a_network_that_falls_silent(warm: Warm, tmp_path: Path, comes_through: int) -> None:
    """From the first byte on, among small requests, and in the middle of a file. It is given up in bounded time."""
    with SERVERS["s3"]() as place:
        remote = place(tmp_path)
        port = urlsplit(remote.environ["AWS_ENDPOINT_URL"]).port
        assert port
        with line_to(port) as line:
            repo = new_repo(tmp_path, replace(remote, environ={}))
            repo.extra.update({**remote.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}"})
            repo.write("models/big/large.bin", some_bytes(1 << 20))
            line.left = comes_through
            run = warm.run(repo, "apply", "--yes", code=1, impatient=True)
            told_or_done(run)
            line.left = None
            warm.run(repo, "apply", "--yes")
        assert published(remote) == {"big": ["0.0"]}
