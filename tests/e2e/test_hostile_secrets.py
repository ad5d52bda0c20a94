"""Secrets that come along, in URLs, proxies, messages and YAML: the real program shows and keeps none of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.harness import Repo

SECRET = "hunter2"
STORES = ("s3://bucket/x", "gs://bucket/x", "az://container/x")
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AZURE_STORAGE_ACCOUNT": "acc"}
KEYS |= {"AZURE_STORAGE_KEY": "a2V5"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.init(tmp_path / "repo", tmp_path / "home")
    repo.in_process = True
    repo.write("data", "content")
    repo.write("assets.yaml", "store: ../store\nassets:\n  a: data\n")
    return repo


def _shown_nowhere(repo: Repo, *args: str, **environ: str) -> str:
    """What a command says, once it is sure that the secret is not in it, nor in any file that it has left."""
    done = repo.run(*args, code=None, env=environ)
    said = done.out + done.err
    assert SECRET not in said
    assert "unexpected" not in said
    for folder in (repo.root, repo.root.parent / "home", repo.root.parent / "store"):
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in ("assets.yaml", ".git"):
                assert SECRET.encode() not in path.read_bytes(), path
    return said


@pytest.mark.parametrize(
    "url",
    [
        f"s3://AKIA:{SECRET}@bucket/x",
        f"gs://u:{SECRET}@bucket/x",
        f"az://container/x?sv=1&sig={SECRET}",
        f"az://{SECRET}@container/x",
        f"file:///x?password={SECRET}",
        f"s3://bucket/x#{SECRET}",
    ],
)
def test_a_secret_in_the_url_of_a_store_is_refused_and_not_repeated(repo: Repo, url: str) -> None:
    repo.write("assets.yaml", f"store: '{url}'\nassets:\n  a: data\n")
    for args in (["plan"], ["check", "--format", "json"], ["list"]):
        assert "store" in _shown_nowhere(repo, *args)
    (repo.root / "assets.yaml").unlink()
    _shown_nowhere(repo, "list", ASSETSYNC_STORE=url)
    _shown_nowhere(repo, "init", "--store", url)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("endpoint", [f"http://u:{SECRET}@127.0.0.1:1", f"http://127.0.0.1:1/?sig={SECRET}"])
def test_a_secret_in_an_endpoint_is_refused_and_not_repeated(repo: Repo, store: str, endpoint: str) -> None:
    repo.write("assets.yaml", f"store: {{url: '{store}', endpoint: '{endpoint}'}}\nassets:\n  a: data\n")
    _shown_nowhere(repo, "plan", **KEYS)
    repo.write("assets.yaml", f"store: {store}\nassets:\n  a: data\n")
    _shown_nowhere(repo, "plan", ASSETSYNC_ENDPOINT=endpoint, **KEYS)


@pytest.mark.parametrize("store", STORES)
def test_the_password_of_a_proxy_that_fails_is_not_shown(repo: Repo, store: str) -> None:
    repo.write("assets.yaml", f"store: {store}\nassets:\n  a: data\n")
    for args in (["plan"], ["doctor", "--read-only", "--format", "json"]):
        said = _shown_nowhere(repo, *args, HTTPS_PROXY=f"http://user:{SECRET}@127.0.0.1:1", **KEYS)
        assert "proxy" in said.lower()


def test_a_secret_in_a_message_is_neither_shown_nor_published(repo: Repo) -> None:
    for number, message in enumerate(
        [
            f"from https://user:{SECRET}@example.com/x",
            f"see https://example.com/x?token={SECRET}",
            f"Authorization: Bearer {SECRET}",
            f"AccountKey={SECRET};x",
        ]
    ):
        repo.write("data", str(number))
        said = _shown_nowhere(repo, "apply", "--yes", "--message", message)
        assert "error" not in said
        _shown_nowhere(repo, "show", f"a:0.{number}")
        _shown_nowhere(repo, "log", "a", "--format", "json")
    (stored,) = (repo.root.parent / "store/a").glob("0.3.meta")
    assert "…" in json.loads(stored.read_text())["assetsync"]["provenance"]["message"]


def test_a_secret_in_the_remote_of_git_is_not_published(repo: Repo) -> None:
    repo.git("remote", "add", "origin", f"https://user:{SECRET}@example.com/x.git")
    repo.commit()
    repo.run("apply", "--yes")
    (meta,) = (repo.root.parent / "store/a").glob("0.0.meta")
    assert "example.com/x" in meta.read_text()
    for path in (repo.root.parent / "store").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    assert SECRET not in repo.run("show", "a").out


@pytest.mark.parametrize(
    "text",
    [
        f"store: {{url: s3://bucket/x, password: {SECRET}}}\n",
        f"store: {{url: s3://bucket/x, AWS_SECRET_ACCESS_KEY: {SECRET}}}\n",
        f"store: ./s\nsecret: {{token: {SECRET}}}\n",
        f"store: ./s\n? [{SECRET}]\n: x\n",
    ],
)
def test_a_secret_in_yaml_is_not_quoted(repo: Repo, text: str) -> None:
    repo.write("assets.yaml", text)
    for args in (["plan"], ["check"], ["check", "--format", "json"]):
        assert "assets.yaml" in _shown_nowhere(repo, *args)


def test_an_identity_is_not_asked_for_where_only_the_manifest_names_the_host(repo: Repo) -> None:
    """Azure's default identity would be sent there."""
    text = "store: {url: az://container/x, endpoint: 'https://127.0.0.1:1/acc'}\nassets:\n  a: data\n"
    repo.write("assets.yaml", text)
    done = repo.run("plan", code=1, env={"AZURE_CLIENT_ID": "i", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_SECRET": SECRET})
    assert "must not be shown to `https://127.0.0.1:1/acc`" in done.err
    assert SECRET not in done.err


def test_discarding_what_is_here_goes_through_no_tracked_link(repo: Repo, tmp_path: Path) -> None:
    """Even with `--discard-local --yes`, which is said of the project's content."""
    repo.write("models/m/a", "a")
    repo.write("assets.yaml", "store: ../store\nassets:\n  m: models/m\n")
    repo.run("apply", "--yes")
    repo.commit()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_text("mine")
    (outside / "b").write_text("mine too")
    for kind in ("path", "below", "parent"):
        repo.git("checkout", "-q", "-B", kind, "main")
        if kind == "path":
            (repo.root / "models/m/a").unlink()
            (repo.root / "models/m").rmdir()
            os.symlink(outside, repo.root / "models/m")
        elif kind == "below":
            (repo.root / "models/m/a").unlink()
            os.symlink(outside / "a", repo.root / "models/m/a")
        else:
            (repo.root / "models/m/a").unlink()
            (repo.root / "models/m").rmdir()
            (repo.root / "models").rmdir()
            os.symlink(outside, repo.root / "models")
            (outside / "m").mkdir()
            (outside / "m/a").write_text("mine")
        repo.commit(kind)
        for command in (["pull"], ["sync", "--yes"], ["upgrade", "m"]):
            done = repo.run(*command, "--discard-local", "m", code=None)
            assert done.code != 0, (kind, command, done.out)
            assert "link" in done.out + done.err
        assert (outside / "a").read_text() == "mine"
        assert (outside / "b").read_text() == "mine too"
    assert (outside / "m/a").read_text() == "mine"


def test_a_meta_that_was_swapped_with_its_data_is_not_what_the_lock_says(repo: Repo, tmp_path: Path) -> None:
    """Both are right by themselves: only the lock tells."""
    repo.run("apply", "--yes")
    repo.commit()
    other = Repo.init(tmp_path / "other", tmp_path / "home")
    other.write("data", "evil")
    other.write("assets.yaml", "store: ../store2\nassets:\n  a: data\n")
    other.run("apply", "--yes")
    for name in ("0.0", "0.0.meta"):
        (tmp_path / "store/a" / name).unlink()
        (tmp_path / "store/a" / name).write_bytes((tmp_path / "store2/a" / name).read_bytes())
    (repo.root / "data").unlink()
    for args in (["pull"], ["sync", "--yes"], ["fetch", "--locked"], ["check", "--remote"], ["plan"]):
        done = repo.run(*args, code=None)
        assert done.code != 0, (args, done.out)
    assert not (repo.root / "data").exists()
    clone = repo.clone("fresh")
    (clone.root / "data").unlink(missing_ok=True)
    assert clone.run("pull", code=None).code != 0
    assert not (clone.root / "data").exists()
