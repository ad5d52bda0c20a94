"""Every error that assetsync raises on purpose, as one tree.

::

    AssetsyncError                exit 1
    ├── UsageError                exit 64  the call itself is wrong
    ├── InvalidError              a name, spec, version, path or document that breaks the rules
    │   ├── TakenError            an asset or a version that was to be new exists already
    │   ├── ManifestError         assets.yaml; carries every problem with its place
    │   ├── LockError             assets.lock
    │   └── DamagedError          what a store holds is not what it should be
    ├── ContentError              local files that can't be published or would be lost
    ├── NoFileError               a local file or folder that is needed is not there
    ├── GitError                  a git operation that can't be done
    ├── StoreError                an operation on a store failed
    │   ├── NotFoundError         the object is not there
    │   ├── NoStoreError          the bucket or container itself is not there, so nothing is known of any object
    │   ├── DeniedError           credentials missing, expired, or not allowed; never "absent"
    │   ├── ExistsError           create-only refused: the object is there already
    │   ├── ChangedError          compare-and-swap refused: the object is another by now
    │   ├── ChecksumError         bytes do not match their checksum, on the way in or out
    │   ├── TransientError        throttled or failing for the moment, after all retries
    │   ├── UnreachableError      no connection, no such host or endpoint
    │   └── UnsupportedError      the store lacks an ability that is needed
    ├── ConflictError             exit 3  stale plan, diverged, in progress; nothing was written
    └── PartialError              exit 4  some assets failed, the lock holds the others; or not committed

An error carries a one-line message (what went wrong, on what) and, where there is one, a hint (what helps). Errors
print nothing; `assetsync.cli` shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple


class AssetsyncError(Exception):
    """Base of the tree. `message` is one line; `hint` names the next step, or is None."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AssetsyncError):
    """The call itself is wrong: an option, an argument, or a setting."""

    exit_code = 64


class InvalidError(AssetsyncError):
    """Input that breaks a rule."""


class TakenError(InvalidError):
    """An asset or a version that was to be new exists already. Nothing that is published is overwritten."""


class Located(NamedTuple):
    """A problem at a place of a text file; line and column count from 1."""

    line: int
    column: int
    message: str


class ManifestError(InvalidError):
    """assets.yaml is wrong; `problems` lists all that is, in the order of the file."""

    def __init__(self, filename: str, problems: Sequence[Located], *, hint: str | None = None) -> None:
        self.filename = filename
        self.problems = tuple(sorted(problems))
        super().__init__(
            "\n".join(f"{filename}:{p.line}:{p.column}: {p.message}" for p in self.problems),
            hint=hint,
        )


class LockError(InvalidError):
    """assets.lock can't be used; `line` says where, as far as it is one place."""

    def __init__(self, message: str, *, hint: str | None = None, line: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class DamagedError(InvalidError):
    """An object of a store is not what the layout says it should be."""


class ContentError(AssetsyncError):
    """Local files that can't be published, or that an operation would lose."""


class NoFileError(AssetsyncError):
    """A local file or folder that a command needs is not there."""


class GitError(AssetsyncError):
    """A git operation that can't be done."""


class StoreError(AssetsyncError):
    """An operation on a store failed."""


class NotFoundError(StoreError):
    """The object is not there."""


class NoStoreError(StoreError):
    """The bucket, container or directory itself is not there, so nothing is known of any object."""


class DeniedError(StoreError):
    """Credentials are missing, expired, or not allowed to do this. It never means that an object is absent."""


class ExistsError(StoreError):
    """A create-only write was refused, because the object is there already."""


class ChangedError(StoreError):
    """A compare-and-swap was refused, because the object is another by now."""


class ChecksumError(StoreError):
    """Bytes do not match their checksum, on the way in or out."""


class TransientError(StoreError):
    """The store is throttling or failing for the moment, also after all retries."""


class UnreachableError(StoreError):
    """There is no connection, no such host, or no such endpoint."""


class UnsupportedError(StoreError):
    """The store lacks an ability that the operation needs."""


class ConflictError(AssetsyncError):
    """Someone or something else moved; nothing was written."""

    exit_code = 3


class PartialError(AssetsyncError):
    """Some assets failed and assets.lock holds the others; or all succeeded, and were not committed."""

    exit_code = 4
