"""The decision table of the design, row by row: lock | remote | local | outcome. See `worlds` for the words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import pytest
from msgspec.structs import replace

from assetsync.errors import InvalidError
from assetsync.model.lock import LockEntry
from assetsync.model.tree import FileEntry, directory_tree
from assetsync.plan.plan import Adopt, Create, Forget, Keep, Plan, Pull, Update
from assetsync.plan.request import Request
from assetsync.plan.snapshot import HalfPulled, Present, RemoteVersion, Snapshot
from tests.unit.worlds import Asset, World, by_asset, one, outcome, plan_pull, plan_sync, plan_upgrade, sha256, tree

X = frozenset({"nlp/x"})
BUMP = Request(bump_major=X)
SUPERSEDE = Request(supersede=X)
DISCARD = Request(discard_local=X)
FORCE = Request(force=X)
AT_ODDS = Request(bump_major=X, discard_local=X)
FORCE_ON_TOP = Request(force=X, supersede=X)


def available(version: str) -> str:
    return f"`{version}` is available: `assetsync upgrade nlp/x`"


def newer(version: str) -> str:
    return f"`{version}` is newer: `assetsync upgrade nlp/x`"


def unlisted(version: str) -> str:
    return f"the store's index misses `{version}`: `assetsync doctor --repair`"


def goes_on(version: str) -> str:
    return f"goes on with the unfinished publish of `{version}`"


def skips(version: str) -> str:
    return f"skips `{version}`, which an unfinished publish occupies"


def ignores(version: str) -> str:
    return f"ignores `{version}`: not of the `major_minor` scheme"


def meanwhile(version: str) -> str:
    return f"`{version}` was published meanwhile, and is not what this follows from"


# Now is D4.
DAYS = {
    "D1": "2026-04-01T00-00-00Z",
    "D2": "2026-04-02T00-00-00Z",
    "D3": "2026-05-01T11-59-00Z",
    "D4": "2026-05-01T12-00-00Z",
    "D5": "2026-05-01T12-00-01Z",
    "D9": "9999-12-31T23-59-59Z",
}


def dated(text: str) -> str:
    return re.sub("D[1-9]", lambda match: DAYS[match[0]], text)


MOVED = "path moved from `old`"
NEXT_CHANGE = "the next change goes into version line `0`"
WAITS = "version line `2` is opened when the content is here: plan again then"
FORCED = "published even if unchanged, as asked"
ONCE_MORE = "the content of `1.1` once more, as asked by --supersede"
ON_TOP = "on top of `1.3`, as asked by --supersede"

# fmt: off
TABLE = [
    # lock        | remote                  | local  | outcome                 | note
    # -- not locked
    ("-",          "",                        "A",     "create 0.0",             ""),
    ("-",          "",                        "-",     "problem missing",        ""),
    ("-",          "",                        "empty", "problem missing",        ""),
    ("-",          "",                        "bad",   "problem unusable",       ""),
    ("-",          "1.1=Z 1.2=A",             "A",     "lock 1.2",               ""),
    ("-",          "1.1=A 1.2=B",             "A",     "problem goes_back",      ""),
    ("-",          "1.1=A 1.2=B",             "C",     "update 1.2 → 1.3",       ""),
    ("-",          "0.0=A 1.2=B",             "A",     "problem goes_back",      ""),  # of whatever line
    ("-",          "1.0=A 2.0=B",             "A",     "problem goes_back",      ""),
    ("-",          "1.1=A 1.2=A",             "A",     "lock 1.2",               ""),
    ("-",          "1.2=B 1.1!A",             "A",     "problem goes_back",      ""),
    ("-",          "1.1=A 1.2=B",             "-",     "pull 1.2",               ""),
    ("-",          "1.2?A",                   "A",     "update 1.2 → 1.3",       ""),
    # -- B = R
    ("1.2=A",      "1.1=Z 1.2=A",             "A",     "none 1.2",               ""),
    ("1.2=A",      "1.1=Z 1.2=A",             "B",     "update 1.2 → 1.3",       ""),
    ("1.2=A",      "1.1=Z 1.2=A",             "Z",     "problem goes_back",      ""),
    ("1.2=A",      "0.1=Z 1.2=A",             "Z",     "problem goes_back",      ""),  # of whatever line
    ("1.2=A",      "1.1=A 1.2=A",             "A",     "none 1.2",               ""),  # it went back on purpose
    ("1.9=A",      "1.9=A",                   "B",     "update 1.9 → 1.10",      ""),
    ("1.2=A",      "1.1=Z 1.2=A",             "-",     "pull 1.2",               ""),
    ("1.2=A",      "1.2=A",                   "empty", "pull 1.2",               ""),
    ("1.2=A",      "1.2?A",                   "A",     "none 1.2",               ""),  # modelkit's; the lock knows it
    # -- B older than R
    ("1.2=A",      "1.2=A 1.3=B",             "A",     "none 1.2",               available("1.3")),
    ("1.2=A",      "1.2=A 2.0=B",             "A",     "none 1.2",               available("2.0")),
    ("1.2=A",      "1.2=A 1.3=B",             "B",     "lock 1.3",               ""),
    ("1.2=A",      "1.2=A 1.3=A",             "A",     "lock 1.3",               ""),
    ("1.2=A",      "1.2=A 1.3=B 1.4=C",       "B",     "lock 1.3",               newer("1.4")),
    ("1.2=A",      "1.2=A 1.3=B",             "C",     "problem diverged",       ""),
    ("1.2=A",      "1.1=C 1.2=A 1.3=B",       "C",     "problem diverged",       ""),  # 1.1 is older than B
    ("1.2=A",      "1.2=A 1.3=B",             "-",     "pull 1.2",               available("1.3")),
    # -- B is not listed
    ("1.2=A",      "1.1=Z 1.2!A",             "A",     "none 1.2",               unlisted("1.2")),
    ("1.2=A",      "1.1=Z 1.2!A",             "B",     "update 1.2 → 1.3",       unlisted("1.2")),
    ("-",          "1.1=Z 1.2!A",             "A",     "lock 1.2",               unlisted("1.2")),
    # -- B is lost
    ("1.2=A",      "",                        "A",     "problem lost",           ""),
    ("1.2=A",      "1.1=Z",                   "A",     "problem lost",           ""),
    ("1.2=A",      "1.1=Z",                   "B",     "problem lost",           ""),
    ("1.2=A",      "1.1=Z",                   "-",     "problem lost",           ""),
    ("1.2=A",      "1.2=B",                   "A",     "problem lost",           ""),
    ("1.2=A",      "1.2=B",                   "B",     "problem lost",           ""),
    ("1.2=A",      "1.2=dir(A)",              "A",     "problem lost",           ""),
    ("1.2=A",      "1.2^",                    "A",     "problem lost",           ""),  # listed, but there is no .meta
    ("1.2=A",      "1.2^",                    "-",     "problem lost",           ""),
    ("1.2=A",      "1.2^ 1.3=A",              "A",     "problem lost",           ""),
    ("1.2=A",      "1.2?B",                   "A",     "problem lost",           ""),  # modelkit's, of another size
    ("1.2=dir(A)", "1.2?A",                   "dir(A)", "problem lost",          ""),
    ("1.2=dir(C)", "1.2?dir(A,B)",            "dir(C)", "problem lost",          ""),  # as many bytes, in two files
    # -- the path moved
    ("1.2=A@old",  "1.2=A",                   "A",     "lock 1.2",               ""),
    ("1.2=A@old",  "1.2=A 1.3=B",             "A",     "lock 1.2",               available("1.3")),
    ("1.2=A@old",  "1.2=A",                   "B",     "update 1.2 → 1.3",       MOVED),
    ("1.2=A@old",  "1.2=A",                   "-",     "pull 1.2",               MOVED),
    # -- unfinished publishes of the next number
    ("1.2=A",      "1.2=A 1.3~B@5",           "B",     "update 1.2 → 1.3",       goes_on("1.3")),
    ("1.2=A",      "1.2=A 1.3~B@90",          "B",     "update 1.2 → 1.3",       goes_on("1.3")),
    ("1.2=A",      "1.2=A 1.3~C@5",           "B",     "problem in_progress",    ""),
    ("1.2=A",      "1.2=A 1.3~dir(B)@5",      "B",     "problem in_progress",    ""),
    ("1.2=A",      "1.2=A 1.3~C@59",          "B",     "problem in_progress",    ""),
    ("1.2=A",      "1.2=A 1.3~C@60",          "B",     "update 1.2 → 1.4",       skips("1.3")),
    ("1.2=A",      "1.2=A 1.3~C@5own",        "B",     "update 1.2 → 1.4",       skips("1.3")),
    ("1.2=A",      "1.2=A 1.3~",              "B",     "update 1.2 → 1.4",       skips("1.3")),
    ("1.2=A",      "1.2=A 1.3~ 1.4~B@90",     "B",     "update 1.2 → 1.4",       goes_on("1.4")),
    ("1.2=A",      "1.2=A 1.3~ 1.4~C@5",      "B",     "problem in_progress",    ""),
    ("1.2=A",      "1.2=A 1.5~C@90",          "B",     "update 1.2 → 1.6",       skips("1.5")),
    ("1.2=A",      "1.2=A 1.1~C@5 2.0~C@5",   "B",     "update 1.2 → 1.3",       ""),  # older, and of another line
    ("1.2=A",      "1.2=A 1.3~C@5",           "A",     "none 1.2",               ""),
    ("-",          "0.0~A@5",                 "A",     "create 0.0",             goes_on("0.0")),
    ("-",          "0.0~B@5",                 "A",     "problem in_progress",    ""),
    ("-",          "0.0~B@90",                "A",     "create 0.1",             skips("0.0")),
    # -- versions of another scheme
    ("-",          "1.2=A D1=B", "A",        "lock 1.2",                       ignores("D1")),
    ("1.2=A",      "1.2=A 01.3=B",            "B",     "update 1.2 → 1.3",       ignores("01.3")),
    # -- an interrupted pull
    ("1.2=A",      "1.2=A",                   "half 1.2",   "pull 1.2",           ""),
    ("1.2=A",      "1.2=A",                   "half 1.2=A", "pull 1.2",           ""),
    ("1.2=A",      "1.1=B 1.2=A",             "half 1.2=B", "pull 1.2",           ""),
    ("1.2=A",      "1.2=A",                   "half 1.2=B", "problem modified",   ""),
    ("1.2=A",      "1.2=A 1.3=B",             "half 1.3=A", "problem incomplete_pull", ""),  # by an upgrade
    ("1.2=A",      "1.2=B",                   "half 1.2=A", "problem lost",       ""),
    ("-",          "1.2=A",                   "half 1.2=A", "pull 1.2",           ""),
    ("-",          "1.2=A 1.3=B",             "half 1.2=A", "problem incomplete_pull", ""),
]

DECLARED = [
    # version | lock    | remote                | local | outcome               | note
    ("5",      "-",      "",                      "A",    "create 5.0",           ""),
    ("5",      "-",      "5.0~B@90",              "A",    "create 5.1",           skips("5.0")),
    ("1.0",    "-",      "",                      "A",    "problem bad_line",     ""),
    ("01",     "-",      "",                      "A",    "problem bad_line",     ""),
    # -- raised to highest + 1: publishes N.0, once
    ("2",      "1.2=A",  "1.2=A",                 "A",    "update 1.2 → 2.0",     ""),
    ("2",      "1.2=A",  "1.2=A",                 "B",    "update 1.2 → 2.0",     ""),
    ("2",      "1.2=A",  "1.2=A 1.3=B",           "A",    "update 1.3 → 2.0",     meanwhile("1.3")),
    ("2",      "-",      "1.2=A",                 "A",    "update 1.2 → 2.0",     ""),
    ("2",      "1.2=A",  "1.2=A",                 "-",    "pull 1.2",             WAITS),
    ("2",      "-",      "1.2=A",                 "-",    "problem missing",      ""),
    ("2",      "1.2=A",  "1.2=A 2.0~A@5",         "A",    "update 1.2 → 2.0",     goes_on("2.0")),
    ("2",      "1.2=A",  "1.2=A 2.0~B@90",        "A",    "update 1.2 → 2.1",     skips("2.0")),
    ("2",      "2.0=A",  "1.2=A 2.0=A",           "A",    "none 2.0",             ""),
    ("2",      "2.0=A",  "1.2=A 2.0=A",           "B",    "update 2.0 → 2.1",     ""),
    ("2",      "1.2=A",  "1.2=A 2.0=A",           "A",    "lock 2.0",             ""),  # died too early
    ("2",      "1.2=A",  "1.2=A 2.0=B",           "A",    "none 1.2",             available("2.0")),
    ("2",      "1.2=A",  "1.2=A 2.0=B",           "C",    "problem diverged",     ""),
    ("2",      "1.2=A",  "1.2=A 2.0!A",           "A",    "lock 2.0",             unlisted("2.0")),
    # -- an existing line
    ("1",      "1.2=A",  "1.2=A 2.0=B",           "A",    "none 1.2",             ""),
    ("1",      "1.2=A",  "1.2=A 2.0=B",           "C",    "update 1.2 → 1.3",     ""),
    ("1",      "-",      "1.2=A 10.3=B",          "B",    "update 1.2 → 1.3",     ""),  # 1 is not 10
    ("1",      "-",      "1.2=A 10.3=B",          "-",    "pull 1.2",             ""),
    # -- lowered: the next change goes there
    ("0",      "1.2=A",  "0.7=B 1.2=A",           "A",    "none 1.2",             NEXT_CHANGE),
    ("0",      "1.2=A",  "0.7=B 1.2=A",           "C",    "update 0.7 → 0.8",     ""),
    ("0",      "1.2=A",  "0.7=B 1.2=A",           "B",    "lock 0.7",             ""),
    ("0",      "1.2=A",  "0.6=C 0.7=B 1.2=A",     "C",    "lock 0.6",             newer("0.7")),
    ("0",      "1.2=A",  "0.7=B 1.2=A",           "-",    "pull 1.2",             ""),
    ("0",      "1.2=A",  "0.7=B 1.1=C 1.2=A",     "C",    "problem goes_back",    ""),  # 1.1 is older than the lock
    # -- who declares a line has said that its content may be an older version
    ("1",      "-",      "1.1=A 1.2=B 2.0=C",     "A",    "lock 1.1",             newer("1.2")),
    ("1",      "-",      "1.2=B 2.0=C",           "C",    "update 1.2 → 1.3",     ""),
    ("2",      "-",      "1.1=A 1.2=B",           "A",    "update 1.2 → 2.0",     ""),
    ("2",      "1.2=A",  "1.1=B 1.2=A",           "B",    "problem goes_back",    ""),  # not what the new line is for
    # -- anything else
    ("3",      "1.2=A",  "1.2=A",                 "A",    "problem bad_line",     ""),
    ("3",      "1.2=A",  "1.2=A",                 "-",    "problem bad_line",     ""),
    ("0",      "1.2=A",  "1.2=A",                 "A",    "problem bad_line",     ""),
    ("1.2",    "1.2=A",  "1.2=A",                 "A",    "problem bad_line",     ""),
]

READONLY = [
    # version | lock    | remote                | local  | outcome                 | note
    ("3",      "-",      "3.1=A 3.2=B",           "-",     "pull 3.2",               ""),
    ("3",      "-",      "3.1=A 3.2=B",           "B",     "lock 3.2",               ""),
    ("3",      "-",      "3.1=A 3.2=B",           "C",     "problem modified",       ""),
    ("3",      "3.1=A",  "3.1=A 3.2=B",           "-",     "pull 3.1",               available("3.2")),
    ("3",      "3.1=A",  "3.1=A 3.2=B",           "A",     "none 3.1",               available("3.2")),
    ("3",      "3.1=A",  "3.1=A 3.2=B 4.0=C",     "C",     "problem modified",       ""),
    ("3.1",    "3.1=A",  "3.1=A 3.2=B",           "A",     "none 3.1",               ""),
    ("3.1",    "-",      "3.1=A 3.2=B",           "-",     "pull 3.1",               ""),
    ("3.1",    "3.2=B",  "3.1=A 3.2=B",           "B",     "pull 3.1",               ""),
    ("3.1",    "3.2=B",  "3.1=A 3.2=B",           "A",     "lock 3.1",               ""),
    ("4",      "3.2=B",  "3.2=B 4.0=C 4.1=D",     "B",     "pull 4.1",               ""),
    ("4",      "3.2=B",  "3.2=B 4.0=C 4.1=D",     "-",     "pull 4.1",               ""),
    ("4",      "3.2=B",  "3.2=B 4.0=C 4.1=D",     "A",     "problem modified",       ""),
    ("4",      "3.2=B",  "3.2=B",                 "B",     "problem unknown_version", ""),
    (None,     "-",      "",                      "A",     "problem unknown_version", ""),
    (None,     "-",      "0.1=A 1.0=B",           "-",     "pull 1.0",               ""),
    (None,     "1.0=B",  "1.0=B",                 "A",     "problem modified",       ""),
    (None,     "1.0=B",  "0.1=A",                 "B",     "problem lost",           ""),
    (None,     "1.0=B",  "1.0=B",                 "half 1.0=A", "problem modified", ""),
    (None,     "1.0=B",  "1.0=B",                 "half 1.0=B", "pull 1.0",           ""),
    (None,     "1.0=B@old", "1.0=B",              "B",     "lock 1.0",               ""),
]

PULL = [
    # lock     | remote            | local         | outcome               | note
    ("-",       "1.2=A",             "-",            "none",                 ""),
    ("1.2=A",   "1.2=A 1.3=B",       "A",            "none 1.2",             ""),
    ("1.2=A",   "1.2=A 1.3=B",       "-",            "pull 1.2",             ""),
    ("1.2=A",   "1.2=A 1.3=B",       "B",            "problem modified",     ""),
    ("1.2=A",   "1.3=B",             "A",            "none 1.2",             ""),
    ("1.2=A",   "1.2^",              "-",            "problem lost",         ""),
    ("1.2=A",   "1.2?B",             "-",            "problem lost",         ""),
    # -- files that are merely missing
    ("1.2=dir(A,B)", "1.2=dir(A,B)",   "dir(A)",     "pull 1.2",             ""),
    ("1.2=dir(A,B)", "1.2=dir(A,B)",   "dir(A,C)",   "problem modified",     ""),
    ("1.2=dir(A,B)", "1.2?dir(A,B)",   "dir(A)",     "problem modified",     ""),  # none has such a hash
    ("1.2=A@old", "1.2=A",           "A",            "lock 1.2",             ""),
    ("1.2=A",   "1.2=A",             "half 1.2",     "pull 1.2",             ""),
    ("1.2=A",   "1.1=B 1.2=A",       "half 1.2=B",   "pull 1.2",             ""),
    ("1.2=A",   "1.2=A",             "half 1.2=B",   "problem modified",     ""),
    ("1.2=A",   "1.2=A 1.3=B",       "half 1.3=B",   "pull 1.2",             ""),  # back to what is locked
    ("1.2=A",   "1.2=A",             "bad",          "problem unusable",     ""),
]

UPGRADE = [
    # version | lock   | remote                | local        | outcome             | note
    (None,     "1.2=A", "1.2=A",                 "A",           "none 1.2",           ""),
    (None,     "1.2=A", "1.2=A",                 "B",           "none 1.2",           ""),  # nothing newer: edits stay
    (None,     "1.2=A", "1.2=A",                 "-",           "pull 1.2",           ""),
    (None,     "1.2=A", "1.2=A 1.3=B",           "A",           "pull 1.3",           ""),
    (None,     "1.2=A", "1.2=A 1.3=B",           "-",           "pull 1.3",           ""),
    (None,     "1.2=A", "1.2=A 1.3=B",           "B",           "lock 1.3",           ""),
    (None,     "1.2=A", "1.2=A 1.3=B",           "C",           "problem modified",   ""),
    (None,     "1.2=A", "1.2=A 2.0=B",           "A",           "pull 2.0",           ""),
    ("1",      "1.2=A", "1.2=A 2.0=B",           "A",           "none 1.2",           ""),
    ("0",      "1.2=A", "0.7=B 1.2=A",           "A",           "pull 0.7",           ""),
    ("2",      "1.2=A", "1.2=A",                 "A",           "none 1.2",           ""),
    (None,     "-",     "1.2=A",                 "-",           "pull 1.2",           ""),
    (None,     "-",     "1.2=A",                 "A",           "lock 1.2",           ""),
    (None,     "-",     "1.2=A",                 "B",           "problem modified",   ""),
    (None,     "-",     "",                      "A",           "none",               ""),
    (None,     "1.2=A", "1.3=B",                 "A",           "problem lost",       ""),
    (None,     "1.2=dir(A,B)", "1.2=dir(A,B)",   "dir(A)",      "pull 1.2",           ""),
    (None,     "1.2=dir(A,B)", "1.2=dir(A,B) 1.3=C", "dir(A)",  "pull 1.3",           ""),
    (None,     "-",     "1.1=A 1.2=B",           "A",           "pull 1.2",           ""),  # the store keeps it
    (None,     "1.2=A", "1.2=A 1.3=B",           "half 1.3=B",  "pull 1.3",           ""),
]

WISHES = [
    # options    | version | lock    | remote            | local | outcome               | note
    (SUPERSEDE,    None,     "1.2=A",  "1.2=A 1.3=B",      "C",    "update 1.3 → 1.4",     ON_TOP),
    (SUPERSEDE,    None,     "1.2=A",  "1.2=A 1.3=B",      "B",    "lock 1.3",             ""),
    (SUPERSEDE,    None,     "1.2=A",  "1.2=A 1.3=B",      "A",    "none 1.2",             available("1.3")),
    (SUPERSEDE,    None,     "1.2=A",  "1.2=A",            "B",    "update 1.2 → 1.3",     ""),
    (SUPERSEDE,    None,     "1.2=A",  "1.1=B 1.2=A",      "B",    "update 1.2 → 1.3",     ONCE_MORE),
    (SUPERSEDE,    None,     "-",      "1.1=B 1.2=A",      "B",    "update 1.2 → 1.3",     ONCE_MORE),
    (SUPERSEDE,    "2",      "1.2=A",  "1.1=B 1.2=A",      "B",    "update 1.2 → 2.0",     ONCE_MORE),
    # -- the one-shot bump
    (BUMP,         None,     "1.2=A",  "1.1=B 1.2=A",      "B",    "problem goes_back",    ""),
    (BUMP,         None,     "-",      "1.1=B 1.2=A",      "B",    "problem goes_back",    ""),
    (BUMP,         None,     "1.2=A",  "1.2=A",            "A",    "update 1.2 → 2.0",     ""),
    (BUMP,         None,     "-",      "0.1=Z 1.0=A",      "A",    "update 1.0 → 2.0",     ""),
    (BUMP,         "1",      "1.2=A",  "1.2=A",            "A",    "update 1.2 → 2.0",     ""),
    (BUMP,         "0",      "0.3=A",  "0.3=A 1.0=B",      "A",    "update 1.0 → 2.0",     meanwhile("1.0")),
    (BUMP,         "2",      "1.2=A",  "1.2=A",            "A",    "update 1.2 → 2.0",     ""),  # declared too
    (BUMP,         None,     "2.0=A",  "1.2=A 2.0=A",      "A",    "update 2.0 → 3.0",     ""),  # asked again
    (BUMP,         None,     "1.2=A",  "1.2=A 2.0=A",      "A",    "lock 2.0",             ""),  # died too early
    (BUMP,         None,     "1.2=A",  "1.2=A 2.0=Z 2.1=A", "A",   "update 2.1 → 3.0",     ""),  # someone else's
    (BUMP,         None,     "1.2=A",  "1.2=A",            "-",    "problem missing",      ""),
    (BUMP,         None,     "-",      "",                 "A",    "problem bad_line",     ""),
    # -- publishing what is unchanged
    (FORCE,        None,     "1.2=A",  "1.2=A",            "A",    "update 1.2 → 1.3",     FORCED),
    (FORCE,        None,     "-",      "1.2=A",            "A",    "update 1.2 → 1.3",     FORCED),
    (FORCE,        None,     "-",      "1.1=A 1.2=B",      "A",    "update 1.2 → 1.3",     FORCED),
    (FORCE,        "1",      "-",      "1.2=A 2.0=B",      "A",    "update 1.2 → 1.3",     FORCED),
    (FORCE,        None,     "-",      "",                 "A",    "create 0.0",           ""),
    (FORCE,        None,     "1.2=A",  "1.2=A 1.3=A",      "A",    "update 1.3 → 1.4",     FORCED),
    (FORCE,        None,     "1.2=A",  "1.2=A 1.3=B",      "A",    "problem diverged",     ""),
    (FORCE_ON_TOP, None,     "1.2=A",  "1.2=A 1.3=B",      "A",    "update 1.3 → 1.4",     ON_TOP),
    (FORCE,        None,     "1.2=A",  "1.2=A",            "-",    "problem missing",      ""),
    # -- giving up what is here
    (DISCARD,      None,     "1.2=A",  "1.2=A 1.3=B",      "C",    "pull 1.2",             ""),
    (DISCARD,      None,     "1.2=A",  "1.2=A 1.3=B",      "A",    "none 1.2",             ""),
    (DISCARD,      None,     "-",      "1.2=A 1.3=B",      "C",    "pull 1.3",             ""),
    (DISCARD,      None,     "-",      "",                 "C",    "problem unknown_version", ""),
    (AT_ODDS,      None,     "1.2=A",  "1.2=A",            "C",    "problem contradiction", ""),
]

WISHES_READONLY = [
    (DISCARD,      "3",      "3.1=A",  "3.1=A 3.2=B",      "C",    "pull 3.1",             available("3.2")),
    (DISCARD,      "3",      "-",      "3.1=A 3.2=B",      "C",    "pull 3.2",             ""),
    (BUMP,         "3",      "3.1=A",  "3.1=A",            "A",    "problem readonly",     ""),
    (SUPERSEDE,    "3",      "3.1=A",  "3.1=A",            "A",    "problem readonly",     ""),
    (FORCE,        "3",      "3.1=A",  "3.1=A",            "A",    "problem readonly",     ""),
]

OFFLINE = [
    # version | readonly | lock   | local | outcome
    (None,     False,     "1.2=A", "A",    "none 1.2"),
    (None,     False,     "1.2=A", "B",    "update 1.2 → 1.3"),
    (None,     False,     "1.2=A", "-",    "pull 1.2"),
    (None,     False,     "-",     "A",    "create 0.0"),
    (None,     False,     "-",     "-",    "problem missing"),
    ("2",      False,     "1.2=A", "A",    "update 1.2 → 2.0"),
    ("0",      False,     "1.2=A", "B",    "problem needs_store"),
    ("7",      False,     "1.2=A", "A",    "problem needs_store"),
    ("1",      True,      "1.2=A", "A",    "none 1.2"),
    ("2",      True,      "1.2=A", "A",    "problem needs_store"),
    ("1",      True,      "-",     "-",    "problem needs_store"),
]

DATES = [
    # lock  | remote         | local | outcome
    ("-",    "",             "A", "create D4"),
    ("D1=A", "D1=A",         "A", "none D1"),
    ("D1=A", "D1=A",         "B", "update D1 → D4"),
    ("D4=A", "D4=A",         "B", "update D4 → D5"),
    ("D1=A", "D1=A D3~B@1",  "B", "update D1 → D3"),
    ("D1=A", "D1=A D3~C@1",  "B", "problem in_progress"),
    ("D1=A", "D1=A D4~C@99", "B", "update D1 → D5"),
    ("D1=A", "D1=A D2=B",    "C", "problem diverged"),
    ("-",    "1.0=A",        "A", "create D4"),
    ("-",    "D9=A",         "B", "problem no_next_version"),
]
# fmt: on


def notes(plan: Plan) -> str:
    return "; ".join(note for action in plan.actions for note in action.notes)


@pytest.mark.parametrize(("lock", "remote", "local", "expected", "note"), TABLE)
def test_an_entry_to_publish(lock: str, remote: str, local: str, expected: str, note: str) -> None:
    plan = plan_sync(one(lock=lock, remote=remote, local=local))
    assert outcome(plan) == expected
    assert note in notes(plan)
    assert note or not notes(plan)


@pytest.mark.parametrize(("version", "lock", "remote", "local", "expected", "note"), DECLARED)
def test_a_declared_line(version: str, lock: str, remote: str, local: str, expected: str, note: str) -> None:
    plan = plan_sync(one(version=version, lock=lock, remote=remote, local=local))
    assert outcome(plan) == expected
    assert note in notes(plan)
    assert note or not notes(plan)


@pytest.mark.parametrize(("version", "lock", "remote", "local", "expected", "note"), READONLY)
def test_a_readonly_entry(version: str | None, lock: str, remote: str, local: str, expected: str, note: str) -> None:
    plan = plan_sync(one(version=version, lock=lock, remote=remote, local=local, readonly=True))
    assert outcome(plan) == expected
    assert notes(plan) == note


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(("lock", "remote", "local", "expected", "note"), PULL)
def test_pull(lock: str, remote: str, local: str, expected: str, note: str, readonly: bool) -> None:
    plan = plan_pull(one(lock=lock, remote=remote, local=local, readonly=readonly))
    assert outcome(plan) == expected
    assert notes(plan) == note


def test_pull_replaces_an_older_version_because_the_store_keeps_that_but_never_of_what_is_readonly() -> None:
    states = {"lock": "1.2=A", "remote": "1.1=B 1.2=A", "local": "B"}
    assert outcome(plan_pull(one(**states))) == "pull 1.2"
    assert outcome(plan_pull(one(**states, readonly=True))) == "problem modified"


@pytest.mark.parametrize(("version", "lock", "remote", "local", "expected", "note"), UPGRADE)
def test_upgrade(version: str | None, lock: str, remote: str, local: str, expected: str, note: str) -> None:
    plan = plan_upgrade(one(version=version, lock=lock, remote=remote, local=local))
    assert outcome(plan) == expected
    assert notes(plan) == note


@pytest.mark.parametrize(("options", "version", "lock", "remote", "local", "expected", "note"), WISHES)
def test_a_wish(
    options: Request, version: str | None, lock: str, remote: str, local: str, expected: str, note: str
) -> None:
    plan = plan_sync(one(version=version, lock=lock, remote=remote, local=local), options)
    assert outcome(plan) == expected
    assert note in notes(plan)


@pytest.mark.parametrize(("options", "version", "lock", "remote", "local", "expected", "note"), WISHES_READONLY)
def test_a_wish_about_a_readonly_entry(
    options: Request, version: str | None, lock: str, remote: str, local: str, expected: str, note: str
) -> None:
    plan = plan_sync(one(version=version, lock=lock, remote=remote, local=local, readonly=True), options)
    assert outcome(plan) == expected
    assert notes(plan) == note


@pytest.mark.parametrize(("version", "readonly", "lock", "local", "expected"), OFFLINE)
def test_offline_only_the_lock_is_known(
    version: str | None, readonly: bool, lock: str, local: str, expected: str
) -> None:
    remote = "" if lock == "-" else lock
    asset = Asset(version=version, readonly=readonly, lock=lock, remote=remote, local=local)
    plan = plan_sync(World((asset,), online=False).snapshot())
    assert outcome(plan) == expected
    assert not plan.online


@pytest.mark.parametrize(("lock", "remote", "local", "expected"), DATES)
def test_date_versions(lock: str, remote: str, local: str, expected: str) -> None:
    asset = Asset(lock=dated(lock), remote=dated(remote), local=local)
    plan = plan_sync(World((asset,), versioning="simple_date").snapshot())
    assert outcome(plan) == dated(expected)
    assert plan.dated


@pytest.mark.parametrize("options", [BUMP, Request()])
def test_date_versions_have_no_lines(options: Request) -> None:
    version = None if options.bump_major else "1"
    asset = Asset(version=version, remote="2026-04-01T00-00-00Z=A", local="B")
    plan = plan_sync(World((asset,), versioning="simple_date").snapshot(), options)
    assert outcome(plan) == "problem bad_line"


def test_a_readonly_entry_can_pin_a_date() -> None:
    asset = Asset(version="2026-04-01T00-00-00Z", readonly=True, remote="2026-04-01T00-00-00Z=A 2026-04-02T00-00-00Z=B")
    assert outcome(plan_sync(World((asset,), versioning="simple_date").snapshot())) == "pull 2026-04-01T00-00-00Z"
    wrong = World((replace(asset, version="2026"),), versioning="simple_date")
    assert outcome(plan_sync(wrong.snapshot())) == "problem unknown_version"


# -- what the lock as a whole says

EDITED = Asset(lock="1.0=A", remote="1.0=A", local="B")


def test_an_asset_that_left_the_manifest_is_forgotten() -> None:
    world = World((Asset("a", lock="1.0=A", remote="1.0=A", local="A"), Asset("b", lock="0.3=B", in_manifest=False)))
    plan = plan_sync(world.snapshot())
    assert [outcome(plan, name) for name in ("a", "b")] == ["none 1.0", "forget"]
    (forget,) = plan.publishes
    assert isinstance(forget, Forget)
    assert forget.base == "0.3"
    for planner in (plan_pull, plan_upgrade):
        assert not planner(world.snapshot()).changes


@pytest.mark.parametrize(
    ("world", "code"),
    [
        (World((Asset(lock="1.0=A", remote="1.0=A", local="B"),), lock_store="s3://other"), "store_mismatch"),
        (
            World((Asset(lock="1.0=A", remote="1.0=A", local="B"),), lock_versioning="simple_date"),
            "versioning_mismatch",
        ),
    ],
)
def test_a_lock_of_another_store_or_scheme_stops_everything(world: World, code: str) -> None:
    for planner in (plan_sync, plan_pull, plan_upgrade):
        plan = planner(world.snapshot())
        assert [problem.code for problem in plan.problems] == [code]
        assert not plan.actions


def test_a_lock_entry_that_is_no_version_is_a_problem_and_no_crash() -> None:
    assert outcome(plan_sync(one(lock="01.2=A", remote="1.2=A", local="A"))) == "problem bad_lock"
    world = World((Asset(lock="abc=A", remote="1.2=A", local="A"),), online=False)
    assert outcome(plan_sync(world.snapshot())) == "problem bad_lock"


def test_an_option_that_names_another_asset_is_refused_rather_than_ignored() -> None:
    plan = plan_sync(one(lock="1.2=A", remote="1.2=A", local="B"), Request(bump_major=frozenset({"nlp/y"})))
    assert outcome(plan) == "problem not_considered"
    assert "`nlp/y`" in plan.problems[0].message


def test_an_asset_that_cant_be_read_in_the_store_stops_only_itself() -> None:
    world = World((Asset("a", lock="1.0=A", remote="1.0=A", local="B"), Asset("b", remote="", local="B")))
    snapshot = world.snapshot()
    remote = {**snapshot.remote, "a": replace(snapshot.remote["a"], damaged="`a.versions` is damaged: it is empty")}
    plan = plan_sync(replace(snapshot, remote=remote))
    assert (outcome(plan, "a"), outcome(plan, "b")) == ("problem damaged", "create 0.0")


# -- more assets than one


def test_assets_whose_paths_are_swapped_with_their_files_are_only_locked_anew() -> None:
    world = World(
        (
            Asset("a", lock="1.0=A@p", remote="1.0=A", local="A", path="q"),
            Asset("b", lock="1.0=B@q", remote="1.0=B", local="B", path="p"),
        )
    )
    plan = plan_sync(world.snapshot())
    assert [outcome(plan, name) for name in "ab"] == ["lock 1.0", "lock 1.0"]
    assert [action.reason for action in plan.actions] == ["path moved from `p`", "path moved from `q`"]


def test_assets_whose_paths_are_swapped_without_their_files_are_updated_and_say_why() -> None:
    world = World(
        (
            Asset("a", lock="1.0=A@p", remote="1.0=A", local="B", path="q"),
            Asset("b", lock="1.0=B@q", remote="1.0=B", local="A", path="p"),
        )
    )
    plan = plan_sync(world.snapshot())
    assert [outcome(plan, name) for name in "ab"] == ["update 1.0 → 1.1", "update 1.0 → 1.1"]
    assert [action.notes for action in plan.actions] == [("path moved from `p`",), ("path moved from `q`",)]


def test_a_renamed_asset_is_forgotten_and_created() -> None:
    world = World((Asset("new", remote="", local="A"), Asset("old", lock="1.0=A", in_manifest=False)))
    plan = plan_sync(world.snapshot())
    assert [outcome(plan, name) for name in ("new", "old")] == ["create 0.0", "forget"]


# -- what actions carry


def test_apply_never_pulls() -> None:
    world = World((Asset("a", lock="1.0=A", remote="1.0=A"), Asset("b", local="B"), Asset("c", remote="0.0=C")))
    plan = plan_sync(world.snapshot())
    assert [outcome(plan, name) for name in "abc"] == ["pull 1.0", "create 0.0", "pull 0.0"]
    assert [action.asset for action in plan.publishes] == ["b"]
    assert [action.asset for action in plan.pulls] == ["a", "c"]


def test_a_bump_rewrites_the_declared_line_and_nothing_else_does() -> None:
    for version, expected in (("1", "2"), ("2", None), (None, None)):
        snapshot = one(version=version, lock="1.2=A", remote="1.2=A", local="B")
        (action,) = plan_sync(snapshot, BUMP).actions
        assert isinstance(action, Update)
        assert action.set_line == expected
    (action,) = plan_sync(one(version="2", lock="1.2=A", remote="1.2=A", local="B")).actions
    assert isinstance(action, Update)
    assert action.set_line is None


def test_a_bump_that_died_before_the_manifest_was_rewritten_is_seen_through() -> None:
    snapshot = one(version="1", lock="1.2=A", remote="1.2=A 2.0=B", local="B")
    (action,) = plan_sync(snapshot, BUMP).actions
    assert isinstance(action, Adopt)
    assert (action.to, action.set_line) == ("2.0", "2")


def test_locking_a_version_that_the_index_misses_mends_the_index() -> None:
    for remote, unlisted in (("1.1=Z 1.2!A", True), ("1.1=Z 1.2=A", False)):
        (action,) = plan_sync(one(remote=remote, local="A")).actions
        assert isinstance(action, Adopt)
        assert action.unlisted is unlisted


def test_an_update_counts_its_files_and_bytes() -> None:
    snapshot = one(lock="1.2=dir(A,B,C)", remote="1.2=dir(A,B,C)", local="dir(B,C,D,E)")
    (action,) = plan_sync(snapshot).actions
    assert isinstance(action, Update)
    assert action.reason == "content changed: 2 files added, 1 file removed"
    changes = action.changes
    assert ([f.path for f in changes.added], [f.path for f in changes.removed]) == (["d", "e"], ["a"])
    assert (changes.changed, changes.unchanged) == ((), 2)
    assert (action.transfer.upload, action.transfer.reuse, action.transfer.download) == (40 + 50, 20 + 30, 0)
    assert action.source is not None
    assert action.source.version == "1.2"
    assert action.content == tree("dir(B,C,D,E)").content


def test_a_moved_file_is_reused() -> None:
    snapshot = one(lock="1.2=dir(A,B)", remote="1.2=dir(A,B)", local="A")
    moved = directory_tree([FileEntry("sub/a", 10, sha256("A")), FileEntry("b", 20, sha256("B"))])
    (action,) = plan_sync(replace(snapshot, local={"nlp/x": Present(moved)})).actions
    assert (action.transfer.upload, action.transfer.reuse) == (0, 30)


def test_a_new_line_takes_unchanged_files_from_the_newest_version_of_all() -> None:
    (action,) = plan_sync(one(version="2", lock="1.2=A", remote="0.0=Z 1.2=A", local="A")).actions
    assert isinstance(action, Update)
    assert action.reason == "opens version line `2`"
    assert (action.transfer.upload, action.transfer.reuse) == (0, 10)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("A", "B", "content changed: 1 file"),
        ("dir(A)", "dir(A,B)", "content changed: 1 file added"),
        ("dir(A,B)", "dir(B)", "content changed: 1 file removed"),
        ("A", "dir(A)", "a directory now, a file before"),
        ("dir(A)", "A", "a file now, a directory before"),
    ],
)
def test_the_reason_of_an_update(before: str, after: str, reason: str) -> None:
    (action,) = plan_sync(one(lock=f"1.2={before}", remote=f"1.2={before}", local=after)).actions
    assert action.reason == reason


def test_the_reason_of_a_first_version_and_of_one_without_changes() -> None:
    (action,) = plan_sync(one(local="A")).actions
    assert action.reason == "new asset"
    (action,) = plan_sync(one(lock="1.2=A", remote="1.2=A", local="A"), FORCE).actions
    assert action.reason == "content unchanged"
    (action,) = plan_sync(one(lock="1.2=A", remote="1.2=A", local="B"), FORCE).actions
    assert action.reason == "content changed: 1 file"


def test_the_files_of_a_version_without_hashes_are_not_claimed_to_be_known() -> None:
    snapshot = one(remote="1.2?dir(A,B)", local="dir(A,B,C)")
    version = snapshot.remote["nlp/x"].known["1.2"]
    assert version is not None
    unread = replace(snapshot.remote["nlp/x"], known={"1.2": replace(version, is_compared=False)})
    offline = replace(snapshot, remote={"nlp/x": unread}, online=False)
    (action,) = plan_sync(offline).actions
    assert action.reason == "content changed"
    assert (action.transfer.upload, action.transfer.reuse) == (60, 0)


def test_a_pull_counts_only_what_is_not_here_under_any_path() -> None:
    snapshot = one(lock="1.2=dir(A,B,C)", remote="1.2=dir(A,B,C) 1.3=dir(B,D)", local="dir(A,B,C)")
    (action,) = plan_upgrade(snapshot).actions
    assert isinstance(action, Pull)
    assert action.transfer.download == 40
    assert [file.path for file in action.changes.removed] == ["a", "c"]
    assert action.over == Present(tree("dir(A,B,C)"))
    assert (action.base, action.to) == ("1.2", "1.3")


def test_going_on_with_a_pull_counts_what_is_there_already() -> None:
    (action,) = plan_pull(one(lock="1.2=dir(A,B,C)", remote="1.2=dir(A,B,C)", local="half 1.2=dir(A,B)")).actions
    assert isinstance(action, Pull)
    assert action.transfer.download == 30
    assert action.reason == "finishes the interrupted pull of `1.2`"


def test_a_pull_of_a_version_without_hashes_takes_its_content_from_the_lock() -> None:
    (action,) = plan_pull(one(lock="1.2=A", remote="1.2?A", local="-")).actions
    assert action.content == tree("A").content
    assert action.transfer.download == 10


def test_an_edit_inside_a_half_pulled_directory_is_not_lost() -> None:
    snapshot = one(lock="1.2=dir(A,B)", remote="1.2=dir(A,B)", local="-")
    mine = directory_tree([FileEntry("a", 10, sha256("A")), FileEntry("notes", 5, sha256("mine"))])
    half = HalfPulled("1.2", mine)
    edited = replace(snapshot, local={"nlp/x": half})
    plan = plan_pull(edited)
    assert outcome(plan) == "problem modified"
    assert "`notes`" in plan.problems[0].message
    assert outcome(plan_pull(edited, DISCARD)) == "pull 1.2"


@pytest.mark.parametrize("count", [1, 30])
def test_a_pull_goes_on_over_what_any_version_has(count: int) -> None:
    newer = " ".join(f"1.{number}=dir(X,Y)" for number in range(2, 2 + count))
    snapshot = one(lock=f"1.{1 + count}=dir(X,Y)", remote=f"1.1=dir(A,B) {newer}", local="-")
    mixed = directory_tree([FileEntry("x", 10, sha256("X")), FileEntry("a", 10, sha256("A"))])
    half = replace(snapshot, local={"nlp/x": HalfPulled(f"1.{1 + count}", mixed)})
    assert outcome(plan_pull(half)) == f"pull 1.{1 + count}"
    assert outcome(plan_pull(replace(half, local={"nlp/x": HalfPulled("?", mixed)}))) == f"pull 1.{1 + count}"


def test_excluded_files_are_counted_on_every_action() -> None:
    for lock, local in (("-", "A"), ("1.2=A", "A"), ("1.2=A", "B")):
        snapshot = one(lock=lock, remote="" if lock == "-" else "1.2=A", local=local)
        excluded = replace(snapshot, local={"nlp/x": Present(tree(local), excluded=3)})
        (action,) = plan_sync(excluded).actions
        assert action.excluded == 3


def test_the_snapshot_that_was_seen_is_kept_with_the_plan() -> None:
    world = World(
        (
            Asset("a", lock="1.0=A", remote="1.0=A 1.1=B 2.0!C", local="A"),
            Asset("b", local="dir(A)"),
            Asset("c", local="-"),
            Asset("d", local="half 1.0"),
            Asset("e", local="bad"),
        )
    )
    seen = plan_sync(world.snapshot()).basis.assets
    assert seen["a"].local == f"file {tree('A').digest}"
    assert (seen["a"].locked, seen["a"].remote) == ("1.0", ("2.0", "1.1", "1.0"))
    assert seen["b"].local == f"directory {tree('dir(A)').digest}"
    assert [seen[name].local for name in "cde"] == ["nothing", "half-pulled 1.0", "unusable"]


# -- what problems say


def problem_of(snapshot: Snapshot, options: Request | None = None) -> tuple[str, str]:
    (problem,) = plan_sync(snapshot, options).problems
    assert problem.hint is not None
    return problem.message, problem.hint


def test_an_impossible_line_names_the_possible_ones() -> None:
    message, hint = problem_of(one(version="5", lock="1.2=A", remote="0.1=Z 1.2=A", local="A"))
    assert message == '`nlp/x` has `version: "5"`, which is neither a version line of it nor the next one'
    assert hint == 'allowed are "0", "1", "2"'
    assert "readonly: true" in problem_of(one(version="1.2", lock="1.2=A", remote="1.2=A", local="A"))[1]


def test_a_publish_in_progress_names_who_and_since_when() -> None:
    message, _ = problem_of(one(lock="1.2=A", remote="1.2=A 1.3~C@5", local="B"))
    assert message == "bob@ci began to publish `nlp/x:1.3` 5 min ago"


def test_diverged_names_both_versions_and_both_ways_out() -> None:
    message, hint = problem_of(one(lock="1.2=A", remote="1.2=A 1.3=B", local="C"))
    assert "`1.2`" in message
    assert "`1.3`" in message
    assert "`--supersede nlp/x`" in hint
    assert "`assetsync upgrade nlp/x --discard-local nlp/x`" in hint


def test_modified_names_the_files_and_the_command_that_can_give_them_up() -> None:
    files = "dir(A,B,C,D,E)"
    message, hint = problem_of(one(readonly=True, lock="1.0=dir(F)", remote="1.0=dir(F)", local=files))
    assert message.endswith("pulling would lose that: `a`, `b`, `c` and 2 more")
    assert "`assetsync pull nlp/x --discard-local nlp/x`" in hint
    message, hint = problem_of(one(readonly=True, remote="1.0=A", local="B"))
    assert message == "`models/nlp/x` is not `nlp/x:1.0`, and pulling would lose that"
    assert "`assetsync upgrade nlp/x --discard-local nlp/x`" in hint


def test_an_interrupted_pull_names_the_command_that_finishes_it() -> None:
    _, hint = problem_of(one(lock="1.2=A", remote="1.2=A", local="half 1.2"), SUPERSEDE)
    assert hint == "finish it with `assetsync pull nlp/x`"
    snapshot = one(lock="1.2=A", remote="1.2=A 1.3=B", local="half 1.3")
    _, hint = problem_of(snapshot)
    assert hint.startswith("finish it with `assetsync upgrade nlp/x`, or go back")
    assert outcome(plan_upgrade(snapshot)) == "pull 1.3"
    snapshot = one(remote="1.2=A", local="half 1.2")
    _, hint = problem_of(snapshot, SUPERSEDE)
    assert hint == "finish it with `assetsync upgrade nlp/x`"
    assert outcome(plan_upgrade(snapshot)) == "pull 1.2"


def test_a_lost_version_can_be_left_behind_by_who_gives_up_what_is_here() -> None:
    snapshot = one(lock="1.2=A", remote="1.1=Z", local="A")
    message, hint = problem_of(snapshot)
    assert message == "`nlp/x:1.2` is locked, but the store does not have it"
    assert "`assetsync upgrade nlp/x --discard-local nlp/x`" in hint
    assert outcome(plan_upgrade(snapshot)) == "problem lost"
    assert outcome(plan_upgrade(snapshot, DISCARD)) == "pull 1.1"


def test_an_empty_directory_and_a_missing_path_are_told_apart() -> None:
    assert problem_of(one(local="empty"))[0].startswith("`models/nlp/x` is an empty directory")
    assert problem_of(one(local="-"))[0].startswith("`models/nlp/x` does not exist")
    assert "`nlp/x:2`" in problem_of(one(version="2", remote="1.0=A", local="-"))[0]
    offline = World((Asset(local="-"),), online=False).snapshot()
    assert problem_of(offline)[0].endswith("and assets.lock names no version to pull")


# -- foreign versioning systems


class Monthly:
    """A calendar: one version a month, and the same one again when asked for the next."""

    def initial(self, *, now: datetime) -> str:
        return f"{now:%Y.%m}"

    def check(self, version: str) -> None:
        if not re.fullmatch(r"[0-9]{4}[.][0-9]{2}", version):
            raise InvalidError(f"`{version}` is no month")

    def sort(self, versions: Iterable[str]) -> list[str]:
        return sorted(versions, reverse=True)

    def next(self, versions: Sequence[str], *, now: datetime) -> str:
        return self.initial(now=now)


def test_a_system_that_names_a_taken_version_is_told_so() -> None:
    snapshot = replace(one(local="B"), versioning=Monthly())
    assert outcome(plan_sync(snapshot)) == "create 2026.05"
    assert plan_sync(snapshot).dated
    known = {"2026.05": RemoteVersion("2026.05", tree("A").content, tree("A").files)}
    published = replace(snapshot.remote["nlp/x"], listed=("2026.05",), known=known)
    assert outcome(plan_sync(replace(snapshot, remote={"nlp/x": published}))) == "problem no_next_version"


def test_a_name_that_holds_a_version_of_the_configured_system_is_refused() -> None:
    assert outcome(plan_sync(World((Asset("nlp/2026.05", local="A"),)).snapshot()), "nlp/2026.05") == "create 0.0"
    snapshot = replace(World((Asset("nlp/2026.05", local="A"),)).snapshot(), versioning=Monthly())
    assert outcome(plan_sync(snapshot), "nlp/2026.05") == "problem bad_name"


def test_every_entry_is_an_action_or_a_problem() -> None:
    world = World(
        (
            Asset("a", local="A"),
            Asset("b"),
            Asset("c", lock="1.0=A", remote="1.0=A", local="A"),
            Asset("d", lock="1.0=A", in_manifest=False),
        )
    )
    plan = plan_sync(world.snapshot())
    assert {type(action) for action in plan.actions} == {Create, Keep, Forget}
    assert set(by_asset(plan.actions)) == {"a", "c", "d"}
    assert [problem.asset for problem in plan.problems] == ["b"]
    assert plan.count("none") == 1


def last_seen(snapshot: Snapshot, local: str) -> dict[str, LockEntry]:
    """The memory of what is here, as the version that has it, or as 1.1."""
    content = tree(local).content
    known = snapshot.remote["nlp/x"].known.items()
    version = next((one for one, has in known if has and content.same_as(has.content)), "1.1")
    return {"nlp/x": LockEntry(version, content, "x")}


# fmt: off
FOLLOWED = [
    # lock      | remote           | local = seen   | sync          | pull       | upgrade
    ("1.3=B",    "1.2=A 1.3=B",     "A",             "pull 1.3",     "pull 1.3",  "pull 1.3"),
    ("1.2=A",    "1.2=A 1.3=B",     "B",             "pull 1.2",     "pull 1.2",  "lock 1.3"),  # an older commit
    ("1.2=A",    "1.1=C 1.2=A 1.3=B", "C",           "pull 1.2",     "pull 1.2",  "pull 1.3"),
    # -- what only memory says
    ("1.2=A",    "1.2=A 1.3=B",     "C",             "problem diverged", "problem modified", "problem modified"),
    ("1.2=A",    "1.1=D 1.2=A",     "C",             "update 1.2 → 1.3", "problem modified", "none 1.2"),
    ("1.3=B",    "1.2=A 1.3=B",     "B",             "none 1.3",     "none 1.3",  "none 1.3"),
    ("-",        "1.1=C 1.2=A 1.3=B", "C",           "problem goes_back", "none",  "pull 1.3"),
]
# fmt: on


@pytest.mark.parametrize(("lock", "remote", "local", "sync", "pull", "upgrade"), FOLLOWED)
def test_what_came_with_an_earlier_lock_follows_the_lock(
    lock: str, remote: str, local: str, sync: str, pull: str, upgrade: str
) -> None:
    snapshot = one(lock=lock, remote=remote, local=local)
    snapshot = replace(snapshot, last_seen=last_seen(snapshot, local))
    assert [outcome(decide(snapshot)) for decide in (plan_sync, plan_pull, plan_upgrade)] == [sync, pull, upgrade]


def test_what_came_with_an_earlier_lock_is_not_published_by_a_bump() -> None:
    snapshot = one(lock="1.3=B", remote="1.2=A 1.3=B", local="A")
    snapshot = replace(snapshot, last_seen=last_seen(snapshot, "A"))
    plan = plan_sync(snapshot, Request(bump_major=frozenset({"nlp/x"})))
    assert outcome(plan) == "problem left_behind"
