"""Eight publishers at once: no version is lost, mixed or taken twice, and who loses is told by whom."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Repo, Run
from tests.e2e.remotes import Remote
from tests.faults.inspection import published
from tests.faults.warm import Warm

PROCESSES = 8


@pytest.fixture
def clones(repo: Repo, remote: Remote) -> list[Repo]:
    """Checkouts of a repo that has published its assets once."""
    repo.use(remote)
    repo.write(".gitignore", "models/\n")
    repo.commit()
    return [repo.clone(f"clone-{number}") for number in range(PROCESSES)]


def _publish_first(warm: Warm, repo: Repo, clones: list[Repo]) -> None:
    warm.run(repo, "apply", "--yes")
    for clone in clones:
        clone.write("assets.lock", repo.read("assets.lock"))


def _race(warm: Warm, repos: list[Repo], *args: str) -> list[Run]:
    children = [warm.start(repo, "apply", "--yes", *args) for repo in repos]
    return [child.wait() for child in children]


def _write(repo: Repo, text: str) -> None:
    repo.write("models/tokenizer/vocab.txt", text)
    repo.write("models/tokenizer/same.txt", "same in all")
    repo.write("models/sentiment.bin", b"model")


def _sorted_out(warm: Warm, repos: list[Repo], runs: list[Run]) -> int:
    """Check that losers are told why, and run them again; returns how many have won the race."""
    losers = [(repo, run) for repo, run in zip(repos, runs, strict=True) if run.code != 0]
    for _, run in losers:
        assert run.code == 3, run.err
        assert any(
            why in run.err
            for why in (
                "is being published by",
                "began to publish",
                "was published by someone else meanwhile",
                "was published meanwhile and is not here",
            )
        ), run.err
    for repo, _ in losers:
        warm.run(repo, "apply", "--yes", "--supersede", "nlp/tokenizer")
    return len(repos) - len(losers)


def test_changes_of_one_asset_become_one_version_each(
    warm: Warm, repo: Repo, clones: list[Repo], remote: Remote
) -> None:
    _publish_first(warm, repo, clones)
    for number, clone in enumerate(clones):
        _write(clone, f"{number}")
        clone.write("models/sentiment.bin", repo.root.joinpath("models/sentiment.bin").read_bytes())
    runs = _race(warm, clones)
    winners = sum(run.code == 0 for run in runs)
    assert winners == 1
    assert published(remote)["nlp/tokenizer"] == ["0.1", "0.0"]
    assert _sorted_out(warm, clones, runs) == 1
    assert published(remote)["nlp/tokenizer"] == [f"0.{minor}" for minor in range(PROCESSES, -1, -1)]


@pytest.mark.slow
def test_first_versions_of_one_asset(warm: Warm, clones: list[Repo], remote: Remote) -> None:
    for number, clone in enumerate(clones):
        _write(clone, f"{number}")
    runs = _race(warm, clones, "nlp/tokenizer")
    winners = sum(run.code == 0 for run in runs)
    assert winners >= 1
    # Who looked when there was a version already has followed on it, for nothing is locked that it could diverge from.
    assert len(published(remote)["nlp/tokenizer"]) == winners
    for clone, run in zip(clones, runs, strict=True):
        if run.code:
            assert run.code == 3, run.err
            warm.run(clone, "apply", "--yes", "nlp/tokenizer")
    assert published(remote)["nlp/tokenizer"] == [f"0.{minor}" for minor in range(PROCESSES - 1, -1, -1)]


def test_the_same_content_is_published_once_and_all_are_content(warm: Warm, clones: list[Repo], remote: Remote) -> None:
    for clone in clones:
        _write(clone, "the same in all")
    runs = _race(warm, clones)
    assert [run.code for run in runs] == [0] * PROCESSES, "\n".join(run.err for run in runs)
    assert published(remote) == {"nlp/sentiment": ["0.0"], "nlp/tokenizer": ["0.0"]}
    assert {clone.read("assets.lock") for clone in clones} == {clones[0].read("assets.lock")}


@pytest.mark.slow
def test_different_assets_do_not_hinder_each_other(warm: Warm, clones: list[Repo], remote: Remote) -> None:
    for number, clone in enumerate(clones):
        clone.write(f"models/own/{number}", f"{number}")
        clone.write("assets.yaml", f"store: {remote.url}\nassets:\n  many/of/asset-{number}: models/own\n")
    runs = _race(warm, clones)
    assert [run.code for run in runs] == [0] * PROCESSES, "\n".join(run.err for run in runs)
    assert published(remote) == {f"many/of/asset-{number}": ["0.0"] for number in range(PROCESSES)}


def test_one_checkout_has_one_writer(warm: Warm, clones: list[Repo], remote: Remote) -> None:
    repo = clones[0]
    _write(repo, "text")
    runs = _race(warm, [repo] * PROCESSES)
    assert 0 in {run.code for run in runs}
    for run in runs:
        if run.code:
            assert run.code == 3, run.err
            assert "another assetsync is at work" in run.err or "changed since the plan was made" in run.err
    assert published(remote) == {"nlp/sentiment": ["0.0"], "nlp/tokenizer": ["0.0"]}
    assert "Nothing to do" in warm.run(repo, "plan").out


@pytest.mark.slow
@pytest.mark.slow
def test_in_each_round_of_a_race_somebody_wins(warm: Warm, clones: list[Repo], remote: Remote) -> None:
    for number, clone in enumerate(clones):
        _write(clone, f"{number}")
    racing = clones
    while racing:
        runs = _race(warm, racing, "nlp/tokenizer", "--supersede", "nlp/tokenizer")
        assert {run.code for run in runs} <= {0, 3}
        losers = [repo for repo, run in zip(racing, runs, strict=True) if run.code]
        assert len(losers) < len(racing)
        racing = losers
    assert published(remote)["nlp/tokenizer"] == [f"0.{minor}" for minor in range(PROCESSES - 1, -1, -1)]
