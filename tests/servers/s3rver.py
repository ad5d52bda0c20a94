"""s3rver, a small S3 in Node.js: like rclone's, it ignores preconditions, and its code has nothing in common with it.

`ASSETSYNC_S3RVER` says where npm has installed it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import accepts, running

# The only one that it knows.
KEY = "S3RVER"

_ROOT = Path(__file__).parents[2]
_SCRIPT = """
const S3rver = require('@20minutes/s3rver');
new S3rver({address: '127.0.0.1', silent: true, ...JSON.parse(process.argv[1])}).run();
"""


@dataclass(frozen=True, slots=True)
class S3rverServer:
    """A running server."""

    url: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know, in the variables of AWS."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _modules() -> Path:
    return Path(os.environ.get("ASSETSYNC_S3RVER") or _ROOT / ".cache/s3rver") / "node_modules"


def missing() -> str | None:
    """Why it can't run here; None when it can."""
    if shutil.which("node") is None:
        return "s3rver needs Node.js, which is not installed"
    if not (_modules() / "@20minutes/s3rver").exists():
        return "s3rver is not installed: npm install --prefix .cache/s3rver @20minutes/s3rver@4"
    return None


@contextmanager
def serve_s3rver(folder: Path, bucket: str) -> Iterator[S3rverServer]:
    """Run the server until the end of the block, with one bucket. RuntimeError when it does not start."""

    def command(ports: list[int]) -> list[str]:
        options = {"port": ports[0], "directory": str(folder), "configureBuckets": [{"name": bucket}]}
        return ["node", "-e", _SCRIPT, json.dumps(options)]

    with running(command, lambda ports: accepts(ports[0]), environ={"NODE_PATH": str(_modules())}) as ports:
        yield S3rverServer(f"http://127.0.0.1:{ports[0]}")
