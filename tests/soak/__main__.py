"""A long life of three clones of one repo and their store: ``python -m tests.soak --rounds 1000 --seed 7``.

In each round one clone, or two, or all of them at once, do something that a day brings: edit, apply, sync, pull,
upgrade, commit and push, merge with git, lose files; some are killed in the middle. After each round, the store and the
clones are held against a model (`tests/soak/model.py`). In the end, all come to rest: no clone has anything left to do.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests.e2e.harness import Repo, Run
from tests.e2e.remotes import SERVERS, Remote
from tests.faults.shim import Mishap, Plan, library, missing
from tests.faults.warm import Child, Warm
from tests.faults.world import objects_of
from tests.soak.model import ASSETS, Model, Round, path_of

CLONES = 3
KILLED = -9


class Soak:
    """The clones, their store, and chance."""

    def __init__(self, warm: Warm, folder: Path, remote: Remote, seed: int) -> None:
        self._warm = warm
        self._folder = folder
        self._chance = random.Random(seed)
        self._edits = count()
        self._kills = missing() is None
        self.told: Counter[str] = Counter()
        self.model = Model(objects_of(remote))
        self.clones = self._cloned(remote)

    def _cloned(self, remote: Remote) -> list[Repo]:
        first = Repo.init(self._folder / "first", self._folder / "home")
        first.extra.update(remote.environ)
        assets = "".join(f"  {asset}: {path_of(asset)}\n" for asset in ASSETS)
        first.write("assets.yaml", f"store: {remote.url}\nassets:\n{assets}")
        first.write(".gitignore", "models/\n")
        first.write(".gitattributes", "assets.lock merge=binary\n")
        first.commit()
        first.git("clone", "-q", "--bare", str(first.root), str(self._folder / "origin.git"))
        clones = []
        for number in range(CLONES):
            first.git("clone", "-q", str(self._folder / "origin.git"), str(self._folder / f"clone-{number}"))
            clones.append(Repo(self._folder / f"clone-{number}", first.environ, dict(first.extra)))
        for asset in ASSETS:
            self._edit(clones[0], asset)
        self._warm.run(clones[0], "apply", "--yes", "--commit", "--push")
        self.model.look()
        return clones

    def round(self) -> None:
        """Something happens in some of the clones, side by side; then all is looked at. AssertionError."""
        busy = self._chance.sample(self.clones, self._chance.choice((1, 1, 1, 2, 3)))
        for clone in busy:
            self._live(clone)
        started = [self._begun(clone, alone=len(busy) == 1) for clone in busy]
        ended = [(done, child.wait(), plan) for done, child, plan in started]
        state = self.model.look()
        for done, run, plan in ended:
            killed = run.code == KILLED
            if plan is not None:
                plan.unlink()
            self.told[f"{done.args[0]} {'killed' if killed else run.code}"] += 1
            self.model.check(done, run, state, killed=killed)

    def _begun(self, clone: Repo, *, alone: bool) -> tuple[Round, Child, Path | None]:
        args, gives_up = self._command()
        before = self.model.contents(clone)
        plan = None
        environ = {}
        if self._kills and self._chance.random() < 0.25:
            plan = self._folder / f"plan-{clone.root.name}"
            environ = dict(Plan(plan, Mishap.KILL, self._chance.randrange(160)).environ)
        return Round(clone, args, before, gives_up, alone), self._warm.start(clone, *args, env=environ), plan

    def _live(self, clone: Repo) -> None:
        """What a user does between two commands."""
        for asset in ASSETS:
            luck = self._chance.random()
            if luck < 0.15:
                self._edit(clone, asset)
            elif luck < 0.18:
                shutil.rmtree(clone.root / path_of(asset), ignore_errors=True)
        if self._chance.random() < 0.25:
            self._merge(clone)

    def _edit(self, clone: Repo, asset: str) -> None:
        shutil.rmtree(clone.root / path_of(asset), ignore_errors=True)
        for name in self._chance.sample(("a", "b", "c/d", "c/e", "f"), self._chance.randint(1, 4)):
            clone.write(f"{path_of(asset)}/{name}", f"{asset} {next(self._edits)} {name}")

    def _command(self) -> tuple[tuple[str, ...], frozenset[str]]:
        """A command, and the assets whose content here it is told to give up."""
        some = self._chance.sample(ASSETS, self._chance.randint(1, len(ASSETS)))
        give_up = [word for asset in some for word in ("--discard-local", asset)]
        on_top = [word for asset in some for word in ("--supersede", asset)]
        args = self._chance.choice(
            (
                ("apply", "--yes"),
                ("apply", "--yes", *on_top),
                ("apply", "--yes", "--commit", "--push", *on_top),
                ("sync", "--yes", *on_top),
                ("sync", "--yes", *give_up),
                ("pull", "--yes"),
                ("pull", "--yes", *give_up),
                ("upgrade", "--yes"),
                ("upgrade", "--yes", *give_up),
                ("plan",),
                ("doctor", "--repair", "--yes"),
            )
        )
        return args, frozenset(some if "--discard-local" in args else ())

    def _merge(self, clone: Repo) -> None:
        """Commit the lock, merge what others have pushed, settle conflicts as the hint says, and push."""
        self._unlock(clone)
        clone.git("add", "-A")
        if clone.git("status", "--porcelain"):
            clone.git("commit", "-q", "-m", "lock")
        clone.git("fetch", "-q")
        try:
            clone.git("merge", "-q", "--no-edit", "origin/main")
        except AssertionError:
            self._warm.run(clone, "lock", "--resolve")
            clone.git("add", "assets.lock")
            clone.git("commit", "-q", "--no-edit")
        clone.git("push", "-q", "origin", "HEAD:main")

    def _unlock(self, clone: Repo) -> None:
        """A git that was killed with its caller leaves locks, as any git does."""
        for lock in (clone.root / ".git").rglob("*.lock"):
            lock.unlink()

    def rest(self) -> None:
        """Let everybody finish: then nobody has anything to do, and all have the same. AssertionError."""
        for clone in self.clones * 2:
            self._merge(clone)
            give_up = [word for asset in ASSETS for word in ("--discard-local", asset)]
            self._run(clone, "upgrade", "--yes", *give_up)
            self._run(clone, "sync", "--yes")
            self._merge(clone)
        for clone in self.clones:
            assert "Nothing to do" in self._run(clone, "plan").out
            assert self.model.contents(clone) == self.model.contents(self.clones[0])
        self.model.look()

    def _run(self, clone: Repo, *args: str) -> Run:
        return self._warm.run(clone, *args)


def soaked(warm: Warm, folder: Path, remote: Remote, *, rounds: int, seed: int) -> Soak:
    """The soak after so many rounds and the rest. AssertionError, with the round in its notes."""
    soak = Soak(warm, folder, remote, seed)
    for number in range(rounds):
        try:
            soak.round()
        except AssertionError as error:
            error.add_note(f"in round {number} of seed {seed}")
            raise
    soak.rest()
    return soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--store", choices=["directory", "s3"], default="directory")
    options = parser.parse_args()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="soak-", ignore_cleanup_errors=True)))
        place = held.enter_context(SERVERS[options.store]())
        warm = held.enter_context(Warm(None if missing() else library()))
        began = time.monotonic()
        soak = soaked(warm, folder, place(folder), rounds=options.rounds, seed=options.seed)
        seconds = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sys.stdout.write(f"{options.rounds} rounds, seed {options.seed}, {options.store}: {seconds:.0f} s\n")
    sys.stdout.write(f"{len(soak.model.published)} versions; {used.ru_maxrss >> 10} MiB at most\n")
    sys.stdout.write(", ".join(f"{what}: {number}" for what, number in sorted(soak.told.items())) + "\n")


if __name__ == "__main__":
    main()
