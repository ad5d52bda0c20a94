"""The rules for the URL of a store: the same for assets.yaml, flags and variables.

Messages never repeat the URL: what is wrong with it may be that it holds a secret.
"""

from __future__ import annotations

import re

from assetsync.errors import InvalidError
from assetsync.escape import brief, printable
from assetsync.model.files import STATE

BUCKET_SCHEMES = ("s3", "gs", "az")
PRIVATE = frozenset({".git", STATE})  # folders of git and of assetsync, with case folded
MAX_LENGTH = 2048  # characters: a bucket or a host, and a prefix as long as a key
_SCHEMES = (*BUCKET_SCHEMES, "file", "memory")  # `memory` serves tests

_NAME = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_BUCKET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
# All three clouds say 3 to 63; Amazon has old buckets with up to 255, Google dotted ones with up to 222.
_SHORTEST, _LONGEST = 3, 255
_DIRECTORY = r"(?s)\.{1,2}(?:/.*)?|/.*|[A-Za-z]:/.*"
_HINT = "a store is `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `./DIR` or `/DIR`"
_NO_SECRETS = "credentials belong into the environment, where each cloud's own tools find them"


def is_store_name(text: str) -> bool:
    """Whether `text` can be the name of a store, rather than its URL: lower-case letters, digits and `-`."""
    return re.fullmatch(_NAME, text) is not None


def check_store_url(url: str) -> str:
    """`url` without trailing slashes. InvalidError when it is no store, or holds credentials."""
    scheme, separator, rest = url.partition("://")
    if len(url) > MAX_LENGTH:
        raise InvalidError(f"a store URL can't be longer than {MAX_LENGTH} characters", hint=_HINT)
    if printable(url) != url or "\\" in url:
        raise InvalidError("a store URL can't hold control characters or backslashes", hint=_HINT)
    if (not separator or scheme == "file") and any(part.casefold() in PRIVATE for part in (rest or url).split("/")):
        raise InvalidError("a store can't lie in `.git` or `.assetsync`", hint=_HINT)
    if not separator:
        return _directory(url)
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise InvalidError("a store URL can't hold a user, a password, a query or a fragment", hint=_NO_SECRETS)
    if scheme not in _SCHEMES:
        raise InvalidError(f"`{scheme[:20]}://` is not the scheme of a store", hint=_HINT)
    root, _, prefix = rest.rstrip("/").partition("/")
    if any(segment in ("", ".", "..") for segment in prefix.split("/")) and prefix:
        raise InvalidError("a store URL can't have empty, `.` or `..` segments", hint=_HINT)
    if scheme in BUCKET_SCHEMES:
        _check_bucket(scheme, root)
    elif scheme == "file" and (root or not prefix):
        raise InvalidError("a `file://` URL names an absolute directory: `file:///DIR`", hint=_HINT)
    return url.rstrip("/")


def _directory(path: str) -> str:
    if not re.fullmatch(_DIRECTORY, path):
        shown = f"`{brief(path)}`" if path and "@" not in path else "this"  # a password may be before an @
        raise InvalidError(f"{shown} is neither a URL nor a directory that begins with `./` or `/`", hint=_HINT)
    return path.rstrip("/") or "/"


def _check_bucket(scheme: str, bucket: str) -> None:
    what = "container" if scheme == "az" else "bucket"
    if not bucket:
        raise InvalidError(f"a `{scheme}://` URL needs a {what}", hint=_HINT)
    if not _BUCKET.fullmatch(bucket):
        raise InvalidError(f"the {what} of a store is letters and digits, with `.`, `_` and `-` inside", hint=_HINT)
    if not _SHORTEST <= len(bucket) <= _LONGEST:
        raise InvalidError(f"the name of a {what} has 3 to 63 characters, and this one has {len(bucket)}", hint=_HINT)


def check_endpoint(url: str) -> str:
    """An endpoint, `http(s)://HOST[:PORT][/PATH]`, without trailing slashes. InvalidError."""
    scheme, separator, rest = url.partition("://")
    host = rest.partition("/")[0]
    if len(url) > MAX_LENGTH:
        raise InvalidError(f"an endpoint can't be longer than {MAX_LENGTH} characters")
    if "@" in host or "?" in rest or "#" in rest:
        raise InvalidError("an endpoint can't hold a user, a password, a query or a fragment", hint=_NO_SECRETS)
    if scheme not in ("http", "https") or not separator or not host or printable(url) != url:
        raise InvalidError("an endpoint is a URL such as `https://HOST:PORT`")
    return url.rstrip("/")
