"""A SeaweedFS that is restarted while it is used, with what it holds and on the same ports."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.servers.process import PATIENCE, bound_to_us, ports_of_our_own, program
from tests.servers.seaweed import PORTS, SeaweedServer, client_of, options, remove_sockets, users


class Restarting:
    """A server that runs on PORTS ports, with its data in `folder`."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self._ports = ports
        self.server = SeaweedServer(f"http://127.0.0.1:{self._ports[0]}", f"http://127.0.0.1:{self._ports[1]}/metrics")
        weed = program("weed")
        assert weed
        (folder / "data").mkdir(parents=True)
        (folder / "s3.json").write_text(users())
        where = [f"-dir={folder / 'data'}", "-volume.max=50", f"-s3.config={folder / 's3.json'}"]
        self._command = [weed, f"-logdir={folder}", "server", *where, *options(self._ports)]
        self._process = self._started()
        self._wait(lambda: self._asked(lambda client: client.create_bucket(Bucket="ready")))

    def _started(self) -> subprocess.Popen[bytes]:
        nothing = subprocess.DEVNULL
        return subprocess.Popen(bound_to_us(self._command), stdin=nothing, stdout=nothing, stderr=nothing)

    def restart(self) -> None:
        """Stop it as a system does, and start it again; it is not waited for."""
        self.stop()
        self._process = self._started()

    def stop(self) -> None:
        """Let it save what it holds, and end."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        remove_sockets(self._ports)

    def wait_for_objects(self, bucket: str, count: int) -> None:
        """Until the bucket has so many objects."""

        def has() -> bool:
            return self._asked(lambda client: client.list_objects_v2(Bucket=bucket)["KeyCount"]) >= count

        self._wait(has)

    def _asked(self, ask: Callable[..., object]) -> int:
        """What a client is told: a count, or 1 for any other reply; 0 while it gets none."""
        from botocore.exceptions import BotoCoreError, ClientError

        with closing(client_of(self.server.url)) as client:
            try:
                told = ask(client)
            except (BotoCoreError, ClientError):
                return 0
        return told if isinstance(told, int) else 1

    def _wait(self, happened: Callable[[], object]) -> None:
        for _ in range(PATIENCE):
            if happened():
                return
            time.sleep(0.05)
        raise RuntimeError("the server does not get there")


@contextmanager
def serve_restarting(folder: Path) -> Iterator[Restarting]:
    """Run such a server until the end of the block."""
    with ports_of_our_own(PORTS) as ports:
        server = Restarting(folder, ports)
        try:
            yield server
        finally:
            server.stop()
