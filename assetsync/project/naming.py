"""The assets that a person names: each by its name, or many by a pattern such as `nlp/*`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from assetsync.errors import UsageError
from assetsync.escape import printable
from assetsync.suggest import did_you_mean


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
