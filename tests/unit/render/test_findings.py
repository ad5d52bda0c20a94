from __future__ import annotations

import json

from assetsync.errors import Located
from assetsync.lock.check import Finding
from assetsync.render.findings import findings_github, findings_json, findings_text, problems_github

HOSTILE = Finding("", "other_path", "locked with `a\x1b[31m\nb`, 100%", "run it", "ml/a,b:c/assets.yaml", 7)


def test_a_finding_is_one_line_whatever_is_in_it() -> None:
    assert findings_text([HOSTILE]).count("\n") == 1
    assert "\x1b" not in findings_text([HOSTILE])


def test_annotations_are_escaped_as_workflow_commands_want_it() -> None:
    assert findings_github([HOSTILE]) == (
        "::error file=ml/a%2Cb%3Ac/assets.yaml,line=7,col=1,title=assetsync::"
        "locked with `a\\x1b[31m\\nb`, 100%25; run it\n"
    )
    assert problems_github("assets.yaml", [Located(3, 5, "no ::error::")]) == (
        "::error file=assets.yaml,line=3,col=5,title=assetsync::no ::error::\n"
    )


def test_json_says_whether_all_is_right() -> None:
    assert json.loads(findings_json([])) == {"format_version": 1, "ok": True, "findings": []}
    (finding,) = json.loads(findings_json([HOSTILE]))["findings"]
    assert (finding["asset"], finding["line"], finding["message"]) == (None, 7, HOSTILE.message)
