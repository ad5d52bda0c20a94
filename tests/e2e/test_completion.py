"""Completion in real shells, with the script that `completion` prints: commands, options, names of assets."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from assetsync.cli.app import cli
from tests.e2e.harness import Repo, started

# What each shell offers for the line in $LINE, one a line; the script was loaded before.
_ASK = {
    "bash": 'read -ra COMP_WORDS <<<"$LINE"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1));'
    ' _assetsync_completion assetsync; printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": 'complete -C "$LINE" | string split -f 1 \\t; or true',
}
# zsh completes in its line editor alone: a pseudo terminal inside of it, as its own tests do.
_ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; autoload -Uz compinit; compinit -u -D'
zpty -w shell 'eval "$(assetsync completion zsh)"; echo rea""dy'
zpty -r shell seen '*ready*'
zpty -w -n shell "$LINE"$'\\t'
zpty -r shell seen "*$WANTED*"
print -r -- "$WANTED"
"""


@pytest.fixture
def shell(repo: Repo, tmp_path: Path) -> Repo:
    """A repo in which the command `assetsync` is this program."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "assetsync"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(started())} "$@"\n')
    program.chmod(0o755)
    repo.environ = {**repo.environ, "PATH": f"{programs}:{repo.environ['PATH']}", "PYTHONPATH": str(Path.cwd())}
    return repo


def offered(repo: Repo, kind: str, line: str, wanted: str) -> list[str]:
    if shutil.which(kind) is None:
        pytest.skip(f"there is no {kind} here")
    source = {"bash": 'eval "$(assetsync completion bash)"; ', "fish": "assetsync completion fish | source; "}
    script = _ZSH if kind == "zsh" else source[kind] + _ASK[kind]
    done = subprocess.run(
        [kind, "-c", script],
        cwd=repo.root,
        env={**repo.environ, "LINE": line, "WANTED": wanted},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "wanted"),
    [("assetsync sta", "status"), ("assetsync apply --supe", "--supersede"), ("assetsync pull nlp/t", "nlp/tokenizer")],
)
def test_a_shell_completes(shell: Repo, kind: str, line: str, wanted: str) -> None:
    assert offered(shell, kind, line, wanted) == [wanted]


def answers(repo: Repo, *words: str) -> list[str]:
    """The values that the last of `words` is completed to, without a shell."""
    completion = ShellComplete(cli, {}, "assetsync", "_ASSETSYNC_COMPLETE")
    with chdir(repo.root):
        return [one.value for one in completion.get_completions(list(words[:-1]), words[-1])]


def test_names_come_from_both_files_and_from_where_the_options_say(repo: Repo, tmp_path: Path) -> None:
    both = ["nlp/sentiment", "nlp/tokenizer"]
    for words in (["plan", ""], ["apply", "nlp/tokenizer", "--bump-major", ""], ["log", "nlp/"], ["verify", "nlp/"]):
        assert answers(repo, *words) == both
    repo.run("apply", "--yes")
    repo.write("assets.yaml", "store: ../store\nassets:\n  x: x\n")
    assert answers(repo, "plan", "") == [*both, "x"]
    assert answers(repo, "-C", str(tmp_path), "plan", "") == []
    assert answers(repo, "plan", "-C", "models", "x") == ["x"]


def test_names_are_completed_wherever_there_is_one(repo: Repo) -> None:
    names = "status plan apply sync pull upgrade check remove log show verify fetch list doctor promote alias yank diff"
    for words in (*([name] for name in names.split()), ["diff", "x"], ["update", "x"], ["new", "x"]):
        assert answers(repo, *words, "nlp/t") == ["nlp/tokenizer"], words


def test_stores_are_completed_by_name_and_folders_left_to_the_shell(repo: Repo) -> None:
    repo.write("assets.yaml", "store: dev\nstores: {dev: ../dev, prod: ../prod}\nassets: {}\n")
    for words in (["--store"], ["plan", "--store"], ["promote", "--to"], ["promote", "--from"]):
        assert answers(repo, *words, "") == ["dev", "prod"]
        assert answers(repo, *words, "./d") == ["./d"]


def test_commands_are_completed_without_importing_them(repo: Repo) -> None:
    assert answers(repo, "st") == ["status"]
    assert {"plan", "pull"} <= {*answers(repo, "p")}
    assert answers(repo, "--qu") == ["--quiet"]


@pytest.mark.parametrize("broken", ["store: [", "", "\xff", "assets: 1"])
def test_a_broken_file_offers_nothing_and_says_nothing(
    repo: Repo, broken: str, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.write("assets.yaml", broken.encode("latin-1"))
    assert answers(repo, "plan", "nlp/") == []
    assert capfd.readouterr() == ("", "")


def test_paths_are_left_to_the_shell(repo: Repo) -> None:
    assert answers(repo, "new", "mod") == ["mod"]
    assert answers(repo, "show", "models/x") == ["models/x"]
