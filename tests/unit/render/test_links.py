"""Where a commit and a CI run are linked to, and what is no link."""

from __future__ import annotations

import pytest

from assetsync.render.html.links import commit_page, web_page

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        ("https://github.com/team/models", f"https://github.com/team/models/commit/{COMMIT}"),
        ("https://github.com/team/models.git", f"https://github.com/team/models/commit/{COMMIT}"),
        ("github.com:team/models.git", f"https://github.com/team/models/commit/{COMMIT}"),
        ("https://git@github.example.com/team/models", f"https://github.example.com/team/models/commit/{COMMIT}"),
        ("git@gitlab.com:team/sub/models.git", f"https://gitlab.com/team/sub/models/-/commit/{COMMIT}"),
        ("https://gitlab.example.com/team/models", f"https://gitlab.example.com/team/models/-/commit/{COMMIT}"),
        ("https://bitbucket.org/team/models", f"https://bitbucket.org/team/models/commits/{COMMIT}"),
        ("https://git.example.com/team/models", None),
        ("https://notgithub.com/team/models", None),
        ("ssh://git@github.com/team/models", None),
        ("javascript:alert(1)//github.com/", None),
        ("https://[::1/github.com", None),
        ("", None),
        (None, None),
    ],
)
def test_the_page_of_a_commit(repository: str | None, page: str | None) -> None:
    assert commit_page(repository, COMMIT) == page


@pytest.mark.parametrize("commit", [None, "", "HEAD", "main/../x", f"{COMMIT}'", "ABCDEF0", "abc"])
def test_what_is_no_commit_has_no_page(commit: str | None) -> None:
    assert commit_page("https://github.com/team/models", commit) is None


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://ci.example.com/run/7", "https://ci.example.com/run/7"),
        ("http://localhost:8080/job/3", "http://localhost:8080/job/3"),
        ("https://ada:secret@ci.example.com/run/7?token=x#y", "https://ci.example.com/run/7"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("//ci.example.com/run/7", None),
        ("not an address", None),
        (None, None),
    ],
)
def test_a_web_page(url: str | None, page: str | None) -> None:
    assert web_page(url) == page
