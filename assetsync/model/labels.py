"""Owners and tags: words that entries of assets.yaml have, and their versions keep, to be found by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from assetsync.errors import UsageError
from assetsync.escape import printable
from assetsync.suggest import did_you_mean


class Labels(Struct, frozen=True):
    """The owner and the tags of one asset."""

    owner: str | None = None
    tags: Collection[str] = ()


class Filter(Struct, frozen=True):
    """Keeps assets that have any of `tags`, and belong to any of `owners`; a part that is empty keeps all."""

    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tags or self.owners)

    def keeps(self, labels: Labels) -> bool:
        """Whether an asset with these labels is kept."""
        return (not self.tags or any(tag in labels.tags for tag in self.tags)) and (
            not self.owners or labels.owner in self.owners
        )

    def narrowed(self, names: Iterable[str], known: Mapping[str, Labels], where: str) -> tuple[str, ...]:
        """Those of `names`, or else of all in `where`, that are kept; `known` are the labels by name. UsageError when
        none is left."""
        kept = tuple(name for name in tuple(names) or known if name in known and self.keeps(known[name]))
        if not kept:
            raise self._nothing(known.values(), where)
        return kept

    def _nothing(self, known: Iterable[Labels], where: str) -> UsageError:
        every = list(known)
        tags = {tag for labels in every for tag in labels.tags}
        owners = {labels.owner for labels in every if labels.owner is not None}
        for what, wanted, there in (("tag", self.tags, tags), ("owner", self.owners, owners)):
            missing = [word for word in wanted if word not in there]
            if wanted and len(missing) == len(wanted):
                hint = did_you_mean(missing[0], there) or _listed(what, there)
                return UsageError(f"no asset of {where} has the {what} `{printable(missing[0])}`", hint=hint)
        return UsageError(f"no asset of {where} has all that is asked for", hint="give fewer names, tags or owners")


EVERYTHING = Filter()


def _listed(what: str, there: Collection[str]) -> str:
    shown = ", ".join(f"`{printable(word)}`" for word in sorted(there)[:10])
    return f"the {what}s are {shown}" if there else f"give one {what} to an asset in assets.yaml"
