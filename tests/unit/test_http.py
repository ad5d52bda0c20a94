"""Proxies as the environment names them, and dates that are none; others are tested with each backend."""

from __future__ import annotations

import pytest

from assetsync.backends.http import age_of, proxy_for, store_time

AWS, GOOGLE, PLAIN = "https://s3.amazonaws.com", "https://storage.googleapis.com", "http://store.example:9000"
PROXY = "http://user:p%40ss@proxy.example:3128"


@pytest.mark.parametrize(
    ("endpoint", "environ", "proxy"),
    [
        (AWS, {}, None),
        (AWS, {"HTTPS_PROXY": PROXY}, PROXY),
        (AWS, {"HTTP_PROXY": PROXY}, None),
        (PLAIN, {"http_proxy": "plain.example:80", "HTTPS_PROXY": PROXY}, "http://plain.example:80"),
        (GOOGLE, {"https_proxy": "proxy:3128", "HTTPS_PROXY": PROXY}, "http://proxy:3128"),
        (GOOGLE, {"HTTPS_PROXY": PROXY, "NO_PROXY": ".googleapis.com"}, None),
        (GOOGLE, {"HTTPS_PROXY": PROXY, "no_proxy": "example.com"}, PROXY),
        (AWS, {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("http://localhost:9000", {"http_proxy": "plain.example:80", "NO_PROXY": "other.example, localhost"}, None),
    ],
)
def test_the_proxy_is_the_one_of_the_environment(endpoint: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(endpoint, environ) == proxy


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Fri, 27 Nov 99999 08:16:15 GMT",
        f"Fri, 27 Nov 2026 08:16:15 +{'9' * 400}",
        "Fri, 2777777777777777777777 Nov 2026 08:16:15 GMT",
        "Fri, 27 Nov 1066 08:16:15 GMT",
        "Fri, 99 Nov 2026 99:99 GMT",
    ],
)
def test_a_date_that_is_none_is_not_known(date: str) -> None:
    good = "Fri, 27 Nov 2026 08:16:15 GMT"
    assert age_of({"Date": good, "Last-Modified": date}) >= 0
    assert store_time({"Date": good}) == 1795767375
    found = store_time({"Date": date})
    assert found is None or 0 <= found < 253_402_300_800
