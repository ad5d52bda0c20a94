"""A network that is further away: passes bytes on, those that come back a while later.

``python -m tests.servers.delay PORT SECONDS`` prints the port on which it listens, and runs until its input ends. In a
process of its own, so that it takes no time from who measures.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHUNK = 256 * 1024


@contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """A port that is `seconds` of round trip away from the local `port`."""
    command = [sys.executable, "-P", "-m", "tests.servers.delay", str(port), str(seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


async def _hurry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _read(reader: asyncio.StreamReader, underway: asyncio.Queue[tuple[float, bytes]], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    data = b"begin"
    while data:
        data = await reader.read(CHUNK)
        underway.put_nowait((loop.time() + seconds, data))


async def _deliver(underway: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await underway.get()
        await asyncio.sleep(max(0.0, due - loop.time()))
        if not data:
            return
        writer.write(data)
        await writer.drain()


async def _pass_on(port: int, seconds: float, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
    """One connection, until both ends have said all, or one of them is gone: then nothing waits for the other."""
    underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    with closing(near_out):
        try:
            far, far_out = await asyncio.open_connection("127.0.0.1", port)
            with closing(far_out):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_hurry(near, far_out))
                    tasks.create_task(_read(far, underway, seconds))
                    tasks.create_task(_deliver(underway, near_out))
        except* OSError:
            pass


async def _serve(port: int, seconds: float) -> None:
    connections: set[asyncio.Task[None]] = set()  # the loop itself keeps none of its tasks alive

    def meet(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_pass_on(port, seconds, near, near_out))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(meet, "127.0.0.1", 0, backlog=128)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()  # the connections that are still open are cancelled at the end of `run`


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
