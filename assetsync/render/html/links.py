"""Web pages that provenance leads to. It may come from anybody: a page is a plain address of http or https, or none."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from assetsync.escape import public_url

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# `host:path` is what `public_url` makes of `git@host:path`.
_SCP_LIKE = re.compile(r"([\w.-]+):(?!/)(.+)")


def web_page(url: str | None) -> str | None:
    """`url` without user and query when it is one of http or https; otherwise None."""
    public = public_url(url) if url else None
    return public if public is not None and _is_web(public) else None


def commit_page(repository: str | None, commit: str | None) -> str | None:
    """The page of a commit at GitHub, GitLab or Bitbucket, by the host's name; None elsewhere."""
    if not repository or not commit or not _COMMIT.fullmatch(commit):
        return None
    public = public_url(repository) or ""
    address = web_page(public if "://" in public else _SCP_LIKE.sub(r"https://\1/\2", public))
    if address is None:
        return None
    host = urlsplit(address).hostname or ""
    project = address.rstrip("/").removesuffix(".git")
    if host == "bitbucket.org":
        return f"{project}/commits/{commit}"
    if re.search(r"(^|\.)gitlab\.", host):
        return f"{project}/-/commit/{commit}"
    return f"{project}/commit/{commit}" if re.search(r"(^|\.)github\.", host) else None


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
