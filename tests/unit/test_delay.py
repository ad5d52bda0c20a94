"""The network that is further away, which other tests and the benchmarks go through."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from tests.servers.delay import delayed

RESET = b"\1\0\0\0\0\0\0\0"  # the option to linger, for no time


def test_connections_that_end_in_any_way_are_not_worth_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ExitStack() as stack,
        delayed(server.getsockname()[1], 0.001) as port,
    ):
        for number in range(300):
            near = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            far = stack.enter_context(server.accept()[0])
            near.sendall(b"asked")
            assert far.recv(5) == b"asked"
            far.sendall(b"answered")
            assert near.recv(8) == b"answered"
            match number % 3:
                case 0:
                    near.close()  # the server goes on
                case 1:
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    near.close()
                case _:
                    pass  # open until the end
    assert capfd.readouterr() == ("", "")
