"""rclone's S3 server over a folder: a second implementation, in Go. It ignores preconditions; smoke and speed only."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ACCESS_KEY = "AKIDRCLONEEXAMPLE000"
SECRET_KEY = "rclone-secret-for-tests-only-000"  # 32 characters
START_TRIES = 200


@dataclass(frozen=True, slots=True)
class RcloneServer:
    """A running server. Each folder in `folder` is a bucket."""

    url: str
    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know, in the variables of AWS."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def rclone() -> str | None:
    """The program, from the environment of this Python or from the path."""
    here = os.path.dirname(sys.executable)
    return shutil.which("rclone", path=os.pathsep.join([here, os.environ.get("PATH", "")]))


@contextmanager
def serve_rclone(folder: Path) -> Iterator[RcloneServer]:
    """Serve `folder` until the end of the block. RuntimeError when the server does not start."""
    program = rclone()
    if program is None:
        raise RuntimeError("rclone is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [program, "serve", "s3", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--addr", address, str(folder)]
    # Its own configuration is none of ours, and it complains when there is none.
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "RCLONE_CONFIG": ""})
    try:
        _wait(port, process)
        yield RcloneServer(f"http://{address}", folder)
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(START_TRIES):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        return
    raise RuntimeError("rclone did not start")
