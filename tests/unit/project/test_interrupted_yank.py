"""A yank that died on its way: the same one again ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from assetsync import AssetStore
from assetsync.project import yanking


def test_what_it_has_published_before_it_died_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("good")
    (tmp_path / "b").write_text("bad")
    environ = {"ASSETSYNC_STATE_DIR": str(tmp_path / "state")}
    with AssetStore("./store", directory=tmp_path, environ=environ) as store:
        store.new("a", name="m")
        store.update("b", name="m")
        with monkeypatch.context() as patch:
            patch.setattr(yanking, "release", _die)
            with pytest.raises(KeyboardInterrupt):
                store.yank("m:0.1", message="bad", republish="0.0")
        assert store.versions("m") == ["0.2", "0.1", "0.0"]
        store.yank("m:0.1", message="bad", republish="0.0")
        assert store.versions("m") == ["0.2", "0.0"]
    assert not list((tmp_path / "state").rglob("claim-*"))
    assert not list((tmp_path / "store").rglob("*.claim"))


def _die(*_: object) -> None:
    raise KeyboardInterrupt
