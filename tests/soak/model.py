"""What must hold after each round: the store only grows, and nobody's content is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.e2e.harness import Repo, Run
from tests.faults.world import Files, Objects, State
from tests.unit.publishing import files_below

ASSETS = ("nlp/a", "nlp/b", "cv/c", "cv/d")
# What may end how: done, refused, in conflict, in part; killed.
CODES = frozenset({0, 1, 3, 4})


def path_of(asset: str) -> str:
    """Where an asset lies in every clone."""
    return f"models/{asset.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class Round:
    """What one clone did in a round, and how it was before. Not `alone`: others did something at the same time."""

    clone: Repo
    args: tuple[str, ...]
    before: Mapping[str, Files]
    gives_up: frozenset[str]
    alone: bool


@dataclass(slots=True)
class Model:
    """The store as it was seen last, and what is known of it since the beginning."""

    objects: Objects
    committed: Files = field(default_factory=dict)
    published: dict[str, Files] = field(default_factory=dict)

    def contents(self, clone: Repo) -> dict[str, Files]:
        """What each asset is in a clone; nothing for one that is not here."""
        return {asset: files_below(clone.root / path_of(asset)) for asset in ASSETS}

    def look(self) -> State:
        """Look at the store, and check that it has only grown. AssertionError."""
        state = State({}, self.objects.all(), (), ())
        state.check_whole()
        committed = state.committed()
        assert committed.items() >= self.committed.items(), "a published version was altered, or is gone"
        self.committed = committed
        self.published = {version: _files(state, version) for version in state.versions()}
        return state

    def check(self, done: Round, run: Run, state: State, *, killed: bool) -> None:
        """Hold a run against what it may do. AssertionError."""
        if not killed:
            assert run.code in CODES, f"exit {run.code}: {run.err}"
            assert "Traceback" not in run.err, run.err
            assert "unexpected" not in run.err, run.err
        after = self.contents(done.clone)
        here = State(files_below(done.clone.root), state.objects, (), ())
        here.check_whole()
        for asset in ASSETS:
            self._check_kept(done, asset, after[asset], killed=killed)
        if run.code == 0 and not killed:
            self._check_done(done, here, after)

    def _check_kept(self, done: Round, asset: str, after: Files, *, killed: bool) -> None:
        """Content that is gone here is in the store, or was given up.

        A killed pull may leave a mixture of both, and folders that are empty until it is run again.
        """
        before = done.before[asset]
        if before == after or asset in done.gives_up:
            return
        stored = {(path, data) for files in self._versions(asset) for path, data in files.items()}
        lost = _without_empty_folders(before).items() - after.items() - stored
        assert not lost, f"{asset}: {lost} was lost by {done.args}"
        strange = (_without_empty_folders(after) if killed else after).items() - before.items() - stored
        assert not strange, f"{asset}: {strange} came from nowhere, with {done.args}"

    def _versions(self, asset: str) -> list[Files]:
        prefix = f"{asset}/"
        return [files for version, files in self.published.items() if version.startswith(prefix)]

    def _check_done(self, done: Round, here: State, after: Mapping[str, Files]) -> None:
        """A command that succeeded has done what it is for."""
        command = done.args[0]
        locked = here.locked()
        for asset in ASSETS:
            if asset not in locked:
                continue
            of_lock = self.published[f"{asset}/{locked[asset].version}"]
            if command in ("sync", "pull"):
                assert after[asset] == of_lock, f"{asset} is not what is locked, after {done.args}"
            elif command == "apply":
                assert after[asset] == done.before[asset], f"{asset}: apply changed what is here"
            elif command == "upgrade" and done.alone:
                # It may be newer: who died between `.meta` and the index has published all the same.
                listed = here.indexes()[f"{asset}.versions"]
                newest = max(map(_number, listed))
                assert _number(locked[asset].version) >= newest, f"{asset} is not at the newest version"
                assert after[asset] in (of_lock, done.before[asset])


def _without_empty_folders(files: Files) -> Files:
    return {path: data for path, data in files.items() if not path.endswith("/")}


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _files(state: State, version: str) -> Files:
    paths = state.meta(version)["contents"]
    return {path: state.objects[f"{version}/{path}"] for path in paths}
