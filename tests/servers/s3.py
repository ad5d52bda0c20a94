"""An S3 to test against, over real HTTP: moto's implementation behind a layer that is as strict as AWS.

moto stores and lists; the layer verifies signatures and checksums, makes check and store one step, counts requests, and
breaks them on demand. Used in a process by ``with S3Server() as server``, and for other processes by
``python -m tests.servers.s3 BUCKET...``, which prints its environment variables as JSON and runs until its input ends.
"""

from __future__ import annotations

import io
import json
import socket
import ssl
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from tests.servers.s3_checks import (
    ACCESS_KEY,
    REFUSALS,
    SECRET_KEY,
    Incoming,
    PartChecksums,
    RefusedError,
    check_body,
    check_conditions,
    check_signature,
    composite,
)

ACCOUNT = "123456789012"


class Break(Enum):
    """What goes wrong with a connection."""

    CUT = auto()  # closed before anything is done
    LOST_REPLY = auto()  # closed when it is done, without a reply
    CUT_BODY = auto()  # closed in the middle of the reply's body
    STALL = auto()  # half of the reply's body, and then silence until the client hangs up
    CORRUPT = auto()  # a bit of the request's body flips
    LATE_ERROR = auto()  # status 200, and an InternalError in the body


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that `applies` to: a code of REFUSALS, or a Break.

    `early` errors are sent before the body of a request that expects "100 Continue".
    """

    what: str | Break
    times: int = 1
    applies: Callable[[Incoming], bool] = lambda request: True
    early: bool = False


class Answer:
    """A status, headers and a body; headers are completed when it is sent."""

    def __init__(self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        self.status = status
        self.headers = list(headers)
        self.body = body


def _refusal(request: Incoming, code: str, **details: str) -> Answer:
    status, message = REFUSALS[code]
    elements = {"Code": code, "Message": message, "Key": request.key, **details}
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    return Answer(status, [("Content-Type", "application/xml")], body)


class S3Server:
    """A running server. All servers of a process share moto's objects: use buckets of other names."""

    def __init__(self, *, region: str = "us-east-1", latency: float = 0.0, tls: ssl.SSLContext | None = None) -> None:
        import tests.servers.boto  # noqa: F401 - for the clients

        self.region = region
        self.latency = latency  # seconds, before each reply
        self.honours_conditions = True
        self.faults: list[Fault] = []
        self.replies: list[bytes] = []  # bodies to answer the next requests with, whatever they ask
        self.requests: Counter[str] = Counter()
        self.seen: deque[Incoming] = deque(maxlen=1000)
        self.total = 0
        self.sent = 0  # bytes of bodies of replies
        self._lock = threading.Lock()
        self._storage = threading.Lock()
        self._moto = _Moto()
        self._parts = PartChecksums()
        self._http = _Http(self)
        self._scheme = "http"
        if tls is not None:
            # Each connection shakes hands in a thread of its own.
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
            self._scheme = "https"

    def __enter__(self) -> S3Server:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), name="s3", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know, in the variables of AWS."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name: str) -> None:
        self._moto.make_bucket(name)

    def count_sent(self, size: int) -> None:
        """Count the bytes of a body that goes out."""
        with self._lock:
            self.sent += size

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store an object without a request."""
        with self._storage:
            self._moto.put(bucket, key, data)

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects, without a request."""
        with self._storage:
            return self._moto.keys(bucket)

    def put_parts(self, bucket: str, key: str, upload_id: str, parts: Iterable[bytes]) -> None:
        """Store the parts of an upload without requests."""
        with self._storage:
            self._moto.put_parts(bucket, key, upload_id, parts)

    def uploads(self, bucket: str, prefix: str = "") -> int:
        """How many uploads in parts to keys under `prefix` are neither completed nor aborted."""
        with self._storage:
            return self._moto.uploads(bucket, prefix)

    @property
    def connections(self) -> int:
        """How many were ever made."""
        return self._http.accepted

    def inject(self, what: str | Break, times: int = 1, *kinds: str, early: bool = False) -> None:
        """A Fault for requests of these kinds, or of any."""
        self.faults.append(Fault(what, times, lambda request: not kinds or request.kind in kinds, early))

    def take(self, request: Incoming, *, early: bool = False) -> str | Break | None:
        """What goes wrong with this request, if anything."""
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.early is early and fault.applies(request):
                    fault.times -= 1
                    return fault.what
        return None

    def count(self, request: Incoming) -> None:
        with self._lock:
            self.requests[request.kind] += 1
            self.seen.append(request)
            self.total += 1

    def answer(self, request: Incoming, fault: str | Break | None) -> Answer:
        """What the store says, after doing it."""
        if isinstance(fault, str):
            return _refusal(request, fault)
        if self.replies:
            return Answer(200, body=self.replies.pop(0))
        try:
            if fault is Break.CORRUPT and request.body:
                request.body = bytes([request.body[0] ^ 1]) + request.body[1:]
            check_signature(request, self.region)
            check_body(request)
            if fault is Break.LATE_ERROR:
                return Answer(200, [("Content-Type", "application/xml")], _refusal(request, "InternalError").body)
            with self._storage:
                if self.honours_conditions:
                    check_conditions(request, self._moto.etag(request.bucket, request.key))
                self._parts.check(request)
                answer = self._moto.call(request)
                if answer.status == 200:
                    answer.body = self._parts.followed(request, answer.body)
                    answer.headers = composite(answer.headers)
                return answer
        except RefusedError as error:
            return _refusal(request, error.code, **error.details)


class _Moto:
    """moto's S3 as a function. Importing it takes half a second."""

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import create_backend_app
        from moto.s3 import models

        vars(models)["S3_UPLOAD_PART_MIN_SIZE"] = 1
        self._app: Any = create_backend_app("s3")
        self._backend: Any = models.s3_backends[ACCOUNT]["aws"]

    def make_bucket(self, name: str) -> None:
        if name not in self._backend.buckets:
            self._backend.create_bucket(name, "us-east-1")

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self._backend.put_object(bucket, key, data)

    def keys(self, bucket: str) -> list[str]:
        return sorted(self._backend.buckets[bucket].keys)

    def put_parts(self, bucket: str, key: str, upload_id: str, parts: Iterable[bytes]) -> None:
        for number, data in enumerate(parts, start=1):
            self._backend.upload_part(bucket, upload_id, number, data)

    def uploads(self, bucket: str, prefix: str) -> int:
        return sum(upload.key_name.startswith(prefix) for upload in self._backend.buckets[bucket].multiparts.values())

    def etag(self, bucket: str, key: str) -> str | None:
        found = self._backend.buckets.get(bucket)
        entry = found.keys.get(key) if found else None
        return entry.etag if entry is not None and hasattr(entry, "etag") else None

    def call(self, request: Incoming) -> Answer:
        """One request, by WSGI. Conditions have been checked, so moto does not see those of writes."""
        uri = request.path + (f"?{request.query}" if request.query else "")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(request.path).encode().decode("latin-1"),
            "QUERY_STRING": request.query,
            "RAW_URI": uri,
            "REQUEST_URI": uri,
            "SERVER_NAME": "s3.amazonaws.com",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(request.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.items():
            if request.method in ("GET", "HEAD") or name not in ("if-match", "if-none-match"):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        environ["HTTP_HOST"] = "s3.amazonaws.com"
        if "x-amz-checksum-sha256" in request.headers:
            environ["HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"] = "SHA256"  # without it, moto forgets the checksum
        started: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = self._app(environ, lambda status, headers, _=None: started.append((status, headers)))
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        status, headers = started[0]
        return Answer(int(status.split()[0]), headers, body)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, server: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.s3 = server
        self.accepted = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.accepted += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or trusts no certificate, is none of our errors; others must not pass unseen."""
        if not isinstance(sys.exc_info()[1], ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close what clients keep open."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def handle_expect_100(self) -> bool:
        request = self._incoming(b"")
        code = self.server.s3.take(request, early=True)
        if not isinstance(code, str):
            return super().handle_expect_100()
        self.server.s3.count(request)
        self._send(request, _refusal(request, code), None)
        self.close_connection = True
        return False

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if len(body) < int(self.headers.get("Content-Length", "0")):
            self.close_connection = True  # the client has hung up
            return
        server = self.server.s3
        request = self._incoming(body)
        server.count(request)
        fault = server.take(request)
        if server.latency:
            time.sleep(server.latency)
        if fault is Break.CUT:
            self._hang_up()
            return
        answer = server.answer(request, fault)
        if fault is Break.LOST_REPLY:
            self._hang_up()
            return
        self._send(request, answer, fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names of the standard library

    def _incoming(self, body: bytes) -> Incoming:
        path, _, query = self.path.partition("?")
        if "://" in path:  # as a proxy gets it
            path = "/" + path.split("/", 3)[3]
        return Incoming(self.command, path, query, {name.lower(): value for name, value in self.headers.items()}, body)

    def _send(self, request: Incoming, answer: Answer, fault: str | Break | None) -> None:
        headers = [*answer.headers, ("Date", formatdate(usegmt=True))]
        if request.method != "HEAD" and answer.status != 204:
            headers = [pair for pair in headers if pair[0].lower() != "content-length"]
            headers.append(("Content-Length", str(len(answer.body))))
        lines = [f"HTTP/1.1 {answer.status} {answer.status}", *(f"{name}: {value}" for name, value in headers)]
        body = b"" if request.method == "HEAD" or answer.status == 204 else answer.body
        self.server.s3.count_sent(len(body))
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if fault in (Break.CUT_BODY, Break.STALL):
            self.wfile.write(head + body[: len(body) // 2])
            if fault is Break.STALL:
                self.connection.recv(1)  # returns when the client hangs up
            self._hang_up()
            return
        self.wfile.write(head + body)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        pass


def main(buckets: list[str]) -> None:
    with S3Server() as server:
        for name in buckets:
            server.make_bucket(name)
        sys.stdout.write(json.dumps(server.environ) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
