"""An assets directory is shared with modelkit: each uses what the other has fetched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.names import parse_spec
from assetsync.model.versioning import MajorMinor
from assetsync.pool import Transfers
from assetsync.progress import Silent
from assetsync.remote.store import Store
from assetsync.state.cache import Cache
from assetsync.transfer.fetch import fetch, fetched
from tests.servers.modelkit import needs_modelkit, run_modelkit
from tests.unit.publishing import put

pytestmark = needs_modelkit

FILES = {"vocab.txt": b"a\nb\n", "sub/deep/weights.bin": b"\x00\x01", "sub/.hidden": b"dotfile"}
FETCH = """
import json, os, sys
from modelkit.assets.manager import AssetsManager
manager = AssetsManager()
found = {}
for spec in json.loads(os.environ["SPECS"]):
    try:
        info = manager.fetch_asset(spec, return_info=True)
        found[spec] = [info["path"], info["from_cache"]]
    except Exception as error:
        found[spec] = None
print(json.dumps(found))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "assets"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A directory store that modelkit can read too."""
    store = Store(open_backend(StoreConfig(str(tmp_path / "bucket/prefix")), {}), MajorMinor(), Cache(None))
    put(store, "nlp/tok", "1.0", {"old": b"old"})
    put(store, "nlp/tok", "1.1", FILES)
    put(store, "nlp/bin", "0.0", b"a single file")
    return store


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    with Transfers(4) as transfers:
        yield transfers


def test_modelkit_without_a_provider_uses_what_was_fetched(folder: Path, store: Store, transfers: Transfers) -> None:
    specs = ["nlp/tok:1.1", "nlp/bin", "nlp/tok:1", "nlp/tok:1.1[sub/deep]", "nlp/tok:1.1[sub/deep/weights.bin]"]
    ours = {spec: fetch(store, parse_spec(spec), str(folder), transfers=transfers, reporter=Silent()) for spec in specs}
    theirs = run_modelkit(FETCH, {"MODELKIT_ASSETS_DIR": str(folder), "SPECS": json.dumps(specs)})
    assert theirs == {spec: [path, True] for spec, path in ours.items()}


@pytest.mark.parametrize("part", ["sub", "sub/deep", "sub/deep/weights.bin", "vocab.txt"])
@pytest.mark.parametrize(
    "spec",
    [pytest.param("nlp/tok", marks=pytest.mark.slow), "nlp/tok:1", pytest.param("nlp/tok:1.1", marks=pytest.mark.slow)],
)
def test_modelkit_without_a_provider_does_not_take_a_part_for_the_whole(
    folder: Path, store: Store, transfers: Transfers, part: str, spec: str
) -> None:
    environ = {"MODELKIT_ASSETS_DIR": str(folder), "SPECS": json.dumps([spec])}
    fetch(store, parse_spec(f"nlp/tok:1.1[{part}]"), str(folder), transfers=transfers, reporter=Silent())
    assert run_modelkit(FETCH, environ) == {spec: None}
    old = fetch(store, parse_spec("nlp/tok:1.0"), str(folder), transfers=transfers, reporter=Silent())
    found = run_modelkit(FETCH, environ)[spec]
    assert found == (None if spec == "nlp/tok:1.1" else [old, True])


def test_nothing_of_ours_is_left_in_the_assets_directory(folder: Path, store: Store, transfers: Transfers) -> None:
    for spec in ("nlp/tok:1.1", "nlp/bin", "nlp/tok:1.0[old]"):
        fetch(store, parse_spec(spec), str(folder), transfers=transfers, reporter=Silent())
    assert sorted(os.listdir(folder)) == [".parts", "nlp"]
    assert sorted(os.listdir(folder / "nlp/tok")) == ["1.1"]


def test_with_a_provider_neither_fetches_what_the_other_has(
    tmp_path: Path, folder: Path, store: Store, transfers: Transfers
) -> None:
    environ = {
        "MODELKIT_ASSETS_DIR": str(folder),
        "MODELKIT_STORAGE_PROVIDER": "local",
        "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket"),
        "MODELKIT_STORAGE_PREFIX": "prefix",
    }
    ours = fetch(store, parse_spec("nlp/tok:1.1"), str(folder), transfers=transfers, reporter=Silent())
    fetch(store, parse_spec("nlp/bin:0.0"), str(folder), transfers=transfers, reporter=Silent())
    specs = ["nlp/tok", "nlp/bin:0.0", "nlp/tok:1.0"]
    theirs = run_modelkit(FETCH, {**environ, "SPECS": json.dumps(specs)})
    assert theirs == {
        "nlp/tok": [ours, True],
        "nlp/bin:0.0": [str(folder / "nlp/bin/0.0"), True],
        "nlp/tok:1.0": [str(folder / "nlp/tok/1.0"), False],
    }
    assert fetched(parse_spec("nlp/tok:1.0"), store.versioning, str(folder)) == str(folder / "nlp/tok/1.0")


def test_modelkit_does_not_take_a_part_for_the_whole(
    tmp_path: Path, folder: Path, store: Store, transfers: Transfers
) -> None:
    environ = {
        "MODELKIT_ASSETS_DIR": str(folder),
        "MODELKIT_STORAGE_PROVIDER": "local",
        "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket"),
        "MODELKIT_STORAGE_PREFIX": "prefix",
    }
    fetch(store, parse_spec("nlp/tok:1.1[sub]"), str(folder), transfers=transfers, reporter=Silent())
    theirs = run_modelkit(FETCH, {**environ, "SPECS": json.dumps(["nlp/tok:1.1"])})
    assert theirs == {"nlp/tok:1.1": [str(folder / "nlp/tok/1.1"), False]}
    assert (folder / "nlp/tok/1.1/vocab.txt").read_bytes() == b"a\nb\n"
