"""modelkit and assetsync publish into one store at the same time: modelkit is paused at each of its writes.

What modelkit overwrites, nothing of ours can keep; what must hold is that assetsync never loses or alters what modelkit
wrote, that it tells of each version of ours that modelkit replaced, and that doctor puts back each lost index entry.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import STORES as KINDS
from tests.e2e.remotes import Remote
from tests.e2e.test_modelkit import Modelkit, contents
from tests.servers.modelkit import PausedPush, needs_modelkit
from tests.unit.publishing import files_below

# In the gate's short form, one service stands for all.
SHORT = bool(os.environ.get("ASSETSYNC_TEST_SHORT"))
STORES = [
    kind if kind == "directory" else pytest.param(kind, marks=pytest.mark.slow)
    for kind in KINDS
    if not SHORT or kind in ("directory", "s3")
]
pytestmark = [*needs_modelkit, pytest.mark.parametrize("serving", STORES, indirect=True)]

TOKENIZER, SENTIMENT = "nlp/tokenizer", "nlp/sentiment"


@pytest.fixture
def shared(remote: Remote, repo: Repo) -> Remote:
    """A store in which both assets have a version 0.0, locked here; and what is to be published next is here."""
    if remote.kind == "directory":
        os.makedirs(remote.url)
    repo.use(remote)
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "ours\n")
    repo.write("models/sentiment.bin", b"ours")
    return remote


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """What modelkit pushes."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/a.txt").write_text("their a")
    (tmp_path / "theirs/vocab.txt").write_text("theirs\n")
    return tmp_path / "theirs"


def push(modelkit: Modelkit, path: Path, name: str) -> PausedPush:
    return PausedPush({**modelkit.environ, "HOW": "update", "WHAT": str(path), "NAME": name, "VERSION": "0.1"})


def paused_before(push: PausedPush, write: int) -> str:
    key = push.wait()
    for _ in range(write):
        push.go_on()
        key = push.wait()
    assert key is not None
    return key


@pytest.mark.parametrize(
    ("write", "what", "to"),
    [(0, "0.1/a.txt", "0.1"), (1, "0.1/vocab.txt", "0.2"), (2, "0.1.meta", "0.2"), (3, "tokenizer.versions", "0.2")],
)
def test_a_directory(repo: Repo, shared: Remote, theirs: Path, tmp_path: Path, write: int, what: str, to: str) -> None:
    modelkit = Modelkit(shared, tmp_path / "assets")
    with push(modelkit, theirs, TOKENIZER) as pushing:
        assert paused_before(pushing, write).endswith(what)
        if write == 3:  # committed, and not listed: what was published meanwhile is told
            assert "was published meanwhile" in repo.run("plan", TOKENIZER, code=3).out
            repo.run("apply", "--yes", TOKENIZER, "--supersede", TOKENIZER)
        else:
            repo.run("apply", "--yes", TOKENIZER)
        assert f'version: "{to}"' in repo.read("assets.lock")
        pushing.finish()

    got = modelkit.fetch(f"{TOKENIZER}:0.1")[f"{TOKENIZER}:0.1"]
    assert contents(got).items() >= contents(theirs).items()  # what modelkit wrote, nothing of ours has touched
    if write == 0:
        _replaced_and_told(repo, TOKENIZER)
    else:
        _kept_and_put_back(repo, modelkit, TOKENIZER)


@pytest.mark.parametrize(("write", "what", "to"), [(0, "0.1", "0.1"), (1, "0.1.meta", "0.2"), (2, ".versions", "0.2")])
def test_a_file(repo: Repo, shared: Remote, theirs: Path, tmp_path: Path, write: int, what: str, to: str) -> None:
    modelkit = Modelkit(shared, tmp_path / "assets")
    with push(modelkit, theirs / "a.txt", SENTIMENT) as pushing:
        assert paused_before(pushing, write).endswith(what)
        force = ["--supersede", SENTIMENT] if write == 2 else []
        repo.run("apply", "--yes", SENTIMENT, *force)
        assert f'version: "{to}"' in repo.read("assets.lock")
        pushing.finish()
    assert modelkit.fetch(f"{SENTIMENT}:0.1")[f"{SENTIMENT}:0.1"].read_text() == "their a"
    if write == 0:
        _replaced_and_told(repo, SENTIMENT)
    else:
        _kept_and_put_back(repo, modelkit, SENTIMENT)


def _replaced_and_told(repo: Repo, name: str) -> None:
    """Our version 0.1 is modelkit's now: every look at the store says so, and nothing is pulled over what is here."""
    plan = repo.run("plan", name, "--format", "json", code=1).json()
    assert [problem["code"] for problem in plan["problems"]] == ["lost"]
    assert name in repo.run("check", "--remote", code=2).out
    repo.run("sync", name, "--yes", code=1)
    before = files_below(repo.root / "models")
    repo.run("pull", name, "--yes")  # which asks no store, as what is here is what the lock says
    assert files_below(repo.root / "models") == before
    # The way out that the hint names: what is here is published once more, under a number of its own.
    lock = repo.read("assets.lock").split("\n")
    begin = lock.index(f'  "{name}":')
    repo.write("assets.lock", "\n".join(lock[:begin] + lock[lock.index("    # end", begin) + 1 :]))
    repo.run("apply", "--yes", name)
    assert 'version: "0.2"' in repo.read("assets.lock")
    repo.run("check", "--remote")


def _kept_and_put_back(repo: Repo, modelkit: Modelkit, name: str) -> None:
    """Our version 0.2 is whole, but modelkit has written `.versions` without it."""
    assert versions(repo, name) == ["0.1", "0.0"]
    assert "`assetsync doctor --repair`" in repo.run("plan", name, "-v").out
    repo.run("check", "--remote")  # the lock is right all the same
    repo.run("doctor", "--repair", "--yes", code=None)
    assert versions(repo, name) == ["0.2", "0.1", "0.0"]
    repo.run("verify", f"{name}:0.2", "--deep")
    assert modelkit.fetch(name)[name].name == "0.2"


def versions(repo: Repo, name: str) -> list[str]:
    (asset,) = repo.run("list", name, "--format", "json").json()["assets"]
    found: list[str] = asset["versions"]
    return found
