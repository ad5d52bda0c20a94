"""What a decision asks for, by what has been seen so far. See `worlds` for the words."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from assetsync.model.marks import NO_MARKS
from assetsync.plan.needs import needs
from assetsync.plan.request import Purpose, Request
from assetsync.plan.situation import Needs
from tests.unit.worlds import Asset, World, first_seen, gathered, one, outcome, plan_sync, seen

X = frozenset({"nlp/x"})
SYNC = Request()
PULL = Request(purpose=Purpose.PULL)
UPGRADE = Request(purpose=Purpose.UPGRADE)
PUBLISH = Request(purpose=Purpose.PUBLISH)
FORCE = Request(force=X)
BUMP = Request(bump_major=X)
FOLDER = Needs(folder=True)


def followed(version: str) -> Needs:
    """What publishing after `version` takes: the hashes of its files, and what lies under the next number."""
    return Needs(hashes=(version,), folder=True)


# fmt: off
FIRST = [
    # request | lock   | remote                    | local | what is asked for when `.versions` and the lock were seen
    # -- nothing, where nothing is to be done
    (SYNC,     "1.2=A", "1.1=Z 1.2=A",              "A",    None),
    (SYNC,     "1.2=A", "1.1=Z 1.2?A",              "A",    None),
    (PULL,     "1.2=A", "1.1=Z 1.2=A 1.3=B",        "A",    None),
    (SYNC,     "1.2=A", "1.2^",                     "B",    None),  # it is lost
    (SYNC,     "1.2=A", "1.2=B",                    "B",    None),
    (SYNC,     "1.2=A", "1.2=A",                    "bad",  None),
    # -- a newer version may be what is here
    (SYNC,     "1.2=A", "1.2=A 1.3=B 1.4=C",        "A",    Needs(digests=("1.4",))),
    # -- what changed
    (SYNC,     "1.2=A", "1.1=Z 1.2=A",              "B",    FOLDER),
    (FORCE,    "1.2=A", "1.2=A",                    "A",    followed("1.2")),
    (BUMP,     "1.2=A", "1.1=Z 1.2=A",              "A",    followed("1.2")),
    # -- what is not here
    (SYNC,     "1.2=A", "1.2=A",                    "-",    Needs(files=("1.2",))),
    (SYNC,     "-",     "1.2=A 1.3=B",              "-",    Needs(files=("1.3",))),
    (SYNC,     "-",     "",                         "-",    FOLDER),
    (SYNC,     "-",     "",                         "A",    FOLDER),
    # -- a locked version that is not listed
    (SYNC,     "1.2=A", "1.1=Z 1.2!A",              "A",    FOLDER),
    (SYNC,     "1.2=A", "1.1=Z",                    "A",    None),  # its .meta was asked for first
    # -- the newest is wanted
    (UPGRADE,  "1.2=A", "1.2=A 1.3=B",              "A",    FOLDER),
]

THEN = [
    # request | lock   | remote                    | local | what is asked for when the folder was seen too
    (SYNC,     "1.2=A", "0.1=Y 1.1=Z 1.2=A",        "B",    Needs(digests=("1.1", "0.1"))),
    (SYNC,     "1.2=A", "1.2=A",                    "B",    Needs(hashes=("1.2",))),
    (SYNC,     "1.2=A", "1.1=Z 1.2=A 1.3=B 1.4=C",  "D",    Needs(digests=("1.4", "1.3"))),
    (SYNC,     "-",     "1.2=A 1.3=B",              "A",    Needs(digests=("1.3",))),
    (SYNC,     "-",     "",                         "A",    None),
    (SYNC,     "1.2=A", "1.1=Z",                    "A",    None),
    (UPGRADE,  "1.2=A", "1.2=A 1.3=B",              "A",    Needs(digests=("1.3",))),
    # -- by hand, only the newest counts, and what it follows
    (PUBLISH,  "-",     "1.1=B 1.2=A",              "B",    Needs(digests=("1.2",))),
]
# fmt: on


@pytest.mark.parametrize(("request_", "lock", "remote", "local", "expected"), FIRST)
def test_after_the_first_look(request_: Request, lock: str, remote: str, local: str, expected: Needs | None) -> None:
    snapshot = first_seen(one(lock=lock, remote=remote, local=local))
    assert needs(snapshot, request_).get("nlp/x") == expected


@pytest.mark.parametrize(("request_", "lock", "remote", "local", "expected"), THEN)
def test_after_a_look_into_the_folder(
    request_: Request, lock: str, remote: str, local: str, expected: Needs | None
) -> None:
    full = one(lock=lock, remote=remote, local=local)
    first = first_seen(full).remote["nlp/x"]
    found = full.remote["nlp/x"]
    looked = replace(first, unlisted=found.unlisted, unfinished=found.unfinished, looked_into=True)
    looked = replace(looked, marks=found.marks)
    assert needs(replace(full, remote={"nlp/x": looked}), request_).get("nlp/x") == expected


@pytest.mark.parametrize(
    ("lock", "local", "expected"),
    [
        ("1.2=A", "A", None),
        ("1.2=A", "-", Needs(files=("1.2",), marks=True)),
        ("-", "A", None),
        ("-", "-", None),
        ("1.2=A", "B", Needs(files=("1.2",), marks=True)),
    ],
)
def test_a_pull_asks_for_nothing_before_it_knows_what_is_missing(lock: str, local: str, expected: Needs | None) -> None:
    snapshot = first_seen(one(lock=lock, remote="1.1=B 1.2=A", local=local), Purpose.PULL)
    assert needs(snapshot, PULL).get("nlp/x") == expected


def test_a_pull_reads_the_index_only_where_what_is_here_may_be_an_older_version() -> None:
    full = one(lock="1.2=A", remote="1.1=B 1.2=A", local="B")
    read = first_seen(full, Purpose.PULL).remote["nlp/x"]
    read = replace(read, known={"1.2": full.remote["nlp/x"].known["1.2"]}, marks=NO_MARKS)
    assert needs(replace(full, remote={"nlp/x": read}), PULL) == {"nlp/x": Needs(index=True)}


def test_what_is_remembered_of_a_version_is_no_proof_that_it_is_there() -> None:
    """Before it is locked, its `.meta` is read."""
    full = one(remote="1.2=A", local="A")
    remote = seen(full.remote["nlp/x"], full.remote["nlp/x"], digests=["1.2"])
    assert needs(replace(full, remote={"nlp/x": remote}), SYNC) == {"nlp/x": Needs(files=("1.2",))}


def test_a_lock_of_another_store_asks_for_nothing() -> None:
    world = World((Asset(lock="1.0=A", remote="1.0=A", local="B"),), lock_store="s3://other")
    assert needs(first_seen(world.snapshot()), SYNC) == {}


def test_offline_nothing_is_asked_for() -> None:
    world = World((Asset(lock="1.0=A", remote="1.0=A", local="B"),), online=False)
    assert needs(first_seen(world.snapshot()), SYNC) == {}


def test_only_the_named_assets_are_decided_again() -> None:
    world = World((Asset("a", local="A"), Asset("b", local="B")))
    assert needs(first_seen(world.snapshot()), SYNC, ["b"]) == {"b": FOLDER}


@pytest.mark.parametrize(
    ("version", "lock", "remote", "local"),
    [
        (None, "0.0=A", "0.0=A 1.0=B", "A"),
        (None, "0.0=A", "0.0=A 1.0=A", "A"),
        ("1", "0.0=A", "0.0=A 1.0=B 1.1=C", "A"),
        ("2", "0.1=A", "0.0=B 0.1=A 1.0=C", "B"),
    ],
)
def test_forcing_sees_the_newest_version_although_the_lock_and_what_is_here_are_older(
    version: str | None, lock: str, remote: str, local: str
) -> None:
    """Gathering once took an asset for settled here, and the plan was another than that of all that there is."""
    full = one(lock=lock, remote=remote, local=local, version=version)
    assert outcome(plan_sync(gathered(full, FORCE), FORCE)) == outcome(plan_sync(full, FORCE))
