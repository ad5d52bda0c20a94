"""The policy of docs/ci/aws-immutable.json: assetsync works under it, and `doctor --immutability` proves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import BUCKET, Remote
from tests.e2e.test_modelkit import Modelkit
from tests.servers.modelkit import PausedPush, needs_modelkit
from tests.servers.policy import Policy
from tests.servers.s3 import Fault, S3Server
from tests.servers.s3_checks import Incoming

POLICY = Path(__file__).parents[2] / "docs/ci/aws-immutable.json"
ALL = ["overwrite data", "put without a condition", "copy over data", "abort an upload", "delete data"]


@pytest.fixture
def guarded(s3: Remote) -> Iterator[Remote]:
    """A store on the strict S3, under the policy."""
    assert isinstance(s3.server, S3Server)
    policy = Policy(POLICY, s3.url.removeprefix("s3://"))
    s3.server.faults.append(Fault("AccessDenied", times=1_000_000, applies=policy.denies))
    yield s3
    s3.server.faults.clear()


def proof(repo: Repo, code: int) -> dict[str, bool | None]:
    found = repo.run("doctor", "--immutability", "--format", "json", code=code).json()
    return {one["what"]: one["refused"] for one in found["attempts"]}


def test_without_a_policy_all_is_open(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    assert proof(repo, 1) == dict.fromkeys(ALL, False)
    shown = repo.run("doctor", "--immutability", code=1)
    assert "! overwrite data: open" in shown.out
    assert "- abort an upload: open  (it can harm unfinished uploads alone)" in shown.out
    assert "docs/howto/immutable.md" in shown.err
    # Deleting was open, so nothing is left; and no asset is seen there in any case.
    assert isinstance(s3.server, S3Server)
    prefix = s3.url.removeprefix(f"s3://{BUCKET}/")
    assert [key for key in s3.server.keys(BUCKET) if key.startswith(prefix)] == []


def test_the_policy_refuses_what_assetsync_never_does(repo: Repo, guarded: Remote) -> None:
    repo.use(guarded)
    for _ in range(2):  # the objects of the first proof serve for the second
        assert proof(repo, 0) == {**dict.fromkeys(ALL, True), "abort an upload": False}
    text = repo.run("doctor", "--immutability").out
    assert "✓ put without a condition: refused" in text
    assert "modelkit writes without conditions: it can't push" in text
    repo.run("apply", "--yes")
    assert {one["name"] for one in repo.run("list", "--format", "json").json()["assets"]} == {
        "nlp/tokenizer",
        "nlp/sentiment",
    }
    assert "assetsync-immutability" not in repo.run("doctor").out


def test_all_that_assetsync_does_goes_on_under_the_policy(repo: Repo, guarded: Remote) -> None:
    repo.use(guarded)
    repo.write("models/large.bin", b"\x00" * (17 * 1024 * 1024))  # in parts
    repo.write("assets.yaml", repo.read("assets.yaml") + "  large: models/large.bin\n")
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "more\n")  # the other file is copied by the store
    repo.run("apply", "--yes")
    repo.run("alias", "nlp/tokenizer", "production", "0.1")
    repo.run("alias", "nlp/tokenizer", "production", "0.0")
    repo.run("alias", "nlp/tokenizer", "production", "--rollback")
    repo.run("alias", "nlp/tokenizer", "production", "0.0")
    repo.run("yank", "nlp/tokenizer:0.1", "-m", "bad", "--republish", "0.0", "--yes")
    assert isinstance(guarded.server, S3Server)
    assert not [key for key in guarded.server.keys(BUCKET) if key.endswith(".claim")]
    doctor = repo.run("doctor").out
    assert "!" not in doctor


@pytest.mark.parametrize(
    ("key", "headers", "expected"),
    [
        ("a/1.0", {"if-none-match": "*"}, False),
        ("a/1.0", {"if-match": '"tag"'}, True),
        ("a/1.0", {}, True),
        ("a/1.0.meta", {"if-none-match": "*"}, False),
        ("a/1.0.meta", {"if-match": '"tag"'}, True),
        *[
            (key, headers, not headers)
            for key in ("a.versions", "a.marks", "a/1.0.claim", "assetsync-probe-1")
            for headers in ({"if-none-match": "*"}, {"if-match": '"tag"'}, {})
        ],
    ],
)
def test_data_is_created_and_what_may_change_is_compared(key: str, headers: dict[str, str], expected: bool) -> None:
    """An old claim, too: whoever goes on with it renews it."""
    policy = Policy(POLICY, "bucket/pre")
    assert policy.denies(Incoming("PUT", f"/bucket/pre/{key}", "", headers, b"")) == expected


@needs_modelkit[0]
@needs_modelkit[1]
def test_modelkit_can_not_push_and_fetches_as_before(repo: Repo, guarded: Remote, tmp_path: Path) -> None:
    repo.use(guarded)
    repo.run("apply", "--yes")
    modelkit = Modelkit(guarded, tmp_path / "assets")
    what = str(repo.write("other.bin", b"other"))
    how = {"HOW": "update", "WHAT": what, "NAME": "nlp/sentiment", "VERSION": "0.1"}
    with PausedPush({**modelkit.environ, **how}) as pushing:
        assert pushing.wait() is not None
        with pytest.raises(AssertionError, match="Access"):
            pushing.finish()
    assert modelkit.fetch("nlp/sentiment")["nlp/sentiment"].read_bytes() == b"\x00\x01model"


def test_a_directory_refuses_its_owner_nothing(repo: Repo) -> None:
    repo.run("apply", "--yes")
    assert proof(repo, 1) == {
        "overwrite data": False,
        "put without a condition": None,
        "copy over data": None,
        "delete data": False,
    }


def test_it_is_a_question_of_its_own(repo: Repo) -> None:
    assert "a question of its own" in repo.run("doctor", "nlp/*", "--immutability", code=64).err
