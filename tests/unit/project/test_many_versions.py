"""Whether content is that of an older version takes one look at each, once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from assetsync.backends.contract import Blob
from assetsync.backends.directory.store import DirectoryBackend
from assetsync.model.tree import file_tree
from assetsync.project.project import Project
from assetsync.remote import documents
from assetsync.remote.documents import Meta

VERSIONS = 500


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that is locked at the newest of 500 versions, which it has never looked at."""
    versions = [f"0.{number}" for number in range(VERSIONS)]
    folder = tmp_path / "store/x"
    folder.mkdir(parents=True)
    for number, version in enumerate(versions):
        meta = Meta("now", False, ("",), file_tree(number, f"{number:064x}"), None)
        (folder / f"{version}.meta").write_bytes(documents.render_meta(meta))
    (tmp_path / "store/x.versions").write_bytes(documents.render_versions(reversed(versions)))
    (tmp_path / "assets.yaml").write_text("store: ./store\nassets: {x: file}\n")
    newest = VERSIONS - 1
    (tmp_path / "assets.lock").write_text(
        'lock_version: 1\nstore: "./store"\nversioning: "major_minor"\nassets:\n  "x":\n'
        f'    version: "0.{newest}"\n    digest: "sha256:{newest:064x}"\n    size: {newest}\n    files: 1\n'
        '    is_directory: false\n    path: "file"\n    # end\n'
    )
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store was asked for each object."""
    asked: Counter[str] = Counter()
    read = DirectoryBackend.read

    def counted(self: DirectoryBackend, key: str, *, limit: int = 64 * 1024 * 1024) -> Blob:
        asked[key] += 1
        return read(self, key, limit=limit)

    monkeypatch.setattr(DirectoryBackend, "read", counted)
    return asked


def _plan(root: Path) -> None:
    with Project.load(str(root), environ={}) as project:
        (action,) = project.plan().actions
    assert action.to == f"0.{VERSIONS}"


def test_each_version_is_looked_up_once_and_remembered_for_good(root: Path, asked: Counter[str]) -> None:
    (root / "file").write_text("new")
    _plan(root)
    metas = {key: count for key, count in asked.items() if key.endswith(".meta")}
    # The locked one once more, for its files: its hash is of no use for what is sent.
    assert len(metas) == VERSIONS
    assert sum(metas.values()) <= VERSIONS + 1
    asked.clear()
    (root / "file").write_text("newer")
    _plan(root)
    assert sum(asked.values()) <= 3
