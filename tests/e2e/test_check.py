"""check in all its forms, in real repos: from the working tree, from git's index, content, and the store."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from assetsync.errors import GitError, InvalidError, ManifestError, NoFileError, UsageError
from assetsync.lock.text import parse_lock, render_lock
from assetsync.model.lock import Lock
from assetsync.project.check import Inspection, inspect
from assetsync.project.project import Project
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote


@pytest.fixture
def locked(repo: Repo) -> Repo:
    """A repo with two published assets, all of it committed but the assets."""
    repo.write(".gitignore", "/models\n")
    publish(repo)
    repo.commit()
    return repo


def publish(repo: Repo) -> None:
    """`assetsync apply`, without a process of its own."""
    with Project.load(str(repo.root), environ={}) as project:
        project.apply(project.plan())


@pytest.fixture
def _no_git_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)


def look(
    repo: Repo,
    *,
    staged: bool = False,
    content: bool = False,
    remote: bool = False,
    folder: str = "",
    environ: Mapping[str, str] | None = None,
) -> Inspection:
    place = str(repo.root / folder)
    return inspect(place, staged=staged, content=content, remote=remote, environ=environ or {})


def codes(inspection: Inspection) -> list[tuple[str, str]]:
    return [(one.asset, one.code) for one in inspection.findings]


def edit(repo: Repo, path: str, old: str, new: str) -> None:
    text = repo.read(path)
    assert old in text
    repo.write(path, text.replace(old, new))


# --- the command


def test_a_lock_that_is_wrong_as_a_whole_is_not_told_line_by_line(locked: Repo) -> None:
    names = [f"a{number}" for number in range(1005)]
    locked.write("assets.yaml", "store: ../store\nassets:\n" + "".join(f"  {name}: m/{name}\n" for name in names))
    locked.write("assets.lock", render_lock(Lock("../store", "major_minor", {})))
    found = look(locked).findings
    assert [one.asset for one in found[:-1]] == names[:1000]
    assert (found[-1].code, found[-1].message) == ("more", "5 more findings")
    assert locked.run("check", code=2).out.endswith("5 more findings; mend these, and check again\n")


def test_a_right_lock_passes_and_a_wrong_one_is_told_in_one_line_per_finding(locked: Repo) -> None:
    assert "2 assets" in locked.run("check").err
    edit(locked, "assets.yaml", "  nlp/sentiment:", "  nlp/new: models/new.bin\n\n  nlp/sentiment:")
    edit(locked, "assets.yaml", "models/sentiment.bin", 'models/sentiment.bin\n    version: "1"')
    found = locked.run("check", code=2)
    assert found.out == (
        "assets.yaml:6: nlp/new: not in `assets.lock`; run `assetsync apply nlp/new`\n"
        'assets.yaml:8: nlp/sentiment: locked at `0.0`, but `assets.yaml` says `version: "1"`; '
        "run `assetsync apply nlp/sentiment`\n"
    )


def test_findings_as_annotations_and_as_json(locked: Repo) -> None:
    edit(locked, "assets.yaml", "nlp/tokenizer: models/tokenizer", "nlp/tokenizer: models/moved")
    github = locked.run("check", "--format", "github", code=2)
    assert github.out.startswith("::error file=assets.yaml,line=4,col=1,title=assetsync::nlp/tokenizer: locked with")
    document = locked.run("check", "--format", "json", code=2).json()
    assert (document["format_version"], document["ok"]) == (1, False)
    assert [(one["asset"], one["code"]) for one in document["findings"]] == [("nlp/tokenizer", "other_path")]
    locked.write("assets.yaml", "store: ../store\nasets: {}\n")
    broken = locked.run("check", "--format", "github", code=1)
    assert broken.out.startswith("::error file=assets.yaml,line=2,col=1,title=assetsync::unknown key")


def test_no_setting_weakens_the_check(locked: Repo) -> None:
    edit(locked, "assets.yaml", "store: ../store", "store: ../elsewhere")
    settings = {
        "ASSETSYNC_STORE": "../store",
        "ASSETSYNC_VERSIONING": "simple_date",
        "MODELKIT_STORAGE_PROVIDER": "local",
        "MODELKIT_STORAGE_BUCKET": "../store",
        "MODELKIT_ASSETS_VERSIONING_SYSTEM": "simple_date",
        "CI": "true",
    }
    assert "belongs to the store `../store`" in locked.run("check", code=2, env=settings).out
    assert "--store" in locked.run("check", "--store", "../store", code=64).err


def test_wrong_calls_are_told(locked: Repo, tmp_path: Path) -> None:
    assert "did you mean `nlp/sentiment`" in locked.run("check", "nlp/sentimnet", code=64).err
    assert "init" in locked.run("check", "-C", str(tmp_path), code=1).err
    assert "did you mean" in locked.run("check", "--stagd", code=64).err.lower()
    outside = locked.run("check", "--staged", "-C", str(tmp_path), code=1)
    assert "no git checkout" in outside.err


def test_without_git_everything_but_staged_works(locked: Repo, tmp_path: Path) -> None:
    no_git = {"PATH": str(tmp_path)}
    locked.run("check", "--content", env=no_git)
    assert "git is not installed" in locked.run("check", "--staged", code=1, env=no_git).err
    locked.write("models/sentiment.bin", b"new")
    locked.run("apply", "--yes", env=no_git)
    assert 'version: "0.1"' in locked.read("assets.lock")


def test_the_store_must_have_what_is_locked(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    repo.run("apply", "--yes")
    repo.run("check", "--remote")
    lock = parse_lock(repo.read("assets.lock"))
    gone = replace(lock.assets["nlp/sentiment"], version="0.5")
    repo.write("assets.lock", render_lock(replace(lock, assets={**lock.assets, "nlp/sentiment": gone})))
    missing = repo.run("check", "--remote", code=2, env={"ASSETSYNC_STORE": "../empty"})
    assert "assets.lock:6: nlp/sentiment: the store has no `nlp/sentiment:0.5`" in missing.out


# --- the working tree, content and the store


def test_content_that_is_here_must_be_what_the_lock_says(locked: Repo) -> None:
    assert codes(look(locked, content=True)) == []
    locked.write("models/sentiment.bin", b"other")
    shutil.rmtree(locked.root / "models/tokenizer")
    assert codes(look(locked, content=True)) == [("nlp/sentiment", "modified")]
    assert codes(look(locked)) == []


def test_the_store_is_asked_and_not_what_is_remembered_of_it(locked: Repo) -> None:
    publish(locked)
    store = locked.root.parent / "store"
    (store / "nlp/sentiment/0.0.meta").unlink()
    (store / "nlp/tokenizer/0.0.meta").write_text("{")
    assert codes(look(locked, remote=True)) == [("nlp/tokenizer", "lost"), ("nlp/sentiment", "lost")]


def test_a_manifest_that_leaves_store_and_versioning_to_variables_can_be_checked(locked: Repo) -> None:
    edit(locked, "assets.yaml", "store: ../store\n", "")
    edit(locked, "assets.lock", "../store", "s3://bucket/p")
    assert codes(look(locked, environ={"ASSETSYNC_STORE": "s3://other/p"})) == []


@pytest.mark.parametrize("folder", ["models", ""])
def test_nothing_is_written_by_an_offline_check(locked: Repo, folder: str) -> None:
    shutil.rmtree(locked.root / ".assetsync")
    assert look(locked, folder=folder).assets == 2
    assert not (locked.root / ".assetsync").exists()


# --- git's index


@pytest.mark.usefixtures("_no_git_variables")
class TestStaged:
    def test_what_is_not_staged_does_not_count(self, locked: Repo) -> None:
        edit(locked, "assets.yaml", "  nlp/sentiment:", "  nlp/new: models/new.bin\n\n  nlp/sentiment:")
        locked.write("assets.lock", "garbage")
        assert codes(look(locked, staged=True)) == []
        locked.git("add", "assets.yaml")
        assert codes(look(locked, staged=True)) == [("nlp/new", "not_locked")]

    def test_a_lock_that_was_only_forgotten_is_mended_by_git_add(self, repo: Repo) -> None:
        publish(repo)
        repo.git("add", "assets.yaml")
        (finding,) = look(repo, staged=True).findings
        assert (finding.code, "git add" in finding.fix, "assets.lock" in finding.fix) == ("no_lock", True, True)
        repo.write(".gitignore", "*.lock\n")
        (repo.root / "assets.lock").unlink()
        (finding,) = look(repo, staged=True).findings
        assert "!assets.lock" in finding.fix

    def test_a_manifest_that_was_only_forgotten_is_mended_by_git_add(self, locked: Repo) -> None:
        locked.write("assets.yaml", "store: ../store\nassets:\n  nlp/tokenizer: models/tokenizer\n")
        publish(locked)
        locked.git("add", "assets.lock")
        (finding,) = look(locked, staged=True).findings
        assert finding.fix.endswith("assets.yaml`")
        assert "git add" in finding.fix

    def test_commit_path_brings_an_index_of_its_own(self, locked: Repo) -> None:
        """As git does for `git commit PATH`: the hook sees another index than the checkout's."""
        edit(locked, "assets.yaml", "  nlp/sentiment:", "  nlp/new: models/new.bin\n\n  nlp/sentiment:")
        hook = locked.write(
            ".git/hooks/pre-commit",
            f"#!/bin/sh\nPYTHONPATH={os.getcwd()} exec {sys.executable} -m assetsync check --staged >&2\n",
        )
        hook.chmod(0o755)
        locked.write("other.txt", "x")
        locked.git("add", "other.txt")
        locked.git("commit", "-q", "-m", "other file")
        with pytest.raises(AssertionError, match="nlp/new: not in"):
            locked.git("commit", "-q", "-m", "stale", "assets.yaml")

    def test_a_given_index_counts_and_that_of_another_repo_does_not(self, locked: Repo, tmp_path: Path) -> None:
        shutil.copy(locked.root / ".git/index", tmp_path / "index")
        edit(locked, "assets.yaml", "nlp/tokenizer:", "nlp/renamed:")
        locked.git("add", "assets.yaml")
        assert len(look(locked, staged=True).findings) == 2
        assert codes(look(locked, staged=True, environ={"GIT_INDEX_FILE": str(tmp_path / "index")})) == []
        assert len(look(locked, staged=True, environ={"GIT_INDEX_FILE": ".git/index"}).findings) == 2

    def test_the_index_of_a_repo_around_a_submodule_is_not_that_of_the_submodule(
        self, locked: Repo, tmp_path: Path
    ) -> None:
        outer = Repo.init(tmp_path / "outer", tmp_path / "home")
        outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(locked.root), "sub")
        hook = {"GIT_DIR": ".git", "GIT_INDEX_FILE": str(outer.root / ".git/index")}
        assert look(outer, staged=True, folder="sub", environ=hook).assets == 2

    def test_linked_worktrees_have_an_index_each(self, locked: Repo) -> None:
        locked.git("worktree", "add", "-q", "../linked")
        linked = Repo(locked.root.parent / "linked", locked.environ)
        (linked.root / "assets.lock").unlink()
        linked.git("add", "-A")
        hook = {
            "GIT_DIR": str(locked.root / ".git/worktrees/linked"),
            "GIT_INDEX_FILE": str(locked.root / ".git/worktrees/linked/index"),
        }
        assert codes(look(linked, staged=True, environ=hook)) == [("", "no_lock")]
        assert codes(look(locked, staged=True)) == []

    def test_projects_in_folders_are_all_checked_from_the_top(self, locked: Repo) -> None:
        for folder in ("ml/é", "ml/two", "fixtures"):
            (locked.root / folder).mkdir(parents=True)
            for name in ("assets.yaml", "assets.lock"):
                shutil.copy(locked.root / name, locked.root / folder)
        locked.git("add", "-A")
        assert look(locked, staged=True).projects == 4
        (locked.root / "ml/é/assets.lock").unlink()
        locked.git("add", "-A")
        assert look(locked, staged=True, folder="ml").projects == 2
        assert look(locked, staged=True, folder="ml/two").projects == 1
        assert look(locked, staged=True, folder="models").projects == 1
        (finding,) = look(locked, staged=True).findings
        assert finding.file.endswith("ml/é/assets.yaml")
        given = inspect(str(locked.root), manifest_file="ml/two/assets.yaml", staged=True, environ={})
        assert (given.projects, given.findings) == (1, ())

    def test_another_name_of_the_manifest(self, locked: Repo) -> None:
        locked.git("mv", "assets.yaml", "m[1].yaml")
        assert look(locked, staged=True).projects == 0
        assert inspect(str(locked.root), manifest_file="m[1].yaml", staged=True, environ={}).assets == 2
        with pytest.raises(NoFileError, match="not in git's index"):
            inspect(str(locked.root), manifest_file="assets.yaml", staged=True, environ={})

    def test_conflicts_that_git_has_not_seen_settled(self, locked: Repo) -> None:
        locked.git("checkout", "-q", "-b", "side")
        edit(locked, "assets.lock", "size: 7", "size: 8")
        locked.commit()
        locked.git("checkout", "-q", "main")
        edit(locked, "assets.lock", "size: 7", "size: 9")
        locked.commit()
        with pytest.raises(AssertionError):
            locked.git("merge", "-q", "side")
        (finding,) = look(locked, staged=True).findings
        assert "lock --resolve" in finding.fix
        locked.git("add", "assets.lock")
        (finding,) = look(locked, staged=True).findings
        assert "merge conflict begins here" in finding.message

    def test_a_lock_without_its_manifest_and_odd_files(self, locked: Repo) -> None:
        locked.git("rm", "-q", "--cached", "assets.yaml")
        with pytest.raises(InvalidError, match="is not"):
            look(locked, staged=True)
        locked.git("add", "assets.yaml")
        (locked.root / "assets.lock").unlink()
        (locked.root / "assets.lock").symlink_to("elsewhere")
        locked.git("add", "assets.lock")
        assert codes(look(locked, staged=True)) == [("", "unreadable")]
        locked.write("assets.yaml", "- no mapping")
        locked.git("add", "assets.yaml")
        with pytest.raises(ManifestError):
            look(locked, staged=True)

    def test_a_repo_without_any_project_has_nothing_to_check(self, tmp_path: Path) -> None:
        empty = Repo.init(tmp_path / "empty", tmp_path / "home")
        empty.write("other/assets.lock", "of another program")
        empty.git("add", "-A")
        assert look(empty, staged=True).projects == 0

    def test_names_narrow_the_check_over_all_projects(self, locked: Repo) -> None:
        edit(locked, "assets.yaml", "nlp/tokenizer:", "nlp/renamed:")
        locked.git("add", "-A")
        only = inspect(str(locked.root), names=["nlp/sentiment"], staged=True, environ={})
        assert (only.assets, only.findings) == (1, ())
        with pytest.raises(UsageError, match="nlp/other"):
            inspect(str(locked.root), names=["nlp/other"], staged=True, environ={})

    def test_what_git_refuses_is_an_error_with_its_reason(self, locked: Repo) -> None:
        locked.write(".git/index", b"damaged")
        with pytest.raises(GitError, match="index"):
            look(locked, staged=True)
