"""Pull markers: what an interrupted pull must leave behind, so that a half-pulled tree is never published.

One file each under `.assetsync/pulls`, written before the first change to a local path and removed after the last. A
marker says that a pull began, and nothing else is believed of it: which files may be replaced, only the store can tell.
It also names the folders that lose their last file, because nothing tells afterwards that an empty one was not wanted.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from msgspec import MsgspecError, Struct
from msgspec.json import decode, encode
from msgspec.structs import asdict, replace

from assetsync.atomic import sync_folder
from assetsync.escape import printable
from assetsync.model.paths import part_problem
from assetsync.plan.snapshot import Absent, HalfPulled, Present
from assetsync.state.folder import Folder

MARKER_FORMAT = 2
# In place of a version, where the marker can't be read.
UNKNOWN = "?"
# Bytes of a marker.
LARGEST = 64 * 1024
# Characters of a version that a marker may name.
LONGEST = 100


class Marker(Struct, frozen=True):
    """A pull of `name:version` that has begun, to `path`, which is POSIX and relative to the folder of the manifest.

    `emptied` are the folders that are to go when they are empty.
    """

    name: str
    version: str
    path: str
    emptied: tuple[str, ...] = ()

    def half_pulled(self, local: Present | Absent) -> HalfPulled:
        """The local state of an asset with this marker, of which a scan has found `local`."""
        if isinstance(local, Absent):
            return HalfPulled(self.version, None, through=local.through)
        return HalfPulled(self.version, local.tree, local.excluded, local.stamps, local.through)


class Markers:
    """The markers in `folder`, which is made at first use.

    InvalidError, of all methods, when a marker or the folder is a link or somebody else's.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def get(self, name: str) -> Marker | None:
        """The marker of an asset. One that can't be read still is one: of a pull that nothing is known of."""
        try:
            return _parse(self._folder.read(_file(name), LARGEST), name)
        except FileNotFoundError:
            return None
        except OSError:
            return Marker(name, UNKNOWN, "")

    def of(self, names: Iterable[str]) -> dict[str, Marker]:
        """The markers of those assets that have one, by name."""
        try:
            there = frozenset(self._folder.names())
        except OSError:
            return {name: Marker(name, UNKNOWN, "") for name in names}
        found = {name: self.get(name) for name in names if _file(name) in there} if there else {}
        return {name: marker for name, marker in found.items() if marker is not None}

    def write(self, marker: Marker) -> None:
        """Durable when this returns. OSError."""
        self._folder.write(_file(marker.name), _render(marker))

    def clear(self, name: str) -> None:
        """Remove the marker of an asset, if there is one. OSError."""
        try:
            self._folder.remove(_file(name))
        except FileNotFoundError:
            return
        sync_folder(self._folder.path)

    def staging(self, name: str) -> str:
        """The folder for the files of a pull of this asset until they are put into place."""
        return os.path.join(self._folder.path, _file(name).removesuffix(".json"))


def _file(name: str) -> str:
    # Not the name itself: it has slashes, and a file system may fold its case.
    return hashlib.sha256(name.encode()).hexdigest()[:32] + ".json"


def _render(marker: Marker) -> bytes:
    data = encode({"format": MARKER_FORMAT, **asdict(marker)})
    # Rather an empty folder that stays than a marker that can't be read.
    fits = len(data) <= LARGEST or not marker.emptied
    return data if fits else _render(replace(marker, emptied=()))


def _parse(data: bytes, name: str) -> Marker:
    try:
        match decode(data):
            case {"format": 2, "name": str() as named, "version": str() as version, "path": str() as path, **more}:
                if named == name and version == printable(version) and len(version) <= LONGEST:
                    return Marker(name, version, path, _folders(more.get("emptied")))
            case _:
                pass
    except (MsgspecError, ValueError, RecursionError):
        pass  # cut short, or of another program
    return Marker(name, UNKNOWN, "")


def _folders(found: object) -> tuple[str, ...]:
    """Markers of before name none."""
    return (
        tuple(path for path in found if isinstance(path, str) and not part_problem(path))
        if isinstance(found, list)
        else ()
    )
