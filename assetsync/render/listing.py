"""The assets of a store as a table and as JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from assetsync.layout import printable
from assetsync.model import ListedAsset
from assetsync.render.plan_json import dump

FORMAT_VERSION = 1
VERSIONS_SHOWN = 8


def listing_json(store: str, assets: Sequence[ListedAsset], locked: Mapping[str, str]) -> str:
    """The document of `list --format json`, with a final newline."""
    return dump(
        {
            "format_version": FORMAT_VERSION,
            "store": store,
            "assets": [
                {
                    "name": asset.name,
                    "versions": [*asset.versions, *asset.foreign],
                    "latest": next(iter(asset.versions), None),
                    "locked": locked.get(asset.name),
                }
                for asset in assets
            ],
        }
    )


def listing_text(assets: Sequence[ListedAsset], locked: Mapping[str, str]) -> str:
    """A table: name, newest version, locked version, older versions. Empty without assets."""
    if not assets:
        return ""
    rows = [("ASSET", "LATEST", "LOCKED", "OLDER"), *(_row(asset, locked) for asset in assets)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(_line(row, widths) for row in rows)


def _row(asset: ListedAsset, locked: Mapping[str, str]) -> tuple[str, str, str, str]:
    latest = next(iter(asset.versions), "-")
    return asset.name, latest, locked.get(asset.name, "-"), "; ".join(_rest(asset))


def _rest(asset: ListedAsset) -> Iterator[str]:
    older = asset.versions[1:]
    if older:
        more = f", … {len(older) - VERSIONS_SHOWN} more" if len(older) > VERSIONS_SHOWN else ""
        yield ", ".join(older[:VERSIONS_SHOWN]) + more
    if asset.foreign:
        yield f"ignored: {printable(', '.join(asset.foreign[:VERSIONS_SHOWN]))}"
    if asset.error:
        yield f"unreadable: {printable(asset.error)}"


def _line(row: tuple[str, str, str, str], widths: Sequence[int]) -> str:
    padded = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
    return "  ".join([*padded, row[3]]).rstrip() + "\n"
