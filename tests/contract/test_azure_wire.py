"""How requests get to Azure: connections, proxies, certificates and silence."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import urllib3

from assetsync.backends import retry
from assetsync.backends.azure import wire
from assetsync.backends.azure.store import AzureBackend, open_store
from assetsync.errors import NotFoundError, TransientError, UnreachableError
from assetsync.model.manifest import StoreConfig
from tests.contract.harness import entry_of
from tests.servers.answering import Answering, head, whole
from tests.servers.tls import make_certificate, server_context

KEY = {"AZURE_STORAGE_KEY": "a2V5", "AZURE_STORAGE_ACCOUNT": "acc"}
DATA = whole(b"abc", b"Content-Range: bytes 0-2/3\r\n", status=b"206 Part")


@pytest.fixture(autouse=True)
def of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy but that of the test, and no patience."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(retry, "PATIENCE", 0.0)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)


def _at(endpoint: str) -> AzureBackend:
    return open_store(StoreConfig("az://box/base", endpoint=endpoint), KEY)


class _Asked(NamedTuple):
    """A request, read to its end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Said(NamedTuple):
    """A reply; `headers` without the length of its body."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class _Server(ThreadingHTTPServer):
    """Keeps connections, and answers as told. `asked` has the requests, `connections` how many clients have made."""

    daemon_threads = True

    def __init__(self, answer: Callable[[_Asked], _Said]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[_Asked] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = _Asked(self.command, self.path, dict(self.headers), body)
        self.server.asked.append(asked)
        said = self.server.answer(asked)
        self.send_response(said.status)
        for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    do_GET = do_HEAD = do_PUT = do_DELETE = _handle  # noqa: N815 - the base class wants these names

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _serving(answer: Callable[[_Asked], _Said]) -> Iterator[_Server]:
    with _Server(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _like_azure(asked: _Asked) -> _Said:
    """One blob of three bytes, whatever it is called, unless that is `none`."""
    tag = {"ETag": '"0x1"'}
    if asked.path.endswith("/none"):
        body = b"<Error><Code>BlobNotFound</Code></Error>"
        return _Said(404, {"x-ms-error-code": "BlobNotFound"}, b"" if asked.method == "HEAD" else body)
    match asked.method:
        case "HEAD":
            return _Said(200, {**tag, "Content-Length": "3"})
        case "PUT":
            return _Said(201)
        case "DELETE":
            return _Said(202)
        case _:
            pass
    if "comp=list" in asked.path:
        listing = b"<?xml version='1.0'?><EnumerationResults><Blobs/></EnumerationResults>"
        return _Said(200, {"Content-Type": "application/xml"}, listing)
    if asked.headers.get("x-ms-range", "bytes=0-").startswith("bytes=0-"):
        return _Said(206, {**tag, "Content-Range": "bytes 0-2/3"}, b"abc")
    return _Said(416, {"x-ms-error-code": "InvalidRange"}, b"<Error/>")


def test_every_kind_of_reply_leaves_the_connection_to_the_next_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"data")
    with _serving(_like_azure) as server:
        store = _at(f"{server.url}/acc")
        store.create("a", b"x")
        store.create("a", b"")
        store.upload("a", str(tmp_path / "file"), entry_of(b"data"))
        for missing_one in (store.read, store.stat):
            with pytest.raises(NotFoundError):
                missing_one("none")
        assert store.read("a").data == b"abc"
        assert list(store.read_range("a", 5, 5)) == []
        assert list(store.read_range("a", 0, 3)) == [b"abc"]
        assert store.stat("a").size == 3
        store.delete("a")
        store.delete("none")
        assert store.list(delimiter=True) == ([], [])
        store.close()
    assert len(server.asked) == 12
    assert server.connections == 1


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", head(3) + b"a"])
def test_a_store_that_falls_silent_is_given_up(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(wire, "_TIMEOUT", urllib3.Timeout(connect=60, read=0.2))

    def silent(over: threading.Event) -> Iterator[bytes]:
        yield piece
        over.wait()

    server = Answering(silent)
    store = _at(f"{server.url}/acc")
    with pytest.raises(TransientError, match="does not answer"):
        store.read("a")
    store.close()
    server.close()


def test_requests_go_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Answering(DATA)
    monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pass@"))
    store = _at("http://storage.invalid/acc")
    assert store.read("a b").data == b"abc"
    store.close()
    proxy.close()
    [request] = proxy.requests
    assert request.startswith(b"GET http://storage.invalid/acc/box/base/a%20b HTTP/1.1\r\n")
    credentials = b64encode(b"me:pass")
    assert b"proxy-authorization: basic " + credentials.lower() in request.lower()


def test_no_proxy_is_asked_for_a_host_that_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Answering(DATA)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    store = _at(f"{server.url}/acc")
    assert store.read("a").data == b"abc"
    store.close()
    server.close()


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "http://", "http://[::1", "http://h:port"])
def test_a_proxy_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    store = _at("http://storage.invalid/acc")
    with pytest.raises(UnreachableError, match="the proxy fails") as caught:
        store.read("a")
    store.close()
    assert "HTTP_PROXY" in (caught.value.hint or "")


def test_a_certificate_is_trusted_only_when_its_authority_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, other = (make_certificate(tmp_path, name) for name in ("ours", "another"))
    server = Answering(DATA, server_context(certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    store = _at(f"{server.url}/acc")
    assert store.read("a").data == b"abc"
    store.close()
    for bundle in (other, tmp_path / "none.pem"):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        store = _at(f"{server.url}/acc")
        with pytest.raises(UnreachableError, match="no trusted connection") as caught:
            store.read("a")
        store.close()
        assert "REQUESTS_CA_BUNDLE" in (caught.value.hint or "")
    server.close()
