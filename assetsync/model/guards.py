"""Guards: what assets.yaml says must not be published, because a published version can't be taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

SecretsGuard = Literal["block", "warn", "off"]
MajorsGuard = Literal["any", "manifest"]
SECRETS: tuple[SecretsGuard, ...] = ("block", "warn", "off")
MAJORS: tuple[MajorsGuard, ...] = ("any", "manifest")

# Files. Above this a person who publishes by hand is asked once more, where nothing else is said: it is often a wrong
# path.
MANY_FILES = 50

_UNITS = {"": 1, "B": 1} | {
    unit: base**power
    for base, mark in ((1000, "B"), (1024, "iB"))
    for power, letter in enumerate("kMGTP", start=1)
    for unit in {f"{letter}{mark}", f"{letter.upper()}{mark}"}
}
_SIZE = r"([0-9]{1,15})(?:\.([0-9]{1,9}))? ?([A-Za-z]*)"


class Guards(Struct, frozen=True):
    """The `guards` of assets.yaml.

    `max_upload` is in bytes, of new data in one version of one asset; `max_files` counts the files of one asset; None
    for no limit. `majors`: whether only `version` in assets.yaml opens a new major line.
    """

    secrets: SecretsGuard = "block"
    max_upload: int | None = None
    max_files: int | None = None
    majors: MajorsGuard = "any"


class Secret(Struct, frozen=True):
    """Where something that looks like a secret was found; never what it is.

    `path` is relative to the asset, and empty for an asset that is a single file. `line` counts from 1; None where the
    name of the file says it all.
    """

    path: str
    line: int | None
    kind: str


def parse_size(text: str) -> int | None:
    """The bytes that a size such as `5 GiB`, `200MB` or `1.5 kB` stands for; None for what is no size, or none at all.

    Powers of 1000 with `kB`, `MB`, `GB`, `TB`, `PB`; of 1024 with `KiB` and so on.
    """
    match = re.fullmatch(_SIZE, text.strip())
    factor = _UNITS.get(match[3]) if match else None
    if match is None or factor is None:
        return None
    fraction = match[2] or ""
    return int(match[1] + fraction) * factor // 10 ** len(fraction) or None


def is_allowed(path: str, allowed: Iterable[str]) -> bool:
    """Whether `path` is one of `allowed`, or lies in a folder that is."""
    return any(path == one or path.startswith(f"{one}/") for one in allowed)


def loosened(before: Guards, after: Guards) -> Iterator[str]:
    """In words, what `after` permits and `before` did not."""
    if SECRETS.index(after.secrets) > SECRETS.index(before.secrets):
        yield f"`secrets` went from `{before.secrets}` to `{after.secrets}`"
    for name, old, new in (
        ("max_upload", before.max_upload, after.max_upload),
        ("max_files", before.max_files, after.max_files),
    ):
        if old is not None and (new is None or new > old):
            yield f"`{name}` went from {old:,} to {'no limit' if new is None else f'{new:,}'}"
    if (before.majors, after.majors) == ("manifest", "any"):
        yield "`majors` went from `manifest` to `any`"
