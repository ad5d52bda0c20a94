"""The workflow files of docs/ci, executed step by step: for files in git, and for files published from branches."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.recipes import CI, RECIPES, Ran, recipe

SENTIMENT = "models/sentiment.bin"


def done(ran: Ran) -> Ran:
    assert ran.ok, ran.log
    return ran


def failed(ran: Ran) -> Ran:
    assert not ran.ok, ran.log
    return ran


@pytest.fixture
def in_git(repo: Repo) -> Repo:
    """A repo that has its files in git, with main published, locked and pushed."""
    repo.write("assets.yaml", repo.read("assets.yaml").replace("../store", str(repo.root.parent / "store")))
    repo.run("apply", "--yes")
    repo.commit("start")
    return repo


@pytest.fixture
def ci(in_git: Repo) -> CI:
    return CI.beside(in_git)


def branch(repo: Repo, content: bytes = b"new") -> None:
    """A branch `work` at the remote that changes an asset."""
    repo.git("checkout", "-q", "-b", "work")
    repo.write(SENTIMENT, content)
    repo.commit("retrained")
    repo.git("push", "-q", "origin", "work")
    repo.git("checkout", "-q", "main")


def merge(repo: Repo) -> None:
    repo.git("merge", "-q", "--no-ff", "-m", "Merge pull request #7", "work")
    repo.git("push", "-q", "origin", "main")


def versions(repo: Repo) -> list[str]:
    listed: list[str] = json.loads((repo.root.parent / "store/nlp/sentiment.versions").read_text())["versions"]
    return listed


def main_of(repo: Repo, path: str) -> str:
    repo.git("fetch", "-q")
    return repo.git("show", f"origin/main:{path}")


def test_the_check_passes_and_fails(in_git: Repo, ci: CI) -> None:
    done(ci.github("github-check.yml", "check"))
    (installed,) = ci.calls
    assert installed.startswith("python -m pip install ")
    assert Path(installed.split()[-1]).resolve() == Path.cwd()
    in_git.write("assets.yaml", in_git.read("assets.yaml") + "  more: models/more\n")
    in_git.commit("more")
    in_git.git("push", "-q")
    assert "::error file=assets.yaml" in failed(ci.github("github-check.yml", "check")).log
    failed(ci.gitlab("assets-check"))


def test_files_in_git_a_plan_in_the_pull_request_and_an_apply_after_the_merge(in_git: Repo, ci: CI) -> None:
    branch(in_git)
    done(ci.github("github-plan.yml", "plan", branch="work", pull_request=True))
    assert len(ci.comments) == 1
    assert ci.comments[0].startswith("<!-- assetsync plan -->\n")
    assert "0.0 → 0.1" in ci.comments[0]
    assert "0.0 → 0.1" in (ci.folder / "summary.md").read_text()
    assert ci.calls[-1].endswith("[s3]")
    again = done(ci.github("github-plan.yml", "plan", branch="work", pull_request=True))
    assert len(ci.comments) == 1
    assert f"Fingerprint: `{again.outputs['fingerprint']}`" in ci.comments[0]
    assert again.outputs["changes"] == "true"
    assert versions(in_git) == ["0.0"]

    merge(in_git)
    done(ci.github("github-apply.yml", "from-git"))
    assert versions(in_git) == ["0.1", "0.0"]
    assert 'version: "0.1"' in main_of(in_git, "assets.lock")
    log = in_git.git("log", "-1", "--format=%an|%s", "origin/main")
    assert log == "github-actions[bot]|Publish assets [skip ci]\n"
    assert "Nothing to commit" in done(ci.github("github-apply.yml", "from-git")).log


def test_an_approved_plan_is_applied_and_another_is_not(in_git: Repo, ci: CI) -> None:
    branch(in_git)
    done(ci.github("github-plan.yml", "plan", branch="work", pull_request=True))
    merge(in_git)
    done(ci.github("github-apply-approved.yml", "apply"))
    assert versions(in_git) == ["0.1", "0.0"]

    in_git.git("pull", "-q")
    in_git.write(SENTIMENT, b"not what the comment shows")
    in_git.commit("sneaked in")
    in_git.git("push", "-q")
    assert "the plan is not the expected one" in failed(ci.github("github-apply-approved.yml", "apply")).log
    assert versions(in_git) == ["0.1", "0.0"]
    (ci.folder / "pushed").touch()
    assert "::error::no pull request" in failed(ci.github("github-apply-approved.yml", "apply")).log
    assert versions(in_git) == ["0.1", "0.0"]


def test_a_pull_request_into_production_promotes_what_it_showed(in_git: Repo, ci: CI) -> None:
    root = in_git.root.parent
    text = in_git.read("assets.yaml")
    dev = next(line for line in text.splitlines() if line.startswith("store: ")).removeprefix("store: ")
    stores = f"stores: {{prod: {root / 'prod'}}}"
    in_git.write("assets.yaml", text.replace(f"store: {dev}", f"store: {dev}\n{stores}"))
    (root / "prod").mkdir()
    in_git.commit("production")
    in_git.git("push", "-q")
    in_git.git("push", "-q", "origin", "HEAD:work")
    done(ci.github("github-promote.yml", "plan", branch="work", pull_request=True))
    assert "nlp/sentiment:0.0" in ci.comments[-1]
    done(ci.github("github-promote.yml", "promote"))
    assert sorted(path.name for path in (root / "prod/nlp").glob("*.versions"))
    assert "the plan is not the expected one" in failed(ci.github("github-promote.yml", "promote")).log


def test_a_plan_with_problems_is_commented_and_fails(in_git: Repo, ci: CI) -> None:
    in_git.git("checkout", "-q", "-b", "work")
    in_git.write("assets.yaml", in_git.read("assets.yaml") + "  more: models/more\n")
    in_git.commit("more")
    in_git.git("push", "-q", "origin", "work")
    failed(ci.github("github-plan.yml", "plan", branch="work", pull_request=True))
    assert "1 problem: nothing can be applied" in ci.comments[0]


@pytest.fixture
def outside(repo: Repo) -> Repo:
    """A repo whose files are not in git; its people publish from their branches."""
    repo.write("assets.yaml", repo.read("assets.yaml").replace("../store", str(repo.root.parent / "store")))
    repo.write(".gitignore", "models/\n")
    repo.run("apply", "--yes")
    repo.commit("start")
    return repo


def test_files_published_from_branches_need_no_data_in_ci(outside: Repo) -> None:
    ci = CI.beside(outside)
    outside.git("checkout", "-q", "-b", "work")
    outside.write(SENTIMENT, b"new")
    outside.run("apply", "--yes", "--commit")
    outside.write("assets.yaml", re.sub(r"  nlp/tokenizer.*\n", "", outside.read("assets.yaml")))
    outside.commit("without the tokenizer")
    outside.git("push", "-q", "origin", "work")
    # What people see with the files and CI without them is the same plan, and one fingerprint.
    fingerprint = outside.run("plan", "--format", "json").json()["fingerprint"]
    done(ci.github("github-plan.yml", "plan", branch="work", pull_request=True))
    assert f"Fingerprint: `{fingerprint}`" in ci.comments[0]
    outside.git("checkout", "-q", "main")
    merge(outside)
    done(ci.github("github-apply-approved.yml", "apply"))
    assert "tokenizer" not in main_of(outside, "assets.lock")
    done(ci.github("github-apply.yml", "from-branches"))

    # A lock that names what nobody published.
    shutil.rmtree(outside.root.parent / "store/nlp/sentiment")
    (outside.root.parent / "store/nlp/sentiment.versions").unlink()
    (outside.root.parent / "store/nlp/sentiment.0.1.meta").unlink(missing_ok=True)
    failed(ci.github("github-apply.yml", "from-branches"))


def test_gitlab_plans_and_applies(in_git: Repo, ci: CI) -> None:
    branch(in_git)
    done(ci.gitlab("assets-plan", branch="work"))
    note = json.loads((ci.folder / "note.json").read_text())
    assert note["url"] == "https://gitlab.example.com/api/v4/projects/12/merge_requests/7/notes"
    assert "0.0 → 0.1" in note["body"]
    merge(in_git)
    ran = done(ci.gitlab("assets-apply"))
    assert 'version: "0.1"' in main_of(in_git, "assets.lock")
    assert "t0ken" not in ran.log


def test_every_workflow_gives_no_more_rights_than_it_needs() -> None:
    for path in sorted(Path(RECIPES).glob("github-*.yml")):
        workflow = recipe(path.name)
        assert workflow["permissions"]["contents"] in ("read", "write")
        assert (workflow["permissions"]["contents"] == "write") == ("command: apply" in path.read_text())


def test_a_summary_needs_the_variable_of_github(repo: Repo) -> None:
    assert "GITHUB_STEP_SUMMARY" in repo.run("plan", "--summary", code=64).err


def test_inputs_of_the_action_are_no_commands(in_git: Repo, ci: CI, tmp_path: Path) -> None:
    attack = f"$(touch {tmp_path}/ran); `touch {tmp_path}/ran` \"; touch {tmp_path}/ran; '"
    for given in ({"command": attack}, {"command": "check", "extra": attack}):
        assert "::error::the action's" in failed(ci.act(given)).log
    failed(ci.act({"command": "check", "directory": attack}))
    in_git.write(SENTIMENT, b"new")
    in_git.commit("retrained")
    in_git.git("push", "-q")
    done(ci.act({"command": "apply", "message": attack}))
    in_git.git("fetch", "-q")
    assert in_git.git("log", "-1", "--format=%s", "origin/main").strip() == attack
    assert not (tmp_path / "ran").exists()


def test_projects_of_one_repo_have_a_comment_each(in_git: Repo, ci: CI) -> None:
    other = in_git.read("assets.yaml").replace("/store", "/other-store")
    for path in ("assets.yaml", "assets.lock", "models/tokenizer/vocab.txt", SENTIMENT):
        in_git.write(f"sub/{path}", other if path == "assets.yaml" else in_git.read(path))
    (in_git.root / "sub/assets.lock").unlink()
    in_git.commit("a second project")
    in_git.git("push", "-q")
    for directory in (".", "sub", ".", "sub"):
        done(ci.act({"command": "plan", "directory": directory}, pull_request=True))
    assert [comment.partition("\n")[0] for comment in ci.comments] == [
        "<!-- assetsync plan -->",
        "<!-- assetsync plan of sub -->",
    ]


def test_a_push_has_a_plan_in_its_summary_alone(in_git: Repo, ci: CI) -> None:
    ran = done(ci.act({"command": "plan"}))
    assert ran.outputs["changes"] == "false"
    assert ci.comments == []
    assert (ci.folder / "summary.md").exists()


def test_the_store_becomes_a_page(in_git: Repo, ci: CI) -> None:
    for ran, path in (
        (ci.github("github-page.yml", "page"), "page/index.html"),
        (ci.gitlab("pages"), "public/index.html"),
    ):
        assert "nlp/tokenizer" in (done(ran).clone / path).read_text()
