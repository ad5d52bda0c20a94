"""A checkout and its store that can be put back, looked at, and held against what they were."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assetsync.atomic import TEMPORARY_PREFIX
from assetsync.lock.text import parse_lock
from assetsync.model.lock import LockEntry
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.unit.publishing import files_below

Files = dict[str, bytes]

# Objects that assetsync makes to try a store.
PROBE = "assetsync-probe-"


@dataclass(frozen=True, slots=True)
class State:
    """All that a command may change: the files of the checkout, those of the store, and what git knows."""

    files: Files
    objects: Files
    git: tuple[str, ...]
    traces: tuple[str, ...]

    @property
    def lock(self) -> str:
        """The text of assets.lock; empty when there is none."""
        return self.files.get("assets.lock", b"").decode()

    def locked(self) -> Mapping[str, LockEntry]:
        """The entries of assets.lock. LockError when it can't be read."""
        return parse_lock(self.lock).assets if self.lock else {}

    def committed(self) -> Files:
        """The objects that published versions consist of, each with its bytes."""
        return {key: self.objects[key] for version in self.versions() for key in self._keys(version)}

    def versions(self) -> list[str]:
        """`NAME/VERSION` of all that is published, sorted."""
        return sorted(key.removesuffix(".meta") for key in self.objects if key.endswith(".meta"))

    def meta(self, version: str) -> Any:
        """The document of a version."""
        return json.loads(self.objects[f"{version}.meta"])

    def contents(self) -> dict[str, object]:
        """What each version holds, whoever published it and when."""
        return {version: _content(self.meta(version)) for version in self.versions()}

    def indexes(self) -> dict[str, list[str]]:
        """The versions that each asset has by its index."""
        keys = (key for key in self.objects if key.endswith(".versions"))
        return {key: json.loads(self.objects[key])["versions"] for key in keys}

    def marks(self) -> dict[str, object]:
        """Where the aliases of each asset were, one after the other, and what was yanked, whoever did it and when."""
        documents = {key: json.loads(data) for key, data in self.objects.items() if key.endswith(".marks")}
        return {key: (_moves(document), _yanks(document)) for key, document in documents.items()}

    def without_leftovers(self) -> State:
        """The same without empty folders, and locks of git, which could not be removed."""
        files = {name: data for name, data in self.files.items() if not name.endswith("/")}
        return replace(self, files=files, git=tuple(text for text in self.git if not text.endswith(".lock")))

    def leftovers(self) -> list[str]:
        """The objects that are neither a version's, nor an index."""
        known = {*self.committed(), *(key for key in self.objects if key.endswith(".versions"))}
        return sorted(self.objects.keys() - known)

    def _keys(self, version: str) -> list[str]:
        document = self.meta(version)
        parts = [f"{version}/{path}" for path in document["contents"]] if document["is_directory"] else [version]
        return [f"{version}.meta", *parts]

    def check_whole(self) -> None:
        """Each version has all that its `.meta` names; each entry of the lock is such a version, with its digest."""
        for version in self.versions():
            ours = self.meta(version)["assetsync"]
            _, *keys = self._keys(version)
            for key, sha256 in zip(keys, ours["sha256"], strict=True):
                assert key in self.objects, f"`{key}` is missing in a published version"
                found = hashlib.sha256(self.objects[key]).hexdigest()
                assert found == sha256, f"`{key}` of a published version holds other bytes"
        for name, entry in self.locked().items():
            version = f"{name}/{entry.version}"
            assert f"{version}.meta" in self.objects, f"`{version}` is locked, and not in the store"
            assert self.meta(version)["assetsync"]["digest"] == entry.content.digest, f"{version} is another"


def _content(document: Any) -> object:
    ours = document["assetsync"]
    return document.get("contents"), ours["digest"], ours["sizes"], ours["sha256"]


def _moves(document: Any) -> dict[str, list[str]]:
    return {alias: [move["version"] for move in moves] for alias, moves in document["aliases"].items()}


def _yanks(document: Any) -> list[tuple[str, bool]]:
    return [(yank["version"], "undone" in yank) for yank in document["yanked"]]


class World:
    """The folder `work` with a checkout, `repo`, and its store, in it if that is a directory.

    `save` remembers how both are, and `put_back` makes them so again.
    """

    def __init__(self, folder: Path, place: Callable[[Path], Remote], name: str) -> None:
        self._saved = folder / f"{name}-saved"
        self.work = folder / name
        self.work.mkdir(parents=True)
        self.remote = place(self.work)
        self.repo = Repo.init(self.work / "repo", folder / f"{name}-home")
        shutil.rmtree(self.repo.root / ".git/hooks")
        self.repo.extra.update(self.remote.environ)
        self.repo.write(".gitignore", "models/\n")
        self._objects = objects_of(self.remote)

    @property
    def url(self) -> str:
        """The store, as assets.yaml names it."""
        return "../store" if self.remote.kind == "directory" else self.remote.url

    @property
    def objects(self) -> Objects:
        """The objects of the store, past the program."""
        return self._objects

    @property
    def origin(self) -> Path:
        """Where a bare repo to push to may be."""
        return self.work / "origin.git"

    def write(self, path: str, files: Mapping[str, bytes]) -> None:
        """Make the folder `path` of the checkout these files."""
        shutil.rmtree(self.repo.root / path, ignore_errors=True)
        for name, data in files.items():
            self.repo.write(f"{path}/{name}", data)

    def save(self) -> None:
        """Remember all of it."""
        shutil.copytree(self.work, self._saved, symlinks=True)
        self._objects.save()

    def put_back(self) -> None:
        """Make all of it what it was when it was saved."""
        shutil.rmtree(self.work)
        shutil.copytree(self._saved, self.work, symlinks=True)
        self._objects.put_back()

    def state(self) -> State:
        """How it is now."""
        below = files_below(self.repo.root)
        files = {name: data for name, data in below.items() if not name.startswith(".git/")}
        return State(files, self._objects.all(), tuple(self._git()), tuple(sorted(self._traces())))

    def _git(self) -> list[str]:
        locks = [str(path.relative_to(self.repo.root)) for path in (self.repo.root / ".git").rglob("*.lock")]
        if not (self.repo.root / ".git/refs/heads/main").exists():
            return locks
        # Not the message: the first of two runs may have published one asset, and the second commits another.
        asked = [("ls-tree", "-r", "HEAD"), ("diff-tree", "--name-only", "-r", "HEAD~1", "HEAD"), ("status", "-s")]
        if self.origin.exists():  # not where the branch here believes it to be, which git only notes
            asked += [("--git-dir", str(self.origin), "ls-tree", "-r", "main")]
        return [*locks, *(self.repo.git(*args) for args in asked if self._has_two_commits() or "HEAD~1" not in args)]

    def _has_two_commits(self) -> bool:
        return self.repo.git("rev-list", "--count", "HEAD").strip() != "1"

    def _traces(self) -> list[str]:
        """What is remembered of work that is under way."""
        folders = [self.repo.root / ".assetsync" / name for name in ("journal", "pulls")]
        return [
            f"{folder.name}/{name}"
            for folder in folders
            if folder.exists()
            for name in os.listdir(folder)
            if not name.startswith((TEMPORARY_PREFIX, "."))
        ]


class Objects:
    """The objects of a store, looked at and put back without the code that is tested."""

    def all(self) -> Files:
        """The bytes of each object, by its key."""
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        """Make an object hold these bytes."""
        raise NotImplementedError

    def remove(self, key: str) -> None:
        """Remove an object."""
        raise NotImplementedError

    def save(self) -> None:
        """Remember them all."""

    def put_back(self) -> None:
        """Make them what they were."""


class _InFolder(Objects):
    """The World puts the folder back with the rest of what it has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Files:
        found = files_below(self._folder) if self._folder.exists() else {}
        return {key: data for key, data in found.items() if not key.endswith("/") and not _is_own(key)}

    def put(self, key: str, data: bytes) -> None:
        (self._folder / key).write_bytes(data)

    def remove(self, key: str) -> None:
        (self._folder / key).unlink()


def _is_own(key: str) -> bool:
    """Whether a file of a directory store is no object: a temporary one, or one that is locked."""
    return any(part.startswith(".assetsync") for part in key.split("/"))


class _InBucket(Objects):
    def __init__(self, remote: Remote) -> None:
        import boto3

        bucket, _, prefix = remote.url.removeprefix("s3://").partition("/")
        self._bucket, self._prefix, self._saved = bucket, f"{prefix}/", f"saved-{prefix}/"
        environ = remote.environ
        self._read_before: dict[str, tuple[str, bytes]] = {}
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=environ["AWS_ENDPOINT_URL"],
            region_name=environ["AWS_REGION"],
            aws_access_key_id=environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environ["AWS_SECRET_ACCESS_KEY"],
        )

    def _keys(self, prefix: str) -> dict[str, str]:
        """The keys below a prefix, each with the etag of its object."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        found = [one for page in pages for one in page.get("Contents", ())]
        return {one["Key"].removeprefix(prefix): one["ETag"] for one in found}

    def all(self) -> Files:
        # An etag is the MD5 of the bytes, or of those of the parts: what has the same is not read again.
        before, etags = self._read_before, self._keys(self._prefix)
        same = {key for key, etag in etags.items() if before.get(key, ("", b""))[0] == etag}
        self._read_before = {key: before[key] if key in same else (tag, self._read(key)) for key, tag in etags.items()}
        return {key: data for key, (_, data) in self._read_before.items()}

    def _read(self, key: str) -> bytes:
        with closing(self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"]) as body:
            data: bytes = body.read()
        return data

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def save(self) -> None:
        for key in self._keys(self._prefix):
            self._copy(self._prefix + key, self._saved + key)

    def put_back(self) -> None:
        saved = self._keys(self._saved)
        now = self._keys(self._prefix)
        for key in now.keys() - saved.keys():
            self.remove(key)
        for key in (key for key, etag in saved.items() if now.get(key) != etag):
            self._copy(self._saved + key, self._prefix + key)

    def _copy(self, source: str, target: str) -> None:
        self._client.copy_object(Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source})


def objects_of(remote: Remote) -> Objects:
    """The objects of a directory, or of an S3."""
    return _InFolder(Path(remote.url)) if remote.kind == "directory" else _InBucket(remote)
