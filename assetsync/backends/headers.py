"""What HTTP replies of stores tell of time. Both dates are of the store's own clock."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz


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
