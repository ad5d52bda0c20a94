"""What modelkit's own tests decide about versions, specs and increments, as a table of cases for our drop-in.

Each row says what modelkit 0.1.3 answers, and what we do: the same, or, with a reason, something else. The same rows
are put to the real modelkit, so that the table can't say of it what is not so.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest

from assetsync.errors import AssetsyncError
from assetsync.modelkit import (
    AssetSpec,
    InvalidVersionError,
    MajorMinorAssetsVersioningSystem,
    SimpleDateAssetsVersioningSystem,
    UnknownAssetsVersioningSystemError,
)
from tests.servers.modelkit import needs_modelkit, run_modelkit

MAJOR, DATE = "MajorMinorAssetsVersioningSystem", "SimpleDateAssetsVersioningSystem"
OLD, NEW = "2021-11-14T18-00-00Z", "2021-11-15T17-30-56Z"


class Case(NamedTuple):
    """A call: `what` on `args`. `theirs` is modelkit's answer, an error by its name; `ours` is ours where it differs,
    and then `why`."""

    what: str
    args: list[Any]
    theirs: Any
    ours: Any = ...
    why: str = ""


def error(name: str) -> dict[str, str]:
    return {"error": name}


INVALID = error("InvalidVersionError")
CASES = [
    Case(f"{MAJOR}.get_initial_version", [], "0.0"),
    *(Case(f"{MAJOR}.check_version_valid", [version], None) for version in ("", "1", "12", "0.1", "1.0", "10.11")),
    *(Case(f"{MAJOR}.check_version_valid", [version], INVALID) for version in ("a", "1.a", "a.1", "1.2.3", "1.", "-1")),
    Case(f"{MAJOR}.check_version_valid", ["01.02"], None, INVALID, "one version has one spelling"),
    Case(f"{MAJOR}.is_version_complete", ["1.2"], True),
    Case(f"{MAJOR}.is_version_complete", ["1"], False),
    Case(f"{MAJOR}.is_version_complete", [""], INVALID, False, "asking is no error"),
    Case(f"{MAJOR}.sort_versions", [["1.0", "0.10", "0.9", "10.0"]], ["10.0", "1.0", "0.10", "0.9"]),
    Case(f"{MAJOR}.sort_versions", [[]], []),
    Case(f"{MAJOR}.sort_versions", [["1.0", OLD]], INVALID),
    Case(f"{MAJOR}.latest_version", [["0.1", "1.0", "1.1"]], "1.1"),
    Case(f"{MAJOR}.latest_version", [["0.1", "1.0", "1.1"], "0"], "0.1"),
    Case(f"{MAJOR}.latest_version", [["0.1"], "3"], error("MajorVersionDoesNotExistError")),
    Case(f"{MAJOR}.latest_version", [["1.9", "10.3"], "1"], "10.3", "1.9", "line 1 is no prefix of line 10"),
    Case(f"{MAJOR}.filter_versions", [["1.1", "1.0", "0.1"], "1"], ["1.1", "1.0"]),
    Case(f"{MAJOR}.filter_versions", [["1.0"], "a"], error("InvalidMajorVersionError")),
    Case(f"{MAJOR}.get_latest_partial_version", ["", ["1.1"]], INVALID, "1.1", "without a version, it is the newest"),
    Case(f"{MAJOR}.get_latest_partial_version", ["0", ["1.1", "0.1"]], "0.1"),
    Case(
        f"{MAJOR}.get_latest_partial_version",
        ["5", ["1.1"]],
        error("IndexError"),
        error("MajorVersionDoesNotExistError"),
        "a bare IndexError says nothing",
    ),
    *(
        Case(f"{MAJOR}.increment_version", [versions, {"bump_major": bump, "major": major}], following)
        for versions, bump, major, following in (
            (["0.0"], False, None, "0.1"),
            (["1.1", "0.1"], False, None, "1.2"),
            (["1.0", "0.1"], True, None, "2.0"),
            (["1.0", "0.1"], False, "0", "0.2"),
            (["0.9", "0.10"], False, None, "0.11"),
            (["9.0", "10.0"], True, None, "11.0"),
        )
    ),
    Case(
        f"{MAJOR}.increment_version",
        [["1.0"], {"bump_major": False, "major": "3"}],
        error("MajorVersionDoesNotExistError"),
    ),
    Case(f"{MAJOR}.increment_version", [["1.0"]], error("KeyError"), "1.1", "parameters that are not given are None"),
    Case(
        f"{MAJOR}.increment_version",
        [[], {"bump_major": False, "major": None}],
        error("IndexError"),
        error("MajorVersionDoesNotExistError"),
        "a bare IndexError says nothing",
    ),
    *(Case(f"{DATE}.check_version_valid", [version], None) for version in (OLD, NEW)),
    *(
        Case(f"{DATE}.check_version_valid", [version], INVALID)
        for version in ("", "1.0", "2021-11-15T17-30-56", "2021-11-15 17:30:56Z", "20211115", "a")
    ),
    Case(f"{DATE}.check_version_valid", ["9999-99-99T99-99-99Z"], None, INVALID, "a date is a real one"),
    Case(f"{DATE}.sort_versions", [[OLD, NEW]], [NEW, OLD]),
    Case(f"{DATE}.is_version_complete", [OLD], True),
    Case(f"{DATE}.is_version_complete", ["1"], True, False, "what is no version is no complete one"),
    Case(f"{DATE}.get_latest_partial_version", ["", [NEW, OLD]], NEW),
    *(
        Case("spec", [text, "major_minor"], parts)
        for text, parts in (
            ("blebla/blabli/blublu:10.7", ["blebla/blabli/blublu", "10.7", None]),
            ("a/b/c", ["a/b/c", None, None]),
            ("a:1", ["a", "1", None]),
            ("a:1.2[sub/part]", ["a", "1.2", "sub/part"]),
            ("a:1.2[x.txt]", ["a", "1.2", "x.txt"]),
            ("a[sub]", ["a", None, "sub"]),
            ("a:", error("InvalidAssetSpecError")),
            ("", error("InvalidAssetSpecError")),
            (":1.0", error("InvalidAssetSpecError")),
            ("a:1.2.3", INVALID),
            ("a:x", INVALID),
        )
    ),
    Case("spec", [f"a:{OLD}", "simple_date"], ["a", OLD, None]),
    Case("spec", ["a:1.0", "simple_date"], INVALID),
    Case("spec", ["a", "nothing"], error("UnknownAssetsVersioningSystemError")),
    *(
        Case("spec", [text, "major_minor"], [text, None, None], error("InvalidAssetSpecError"), why)
        for text, why in (
            ("a/../../b", "a name leads nowhere else"),
            ("/etc/passwd", "a name is no path"),
            ("a//b", "no segment is empty"),
            ("a.versions", "that is a document's name"),
            ("models/1.0/x", "it would lie in a version of `models`"),
        )
    ),
    Case("spec", ["a[/sub]", "major_minor"], ["a", None, "/sub"], ["a", None, "sub"], "a part is relative"),
]

THEIRS = f"""
import json, os
from modelkit.assets.settings import AssetSpec
from modelkit.assets.versioning.major_minor import {MAJOR}
from modelkit.assets.versioning.simple_date import {DATE}
def run(what, args):
    try:
        if what == "spec":
            spec = AssetSpec.from_string(*args)
            return [spec.name, spec.version, spec.sub_part]
        return eval(what)(*args)
    except Exception as error:
        return {{"error": type(error).__name__}}
print(json.dumps([run(*case) for case in json.loads(os.environ["CASES"])]))
"""


def run(what: str, args: list[Any]) -> Any:
    try:
        if what == "spec":
            spec = AssetSpec.from_string(*args)
            return [spec.name, spec.version, spec.sub_part]
        system, _, method = what.partition(".")
        return getattr(
            {MAJOR: MajorMinorAssetsVersioningSystem, DATE: SimpleDateAssetsVersioningSystem}[system], method
        )(*args)
    except AssetsyncError as failed:
        return error(type(failed).__name__)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.what}{case.args}")
def test_we_answer_as_the_table_says(case: Case) -> None:
    assert run(case.what, case.args) == (case.theirs if case.ours is ... else case.ours)
    assert (case.ours is ...) == (not case.why), "a difference has a reason"


@pytest.mark.modelkit
@needs_modelkit[1]
def test_modelkit_answers_as_the_table_says() -> None:
    calls = [[case.what, case.args] for case in CASES]
    answers = run_modelkit(THEIRS, {"CASES": json.dumps(calls)})
    wrong = [(case, answer) for case, answer in zip(CASES, answers, strict=True) if answer != case.theirs]
    assert not wrong


def test_a_date_is_now_and_follows_what_is_there() -> None:
    date = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")
    assert date.fullmatch(SimpleDateAssetsVersioningSystem.get_initial_version())
    assert date.fullmatch(SimpleDateAssetsVersioningSystem.increment_version([OLD], {}))
    assert SimpleDateAssetsVersioningSystem.increment_version(["2999-12-31T23-59-59Z"]) == "3000-01-01T00-00-00Z"


def test_what_a_script_asks_of_a_system_before_it_updates() -> None:
    spec = AssetSpec.from_string("a:0")
    versions = ["0.1", "1.0"]
    asked = spec.versioning.get_update_cli_params(version=spec.version, version_list=versions, bump_major=False)
    assert spec.versioning.increment_version(spec.sort_versions(versions), asked["params"]) == "0.2"
    spec.set_latest_version(spec.sort_versions(versions))
    assert str(spec) == "a:0.1"
    assert spec.versioning.get_latest_version(versions) == "1.0"
    assert spec.versioning.is_version_valid("1.0")
    assert not spec.versioning.is_version_valid("x")


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(InvalidVersionError, match=r"`01\.02` is not a version of the form MAJOR.MINOR"):
        MajorMinorAssetsVersioningSystem.check_version_valid("01.02")
    with pytest.raises(InvalidVersionError, match="`nlp/x` is a name, where a version should be"):
        AssetSpec("a", version="nlp/x")
    with pytest.raises(UnknownAssetsVersioningSystemError, match="`major_minor`, `simple_date`"):
        AssetSpec("a", versioning="x")
