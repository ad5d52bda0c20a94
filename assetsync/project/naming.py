"""The assets that a person names: each by its name, or many by a pattern such as `nlp/*`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from assetsync.errors import NotFoundError, UsageError
from assetsync.escape import printable
from assetsync.model.history import History
from assetsync.model.marks import alias_in
from assetsync.model.names import Spec, parse_spec
from assetsync.suggest import did_you_mean

if TYPE_CHECKING:
    from assetsync.remote.store import ListedAsset, Store  # a pull whose names need no store spends no time on it

# A spec whose name is a pattern, and what is behind that: `nlp/*`, `nlp/*:1`, `*@production`.
_MANY = re.compile(r"(?P<pattern>[^:@\[\]]*[*?][^:@\[\]]*)(?P<rest>.*)", re.DOTALL)


def chosen(
    given: Iterable[str],
    known: Collection[str],
    file: str,
    *,
    paths: Mapping[str, str] | None = None,
    otherwise: str | None = None,
) -> tuple[str, ...]:
    """The names among `known` that `given` names, each once, in the order of `given`.

    A text with `*`, `?` or `[` is a pattern, whose `*` goes over `/` too. UsageError for a name that is not known, and
    for a pattern that nothing matches: it says that `file` lacks it. Its hint is what was meant, as far as that can be
    told from `known` and from `paths` by name; or else `otherwise`, with `{name}` for what was given.
    """
    found: dict[str, None] = {}
    for text in given:
        names = list(_matching(text, known))
        if not names:
            raise _unknown(text, known, file, paths or {}, otherwise or f"`{file}` lists what there is")
        found.update(dict.fromkeys(names))
    return tuple(found)


def is_pattern(text: str) -> bool:
    """Whether `text` names many assets: no name of an asset has these characters."""
    return any(mark in text for mark in "*?[")


def specs_in(store: Store, given: Iterable[str]) -> list[Spec]:
    """The specs of `given`, each once. One whose name is a pattern stands for the newest such version of each asset
    that matches and has one; `*` goes over `/` too.

    A pattern takes a listing of the store, and nothing else does. NotFoundError for one that stands for nothing;
    InvalidError, StoreError.
    """
    texts = list(given)
    many = [match for text in texts if (match := _MANY.fullmatch(text))]
    listed = store.list(lambda name: any(fnmatchcase(name, one["pattern"]) for one in many)) if many else ()
    found: dict[Spec, None] = {}
    for text in texts:
        match = _MANY.fullmatch(text)
        specs = [parse_spec(text)] if match is None else _of_many(store, match["pattern"], match["rest"], listed)
        found.update(dict.fromkeys(specs))
    return list(found)


def is_many(text: str) -> bool:
    """Whether the name in a spec is a pattern."""
    return _MANY.fullmatch(text) is not None


def _of_many(store: Store, pattern: str, rest: str, listed: Iterable[ListedAsset]) -> list[Spec]:
    asked = parse_spec(f"any{rest}")
    named = [one for one in listed if one.refused is None and fnmatchcase(one.name, pattern)]
    found = [spec for spec in map(partial(_newest_such, store, asked), named) if spec is not None]
    if not found:
        what = str(replace(asked, name=pattern)) if named else pattern
        raise NotFoundError(
            f"`{store.called}` has nothing that matches `{printable(what)}`", hint="`assetsync list` shows what it has"
        )
    return found


def _newest_such(store: Store, asked: Spec, asset: ListedAsset) -> Spec | None:
    """Give `asked`, which has no name yet, the name of an asset and its newest such version; None where it has none.

    The version of an asset that can't be read stays as it was asked for: whoever resolves it is told why."""
    if asset.error is not None:
        return replace(asked, name=asset.name)
    alias = alias_in(asked.version)
    if alias is None:
        version = next(iter(History(store.versioning, asset.versions).matching(asked.version)), None)
    else:
        version = asset.marks.aliases.get(alias)
    return replace(asked, name=asset.name, version=version) if version is not None else None


def _matching(text: str, known: Collection[str]) -> Iterator[str]:
    if is_pattern(text):
        yield from (name for name in known if fnmatchcase(name, text))
    elif text in known:
        yield text


def _unknown(text: str, known: Collection[str], file: str, paths: Mapping[str, str], otherwise: str) -> UsageError:
    shown = printable(text)
    if is_pattern(text):
        return UsageError(f"no asset of `{file}` matches `{shown}`", hint=f"`{file}` lists what there is")
    return UsageError(f"`{shown}` is not an asset of `{file}`", hint=_meant(text, known, paths) or otherwise)


def _meant(text: str, known: Collection[str], paths: Mapping[str, str]) -> str | None:
    """The thing that was meant by a name that is none: a version of an asset, its path, or another name."""
    name, colon, version = text.partition(":")
    if colon and name in known:
        return f"leave `:{printable(version)}` out: what is locked and published is for assets.yaml to say"
    path = text.removeprefix("./").rstrip("/")
    at = next((name for name, its in paths.items() if its == path), None)
    if at is not None:
        return f"it is the path of `{printable(at)}`: give that name"
    return did_you_mean(text, known)
