"""The page that `list --format html` writes: all assets of a store, their versions, and where these come from.

Names, messages and addresses come from the store, so anybody may have written them. They get into the page in two ways:
as escaped text of a table that is readable without scripts, and as JSON that no browser runs, which the page's own
script turns into text nodes. The page's Content-Security-Policy allows that one script and that one style by their
hashes, no markup made of strings, and no request.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import quote

from assetsync.escape import printable
from assetsync.remote.documents import Logged
from assetsync.remote.store import ListedAsset
from assetsync.render.history import date, recorded
from assetsync.render.html.links import commit_page, web_page
from assetsync.render.units import plural, size

FORMAT_VERSION = 1
UNKNOWN = "–"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHARED = ("author", "branch", "commits", "description", "message", "owner", "repository", "tool")


# One asset as the page has it: what is known of it and of its versions, newest first.
Document = dict[str, Any]


def document(asset: ListedAsset, versions: Iterable[Logged], *, locked: str | None = None) -> Document:
    """An asset for `store_page`, without the lists of files, which may be long, and without keys for unknown facts."""
    return _known(
        {
            "name": asset.name,
            "latest": next(iter(asset.versions), None),
            "locked": locked,
            "aliases": asset.marks.aliases,
            "ignored": list(asset.foreign),
            "problem": asset.error or asset.refused,
            "versions": [*map(_version, versions)],
        }
    )


def _version(entry: Logged) -> Document:
    meta = entry.meta
    found: Document = {"version": entry.version, "error": entry.error, "yanked": entry.yank and entry.yank.why}
    if meta is not None:
        facts = recorded(meta)
        origin = facts.pop("provenance") or {}
        page = commit_page(origin.get("repository"), origin.get("commit"))
        found |= {name: facts[name] for name in ("digest", "size", "files", "description", "owner", "tags")} | origin
        found |= {"at": date(meta), "commits": page and page.removesuffix(origin["commit"])}
        run = origin.get("run_url")
        found |= {"run_page": web_page(run), "run_url": None if run == web_page(run) else run}
    return _known(found)


def _known(facts: Document) -> Document:
    return {key: value for key, value in facts.items() if value not in (None, [], {})}


def store_page(store: str, assets: Sequence[Document], *, tool: str, written: str) -> str:
    """The page as text, with a final newline. `tool` wrote it, at the time `written`, in UTC."""
    style, script = _part("page.css"), _part("page.js")
    versions = [version for asset in assets for version in asset.get("versions", ())]
    return Template(_part("page.html")).substitute(
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        store=_text(store),
        assets=f"{len(assets):,}",
        versions=f"{len(versions):,}",
        stored=_text(size(sum(version.get("size", 0) for version in versions))),
        newest=max((version["at"][:10] for version in versions if _DAY.match(version.get("at", ""))), default=UNKNOWN),
        count=_text(plural(len(assets), "asset")),
        rows="".join(map(_row, assets)),
        data=_inert(_data(store, assets)),
        tool=_text(tool),
        written=_text(written),
    )


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _text(text: str) -> str:
    return escape(printable(text))


def _data(store: str, assets: Sequence[Document]) -> Document:
    """All that the script needs. Texts that many versions have are in it once: a version has their places."""
    texts: dict[str, int] = {}

    def brief(version: Document) -> Document:
        shared = {name: texts.setdefault(version[name], len(texts)) for name in _SHARED if name in version}
        return version | shared

    listed = [asset | {"versions": [brief(one) for one in asset.get("versions", ())]} for asset in assets]
    return {"format_version": FORMAT_VERSION, "store": store, "assets": listed, "texts": list(texts)}


def _inert(document: dict[str, Any]) -> str:
    """JSON for inside of a `script` element: without a character that could end it or begin a comment."""
    text = json.dumps(_printable(document), ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _printable(value: Any) -> Any:
    if isinstance(value, dict):
        return {printable(key): _printable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value


# -- the table that needs no script


def _row(asset: Document) -> str:
    latest = asset.get("latest")
    newest: Document = next((one for one in asset.get("versions", ()) if one["version"] == latest), {})
    cells = [
        ("latest", latest or UNKNOWN),
        ("count", f"{len(asset.get('versions', ())):,}"),
        ("size", size(newest["size"]) if "size" in newest else UNKNOWN),
        ("spark", ""),
        ("date", newest.get("at", UNKNOWN)[:10]),
        ("who", newest.get("author", UNKNOWN)),
    ]
    rest = "".join(f'<span class="{kind}">{_text(text)}</span>' for kind, text in cells)
    name = f'<span class="name"><b>{_text(asset["name"])}</b>{"".join(_labels(asset))}</span>'
    return f'<li><a href="#{quote(printable(asset["name"]))}">{name}{rest}</a></li>\n'


def _labels(asset: Document) -> Iterator[str]:
    """Small labels beside a name."""
    for alias, version in sorted(asset.get("aliases", {}).items()):
        yield f'<i class="alias">{_text(alias)} → {_text(version)}</i>'
    if "locked" in asset:
        yield f'<i class="locked">locked {_text(asset["locked"])}</i>'
    if "problem" in asset:
        yield '<i class="bad">can’t be used</i>'
