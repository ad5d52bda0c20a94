from __future__ import annotations

import pytest

from assetsync.escape import LONGEST_TEXT, public_url, redacted

TOKEN = "ghp_secretsecretsecret1"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://github.com/org/repo.git", "https://github.com/org/repo.git"),
        (f"https://user:{TOKEN}@github.com/org/repo.git", "https://github.com/org/repo.git"),
        (f"https://{TOKEN}@github.com/org/repo.git/", "https://github.com/org/repo.git"),
        (f"https://git.example.com:8443/repo?private_token={TOKEN}#x", "https://git.example.com:8443/repo"),
        ("ssh://git@host.example.com:2222/org/repo", "ssh://host.example.com:2222/org/repo"),
        ("git@github.com:org/repo.git", "github.com:org/repo.git"),
        ("host.example.com:~ada/repo", "host.example.com:~ada/repo"),
        (f"https://user:12#{TOKEN}@github.com/org/repo", "https://github.com/org/repo"),
        (f"https://user:12?{TOKEN}@github.com/org/repo", "https://github.com/org/repo"),
        ("https://user@[::1]:8080/r", "https://[::1]:8080/r"),
    ],
)
def test_a_url_is_told_without_user_query_and_fragment(url: str, public: str) -> None:
    assert public_url(url) == public


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/repo.git",
        "../repo.git",
        "C:/repos/x",
        "C:\\repos\\x",
        "file:///srv/git/repo.git",
        f"ext::sh -c 'curl -H {TOKEN}'",
        f"codecommit::us-east-1://{TOKEN}@repo",
        f"user:{TOKEN}@github.com:org/repo",
        f"https://user:{TOKEN}/half@github.com/org/repo",
        f"https://user:12/{TOKEN}@github.com/org/repo",
        "https://host/a b",
    ],
)
def test_what_is_not_understood_or_local_is_not_told_at_all(url: str) -> None:
    assert public_url(url) is None


@pytest.mark.parametrize(
    "text",
    [
        f"fatal: unable to access 'https://user:{TOKEN}@github.com/org/repo/': 403",
        f"fatal: unable to access 'https://user:pa/{TOKEN}@x@github.com/org/repo/'",
        f"ssh://{TOKEN}@host/x",
        f"GET https://account.blob.core.windows.net/c/b?sv=1&sig={TOKEN}&x=1 failed",
        f"https://bucket.s3.amazonaws.com/k?X-Amz-Signature={TOKEN}",
        f"https://gitlab.example.com/api?private_token={TOKEN}",
        f"AUTHORIZATION: basic {TOKEN}",
        f"{{'Authorization': 'Bearer {TOKEN}'}}",
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={TOKEN}==;EndpointSuffix=x",
        f"the token {TOKEN} was refused",
        "glpat-secretsecretsecret1",
    ],
)
def test_no_secret_stays_in_a_message(text: str) -> None:
    assert "secret" not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "can't reach `http://127.0.0.1:9000/bucket`: refused",
        "write to ada@example.com",
        "hint: run `assetsync apply nlp/sentiment@1`",
        "see https://example.com/docs?page=2&key_id=3",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize("piece", ["://:", "://a:", "x://a:b/", "?token", "authorization ", "://@", "&"])
def test_a_long_text_is_cut_and_takes_no_time(piece: str) -> None:
    assert len(redacted(piece * 1_000_000)) <= LONGEST_TEXT + 1
