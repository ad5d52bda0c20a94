"""Whether a store refuses to overwrite: tried on a key of its own, which holds nothing of use."""

from __future__ import annotations

from assetsync.backends.contract import Backend, ProbedBackend
from assetsync.errors import ChangedError, ExistsError, UnsupportedError

_HINT = (
    "use a store that honours conditions, or set `conditional_writes: false` in `store`, which can't keep two "
    "publishers from overwriting each other"
)


def refuses_writes(backend: Backend) -> bool:
    """Whether it is the store itself that refuses; else the backend looks before it writes, as its settings say."""
    return not isinstance(backend, ProbedBackend) or backend.conditional_writes


def check_create(backend: Backend, key: str) -> None:
    """Try to create an object that is there. UnsupportedError where the store does not refuse that; StoreError."""
    _check_settings(backend)
    try:
        backend.create(key, b"second")
    except ExistsError:
        return
    raise UnsupportedError(f"`{backend.url}` ignores the condition of a write, and creates what exists", hint=_HINT)


def check_replace(backend: Backend, key: str, tag: str = "") -> None:
    """Try to replace an object that has changed. UnsupportedError where the store does not refuse that; StoreError.

    `tag` is that of the object, where it is known.
    """
    _check_settings(backend)
    stale = tag or backend.read(key).tag
    backend.replace(key, b"newer", stale)
    try:
        backend.replace(key, b"stale", stale)
    except ChangedError:
        return
    raise UnsupportedError(f"`{backend.url}` ignores the condition of a write, and replaces what changed", hint=_HINT)


def _check_settings(backend: Backend) -> None:
    if not refuses_writes(backend):
        raise UnsupportedError(
            f"`{backend.url}` is asked before each write instead: two publishers can overwrite each other",
            hint="remove `conditional_writes: false` from `store` where the store honours conditions",
        )
