from __future__ import annotations

import json

from hypothesis import given, settings
from msgspec.structs import replace

from assetsync.plan.plan import Plan, Problem
from assetsync.plan.request import Request
from assetsync.plan.snapshot import Snapshot
from assetsync.render.document import dump
from assetsync.render.plan_json import plan_document, plan_json
from tests.unit.plan.test_decide_properties import worlds
from tests.unit.worlds import Asset, World, one, plan_sync, tree


def test_the_document_of_the_design_key_by_key() -> None:
    world = World(
        (
            Asset("nlp/sentiment", lock="1.2=A", remote="1.2=A", local="B", path="models/sentiment.bin"),
            Asset("nlp/x", lock="1.2=A", remote="1.2=A 1.3=B", local="C"),
            *(Asset(name, lock="0.1=A", remote="0.1=A", local="A") for name in "abc"),
        )
    )
    plan = plan_sync(world.snapshot())
    document = json.loads(plan_json(plan))
    nothing = {"added": 0, "changed": 0, "removed": 0, "unchanged": 1}
    assert document == {
        "format_version": 1,
        "store": "s3://bucket/assets",
        "fingerprint": plan.fingerprint,
        "actions": [
            {
                "asset": "nlp/sentiment",
                "path": "models/sentiment.bin",
                "action": "update",
                "from": "1.2",
                "to": "1.3",
                "reason": "content changed: 1 file",
                "digest": tree("B").digest,
                "size": 20,
                "files": {"added": 0, "changed": 1, "removed": 0, "unchanged": 0},
                "bytes": {"upload": 20, "reuse": 0, "download": 0},
                "cost": {"bytes": 20, "per_month": None},
                "owner": None,
                "tags": [],
            },
            *(
                {
                    "asset": name,
                    "path": f"models/{name}",
                    "action": "none",
                    "from": "0.1",
                    "to": "0.1",
                    "reason": "unchanged",
                    "digest": tree("A").digest,
                    "size": 10,
                    "files": nothing,
                    "bytes": {"upload": 0, "reuse": 0, "download": 0},
                    "cost": {"bytes": 0, "per_month": None},
                    "owner": None,
                    "tags": [],
                }
                for name in "abc"
            ),
        ],
        "problems": [
            {
                "asset": "nlp/x",
                "code": "diverged",
                "message": plan.problems[0].message,
                "hint": plan.problems[0].hint,
            }
        ],
        "guards": {"secrets": "block", "max_upload": None, "max_files": None, "majors": "any", "loosened": []},
        "cost": {"bytes": 20, "per_month": None},
        "summary": {"create": 0, "update": 1, "lock": 0, "pull": 0, "forget": 0, "none": 3, "problems": 1},
    }


def test_keys_stand_in_the_order_of_the_design() -> None:
    document = plan_document(plan_sync(one(lock="1.2=A", remote="1.2=A 1.3=B", local="A")))
    assert list(document) == [
        *("format_version", "store", "fingerprint", "actions", "problems", "guards", "cost", "summary")
    ]
    assert list(document["actions"][0]) == [
        *("asset", "path", "action", "from", "to", "reason", "digest", "size", "files", "bytes"),
        *("cost", "owner", "tags"),
    ]
    assert list(document["summary"]) == ["create", "update", "lock", "pull", "forget", "none", "problems"]


def test_what_would_be_published_is_listed_when_asked_for() -> None:
    world = World((Asset("x", local="dir(A,B)"), Asset("y", lock="0.1=A", remote="0.1=A", local="A")))
    x, y = plan_document(plan_sync(world.snapshot()), files=True)["actions"]
    files = tree("dir(A,B)").files
    assert x["contents"] == [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files]
    assert "contents" not in y


def test_what_the_store_grows_by_has_a_price() -> None:
    plan = replace(plan_sync(one(lock="1.2=dir(A,B)", remote="1.2=dir(A,B)", local="dir(A,C)")), price=2.0)
    document = plan_document(plan)
    assert document["cost"] == document["actions"][0]["cost"] == {"bytes": 40, "per_month": 80e-9}
    assert document["actions"][0]["bytes"] == {"upload": 30, "reuse": 10, "download": 0}


def test_notes_follow_the_reason() -> None:
    (action,) = plan_document(plan_sync(one(lock="1.2=A", remote="1.2=A 1.3=B", local="A")))["actions"]
    assert action["reason"] == "unchanged; `1.3` is available: `assetsync upgrade nlp/x`"


def test_what_is_not_known_is_null() -> None:
    (action,) = plan_document(plan_sync(one(remote="1.2?A", local="-")))["actions"]
    assert (action["from"], action["to"], action["digest"], action["size"]) == (None, "1.2", None, None)


def test_only_a_plan_made_offline_says_so() -> None:
    plan = plan_sync(one(local="A"))
    assert "offline" not in plan_document(plan)
    assert plan_document(replace(plan, online=False))["offline"] is True


def test_a_terminal_is_safe_and_the_text_is_kept() -> None:
    wild = "caf\u00e9 \x1b[2J \x9b \x7f \u202e \ud800 \u2028 [red]"
    text = plan_json(Plan(store="s", actions=(), problems=(Problem("x", "unusable", wild),)))
    assert json.loads(text)["problems"][0]["message"] == wild
    text.encode()
    assert "caf\u00e9" in text
    assert all(character == "\n" or character.isprintable() for character in text)


def test_a_document_ends_with_one_newline() -> None:
    assert dump({"a": 1}) == '{\n  "format_version": 1,\n  "a": 1\n}\n'


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_summary_counts_what_is_listed(world: tuple[Snapshot, Request]) -> None:
    document = json.loads(plan_json(plan_sync(*world)))
    kinds = [action["action"] for action in document["actions"]]
    problems = document["summary"].pop("problems")
    assert problems == len(document["problems"])
    assert document["summary"] == {kind: kinds.count(kind) for kind in document["summary"]}
    assert set(kinds) <= set(document["summary"])
