"""Many at once: ``python -m tests.soak.load`` publishes 1,000 assets, and lets 16 clones and 8 processes race."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.e2e.harness import Repo
from tests.e2e.remotes import SERVERS, Remote
from tests.faults.inspection import published
from tests.faults.warm import Warm

Place = Callable[[Path], Remote]


def _repo(folder: Path, remote: Remote, assets: int) -> Repo:
    """A checkout with so many assets, of one small file each, and nothing published."""
    repo = Repo.init(folder / "repo", folder / "home")
    names = "".join(f"  many/asset-{number}: models/{number}\n" for number in range(assets))
    repo.write("assets.yaml", f"store: {remote.url}\nassets:\n{names}")
    repo.write(".gitignore", "models/\n")
    for number in range(assets):
        repo.write(f"models/{number}/file", f"{number}")
    repo.extra.update(remote.environ)
    return repo


def many_assets(warm: Warm, folder: Path, place: Place, *, count: int) -> None:
    """One apply of `count` assets; each is one version then, and nothing is left to do."""
    remote = place(folder)
    repo = _repo(folder, remote, count)
    warm.run(repo, "apply", "--yes")
    assert published(remote) == {f"many/asset-{number}": ["0.0"] for number in range(count)}
    assert "Nothing to do" in warm.run(repo, "plan").out


def many_clones(warm: Warm, folder: Path, place: Place, *, count: int) -> Counter[int]:
    """`count` clones publish other content of one asset at once, and again until all have won; their exit codes.

    In each round at least one wins, and in the end all contents are there, each once.
    """
    remote = place(folder)
    repo = _repo(folder, remote, 1)
    warm.run(repo, "apply", "--yes")
    repo.commit()
    clones = [repo.clone(f"clone-{number}") for number in range(count)]
    for number, clone in enumerate(clones):
        clone.write("models/0/file", f"of clone {number}")
    codes: Counter[int] = Counter()
    racing = clones
    while racing:
        children = [warm.start(clone, "apply", "--yes", "--supersede", "many/asset-0") for clone in racing]
        runs = [child.wait() for child in children]
        codes.update(run.code for run in runs)
        assert {run.code for run in runs} <= {0, 3}, [run.err for run in runs]
        losers = [clone for clone, run in zip(racing, runs, strict=True) if run.code]
        assert len(losers) < len(racing), "nobody has won this round"
        racing = losers
    assert published(remote)["many/asset-0"] == [f"0.{minor}" for minor in range(count, -1, -1)]
    return codes


def many_processes(warm: Warm, folder: Path, place: Place, *, count: int) -> Counter[int]:
    """`count` applies in one checkout at once; the codes they ended with. One publishes, the others wait or say so."""
    remote = place(folder)
    repo = _repo(folder, remote, 10)
    children = [warm.start(repo, "apply", "--yes") for _ in range(count)]
    runs = [child.wait() for child in children]
    assert {run.code for run in runs} <= {0, 3}, [run.err for run in runs]
    assert any(run.code == 0 for run in runs)
    assert published(remote) == {f"many/asset-{number}": ["0.0"] for number in range(10)}
    assert "Nothing to do" in warm.run(repo, "plan").out
    return Counter(run.code for run in runs)


@contextmanager
def _told(what: str) -> Iterator[list[object]]:
    said: list[object] = []
    began = time.monotonic()
    yield said
    sys.stdout.write(f"{what}: {time.monotonic() - began:.1f} s {' '.join(map(str, said))}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.load", description=__doc__)
    parser.add_argument("--store", choices=["directory", "s3"], default="directory")
    options = parser.parse_args()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="load-", ignore_cleanup_errors=True)))
        place = held.enter_context(SERVERS[options.store]())
        warm = held.enter_context(Warm())
        with _told("1,000 assets in one apply, and looked at"):
            many_assets(warm, folder / "assets", place, count=1000)
        with _told("16 clones publish one asset, until all have won; exit codes") as said:
            said.append(dict(many_clones(warm, folder / "clones", place, count=16)))
        with _told("8 processes in one checkout; exit codes") as said:
            said.append(dict(many_processes(warm, folder / "processes", place, count=8)))


if __name__ == "__main__":
    main()
