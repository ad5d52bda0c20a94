"""`list -o FILE`: the page of a store, and the other formats, in a file."""

from __future__ import annotations

import json

from tests.e2e.harness import Repo


def test_a_page_goes_to_a_file(repo: Repo) -> None:
    repo.commit()
    repo.run("apply", "--yes", "--message", "First <b>training</b>")
    done = repo.run("list", "--format", "html", "-o", "assets.html")
    assert (done.out, done.err) == ("", "Wrote `assets.html`: 2 assets\n")
    page = repo.read("assets.html")
    assert page.startswith("<!doctype html>")
    assert "nlp/tokenizer" in page
    assert "locked 0.0" in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    (version,) = data["assets"][0]["versions"]
    assert version["commit"] == repo.git("rev-parse", "HEAD").strip()
    assert data["texts"][version["message"]] == "First <b>training</b>"
    assert "<b>training" not in page


def test_a_page_needs_a_file(repo: Repo) -> None:
    refused = repo.run("list", "--format", "html", code=64)
    assert "hint: say which, such as `-o assets.html`" in refused.err


def test_a_page_of_some_assets_replaces_the_last_one_or_leaves_it(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write("assets.html", "the last one")
    repo.run("list", "--store", "../none", "--format", "html", "-o", "assets.html", code=1)
    assert repo.read("assets.html") == "the last one"
    repo.run("list", "nlp/s*", "--format", "html", "-o", "assets.html", "-q")
    assert "nlp/sentiment" in repo.read("assets.html")
    assert "nlp/tokenizer" not in repo.read("assets.html")


def test_the_other_formats_go_to_a_file_too(repo: Repo) -> None:
    repo.run("apply", "--yes")
    for options in (["--long"], ["--format", "json"]):
        repo.run("list", *options, "-o", "assets.txt")
        assert repo.read("assets.txt") == repo.run("list", *options).out


def test_a_version_that_cannot_be_read_is_told(repo: Repo) -> None:
    repo.run("apply", "--yes")
    repo.write("../store/nlp/sentiment/0.0.meta", "{")
    repo.run("list", "--format", "html", "-o", "assets.html")
    assert "is damaged: it is not JSON" in repo.read("assets.html")
