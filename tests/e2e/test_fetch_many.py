"""`fetch SPEC…` and `fetch --locked`: an assets directory filled in one run, for a container that has no provider."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from assetsync import AssetStore, PartialError, UsageError
from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.permissions import reachable_folder, unprivileged
from tests.servers.modelkit import needs_modelkit, run_modelkit


@pytest.fixture
def published(repo: Repo) -> Repo:
    repo.run("apply", "--yes")
    repo.write("models/sentiment.bin", b"second")
    repo.run("apply", "--yes")
    return repo


def test_many_specs_are_fetched_and_printed_in_their_order(published: Repo) -> None:
    done = published.run("fetch", "nlp/tokenizer", "nlp/sentiment:0.0", "nlp/sentiment", "--assets-dir", "assets")
    folder = published.root / "assets"
    assert done.out.splitlines() == [
        f"{folder}/nlp/tokenizer/0.0",
        f"{folder}/nlp/sentiment/0.0",
        f"{folder}/nlp/sentiment/0.1",
    ]
    assert (folder / "nlp/sentiment/0.1").read_bytes() == b"second"
    assert (folder / "nlp/tokenizer/0.0/.SUCCESS").exists()
    assert "nlp/sentiment: fetched 0.1\n" in done.err
    assert "3 versions: done" in done.err


def test_two_specs_of_one_version_are_one_download(published: Repo) -> None:
    done = published.run("fetch", "nlp/sentiment:0.1", "nlp/sentiment", "--assets-dir", "assets")
    assert len(done.out.splitlines()) == 2
    assert len(set(done.out.splitlines())) == 1
    assert done.err.count("fetched") == 1


def test_some_may_fail_and_the_others_are_fetched(published: Repo) -> None:
    specs = ["nlp/tokenizer", "nlp/absent", "nlp/sentiment:7"]
    done = published.run("fetch", *specs, "--assets-dir", "assets", code=4)
    assert done.out == f"{published.root}/assets/nlp/tokenizer/0.0\n"
    assert "error: nlp/absent: " in done.err
    assert "error: 2 of 3 fetches failed: `nlp/absent`, `nlp/sentiment:7`" in done.err
    assert published.run("fetch", *specs[1:], "--assets-dir", "assets", code=1).out == ""


def test_the_same_in_python(published: Repo) -> None:
    with AssetStore("../store", directory=published.root, environ=published.environ) as store:
        result = store.fetch_all(["nlp/tokenizer", "nlp/absent"], assets_dir="assets")
        assert list(result.paths) == [f"{published.root}/assets/nlp/tokenizer/0.0"]
        assert [str(one.spec) for one in result.failed] == ["nlp/absent"]
        assert isinstance(result.error, PartialError)


class Recorded:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.bytes: Counter[str] = Counter()

    def begin(self, asset: str, verb: str, total: int) -> None:
        self.begun.append((asset, total))

    def advance(self, asset: str, count: int) -> None:
        self.bytes[asset] += count

    def end(self, asset: str, outcome: str) -> None:
        pass


def test_all_of_it_is_one_total_of_bytes(published: Repo) -> None:
    reporter = Recorded()
    specs = ["nlp/tokenizer[vocab.txt]", "nlp/sentiment:0.0", "nlp/sentiment:0.1"]
    with AssetStore("../store", directory=published.root, environ=published.environ) as store:
        assert store.fetch_all(specs, assets_dir="assets", reporter=reporter).error is None
    size = len("a\nb\n") + len(b"\x00\x01model") + len(b"second")
    assert reporter.begun == [("3 versions", size)]
    assert reporter.bytes == {"3 versions": size}


def test_the_locked_versions_are_fetched_whatever_was_published_since(published: Repo) -> None:
    published.run("update", "models/tokenizer", "nlp/sentiment", "-y")
    done = published.run("fetch", "--locked", "--assets-dir", "assets")
    folder = published.root / "assets"
    assert sorted(done.out.splitlines()) == [f"{folder}/nlp/sentiment/0.1", f"{folder}/nlp/tokenizer/0.0"]
    one = published.run("fetch", "--locked", "nlp/sentiment", "--assets-dir", "other")
    assert one.out == f"{published.root}/other/nlp/sentiment/0.1\n"
    wrong = published.run("fetch", "--locked", "nlp/sentimemt", "--assets-dir", "other", code=64)
    assert "did you mean `nlp/sentiment`" in wrong.err


def test_only_what_is_missing_is_asked_for(repo: Repo, s3: Remote) -> None:
    repo.use(s3)
    repo.run("apply", "--yes")
    repo.run("fetch", "--locked", "--assets-dir", "assets")
    before = s3.requests()
    repo.run("fetch", "--locked", "--assets-dir", "assets")
    assert s3.requests() == before
    (repo.root / "assets/nlp/sentiment/.0.0.SUCCESS").unlink()
    repo.run("fetch", "--locked", "--assets-dir", "assets")
    # its .meta, for the lock and for the fetch; the content is here, and only compared
    assert s3.requests() - before <= 3


def test_what_is_not_as_locked_is_not_fetched(published: Repo) -> None:
    lock = published.read("assets.lock")
    other = "sha256:" + "1" * 64
    digest = next(line.split('"')[1] for line in lock.splitlines() if "digest" in line)
    published.write("assets.lock", "".join(_unsealed(lock.replace(digest, other))))
    done = published.run("fetch", "--locked", "nlp/sentiment", "--assets-dir", "assets", code=None)
    assert done.code == 1
    assert "is not what assets.lock says" in done.err
    assert not (published.root / "assets/nlp/sentiment/0.1").exists()


def _unsealed(lock: str) -> list[str]:
    return [line for line in lock.splitlines(keepends=True) if "seal" not in line]


def test_usage(published: Repo, tmp_path: Path) -> None:
    assert "name what to fetch" in published.run("fetch", code=64).err
    assert "`--assets-dir DIR`" in published.run("fetch", "--locked", code=64).err
    elsewhere = published.run("fetch", "--locked", "--store", "../other", "--assets-dir", "assets", code=1)
    assert "belongs to the store `../store`" in elsewhere.err
    (published.root / "assets.lock").unlink()
    assert "does not exist" in published.run("fetch", "--locked", "--assets-dir", "assets", code=1).err
    with AssetStore("../store", directory=published.root, environ={}) as store, pytest.raises(UsageError):
        store.fetch_all(["nlp/tokenizer"])


def test_a_version_of_modelkit_is_held_against_the_lock_by_its_bytes(published: Repo, tmp_path: Path) -> None:
    """Its `.meta` says nothing of the content; same size and another byte is found after the download."""
    meta = published.root.parent / "store/nlp/sentiment/0.1.meta"
    meta.write_text(json.dumps({"push_date": "2020-01-01T00:00:00+00:00", "is_directory": False}))
    published.run("fetch", "--locked", "nlp/sentiment", "--assets-dir", "good")
    (published.root.parent / "store/nlp/sentiment/0.1").chmod(0o644)
    (published.root.parent / "store/nlp/sentiment/0.1").write_bytes(b"SECOND")
    for _ in range(2):
        done = published.run("fetch", "--locked", "nlp/sentiment", "--assets-dir", "bad", code=1)
        assert "is not what assets.lock says" in done.err
        assert not (published.root / "bad/nlp/sentiment/.0.1.SUCCESS").exists()


SERVICE = """
import json, os
from modelkit import Model, ModelLibrary
if os.geteuid() == 0:  # whom no permission binds
    os.setegid(65534)
    os.seteuid(65534)
try:
    open(os.environ["MODELKIT_ASSETS_DIR"] + "/written", "w")
except OSError:
    pass
else:
    raise SystemExit("this file system is writable")

class Tokenizer(Model):
    CONFIGURATIONS = {"tokenizer": {"asset": "nlp/tokenizer:0.0"}}
    def _load(self):
        self.words = open(self.asset_path + "/vocab.txt").read().split()
    def _predict(self, item):
        return self.words.index(item)

class Sentiment(Model):
    CONFIGURATIONS = {"sentiment": {"asset": "nlp/sentiment", "model_dependencies": {"tokenizer"}}}
    def _load(self):
        self.weights = open(self.asset_path, "rb").read()
    def _predict(self, item):
        return [self.model_dependencies["tokenizer"](item), self.weights.decode()]

library = ModelLibrary(models=[Tokenizer, Sentiment])
print(json.dumps(library.get("sentiment")("b")))
"""


@pytest.mark.modelkit
@needs_modelkit[1]
def test_a_read_only_container_starts_modelkit_without_a_provider(published: Repo) -> None:
    with reachable_folder() as image:
        assets = image / "assets"
        published.run("fetch", "--locked", "--assets-dir", str(assets))
        for path in (assets, *assets.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        environ = {"MODELKIT_ASSETS_DIR": str(assets), "HOME": str(image)}
        assert run_modelkit(SERVICE, environ) == [1, "second"]


def test_in_a_read_only_directory_what_is_there_is_found_and_what_is_not_is_told(published: Repo) -> None:
    with reachable_folder() as image:
        assets = image / "assets"
        published.run("fetch", "nlp/tokenizer:0.0", "nlp/sentiment:0.1", "--assets-dir", str(assets))
        for path in (assets, *assets.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        environ = {"ASSETSYNC_STATE_DIR": str(image / "state")}
        with AssetStore(str(image / "nowhere"), directory=image, environ=environ) as store, unprivileged():
            result = store.fetch_all(["nlp/tokenizer:0.0", "nlp/sentiment:0.1"], assets_dir=assets)
            assert result.error is None
            assert [os.path.basename(path) for path in result.paths] == ["0.0", "0.1"]
