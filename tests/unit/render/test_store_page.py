"""The page of a store as text: what is in it, escaped; tests/browser uses it in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assetsync.model.marks import Act, Marks, Move, Yank
from assetsync.model.provenance import Provenance
from assetsync.model.tree import file_tree
from assetsync.remote.documents import Logged, Meta
from assetsync.remote.store import ListedAsset
from assetsync.render.html.store_page import document, store_page

AT = "2026-01-31T09:00:00+00:00"


def meta(size: int = 5, **facts: Any) -> Meta:
    return Meta(AT, False, ("",), file_tree(size, "a" * 64), Provenance(**{"tool": "assetsync 1", **facts}))


def page(*assets: dict[str, Any], store: str = "s3://bucket/p") -> str:
    return store_page(store, assets, tool="assetsync 1", written="2026-02-01 10:00")


def data_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    return found


def rows(text: str) -> list[str]:
    return re.findall(r"<li><a .*?</a></li>", text)


def test_an_asset_with_all_that_is_known() -> None:
    made = meta(commit="a" * 40, repository="github.com:t/r", run_url="https://ci.example.com/7", author="Ada")
    act = Act("ada", "2026-01-31T10:00:00Z", message="wrong labels")
    marks = Marks({"production": (Move("1.0", act),)}, (Yank("1.0", act),))
    asset = ListedAsset("nlp/tok", ("1.1",), ("2026-old",), marks=marks)
    entries = [Logged("1.1", made), Logged("1.0", None, "damaged", yank=marks.yanked["1.0"])]
    shown = document(asset, entries, locked="1.0")
    text = page(shown)
    (row,) = rows(text)
    assert re.sub(r"<[^>]*>", " ", row).split() == (
        ["nlp/tok", "production", "→", "1.0", "locked", "1.0", "1.1", "2", "5", "B", "2026-01-31", "Ada"]
    )
    found = data_of(text)
    (listed,) = found["assets"]
    assert (listed["aliases"], listed["ignored"], listed["locked"]) == ({"production": "1.0"}, ["2026-old"], "1.0")
    newer, older = listed["versions"]
    assert found["texts"][newer["author"]] == "Ada"
    assert found["texts"][newer["commits"]] + newer["commit"] == f"https://github.com/t/r/commit/{'a' * 40}"
    assert newer["run_page"] == "https://ci.example.com/7"
    assert older == {"version": "1.0", "error": "damaged", "yanked": "wrong labels"}


def test_an_asset_of_modelkit_and_one_that_cannot_be_used() -> None:
    theirs = Meta("2024-05-01T10:00:00.123456", True, ("a", "b"), None, None)
    text = page(
        document(ListedAsset("old/model", ("0.0",), ()), [Logged("0.0", theirs)]),
        document(ListedAsset("a/_b", (), (), refused="`_b` begins with `_`"), ()),
    )
    first, second = rows(text)
    assert "–" in first
    assert "2024-05-01" in first
    assert "can’t be used" in second
    old, bad = data_of(text)["assets"]
    assert old["versions"] == [{"version": "0.0", "files": 2, "at": "2024-05-01 10:00:00"}]
    assert bad == {"name": "a/_b", "problem": "`_b` begins with `_`", "versions": []}


def test_an_empty_store() -> None:
    text = page()
    assert rows(text) == []
    assert "0 assets" in text


def test_the_policy_allows_the_style_and_the_script_of_the_page() -> None:
    text = page()
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)[0]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name, block in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (body,) = re.findall(block, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


@given(st.text(), st.text(), st.text())
def test_foreign_text_adds_no_markup(name: str, text: str, store: str) -> None:
    plain = page(document(ListedAsset("n", ("1.0",), ()), [Logged("1.0", meta(author="a", message="m"))]), store="s")
    marks = Marks({text: (Move(text, Act("ada", "2026-01-31T10:00:00Z")),)})
    asset = ListedAsset(name, ("1.0",), (), error=text or None, marks=marks)
    made = page(document(asset, [Logged("1.0", meta(author=text, message=text))]), store=store)
    # Labels are the only markup that depends on the data.
    labels = re.sub(r'<i class="\w+">[^<]*</i>', "", made)
    assert [labels.count(mark) for mark in "<>"] == [plain.count(mark) for mark in "<>"]
