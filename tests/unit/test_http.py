"""Proxies as the environment names them; the age and the time of replies are tested with each backend."""

from __future__ import annotations

import pytest

from assetsync.backends.http import proxy_for

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
