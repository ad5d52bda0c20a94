"""One damaged asset in a store: it is told, and does not keep anybody from working with the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Repo
from tests.faults.warm import Warm

BAD, GOOD = "nlp/tokenizer", "nlp/sentiment"


def _meta(**changes: Any) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        path = store / f"{BAD}/0.0.meta"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def _garbage(name: str, data: bytes) -> Callable[[Path], None]:
    def damage(store: Path) -> None:
        (store / name).write_bytes(data)

    return damage


@pytest.fixture
def clone(warm: Warm, repo: Repo) -> Repo:
    """A fresh clone of a repo with two published assets."""
    repo.write(".gitignore", "models/\n")
    warm.run(repo, "apply", "--yes")
    repo.commit()
    (repo.root.parent / "beside.txt").write_text("beside")
    return repo.clone("clone")


def _around(clone: Repo) -> dict[str, bytes]:
    """All files near the clone, but for those of its good asset and its state."""
    own = (".assetsync", ".git")
    return {
        str(path.relative_to(clone.root.parent)): path.read_bytes()
        for path in clone.root.parent.rglob("*")
        if path.is_file() and not set(path.parts) & set(own) and path != clone.root / "models/sentiment.bin"
    }


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(_garbage(f"{BAD}/0.0.meta", b"\x00\xff"), "is damaged", id="meta-garbage"),
        pytest.param(_garbage(f"{BAD}/0.0.meta", b"[]"), "is damaged", id="meta-list"),
        pytest.param(_meta(contents=["../../../beside.txt", "x"]), "is refused", id="contents-outside"),
        pytest.param(_meta(contents=["/etc/passwd", "x"]), "is refused", id="contents-absolute"),
        pytest.param(_meta(contents=["a", "A"]), "is refused", id="contents-collide"),
    ],
)
def test_the_others_are_pulled(warm: Warm, clone: Repo, damage: Callable[[Path], None], says: str) -> None:
    damage(clone.root.parent / "store")
    before = _around(clone)
    run = warm.run(clone, "pull", code=None)
    assert run.code in (1, 4), run.err
    said = run.out + run.err
    assert says in said
    assert BAD in said
    assert "Traceback" not in said
    assert "unexpected" not in said
    warm.run(clone, "pull", GOOD)
    assert (clone.root / "models/sentiment.bin").read_bytes() == b"\x00\x01model"
    assert _around(clone) == before


@pytest.mark.parametrize("data", [b"not JSON", b'{"versions": {}}'])
def test_a_pull_of_what_is_locked_needs_no_index(warm: Warm, clone: Repo, data: bytes) -> None:
    _garbage(f"{BAD}.versions", data)(clone.root.parent / "store")
    warm.run(clone, "pull")
    assert (clone.root / "models/tokenizer/vocab.txt").is_file()


@pytest.mark.parametrize("data", [b"", b"{", b'{"versions": "0.0"}', b'{"versions": [1]}', b"[" * 100_000])
def test_the_others_are_planned_published_and_listed(warm: Warm, repo: Repo, data: bytes) -> None:
    warm.run(repo, "apply", "--yes")
    shutil.rmtree(repo.root / ".assetsync")
    index = repo.root.parent / f"store/{BAD}.versions"
    index.write_bytes(data)
    repo.write("models/sentiment.bin", "changed")
    repo.write("models/tokenizer/vocab.txt", "changed")
    plan = warm.run(repo, "plan", "--format", "json", code=1).json()
    assert [(problem["asset"], problem["code"]) for problem in plan["problems"]] == [(BAD, "damaged")]
    assert [(action["asset"], action["to"]) for action in plan["actions"]] == [(GOOD, "0.1")]
    warm.run(repo, "apply", "--yes", code=1)
    warm.run(repo, "apply", "--yes", GOOD)
    assert 'version: "0.1"' in repo.read("assets.lock")
    assert index.read_bytes() == data
    listed = warm.run(repo, "list", code=None)
    assert GOOD in listed.out
    assert "0.1" in listed.out
    assert "damaged" in listed.out + listed.err
