"""Azurite, Microsoft's emulator of Azure Blob Storage, behind a small proxy that counts requests and makes faults.

::

    with Azurite() as server:
        server.create_container("assets")
        backend = open_backend(StoreConfig("az://assets"), server.environ)
        server.faults.inject(Fault.SLOW_DOWN)

Azurite runs in a process of its own and keeps everything in memory; the proxy runs in threads of this one. Both listen
on free ports of the loopback, so other processes can use them, and test sessions do not meet.

The proxy is stricter than Azurite in one thing: a body that is not that of its `Content-MD5` is refused with the code
that Azure has for it.
"""

from __future__ import annotations

import atexit
import hashlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient

from tests.contract.harness import Fault
from tests.servers.process import bound_to_us

ACCOUNT = "devstoreaccount1"
# Published by Microsoft, and the same for every emulator.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_ROOT = Path(__file__).parents[2]
_LISTENS = re.compile(r"successfully listens on http://127\.0\.0\.1:(\d+)")
# Of one connection only, or set anew by the proxy.
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


def missing() -> str | None:
    """Why Azurite can't run here; None when it can. `ASSETSYNC_AZURITE` says where npm has installed it."""
    if shutil.which("node") is None:
        return "Azurite needs Node.js, which is not installed"
    if not _program().exists():
        return "Azurite is not installed: npm install --prefix .cache/azurite azurite@3.35.0"
    return None


def _program() -> Path:
    folder = Path(os.environ.get("ASSETSYNC_AZURITE") or _ROOT / ".cache" / "azurite")
    return folder / "node_modules" / ".bin" / "azurite-blob"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in. `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> Mapping[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def suffers(self, fault: Fault) -> bool:
        """Whether the fault applies to a request like this."""
        match fault:
            case Fault.CUT_BODY:
                return self.method == "GET" and "comp" not in self.query
            case Fault.LOST_REPLY:
                return self.method in ("PUT", "DELETE")
            case Fault.CORRUPT:
                return bool(self.body)
            case _:
                return True


class Faults:
    """See `tests.contract.harness.Faults`."""

    possible = frozenset(Fault)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: Counter[Fault] = Counter()
        self._requests: list[Request] = []

    def inject(self, fault: Fault, times: int = 1) -> None:
        with self._lock:
            self._left[fault] += times

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    @property
    def requests(self) -> int:
        return len(self._requests)

    @property
    def seen(self) -> list[Request]:
        """All requests since the start, without their bodies."""
        with self._lock:
            return list(self._requests)

    def take(self, request: Request) -> Fault | None:
        """Count a request, and return the fault that it is to suffer."""
        with self._lock:
            self._requests.append(Request(request.method, request.target, request.headers, b""))
            for fault in Fault:
                if self._left[fault] and request.suffers(fault):
                    self._left[fault] -= 1
                    return fault
            return None


class Azurite:
    """The emulator of this process and a proxy before it, as a context manager.

    All have the same containers: use other prefixes.
    """

    def __enter__(self) -> Self:
        with ExitStack() as running:
            self.faults = Faults()
            self._proxy = running.enter_context(_Proxy(_emulator(), self.faults))
            running.callback(self._proxy.shutdown)
            threading.Thread(target=self._proxy.serve_forever, name="azurite-proxy", daemon=True).start()
            self._running = running.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    @property
    def endpoint(self) -> str:
        """The URL of the account."""
        return f"http://127.0.0.1:{self._proxy.server_port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint};"

    @property
    def environ(self) -> dict[str, str]:
        """The variables that give access."""
        return {"AZURE_STORAGE_CONNECTION_STRING": self.connection_string}

    @property
    def requests(self) -> int:
        return self.faults.requests

    def container(self, name: str) -> ContainerClient:
        """A client of the SDK, for what the backend does not do. To be closed."""
        return ContainerClient.from_connection_string(self.connection_string, name)

    def create_container(self, name: str) -> None:
        """Make a container, if there is none of this name."""
        with self.container(name) as container, suppress(ResourceExistsError):
            container.create_container()


@cache
def _emulator() -> int:
    """The port of an Azurite that runs until this process ends."""
    with ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="azurite-"))
        port = running.enter_context(_started(folder))
        atexit.register(running.pop_all().close)
    return port


@contextmanager
def _started(folder: str) -> Iterator[int]:
    """Runs Azurite, on the port that is yielded. It ends with the context."""
    options = ["--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    with subprocess.Popen(
        bound_to_us(["node", str(_program().resolve()), *options]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    ) as process:
        try:
            yield _port(process)
        finally:
            process.kill()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    said = []
    for line in process.stdout:
        found = _LISTENS.search(line)
        if found:
            return int(found[1])
        said.append(line)
    raise RuntimeError(f"Azurite ended with {process.wait()}: {''.join(said)}")


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream: int, faults: Faults) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.faults = faults

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none of our errors; others must not pass unseen."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client, and the one to Azurite that belongs to it."""

    server: _Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._azurite = http.client.HTTPConnection("127.0.0.1", self.server.upstream)

    def finish(self) -> None:
        self._azurite.close()
        super().finish()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body)
        fault = self.server.faults.take(request)
        match fault:
            case Fault.SLOW_DOWN:
                self._refuse(503, "ServerBusy")
            case Fault.SERVER_ERROR:
                self._refuse(500, "InternalError")
            case Fault.DENIED:
                self._refuse(403, "AuthorizationPermissionMismatch")
            case Fault.CUT:
                self.close_connection = True
            case Fault.CORRUPT:
                self._pass_on(request, bytes([body[0] ^ 1]) + body[1:], fault)
            case _:
                self._pass_on(request, body, fault)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _handle  # noqa: N815 - the base class wants these names

    def _pass_on(self, request: Request, body: bytes, fault: Fault | None) -> None:
        md5 = self.headers.get("Content-MD5")
        if md5 and md5 != b64encode(hashlib.md5(body).digest()).decode():
            self._refuse(400, "Md5Mismatch")
            return
        self._azurite.request(request.method, request.target, body, dict(request.headers))
        reply = self._azurite.getresponse()
        content = reply.read()
        if fault is Fault.LOST_REPLY:
            self.close_connection = True
            return
        self.send_response(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", reply.headers.get("Content-Length") or str(len(content)))
        self.end_headers()
        if fault is Fault.CUT_BODY:
            content = content[: len(content) // 2]
            self.close_connection = True
        self.wfile.write(content)

    def _refuse(self, status: int, code: str) -> None:
        content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>As asked for</Message></Error>".encode()
        if self.command == "HEAD":
            content = b""
        self.send_response(status)
        self.send_header("x-ms-error-code", code)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
