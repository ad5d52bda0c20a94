"""What a store really holds, looked at without the code that published it."""

from __future__ import annotations

import hashlib
import json

from assetsync.backends.contract import Backend
from assetsync.backends.opening import open_backend
from assetsync.backends.s3.store import PROBE
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import content
from tests.e2e.remotes import Remote

Versions = dict[str, list[str]]


def published(remote: Remote, *, leftovers: bool = False) -> Versions:
    """The versions of each asset, by `.versions`, in its order.

    Asserts that each is there once, is listed exactly when it is committed, and is whole; and that the store holds
    nothing else, claims included, unless `leftovers` are expected.
    """
    backend = open_backend(StoreConfig(remote.url), remote.environ)
    try:
        return _published(backend, leftovers)
    finally:
        backend.close()


def _published(backend: Backend, leftovers: bool) -> Versions:
    keys = {entry.key for entry in backend.list().objects if not entry.key.startswith(PROBE)}
    found: Versions = {}
    expected = set()
    for key in sorted(key for key in keys if key.endswith(".versions")):
        name = key.removesuffix(".versions")
        versions = json.loads(backend.read(key).data)["versions"]
        assert len(versions) == len(set(versions)), f"{key} has a version twice: {versions}"
        found[name] = versions
        expected |= {key, *(one for version in versions for one in _objects(backend, f"{name}/{version}"))}
    metas = {key for key in keys if key.endswith(".meta")}
    assert metas <= expected, f"committed and not listed: {metas - expected}"
    assert leftovers or keys == expected, f"left over: {keys - expected}"
    return found


def _objects(backend: Backend, version: str) -> list[str]:
    """The keys of a version, each of which holds what `.meta` says."""
    document = json.loads(backend.read(f"{version}.meta").data)
    keys = [f"{version}/{path}" for path in document["contents"]] if document["is_directory"] else [version]
    ours = document["assetsync"]
    for key, size, sha256 in zip(keys, ours["sizes"], ours["sha256"], strict=True):
        data = content(backend, key)
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256), f"{key} is not what .meta says"
    return [f"{version}.meta", *keys]
