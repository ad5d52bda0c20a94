"""Links on an asset's path and below it: those that git tracks never lead out of the project, a user's own do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from assetsync.git.repository import Repository, open_repository
from tests.e2e.harness import Repo
from tests.unit.publishing import files_below

SECRET = "private key"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home/.ssh"
    folder.mkdir(parents=True)
    (folder / "id_rsa").write_text(SECRET)
    return folder


@pytest.fixture
def repo(tmp_path: Path, home: Path) -> Repo:
    """A repo with a published asset `nlp/w`, locked at `w`, which is not here."""
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.in_process = True
    repo.write("w/a", "one")
    repo.write("w/id_rsa", "two")
    repo.write("assets.yaml", "store: ../store\nguards: {secrets: off}\nassets:\n  nlp/w: w\n")
    repo.run("apply", "--yes")
    for name in ("a", "id_rsa"):
        os.unlink(repo.root / "w" / name)
    os.rmdir(repo.root / "w")
    return repo


# Where a link is made in the project, to where, and the path of the asset.
TRACKED = [
    ("w", "{home}", "w"),
    ("w", "{home}/new", "w"),
    ("d", "{home}", "d/w"),
    ("d", "{home}/..", "d/.ssh"),
    ("d/e", "../{up}", "d/e/.ssh"),
    ("w", "{home}/id_rsa", "w"),
    ("w/innocent.txt", "{home}/id_rsa", "w"),
    ("w/sub", "{home}", "w"),
    ("w/deep/sub", "{home}", "w"),
]


@pytest.mark.parametrize(("link", "target", "path"), TRACKED, ids=[f"{link}-{path}" for link, _, path in TRACKED])
def test_a_tracked_link_out_of_the_project_is_a_problem(
    repo: Repo, home: Path, link: str, target: str, path: str
) -> None:
    repo.write("assets.yaml", f"store: ../store\nguards: {{secrets: off}}\nassets:\n  nlp/w: {path}\n")
    made = repo.root / link
    made.parent.mkdir(parents=True, exist_ok=True)
    if link.startswith("w/"):
        repo.write("w/a", "one")
    made.symlink_to(target.format(home=home, up=os.path.relpath(home.parent, repo.root)))
    repo.commit()
    before = files_below(home)
    store = files_below(repo.root.parent / "store")
    plan = repo.run("plan", "--format", "json", code=1).json()
    assert [problem["code"] for problem in plan["problems"]] == ["outside"]
    assert plan["problems"][0]["message"].startswith(f"`{link}` is a link that git tracks")
    for command in (["apply", "--yes"], ["pull"], ["pull", "--discard-local", "nlp/w"], ["sync", "--yes"]):
        repo.run(*command, code=1)
    markdown = repo.run("plan", "--format", "markdown", code=1).out
    assert "id_rsa" not in markdown.replace("`w/innocent.txt`", "")
    assert repo.run("check", "--content", code=2).out
    assert files_below(home) == before
    assert files_below(repo.root.parent / "store") == store


def test_a_tracked_link_that_uses_one_of_the_user_is_a_problem(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "big/secret").mkdir(parents=True)
    (tmp_path / "big/secret/x").write_text(SECRET)
    (repo.root / "data").symlink_to(tmp_path / "big")
    repo.write(".gitignore", "/data\n")
    (repo.root / "w").symlink_to("data/secret")
    repo.commit()
    problem = repo.run("plan", "--format", "json", code=1).json()["problems"][0]
    assert (problem["code"], problem["message"].split("`")[1]) == ("outside", "w")


@pytest.mark.parametrize("path", ["data", "data/w"])
def test_a_link_of_the_user_is_followed_and_told(repo: Repo, tmp_path: Path, path: str) -> None:
    big = tmp_path / "big"
    big.mkdir()
    (repo.root / "data").symlink_to(big)
    repo.write(".gitignore", "/data\n")
    repo.write("assets.yaml", f"store: ../store\nguards: {{secrets: off}}\nassets:\n  nlp/w: {path}\n")
    repo.commit()
    assert f"note: through a link to `{big}`" in repo.run("plan").out
    assert str(big) not in repo.run("plan", "--format", "markdown").out
    repo.run("pull")
    assert files_below(big / "w" if path == "data/w" else big) == {"a": b"one", "id_rsa": b"two"}
    repo.write(f"{path}/named-so", "x")
    assert "named-so" in repo.run("plan", "-v").out
    markdown = repo.run("plan", "--format", "markdown").out
    assert "named-so" not in markdown
    assert "through a link that leads out of the project" in markdown
    repo.run("apply", "--yes")
    repo.run("check", "--content")


def test_a_link_of_the_user_below_an_asset_is_told(repo: Repo, tmp_path: Path) -> None:
    repo.write("w/a", "one")
    (tmp_path / "big").mkdir()
    (tmp_path / "big/x").write_text("x")
    (repo.root / "w/sub").symlink_to(tmp_path / "big")
    repo.write(".gitignore", "/w\n")
    repo.commit()
    assert f"through a link to `{tmp_path / 'big'}`" in repo.run("plan").out
    repo.run("pull", "--discard-local", "nlp/w", "--yes", code=None)
    assert files_below(tmp_path / "big") == {"x": b"x"}


def test_links_inside_keep_working_though_git_tracks_them(repo: Repo) -> None:
    repo.write("real/a", "one")
    repo.write("real/id_rsa", "two")
    (repo.root / "w").symlink_to("real")
    (repo.root / "real/again").symlink_to(repo.root / "real/a")
    repo.commit()
    assert "update" in repo.run("plan").out
    repo.run("apply", "--yes")


def test_git_is_not_asked_when_no_link_leads_outside(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write("real/a", "one")
    repo.write("real/id_rsa", "two")
    (repo.root / "w").symlink_to("real")
    monkeypatch.setattr("assetsync.git.repository.open_repository", lambda *_: pytest.fail("git was asked"))
    repo.run("plan")


def test_git_is_asked_once(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(folder: str, environ: Mapping[str, str]) -> Repository | None:
        asked.append(folder)
        return open_repository(folder, environ)

    monkeypatch.setattr("assetsync.git.repository.open_repository", ask)
    (tmp_path / "big").mkdir()
    for number in range(5):
        (tmp_path / f"big/{number}").write_text("x")
        repo.write("w/a", "one")
        (repo.root / f"w/{number}").symlink_to(tmp_path / f"big/{number}")
    repo.run("check", "--content", code=2)
    assert len(asked) == 1


def test_a_tracked_link_that_is_excluded_is_no_problem(repo: Repo, home: Path) -> None:
    repo.write("w/a", "one")
    (repo.root / "w/keys").symlink_to(home)
    repo.write("assets.yaml", 'store: ../store\nassets:\n  nlp/w:\n    path: w\n    exclude: ["/keys"]\n')
    repo.commit()
    repo.run("plan")
