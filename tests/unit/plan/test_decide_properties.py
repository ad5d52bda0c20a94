"""What holds for every plan, whatever the three states are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assetsync.model.history import History
from assetsync.model.tree import FileEntry
from assetsync.plan.decide import make_plan
from assetsync.plan.needs import needs
from assetsync.plan.plan import Action, Adopt, Create, Keep, Plan, Pull, Update
from assetsync.plan.request import Purpose, Request
from assetsync.plan.snapshot import Absent, HalfPulled, Present, RemoteAsset, Snapshot
from tests.unit.worlds import (
    Asset,
    World,
    by_asset,
    carried_out,
    first_seen,
    gathered,
    plan_pull,
    plan_sync,
    plan_upgrade,
    said,
    tree,
)

NAMES = ("a", "b", "c", "d")
CONTENTS = ("A", "B", "C", "dir(A,B)", "dir(B,C)")
VERSIONS = {
    "major_minor": ("0.0", "0.1", "1.0", "1.1", "1.2", "2.0", "10.0"),
    "simple_date": ("2026-04-01T00-00-00Z", "2026-04-02T00-00-00Z", "2026-05-01T12-00-00Z", "2026-05-01T12-00-01Z"),
}

contents = st.sampled_from(CONTENTS)


@st.composite
def remotes(draw: st.DrawFn, scheme: str) -> str:
    """What a store has of an asset, in words."""
    words = []
    for version in draw(st.lists(st.sampled_from(VERSIONS[scheme]), unique=True, max_size=4)):
        kind = draw(st.sampled_from("=====!~~"))
        if kind == "~":
            claim = draw(st.sampled_from(["", "A@5", "B@5", "B@90", "C@5own", "dir(A,B)@5"]))
            words.append(f"{version}~{claim}")
        else:
            words.append(f"{version}{kind}{draw(contents)}")
    if draw(st.integers(0, 9)) == 0:
        words.append("v7=A")
    return " ".join(words)


@st.composite
def assets(draw: st.DrawFn, name: str, scheme: str) -> Asset:
    remote = draw(remotes(scheme))
    published = [word.replace("!", "=") for word in remote.split() if word[0] != "v" and "~" not in word]
    wild = [f"{version}={content}" for version in VERSIONS[scheme][:3] for content in CONTENTS[:2]]
    # Most locks agree with the store; some are of another store.
    lock = draw(st.sampled_from(["-", *published * 4, draw(st.sampled_from(wild))]))
    if lock != "-" and draw(st.integers(0, 4)) == 0:
        lock += "@elsewhere"
    known = [word.partition("=")[2] for word in published]
    local = draw(st.sampled_from(["-", "-", "empty", "bad", f"half {VERSIONS[scheme][0]}=A", *CONTENTS, *known]))
    versions: tuple[str | None, ...] = (None, None)
    if scheme == "major_minor":
        versions = (None, None, "0", "1", "2", "3", "1.0")
    return Asset(
        name,
        lock,
        remote,
        local,
        version=draw(st.sampled_from(versions)),
        readonly=draw(st.integers(0, 3)) == 0,
        in_manifest=draw(st.integers(0, 7)) > 0,
    )


@st.composite
def worlds(draw: st.DrawFn, online: bool = True) -> tuple[Snapshot, Request]:
    """A snapshot of a few assets, and wishes about some of those that a plan can be about."""
    scheme = draw(st.sampled_from(["major_minor", "major_minor", "simple_date"]))
    chosen = [draw(assets(name, scheme)) for name in NAMES[: draw(st.integers(1, len(NAMES)))]]
    named = [asset.name for asset in chosen if asset.in_manifest]
    wishes = st.frozensets(st.sampled_from(named), max_size=1) if named else st.just(frozenset[str]())
    request = Request((), Purpose.SYNC, draw(wishes), draw(wishes), draw(wishes), draw(wishes))
    return World(tuple(chosen), versioning=scheme, online=online).snapshot(), request


common = settings(max_examples=40, deadline=None)


def plans(snapshot: Snapshot, options: Request) -> list[Plan]:
    return [plan(snapshot, options) for plan in (plan_sync, plan_pull, plan_upgrade)]


@common
@given(worlds())
def test_order_and_time_are_no_part_of_a_plan(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    lock = snapshot.lock and replace(snapshot.lock, assets=_reversed(snapshot.lock.assets))
    other = replace(
        snapshot,
        manifest=replace(snapshot.manifest, entries=snapshot.manifest.entries[::-1]),
        lock=lock,
        local=_reversed(snapshot.local),
        remote={name: _shuffled(remote) for name, remote in _reversed(snapshot.remote).items()},
        now=snapshot.now + timedelta(minutes=1),
    )
    for mine, theirs in zip(plans(snapshot, options), plans(other, options), strict=True):
        assert mine.fingerprint == theirs.fingerprint
        ours = {action.asset: (mine.timeless(action), action.reason, action.transfer) for action in mine.actions}
        assert ours == {
            action.asset: (theirs.timeless(action), action.reason, action.transfer) for action in theirs.actions
        }
        assert sorted(map(repr, mine.problems)) == sorted(map(repr, theirs.problems))


T = TypeVar("T")


def _reversed(mapping: Mapping[str, T]) -> dict[str, T]:
    return dict(reversed(list(mapping.items())))


def _shuffled(remote: RemoteAsset) -> RemoteAsset:
    return replace(
        remote,
        unlisted=remote.unlisted[::-1],
        known=_reversed(remote.known),
        unfinished=remote.unfinished[::-1],
    )


@common
@given(worlds())
def test_every_asset_has_one_action_or_one_problem(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    named = [entry.name for entry in snapshot.manifest.entries]
    for plan in plans(snapshot, options):
        acted = [action.asset for action in plan.actions]
        stopped = [problem.asset for problem in plan.problems]
        assert len(set(acted)) == len(acted)
        assert not set(acted) & set(stopped)
        assert set(named) <= {*acted, *stopped}


@common
@given(worlds())
def test_a_new_version_has_a_number_that_none_had(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    for action in plan_sync(snapshot, options).actions:
        if isinstance(action, Create | Update):
            assert action.to is not None
            remote = snapshot.remote[action.asset]
            snapshot.versioning.check(action.to)
            assert action.to not in {*remote.listed, *remote.unlisted}
            occupied = {unfinished.version: unfinished for unfinished in remote.unfinished}
            assert action.to not in occupied or occupied[action.to].holds(action.local.tree.content)
            in_line = [*History.of(remote.committed, snapshot.versioning).in_line(_line_of(snapshot, action.to))]
            assert snapshot.versioning.sort([*in_line, action.to])[0] == action.to
            assert isinstance(action, Update) == bool(remote.listed or remote.unlisted)


def _line_of(snapshot: Snapshot, version: str) -> str | None:
    return version.partition(".")[0] if snapshot.manifest.versioning == "major_minor" else None


@common
@given(worlds())
def test_nothing_is_pulled_over_content_that_would_be_lost(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    for plan in plans(snapshot, options):
        for action in plan.pulls:
            local = snapshot.local[action.asset]
            given_up = action.asset in options.discard_local
            if isinstance(local, Present):
                assert given_up or _is_kept(snapshot, action, local)
            elif isinstance(local, HalfPulled):
                known = [_files(snapshot, action.asset, version) for version in snapshot.remote[action.asset].known]
                here = {(file.path, file.sha256) for file in local.tree.files} if local.tree else set()
                assert given_up or here <= {(file.path, file.sha256) for files in known for file in files}
            else:
                assert isinstance(local, Absent)
            over = None if isinstance(local, Absent) else local.tree
            assert (action.over.tree if action.over else None) == over


def _is_kept(snapshot: Snapshot, action: Action, local: Present) -> bool:
    """Whether each file, or what they are together, is in the store all the same."""
    locked = snapshot.lock.assets.get(action.asset) if snapshot.lock else None
    kept = {
        *_files(snapshot, action.asset, action.to),
        *_files(snapshot, action.asset, locked.version if locked else None),
    }
    entry = next(entry for entry in snapshot.manifest.entries if entry.name == action.asset)
    older = () if entry.readonly else snapshot.remote[action.asset].known.values()
    return (
        kept.issuperset(local.tree.files)
        or (locked is not None and local.tree.content.same_as(locked.content))
        or any(version is not None and local.tree.content.same_as(version.content) for version in older)
    )


def _files(snapshot: Snapshot, name: str, version: str | None) -> Sequence[FileEntry]:
    known = snapshot.remote[name].known.get(version or "")
    return (known.files if known else None) or ()


@common
@given(worlds())
def test_only_sync_publishes_and_never_what_is_readonly_or_half_pulled(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    sync, pull, upgrade = plans(snapshot, options)
    for plan in (pull, upgrade):
        assert all(isinstance(action, Adopt) for action in plan.publishes)
    readonly = {entry.name for entry in snapshot.manifest.entries if entry.readonly}
    for action in sync.publishes:
        if isinstance(action, Create | Update):
            assert action.asset not in readonly
            assert snapshot.local[action.asset] == action.local


@common
@given(worlds())
def test_a_plan_that_was_done_leaves_nothing_to_do(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    plan = plan_sync(snapshot, options)
    after = carried_out(snapshot, plan)
    left = plan_sync(after)
    # What came by a pull may open a declared line, or be a newer version too: that is known once it is here.
    later = {action.asset for action in plan.pulls if action.notes}
    done = set(by_asset(plan.actions)) - later
    assert [said(action) for action in left.changes if action.asset in done] == []
    assert not {problem.asset for problem in left.problems} & done


@common
@given(worlds())
def test_doing_what_the_plan_says_comes_to_an_end(world: tuple[Snapshot, Request]) -> None:
    """A pull, then the declared line that its content opens; no major is opened twice."""
    snapshot, options = world
    first = plan_sync(snapshot, options)
    second = plan_sync(after := carried_out(snapshot, first))
    third = plan_sync(after := carried_out(after, second))
    assert not plan_sync(carried_out(after, third)).changes


@common
@given(worlds())
def test_apply_on_a_machine_without_the_files_is_idempotent_too(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    plan = plan_sync(snapshot, options)
    left = plan_sync(carried_out(snapshot, plan, pulls=False))
    done = {action.asset for action in plan.actions if not isinstance(action, Pull)}
    assert not {action.asset for action in left.publishes} & done


@common
@given(worlds())
def test_a_process_that_died_before_it_saved_the_lock_publishes_nothing_twice(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    # What is not locked, or is to be published unchanged, is published again by whoever asks again.
    locked = frozenset(snapshot.lock.assets if snapshot.lock else ())
    wishes = replace(options, force=frozenset(), bump_major=options.bump_major & locked)
    plan = plan_sync(snapshot, wishes)
    published = {action.asset: action for action in plan.actions if isinstance(action, Create | Update)}
    left = by_asset(plan_sync(carried_out(snapshot, plan, save_lock=False), wishes).actions)
    for name, action in published.items():
        follower = left[name]
        assert isinstance(follower, Adopt), (said(action), said(follower))
        assert follower.to == action.to
        assert follower.set_line == (action.set_line if isinstance(action, Update) else None)


@common
@given(worlds())
def test_looking_at_what_is_needed_is_enough(world: tuple[Snapshot, Request]) -> None:
    """A plan of what was gathered is the plan of all that there is, and gathering comes to an end."""
    snapshot, wishes = world
    for purpose in (Purpose.SYNC, Purpose.PULL, Purpose.UPGRADE):
        request = replace(wishes, purpose=purpose)
        seen = gathered(snapshot, request)
        # What the folder alone shows, or the index, is not asked for where nothing is done.
        full = replace(snapshot, remote={name: _as_far(seen, name, remote) for name, remote in snapshot.remote.items()})
        enough, of_all = make_plan(seen, request), make_plan(full, request)
        assert enough.actions == of_all.actions
        assert enough.problems == of_all.problems


def _as_far(seen: Snapshot, name: str, remote: RemoteAsset) -> RemoteAsset:
    remote = remote if seen.remote[name].looked_into else replace(remote, unlisted=(), unfinished=())
    return remote if seen.remote[name].indexed else replace(remote, foreign=())


@common
@given(worlds())
def test_a_wish_may_need_more_and_an_unchanged_asset_needs_nothing(world: tuple[Snapshot, Request]) -> None:
    snapshot, _ = world
    wanted = needs(first_seen(snapshot), Request())
    for action in make_plan(snapshot, Request()).actions:
        remote = snapshot.remote.get(action.asset)
        if isinstance(action, Keep) and remote is not None and remote.listed[:1] == (action.to,):
            assert action.asset not in wanted


@common
@given(worlds(online=False))
def test_a_plan_offline_never_fails(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    locks = snapshot.lock.assets if snapshot.lock else {}
    known = {name: RemoteAsset(listed=(lock.version,)) for name, lock in locks.items()}
    offline = replace(snapshot, remote={name: known.get(name, RemoteAsset()) for name in snapshot.remote})
    for plan in plans(offline, options):
        assert not any(problem.code in ("lost", "unknown_version", "diverged") for problem in plan.problems)
        assert all(action.to != "" for action in plan.actions)


@common
@given(worlds())
def test_a_pull_says_what_comes_out_of_it(world: tuple[Snapshot, Request]) -> None:
    snapshot, options = world
    for plan in plans(snapshot, options):
        for action in plan.pulls:
            assert isinstance(action, Pull)
            assert action.content is not None
            target = next(tree(text) for text in CONTENTS if tree(text).content == action.content)
            assert action.transfer.download <= target.content.size
            kept = action.changes.unchanged + len(action.changes.added) + len(action.changes.changed)
            assert kept == target.content.files
