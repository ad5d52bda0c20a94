"""What stores over HTTP have in common: the times that their replies tell, by their own clock, and proxies."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed


def age_of(headers: Mapping[str, str]) -> float:
    """Seconds since the object was written; 0 where a proxy has taken that away."""
    now, then = store_time(headers), _seconds(headers.get("Last-Modified"))
    return 0.0 if now is None or then is None else max(0.0, now - then)


def store_time(headers: Mapping[str, str]) -> float | None:
    """When the reply was made, in seconds since 1970, by the store's clock."""
    return _seconds(headers.get("Date"))


def _seconds(date: str | None) -> float | None:
    parsed = parsedate_tz(date) if date else None
    return None if parsed is None else float(mktime_tz(parsed))


def proxy_for(endpoint: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy that the usual variables name for `endpoint`, or None.

    Looked up once for a store: HTTP libraries do it for each request, which can take as long as the rest.
    """
    parts = urlsplit(endpoint)
    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if proxy_bypass_environment(parts.netloc, {"no": no_proxy}):
        return None
    name = f"{parts.scheme}_proxy"
    proxy = environ.get(name) or environ.get(name.upper())
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None
