"""Where content comes from, as git and the CI system know it."""

from __future__ import annotations

from collections.abc import Mapping

from assetsync.errors import GitError
from assetsync.escape import redacted
from assetsync.git import ci
from assetsync.git.repository import (
    open_repository,
)
from assetsync.model.provenance import Provenance


def provenance(folder: str, environ: Mapping[str, str], *, tool: str, message: str | None = None) -> Provenance:
    """Who makes a version from what in `folder`, as far as git and CI variables tell. Never fails, holds no secret."""
    known: dict[str, str | bool | None] = {}
    try:
        repository = open_repository(folder, environ)
        if repository is not None:
            known = repository.provenance(folder, environ)
    except GitError:
        pass
    known.setdefault("branch", ci.branch(environ))
    known.update(tool=tool, run_url=ci.run_url(environ), message=message)
    clean = {name: redacted(value) if isinstance(value, str) else value for name, value in known.items()}
    return Provenance(**clean)  # type: ignore[arg-type]  # the names are those of its fields
