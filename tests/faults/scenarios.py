"""The commands that are to survive anything, each with what it finds. A row of `SCENARIOS` is all that one needs."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.bench import AFTER, BEFORE
from tests.faults.warm import Warm
from tests.faults.world import World

# Content that no command is about, beside an asset.
PRECIOUS = {"notes.txt": b"written by hand"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command, and how it finds the world. `pulls`: it replaces files of the paths below `models/`.

    `may_stay`: how objects begin that the same command again need not clear away. `below`: the folder of the world
    whose changes count, with what is sent to servers.
    """

    args: tuple[str, ...]
    prepare: Callable[[Warm, World], None]
    pulls: bool = False
    may_stay: tuple[str, ...] = ()
    below: str = ""
    stores: tuple[str, ...] = ("directory", "s3")


def _published(warm: Warm, world: World) -> None:
    """Two assets, published and locked; all but them is committed."""
    manifest = f"store: {world.url}\nassets:\n  nlp/tok: models/tok\n  nlp/one: models/one.bin\n"
    world.repo.write("assets.yaml", manifest)
    world.write("models/tok", BEFORE)
    world.repo.write("models/one.bin", b"one")
    world.write("models/precious", PRECIOUS)
    warm.run(world.repo, "apply", "--yes")
    world.repo.commit()


def _changed(warm: Warm, world: World) -> None:
    """One asset has other content, and one is new."""
    _published(warm, world)
    world.write("models/tok", AFTER)
    world.repo.write("assets.yaml", world.repo.read("assets.yaml") + "  nlp/new: models/new\n")
    world.write("models/new", {"a": b"a", "b/c": b"c"})
    world.repo.commit("a new asset")


def _staged(warm: Warm, world: World) -> None:
    """The same, and something is staged that is no business of ours."""
    _changed(warm, world)
    world.repo.write("staged", "staged")
    world.repo.git("add", "staged")


def _missing(warm: Warm, world: World) -> None:
    """What is locked is not here, or was edited."""
    _published(warm, world)
    world.write("models/tok", {"same.txt": b"same", "vocab.txt": b"edited", "mine/new.txt": b"to be given up"})
    (world.repo.root / "models/one.bin").unlink()


def _outdated(warm: Warm, world: World) -> None:
    """Somebody has published newer versions of both assets."""
    _published(warm, world)
    lock = world.repo.read("assets.lock")
    world.write("models/tok", AFTER)
    world.repo.write("models/one.bin", b"two")
    warm.run(world.repo, "apply", "--yes")
    world.repo.write("assets.lock", lock)
    world.write("models/tok", BEFORE)
    world.repo.write("models/one.bin", b"one")


def _both_ways(warm: Warm, world: World) -> None:
    """One asset has other content, and one is missing."""
    _changed(warm, world)
    (world.repo.root / "models/one.bin").unlink()


def _ill(warm: Warm, world: World) -> None:
    """One index misses a version, the other names one that does not exist; a claim stayed; a publish died long ago."""
    _outdated(warm, world)
    world.objects.put("nlp/tok.versions", json.dumps({"versions": ["0.0"]}).encode())
    world.objects.put("nlp/one.versions", json.dumps({"versions": ["0.7", "0.1", "0.0"]}).encode())
    claim = {
        "format": 1,
        "id": "dead",
        "who": "ada@host",
        "when": "2026-01-01T00:00:00Z",
        "digest": "sha256:" + 64 * "0",
    }
    world.objects.put("nlp/tok/0.0.claim", json.dumps(claim).encode())
    if world.remote.kind == "directory":
        store = Path(world.remote.url)
        world.objects.put("nlp/tok/0.2.claim", json.dumps({**claim, "is_directory": True}).encode())
        (store / "nlp/tok/0.2").mkdir()
        world.objects.put("nlp/tok/0.2/half", b"half")
        old = time.time() - 3 * 86400
        for path in (store / "nlp/tok/0.2.claim", store / "nlp/tok/0.2/half"):
            os.utime(path, (old, old))


def _fresh(warm: Warm, world: World) -> None:
    """A clone that has nothing yet."""
    _published(warm, world)
    shutil.rmtree(world.repo.root / "models")
    shutil.rmtree(world.repo.root / ".assetsync")


def _pushed(warm: Warm, world: World) -> None:
    """The same as `_staged`, and a bare repo to push to, which is a machine of its own."""
    _staged(warm, world)
    world.repo.git("init", "-q", "--bare", str(world.origin))
    world.repo.git("remote", "add", "origin", str(world.origin))
    world.repo.git("push", "-q", "-u", "origin", "main")


def _elsewhere(warm: Warm, world: World, dev: str) -> None:
    """The store has one version; `dev` has a newer one, and another asset. Nothing is locked here."""
    stores = f"stores: {{dev: '{dev}', prod: '{world.url}'}}"
    entries = "assets:\n  nlp/tok: models/tok\n  nlp/one: models/one.bin\n"
    world.repo.write("assets.yaml", f"store: dev\n{stores}\n{entries}")
    world.write("models/tok", BEFORE)
    world.repo.write("models/one.bin", b"one")
    warm.run(world.repo, "apply", "--yes")
    warm.run(world.repo, "promote", "nlp/tok", "--to", "prod", "--yes")
    world.write("models/tok", AFTER)
    warm.run(world.repo, "apply", "--yes")
    (world.repo.root / "assets.lock").unlink()
    world.repo.commit()


def _in_a_directory(warm: Warm, world: World) -> None:
    _elsewhere(warm, world, "../dev")


def _on_the_same_server(warm: Warm, world: World) -> None:
    _elsewhere(warm, world, f"{world.remote.url}-dev")


def _aliased(warm: Warm, world: World) -> None:
    """An alias is at the older of two versions."""
    _outdated(warm, world)
    warm.run(world.repo, "alias", "nlp/tok", "production", "0.0")


def _yanked(warm: Warm, world: World) -> None:
    """The older of two versions is yanked."""
    _outdated(warm, world)
    warm.run(world.repo, "yank", "nlp/tok:0.0", "-m", "wrong", "--yes")


_PROMOTE = ("promote", "nlp/tok:0.1", "nlp/one:0.0", "--to", "prod", "--yes")

SCENARIOS = {
    "apply": Scenario(("apply", "--yes"), _changed),
    "apply --commit": Scenario(("apply", "--yes", "--commit"), _staged),
    "apply --commit --push": Scenario(("apply", "--yes", "--commit", "--push"), _pushed, below="repo"),
    "pull": Scenario(("pull", "--yes", "--discard-local", "nlp/tok"), _missing, pulls=True),
    "pull, fresh": Scenario(("pull",), _fresh, pulls=True),
    "upgrade": Scenario(("upgrade", "--yes"), _outdated, pulls=True),
    "sync": Scenario(("sync", "--yes"), _both_ways, pulls=True),
    # It clears what has been dead for a day, under a claim of its own, which is not that old yet.
    "doctor --repair": Scenario(("doctor", "--repair", "--yes"), _ill, may_stay=("nlp/tok/0.2",)),
    "promote": Scenario(_PROMOTE, _in_a_directory),
    "promote, on the server": Scenario(_PROMOTE, _on_the_same_server, stores=("s3",)),
    "alias": Scenario(("alias", "nlp/tok", "production", "0.1"), _aliased),
    "yank": Scenario(("yank", "nlp/tok:0.1", "--republish", "0.0", "-m", "wrong", "--yes"), _aliased),
    "yank --undo": Scenario(("yank", "nlp/tok:0.0", "--undo", "--yes"), _yanked),
}
