"""A network that is further away: passes bytes on, those that come back a while later.

``python -m tests.servers.delay PORT SECONDS`` prints the port on which it listens, and runs until its input ends. In a
process of its own, so that it takes no time from who measures.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


async def _dawdle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    underway: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await underway.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(deliver())
        while True:
            data = await reader.read(CHUNK)
            underway.put_nowait((loop.time() + seconds, data))
            if not data:
                return


async def _serve(port: int, seconds: float) -> None:
    async def meet(near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError, ExceptionGroup):
            await asyncio.gather(_hurry(near, far_out), _dawdle(far, near_out, seconds))
        for writer in (near_out, far_out):
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0, backlog=128)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # without a word on the connections that are still open


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
