"""Head and body of a small write leave together: some servers keep an empty object of a client that dies in between."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Callable

import pytest

from assetsync.backends.contract import Backend
from assetsync.backends.opening import open_backend
from assetsync.errors import DeniedError
from assetsync.model.manifest import StoreConfig

BODY = b"x" * 20_000 + b"the end of the body"
DENIED = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# Of `tcp_info` in linux/tcp.h: its size so far, and where `tcpi_data_segs_in` is.
INFO_SIZE = 232
SEGMENTS_WITH_DATA = 152


def _segments_of(write: Callable[[str], None]) -> int:
    """In how many segments the request came that `write` sends to an endpoint, whose URL it gets."""
    found: list[int] = []

    def serve() -> None:
        connection = listener.accept()[0]
        with connection:
            data = b""
            while BODY[-19:] not in data:
                data += connection.recv(1 << 20)
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
            found.append(struct.unpack_from("I", info, SEGMENTS_WITH_DATA)[0])
            connection.sendall(DENIED)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(DeniedError):
            write(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    return found[0]


def _backend(url: str, endpoint: str) -> Backend:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    return open_backend(StoreConfig(url, endpoint=endpoint), keys)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel has to count segments")
@pytest.mark.parametrize("url", ["s3://bucket/base", "gs://bucket/base"])
def test_a_small_write_is_one_segment(url: str) -> None:
    def write(endpoint: str) -> None:
        backend = _backend(url, endpoint)
        try:
            backend.create("a/1.0", BODY)
        finally:
            backend.close()

    assert _segments_of(write) == 1
