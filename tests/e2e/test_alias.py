"""`assetsync alias`, and every command that takes NAME@ALIAS; beside the real modelkit, which knows nothing of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote
from tests.e2e.test_modelkit import Modelkit
from tests.servers.modelkit import needs_modelkit, run_modelkit

NAME = "nlp/sentiment"


def published(repo: Repo, count: int = 3) -> Repo:
    """A repo with so many versions of its file: 0.0, 0.1, …"""
    for number in range(count):
        repo.write("models/sentiment.bin", f"version {number}")
        repo.run("apply", "--yes")
    repo.commit("three versions")
    return repo


def alias(repo: Repo, *args: str, code: int = 0) -> Any:
    return repo.run("alias", NAME, *args, "--format", "json", code=code).json()


def test_set_show_and_roll_back(repo: Repo) -> None:
    published(repo)
    commit = repo.git("rev-parse", "HEAD").strip()
    repo.run("alias", NAME, "production", "0.1", "-m", "F1 0.93\nat last")
    moved = repo.run("alias", NAME, "production", "0")
    assert "`nlp/sentiment@production` is at `0.2`" in moved.err
    assert moved.out.splitlines()[0] == "@production  0.2"
    alias(repo, "staging", "@production")
    shown = alias(repo)
    assert shown["asset"] == NAME
    assert {name: one["version"] for name, one in shown["aliases"].items()} == {"production": "0.2", "staging": "0.2"}
    newest, first = shown["aliases"]["production"]["moves"]
    assert (newest["version"], first["version"], first["message"]) == ("0.2", "0.1", "F1 0.93 at last")
    assert (first["who"], first["commit"]) == ("Ada", commit)

    repo.run("alias", NAME, "production", "--rollback", "-m", "too slow")
    text = repo.run("alias", NAME, "production").out
    assert "@production  0.1" in text
    assert "(rollback)  too slow" in text
    assert commit[:12] in text
    assert "was at no other version" in repo.run("alias", NAME, "production", "--rollback", code=1).err
    assert alias(repo, "staging", "--remove")["aliases"]["staging"]["version"] is None
    assert alias(repo, "staging", "--rollback")["aliases"]["staging"]["version"] == "0.2"


def test_every_command_that_takes_a_spec(repo: Repo, tmp_path: Path) -> None:
    published(repo)
    alias(repo, "production", "0.1")
    spec = f"{NAME}@production"
    path = repo.run("fetch", spec, "--assets-dir", str(tmp_path / "assets")).out.strip()
    assert path == str(tmp_path / "assets" / NAME / "0.1")
    assert Path(path).read_text() == "version 1"
    assert repo.run("show", spec, "--format", "json").json()["version"] == "0.1"
    assert "alias   @production" in repo.run("show", spec).out
    assert repo.run("diff", spec, f"{NAME}:0.1").code == 0
    assert repo.run("diff", spec, NAME, code=2).out.startswith(f"--- {NAME}:0.1\n+++ {NAME}:0.2\n")
    assert f"{NAME}:0.1" in repo.run("verify", spec).out
    assert "0.1  " in repo.run("log", NAME).out
    assert [one["aliases"] for one in repo.run("log", NAME, "--format", "json").json()["versions"]] == [
        [],
        ["production"],
        [],
    ]
    assert "@production 0.1" in repo.run("list").out
    listed = {one["name"]: one for one in repo.run("list", "--format", "json").json()["assets"]}
    assert (listed[NAME]["aliases"], listed[NAME]["yanked"]) == ({"production": "0.1"}, {})
    assert listed["nlp/tokenizer"]["aliases"] == {}


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["show", f"{NAME}@prodution"], 1, f"did you mean `{NAME}@production`?"),
        (["alias", NAME, "prodution"], 1, f"did you mean `{NAME}@production`?"),
        (["alias", NAME, "prodution", "--rollback"], 1, f"did you mean `{NAME}@production`?"),
        (["alias", NAME, "0.1", "production"], 1, "`0.1` can't be an alias"),
        (["alias", NAME, "Production", "0.1"], 1, "can't be an alias"),
        (["alias", NAME, "production", "0.9"], 1, f"has no `{NAME}:0.9`"),
        (["alias", NAME, "production", "7"], 1, "its only line is `0`"),
        (["alias", "nlp/other"], 1, "has no asset `nlp/other`"),
        (["alias", "nlp/other", "production", "0.1"], 1, "has no asset `nlp/other`"),
        (["alias", NAME, "--rollback"], 64, "name the alias"),
        (["alias", NAME, "production", "0.1", "--rollback"], 64, "give one of"),
        (["alias", NAME, "-m", "why"], 64, "goes with a move"),
        (["update", "models/sentiment.bin", f"{NAME}@production"], 64, "`assetsync alias`"),
    ],
)
def test_mistakes(repo: Repo, args: list[str], code: int, said: str) -> None:
    published(repo)
    alias(repo, "production", "0.1")
    assert said in repo.run(*args, code=code).err
    assert alias(repo)["aliases"]["production"]["version"] == "0.1"


def test_a_readonly_entry_follows_it_when_upgraded(repo: Repo) -> None:
    published(repo)
    alias(repo, "production", "0.1")
    serving = repo.clone("serving")
    entry = f'  {NAME}:\n    path: s.bin\n    version: "@production"\n    readonly: true\n'
    serving.write("assets.yaml", f"store: ../store\nassets:\n{entry}")
    (serving.root / "assets.lock").unlink()
    serving.run("sync", "--yes")
    assert serving.read("s.bin") == "version 1"
    assert 'version: "0.1"' in serving.read("assets.lock")
    serving.run("check", "--content", "--remote")

    alias(repo, "production", "0.2")
    plan = serving.run("plan", "-v").out
    assert "`@production` is at `0.2`: `assetsync upgrade nlp/sentiment`" in plan
    assert "Nothing to do" in plan
    serving.run("check", "--content", "--remote")
    serving.run("upgrade", "--yes")
    assert serving.read("s.bin") == "version 2"

    repo.run("alias", NAME, "production", "--rollback")
    serving.run("upgrade", "--yes")
    assert serving.read("s.bin") == "version 1"


def test_dates_have_aliases_too(repo: Repo) -> None:
    repo.write("assets.yaml", "versioning: simple_date\n" + repo.read("assets.yaml"))
    published(repo, 1)
    (version,) = repo.run("list", NAME, "--format", "json").json()["assets"][0]["versions"]
    alias(repo, "production", version)
    assert repo.run("show", f"{NAME}@production", "--format", "json").json()["version"] == version


def test_from_python(repo: Repo) -> None:
    from assetsync import AssetStore, NotFoundError

    published(repo)
    with AssetStore(str(repo.root.parent / "store"), environ=repo.environ, directory=repo.root) as store:
        assert store.move_alias(NAME, "production", "0.0", message="first") == "0.0"
        assert store.move_alias(NAME, "production", "0") == "0.2"
        assert store.marks(NAME).aliases == {"production": "0.2"}
        assert store.resolve(f"{NAME}@production").version == "0.2"
        assert store.roll_back_alias(NAME, "production") == "0.0"
        store.remove_alias(NAME, "production")
        with pytest.raises(NotFoundError):
            store.resolve(f"{NAME}@production")


LISTED = """
import json
from modelkit.assets.remote import StorageProvider
print(json.dumps(sorted([str(name), list(versions)] for name, versions in StorageProvider().iterate_assets())))
"""


@pytest.mark.parametrize("serving", ["directory", "s3"], indirect=True)
class TestBesideModelkit:
    pytestmark = needs_modelkit

    def test_it_lists_fetches_and_pushes_as_before(self, repo: Repo, remote: Remote, tmp_path: Path) -> None:
        if remote.kind == "directory":
            os.makedirs(remote.url)
        repo.use(remote)
        published(repo)
        repo.run("alias", NAME, "production", "0.1")
        repo.run("alias", "nlp/tokenizer", "production", "0.0")
        modelkit = Modelkit(remote, tmp_path / "assets")
        assert run_modelkit(LISTED, modelkit.environ) == [
            [NAME, ["0.2", "0.1", "0.0"]],
            ["nlp/tokenizer", ["0.0"]],
        ]
        assert modelkit.fetch(NAME)[NAME].read_text() == "version 2"
        modelkit.push("update", repo.write("other.bin", b"from modelkit"), NAME, "0.3")
        assert modelkit.fetch(NAME)[NAME].read_bytes() == b"from modelkit"
        assert repo.run("show", f"{NAME}@production", "--format", "json").json()["version"] == "0.1"
