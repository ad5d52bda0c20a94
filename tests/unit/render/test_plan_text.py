from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.model.changes import compare
from assetsync.model.tree import FileEntry, directory_tree
from assetsync.plan.plan import Create, Forget, Plan, Problem, Update
from assetsync.plan.snapshot import Present
from assetsync.render.plan_text import FILES_SHOWN, NAME_WIDTH, plan_text
from tests.unit.worlds import Asset, World, one, plan_sync, sha256, tree

WORLD = World(
    (
        Asset("nlp/tokenizer", local="dir(A,B,C)"),
        Asset("nlp/sentiment", lock="1.2=A", remote="1.2=A", local="B"),
        Asset("nlp/embeddings", lock="1.9=dir(A,B,C,D)", remote="1.9=dir(A,B,C,D)", local="dir(B,C,D,E,F)"),
        Asset("shared/vectors", version="3", readonly=True, lock="3.1=A", remote="3.1=A 3.2=B", local="A"),
        Asset("shared/stopwords", remote="0.3=C"),
        Asset("a/locked", remote="0.1=A 0.2=B", local="A", version="0"),
        Asset("quiet", lock="0.1=A", remote="0.1=A", local="A"),
        Asset("old/one", lock="0.1=A", in_manifest=False),
    )
)


def test_a_plan_at_a_glance() -> None:
    plan = plan_sync(WORLD.snapshot())
    assert plan_text(plan) == (
        """\
Store: s3://bucket/assets

  + nlp/tokenizer     → 0.0       new asset  (3 files, 60 B to upload)
      + a  10 B
      + b  20 B
      + c  30 B
  ~ nlp/sentiment     1.2 → 1.3   content changed: 1 file  (20 B to upload)
  ~ nlp/embeddings    1.9 → 1.10  content changed: 2 files added, 1 file removed  (110 B to upload, 90 B reused)
      + e  50 B
      + f  60 B
      - a
    shared/vectors    3.1         unchanged
      note: `3.2` is available: `assetsync upgrade shared/vectors`
  < shared/stopwords  → 0.3       not here, and the store has it  (30 B to download)
  = a/locked          → 0.1       the store has this content already, as an older version
      note: `0.2` is newer: `assetsync upgrade a/locked`
  - old/one           0.1         no longer in assets.yaml; the store keeps it

Plan: 1 to create, 2 to update, 1 to lock, 1 to pull, 1 to forget, 2 unchanged.
Bytes: 190 B to upload, 90 B reused by copies in the store, 30 B to download.
"""
        f"Fingerprint: {plan.fingerprint}\n"
    )


def test_a_plan_with_problems_shows_no_fingerprint_to_approve() -> None:
    world = World(
        (
            Asset("nlp/x", lock="1.2=A", remote="1.2=A 1.3=B", local="C"),
            Asset("nlp/y", lock="1.2=A", remote="1.2=A 1.3~C@5", local="B"),
            Asset("z"),
        )
    )
    assert plan_text(plan_sync(world.snapshot())) == (
        """\
Store: s3://bucket/assets

  ! nlp/x  `nlp/x` is locked at `1.2`, but `1.3` was published meanwhile and is not here
      hint: publish on top of it with `--supersede nlp/x`, or take it with `assetsync upgrade nlp/x \
--discard-local nlp/x`
  ! nlp/y  bob@ci began to publish `nlp/y:1.3` 5 min ago
      hint: wait for it and plan again; if that process is dead, its number is skipped after an hour
  ! z  `models/z` does not exist, and the store has no `z` to pull
      hint: create it, or mend `path` in assets.yaml

Plan: 3 problems.
"""
    )


def test_nothing_to_do_is_two_lines() -> None:
    plan = plan_sync(World((WORLD.assets[6],)).snapshot())
    assert plan_text(plan) == "Store: s3://bucket/assets\n\nNothing to do: 1 unchanged.\n"
    assert plan_text(replace(plan, not_considered=4)).endswith("Nothing to do: 1 unchanged, 4 not considered.\n")
    assert plan_text(plan_sync(World(()).snapshot())).endswith("Nothing to do: no assets.\n")


def test_verbose_shows_what_is_unchanged_too() -> None:
    plan = plan_sync(World((WORLD.assets[6],)).snapshot())
    assert "    quiet  0.1  unchanged\n" in plan_text(plan, verbose=True)


def test_a_plan_made_offline_says_so_first() -> None:
    plan = plan_sync(replace(WORLD, assets=(WORLD.assets[6],), online=False).snapshot())
    assert plan_text(plan).splitlines()[1].startswith("Offline: ")


def test_what_was_left_out_is_counted() -> None:
    plan = plan_sync(replace(one(), local={"nlp/x": Present(tree("A"), excluded=1204)}))
    assert "(1 file, 10 B to upload, 1,204 files excluded)" in plan_text(plan)


def test_many_files_are_cut_unless_asked_for() -> None:
    files = directory_tree(FileEntry(f"{number:03}", 1, sha256(str(number))) for number in range(100))
    plan = plan_sync(replace(one(), local={"nlp/x": Present(files)}))
    assert plan_text(plan).count("      + ") == FILES_SHOWN
    assert "      … and 90 more files (-v shows all)\n" in plan_text(plan)
    assert plan_text(plan, verbose=True).count("      + ") == 100


def test_a_long_name_does_not_push_the_others_away() -> None:
    long = "x" * (NAME_WIDTH + 60)
    plan = plan_sync(World((Asset("a", local="A"), Asset("bb", local="A"), Asset(long, local="A"))).snapshot())
    rows = [line for line in plan_text(plan).splitlines() if line.startswith("  + ")]
    assert rows[0].startswith("  + a   → 0.0  new asset")
    assert rows[2].startswith(f"  + {long}  → 0.0  new asset")


def test_there_is_no_colour_unless_the_caller_paints() -> None:
    plan = plan_sync(WORLD.snapshot())
    assert "\x1b" not in plan_text(plan)
    painted = plan_text(plan, paint=lambda text, colour: f"<{colour}>{text}</>")
    assert "  <green>+ nlp/tokenizer     → 0.0     </>  new asset" in painted
    assert "<red>- a</>\n" in painted
    assert painted.replace("</>", "").count("<") > 5


hostile = st.lists(
    st.sampled_from(["\x1b[31m", "\n", "\r", "\x9b2J", "\u202e", "[red]", "[/]", "x", "/", " ", "\\", "`", "\u2028"]),
    min_size=1,
).map("".join)


@settings(max_examples=60, deadline=None)
@given(hostile, hostile, hostile, hostile)
def test_no_foreign_text_reaches_the_terminal_unescaped(name: str, version: str, path: str, words: str) -> None:
    files = compare((), (FileEntry(path, 1, "0" * 64),))
    local = Present(tree("A"))
    actions = (
        Create(asset=name, path=path, reason=words, to=version, changes=files, local=local, notes=(words, name)),
        Update(asset=name, path=path, reason=words, base=version, to=words, local=local),
        Forget(asset=name, path=path, reason=words, base=version),
    )
    problems = (Problem(name, "lost", words, path), Problem("", "lost", words))
    text = plan_text(Plan(store=words, actions=actions, problems=problems))
    assert not set(text) & set("\x1b\r\x9b\u202e\u2028")
    # The store, blank, 3 actions, 2 notes, 1 file, 2 problems, 1 hint, blank, summary: no line more.
    assert text.count("\n") == 13
    assert name.count("[red]") == 0 or "[red]" in text
