"""Many unchanged assets: a listing stands for the requests about each, and hides nothing. On S3, if not told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assetsync.project.project import Project
from assetsync.remote.documents import render_versions
from tests.e2e.harness import Repo
from tests.e2e.remotes import SERVERS, Remote

NAMES = [f"many/{number:02}" for number in range(20)]


@pytest.fixture
def project(repo: Repo, s3: Remote) -> Iterator[Project]:
    """A project of twenty published assets, which a plan has looked at."""
    with _published(repo, s3) as project:
        yield project


@contextmanager
def _published(repo: Repo, remote: Remote) -> Iterator[Project]:
    repo.use(remote)
    for name in NAMES:
        repo.write(name, name)
    entries = "".join(f"  {name}: {name}\n" for name in NAMES)
    repo.write("assets.yaml", f"store: {remote.url}\nassets:\n{entries}")
    repo.run("apply", "--yes")
    repo.run("plan")
    repo.run("list")
    with Project.load(str(repo.root), environ=remote.environ) as project:
        yield project


@pytest.mark.parametrize("kind", ["gcs", "azure"])
def test_so_it_is_on_other_stores(repo: Repo, tmp_path: Path, kind: str) -> None:
    with SERVERS[kind]() as place, _published(repo, place(tmp_path)) as project:
        remote = place(tmp_path)
        before = remote.requests()
        assert "Nothing to do: 20 unchanged" in repo.run("plan").out
        assert remote.requests() == before + 1
        project.store.backend.delete("many/07/0.0.meta")
        plan = repo.run("plan", "--format", "json", code=1).json()
        assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [("many/07", "lost")]


def test_one_request_tells_that_they_are(repo: Repo, s3: Remote, project: Project) -> None:
    before = s3.requests()
    assert "Nothing to do: 20 unchanged" in repo.run("plan").out
    assert s3.requests() == before + 1


def test_so_it_does_for_a_list(repo: Repo, s3: Remote, project: Project) -> None:
    first, before = repo.run("list", "--format", "json").json(), s3.requests()
    assert repo.run("list", "--format", "json").json() == first
    assert s3.requests() - before < len(NAMES)


def test_a_version_that_is_gone_is_lost(repo: Repo, project: Project) -> None:
    project.store.backend.delete("many/07/0.0.meta")
    plan = repo.run("plan", "--format", "json", code=1).json()
    assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [("many/07", "lost")]


def test_another_version_in_its_place_is_lost(repo: Repo, project: Project) -> None:
    backend = project.store.backend
    backend.delete("many/07/0.0.meta")
    backend.create("many/07/0.0.meta", backend.read("many/08/0.0.meta").data)
    plan = repo.run("plan", "--format", "json", code=1).json()
    assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [("many/07", "lost")]


def test_a_newer_version_is_seen(repo: Repo, project: Project) -> None:
    backend = project.store.backend
    backend.create("many/07/0.1.meta", backend.read("many/08/0.0.meta").data)
    backend.replace("many/07.versions", render_versions(["0.1", "0.0"]), backend.read("many/07.versions").tag)
    assert "`0.1` is available" in repo.run("plan").out
    listed = {one["name"]: one["versions"] for one in repo.run("list", "--format", "json").json()["assets"]}
    assert listed["many/07"] == ["0.1", "0.0"]


def test_versions_that_are_gone_are_seen(repo: Repo, project: Project) -> None:
    project.store.backend.delete("many/07.versions")
    assert "many/07" in repo.run("plan").out
    assert [one["name"] for one in repo.run("list", "--format", "json").json()["assets"]] == [
        name for name in NAMES if name != "many/07"
    ]
