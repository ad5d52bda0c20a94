"""How failures are answered: for people on stderr, and for programs that asked for JSON on stdout too."""

from __future__ import annotations

import click
import pytest

import assetsync
from assetsync.cli.app import cli
from tests.e2e.harness import Repo

GARBAGE = ["garbage", "sha256:0", "sha256:" + "g" * 64, "sha256:" + "0" * 65, "0" * 64, ""]


def commands_with_json() -> list[str]:
    context = click.Context(cli)
    assert isinstance(cli, click.Group)
    commands = [cli.get_command(context, name) for name in cli.list_commands(context)]
    return [
        command.name or ""
        for command in commands
        if command is not None and any(parameter.name == "format" for parameter in command.params)
    ]


def test_several_commands_have_json() -> None:
    assert {"plan", "check", "list", "log", "show", "diff", "verify", "doctor"} <= {*commands_with_json()}


@pytest.mark.parametrize("command", commands_with_json())
def test_every_command_with_json_answers_a_failure_in_json(repo: Repo, command: str) -> None:
    arguments = {"log": ["x"], "show": ["x"], "diff": ["x", "y"], "alias": ["x"], "promote": ["--to", "y"]}.get(
        command, []
    )
    run = repo.run("-C", "nowhere", command, *arguments, "--format", "json", code=1)
    message = "the directory `nowhere` of `-C` does not exist"
    assert run.json() == {
        "format_version": 1,
        "error": {"code": "no_file", "message": message, "hint": None, "exit_code": 1},
    }
    assert run.err == f"error: {message}\n"
    assert repo.run("-C", "nowhere", command, *arguments, code=1).out == ""


@pytest.mark.parametrize("form", [["--format", "json"], ["--format=json"]])
@pytest.mark.parametrize("wrong", [["--no-such-option"], ["--color", "sometimes"], []])
def test_wrong_usage_is_answered_in_json(repo: Repo, form: list[str], wrong: list[str]) -> None:
    error = repo.run("log", *wrong, *form, code=64).json()["error"]
    assert (error["code"], error["exit_code"]) == ("usage", 64)
    assert error["message"]


def test_message_and_hint_are_apart_and_all_problems_of_a_manifest_are_told(repo: Repo) -> None:
    error = repo.run("plan", "nlp/tokenizr", "--format", "json", code=64).json()["error"]
    assert error == {
        "code": "usage",
        "message": "`nlp/tokenizr` is not an asset of `assets.yaml`",
        "hint": "did you mean `nlp/tokenizer`?",
        "exit_code": 64,
    }
    repo.write("assets.yaml", "store: ./s\nassets:\n  a: ../x\n  b: /y\n")
    error = repo.run("plan", "--format", "json", code=1).json()["error"]
    assert (error["code"], error["message"].count("assets.yaml:")) == ("manifest", 2)


def test_a_plan_with_problems_is_still_the_plan(repo: Repo) -> None:
    (repo.root / "models/sentiment.bin").unlink()
    document = repo.run("plan", "--format", "json", code=1).json()
    assert "error" not in document
    assert document["problems"]


def test_one_document_is_printed_even_when_a_command_fails_after_it(repo: Repo) -> None:
    """`doctor` prints what it found and asks then; without a terminal, that fails."""
    repo.run("apply", "--yes")
    versions = next((repo.root.parent / "store").rglob("*.versions"))
    versions.write_text('{"versions": []}')
    run = repo.run("doctor", "--repair", "--format", "json", code=1)
    assert "there is no terminal to ask on" in run.err
    assert run.json()["ailments"]


@pytest.mark.parametrize("fingerprint", GARBAGE)
def test_expecting_what_is_no_fingerprint_is_wrong_usage(repo: Repo, fingerprint: str) -> None:
    run = repo.run("apply", "--yes", "--expect", fingerprint, code=64)
    assert "a fingerprint is `sha256:` and 64 hex digits" in run.err
    assert not (repo.root.parent / "store").exists()


def test_a_file_is_no_directory_to_work_in(repo: Repo) -> None:
    assert "of `-C` is not a directory" in repo.run("-C", "assets.yaml", "plan", code=1).err


def test_without_a_command_the_help_is_shown(repo: Repo) -> None:
    run = repo.run(code=64)
    assert run.err.startswith("Usage: assetsync [OPTIONS] COMMAND [ARGS]...")
    assert "Every day" in run.err
    assert "error:" not in run.err


def test_the_package_names_what_it_exports() -> None:
    assert {name for name in dir(assetsync) if not name.startswith("_")} == {*assetsync.__all__} - {"__version__"}
    assert all(getattr(assetsync, name) is not None for name in assetsync.__all__)
