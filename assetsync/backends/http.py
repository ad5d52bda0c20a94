"""Common to stores over HTTP: times by their own clock, errors in XML, proxies, and where tokens may go."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_YEAR_10000 = 253_402_300_800  # in seconds since 1970: what is later is no date for most


def age_of(headers: Mapping[str, str]) -> float:
    """Seconds since the object was written; 0 where a proxy has taken that away."""
    now, then = store_time(headers), _seconds(headers.get("Last-Modified"))
    return 0.0 if now is None or then is None else max(0.0, now - then)


def store_time(headers: Mapping[str, str]) -> float | None:
    """When the reply was made, in seconds since 1970, by the store's clock."""
    return _seconds(headers.get("Date"))


def _seconds(date: str | None) -> float | None:
    if not date:
        return None
    from email.utils import mktime_tz, parsedate_tz  # 4 ms, for claims and .versions alone

    try:
        parsed = parsedate_tz(date)
        seconds = None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, OverflowError):
        return None  # the year 99999, or a zone of 400 digits
    return seconds if seconds is not None and 0 <= seconds < _YEAR_10000 else None


def element(body: str, name: str) -> str:
    """The text of the first such element of a reply in XML, or nothing."""
    found = re.search(f"<{name}>([^<]*)</{name}>", body)
    return html.unescape(found[1]) if found else ""


def may_see_token(endpoint: str, environ: Mapping[str, str], own_hosts: re.Pattern[str], *variables: str) -> bool:
    """Whether credentials that are good for whoever has them may go to an endpoint.

    They may go to the cloud itself, whose hosts match `own_hosts`, and to what the environment names, in
    `ASSETSYNC_ENDPOINT` or `variables`. An endpoint that only assets.yaml names may be the idea of whoever wrote a pull
    request. Without TLS, they never leave this machine.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    named = {environ.get(name, "").rstrip("/") for name in ("ASSETSYNC_ENDPOINT", *variables)}
    if own_hosts.fullmatch(host) is None and not named & {endpoint.rstrip("/"), parts.netloc}:
        return False
    return parts.scheme == "https" or host == "localhost" or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(endpoint: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy that the usual variables name for `endpoint`, or None.

    Looked up once for a store: HTTP libraries do it for each request, which can take as long as the rest.
    """
    parts = urlsplit(endpoint)
    name = f"{parts.scheme}_proxy"
    proxy = environ.get(name) or environ.get(name.upper())
    if not proxy:
        return None
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

    no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if proxy_bypass_environment(parts.netloc, {"no": no_proxy}):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
