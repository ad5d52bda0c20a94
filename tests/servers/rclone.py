"""rclone's S3 server over a folder: a second implementation, in Go. It ignores preconditions; smoke and speed only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import accepts, program, running

ACCESS_KEY = "AKIDRCLONEEXAMPLE000"
SECRET_KEY = "rclone-secret-for-tests-only-000"  # 32 characters


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
    return program("rclone")


@contextmanager
def serve_rclone(folder: Path) -> Iterator[RcloneServer]:
    """Serve `folder` until the end of the block. RuntimeError when the server does not start."""
    found = rclone()
    if found is None:
        raise RuntimeError("rclone is not installed")

    def command(ports: list[int]) -> list[str]:
        address = f"127.0.0.1:{ports[0]}"
        return [found, "serve", "s3", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--addr", address, str(folder)]

    # Its own configuration is none of ours, and it complains when there is none.
    with running(command, lambda ports: accepts(ports[0]), environ={"RCLONE_CONFIG": ""}) as ports:
        yield RcloneServer(f"http://127.0.0.1:{ports[0]}", folder)
