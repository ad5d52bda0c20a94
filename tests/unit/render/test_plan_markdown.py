from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from msgspec.structs import replace

from assetsync.model.changes import compare
from assetsync.model.tree import FileEntry, directory_tree
from assetsync.plan.plan import Adopt, Create, Forget, Plan, Problem, Update
from assetsync.plan.snapshot import Present
from assetsync.render.plan_markdown import LIMIT, SMALLEST_LIMIT, plan_markdown
from tests.unit.worlds import Asset, World, one, plan_sync, sha256, tree

WORLD = World(
    (
        Asset("nlp/tokenizer", local="dir(A,B,C)"),
        Asset("nlp/sentiment", lock="1.2=A", remote="1.2=A", local="B"),
        Asset("shared/vectors", version="3", readonly=True, lock="3.1=A", remote="3.1=A 3.2=B", local="A"),
        Asset("shared/words", remote="0.3=C"),
        Asset("quiet", lock="0.1=A", remote="0.1=A", local="A"),
        Asset("old/one", lock="0.1=A", in_manifest=False),
    )
)


def test_a_plan_for_a_pull_request() -> None:
    plan = plan_sync(WORLD.snapshot())
    assert plan_markdown(plan) == (
        """### assetsync plan: 1 to create, 1 to update, 1 to pull, 1 to forget, 2 unchanged

Store: `s3://bucket/assets`

Bytes: 80 B to upload, 30 B to download.

| | asset | version | why | cost |
|---|---|---|---|---|
| create | `nlp/tokenizer` | `→ 0.0` | new asset | 3 files, 60 B to upload |
| update | `nlp/sentiment` | `1.2 → 1.3` | content changed: 1 file | 20 B to upload |
|  | `shared/vectors` | `3.1` | unchanged<br>note: `3.2` is available: `assetsync upgrade shared/vectors` |  |
| pull | `shared/words` | `→ 0.3` | not here, and the store has it | 30 B to download |
| forget | `old/one` | `0.1` | no longer in assets.yaml; the store keeps it |  |

<details><summary><code>nlp/tokenizer: 3 files</code></summary>
<pre>
+ a  10 B
+ b  20 B
+ c  30 B
</pre></details>
"""
        f"\nFingerprint: `{plan.fingerprint}`\n"
    )


def test_problems_come_first() -> None:
    plan = plan_sync(World((*WORLD.assets, Asset("x", lock="1.2=A", remote="1.2=A 1.3=B", local="C"))).snapshot())
    text = plan_markdown(plan)
    assert text.index("**1 problem: nothing can be applied**") < text.index("| | asset |")
    assert "- `x`: `x` is locked at `1.2`, but `1.3` was published meanwhile and is not here<br>hint: publish" in text


def test_nothing_to_do_is_said_in_three_lines() -> None:
    plan = plan_sync(World((WORLD.assets[4],)).snapshot())
    assert plan_markdown(plan) == (
        "### assetsync plan: nothing to do, 1 unchanged\n\nStore: `s3://bucket/assets`\n\n"
        f"Fingerprint: `{plan.fingerprint}`\n"
    )


def test_a_plan_made_offline_says_so() -> None:
    assert "**Offline**" in plan_markdown(plan_sync(replace(WORLD, online=False).snapshot()))


def test_a_long_list_of_files_is_cut_and_says_so() -> None:
    files = directory_tree(FileEntry(f"part-{number:05}", 10, sha256(str(number))) for number in range(5_000))
    plan = plan_sync(replace(one(), local={"nlp/x": Present(files)}))
    text = plan_markdown(plan)
    assert "… and 4,800 more files" in text
    assert "**Truncated**" in text
    assert text.count("\n+ part-") == 200


def test_a_thousand_assets_fit_and_the_rest_is_counted() -> None:
    world = World(tuple(Asset(f"group/number-{number}", local="A") for number in range(1_000)))
    text = plan_markdown(plan_sync(world.snapshot()))
    shown = text.count("\n| create |")
    assert 300 < shown < 1_000
    assert f"| … | {1_000 - shown} more | | | |" in text
    assert len(text) <= LIMIT
    assert text.endswith(f"Fingerprint: `{plan_sync(world.snapshot()).fingerprint}`\n")


def test_a_limit_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="fits"):
        plan_markdown(plan_sync(WORLD.snapshot()), limit=SMALLEST_LIMIT - 1)


# -- what comes from others stays text

ATTACKS = [
    "@everyone",
    "@org/team look",
    "</details>",
    "</pre></details><script>alert(1)</script>",
    "<img src=x onerror=y>",
    "<!-- ",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example/",
    "www.evil.example",
    "mail@evil.example",
    "`@everyone`",
    "``` \n@everyone",
    "a|b|c",
    "a\\|b",
    "a\\",
    "`|`",
    "**bold** _it_ ~~no~~",
    "# head",
    "#123",
    "org/repo#1",
    "!1",
    "&lt;b&gt;",
    "&#64;everyone",
    ":tada:",
    "\n\n- item\n\n---\n",
    "\r\n| x |",
    "\u202egnp.exe",
    "\x1b[31m",
    "$\\sqrt{x}$",
    "    code",
    "1. one",
    "\u2028x",
    " ",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.lists(st.sampled_from([*ATTACKS, "`", "|", "\\", "x", "/", "\n", "<", "@"]), max_size=5).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans in which every text that could come from someone else does."""
    files = tuple(FileEntry(draw(hostile) or "x", 10, sha256(str(number))) for number in range(draw(st.integers(0, 4))))
    local = Present(tree("A"))
    actions = (
        Create(
            asset=draw(hostile),
            path=draw(hostile),
            reason=draw(hostile),
            to=draw(hostile),
            content=local.tree.content,
            changes=compare((), files),
            local=local,
            notes=(draw(hostile), f"`{draw(hostile)}`"),
        ),
        Update(
            asset=draw(hostile),
            path=draw(hostile),
            reason=f"path moved from `{draw(hostile)}`",
            base=draw(hostile),
            to=draw(hostile),
            changes=compare(files, files[:1]),
            local=local,
        ),
        Adopt(asset=draw(hostile), path="p", reason=f"a `{draw(hostile)}` b `{draw(hostile)}`", to="1.0"),
        Forget(asset=draw(hostile), path=draw(hostile), reason="gone"),
    )
    problems = [Problem(draw(hostile), "lost", draw(hostile), draw(hostile)) for _ in range(draw(st.integers(0, 3)))]
    return Plan(store=draw(hostile), actions=actions, problems=tuple(problems))


RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
ALLOWED_HTML = re.compile(r"</?(?:details|summary|code|pre)>|<br>")
OUR_TOKENS = {
    "heading_open",
    "heading_close",
    "paragraph_open",
    "paragraph_close",
    "bullet_list_open",
    "bullet_list_close",
    "list_item_open",
    "list_item_close",
    "table_open",
    "table_close",
    "thead_open",
    "thead_close",
    "tbody_open",
    "tbody_close",
    "tr_open",
    "tr_close",
    "th_open",
    "th_close",
    "td_open",
    "td_close",
    "inline",
    "html_block",
    "html_inline",
    "text",
    "text_special",
    "code_inline",
    "strong_open",
    "strong_close",
    "softbreak",
}


def flat(tokens: list[Token]) -> list[Token]:
    return [found for token in tokens for found in (token, *flat(token.children or []))]


def prose(tokens: list[Token]) -> str:
    """The text that a renderer would look through for mentions and links: what is not code."""
    said: list[str] = []
    depth = 0
    for token in tokens:
        if token.type == "html_inline":
            depth += {"<code>": 1, "</code>": -1}.get(token.content, 0)
            said.append("\n")
        elif depth == 0 and token.type in ("text", "text_special"):
            said.append(token.content)
        else:
            said.append("\n")
    return "".join(said)


@settings(max_examples=100, deadline=None)
@given(plans(), st.sampled_from([SMALLEST_LIMIT, 4_000, LIMIT]))
def test_no_foreign_text_becomes_markup(plan: Plan, limit: int) -> None:
    text = plan_markdown(plan, limit=limit)
    assert len(text) <= limit
    for tag in ("details", "summary", "pre", "code"):
        assert text.count(f"<{tag}>") == text.count(f"</{tag}>")
    tokens = flat(RENDERER.parse(text))
    assert {token.type for token in tokens} <= OUR_TOKENS
    for token in tokens:
        if token.type in ("html_block", "html_inline"):
            assert not re.search("[<>]", ALLOWED_HTML.sub("", token.content))
    assert sum(token.type == "heading_open" for token in tokens) == 1
    assert sum(token.type == "bullet_list_open" for token in tokens) <= 1
    # One table of five columns, whatever stands in it.
    rows = sum(token.type == "tr_open" for token in tokens)
    assert sum(token.type in ("td_open", "th_open") for token in tokens) == 5 * rows
    assert not re.search(r"@\w|#\w|!\d|https?://|www\.|:\w+:|\$[^\s\u200b]", prose(tokens), re.IGNORECASE)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400), st.integers(SMALLEST_LIMIT, 9_000), st.integers(1, 60))
def test_never_more_than_the_limit_and_always_the_fingerprint(count: int, limit: int, length: int) -> None:
    files = compare((), tuple(FileEntry(f"{number}-" + "é" * length, 1, "0" * 64) for number in range(count)))
    local = Present(tree("A"))
    action = Create(asset="a", path="p", reason="new asset", to="0.0", content=None, changes=files, local=local)
    problems = tuple(Problem(f"b{number}", "lost", "m" * length, "h") for number in range(count // 4))
    plan = Plan(store="s", actions=tuple(replace(action, asset=f"a{n}") for n in range(count // 8)), problems=problems)
    text = plan_markdown(plan, limit=limit)
    assert len(text) <= limit
    assert text.endswith(f"\nFingerprint: `{plan.fingerprint}`\n")
    assert text.startswith("### assetsync plan: ")
    shown = text.count("\n- `b")
    assert shown == len(problems) or f"- … and {len(problems) - shown} more\n" in text
    assert ("**Truncated**" in text) == (shown < len(problems) or text.count("\n+ ") < count * (count // 8))
    assert text.count("<details>") == text.count("</details>")


def test_a_name_reads_as_itself_when_rendered() -> None:
    files = compare((), (FileEntry("<b>&`|@x.txt", 10, "0" * 64),))
    local = Present(tree("A"))
    action = Create(asset="a|b", path="p", reason="path moved from `x|y`", to="0.0", changes=files, local=local)
    html = RENDERER.render(plan_markdown(Plan(store="s", actions=(action,), problems=())))
    assert "<code>a|b</code>" in html
    assert "path moved from <code>x|y</code>" in html
    assert "+ &lt;b&gt;&amp;`|@x.txt  10 B" in html
