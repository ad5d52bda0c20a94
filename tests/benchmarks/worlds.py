"""Stores, files, projects, and how each program is told to do a work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from assetsync.local.hashing import RACY
from assetsync.local.scan import scan
from assetsync.lock.text import render_lock
from assetsync.model.lock import Lock, LockEntry
from assetsync.model.tree import Tree
from assetsync.plan.snapshot import Present
from assetsync.remote.documents import Meta, render_meta, render_versions
from assetsync.state.cache import Cache
from tests.benchmarks import peers
from tests.benchmarks.measure import Job
from tests.servers.process import program
from tests.servers.rclone import serve_rclone

WIDTH = 32  # requests at once, of the peers that can be told
FILES_PER_FOLDER = 100
BLOCK = 1024 * 1024
MARK = 8
_buckets = count()
_contents = count()
_discarded = count()

_PUSH = "import sys; from modelkit.assets.remote import StorageProvider; StorageProvider().new(*sys.argv[1:])"
_FETCH = """
import sys
from modelkit.assets.manager import AssetsManager
from modelkit.assets.remote import StorageProvider
AssetsManager(storage_provider=StorageProvider()).fetch_asset(sys.argv[1])
"""
_LIST = "from modelkit.assets.remote import StorageProvider; print(len(list(StorageProvider().iterate_assets())))"


@dataclass(frozen=True, slots=True)
class Place:
    """A server. `requests` counts them, where it can; `folder` holds the buckets of one that ignores preconditions."""

    name: str
    url: str
    environ: Mapping[str, str]
    requests: Callable[[], int] | None = None
    folder: Path | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a client."""
        return {**self.environ, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": self.environ["AWS_REGION"]}

    def client(self) -> Any:
        """A client of boto3, to be closed."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.environ["AWS_REGION"],
            aws_access_key_id=self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environ["AWS_SECRET_ACCESS_KEY"],
        )

    def begin(self, bucket: str) -> None:
        """Make a bucket and write to it, so that nobody pays for the first write."""
        with closing(self.client()) as client:
            client.create_bucket(Bucket=bucket)
            client.put_object(Bucket=bucket, Key="first", Body=b"x")

    def end(self, bucket: str) -> None:
        """Remove a bucket with all that is in it."""
        if self.folder is not None:
            discard(self.folder / bucket)
            return
        with closing(self.client()) as client:
            client.delete_bucket(Bucket=bucket)  # SeaweedFS drops what it holds with it

    def count(self, where: str) -> int:
        """How many objects lie under `where` (bucket/prefix)."""
        bucket, _, prefix = where.partition("/")
        with closing(self.client()) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
            return sum(page["KeyCount"] for page in pages)


@contextmanager
def serve_ignorant(folder: Path) -> Iterator[Place]:
    """rclone's server on a folder of buckets. What is put there later without it, it may not see."""
    with serve_rclone(folder) as server:
        yield Place("rclone serve", server.url, server.environ, folder=folder)


@contextmanager
def a_bucket(place: Place) -> Iterator[str]:
    """A new bucket, until the end of the block."""
    name = f"bench-{next(_buckets)}"
    place.begin(name)
    yield name
    place.end(name)


def make_files(folder: Path, number: int, size: int, *, alike: bool = False) -> Path:
    """Files in folders of a hundred, as `write` makes them; `alike`: all with the same bytes, for who does not read."""
    content = next(_contents) if alike else None
    for index in range(number):
        within = f"{folder}/{index // FILES_PER_FOLDER:04}"
        if index % FILES_PER_FOLDER == 0:
            os.makedirs(within)
        write(f"{within}/{index:06}.bin", size, content)
    return folder


def write(path: str, size: int, content: int | None = None) -> None:
    """A file of bytes that can't be compressed, and that no other has but those with the same `content`."""
    number = next(_contents) if content is None else content
    mark, block = number.to_bytes(MARK), _random_block()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for start in range(0, size, BLOCK):
            os.writev(descriptor, [mark, block[MARK : min(BLOCK, size - start)]])
    finally:
        os.close(descriptor)


@cache
def _random_block() -> memoryview:
    return memoryview(os.urandom(BLOCK))


def discard(folder: Path) -> None:
    """Take a folder out of the way, if it is there.

    Small files are moved aside until the end: a file system (ext4) takes long to make files where others were removed
    in the last minutes. Large ones would fill the disk.
    """
    if folder.exists():
        remove_large_files(folder)
        folder.rename(folder.with_name(f"{folder.name}.{next(_discarded)}"))


def remove_large_files(folder: Path) -> None:
    """Remove the files that have more than a block."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size > BLOCK:
            path.unlink()


def files_below(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


@dataclass(frozen=True, slots=True)
class Project:
    """A project of ours in `root`. The assets are paths below it, by name."""

    root: Path
    assets: Mapping[str, str]

    def use(self, where: str, place: Place | None = None) -> None:
        """Make `where` (bucket/prefix at a place, or a directory) the store, of which nothing is known yet."""
        self.forget()
        store: dict[str, object] = {"url": f"s3://{where}" if place else where}
        if place and place.folder:
            store["conditional_writes"] = False
        # JSON is YAML.
        text = json.dumps({"store": store, "assets": dict(self.assets)})
        (self.root / "assets.yaml").write_text(text)

    @property
    def where(self) -> str:
        """The store, as it was given to `use`."""
        return self._url.removeprefix("s3://")

    @property
    def _url(self) -> str:
        url: str = json.loads((self.root / "assets.yaml").read_text())["store"]["url"]
        return url

    def lock(self, store: Path | None = None) -> None:
        """Hash what is here, and lock it as the first version of each asset, as an `apply` does, without its fsyncs.

        With `store`, the versions are put there, as a directory that is a store has them.
        """
        entries = {}
        for name, path in self.assets.items():
            found = scan(str(self.root), path, cache=Cache(None))
            assert isinstance(found, Present)
            entries[name] = LockEntry("0.0", found.tree.content, path)
            if store:
                _publish(self.root / path, found.tree, store / name)
        (self.root / "assets.lock").write_text(render_lock(Lock(self._url, "major_minor", entries)))
        time.sleep(RACY / 1e9)  # what is younger when it is hashed is hashed again the next time, as by git
        self.run("plan", "--offline")

    def forget(self) -> None:
        (self.root / "assets.lock").unlink(missing_ok=True)
        self.forget_files()

    def forget_files(self) -> None:
        """Forget the hashes of files."""
        shutil.rmtree(self.root / ".assetsync", ignore_errors=True)

    def job(self, place: Place | None, *arguments: str, check: Callable[[], bool] = lambda: True) -> Job:
        """Our command."""
        return Job([ours(), *arguments], self.root, place.variables if place else {}, check)

    def apply(self, place: Place | None = None) -> Job:
        return self.job(place, "apply", "--yes", "-q", check=(self.root / "assets.lock").exists)

    def run(self, *arguments: str, place: Place | None = None) -> None:
        """Run our command, untimed."""
        environ = {**os.environ, **(place.variables if place else {})}
        subprocess.run([ours(), *arguments], cwd=self.root, env=environ, check=True, capture_output=True)

    def checkout(self, root: Path) -> Project:
        """Another checkout, without the files."""
        root.mkdir(parents=True)
        for name in ("assets.yaml", "assets.lock"):
            shutil.copy(self.root / name, root)
        return Project(root, self.assets)


def _publish(path: Path, tree: Tree, asset: Path) -> None:
    """What a store has of an asset with one version. Its data are links to what lies at `path`."""
    for entry in tree.files:
        target = asset / "0.0" / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(path / entry.path)
    paths = tuple(entry.path for entry in tree.files)
    meta = Meta("2026-01-31T09:00:00", tree.is_directory, paths, tree, provenance=None)
    (asset / "0.0.meta").write_bytes(render_meta(meta))
    asset.with_name(f"{asset.name}.versions").write_bytes(render_versions(["0.0"]))


def ours() -> str:
    found = program("assetsync")
    assert found is not None
    return found


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", script, *arguments]


def copy(name: str, source: Path | str, target: Path | str, place: Place, width: int = WIDTH) -> Job:
    """A peer's copy between a folder and a prefix of a bucket (bucket/prefix), in either direction."""
    ends = [end if isinstance(end, Path) else f"s3://{end}" for end in (source, target)]
    folder = source if isinstance(source, Path) else target
    assert isinstance(folder, Path)
    if isinstance(target, Path):
        target.mkdir(parents=True, exist_ok=True)
    environ = place.variables
    command = [peers.path(name)]
    match name:
        case "rclone":
            environ |= {"RCLONE_CONFIG": ""}
            sides = [str(end) if isinstance(end, Path) else remote(end, place) for end in ends]
            command += ["copy", "--transfers", str(width), "--checkers", str(width), *sides]
        case "s5cmd":
            sides = [f"{ends[0]}/" if isinstance(source, Path) else f"{ends[0]}/*", f"{ends[1]}/"]
            command += ["--endpoint-url", place.url, "--numworkers", str(width), "cp", *sides]
        case "aws":
            config = folder.parent / "aws.config"
            config.write_text(f"[default]\ns3 =\n  max_concurrent_requests = {width}\n")
            environ |= {"AWS_CONFIG_FILE": str(config)}
            command += ["s3", "cp", "--recursive", "--quiet", *map(str, ends)]
        case _:
            raise ValueError(name)
    return Job(command, folder.parent, environ)


def remote(url: str, place: Place) -> str:
    """A prefix in rclone's words."""
    options = f"provider=Other,env_auth=true,no_check_bucket=true,endpoint='{place.url}'"
    return f":s3,{options}:{url.removeprefix('s3://')}"


def dvc_repo(root: Path, where: str, place: Place) -> Path:
    """A repo of dvc's with its remote in a bucket."""
    root.mkdir(parents=True)
    dvc(root, "init", "-q", "--no-scm")
    dvc(root, "remote", "add", "-q", "-d", "store", f"s3://{where}")
    dvc(root, "remote", "modify", "-q", "store", "endpointurl", place.url)
    return root


def dvc_environ(place: Place | None) -> dict[str, str]:
    return {**(place.variables if place else {}), "DVC_NO_ANALYTICS": "1"}


def dvc(root: Path, *arguments: str, place: Place | None = None) -> None:
    """Run dvc, untimed."""
    environ = {**os.environ, **dvc_environ(place)}
    subprocess.run([peers.path("dvc"), *arguments], cwd=root, env=environ, check=True, capture_output=True)


def dvc_job(root: Path, place: Place | None, *commands: str) -> Job:
    """Commands of dvc, one after the other."""
    program = peers.path("dvc")
    line = " && ".join(f"'{program}' {command}" for command in commands)
    return Job(["sh", "-c", line], root, dvc_environ(place))


def modelkit(script: str, where: str, place: Place, assets: Path, *arguments: str) -> Job:
    """modelkit on a prefix of a bucket, with its assets in a folder."""
    bucket, _, prefix = where.partition("/")
    assets.mkdir(parents=True, exist_ok=True)
    environ = {
        **place.variables,
        "S3_ENDPOINT": place.url,
        "MODELKIT_STORAGE_PROVIDER": "s3",
        "MODELKIT_STORAGE_BUCKET": bucket,
        "MODELKIT_STORAGE_PREFIX": prefix,
        "MODELKIT_ASSETS_DIR": str(assets),
    }
    return Job([peers.path("modelkit"), "-c", script, *arguments], assets, environ)


def modelkit_push(data: Path, where: str, place: Place, folder: Path) -> Job:
    return modelkit(_PUSH, where, place, folder, str(data), "bench", "0.0")


def modelkit_fetch(where: str, place: Place, folder: Path) -> Job:
    return modelkit(_FETCH, where, place, folder, "bench:0.0")


def modelkit_list(where: str, place: Place, folder: Path) -> Job:
    return modelkit(_LIST, where, place, folder)
