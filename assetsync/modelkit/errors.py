"""modelkit's errors as kinds of ours, so that `except` clauses of both catch what is raised.

The classes here need no modelkit. The errors that `told` makes are also an instance of modelkit's own class of that
name where modelkit is installed, which is looked for only when an error is raised: importing it takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from assetsync.errors import (
    AssetsyncError,
    InvalidError,
    NoStoreError,
    NotFoundError,
    StoreError,
    TakenError,
    UsageError,
)


class StorageDriverError(StoreError):
    """An operation on the store failed."""


class ObjectDoesNotExistError(StorageDriverError, NotFoundError):
    """An object is not in the store: most likely, there is no such asset or version."""


class MissingFolderError(NoStoreError, FileNotFoundError):
    """The directory that is the store, or the one for assets, does not exist; modelkit's is a FileNotFoundError."""


class AssetsManagerError(AssetsyncError):
    """An error of an asset rather than of the store."""


class AssetAlreadyExistsError(AssetsManagerError, TakenError):
    """An asset that was to be new, or a version of it, exists already."""


class AssetDoesNotExistError(AssetsManagerError, NotFoundError):
    """An asset that was to be updated or fetched does not exist."""


class InvalidAssetSpecError(AssetsManagerError, InvalidError):
    """A name, a version or a spec breaks the rules."""


class InvalidVersionError(InvalidAssetSpecError):
    """A version breaks the rules of the versioning system."""


class InvalidMajorVersionError(InvalidVersionError):
    """A major version was expected, and it is none."""


class MajorVersionDoesNotExistError(InvalidVersionError):
    """There is no version of that major."""


class InvalidNameError(InvalidAssetSpecError):
    """A name breaks the rules."""


class LocalAssetDoesNotExistError(AssetsManagerError, NotFoundError):
    """No store is configured, and the assets directory lacks the version."""


class UnknownAssetsVersioningSystemError(AssetsManagerError, UsageError):
    """No versioning system has that name."""


class NoConfiguredProviderError(UsageError):
    """Neither an argument nor a variable says which kind of store it is."""


class UnknownDriverError(UsageError):
    """There is no such kind of store."""


# Which kinds of ours become which of modelkit's.
Kinds = Mapping[type[AssetsyncError], type[AssetsyncError]]

# The modules of modelkit in which a class of the same name is looked for.
_THEIRS: Mapping[type[AssetsyncError], str] = {
    **dict.fromkeys(
        (
            StorageDriverError,
            ObjectDoesNotExistError,
            AssetsManagerError,
            AssetAlreadyExistsError,
            AssetDoesNotExistError,
            InvalidAssetSpecError,
            InvalidVersionError,
            InvalidNameError,
            LocalAssetDoesNotExistError,
            UnknownAssetsVersioningSystemError,
        ),
        "modelkit.assets.errors",
    ),
    InvalidMajorVersionError: "modelkit.assets.versioning.major_minor",
    MajorVersionDoesNotExistError: "modelkit.assets.versioning.major_minor",
    NoConfiguredProviderError: "modelkit.assets.remote",
    UnknownDriverError: "modelkit.assets.remote",
}


def told(kind: type[AssetsyncError], message: str, hint: str | None = None, *, like: type = object) -> AssetsyncError:
    """An error of `kind`, of modelkit's class of that name where there is one, and of the class `like`."""
    key = (kind, like)
    if key not in _made:
        _made[key] = _class(kind, like)
    error = _made[key](message)
    error.hint = hint
    return error


@contextmanager
def as_modelkit(kinds: Kinds) -> Iterator[None]:
    """Errors of assetsync become what `kinds` says, by the first class that fits; errors of a store are always
    StorageDriverErrors. They stay what they were, too."""
    try:
        yield
    except AssetsyncError as error:
        wanted = {**kinds, NotFoundError: kinds.get(NotFoundError, ObjectDoesNotExistError)}
        wanted[StoreError] = StorageDriverError
        kind = next((theirs for ours, theirs in wanted.items() if isinstance(error, ours)), None)
        if kind is None or type(error).__reduce__ is _reduced:  # it has been told already
            raise
        raise told(kind, error.message, error.hint, like=type(error)) from error


_made: dict[tuple[type, type], type[AssetsyncError]] = {}


def _class(kind: type[AssetsyncError], like: type) -> type[AssetsyncError]:
    """The class of what is raised: `like`, `kind` and modelkit's class."""
    bases = [kind, _theirs(kind)]
    if not issubclass(kind, like):
        bases.insert(0, like)
    methods: dict[str, Any] = {"__init__": _begin, "__reduce__": _reduced, "kind": kind, "like": like}
    made: type[AssetsyncError] = type(kind.__name__, tuple(base for base in bases if base is not object), methods)
    return made


def _theirs(kind: type[AssetsyncError]) -> type:
    try:
        found: type = getattr(import_module(_THEIRS.get(kind, "")), kind.__name__)
    except Exception:  # not installed, or whatever a broken installation of it raises
        return object
    return found


def _begin(self: AssetsyncError, message: str) -> None:
    # Not the constructors of the bases: those of modelkit make texts of their own from names.
    Exception.__init__(self, message)
    self.message = message
    self.hint = None


def _reduced(self: Any) -> tuple[Any, ...]:
    """For pickle, which finds no class that was made here."""
    return _again, (self.kind, self.message, self.hint, self.like)


def _again(kind: type[AssetsyncError], message: str, hint: str | None, like: type) -> AssetsyncError:
    return told(kind, message, hint, like=like)
