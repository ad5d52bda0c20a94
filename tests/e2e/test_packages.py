"""Wheel and sdist: what is in them, and that what they install does the main job and passes the tests."""

from __future__ import annotations

import email
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import assetsync
from tests.e2e.checkout import copy_checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DATA = ("manifest.schema.json", "py.typed", "render/html/page.css", "render/html/page.html", "render/html/page.js")

PIP = ("-m", "pip", "--disable-pip-version-check", "--python")
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(source: Path, kind: str, target: Path) -> Path:
    """Build what `kind` says, without a network."""
    run(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target, cwd=source)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("checkout")
    copy_checkout(source)
    return build(source, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist, as pip does it where there is no wheel."""
    return build(unpacked, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that has the wheel, and the dependencies of this one."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, *PIP, python, "install", "-q", "--no-index", "--no-deps", wheel, cwd=folder)
    # Behind the new one's own packages; its links to a checkout are not followed.
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    return python


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = email.message_from_bytes(archive.read(next(name for name in names if name.endswith("/METADATA"))))
    assert {name.partition("/")[0] for name in names} == {"assetsync", f"assetsync-{assetsync.__version__}.dist-info"}
    here = {path.as_posix() for path in Path("assetsync").rglob("*.py")} | {f"assetsync/{name}" for name in DATA}
    assert here == {name for name in names if name.startswith("assetsync/")}
    assert metadata["Version"] == assetsync.__version__
    assert "Repository" in "".join(metadata.get_all("Project-URL") or [])


def test_the_installed_program_does_the_main_job(python: Path, tmp_path: Path) -> None:
    program = python.parent / "assetsync"
    assert run(program, "--version", cwd=tmp_path) == f"assetsync {assetsync.__version__}\n"
    where = run(python, "-c", "import assetsync; print(assetsync.__file__)", cwd=tmp_path)
    assert where.startswith(str(python.parents[1]))
    run("cp", "-R", Path("docs/example").absolute(), tmp_path / "example", cwd=tmp_path)
    run("git", "init", "-q", cwd=tmp_path / "example")
    run(program, "apply", "--yes", cwd=tmp_path / "example")
    assert "nlp/tokenizer" in run(program, "list", cwd=tmp_path / "example")
    run(program, "list", "--format", "html", "-o", "assets.html", cwd=tmp_path / "example")
    assert "nlp/tokenizer" in (tmp_path / "example" / "assets.html").read_text()


def test_the_tests_of_the_sdist_pass_with_the_wheel(unpacked: Path, python: Path, tmp_path: Path) -> None:
    # Without the package beside them, the tests can only take the installed one.
    tests = tmp_path / "tests-alone"
    tests.mkdir()
    for name in ("tests", "docs", "pyproject.toml"):
        run("cp", "-R", unpacked / name, tests / name, cwd=tmp_path)
    some = ("tests/unit/model", "tests/e2e/test_main_job.py")
    passed = run(python, *PYTEST, *some, cwd=tests)
    assert " passed" in passed.splitlines()[-1]


def test_all_tests_of_the_sdist_are_found(unpacked: Path, python: Path) -> None:
    found = run(python, *PYTEST, "--collect-only", cwd=unpacked)
    assert " tests collected" in found.splitlines()[-1]
