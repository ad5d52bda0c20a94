"""From a spec to one version of a store: the newest of an asset or of a line, or the one that an alias is at."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from assetsync.errors import AssetsyncError, InvalidError, NotFoundError
from assetsync.model.history import History
from assetsync.model.marks import alias_in
from assetsync.model.names import Spec
from assetsync.model.versioning import Lines, is_valid
from assetsync.remote.marks import read_marks
from assetsync.remote.store import Store
from assetsync.remote.walk import indexed_in
from assetsync.suggest import did_you_mean

# Versions or lines that an error names.
_NAMED = 10


def resolve(store: Store, spec: Spec) -> str:
    """The version that `spec` stands for: its own when that is complete, that of its alias, otherwise the newest listed
    one of its line.

    A complete version sends no request, and may not exist. NotFoundError names what there is; InvalidError when the
    version is neither complete nor a line.
    """
    system = store.versioning
    alias = alias_in(spec.version)
    if alias is not None:
        return _aliased(store, spec, alias)
    if spec.version is not None:
        if is_valid(system, spec.version):
            return spec.version
        if not isinstance(system, Lines):
            system.check(spec.version)
        else:
            _check_line(system, spec)
    index = store.indexes.of(spec.name)
    listed = index.listed if index else ()
    found = History(system, listed).matching(spec.version)
    if not found:
        raise unknown(store, spec, listed)
    return found[0]


def _aliased(store: Store, spec: Spec, alias: str) -> str:
    try:
        return read_marks(store, spec.name).resolved(spec.name, alias)
    except NotFoundError:
        if store.indexes.of(spec.name) is None:
            raise unknown(store, Spec(spec.name), ()) from None
        raise


def _check_line(system: Lines, spec: Spec) -> None:
    try:
        system.check_line(spec.version or "")
    except InvalidError:
        raise InvalidError(
            f"`{spec.version}` is neither a version nor a version line",
            hint=f"write `{spec.name}:1` for the newest of line 1, or `{spec.name}:1.2` for one version",
        ) from None


def unknown(store: Store, spec: Spec, listed: Sequence[str] | None = None) -> NotFoundError:
    """The error that says that the store lacks what `spec` names, and what it has. `listed` saves a look."""
    if listed is None:
        index = store.indexes.of(spec.name)
        listed = index.listed if index else ()
    if not listed:
        hint = _near(store, spec.name) or "`assetsync list` shows what it has"
        return NotFoundError(f"`{store.called}` has no asset `{spec.name}`", hint=hint)
    lines = History(store.versioning, tuple(listed)).lines
    if lines and not is_valid(store.versioning, spec.version or ""):
        known = _named("line", "lines", lines)
    else:
        known = _named("version", "newest versions" if len(listed) > _NAMED else "versions", listed)
    return NotFoundError(f"`{store.called}` has no `{replace(spec, part=None)}`", hint=known)


def _near(store: Store, name: str) -> str | None:
    """A hint that names the asset in the same folder whose name is nearest. One listing, if that is permitted."""
    folder = name[: name.rfind("/") + 1]
    try:
        return did_you_mean(name, indexed_in(store.backend.list(folder, delimiter=True)))
    except AssetsyncError:
        return None


def _named(one: str, many: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return f"its only {one} is `{found[0]}`"
    return f"its {many} are " + ", ".join(f"`{text}`" for text in found[:_NAMED])
