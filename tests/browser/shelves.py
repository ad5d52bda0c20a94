"""Stores for a page to show: a lifelike one of any size, and one in which every text is an attack."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from msgspec.structs import replace

from assetsync.model.marks import Act, Marks, Move, Yank
from assetsync.model.provenance import Provenance
from assetsync.model.tree import file_tree
from assetsync.remote import layout
from assetsync.remote.documents import Meta, render_marks, render_meta, render_versions

_ROOMS = ("nlp", "vision", "speech", "search", "ranking", "fraud", "maps", "shared")
_THINGS = (
    "tokenizer",
    "sentiment",
    "embeddings",
    "classifier",
    "reranker",
    "labels",
    "detector",
    "index",
    "vocab",
    "calibration",
)
_PEOPLE = ("Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Radia Perlman", "Barbara Liskov")
_REASONS = (
    "Retrained on May data",
    "F1 0.93, was 0.91",
    "Keep upper case",
    "Half the size, by pruning",
    "New labels: sarcasm",
    "Weekly refresh",
)
_START = datetime(2025, 3, 3, 8, 30, tzinfo=UTC)


def lifelike(folder: Path, assets: int, *, seed: int = 7) -> list[str]:
    """Write a store with so many assets, of one to twenty versions each; their names, sorted. Data is left out.

    Of those with three versions or more, the third last is at `production`, and the last but one was yanked.
    """
    random, names = Random(seed), sorted(_names(assets))
    for name in names:
        room, _, thing = name.partition("/")
        versions: list[str] = []
        size, when = 10 ** random.uniform(4, 9.3), _START + timedelta(hours=random.uniform(0, 7000))
        for number in range(random.randint(1, 20)):
            meta = _meta(random, int(size), when, number)
            owned = replace(meta, description=f"The {thing} of {room}", owner=f"team-{room}", tags=(thing,))
            versions.insert(0, f"{number // 8}.{number % 8}")
            put(folder, name, versions[0], owned)
            size, when = size * random.uniform(0.85, 1.3), when + timedelta(hours=random.uniform(20, 900))
        if len(versions) > 2:
            act = Act("Ada Lovelace", _START.isoformat(), message="Labels of the test set were in it")
            production = {"production": (Move(versions[2], act),)}
            mark(folder, name, Marks(production, (Yank(versions.pop(1), act),)))
        index(folder, name, versions)
    return names


def _names(count: int) -> Iterator[str]:
    for number in range(count):
        room, thing = _ROOMS[number % len(_ROOMS)], _THINGS[number // len(_ROOMS) % len(_THINGS)]
        again = number // (len(_ROOMS) * len(_THINGS))
        yield f"{room}/{thing}" + (f"-{again + 1:02}" if again else "")


def _meta(random: Random, size: int, when: datetime, number: int) -> Meta:
    commit = random.randbytes(20).hex()
    made = Provenance(
        tool="assetsync 0.1.0",
        commit=commit,
        branch="main" if number % 4 else "retrain",
        dirty=number % 7 == 3,
        repository="https://github.com/team/models",
        author=random.choice(_PEOPLE),
        run_url=f"https://github.com/team/models/actions/runs/{random.randint(10**9, 10**10)}",
        message=random.choice(_REASONS),
    )
    tree = file_tree(size, hashlib.sha256(commit.encode()).hexdigest())
    return Meta(when.isoformat(), False, ("",), tree, made)


# Each as a text of its own; what runs, sets `attacked`.
ATTACKS = (
    "</script><script>window.attacked=1</script>",
    "<img src=x onerror='window.attacked=1'>",
    '"><svg onload=window.attacked=1>',
    "' onmouseover='window.attacked=1' x='",
    "<!--<script>",
    "]]><iframe srcdoc='<script>parent.attacked=1</script>'>",
    "{{constructor.constructor('window.attacked=1')()}}",
    "${window.attacked=1}$style",
    "&lt;b&gt;&#60;script>",
    "</style><style>body{display:none}</style>",
    "\u202egnp.exe\u2028\u0000\x1b[31m",
)
SCRIPTS = (
    "javascript:window.attacked=1",
    "data:text/html,<script>parent.attacked=1</script>",
    'https://e.example/"onclick="window.attacked=1',
)


def hostile(folder: Path) -> None:
    """Write a store with an asset for each attack, whose every text is that attack, and names that are attacks."""
    for number, attack in enumerate((*ATTACKS, *SCRIPTS)):
        made = Provenance(attack, attack, attack, True, attack, attack, attack, attack)
        meta = Meta(attack, False, ("",), file_tree(number, "0" * 64), made, attack, attack, (attack, attack))
        put(folder, f"asset-{number}", "1.0", meta)
        act = Act(attack, attack, attack, attack, attack)
        put(folder, f"asset-{number}", "0.9", meta)
        mark(folder, f"asset-{number}", Marks({"a": (Move("1.0", act),)}, (Yank("0.9", act),)))
        index(folder, f"asset-{number}", ["1.0", attack])
        name = attack.replace("/", "∕").replace("\0", "")
        index(folder, name, ["1.0"])


def put(folder: Path, name: str, version: str, meta: Meta) -> None:
    """Write a version's `.meta`, as it is."""
    path = folder / layout.meta_key(name, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render_meta(meta))


def mark(folder: Path, name: str, marks: Marks) -> None:
    """Write the `.marks` of an asset."""
    (folder / layout.marks_key(name)).write_bytes(render_marks(marks))


def index(folder: Path, name: str, versions: list[str]) -> None:
    """Write the `.versions` of an asset of any name."""
    path = folder / f"{name}.versions"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render_versions(versions))
