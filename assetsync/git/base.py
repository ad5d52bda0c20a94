"""The commit that a branch or a pull request started from."""

from __future__ import annotations

from collections.abc import Mapping

from assetsync.git import ci
from assetsync.git.repository import Repository


def base_commit(repository: Repository, environ: Mapping[str, str]) -> str | None:
    """The commit that the work here started from: where it left the branch that a pull request goes to, by the
    variables of CI, or else the default branch of `origin`; HEAD where there is no such branch.

    None where CI names a branch that was not fetched, as in a shallow checkout.
    """
    target = ci.target_branch(environ)
    named = [f"refs/remotes/origin/{target}", f"refs/heads/{target}"]
    for ref in named if target is not None else ["refs/remotes/origin/HEAD"]:
        found = repository.line("merge-base", "HEAD", ref)
        if found:
            return found
    return None if target is not None else repository.line("rev-parse", "-q", "--verify", "HEAD") or None
