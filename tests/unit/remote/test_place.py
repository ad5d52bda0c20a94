from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from assetsync.errors import InvalidError
from assetsync.manifest.store_url import check_store_url
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor
from assetsync.remote.store import open_store
from assetsync.state.cache import Cache


def opened(root: Path, url: str) -> str:
    store = open_store(StoreConfig(url), MajorMinor(), Cache(None), root=str(root), environ={})
    store.close()
    return store.url


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    (tmp_path / "repo/.assetsync").mkdir()
    return tmp_path / "repo"


@pytest.mark.parametrize(
    "url",
    ["./.git/refs", "./.git", "./.GIT/x", "./.assetsync/c", "./sub/.git/x", "file:///a/.git/refs", "/a/.assetsync"],
)
def test_the_url_alone_tells(url: str) -> None:
    with pytest.raises(InvalidError, match=r"can't lie in `\.git` or `\.assetsync`"):
        check_store_url(url)


@pytest.mark.parametrize("url", ["./git", "./.github/store", "s3://bucket/.git", "./a.git"])
def test_other_names_may_be_stores(url: str) -> None:
    assert check_store_url(url) == url


@pytest.mark.parametrize("target", [".git/refs", ".git/new/folder", ".assetsync", "../bare/refs", "../bare"])
def test_a_link_does_not_hide_it(repo: Path, target: str) -> None:
    os.symlink(target, repo / "store")
    with pytest.raises(InvalidError, match="belongs to git or to assetsync"):
        opened(repo, "./store")
    with pytest.raises(InvalidError, match="belongs to git or to assetsync"):
        opened(repo, f"file://{repo}/store/below")


def test_an_escape_does_not_hide_it(repo: Path) -> None:
    with pytest.raises(InvalidError, match="belongs to git or to assetsync"):
        opened(repo, f"file://{repo}/%2egit/refs")


def test_a_directory_of_its_own_is_a_store(repo: Path) -> None:
    os.symlink("elsewhere", repo / "store")
    assert opened(repo, "./store") == f"{repo}/store"
