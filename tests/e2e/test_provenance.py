"""Where a version comes from is in its `.meta`; secrets are nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assetsync import __version__
from assetsync.cli.failure import report
from assetsync.errors import StoreError
from assetsync.git.provenance import provenance
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote

SECRET = "ghp_topsecrettopsecret1"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": f"https://x-access-token:{SECRET}@github.com",
    "GITHUB_REPOSITORY": "org/repo",
    "GITHUB_RUN_ID": "42",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_REF_NAME": "release",
    "GITHUB_TOKEN": SECRET,
}


def published(repo: Repo, asset: str = "nlp/sentiment", version: str = "0.0") -> Mapping[str, Any]:
    meta = json.loads((repo.root.parent / "store" / asset / f"{version}.meta").read_text())
    found: dict[str, Any] = meta["assetsync"]["provenance"]
    return found


def known(repo: Repo, environ: Mapping[str, str] | None = None, folder: str = "") -> Any:
    return provenance(str(repo.root / folder), environ or {}, tool="test")


@pytest.fixture
def committed(repo: Repo) -> Repo:
    repo.write(".gitignore", "/models\n")
    repo.commit()
    return repo


def test_each_version_tells_where_it_comes_from(committed: Repo) -> None:
    committed.git("remote", "add", "origin", f"https://user:{SECRET}@github.com/org/repo.git?token={SECRET}")
    why = f"retrained, see https://user:{SECRET}@wiki.example.com/x"
    committed.run("apply", "--yes", "--message", why, env=GITHUB)
    assert published(committed) == {
        "tool": f"assetsync {__version__}",
        "commit": committed.git("rev-parse", "HEAD").strip(),
        "branch": "main",
        "dirty": False,
        "repository": "https://github.com/org/repo.git",
        "author": "Ada",
        "run_url": "https://github.com/org/repo/actions/runs/42",
        "message": "retrained, see https://wiki.example.com/x",
    }


def test_who_publishes_is_who_works_here_and_in_ci_who_made_the_commit(committed: Repo) -> None:
    committed.git("config", "user.name", "Ben")
    assert known(committed).author == "Ben"
    assert known(committed, {"GIT_AUTHOR_NAME": "Eve"}).author == "Eve"
    assert known(committed, GITHUB).author == "Ada"
    committed.run("apply", "--yes")
    assert published(committed)["author"] == "Ben"
    committed.run("alias", "nlp/sentiment", "production", "0.0")
    (move,) = committed.run("alias", "nlp/sentiment", "--format", "json").json()["aliases"]["production"]["moves"]
    assert move["who"] == "Ben"


def test_without_git_or_commits_the_rest_is_told(repo: Repo, tmp_path: Path) -> None:
    assert known(repo).commit is None
    assert known(repo, GITHUB).branch == "release"
    repo.run("apply", "--yes", "--message", "why", env={"PATH": str(tmp_path)})
    assert published(repo) == {"tool": f"assetsync {__version__}", "message": "why"}


def test_a_checkout_without_a_branch_is_told_its_branch_by_ci(committed: Repo) -> None:
    committed.git("checkout", "-q", "--detach")
    assert known(committed).branch is None
    assert known(committed, GITHUB).branch == "release"


def test_dirty_means_tracked_files_other_than_the_lock(committed: Repo) -> None:
    committed.write("assets.lock", "x")
    committed.write("untracked.txt", "x")
    committed.git("add", "assets.lock")
    assert known(committed).dirty is False
    committed.write("assets.yaml", committed.read("assets.yaml") + "# changed\n")
    assert known(committed).dirty is True
    assert known(committed, folder="models").dirty is True


def test_the_repository_is_the_remote_that_the_branch_follows(committed: Repo) -> None:
    assert known(committed).repository is None
    committed.git("remote", "add", "fork", "git@github.com:ada/fork.git")
    assert known(committed).repository == "github.com:ada/fork.git"
    committed.git("remote", "add", "origin", "ssh://git@github.com/org/repo")
    assert known(committed).repository == "ssh://github.com/org/repo"
    committed.git("config", "branch.main.remote", "fork")
    assert known(committed).repository == "github.com:ada/fork.git"
    committed.git("config", f"url.https://{SECRET}@github.com/.insteadOf", "git@github.com:")
    assert known(committed).repository == "github.com:ada/fork.git"
    committed.git("remote", "set-url", "fork", "/srv/git/private.git")
    assert known(committed).repository is None


def test_worktrees_and_submodules_are_told_apart(committed: Repo, tmp_path: Path) -> None:
    committed.git("worktree", "add", "-q", "-b", "side", "../linked")
    assert known(Repo(committed.root.parent / "linked", committed.environ)).branch == "side"
    outer = Repo.init(tmp_path / "outer", tmp_path / "home")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(committed.root), "sub")
    assert known(outer, folder="sub").commit == committed.git("rev-parse", "HEAD").strip()
    assert known(outer).commit is None


def test_git_is_not_asked_when_nothing_is_published(committed: Repo, tmp_path: Path) -> None:
    committed.call("apply", "--yes", "-q")
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\nexit 1\n")
    shim.chmod(0o755)
    committed.write("assets.yaml", "store: ../store\nassets:\n  nlp/tokenizer: models/tokenizer\n")
    committed.run("apply", "--yes", env={"PATH": f"{shim.parent}:{os.environ['PATH']}"})
    assert "sentiment" not in committed.read("assets.lock")
    assert not (tmp_path / "asked").exists()


# --- secrets


def everything_below(folder: Path) -> str:
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return "".join(path.read_bytes().decode("latin-1") for path in files)


def test_no_secret_gets_into_metas_plans_locks_state_or_output(committed: Repo, tmp_path: Path) -> None:
    committed.git("remote", "add", "origin", f"https://user:{SECRET}@github.com/org/repo.git")
    said = []
    secrets = GITHUB | {"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET}
    for args in (
        ("plan", "-v", "-o", str(tmp_path / "saved.json")),
        ("plan", "--format", "json"),
        ("plan", "--format", "markdown"),
        ("apply", "-v", "--plan", str(tmp_path / "saved.json")),
        ("check", "--staged", "--content", "--remote"),
        ("list", "--format", "json"),
        ("plan", "nowhere"),
    ):
        done = committed.run(*args, code=None, env=secrets)
        said += [done.out, done.err]
    store = everything_below(tmp_path / "store")
    assert "github.com/org/repo" in store
    for text in ("".join(said), store, everything_below(committed.root), (tmp_path / "saved.json").read_text()):
        assert "topsecret" not in text


def test_no_secret_gets_into_what_is_said_of_a_store_that_refuses(committed: Repo, s3: Remote, tmp_path: Path) -> None:
    committed.use(s3)
    wrong = {"AWS_ACCESS_KEY_ID": "AKIAWRONG", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET}
    unreachable = wrong | {"S3_ENDPOINT": f"http://user:{SECRET}@127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    said = [committed.run("apply", "--yes", "-v", code=None, env=env) for env in (wrong, unreachable)]
    text = "".join(run.out + run.err for run in said)
    assert "error:" in text
    assert "topsecret" not in text + everything_below(committed.root)


def test_no_secret_gets_into_messages_and_logs_of_errors(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = f"https://user:{SECRET}@host/x?sig={SECRET}"
    report(StoreError(f"can't reach {url}", hint=f"try {url}"))
    report(ValueError(url))
    assert "topsecret" not in capsys.readouterr().err
    assert "ValueError: https://host/x?sig=" in everything_below(tmp_path)
    assert "topsecret" not in everything_below(tmp_path)
