"""What workflows call instead of `gh` and `curl`: programs of their own, which import little to start fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def _gh(folder: Path, args: list[str]) -> str:
    """As much of GitHub as the workflows talk to: the comments of one pull request."""
    path = folder / "comments.json"
    comments = json.loads(path.read_text()) if path.exists() else []
    assert os.environ["GH_TOKEN"] == "t0ken"
    options, names = _parsed(args)
    match names:
        case ["api", where] if where.endswith("/issues/7/comments"):
            return _jq(options["--jq"], comments)
        case ["api", where] if where == f"repos/team/repo/commits/{os.environ['GITHUB_SHA']}/pulls":
            return _jq(options["--jq"], _pull_requests(folder))
        case ["api", where] if options["-X"] == "PATCH":
            number = int(where.removeprefix("repos/team/repo/issues/comments/"))
            body = Path(options["-F"].removeprefix("body=@")).read_text()
            next(comment for comment in comments if comment["id"] == number)["body"] = body
        case ["pr", "comment", "7"]:
            body = Path(options["--body-file"]).read_text()
            comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": body})
        case _:
            raise SystemExit(f"gh: not known here: {args}")
    path.write_text(json.dumps(comments))
    return ""


def _pull_requests(folder: Path) -> list[dict[str, int]]:
    """Those that brought the commit: number 7, unless a test says that somebody pushed it to main."""
    return [] if (folder / "pushed").exists() else [{"number": 7}]


def _parsed(args: list[str]) -> tuple[dict[str, str], list[str]]:
    options, names, rest = {}, [], iter(args)
    for arg in rest:
        if arg in ("--silent", "--paginate"):
            continue
        if arg.startswith("-"):
            options[arg] = next(rest)
        else:
            names.append(arg)
    return options, names


def _jq(expression: str, value: Any) -> str:
    """jq where it is installed, and otherwise what the three expressions of the workflows come to."""
    from shutil import which

    if which("jq"):
        done = subprocess.run(
            ["jq", "-r", expression], input=json.dumps(value), capture_output=True, text=True, check=True
        )
        return done.stdout
    if expression == ".[0].number // empty":
        return f"{value[0]['number']}\n" if value else ""
    mark = expression.partition('startswith("')[2].partition('"')[0]
    ours = [c for c in value if c["user"]["login"].endswith("[bot]") and c["body"].startswith(mark)]
    return "".join(f"{comment[expression.rpartition('.')[2]]}\n" for comment in ours)


def _curl(folder: Path, args: list[str]) -> str:
    body = Path(args[args.index("--data-urlencode") + 1].removeprefix("body@")).read_text()
    (folder / "note.json").write_text(json.dumps({"url": args[-1], "body": body, "args": args}))
    return ""


if __name__ == "__main__":
    sys.stdout.write({"gh": _gh, "curl": _curl}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3:]))
