"""Guards hold at every front door, say what and where, and never the secret itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assetsync import AssetStore
from assetsync.errors import AssetsyncError, InvalidError
from assetsync.modelkit import StorageProvider
from assetsync.project.project import Project
from assetsync.state.cache import Cache
from tests.e2e.harness import Repo, Run
from tests.e2e.remotes import Remote

# Put together here, so that no scanner takes it for a real one.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
CONFIG = f'{{\n  "model": "x",\n  "token": "{TOKEN}"\n}}\n'
SAID = "line 3 of `models/tokenizer/config.json` holds what looks like a secret: GitHub token"


@pytest.fixture
def leaky(repo: Repo) -> Repo:
    """A repo with a token in the configuration of a tokenizer."""
    repo.write("models/tokenizer/config.json", CONFIG)
    return repo


def run(repo: Repo, *args: str, env: dict[str, str] | None = None) -> Run:
    """The command, however it ends."""
    return repo.run(*args, code=None, env=env)


def store_is_empty(repo: Repo) -> bool:
    return not any(path.is_file() for path in (repo.root.parent / "store").rglob("*"))


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("plan", "--offline"),
        ("plan", "-v", "--format", "json"),
        ("plan", "--format", "markdown"),
        ("apply", "--yes"),
        ("sync", "--yes"),
        ("new", "models/tokenizer", "other", "--yes"),
        ("new", "models/tokenizer", "other", "--dry-run"),
    ],
)
def test_no_front_door_lets_a_secret_through(command: tuple[str, ...], leaky: Repo) -> None:
    done = run(leaky, "-v", *command)
    assert done.code == 1, done.out + done.err
    said = done.out + done.err
    assert "line 3 of" in said
    assert "GitHub token" in said
    assert TOKEN not in said
    assert TOKEN[8:30] not in said
    assert store_is_empty(leaky)


def test_update_and_the_api(repo: Repo) -> None:
    assert run(repo, "new", "models/tokenizer", "other", "--yes").code == 0
    repo.write("models/tokenizer/config.json", CONFIG)
    done = run(repo, "update", "models/tokenizer", "other", "--yes")
    assert (done.code, "GitHub token" in done.err) == (1, True)
    url = str(repo.root.parent / "store")
    with AssetStore(url, directory=repo.root, environ={}) as store:
        with pytest.raises(InvalidError, match="GitHub token"):
            store.new("models/tokenizer", name="third")
        with pytest.raises(InvalidError, match="GitHub token"):
            store.update("models/tokenizer", name="other")
    with Project.load(str(repo.root), environ={}) as project, pytest.raises(InvalidError):
        project.apply(project.plan())


def test_without_a_manifest_secrets_block(leaky: Repo, tmp_path: Path) -> None:
    (leaky.root / "assets.yaml").unlink()
    with (
        AssetStore("../store", directory=leaky.root, environ={"ASSETSYNC_STATE_DIR": str(tmp_path)}) as store,
        pytest.raises(InvalidError, match="GitHub token"),
    ):
        store.new("models/tokenizer", name="third")


def test_the_drop_in_for_modelkit(leaky: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(leaky.root)
    monkeypatch.setenv("ASSETSYNC_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "bucket").mkdir()
    with StorageProvider(provider="local", bucket=str(tmp_path / "bucket")) as provider:
        with pytest.raises(AssetsyncError, match="GitHub token"):
            provider.new("models/tokenizer", "a", "0.0")
        leaky.write("assets.yaml", leaky.read("assets.yaml") + "guards: {secrets: off}\n")
    with StorageProvider(provider="local", bucket=str(tmp_path / "bucket")) as provider:
        provider.new("models/tokenizer", "a", "0.0")


def test_no_variable_and_no_flag_switches_a_guard_off(leaky: Repo) -> None:
    names = ("SECRETS", "GUARDS", "ALLOW_SECRETS", "GUARDS_SECRETS", "MAX_FILES", "MAX_UPLOAD", "NO_GUARDS")
    env = {f"ASSETSYNC_{name}": "off" for name in names if name != "MAX_FILES"}
    assert run(leaky, "apply", "--yes", env=env | {"ASSETSYNC_MAX_FILES": "9999"}).code == 1
    assert run(leaky, "--store", "../other", "apply", "--yes").code == 1
    for command in ("plan", "apply", "sync", "new", "update"):
        text = run(leaky, command, "--help").out.lower()
        assert not [word for word in ("--no-guard", "--allow", "--secrets") if word in text]


def test_a_private_key_and_an_environment_file(repo: Repo) -> None:
    repo.write("models/tokenizer/.env", "AWS_ACCESS_KEY_ID=x\n")
    repo.write("models/tokenizer/id_rsa", "x")
    problems = run(repo, "plan", "--format", "json").json()["problems"]
    assert [(one["asset"], one["code"]) for one in problems] == [("nlp/tokenizer", "secret")] * 2
    assert {one["message"].partition(" is ")[0] for one in problems} == {
        "`models/tokenizer/.env`",
        "`models/tokenizer/id_rsa`",
    }


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ("    allow_secrets: [config.json]\n", False),
        ("guards: {secrets: off}\n", False),
        ("guards: {secrets: warn}\n", True),
    ],
)
def test_assets_yaml_alone_lets_it_through(change: str, note: bool, leaky: Repo) -> None:
    text = "store: ../store\nassets:\n  nlp/tokenizer:\n    path: models/tokenizer\n"
    leaky.write("assets.yaml", text + change)
    plan = run(leaky, "plan")
    assert plan.code == 0
    assert (SAID in plan.out) is note
    assert run(leaky, "apply", "--yes").code == 0


def test_what_the_version_before_has_is_no_news(leaky: Repo) -> None:
    text = leaky.read("assets.yaml")
    leaky.write("assets.yaml", text + "guards: {secrets: off}\n")
    assert run(leaky, "apply", "--yes").code == 0
    leaky.write("assets.yaml", text)
    leaky.write("models/tokenizer/vocab.txt", "other")
    assert run(leaky, "apply", "--yes").code == 0


def test_what_the_store_would_copy_is_read_first(leaky: Repo, s3: Remote) -> None:
    """From a URL in the store's own bucket, nothing is downloaded: the store copies. Secrets in it are found anyway."""
    leaky.use(s3)
    text = leaky.read("assets.yaml")
    leaky.write("assets.yaml", text + "guards: {secrets: off}\n")
    assert run(leaky, "apply", "--yes").code == 0
    leaky.write("assets.yaml", text)
    done = run(leaky, "new", f"{s3.url}/nlp/tokenizer/0.0/", "other", "--yes")
    assert done.code == 1
    assert "GitHub token" in done.err
    assert TOKEN not in done.err
    leaky.write("assets.yaml", text + "guards: {secrets: warn}\n")
    done = run(leaky, "new", f"{s3.url}/nlp/tokenizer/0.0/", "other", "--yes")
    assert (done.code, "reused" in done.err, "GitHub token" in done.err) == (0, True, True)


def test_limits_hold_for_apply_and_by_hand(repo: Repo) -> None:
    repo.write("assets.yaml", repo.read("assets.yaml") + "guards: {max_files: 1, max_upload: 5 B}\n")
    done = run(repo, "apply", "--yes")
    assert done.code == 1
    assert "`nlp/tokenizer` has 2 files, and `max_files` allows 1" in done.err
    assert "`nlp/tokenizer` would upload 11 bytes, and `max_upload` allows 5" in done.err
    assert (
        "`max_upload` allows 5" in run(repo, "new", "models/sentiment.bin", "other", "--yes", "--max-files", "99").err
    )
    assert store_is_empty(repo)


def test_majors_by_manifest(repo: Repo) -> None:
    head = "store: ../store\nguards: {majors: manifest}\nassets:\n  m:\n    path: models/sentiment.bin\n"
    repo.write("assets.yaml", head)
    assert run(repo, "apply", "--yes").code == 0
    assert "opens version line `1`, which assets.yaml does not declare" in run(repo, "apply", "--bump-major", "m").err
    assert run(repo, "update", "models/sentiment.bin", "m", "--bump-major", "--yes").code == 1
    assert run(repo, "new", "models/sentiment.bin", "n:3", "--yes").code == 1
    repo.write("assets.yaml", head + '    version: "1"\n')
    assert run(repo, "apply", "--yes").code == 0
    assert (repo.root.parent / "store/m/1.0.meta").exists()


def test_a_limit_of_assets_yaml_is_not_asked_about(repo: Repo) -> None:
    for number in range(60):
        repo.write(f"many/{number}.txt", "x")
    assert "has 60 files" in run(repo, "new", "many", "m", "--dry-run").err
    repo.write("assets.yaml", repo.read("assets.yaml") + "guards: {max_files: 100}\n")
    assert "has 60 files" not in run(repo, "new", "many", "m", "--dry-run").err


def test_check_reports_offline(leaky: Repo) -> None:
    assert run(leaky, "check", "--content").code == 2
    (finding,) = [
        one
        for one in run(leaky, "check", "--content", "--format", "json").json()["findings"]
        if one["code"] == "secret"
    ]
    assert (finding["asset"], finding["message"]) == ("nlp/tokenizer", SAID)
    text = leaky.read("assets.yaml")
    leaky.write("assets.yaml", text + "guards: {secrets: warn}\n")
    assert run(leaky, "apply", "--yes").code == 0
    leaky.write("assets.yaml", text + "guards: {max_files: 2}\n")
    done = run(leaky, "check")
    assert (done.code, "locked with 3 files, and `max_files` allows 2" in done.out) == (2, True)
    leaky.write("models/tokenizer/fourth.txt", "new")
    assert "`nlp/tokenizer` has 4 files, and `max_files` allows 2" in run(leaky, "check", "--content").out


def test_an_unchanged_tree_is_not_looked_at_again(leaky: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(leaky, "plan").out
    looked: list[str] = []

    def refuse(*_: object) -> object:
        looked.append("again")
        return ()

    monkeypatch.setattr("assetsync.local.secrets.find_secrets", refuse)
    assert run(leaky, "plan").out == first
    assert not looked
    leaky.write("models/tokenizer/vocab.txt", "longer than it was\n")
    run(leaky, "plan")
    assert looked


@pytest.mark.parametrize(
    "fact", ["", "{}", "[1]", '[["config.json", 0, "GitHub token"]]', '[["x", 1, "y"]]', "[" * 9999]
)
def test_a_memory_that_was_tampered_with_is_not_believed(
    fact: str, leaky: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tampered(cache: Cache, key: str) -> str | None:
        return fact if key.startswith("secrets ") else None

    monkeypatch.setattr(Cache, "fact", tampered)
    assert SAID in run(leaky, "plan").out


def test_what_is_remembered_is_no_secret(leaky: Repo) -> None:
    run(leaky, "plan")
    for path in (leaky.root / ".assetsync").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_a_pull_request_that_loosens_guards_shows_it(leaky: Repo) -> None:
    leaky.write(".gitignore", "/models\n")
    leaky.write("assets.yaml", leaky.read("assets.yaml") + "guards: {max_files: 10}\n")
    leaky.commit()
    leaky.git("checkout", "-q", "-b", "sneaky")
    leaky.write("assets.yaml", leaky.read("assets.yaml").replace("{max_files: 10}", "{secrets: off}"))
    leaky.commit()
    for env in ({"GITHUB_BASE_REF": "main"}, {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}):
        page = run(leaky, "plan", "--format", "markdown", env=env).out
        assert "**This change loosens guards of assets.yaml, and publishes in one go:**" in page
        assert "- `secrets` went from `block` to `off`" in page
        assert "- `max_files` went from 10 to no limit" in page
    document = run(leaky, "plan", "--format", "json", env={"GITHUB_BASE_REF": "main"}).json()
    assert len(document["guards"]["loosened"]) == 2
    # A branch that was not fetched: compared with an assets.yaml that says nothing.
    shallow = run(leaky, "plan", "--format", "json", env={"GITHUB_BASE_REF": "elsewhere"}).json()
    assert shallow["guards"]["loosened"] == ["`secrets` went from `block` to `off`"]
    # Without a pull request, what was committed is what was before.
    assert not run(leaky, "plan", "--format", "json").json()["guards"]["loosened"]


def test_owner_and_tags_are_kept(repo: Repo) -> None:
    repo.write(
        "assets.yaml",
        "store: {url: ../store, price_per_gb_month: 0.02}\nassets:\n"
        "  m: {path: models/sentiment.bin, owner: Team NLP, tags: [nlp, fr]}\n",
    )
    (action,) = run(repo, "plan", "-v", "--format", "json").json()["actions"]
    assert (action["owner"], action["tags"]) == ("Team NLP", ["nlp", "fr"])
    assert [(file["path"], file["size"]) for file in action["contents"]] == [("", 7)]
    assert action["cost"] == {"bytes": 7, "per_month": pytest.approx(1.4e-10)}
    assert "Cost: the store grows by 7 B, under 0.0001 a month." in run(repo, "plan").out
    assert run(repo, "apply", "--yes").code == 0
    meta = json.loads((repo.root.parent / "store/m/0.0.meta").read_text())
    assert (meta["assetsync"]["owner"], meta["assetsync"]["tags"]) == ("Team NLP", ["nlp", "fr"])
    shown = run(repo, "show", "m:0.0").out
    assert "Team NLP" in shown
    assert "nlp, fr" in shown
