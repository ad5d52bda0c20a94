"""The assets of a store as a table and as JSON (format 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assetsync.escape import printable
from assetsync.remote.documents import Meta
from assetsync.remote.store import ListedAsset
from assetsync.render.columns import table
from assetsync.render.document import dump
from assetsync.render.history import NOT_RECORDED, date
from assetsync.render.units import size

VERSIONS_SHOWN = 8


def listing_json(
    store: str, assets: Sequence[ListedAsset], locked: Mapping[str, str], metas: Mapping[str, Meta] | None = None
) -> str:
    """The document of `list --format json`, with a final newline. `metas` are those of the newest versions."""
    listed = [_document(asset, locked, metas) for asset in assets]
    return dump({"store": store, "assets": listed})


def _document(asset: ListedAsset, locked: Mapping[str, str], metas: Mapping[str, Meta] | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": asset.name,
        "versions": [*asset.versions, *asset.foreign],
        "latest": next(iter(asset.versions), None),
        "locked": locked.get(asset.name),
        "aliases": asset.marks.aliases,
        "yanked": {version: yank.why for version, yank in asset.marks.yanked.items()},
    }
    if asset.foreign:
        document["ignored"] = [*asset.foreign]
    if asset.error is not None:
        document["error"] = asset.error
    if asset.refused is not None:
        document["refused"] = asset.refused
    if metas is not None:
        meta = metas.get(asset.name)
        document["size"] = meta.tree.content.size if meta and meta.tree else None
        document["files"] = len(meta.paths) if meta else None
        document["date"] = meta.push_date if meta else None
    return document


def listing_text(
    assets: Sequence[ListedAsset], locked: Mapping[str, str], metas: Mapping[str, Meta] | None = None
) -> str:
    """A table: name, newest version, with `metas` its size and date, locked version, older versions. Empty without
    assets."""
    if not assets:
        return ""
    more = () if metas is None else ("SIZE", "FILES", "DATE")
    rows = [("ASSET", "LATEST", *more, "LOCKED", "OLDER"), *(_row(asset, locked, metas) for asset in assets)]
    return "".join(f"{line}\n" for line in table(rows))


def _row(asset: ListedAsset, locked: Mapping[str, str], metas: Mapping[str, Meta] | None) -> tuple[str, ...]:
    latest = next(iter(asset.versions), "-")
    more = () if metas is None else _known(metas.get(asset.name))
    return printable(asset.name), latest, *more, locked.get(asset.name, "-"), "; ".join(_rest(asset))


def _known(meta: Meta | None) -> tuple[str, str, str]:
    if meta is None:
        return "-", "-", "-"
    total = size(meta.tree.content.size) if meta.tree is not None else NOT_RECORDED
    return total, f"{len(meta.paths):,}", date(meta)


def _rest(asset: ListedAsset) -> Iterator[str]:
    older = asset.versions[1:]
    if older:
        more = f", … {len(older) - VERSIONS_SHOWN} more" if len(older) > VERSIONS_SHOWN else ""
        yield ", ".join(older[:VERSIONS_SHOWN]) + more
    if asset.marks.aliases:
        yield ", ".join(f"@{alias} {version}" for alias, version in asset.marks.aliases.items())
    if asset.marks.yanked:
        yield f"yanked: {', '.join([*asset.marks.yanked][-VERSIONS_SHOWN:])}"
    if asset.foreign:
        yield f"ignored: {printable(', '.join(asset.foreign[:VERSIONS_SHOWN]))}"
    if asset.error:
        yield f"unreadable: {printable(asset.error)}"
    if asset.refused:
        yield f"can't be used: {asset.refused}"
