"""Pull markers: what an interrupted pull must leave behind, so that a half-pulled tree is never published.

One file each under `.assetsync/pulls`, written before the first change to a local path and removed after the last.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass

from assetsync.atomic import sync_folder, write_atomically
from assetsync.plan.snapshot import Absent, HalfPulled, Present

MARKER_FORMAT = 1
# In place of a version, where the marker can't be read.
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Marker:
    """A pull of `name:version` that has begun, to `path`, which is relative to the project.

    `expendable` names files by path in the asset and sha256: those that the pull replaces and those that it puts there.
    The store has all of them, so losing them loses nothing.
    """

    name: str
    version: str
    path: str
    expendable: frozenset[tuple[str, str]]

    def half_pulled(self, local: Present | Absent) -> HalfPulled:
        """The local state of an asset with this marker, of which a scan has found `local`."""
        if isinstance(local, Absent):
            return HalfPulled(self.version, None, self.expendable)
        return HalfPulled(self.version, local.tree, self.expendable, local.excluded, local.stamps)


class Markers:
    """The markers in `folder`, which is made at first use."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, name: str) -> Marker | None:
        """The marker of an asset. One that can't be read still is one: of a pull that nothing is known of."""
        try:
            with open(self._path(name), "rb") as file:
                return _parse(file.read(), name)
        except FileNotFoundError:
            return None
        except OSError:
            return Marker(name, UNKNOWN, "", frozenset())

    def write(self, marker: Marker) -> None:
        """Durable when this returns. OSError."""
        os.makedirs(self._folder, exist_ok=True)
        write_atomically(self._path(marker.name), _render(marker))

    def clear(self, name: str) -> None:
        """Remove the marker of an asset, if there is one. OSError."""
        try:
            os.remove(self._path(name))
        except FileNotFoundError:
            return
        sync_folder(self._folder)

    def staging(self, name: str) -> str:
        """The folder for the files of a pull of this asset until they are put into place."""
        return self._path(name).removesuffix(".json")

    def _path(self, name: str) -> str:
        # Not the name itself: it has slashes, and a file system may fold its case.
        return os.path.join(self._folder, hashlib.sha256(name.encode()).hexdigest()[:32] + ".json")


def _render(marker: Marker) -> bytes:
    document = {
        "format": MARKER_FORMAT,
        "name": marker.name,
        "version": marker.version,
        "path": marker.path,
        "expendable": sorted(marker.expendable),
    }
    return json.dumps(document).encode()


def _parse(data: bytes, name: str) -> Marker:
    try:
        document = json.loads(data)
        if (document["format"], document["name"]) == (MARKER_FORMAT, name):
            expendable = frozenset((str(path), str(sha256)) for path, sha256 in document["expendable"])
            return Marker(name, str(document["version"]), str(document["path"]), expendable)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass  # cut short, or of another program
    return Marker(name, UNKNOWN, "", frozenset())
