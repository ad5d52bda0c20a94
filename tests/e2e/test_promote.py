"""promote: the same versions in another store as well, by the real command and between real servers."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from assetsync import AssetStore, Project
from assetsync.errors import ConflictError
from assetsync.remote.store import Folder, Store
from tests.e2e.harness import Repo
from tests.e2e.remotes import SERVERS, Remote
from tests.e2e.test_modelkit import Modelkit
from tests.faults.inspection import published
from tests.servers.modelkit import needs_modelkit
from tests.servers.s3 import S3Server

ENTRIES = "assets:\n  nlp/tokenizer: models/tokenizer\n  nlp/sentiment: models/sentiment.bin\n"
BOTH = {"nlp/sentiment": ["0.0"], "nlp/tokenizer": ["0.0"]}
MIB = 1024 * 1024
# Runs the command, and prints the most memory that it had, in KiB: `ru_maxrss` would be that of its parent.
PEAK = """
import re, sys
from assetsync.cli.app import _run
code = _run(sys.argv[1:])
print(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1])
sys.exit(code)
"""
# From, to: on one service, on two, and from and to a directory.
PAIRS = [
    ("directory", "strict s3"),
    pytest.param(("s3", "s3"), marks=pytest.mark.slow),
    ("strict s3", "strict s3"),
    ("strict s3", "gcs"),
    pytest.param(("gcs", "gcs"), marks=pytest.mark.slow),
    pytest.param(("gcs", "directory"), marks=pytest.mark.slow),
    ("directory", "directory"),
    pytest.param(("azure", "azure"), marks=pytest.mark.slow),
    pytest.param(("azure", "s3"), marks=pytest.mark.slow),
    pytest.param(("s3", "azure"), marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, object]]:
    """The servers that were started so far."""
    with ExitStack() as closing:
        yield {"closing": closing}


def place(places: dict[str, object], kind: str, folder: Path) -> Remote:
    if kind not in places:
        closing = places["closing"]
        assert isinstance(closing, ExitStack)
        places[kind] = closing.enter_context(SERVERS[kind]())
    made: Remote = places[kind](folder)  # type: ignore[operator]
    return made


def use_two(repo: Repo, dev: Remote, prod: Remote) -> None:
    repo.write("assets.yaml", f"store: dev\nstores:\n  dev: {dev.url}\n  prod: {prod.url}\n{ENTRIES}")
    repo.extra.update({**dev.environ, **prod.environ})


@pytest.fixture
def two(repo: Repo, tmp_path: Path) -> Repo:
    """A repo with `dev` and `prod` in directories; both assets are in `dev`."""
    use_two(repo, *(Remote("directory", str(tmp_path / name)) for name in ("dev", "prod")))
    repo.run("apply", "--yes")
    return repo


def prod(repo: Repo) -> Remote:
    return Remote("directory", str(repo.root.parent / "prod"))


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_from_each_kind_of_store_to_each_other(
    repo: Repo, places: dict[str, object], tmp_path: Path, pair: tuple[str, str]
) -> None:
    dev, prod = (place(places, kind, tmp_path / side) for kind, side in zip(pair, ("dev", "prod"), strict=True))
    use_two(repo, dev, prod)
    repo.write("models/tokenizer/large.bin", os.urandom(17 * MIB + 1))  # in parts, where a store takes parts
    repo.write("models/tokenizer/empty", "")
    repo.run("apply", "--yes")
    lock = repo.read("assets.lock")
    plan = repo.run("promote", "--to", "prod", "--dry-run", "--format", "json").json()
    by_store = pair[0] == pair[1]
    assert [version["action"] for version in plan["versions"]] == ["copy", "copy"]
    assert [version["bytes"]["through_here"] == 0 for version in plan["versions"]] == [by_store] * 2
    repo.run("promote", "--to", "prod", "--yes", "--expect", plan["fingerprint"])
    assert published(prod) == BOTH
    repo.run("check", "--remote", "--store", "prod")
    repo.run("verify", "--deep", "--store", "prod")
    assert repo.read("assets.lock") == lock
    # Twice does nothing.
    again = repo.run("promote", "--to", "prod", "--dry-run", "--format", "json").json()
    assert again["summary"] == {"copy": 0, "list": 0, "none": 2, "problems": 0}
    assert "Nothing to do" in repo.run("promote", "--to", "prod", "--yes").err
    # The second version shares most with the first one, which the target has already.
    repo.write("models/tokenizer/vocab.txt", "a\nb\nc\n")
    repo.run("apply", "--yes")
    next_plan = repo.run("promote", "--to", "prod", "--dry-run", "--format", "json").json()
    moved = next(version["bytes"] for version in next_plan["versions"] if version["action"] == "copy")
    assert moved["through_here"] == (0 if by_store else 6)
    repo.run("promote", "--to", "prod", "--yes")
    assert published(prod) == {**BOTH, "nlp/tokenizer": ["0.1", "0.0"]}
    assert not (repo.root / ".assetsync/incoming").exists() or not [*(repo.root / ".assetsync/incoming").glob("*/*")]


def test_the_meta_is_that_of_the_source_with_where_it_came_from(two: Repo) -> None:
    two.commit()
    two.run("promote", "nlp/sentiment", "--to", "prod", "--yes", "--message", "F1 0.93")
    before, after = (
        json.loads((two.root.parent / store / "nlp/sentiment/0.0.meta").read_text()) for store in ("dev", "prod")
    )
    (step,) = after["assetsync"].pop("promoted")
    assert after == before
    assert (step["store"], step["author"], step["message"]) == (
        str(two.root.parent / "dev"),
        "Ada",
        "F1 0.93",
    )
    shown = two.run("show", "nlp/sentiment", "--store", "prod").out
    assert f"from {two.root.parent / 'dev'}, " in next(line for line in shown.splitlines() if "promoted" in line)
    assert "promoted: from" in two.run("log", "nlp/sentiment", "--store", "prod").out
    document = two.run("show", "nlp/sentiment", "--store", "prod", "--format", "json").json()
    assert document["promoted"][0]["from"] == str(two.root.parent / "dev")


def test_which_versions_names_lines_and_patterns_mean(two: Repo) -> None:
    two.write("models/sentiment.bin", b"\x00second")
    two.run("apply", "--yes")

    def chosen(*specs: str) -> list[str]:
        document = two.run("promote", *specs, "--to", "prod", "--dry-run", "--format", "json").json()
        return [f"{version['asset']}:{version['version']}" for version in document["versions"]]

    assert sorted(chosen()) == ["nlp/sentiment:0.1", "nlp/tokenizer:0.0"]
    assert chosen("nlp/sentiment") == ["nlp/sentiment:0.1"]
    assert chosen("nlp/sentiment:0.0") == ["nlp/sentiment:0.0"]
    assert chosen("nlp/sentiment:0") == ["nlp/sentiment:0.1"]
    assert sorted(chosen("nlp/*")) == ["nlp/sentiment:0.1", "nlp/tokenizer:0.0"]
    assert chosen("nlp/sentiment", "nlp/sentiment:0.1") == ["nlp/sentiment:0.1"]
    two.run("alias", "nlp/sentiment", "good", "0.0")
    assert chosen("nlp/sentiment@good") == ["nlp/sentiment:0.0"]


def test_filters_narrow_what_is_locked(two: Repo) -> None:
    two.write(
        "assets.yaml", two.read("assets.yaml").replace("models/tokenizer", "{path: models/tokenizer, tags: [nlp]}")
    )
    two.run("promote", "--tag", "nlp", "--to", "prod", "--yes")
    assert published(prod(two)) == {"nlp/tokenizer": ["0.0"]}
    assert "did you mean `nlp`?" in two.run("promote", "--tag", "npl", "--to", "prod", code=64).err


def test_another_content_under_the_number_is_a_conflict_and_nothing_is_written(two: Repo) -> None:
    two.write("other.bin", b"\x00other")
    two.run("new", "other.bin", "nlp/sentiment", "--yes", "--store", "prod")
    before = sorted(str(path) for path in (two.root.parent / "prod").rglob("*"))
    run = two.run("promote", "--to", "prod", "--yes", code=3)
    assert "`prod` has `nlp/sentiment:0.0` already, with another content" in run.err
    assert sorted(str(path) for path in (two.root.parent / "prod").rglob("*")) == before
    two.run("promote", "nlp/tokenizer", "--to", "prod", "--yes")
    markdown = two.run("promote", "--to", "prod", "--dry-run", "--format", "markdown", code=3).out
    assert "**1 problem: nothing can be promoted**" in markdown


def test_a_yanked_version_is_not_promoted(two: Repo) -> None:
    from assetsync.model.marks import Act
    from assetsync.remote.marks import change_marks

    with AssetStore(str(two.root.parent / "dev")) as store:
        act = Act("ada", "2026-01-01T00:00:00+00:00", message="wrong labels")
        change_marks(store.store, "nlp/sentiment", lambda marks: marks.with_yank("nlp/sentiment", "0.0", act))
    run = two.run("promote", "--to", "prod", "--yes", code=3)
    assert "`nlp/sentiment:0.0` is yanked in `dev`: wrong labels" in run.err
    assert not (two.root.parent / "prod").exists()


def test_the_plan_is_approved_by_its_fingerprint(two: Repo) -> None:
    look = ("promote", "--to", "prod", "--dry-run")
    markdown = two.run(*look, "--format", "markdown", "--detailed-exitcode", code=2).out
    fingerprint = markdown.rpartition("Fingerprint: `")[2].split("`")[0]
    two.write("models/sentiment.bin", b"\x00second")
    two.run("apply", "--yes")
    run = two.run("promote", "--to", "prod", "--yes", "--expect", fingerprint, code=3)
    assert "the plan is not the expected one" in run.err
    assert not (two.root.parent / "prod").exists()
    text = two.run(*look).out
    two.run("promote", "--to", "prod", "--yes", "--expect", text.rpartition("Fingerprint: ")[2].strip())
    two.run(*look, "--detailed-exitcode")


def test_without_yes_and_a_terminal_nothing_happens(two: Repo) -> None:
    assert "nothing was confirmed" in two.run("promote", "--to", "prod", code=1).err
    assert not (two.root.parent / "prod").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--to", "dev"], "are the same store"),
        (["--to", "prdo"], "did you mean `prod`?"),
        (["--from", "prdo", "--to", "dev"], "did you mean `prod`?"),
        (["nlp/sentimet", "--to", "prod"], "did you mean `nlp/sentiment`?"),
        (["nlp/tokenizer[vocab.txt]", "--to", "prod"], ""),
        (["--to", "prod", "--expect", "x"], "a fingerprint is"),
        (["--to", "prod", "--detailed-exitcode"], "goes with `--dry-run`"),
        ([], "assetsync promote --to prod"),
    ],
)
def test_mistakes_are_told(two: Repo, args: list[str], said: str) -> None:
    run = two.run("promote", *args, code=None)
    assert run.code in (1, 64)
    assert said in run.err


def test_a_version_that_the_source_lacks_is_told(two: Repo) -> None:
    run = two.run("promote", "nlp/sentiment:3.7", "--to", "prod", "--yes", code=1)
    assert "`dev` has no `nlp/sentiment:3.7`" in run.err


def test_secrets_do_not_get_into_production(repo: Repo, tmp_path: Path) -> None:
    use_two(repo, *(Remote("directory", str(tmp_path / name)) for name in ("dev", "prod")))
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7" * 4 + "\n" + "-----END RSA PRIVATE KEY-----\n"
    repo.write("models/tokenizer/deploy.txt", key)
    manifest = repo.read("assets.yaml")
    repo.write("assets.yaml", manifest + "guards: {secrets: off}\n")
    repo.run("apply", "--yes")
    repo.write("assets.yaml", manifest)
    run = repo.run("promote", "--to", "prod", "--yes", code=1)
    assert "line 1 of `models/tokenizer/deploy.txt` holds what looks like a secret" in run.err
    assert not (tmp_path / "prod").exists()


def test_without_a_project_both_stores_are_urls(two: Repo, tmp_path: Path) -> None:
    outside = Repo(tmp_path / "outside", two.environ, in_process=True)
    outside.root.mkdir()
    dev, prod = str(tmp_path / "dev"), str(tmp_path / "prod")
    outside.run("promote", "nlp/sentiment", "--from", dev, "--to", prod, "--yes")
    assert published(Remote("directory", prod)) == {"nlp/sentiment": ["0.0"]}
    for args, said in (
        (["--from", dev, "--to", prod], "name the versions"),
        (["nlp/sentiment", "--to", prod], "give `--from STORE`"),
        (["nlp/sentiment", "--from", dev, "--to", "prod"], "there is no assets.yaml here"),
    ):
        assert said in outside.run("promote", *args, code=64).err


def test_from_python(two: Repo, tmp_path: Path) -> None:
    with Project.load(str(two.root), environ=two.environ) as project:
        with project.promoting(to="prod") as promoting:
            seen = promoting.plan(project.promotable((), promoting.source), reporter=Quiet())
        with pytest.raises(ConflictError, match="not the expected one"):
            project.promote(to="prod", expect="sha256:0")
        result = project.promote(to="prod", expect=seen.fingerprint, message="from Python")
        assert (len(result.done), result.error) == (2, None)
    with AssetStore(str(tmp_path / "dev"), directory=tmp_path, environ=two.environ) as store:
        assert store.promote("nlp/sentiment", "nlp/tokenizer:0", to=str(tmp_path / "third")).error is None
    assert published(Remote("directory", str(tmp_path / "third"))) == BOTH


class Quiet:
    def begin(self, asset: str, kind: str, total: int) -> None: ...
    def advance(self, asset: str, count: int) -> None: ...
    def end(self, asset: str, message: str) -> None: ...


def test_a_promotion_that_ended_since_the_store_was_listed_is_no_problem(
    two: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.run("promote", "--to", "prod", "--yes")
    listed: set[str] = set()

    def folder(store: Store, name: str) -> Folder:
        """Of `prod`, at first what was there before the end of that promotion."""
        found = list_folder(store, name)
        if not store.url.endswith("/prod") or name in listed:
            return found
        listed.add(name)
        return Folder(claimed=found.committed)

    list_folder = Store.folder
    monkeypatch.setattr(Store, "folder", folder)
    plan = two.run("promote", "--to", "prod", "--dry-run", "--format", "json").json()
    assert plan["summary"] == {"copy": 0, "list": 0, "none": 2, "problems": 0}
    assert len(listed) == 2


def test_two_promotions_at_once_are_one(repo: Repo, s3: Remote, tmp_path: Path) -> None:
    assert isinstance(s3.server, S3Server)
    use_two(repo, Remote("directory", str(tmp_path / "dev")), s3)
    for number in range(20):
        repo.write(f"models/tokenizer/{number}", os.urandom(2000))
    repo.run("apply", "--yes")
    repo.commit()
    other = repo.clone("other")
    other.extra.update(repo.extra)
    running = [one.start("promote", "--to", "prod", "--yes") for one in (repo, other)]
    for process in running:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert published(s3) == BOTH


@pytest.mark.parametrize("count", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_many_versions_by_the_store_without_a_byte_of_them_through_here(repo: Repo, s3: Remote, count: int) -> None:
    """The figures of docs/howto/promote.md are those of a hundred."""
    assert isinstance(s3.server, S3Server)
    repo.extra.update(s3.environ)
    size = 100_000
    entries = "".join(f"  a{number}: data/{number}.bin\n" for number in range(count))
    repo.write("assets.yaml", f"store: dev\nstores: {{dev: '{s3.url}/dev', prod: '{s3.url}/prod'}}\nassets:\n{entries}")
    for number in range(count):
        repo.write(f"data/{number}.bin", os.urandom(size))
    repo.run("apply", "--yes")
    server = s3.server
    server.seen = deque()
    sent = server.sent
    plan = repo.run("promote", "--to", "prod", "--dry-run", "--format", "json").json()
    planning = len(server.seen)
    assert plan["summary"]["copy"] == count
    server.seen.clear()
    repo.run("promote", "--to", "prod", "--yes", "--expect", plan["fingerprint"])
    requests = [request for request in server.seen if ".assetsync-probe-" not in request.key]
    uploaded = sum(len(request.body) for request in requests)
    received = server.sent - sent
    data = [request for request in requests if request.key.endswith(tuple("0123456789")) and "/prod/" in request.key]
    assert {request.method for request in data if not request.body} <= {"HEAD", "PUT"}
    assert sum(len(request.body) for request in data) == 0  # not a byte of content
    assert not [request for request in requests if request.method == "GET" and request.key.endswith("/0.0")]
    print(f"plan {planning}, promote {len(requests)}, up {uploaded}, down {received}")  # noqa: T201
    assert planning <= 4.2 * count + 20
    assert len(requests) <= planning + 12 * count + 20
    assert uploaded + received < count * 8_000  # documents alone: a hundredth of the content
    assert uploaded + received < count * size / 10


@pytest.mark.slow
def test_a_large_file_is_streamed_in_flat_memory(repo: Repo, s3: Remote, tmp_path: Path) -> None:
    use_two(repo, Remote("directory", str(tmp_path / "dev")), s3)
    small, large = 24 * MIB, 160 * MIB
    peaks = []
    for number, size in enumerate((small, large)):
        repo.write("models/sentiment.bin", os.urandom(MIB) * (size // MIB))
        repo.run("apply", "--yes", "nlp/sentiment")
        with repo.start(
            "promote", "nlp/sentiment", "--to", "prod", "--yes", program=(sys.executable, "-c", PEAK)
        ) as run:
            out, err = run.communicate(timeout=200)
        assert run.returncode == 0, err
        peaks.append(int(out) * 1024)
        assert published(s3)["nlp/sentiment"][0] == f"0.{number}"
    # Bytes: of seven times as large a file, not even another part more.
    assert peaks[1] - peaks[0] < 24 * MIB


@pytest.mark.parametrize("kind", ["directory", "s3"])
class TestModelkit:
    pytestmark = needs_modelkit

    def test_it_reads_what_was_promoted(self, repo: Repo, places: dict[str, object], tmp_path: Path, kind: str) -> None:
        dev, prod = (place(places, kind, tmp_path / side) for side in ("dev", "prod"))
        use_two(repo, dev, prod)
        repo.run("apply", "--yes")
        repo.write("models/sentiment.bin", b"\x00second")
        repo.run("apply", "--yes")
        repo.run("promote", "nlp/*", "nlp/sentiment:0.0", "--to", "prod", "--yes")
        modelkit = Modelkit(prod, tmp_path / "modelkit")
        found = modelkit.fetch("nlp/tokenizer", "nlp/sentiment:0.0", "nlp/sentiment")
        assert (found["nlp/tokenizer"] / "vocab.txt").read_text() == "a\nb\n"
        assert found["nlp/sentiment:0.0"].read_bytes() == b"\x00\x01model"
        assert found["nlp/sentiment"].read_bytes() == b"\x00second"

    def test_what_it_published_is_promoted_with_a_digest(
        self, repo: Repo, places: dict[str, object], tmp_path: Path, kind: str
    ) -> None:
        dev, prod = (place(places, kind, tmp_path / side) for side in ("dev", "prod"))
        if kind == "directory":
            os.makedirs(dev.url)
        use_two(repo, dev, prod)
        Modelkit(dev, tmp_path / "modelkit").push("new", repo.root / "models/tokenizer", "theirs", "1.0")
        repo.run("promote", "theirs:1.0", "--to", "prod", "--yes")
        assert published(prod) == {"theirs": ["1.0"]}
        assert Modelkit(prod, tmp_path / "again").fetch("theirs")["theirs"].is_dir()
