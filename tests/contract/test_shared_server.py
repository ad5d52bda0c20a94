"""The SeaweedFS that a run of the tests shares: it stays while somebody uses it, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.servers.seaweed import ROOT, missing

_USER = """
import sys
from tests.servers.seaweed import shared_seaweed
print(shared_seaweed().url, flush=True)
sys.stdin.read()
"""
PATIENCE = 60  # seconds


@contextmanager
def _user(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that uses the server of a run of its own, and the URL it got."""
    environ = {**os.environ, "TMPDIR": str(folder), "PYTEST_XDIST_TESTRUNUID": "shared"}
    command = [sys.executable, "-c", _USER]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environ) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=100).close()
    except HTTPError:
        return True  # it asks for a signature
    except OSError:
        return False
    return True


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.slow
def test_it_outlives_who_started_it_and_ends_with_the_last_user(tmp_path: Path) -> None:
    with _user(tmp_path) as (first, url):
        with _user(tmp_path) as (_, other):
            assert other == url
            first.kill()
            first.wait()
            assert _answers(url)
        left = threading.Event()
        for _ in range(PATIENCE * 10):
            if not list(tmp_path.iterdir()):
                break
            left.wait(0.1)
        assert list(tmp_path.iterdir()) == []
        assert not _answers(url)
