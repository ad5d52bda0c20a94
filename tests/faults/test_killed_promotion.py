"""A promotion that is killed at any request: running the same command again ends as if nothing had happened.

At each system call it is by `test_any_step.py`.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.contract.harness import Fault, some_bytes
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.faults.bench import Killer
from tests.faults.inspection import published
from tests.faults.tap import tapped
from tests.faults.warm import SMALL_PART, Warm

pytestmark = pytest.mark.slow

# In the gate's short form, every so many of the steps.
EVERY = 5 if os.environ.get("ASSETSYNC_TEST_SHORT") else 1
Place = Callable[[Path], Remote]
KILLED = -signal.SIGKILL
FILES = {"vocab.txt": b"a\nb\n", "new/file.txt": b"new", "large.bin": some_bytes(2 * SMALL_PART + 1)}


def new_repo(warm: Warm, folder: Path, dev: str, prod: Remote) -> Repo:
    """A repo whose asset `nlp/tok` is in `dev`."""
    repo = Repo.init(folder / "repo", folder / "home")
    repo.extra.update(prod.environ)
    repo.write(
        "assets.yaml", f"store: dev\nstores: {{dev: '{dev}', prod: '{prod.url}'}}\nassets:\n  nlp/tok: models/tok\n"
    )
    for name, data in FILES.items():
        repo.write(f"models/tok/{name}", data)
    warm.run(repo, "apply", "--yes", small_parts=True)
    return repo


def no_traces(repo: Repo) -> None:
    """Nothing is left here of what was under way."""
    for folder in ("journal", "incoming"):
        found = [*(repo.root / ".assetsync" / folder).rglob("*")]
        assert not [path for path in found if path.is_file() and path.suffix != ".lock"], found


@pytest.mark.parametrize("how", [Fault.CUT, Fault.LOST_REPLY], ids=["before", "after"])
def test_a_promotion_from_a_directory_to_a_server(warm: Warm, over_http: Place, tmp_path: Path, how: Fault) -> None:
    killed = 0
    for number in count(step=EVERY):
        prod = over_http(tmp_path)
        repo = new_repo(warm, tmp_path / str(number), "../dev", prod)
        killer = Killer(number, how)
        with tapped(prod, killer.look):
            child = warm.start(repo, "promote", "--to", "prod", "--yes", small_parts=True)
            killer.kills(child)
            died = child.wait()
        assert died.code in (0, KILLED), died.err
        warm.run(repo, "promote", "--to", "prod", "--yes", small_parts=True)
        assert published(prod) == {"nlp/tok": ["0.0"]}
        no_traces(repo)
        shutil.rmtree(repo.root.parent)
        if died.code == 0:
            break
        killed += 1
    assert killed >= 12 // EVERY
