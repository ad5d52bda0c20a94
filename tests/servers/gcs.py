"""A small Cloud Storage for tests: its JSON API, as far as assetsync, gcsfs and google-cloud-storage use it.

It has what matters here: generations, preconditions that are checked and acted on in one step, checksums that are
compared before anything is stored, pages, resumable uploads by its rules, rewrites in rounds, ranges, and faults.

``with GCSServer() as server:`` runs it in a thread; ``python -m tests.servers.gcs`` in a process of its own, which
prints its URL and serves until its standard input ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import google_crc32c

from tests.contract.harness import Fault

GRAIN = 256 * 1024
PAGE = 1000


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Refused(Exception):  # noqa: N818 - a reply, thrown
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        error = {"code": status, "message": message, "errors": [{"message": message, "reason": reason}]}
        self.reply = as_json({"error": error}, status)


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(value).encode())


class Request(NamedTuple):
    """A request; the names of `headers` are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_api(self) -> bool:
        """Whether it has to say who asks: a session URI stands for itself."""
        return "upload_id" not in self.query and self.path != "/token"

    @property
    def is_write(self) -> bool:
        return self.method != "GET" and not self.headers.get("content-range", "").startswith("bytes */")

    @property
    def is_media(self) -> bool:
        return self.method == "GET" and self.query.get("alt") == "media"

    @property
    def has_data(self) -> bool:
        return self.query.get("uploadType") == "multipart" or ("upload_id" in self.query and bool(self.body))


@dataclass(frozen=True, slots=True)
class Stored:
    """An object. `written` is in seconds since the epoch."""

    name: str
    data: bytes
    generation: int
    written: float
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"
    kms_key: str | None = None
    storage_class: str = "STANDARD"

    @property
    def hashes(self) -> dict[str, str]:
        return {"crc32c": crc32c(self.data), "md5Hash": md5(self.data)}

    def resource(self, bucket: str, root: str) -> dict[str, Any]:
        written = datetime.fromtimestamp(self.written, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{self.name}/{self.generation}",
            "selfLink": f"{root}/storage/v1/b/{bucket}/o/{quote(self.name, safe='')}",
            "mediaLink": f"{root}/download/storage/v1/b/{bucket}/o/{quote(self.name, safe='')}?alt=media",
            "name": self.name,
            "bucket": bucket,
            "generation": str(self.generation),
            "metageneration": "1",
            "contentType": self.content_type,
            "storageClass": self.storage_class,
            "size": str(len(self.data)),
            "timeCreated": written,
            "updated": written,
            **self.hashes,
            **({"metadata": dict(self.metadata)} if self.metadata else {}),
            **({"kmsKeyName": self.kms_key} if self.kms_key else {}),
        }


@dataclass(slots=True)
class Session:
    """A resumable upload. `done` is the object that it made."""

    bucket: str
    query: dict[str, str]
    resource: dict[str, Any]
    data: bytearray = field(default_factory=bytearray)
    done: Stored | None = None


def crc32c(data: bytes) -> str:
    return base64.b64encode(int(google_crc32c.value(data)).to_bytes(4, "big")).decode()


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def picked(value: Any, fields: str) -> Any:
    """The partial response that the parameter `fields` asks for: names, and names(with, parts)."""
    if not fields or not isinstance(value, dict):
        return value
    found = {}
    for name, inner in re.findall(r"(\w+)(?:\(([^()]*)\))?", fields):
        if name in value:
            part = value[name]
            found[name] = [picked(item, inner) for item in part] if isinstance(part, list) else picked(part, inner)
    return found


class Storage:
    """The buckets, and what each request does to them. `answer` is one step for all that it touches."""

    def __init__(self, buckets: Iterable[str]) -> None:
        self.buckets: dict[str, dict[str, Stored]] = {name: {} for name in buckets}
        self.sessions: dict[str, Session] = {}
        self.root = ""
        # Bytes that one round of a rewrite copies.
        self.rewrite_at_once = 1024 * 1024
        # Bytes of a chunk that are kept, when not all are.
        self.keeps: int | None = None
        # Whether a resumable upload to an object that exists is refused at its beginning, not only at its end.
        self.refuses_early = True
        self.verifies = True
        self.requester_pays = False
        # Requests without this access token are denied. `POST /token` gives it to whoever asks.
        self.token: str | None = None
        self._rewrites: dict[str, int] = {}
        self._generation = 0
        self._lock = threading.Lock()

    def put(self, bucket: str, name: str, data: bytes, **more: Any) -> Stored:
        """Store an object, whatever is there. For tests."""
        with self._lock:
            return self._store(bucket, name, data, **more)

    def get(self, bucket: str, name: str) -> Stored | None:
        """An object. For tests."""
        return self.buckets[bucket].get(name)

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self._admit(request)
            for method, pattern, action in self._ROUTES:
                match = re.fullmatch(pattern, request.path)
                if match and request.method in method:
                    names = [unquote(name) for name in match.groups()]
                    if names and names[0] not in self.buckets:
                        raise Refused(404, "notFound", "The specified bucket does not exist.")
                    return action(self, request, *names)
        raise Refused(404, "notFound", f"Not Found: {request.method} {request.path}")

    def _admit(self, request: Request) -> None:
        given = request.headers.get("authorization")
        if self.token and request.is_api and given != f"Bearer {self.token}":
            raise Refused(401, *(("authError", "Invalid Credentials") if given else ("required", "Anonymous caller.")))
        if self.requester_pays and request.is_api and "userProject" not in request.query:
            message = "Bucket is a requester pays bucket but no user project provided."
            raise Refused(400, "required", message)

    def _list(self, request: Request, bucket: str) -> Reply:
        query = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        after = base64.b64decode(query["pageToken"]).decode() if query.get("pageToken") else ""
        items: list[Any] = []
        folders: list[str] = []
        page: dict[str, Any] = {"kind": "storage#objects"}
        most = min(int(query.get("maxResults", PAGE)), PAGE)
        for name in sorted(self.buckets[bucket], key=str.encode):
            if not name.startswith(prefix):
                continue
            stop = name.find(delimiter, len(prefix)) if delimiter else -1
            shown = name[: stop + 1] if stop >= 0 else name
            if shown.encode() <= after.encode() or (folders and shown == folders[-1]):
                continue
            if len(items) + len(folders) == most:
                last = max([*folders[-1:], *[item["name"] for item in items[-1:]]], key=str.encode)
                page["nextPageToken"] = base64.b64encode(last.encode()).decode()
                break
            if stop >= 0:
                folders.append(shown)
            else:
                items.append(self.buckets[bucket][name].resource(bucket, self.root))
        page |= {**({"items": items} if items else {}), **({"prefixes": folders} if folders else {})}
        return as_json(picked(page, query.get("fields", "")))

    def _read(self, request: Request, bucket: str, name: str) -> Reply:
        found = self._found(request, bucket, name)
        if request.query.get("ifGenerationNotMatch") == str(found.generation):
            return Reply(304, {}, b"")
        self._check(request.query, bucket, name)
        if not request.is_media:
            return as_json(picked(found.resource(bucket, self.root), request.query.get("fields", "")))
        hashes = found.hashes
        headers = {
            "Content-Type": found.content_type,
            "X-Goog-Generation": str(found.generation),
            "X-Goog-Hash": f"crc32c={hashes['crc32c']},md5={hashes['md5Hash']}",
            "Last-Modified": formatdate(found.written, usegmt=True),
        }
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not span:
            return Reply(200, headers, found.data)
        first, size = int(span[1]), len(found.data)
        last = min(int(span[2] or size - 1), size - 1)
        if first >= size:
            raise Refused(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Reply(206, headers, found.data[first : last + 1])

    def _patch(self, request: Request, bucket: str, name: str) -> Reply:
        found = self._found(request, bucket, name)
        self._check(request.query, bucket, name)
        changed = replace(found, metadata=json.loads(request.body).get("metadata", found.metadata))
        self.buckets[bucket][name] = changed
        return as_json(changed.resource(bucket, self.root))

    def _delete(self, request: Request, bucket: str, name: str) -> Reply:
        self._found(request, bucket, name)
        self._check(request.query, bucket, name)
        del self.buckets[bucket][name]
        return Reply(204, {}, b"")

    def _rewrite(self, request: Request, bucket: str, name: str, to_bucket: str, to_name: str) -> Reply:
        found = self._found(request, bucket, name)
        self._check(request.query, to_bucket, to_name)
        token = request.query.get("rewriteToken") or uuid.uuid4().hex
        done = self._rewrites.get(token, 0) + self.rewrite_at_once
        size = len(found.data)
        reply = {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": str(min(done, size)),
            "objectSize": str(size),
            "done": done >= size,
        }
        if done < size:
            self._rewrites[token] = done
            return as_json(picked({**reply, "rewriteToken": token}, request.query.get("fields", "")))
        # Metadata of the source is kept only where the request brings none at all.
        resource = json.loads(request.body) if request.body else {"metadata": found.metadata}
        query = {"kmsKeyName": request.query.get("destinationKmsKeyName", "")}
        copy = self._store_resource(to_bucket, {**resource, "name": to_name}, found.data, query)
        reply["resource"] = copy.resource(to_bucket, self.root)
        return as_json(picked(reply, request.query.get("fields", "")))

    def _insert(self, request: Request, bucket: str) -> Reply:
        if "upload_id" in request.query:
            return self._session(request, bucket)
        kind = request.query.get("uploadType")
        if kind == "resumable":
            return self._begin(request, bucket)
        if kind == "multipart":
            resource, data = related_parts(request)
        else:
            resource, data = {"name": request.query["name"]}, request.body
        self._verify(resource, data)
        self._check(request.query, bucket, resource["name"])
        stored = self._store_resource(bucket, resource, data, request.query)
        return as_json(picked(stored.resource(bucket, self.root), request.query.get("fields", "")))

    def _begin(self, request: Request, bucket: str) -> Reply:
        resource = json.loads(request.body) if request.body else {}
        resource.setdefault("name", request.query.get("name"))
        if self.refuses_early:
            self._check(request.query, bucket, resource["name"])
        upload_id = uuid.uuid4().hex
        self.sessions[upload_id] = Session(bucket, request.query, resource)
        return Reply(200, {"Location": f"{self.root}{request.path}?uploadType=resumable&upload_id={upload_id}"}, b"")

    def _session(self, request: Request, bucket: str) -> Reply:
        session = self.sessions.get(request.query["upload_id"])
        if session is None:
            raise Refused(404, "notFound", "Upload session not found.")
        if request.method == "DELETE":
            del self.sessions[request.query["upload_id"]]
            return Reply(499, {}, b"")
        if session.done is None:
            span = re.fullmatch(r"bytes (?:\*|(\d+)-(\d+))/(\d+|\*)", request.headers["content-range"])
            assert span, request.headers["content-range"]
            self._append(session, request.body, span[1] and int(span[1]), span[3])
            if span[3] != str(len(session.data)):
                kept = {"Range": f"bytes=0-{len(session.data) - 1}"} if session.data else {}
                return Reply(308, kept, b"")
            self._finish(session, request)
        assert session.done
        return as_json(session.done.resource(session.bucket, self.root))

    def _append(self, session: Session, body: bytes, first: int | str | None, total: str) -> None:
        if not body:
            return
        assert isinstance(first, int)
        has = len(session.data)
        is_last = total != "*" and first + len(body) == int(total)
        if first > has:
            raise Refused(
                400, "invalid", f"The upload offset is {first} byte(s), which exceeds already uploaded {has}."
            )
        if not is_last and len(body) % GRAIN:
            raise Refused(400, "invalid", "Chunks must be multiples of 256 KiB.")
        kept = body if self.keeps is None else body[: self.keeps]
        session.data += kept[has - first :]

    def _finish(self, session: Session, request: Request) -> None:
        data = bytes(session.data)
        told = dict(part.strip().split("=", 1) for part in request.headers.get("x-goog-hash", "").split(",") if part)
        resource = dict(session.resource)
        if "crc32c" in told:
            resource["crc32c"] = told["crc32c"]
        if "md5" in told:
            resource["md5Hash"] = told["md5"]
        try:
            self._verify(resource, data)
            self._check(session.query, session.bucket, resource["name"])
        except Refused:
            session.data.clear()
            raise
        session.done = self._store_resource(session.bucket, resource, data, session.query)

    def _bucket(self, request: Request, bucket: str) -> Reply:
        return as_json({"kind": "storage#bucket", "id": bucket, "name": bucket, "location": "US"})

    def _new_bucket(self, request: Request) -> Reply:
        name = json.loads(request.body)["name"]
        self.buckets.setdefault(name, {})
        return self._bucket(request, name)

    def _token(self, request: Request) -> Reply:
        return as_json({"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})

    def _found(self, request: Request, bucket: str, name: str) -> Stored:
        found = self.buckets[bucket].get(name)
        if found is None or request.query.get("generation", str(found.generation)) != str(found.generation):
            raise Refused(404, "notFound", f"No such object: {bucket}/{name}")
        return found

    def _check(self, query: Mapping[str, str], bucket: str, name: str) -> None:
        found = self.buckets[bucket].get(name)
        generation = str(found.generation) if found else "0"
        wrong = query.get("ifGenerationMatch", generation) != generation
        if wrong or query.get("ifGenerationNotMatch") == generation:
            raise Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")

    def _verify(self, resource: Mapping[str, Any], data: bytes) -> None:
        for name, computed in (("crc32c", crc32c), ("md5Hash", md5)):
            told = resource.get(name)
            if self.verifies and told is not None and told != computed(data):
                title = name.removesuffix("Hash").upper()
                message = f'Provided {title} hash "{told}" doesn\'t match calculated {title} hash "{computed(data)}".'
                raise Refused(400, "invalid", message)

    def _store_resource(
        self, bucket: str, resource: Mapping[str, Any], data: bytes, query: Mapping[str, str]
    ) -> Stored:
        more = {"content_type": resource["contentType"]} if resource.get("contentType") else {}
        if resource.get("storageClass"):
            more["storage_class"] = resource["storageClass"]
        kms_key = query.get("kmsKeyName")
        return self._store(
            bucket, resource["name"], data, metadata=resource.get("metadata") or {}, kms_key=kms_key, **more
        )

    def _store(self, bucket: str, name: str, data: bytes, **more: Any) -> Stored:
        now = time.time()
        self._generation = max(self._generation + 1, int(now * 1_000_000))
        stored = Stored(name, data, self._generation, **{"written": now, **more})
        self.buckets[bucket][name] = stored
        return stored

    _OBJECT = r"/storage/v1/b/([^/]+)/o/(.+)"
    _ROUTES: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
        ("GET", r"/storage/v1/b/([^/]+)", _bucket),
        ("POST", r"/storage/v1/b/?", _new_bucket),
        ("POST", r"/token", _token),
        ("GET", r"/storage/v1/b/([^/]+)/o/?", _list),
        ("POST", r"/storage/v1/b/([^/]+)/o/([^/]+)/rewriteTo/b/([^/]+)/o/([^/]+)", _rewrite),
        ("GET", rf"(?:/download)?{_OBJECT}", _read),
        ("PATCH", _OBJECT, _patch),
        ("DELETE", _OBJECT, _delete),
        ("POST PUT DELETE", r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o/?", _insert),
    )


def related_parts(request: Request) -> tuple[dict[str, Any], bytes]:
    """The resource and the data of an upload in one request, multipart/related."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    assert boundary, request.headers["content-type"]
    mark = b"--" + boundary[1].encode()
    _, resource, rest = request.body.split(mark, 2)
    data, _, _ = rest.rpartition(mark)
    blank = re.compile(rb"\r?\n\r?\n")
    return json.loads(blank.split(resource, 1)[1]), re.sub(rb"\r?\n\Z", b"", blank.split(data, 1)[1])


class GCSFaults:
    """See `tests.contract.harness.Faults`; and replies of the test's choice."""

    possible = frozenset(Fault)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Callable[[Request], bool], Fault | Reply]] = []
        # Called with each request before it is answered, in the thread that answers it.
        self.watch: Callable[[Request], object] = _to_any
        self._requests: list[Request] = []

    @property
    def requests(self) -> int:
        with self._lock:
            return len(self._requests)

    @property
    def seen(self) -> list[Request]:
        """The requests so far, without their bodies."""
        with self._lock:
            return list(self._requests)

    def inject(self, fault: Fault, times: int = 1) -> None:
        with self._lock:
            self._pending += [(_APPLIES.get(fault, _to_any), fault)] * times

    def reply(self, reply: Reply, *, to: Callable[[Request], bool] | None = None) -> None:
        """Answer the next request (of which `to` is true) with `reply`."""
        with self._lock:
            self._pending.append((to or _to_any, reply))

    def refuse(self, status: int, reason: str, message: str, *, to: Callable[[Request], bool] | None = None) -> None:
        """Answer the next request (of which `to` is true) with this refusal."""
        self.reply(Refused(status, reason, message).reply, to=to)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    def take(self, request: Request) -> Fault | Reply | None:
        with self._lock:
            self._requests.append(request._replace(body=b""))
            for number, (applies, fault) in enumerate(self._pending):
                if applies(request):
                    del self._pending[number]
                    return fault
        return None


def _to_any(request: Request) -> bool:
    return True


_APPLIES: dict[Fault, Callable[[Request], bool]] = {
    Fault.CUT_BODY: lambda request: request.is_media,
    Fault.LOST_REPLY: lambda request: request.is_write,
    Fault.CORRUPT: lambda request: request.has_data,
}
_REFUSALS = {
    Fault.SLOW_DOWN: Refused(429, "rateLimitExceeded", "The request rate is too high.").reply,
    Fault.SERVER_ERROR: Refused(503, "backendError", "We encountered an internal error. Please try again.").reply,
    Fault.DENIED: Refused(403, "forbidden", "someone@example.com does not have access to the object.").reply,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HTTPServer

    def _handle(self) -> None:
        url = urlsplit(self.path)
        request = Request(
            self.command,
            url.path,
            dict(parse_qsl(url.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.faults.watch(request)
        fault = self.server.faults.take(request)
        if fault is Fault.CUT:
            self.close_connection = True
            return
        if fault is Fault.CORRUPT:
            middle = len(request.body) // 2
            flipped = bytes([request.body[middle] ^ 1])
            request = request._replace(body=request.body[:middle] + flipped + request.body[middle + 1 :])
        reply = fault if isinstance(fault, Reply) else _REFUSALS.get(fault) or self._answer(request)  # type: ignore[arg-type]
        if fault is Fault.LOST_REPLY:
            self.close_connection = True
            return
        self._send(reply, is_cut=fault is Fault.CUT_BODY)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - names of http.server

    def _answer(self, request: Request) -> Reply:
        try:
            return self.server.storage.answer(request)
        except Refused as refused:
            return refused.reply

    def _send(self, reply: Reply, *, is_cut: bool) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if is_cut else reply.body)
        self.close_connection = self.close_connection or is_cut

    def log_message(self, format: str, *args: object) -> None:
        pass


class _HTTPServer(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, storage: Storage, faults: GCSFaults) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.storage = storage
        self.faults = faults
        self.daemon_threads = False  # so that `server_close` waits for them, and no socket is left open
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may go when they like
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that clients keep."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class GCSServer:
    """The server, while the block lasts. `storage` is what it holds, `faults` what it does wrong."""

    def __init__(self, *buckets: str) -> None:
        self.storage = Storage(buckets or ("bucket",))
        self.faults = GCSFaults()
        self._server = _HTTPServer(self.storage, self.faults)
        self.url = self.storage.root = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gcs")

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know."""
        return {"STORAGE_EMULATOR_HOST": self.url}

    @property
    def requests(self) -> list[Request]:
        return self.faults.seen

    @property
    def connections(self) -> int:
        """How many clients have connected so far."""
        return self._server.connections

    def __enter__(self) -> GCSServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


@contextmanager
def serve(*buckets: str) -> Iterator[GCSServer]:
    """A server until the end of the block."""
    with GCSServer(*buckets) as server:
        yield server


def main() -> None:
    with GCSServer(*sys.argv[1:]) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
