"""How many requests each job costs, and which: the table of docs/protocol.md, held exactly."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.servers.s3 import S3Server
from tests.servers.s3_checks import Incoming

PAGE = Path(__file__).parents[2] / "docs/protocol.md"
VERBS = {
    "ListObjectsV2": "list",
    "GetObject": "get",
    "PutObject": "put",
    "CopyObject": "copy",
    "DeleteObject": "delete",
}

PUBLISH = {"put .claim": 1, "get .meta": 2, "get .claim": 1, "put .meta": 1, "put .versions": 1, "delete .claim": 1}
NEXT = Counter({"get .versions": 1, "get .meta": 2, "list": 1})
# Of one file, and of 100. An update changes half of them; before it asks the store to copy the others, it looks what is
# there, because stores other than AWS may ignore the condition of a copy. The reply tells the checksum of what was
# copied, as that of AWS does.
TABLE: dict[str, tuple[Counter[str], Counter[str]]] = {
    "plan, unchanged": (Counter({"get .versions": 1, "get .meta": 1}), Counter({"get .versions": 1, "get .meta": 1})),
    "create": (
        Counter({"get .versions": 1, "list": 1}) + Counter(PUBLISH) + Counter({"put data": 1}),
        Counter({"get .versions": 1, "list": 1}) + Counter(PUBLISH) + Counter({"put data": 100}),
    ),
    "update": (
        NEXT + Counter(PUBLISH) + Counter({"put data": 1}),
        NEXT + Counter(PUBLISH) + Counter({"put data": 50, "copy data": 50, "list": 1}),
    ),
    "pull": (
        Counter({"get .meta": 1, "get .marks": 1, "get data": 1}),
        Counter({"get .meta": 1, "get .marks": 1, "get data": 100}),
    ),
    "pull, unchanged": (Counter(), Counter()),
}


def _what(request: Incoming) -> str:
    """A request in the words of the table."""
    verb = VERBS.get(request.kind) or request.kind.removesuffix("Object").lower()
    document = re.search(r"\.(meta|versions|claim|marks)$", request.key)
    return verb if verb == "list" else f"{verb} {document[0] if document else 'data'}"


def _asked(server: S3Server) -> Counter[str]:
    """What the server was asked since the last time. The probe of a store that is not AWS, once a project, is left
    out."""
    counts = Counter(_what(request) for request in server.seen if ".assetsync-probe-" not in request.key)
    server.seen.clear()
    return counts


def _write(repo: Repo, files: int, text: str) -> None:
    """The content of the asset; of many files, `text` is in the first half."""
    if files == 1:
        repo.write("data", text)
        return
    for number in range(files):
        repo.write(f"data/{number}", f"{number} {text if number < files // 2 else ''}")


def _remove(repo: Repo) -> None:
    data = repo.root / "data"
    shutil.rmtree(data) if data.is_dir() else data.unlink()


@pytest.mark.parametrize("files", [1, 100])
def test_what_each_job_asks_of_the_store(repo: Repo, s3: Remote, files: int) -> None:
    assert isinstance(s3.server, S3Server)
    s3.server.seen.clear()  # of other tests
    repo.extra.update(s3.environ)
    repo.write("assets.yaml", f"store: {s3.url}\nassets:\n  a: data\n")
    asked = {}

    def job(name: str, *command: str) -> None:
        repo.run(*command)
        assert isinstance(s3.server, S3Server)
        asked[name] = _asked(s3.server)

    _write(repo, files, "one")
    job("create", "apply", "--yes")
    job("plan, unchanged", "plan")
    _write(repo, files, "two")
    job("update", "apply", "--yes")
    job("pull, unchanged", "pull")
    _remove(repo)
    job("pull", "pull")
    assert asked == {name: counts[files > 1] for name, counts in TABLE.items()}


def test_a_listing_stands_for_two_requests_of_each_of_many_new_assets(repo: Repo, s3: Remote) -> None:
    assert isinstance(s3.server, S3Server)
    many = 20
    repo.extra.update(s3.environ)
    assets = "".join(f"  many/a{number}: data/{number}\n" for number in range(many))
    repo.write("assets.yaml", f"store: {s3.url}\nassets:\n{assets}")
    _write(repo, many, "one")
    s3.server.seen.clear()
    repo.run("apply", "--yes")
    one = {**PUBLISH, "put data": 1}
    assert _asked(s3.server) == Counter({"list": 1}) + Counter({what: many * count for what, count in one.items()})


def test_a_list_reads_no_index_that_says_what_its_folder_does(repo: Repo, s3: Remote) -> None:
    assert isinstance(s3.server, S3Server)
    repo.extra.update(s3.environ)
    repo.write("assets.yaml", f"store: {s3.url}\nassets:\n  a/b: data\n  c: other\n")
    for text in ("one", "two"):
        repo.write("data", text)
        repo.write("other", text)
        repo.run("apply", "--yes")
    shutil.rmtree(repo.root / ".assetsync")
    s3.server.seen.clear()
    found = {
        asset["name"]: asset["versions"] for asset in json.loads(repo.run("list", "--format", "json").out)["assets"]
    }
    assert found == {"a/b": ["0.1", "0.0"], "c": ["0.1", "0.0"]}
    # The root, and the folders `a`, `a/b` and `c`.
    assert _asked(s3.server) == {"list": 4}
    repo.run("yank", "c:0.0", "--yes", "-m", "bad")
    shutil.rmtree(repo.root / ".assetsync")
    s3.server.seen.clear()
    found = {
        asset["name"]: asset["versions"] for asset in json.loads(repo.run("list", "--format", "json").out)["assets"]
    }
    assert found == {"a/b": ["0.1", "0.0"], "c": ["0.1"]}
    assert _asked(s3.server) == {"list": 4, "get .versions": 1, "get .marks": 1}


def test_the_page_has_the_table() -> None:
    rows = re.findall(r"^\| ([a-z, ]+) \| (\d+) \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: (int(one), int(many)) for name, one, many in rows} == {
        name: (one.total(), many.total()) for name, (one, many) in TABLE.items()
    }
