"""What `doctor` tries of a store, and says of it."""

from __future__ import annotations

from pathlib import Path

from assetsync.backends.opening import open_backend
from assetsync.model.manifest import StoreConfig
from assetsync.model.versioning import MajorMinor
from assetsync.remote.doctor import probe_access
from assetsync.remote.store import Store
from assetsync.state.cache import Cache


def test_a_store_that_tells_no_time_is_not_said_to_agree_about_it(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    store = Store(open_backend(StoreConfig(str(tmp_path / "store")), {}), MajorMinor(), Cache(None))
    (clock,) = (probe for probe in probe_access(store) if probe.what == "agree about the time")
    assert not clock.told
    assert "does not tell" in (clock.detail or "")
