"""apply --commit --push in real checkouts, against a real bare remote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assetsync.errors import GitError
from assetsync.git.commit import Checkout
from assetsync.git.push import TRIES
from tests.e2e.harness import Repo

SENTIMENT = "models/sentiment.bin"
LOCK = "assets.lock"
SO_FAR = "published and committed as "


@pytest.fixture
def pushed(repo: Repo) -> Repo:
    """The repo, with all but its assets committed, and pushed to a bare remote beside it."""
    repo.write(".gitignore", "models/\n")
    repo.write("README", "one\n\n\n\ntwo\n")
    repo.commit("start")
    repo.git("clone", "-q", "--bare", str(repo.root), str(bare(repo)))
    repo.git("remote", "add", "origin", str(bare(repo)))
    repo.git("push", "-q", "-u", "origin", "main")
    return repo


def bare(repo: Repo) -> Path:
    return repo.root.parent / "origin.git"


def checkout(repo: Repo, name: str) -> Repo:
    """A second clone of the remote, with the same assets in it."""
    root = repo.root.parent / name
    repo.git("clone", "-q", str(bare(repo)), str(root))
    shutil.copytree(repo.root / "models", root / "models")
    return Repo(root, repo.environ)


def hook(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def changed_in(repo: Repo, commit: str = "HEAD") -> list[str]:
    return repo.git("diff-tree", "--no-commit-id", "--name-status", "-r", commit).split()


def remote_head(repo: Repo) -> str:
    return repo.git("-C", str(bare(repo)), "rev-parse", "main")


def test_looking_for_changes_does_not_write_the_index(pushed: Repo) -> None:
    """A git that is killed while it does leaves `index.lock`. A file with a new time is what tempts it."""
    index = (pushed.root / ".git/index").read_bytes()
    os.utime(pushed.root / "assets.yaml", (1, 1))
    paths = (str(pushed.root / "assets.yaml"), str(pushed.root / LOCK))
    opened = Checkout.open(*paths, environ=pushed.environ)
    assert not opened.is_dirty()
    assert (pushed.root / ".git/index").read_bytes() == index
    pushed.write("assets.yaml", pushed.read("assets.yaml") + "# more\n")
    assert opened.is_dirty()


def test_only_the_lock_is_committed_whatever_else_is_staged_or_changed(pushed: Repo) -> None:
    pushed.write("README", "one\nstaged\n")
    pushed.write("new", "staged too")
    pushed.git("add", "README", "new")
    pushed.write("README", "one\nstaged\nchanged\n")
    pushed.write("assets.yaml", pushed.read("assets.yaml") + "# changed\n")
    before = pushed.git("status", "--porcelain")
    run = pushed.run("apply", "--yes", "--commit")
    assert changed_in(pushed) == ["A", LOCK]
    assert pushed.git("status", "--porcelain") == before
    assert pushed.git("show", ":README") == "one\nstaged\n"
    assert "assets.yaml has changes that are not committed" in run.err
    assert pushed.git("log", "-1", "--format=%an %ae") == "Ada ada@example.com\n"
    assert pushed.git("log", "-1", "--format=%B").strip() == (
        "Publish nlp/sentiment 0.0, nlp/tokenizer 0.0\n\n- nlp/sentiment 0.0\n- nlp/tokenizer 0.0"
    )


def test_the_message_has_the_given_first_line_and_the_versions(pushed: Repo) -> None:
    pushed.run("apply", "--yes", "--commit")
    pushed.write(SENTIMENT, b"more")
    pushed.run("apply", "--yes", "--commit", "-m", "Retrained [skip ci]")
    assert pushed.git("log", "-1", "--format=%B").strip() == "Retrained [skip ci]\n\n- nlp/sentiment 0.0 -> 0.1"
    assert "`--commit`" in pushed.run("apply", "--yes", "-m", "x", code=64).err


def test_a_bump_commits_its_line_of_assets_yaml_and_no_other(pushed: Repo) -> None:
    declared = pushed.read("assets.yaml").replace(f"path: {SENTIMENT}", f'path: {SENTIMENT}\n    version: "1"  # why')
    pushed.write("assets.yaml", declared)
    pushed.run("apply", "--yes")
    pushed.commit("line 1")
    pushed.write("assets.yaml", declared + "# staged\n")
    pushed.git("add", "assets.yaml")
    pushed.write("assets.yaml", declared + "# staged\n# changed\n")
    pushed.run("apply", "--yes", "--commit", "--bump-major", "nlp/sentiment")
    bumped = declared.replace('"1"', '"2"')
    assert changed_in(pushed) == ["M", LOCK, "M", "assets.yaml"]
    assert pushed.git("show", "HEAD:assets.yaml") == bumped
    assert pushed.git("show", ":assets.yaml") == bumped + "# staged\n"
    assert pushed.read("assets.yaml") == bumped + "# staged\n# changed\n"


def test_a_project_in_a_folder_of_the_repo(pushed: Repo) -> None:
    root = pushed.root / "sub"
    root.mkdir()
    pushed.git("mv", "assets.yaml", "sub/assets.yaml")
    shutil.move(pushed.root / "models", root / "models")
    pushed.commit("moved")
    pushed.run("-C", "sub", "apply", "--yes", "--commit", "--push")
    assert changed_in(pushed) == ["A", "sub/assets.lock"]
    assert remote_head(pushed) == pushed.git("rev-parse", "HEAD")


def test_push_and_again_when_nothing_is_left_to_do(pushed: Repo) -> None:
    run = pushed.run("apply", "--yes", "--commit", "--push")
    assert "to `main` on `origin`" in run.err
    head = remote_head(pushed)
    assert head == pushed.git("rev-parse", "HEAD")
    again = pushed.run("apply", "--yes", "--commit", "--push")
    assert "Nothing to commit or push" in again.err
    assert remote_head(pushed) == head


def test_a_run_that_stopped_before_its_commit_or_push_is_finished_by_the_next(pushed: Repo) -> None:
    pushed.run("apply", "--yes")
    pushed.run("apply", "--yes", "--commit")
    assert changed_in(pushed) == ["A", LOCK]
    assert pushed.git("log", "-1", "--format=%s").startswith("Lock nlp/sentiment 0.0")
    pushed.run("apply", "--yes", "--push")
    assert remote_head(pushed) == pushed.git("rev-parse", "HEAD")


def test_commits_of_others_are_not_pushed_when_there_is_nothing_of_ours(pushed: Repo) -> None:
    pushed.run("apply", "--yes", "--commit", "--push")
    head = remote_head(pushed)
    pushed.write("README", "mine")
    pushed.commit("mine")
    pushed.run("apply", "--yes", "--push")
    assert remote_head(pushed) == head


def test_a_branch_that_moved_is_built_upon_and_followed(pushed: Repo) -> None:
    other = checkout(pushed, "other")
    other.write("README", "one\n\n\n\ntheirs\n")
    other.write("theirs", "new")
    other.write("assets.yaml", other.read("assets.yaml") + "# theirs\n")
    other.commit("theirs")
    other.git("push", "-q")
    pushed.write("staged", "mine")
    pushed.git("add", "staged")
    pushed.run("apply", "--yes", "--commit", "--push")
    assert remote_head(pushed) == pushed.git("rev-parse", "HEAD")
    assert pushed.git("log", "--format=%s").splitlines()[1:] == ["theirs", "start"]
    assert changed_in(pushed) == ["A", LOCK]
    assert pushed.git("status", "--porcelain") == "A  staged\n"
    assert pushed.read("theirs") == "new"


def test_where_changes_are_in_the_way_the_remote_has_it_and_the_branch_stays(pushed: Repo) -> None:
    other = checkout(pushed, "other")
    other.write("README", "theirs")
    other.commit("theirs")
    other.git("push", "-q")
    pushed.write("README", "mine, not committed")
    run = pushed.run("apply", "--yes", "--commit", "--push")
    assert "could not follow" in run.err
    assert pushed.read("README") == "mine, not committed"
    assert pushed.git("show", "origin/main:README") == "theirs"
    assert "sentiment" in pushed.git("show", "origin/main:assets.lock")
    pushed.git("checkout", "README")
    pushed.git("pull", "-q", "--rebase")
    assert pushed.git("rev-parse", "HEAD") == remote_head(pushed)


def test_locks_that_both_sides_changed_are_merged_by_asset(pushed: Repo) -> None:
    pushed.run("apply", "--yes", "--commit", "--push")
    other = checkout(pushed, "other")
    other.write("models/tokenizer/vocab.txt", "theirs")
    other.write("assets.yaml", other.read("assets.yaml") + "  z/new: models/sentiment.bin.2\n")
    other.write("models/sentiment.bin.2", "z")
    other.git("add", "assets.yaml")
    other.git("commit", "-q", "-m", "z")
    other.run("apply", "--yes", "--commit", "--push")
    pushed.write(SENTIMENT, b"ours")
    pushed.run("apply", "--yes", "--commit", "--push")
    lock = pushed.git("show", "origin/main:assets.lock")
    assert lock.count('version: "0.1"') == 2
    assert '"z/new"' in lock
    assert pushed.read(LOCK) == lock
    assert pushed.git("status", "--porcelain") == ""


def test_two_jobs_that_race_both_arrive(pushed: Repo) -> None:
    pushed.run("apply", "--yes", "--commit", "--push")
    other = checkout(pushed, "other")
    # Each push waits in the remote until both are there, so that one of them must find the branch moved.
    meet = pushed.root.parent / "meet"
    meet.mkdir()
    hook(
        bare(pushed) / "hooks",
        "pre-receive",
        f"touch {meet}/$$; n=0; while [ $(ls {meet} | wc -l) -lt 2 ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n+1)); done",
    )
    pushed.write(SENTIMENT, b"one")
    other.write("models/tokenizer/vocab.txt", "two")
    jobs = [repo.start("apply", "--yes", "--commit", "--push") for repo in (pushed, other)]
    for job in jobs:
        with job:
            _, err = job.communicate(timeout=300)
            assert job.returncode == 0, err
    assert pushed.git("-C", str(bare(pushed)), "show", "main:assets.lock").count('version: "0.1"') == 2
    assert pushed.git("-C", str(bare(pushed)), "rev-list", "--count", "main").strip() == "4"


@pytest.fixture
def own_git(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the repo's git, for this process."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "HOME"):
        monkeypatch.setenv(name, repo.environ[name])


def test_a_remote_that_always_moves_is_given_up_on(pushed: Repo, own_git: None) -> None:
    hook(bare(pushed) / "hooks", "pre-receive", 'echo "cannot lock ref" >&2; exit 1')
    pushed.run("apply", "--yes")
    checkout = opened(pushed)
    assert checkout.commit(subject=None, published=())
    tries: list[int] = []
    with pytest.raises(GitError, match=f"moved each of the {TRIES} times"):
        checkout.push(pause=tries.append)
    assert tries == list(range(1, TRIES))


def test_a_branch_with_other_commits_is_left_to_its_owner_when_the_remote_moved(pushed: Repo) -> None:
    other = checkout(pushed, "other")
    other.write("theirs", "x")
    other.commit("theirs")
    other.git("push", "-q")
    pushed.write("mine", "x")
    pushed.commit("mine")
    run = pushed.run("apply", "--yes", "--commit", "--push", code=4)
    assert SO_FAR in run.err
    assert "git pull --rebase" in run.err
    pushed.git("pull", "-q", "--rebase")
    pushed.run("apply", "--yes", "--push")
    assert remote_head(pushed) == pushed.git("rev-parse", "HEAD")


def test_a_protected_branch_is_said_with_the_servers_words(pushed: Repo) -> None:
    hook(bare(pushed) / "hooks", "pre-receive", 'echo "GH006: Protected branch update failed" >&2; exit 1')
    run = pushed.run("apply", "--yes", "--commit", "--push", code=4)
    assert SO_FAR in run.err
    assert "GH006: Protected branch update failed" in run.err
    assert "hint:" in run.err
    (bare(pushed) / "hooks/pre-receive").unlink()
    pushed.run("apply", "--yes", "--commit", "--push")
    assert remote_head(pushed) == pushed.git("rev-parse", "HEAD")


def test_a_pre_push_hook_runs_and_commit_hooks_do_not(pushed: Repo) -> None:
    hook(pushed.root / ".git/hooks", "pre-commit", "exit 1")
    hook(pushed.root / ".git/hooks", "pre-push", "exit 1")
    run = pushed.run("apply", "--yes", "--commit", "--push", code=4)
    assert "a pre-push hook refused" in run.err


def test_a_remote_out_of_reach_is_said_without_its_password(pushed: Repo) -> None:
    pushed.git("remote", "set-url", "origin", "http://bot:s3cret@127.0.0.1:9/x.git")
    run = pushed.run("apply", "--yes", "--commit", "--push", code=4)
    assert "git can't reach `origin`" in run.err
    assert "127.0.0.1:9/x.git" in run.err
    assert "s3cret" not in run.out + run.err


def test_a_shallow_clone_pushes_also_when_the_branch_moved(pushed: Repo) -> None:
    pushed.write("README", "two\n")
    pushed.commit("second")
    pushed.git("push", "-q")
    root = pushed.root.parent / "shallow"
    pushed.git("clone", "-q", "--depth", "1", f"file://{bare(pushed)}", str(root))
    shutil.copytree(pushed.root / "models", root / "models")
    pushed.write("README", "three\n")
    pushed.commit("third")
    pushed.git("push", "-q")
    Repo(root, pushed.environ).run("apply", "--yes", "--commit", "--push")
    log = pushed.git("-C", str(bare(pushed)), "log", "--format=%s", "main").splitlines()
    assert log == ["Publish nlp/sentiment 0.0, nlp/tokenizer 0.0", "third", "second", "start"]


def opened(repo: Repo, **environ: str) -> Checkout:
    return Checkout.open(str(repo.root / "assets.yaml"), str(repo.root / LOCK), environ=environ)


def test_a_detached_head_is_refused_before_anything_is_published(pushed: Repo) -> None:
    pushed.git("checkout", "-q", "--detach")
    run = pushed.run("apply", "--yes", "--commit", code=1, env={"GITLAB_CI": "true"})
    assert "HEAD is detached" in run.err
    assert 'hint: run `git checkout -B "$CI_COMMIT_BRANCH"`' in run.err
    assert not (pushed.root.parent / "store").exists()
    for variable, advice in (("GITHUB_ACTIONS", "actions/checkout"), ("JENKINS_URL", "$BRANCH_NAME"), ("X", "switch")):
        with pytest.raises(GitError) as caught:
            opened(pushed, **{variable: "x"})
        assert advice in str(caught.value.hint)


def _no_remote(repo: Repo) -> None:
    repo.git("remote", "remove", "origin")


def _no_identity(repo: Repo) -> None:
    Path(repo.environ["GIT_CONFIG_GLOBAL"]).write_text("[user]\n\tuseConfigOnly = true\n")


def _merge(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.write("README", "side")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.write("README2", "x")
    repo.commit("main")
    repo.git("merge", "-q", "--no-commit", "side")


def _no_repo(repo: Repo) -> None:
    shutil.rmtree(repo.root / ".git")


def _no_commit(repo: Repo) -> None:
    shutil.rmtree(repo.root / ".git")
    repo.git("init", "-q")
    repo.git("remote", "add", "origin", "x")


def _ignored(repo: Repo) -> None:
    repo.write(".gitignore", "assets.lock\n")


def _index_lock(repo: Repo) -> None:
    repo.write(".git/index.lock", "")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_remote, "no remote to push `main` to"),
        (_no_identity, "git does not know who commits"),
        (_merge, "a merge is in progress"),
        (_no_repo, "is not in a git checkout"),
        (_no_commit, "no commit yet"),
        (_ignored, "git ignores `assets.lock`"),
        (_index_lock, "index.lock"),
    ],
)
def test_what_would_be_in_the_way_is_known_at_the_start(
    pushed: Repo, own_git: None, spoil: Callable[[Repo], None], words: str
) -> None:
    opened(pushed).target()
    spoil(pushed)
    with pytest.raises(GitError, match=words) as caught:
        opened(pushed).target()
    assert caught.value.hint


def test_without_git_it_says_so(pushed: Repo) -> None:
    run = pushed.run("apply", "--yes", "--push", code=1, env={"PATH": str(pushed.root)})
    assert "git is not installed" in run.err
    assert not (pushed.root.parent / "store").exists()


def test_what_succeeded_is_committed_when_an_asset_failed(pushed: Repo) -> None:
    # A file where the versions of an asset should go.
    in_the_way = pushed.root.parent / "store/nlp/sentiment"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("")
    run = pushed.run("apply", "--yes", "--commit", code=4)
    assert "1 of 2 assets failed" in run.err
    assert pushed.git("log", "-1", "--format=%s") == "Publish nlp/tokenizer 0.0\n"


def test_sync_commits_too(pushed: Repo) -> None:
    pushed.run("sync", "--yes", "--commit")
    assert changed_in(pushed) == ["A", LOCK]


def test_signing_is_honoured(pushed: Repo) -> None:
    signer = pushed.root.parent / "signer"
    signer.write_text(
        '#!/bin/sh\ncat >/dev/null\necho "[GNUPG:] SIG_CREATED " >&2\necho "-----BEGIN PGP SIGNATURE-----"\n'
    )
    signer.chmod(0o755)
    pushed.git("config", "commit.gpgsign", "true")
    pushed.git("config", "gpg.program", str(signer))
    pushed.run("apply", "--yes", "--commit")
    assert "BEGIN PGP SIGNATURE" in pushed.git("cat-file", "commit", "HEAD")
