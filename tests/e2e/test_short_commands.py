"""A pull of what is here needs no store: nothing is asked, no SDK is imported."""

from __future__ import annotations

import sys

import pytest

from tests.e2e.harness import Repo
from tests.e2e.remotes import Remote

# Runs the command and prints what it has imported.
SCRIPT = """
import sys
from assetsync.cli.app import main
try:
    main()
finally:
    print(*sorted(sys.modules), file=sys.stderr)
"""
# It is 248 with Python 3.11, 170 of which are Python, click, ruamel.yaml and msgspec.
MOST_MODULES = 255
HEAVY = {
    "boto3",
    "botocore",
    "obstore",
    "gcsfs",
    "fsspec",
    "google",
    "azure",
    "git",
    "urllib3",
    "requests",
    "aiohttp",
    "rich",
}


def _imported(repo: Repo, *command: str) -> set[str]:
    with repo.start(*command, program=[sys.executable, "-c", SCRIPT]) as process:
        _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return set(err.splitlines()[-1].split())


@pytest.mark.parametrize("command", [["pull"], ["pull", "many/7"]])
def test_a_pull_with_nothing_to_do_asks_nobody_and_imports_no_sdk(repo: Repo, s3: Remote, command: list[str]) -> None:
    repo.use(s3)
    for number in range(10):
        repo.write(f"many/{number}", str(number))
    entries = "".join(f"  many/{number}: many/{number}\n" for number in range(10))
    repo.write("assets.yaml", f"store: {s3.url}\nassets:\n{entries}")
    repo.run("apply", "--yes")
    before = s3.requests()
    modules = _imported(repo, *command)
    assert not {module.partition(".")[0] for module in modules} & HEAVY
    # Nor is there anything to send, get, commit or publish.
    assert not {module for module in modules if module.startswith(("assetsync.transfer.", "assetsync.git.commit"))}
    assert not modules & {"json", "assetsync.pool", "assetsync.backends.contract", "assetsync.plan.publishing"}
    assert len(modules) < MOST_MODULES
    assert s3.requests() == before
    (repo.root / "many/3").unlink()
    modules = _imported(repo, "pull")
    assert "obstore" in modules
    assert "botocore" not in modules  # the environment says all, and what a pull asks is asked by obstore
    assert s3.requests() == before + 3  # `.marks`, `.meta` and the data
    assert repo.read("many/3") == "3"
