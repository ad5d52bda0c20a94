"""Each request is told to the logger `assetsync.requests`, without what must stay secret."""

from __future__ import annotations

import logging

import pytest

from tests.contract.harness import Target


def test_requests_are_told(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="assetsync.requests"):
        target.backend.create("told/key", b"x")
        target.backend.read("told/key")
        target.backend.list("told/")
    told = [record.getMessage() for record in caplog.records if record.name == "assetsync.requests"]
    if not target.config.url.startswith(("s3:", "gs:", "az:")):
        assert told == []
        return
    assert len(told) >= 3
    assert any(line.endswith("told/key") for line in told)
    assert not any(secret in line for line in told for secret in ("?", "Signature", "sig=", "Bearer"))
