"""What a CI system reads: no line of a log is a command that a branch or a store has written."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assetsync.cli.console import Console
from assetsync.cli.failure import report
from assetsync.cli.options import Common
from assetsync.cli.output import echo, harmless
from assetsync.errors import AssetsyncError, Located, ManifestError
from assetsync.render.document import dump

HOSTILE = (
    "::set-output name=x::y",
    "  ::error::boo",
    "\t::stop-commands::x",
    "\x1b[31m::warning::x",
    "fine\n::add-mask::x",
    "fine\r\n::add-mask::x",
    "##[command]rm",
    "in the middle ##[group]",
    "x ##vso[task.setvariable variable=x]y",
    "###vso[task.setvariable variable=x]y",
    "##teamcity[buildNumber '1']",
    ":::error::x",
)


def is_command(line: str) -> bool:
    """As the runners of GitHub (`ActionCommand.TryParseV2`, `TryParse`), Azure and TeamCity see it, at their laxest."""
    return line.replace("\x1b[31m", "").strip().startswith("::") or re.search(r"##\w*\[", line) is not None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("reader", ["GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION"])
@pytest.mark.parametrize("err", [True, False])
def test_no_line_is_a_command(
    text: str, reader: str, err: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(reader, "true")
    echo(text, err=err)
    written = capsys.readouterr()
    assert not any(map(is_command, (written.err if err else written.out).splitlines()))


@given(st.text(st.sampled_from(":# \n\r\t[]ab\x1b")))
def test_whatever_the_text(text: str) -> None:
    found = harmless(text)
    assert not re.search(r"##\w*\[", found)
    assert not any(line.strip().startswith("::") for line in found.splitlines())
    if "::" not in text and "##" not in text:
        assert found == text


def test_a_heading_of_markdown_stays_one() -> None:
    assert harmless("### assetsync plan: 1 to create\n") == "### assetsync plan: 1 to create\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_elsewhere_a_text_stays_what_it_is(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for reader in ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION"):
        monkeypatch.delenv(reader, raising=False)
    Console(Common()).data(text)
    assert capsys.readouterr().out == text


def test_errors_and_their_hints_are_no_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report(AssetsyncError("bad\n::error::x", hint="::error::x"))
    report(ManifestError("::warning::x", [Located(1, 1, "::error::x")]))
    report(ValueError("##[error]x"))
    assert not any(map(is_command, capsys.readouterr().err.splitlines()))


def test_our_own_annotations_are_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Console(Common()).commands("::error file=assets.lock,line=1::x\n")
    assert capsys.readouterr().out == "::error file=assets.lock,line=1::x\n"


@given(st.text(st.sampled_from("#:[\u202e\ufeff\u200b\u061c\n\U000e0041a")) | st.text())
def test_json_says_the_same_and_holds_no_command_and_nothing_invisible(text: str) -> None:
    written = dump({"a": text})
    assert json.loads(written) == {"format_version": 1, "a": text}
    assert not re.search(r"##\w*\[", written)
    assert not set(written) & set("\u202e\ufeff\u200b\u061c\U000e0041")
    assert len(written.splitlines()) == 4
