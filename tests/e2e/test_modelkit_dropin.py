"""Scripts written from modelkit's documentation, with the import changed: on every store, with modelkit and without."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml

from assetsync.errors import AssetsyncError, NotFoundError, UsageError
from assetsync.modelkit import (
    AssetAlreadyExistsError,
    AssetDoesNotExistError,
    AssetsManager,
    InvalidNameError,
    InvalidVersionError,
    LocalAssetDoesNotExistError,
    NoConfiguredProviderError,
    ObjectDoesNotExistError,
    StorageProvider,
    UnknownDriverError,
)
from tests.e2e.harness import clean_environ
from tests.e2e.remotes import STORES as KINDS
from tests.e2e.remotes import Remote
from tests.e2e.test_modelkit import Modelkit
from tests.servers.modelkit import needs_modelkit, run_modelkit

ROOT = Path(__file__).parents[2]
STORES = [kind if kind in ("directory", "s3") else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]

# As in modelkit's documentation, but for its first lines. What it prints is the same under both.
SCRIPT = """
import json, os, sys
from {package}.remote import StorageProvider
from {package}.manager import AssetsManager
from {package}.settings import AssetSpec
from {package} import errors

def main(folder):
    provider = StorageProvider()
    said = []
    with open(folder + "/model.bin", "w") as file:
        file.write("one")
    spec = AssetSpec("nlp/model")
    provider.new(folder + "/model.bin", spec.name, spec.versioning.get_initial_version())
    with open(folder + "/model.bin", "w") as file:
        file.write("two")
    for bump in (False, True):
        versions = spec.sort_versions(provider.get_versions_info(spec.name))
        asked = spec.versioning.get_update_cli_params(version=None, version_list=versions, bump_major=bump)
        version = spec.versioning.increment_version(versions, asked["params"])
        provider.update(asset_path=folder + "/model.bin", name=spec.name, version=version)
        said.append(version)
    os.makedirs(folder + "/tok/deep")
    with open(folder + "/tok/deep/vocab.txt", "w") as file:
        file.write("a")
    provider.new(folder + "/tok", "nlp/tok", version="0.0")
    for call in (
        lambda: provider.new(folder + "/model.bin", "nlp/model", "0.0"),
        lambda: provider.update(folder + "/model.bin", "nlp/model", "1.0"),
    ):
        try:
            call()
        except errors.AssetAlreadyExistsError:
            said.append("exists")
    try:
        provider.update(folder + "/model.bin", "nlp/other", "1.0")
    except errors.AssetDoesNotExistError:
        said.append("absent")
    try:
        provider.get_asset_meta("nlp/model", "7.0")
    except errors.ObjectDoesNotExistError:
        said.append("no such object")
    meta = provider.get_asset_meta("nlp/tok", "0.0")
    said.append([meta["is_directory"], meta["contents"], meta["push_date"].tzinfo is not None])
    said.append([list(asset) for asset in provider.iterate_assets()])
    os.makedirs(folder + "/downloads")
    found = provider.download("nlp/model", "0.1", folder + "/downloads")
    said.append([found["path"], open(found["path"]).read(), found["meta"]["is_directory"]])
    manager = AssetsManager(storage_provider=provider, assets_dir=folder + "/downloads")
    for spec in ("nlp/model", "nlp/model:0", "nlp/model:0.0"):
        said.append(manager.fetch_asset(spec))
    said.append(open(manager.fetch_asset("nlp/tok[deep/vocab.txt]")).read())
    info = manager.fetch_asset("nlp/model:1", return_info=True)
    said.append([info["version"], info["from_cache"]])
    return said

print(json.dumps(main(sys.argv[1] if len(sys.argv) > 1 else os.environ["FOLDER"])))
"""
OURS = SCRIPT.format(package="assetsync.modelkit")
THEIRS = SCRIPT.format(package="modelkit.assets")


def expected(folder: Path) -> list[Any]:
    downloads = folder / "downloads"
    return [
        "0.1",
        "1.0",
        "exists",
        "exists",
        "absent",
        "no such object",
        [True, ["deep/vocab.txt"], True],
        [["nlp/model", ["1.0", "0.1", "0.0"]], ["nlp/tok", ["0.0"]]],
        [f"{downloads}/nlp/model/0.1", "two", False],
        f"{downloads}/nlp/model/1.0",
        f"{downloads}/nlp/model/0.1",
        f"{downloads}/nlp/model/0.0",
        "a",
        ["1.0", True],
    ]


@pytest.fixture
def theirs(remote: Remote, tmp_path: Path) -> Modelkit:
    if remote.kind == "directory":
        os.makedirs(remote.url)
    return Modelkit(remote, tmp_path / "theirs")


@pytest.mark.parametrize("serving", STORES, indirect=True)
def test_a_script_of_the_documentation_runs_with_the_import_changed(theirs: Modelkit, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    environ = {**clean_environ(tmp_path / "home"), "PYTHONPATH": str(ROOT), **theirs.environ}
    done = subprocess.run(
        [sys.executable, "-c", OURS, str(folder)], env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected(folder)


@pytest.mark.parametrize("serving", ["directory"], indirect=True)
@pytest.mark.modelkit
@needs_modelkit[1]
def test_the_same_script_says_the_same_under_modelkit(theirs: Modelkit, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    assert run_modelkit(THEIRS, {**theirs.environ, "FOLDER": str(folder)}) == expected(folder)


# Both are installed: modelkit's own classes in the `except` clauses of a script that publishes through assetsync.
BOTH = """
import json, os, sys
sys.path.append(os.environ["ASSETSYNC_ROOT"])
sys.path.append(os.environ["ASSETSYNC_PACKAGES"])
from assetsync.modelkit import StorageProvider
provider = StorageProvider()
assert "modelkit" not in sys.modules, "modelkit takes seconds to import"
import modelkit.assets.remote
from modelkit.assets import errors
folder = os.environ["FOLDER"]
open(folder + "/a", "w").write("a")
said = []
def call(kind, function, *args, **settings):
    try:
        function(*args, **settings)
    except kind as error:
        said.append([type(error).__name__, str(error)])
provider.new(folder + "/a", "m", "0.0")
call(errors.AssetAlreadyExistsError, provider.new, folder + "/a", "m", "0.0")
call(errors.AssetsManagerError, provider.update, folder + "/a", "n", "0.0")
call(errors.StorageDriverError, provider.get_versions_info, "n")
call(errors.InvalidVersionError, provider.new, folder + "/a", "0.0", "m")
call(errors.InvalidNameError, provider.new, folder + "/a", "../m", "0.0")
call(modelkit.assets.remote.UnknownDriverError, StorageProvider, provider="ftp")
print(json.dumps(said))
"""


@pytest.mark.modelkit
@needs_modelkit[1]
def test_where_modelkit_is_installed_its_own_except_clauses_catch(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    said = run_modelkit(
        BOTH,
        {
            "ASSETSYNC_ROOT": str(ROOT),
            "ASSETSYNC_PACKAGES": str(Path(ruamel.yaml.__file__).parents[2]),
            "ASSETSYNC_STATE_DIR": str(tmp_path / "state"),
            "FOLDER": str(tmp_path),
            "MODELKIT_STORAGE_PROVIDER": "local",
            "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket"),
        },
        imported=False,
    )
    assert [name for name, _ in said] == [
        "AssetAlreadyExistsError",
        "AssetDoesNotExistError",
        "ObjectDoesNotExistError",
        "InvalidVersionError",
        "InvalidNameError",
        "UnknownDriverError",
    ]
    assert said[0][1] == "`m` exists already; its newest version is `0.0`"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StorageProvider:
    for name in [name for name in os.environ if name.startswith(("MODELKIT_", "ASSETSYNC_STORE"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSETSYNC_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    (tmp_path / "bucket").mkdir()
    return StorageProvider(provider="local", bucket=tmp_path / "bucket", prefix="p")


@pytest.mark.parametrize(
    ("call", "kind", "said"),
    [
        (lambda p, a: p.new(a, "0.0", "nlp/x"), InvalidVersionError, "`nlp/x` is a name, where a version should be"),
        (lambda p, a: p.new(a, "x", "nlp/x"), InvalidVersionError, "`nlp/x` is a name, where a version should be"),
        (lambda p, a: p.new(a, "x", "1"), InvalidVersionError, "`1` is no complete version"),
        (lambda p, a: p.new(a, "/x", "1.0"), InvalidNameError, "empty segment"),
        (lambda p, a: p.update(a, "x", "1.0"), AssetDoesNotExistError, "has no asset `x`"),
        (lambda p, a: p.update(a, "there", "0.0"), AssetAlreadyExistsError, "`there:0.0` exists already"),
        (lambda p, a: p.get_versions_info("x"), ObjectDoesNotExistError, "has no asset `x`"),
        (lambda p, a: p.download("there", "0.9", a.parent / "d"), ObjectDoesNotExistError, "has no `there:0.9`"),
        (lambda p, a: StorageProvider(provider="ftp"), UnknownDriverError, "unknown provider `ftp`"),
        (lambda p, a: StorageProvider(), NoConfiguredProviderError, "no provider is configured"),
        (lambda p, a: StorageProvider(provider="local", bucket="/nowhere"), FileNotFoundError, "does not exist"),
        (lambda p, a: StorageProvider(provider="s3", bucket="b12", clients=1), UsageError, "`clients` is no setting"),
        (lambda p, a: StorageProvider(provider="s3", bucket="b12", client=p), UsageError, "can't be brought along"),
        (lambda p, a: AssetsManager("/nowhere"), FileNotFoundError, "does not exist"),
    ],
)
def test_errors_are_those_of_modelkit_and_say_what_is_wrong(
    provider: StorageProvider,
    tmp_path: Path,
    call: Callable[[StorageProvider, Path], object],
    kind: type[Exception],
    said: str,
) -> None:
    provider.new(tmp_path / "b", "there", "0.0")
    with pytest.raises(kind, match=said) as raised:
        call(provider, tmp_path / "a")
    assert isinstance(raised.value, AssetsyncError)


def test_an_error_can_be_sent_to_another_process(provider: StorageProvider) -> None:
    with pytest.raises(ObjectDoesNotExistError) as raised:
        provider.get_versions_info("x")
    again = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(again, ObjectDoesNotExistError)
    assert isinstance(again, NotFoundError)
    assert (again.message, again.hint) == (raised.value.message, raised.value.hint)


def test_a_bucket_without_the_prefix_is_an_empty_store(provider: StorageProvider, tmp_path: Path) -> None:
    assert list(provider.iterate_assets()) == []
    with pytest.raises(ObjectDoesNotExistError):
        provider.get_versions_info("m")
    try:
        provider.update(tmp_path / "a", "m", "0.0")
    except AssetDoesNotExistError:
        provider.new(tmp_path / "a", "m", "0.0")
    assert provider.get_versions_info("m") == ["0.0"]


def test_a_dry_run_checks_and_writes_nothing(provider: StorageProvider, tmp_path: Path) -> None:
    provider.new(tmp_path / "a", "m", "0.0", dry_run=True)
    assert list((tmp_path / "bucket").rglob("*")) == []
    provider.new(tmp_path / "a", "m", "0.0")
    provider.update(tmp_path / "b", "m", "0.1", dry_run=True)
    assert provider.get_versions_info("m") == ["0.0"]
    with pytest.raises(AssetAlreadyExistsError):
        provider.update(tmp_path / "b", "m", "0.0", dry_run=True)


def test_without_a_store_the_manager_takes_what_is_there(provider: StorageProvider, tmp_path: Path) -> None:
    folder = tmp_path / "assets"
    provider.new(tmp_path / "a", "m", "0.0")
    provider.update(tmp_path / "b", "m", "1.0")
    for version in ("0.0", "1.0"):
        provider.download("m", version, folder)
    manager = AssetsManager(folder)
    assert manager.storage_provider is None
    assert manager.fetch_asset("m") == str(folder / "m/1.0")
    assert manager.fetch_asset("m:0", return_info=True) == {
        "path": str(folder / "m/0.0"),
        "version": "0.0",
        "from_cache": True,
    }
    for spec in ("m:7", "m:7.0", "n"):
        with pytest.raises(LocalAssetDoesNotExistError):
            manager.fetch_asset(spec)


def _scripts_of_the_page() -> tuple[str, str]:
    """The script of docs/modelkit.md with modelkit's imports, and with ours."""
    page = (ROOT / "docs/modelkit.md").read_text()
    lines = page.split("```diff\n")[1].split("```")[0].splitlines()
    before, after = ([line[1:] for line in lines if line[:1] != sign] for sign in "+-")
    return "\n".join(before), "\n".join(after)


@pytest.mark.parametrize("package", [pytest.param("modelkit", marks=needs_modelkit), "assetsync"])
def test_the_script_of_the_page_runs_before_and_after(tmp_path: Path, package: str) -> None:
    before, after = _scripts_of_the_page()
    assert "import assetsync" not in before
    (tmp_path / "bucket").mkdir()
    environ = {
        **clean_environ(tmp_path / "home"),
        "MODELKIT_STORAGE_PROVIDER": "local",
        "MODELKIT_STORAGE_BUCKET": str(tmp_path / "bucket"),
    }
    (tmp_path / "out").mkdir()
    here = f"import os; os.chdir({str(tmp_path)!r})\n"
    for text in ("first", "second"):
        (tmp_path / "out/model").write_text(text)
        if package == "modelkit":
            run_modelkit(f"{here}{before}\nprint(0)", environ)
        else:
            program = [sys.executable, "-c", here + after]
            subprocess.run(program, env={**environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=300)
    index = json.loads((tmp_path / "bucket/modelkit-assets/nlp/model.versions").read_text())
    assert index == {"versions": ["0.1", "0.0"]}


@pytest.mark.parametrize("step", ["_commit", "release"])
def test_a_script_that_was_killed_goes_on_when_it_runs_again(
    provider: StorageProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """modelkit would refuse the number for ever: the data is there, and the index does not name it."""

    def die(*args: object, **settings: object) -> None:
        raise KeyboardInterrupt

    from assetsync.project import execute
    from assetsync.transfer import publish

    for path, name, version in (("a", "new", "0.0"), ("b", "update", "0.1")):
        with monkeypatch.context() as patch:
            patch.setattr(publish if step == "_commit" else execute, step, die)
            with pytest.raises(KeyboardInterrupt):
                getattr(provider, name)(tmp_path / path, "m", version)
        getattr(provider, name)(tmp_path / path, "m", version)
        with pytest.raises(AssetAlreadyExistsError):
            getattr(provider, name)(tmp_path / path, "m", version)
    assert provider.get_versions_info("m") == ["0.1", "0.0"]
