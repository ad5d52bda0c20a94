"""Several stores in assets.yaml, with one lock: `--store NAME`."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.servers.s3 import S3Server

ASSETS = "assets:\n  nlp/tokenizer: models/tokenizer\n  nlp/sentiment: models/sentiment.bin\n"


@pytest.fixture
def two(repo: Repo) -> Repo:
    """A repo with the stores `dev`, the default, and `prod`. Both assets are in `dev`."""
    repo.write("assets.yaml", "store: dev\nstores:\n  dev: ../dev\n  prod: ../prod\n" + ASSETS)
    (repo.root.parent / "prod").mkdir()
    repo.run("apply", "--yes")
    return repo


def bring(repo: Repo, *names: str) -> None:
    """Put locked versions into `prod`, with the lock as it is."""
    lock = repo.read("assets.lock")
    for name in names:
        path = {"nlp/tokenizer": "models/tokenizer", "nlp/sentiment": "models/sentiment.bin"}[name]
        repo.run("new", path, name, "--yes", "--store", "prod")
    assert repo.read("assets.lock") == lock


def test_the_lock_belongs_to_the_default_store_and_holds_for_every_one(two: Repo) -> None:
    assert 'store: "../dev"' in two.read("assets.lock")
    bring(two, "nlp/tokenizer", "nlp/sentiment")
    two.run("plan", "--store", "prod", "--detailed-exitcode")
    two.run("check", "--remote", "--store", "prod")
    two.run("verify", "--store", "prod")
    lock = two.read("assets.lock")
    (two.root / "models/sentiment.bin").unlink()
    two.run("pull", "--store", "prod")
    assert two.read("assets.lock") == lock


def test_check_says_what_production_lacks(two: Repo) -> None:
    bring(two, "nlp/sentiment")
    found = two.run("check", "--remote", "--store", "prod", code=2)
    assert "the store `prod` has no `nlp/tokenizer:0.0`" in found.out
    assert "assetsync promote nlp/tokenizer --to prod" in found.out
    assert "nlp/sentiment" not in found.out
    two.run("check", "--remote")
    plan = two.run("plan", "--store", "prod", code=1)
    assert "`nlp/tokenizer:0.0` is locked, but `prod` does not have it" in plan.out


def test_what_was_never_brought_there_is_not_there_and_not_lost(two: Repo) -> None:
    bring(two, "nlp/sentiment")
    standing = {line.split()[0]: line for line in two.run("status", "--store", "prod").out.splitlines() if line}
    assert standing["nlp/tokenizer"].endswith("! not there")
    assert "!" not in standing["nlp/sentiment"]
    for command in (["status"], ["plan"], ["check", "--remote"]):
        told = two.run(*command, "--store", "prod", "--format", "json", code=None).json()
        assert [one["code"] for one in told.get("problems") or told["findings"]] == ["not_there"], command
    (two.root.parent / "dev/nlp/tokenizer/0.0.meta").unlink()
    assert "! lost" in two.run("status").out


def test_versions_get_their_numbers_in_the_default_store_alone(two: Repo) -> None:
    bring(two, "nlp/tokenizer", "nlp/sentiment")
    two.write("models/sentiment.bin", b"\x00other")
    plan = two.run("plan", "--store", "prod", "--format", "json", code=1).json()
    assert [problem["code"] for problem in plan["problems"]] == ["not_home"]
    assert "promote nlp/sentiment --to prod" in plan["problems"][0]["hint"]
    two.run("apply", "--yes", "--store", "prod", code=1)
    assert sorted(path.name for path in (two.root.parent / "prod/nlp/sentiment").iterdir()) == ["0.0", "0.0.meta"]


def test_a_name_comes_by_flag_or_variable_and_is_looked_up_from_any_folder(two: Repo) -> None:
    bring(two, "nlp/sentiment")
    names = [
        two.run("list", "--store", "prod", cwd="models").out,
        two.run("list", cwd="models", env={"ASSETSYNC_STORE": "prod"}).out,
        two.run("-C", "models", "list", "--store", "../../prod").out,
    ]
    assert [("nlp/sentiment" in text, "nlp/tokenizer" in text) for text in names] == [(True, False)] * 3
    assert "0.0" in names[0]


def test_a_mistyped_name_is_told(two: Repo) -> None:
    for command in (["plan"], ["list"], ["check", "--remote"], ["show", "nlp/sentiment"]):
        said = two.run(*command, "--store", "prd", code=64).err
        assert "`prd` is not among the `stores` of assets.yaml" in said
        assert "did you mean `prod`?" in said


def test_a_check_takes_no_store_that_assets_yaml_does_not_name(two: Repo) -> None:
    for args in (["--store", "prod"], ["--remote", "--store", "../prod"]):
        assert "a check takes stores from assets.yaml alone" in two.run("check", *args, code=64).err
    two.run("check", "--remote", env={"ASSETSYNC_STORE": "prod"})  # a variable is ignored: it asks `dev`


def test_verbose_says_where_each_setting_comes_from(two: Repo) -> None:
    said = two.run("plan", "-v", "--store", "prod", env={"ASSETSYNC_REGION_PROD": "eu-west-1"}, code=None).err
    rows = [line.split() for line in said.splitlines()]
    assert ["store", "prod,", "../prod", "assets.yaml,", "by", "--store"] in rows
    assert ["region", "eu-west-1", "ASSETSYNC_REGION_PROD"] in rows
    assert "assets.yaml" not in two.run("plan", "--store", "prod", code=None).err


def test_new_data_gets_the_storage_class_and_the_tags_of_its_store(repo: Repo, s3: Remote) -> None:
    assert isinstance(s3.server, S3Server)
    repo.extra.update(s3.environ)
    repo.write(
        "assets.yaml",
        f"store: {{url: '{s3.url}', storage_class: STANDARD_IA, object_tags: {{team: nlp, cost: 'a b'}}}}\n{ASSETS}"
        "  large: models/large.bin\n",
    )
    repo.write("models/large.bin", b"\x00" * (17 * 1024 * 1024))  # in parts
    repo.write("models/tokenizer/medium.bin", b"\x00" * (2 * 1024 * 1024))  # by boto3, in one request
    s3.server.seen.clear()
    repo.run("apply", "--yes")
    repo.write("models/tokenizer/vocab.txt", "other\n")  # the others are copied by the store
    repo.run("apply", "--yes")
    labels: dict[tuple[str, bool], set[object]] = {}
    for request in s3.server.seen:
        if request.kind in ("PutObject", "CopyObject", "CreateMultipartUpload"):
            headers = request.headers
            is_document = request.key.endswith((".meta", ".versions", ".claim")) or ".assetsync-probe-" in request.key
            labels.setdefault((request.kind, is_document), set()).add(
                (headers.get("x-amz-storage-class"), *sorted(parse_qsl(headers.get("x-amz-tagging", ""))))
            )
    for kind in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        assert labels[kind, False] == {("STANDARD_IA", ("cost", "a b"), ("team", "nlp"))}
    assert labels["PutObject", True] == {(None,)}
