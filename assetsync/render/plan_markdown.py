"""A plan as markdown for a pull request comment: problems, a table, the files folded away, the fingerprint.

Names and paths come from whoever pushed the branch, so nothing of them may become markup, a link, a mention or the end
of a fold. Foreign text is a code span, or has a character reference for each character that could mean something;
GitHub and GitLab look for mentions and references in the rendered text, but not inside code.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from assetsync.escape import printable
from assetsync.plan.plan import KIND, Action, Keep, Plan, Problem
from assetsync.render.plan_text import MAKES_STORE
from assetsync.render.plan_words import arrow, changed_files, cost, counts, file_size, growth, total_bytes
from assetsync.render.units import plural

# GitHub takes 65,536 characters.
LIMIT = 65_000
SMALLEST_LIMIT = 2_000
FILES_SHOWN = 200
# A hostile text could fill the comment; nobody reads more than this of one cell.
TEXT_SHOWN = 500

# The characters that a code span can hold, also inside a table: no fence of its own, nothing that tables escape, and no
# tags, for programs that count these without reading markdown.
_PLAIN_CODE = re.compile(r"[^`|\\<>&]+")
# Letters, and what ends a word or a sentence, mean nothing else.
_MEANS_SOMETHING = re.compile(r"(?![.:](?:\s|$)|(?<=[a-z])\.[a-z])[^\w\s→…,;()-]|_")
# Where a renderer of comments starts a mention, a reference or a link in plain text.
_TRIGGER = re.compile(r"(?<=[@#!$%~&:])(?=\S)|(?<=www)(?=\.)", re.IGNORECASE)


def plan_markdown(plan: Plan, *, limit: int = LIMIT) -> str:
    """The whole plan in at most `limit` characters, with a final newline; what had to be left out is said.

    ValueError for a limit under SMALLEST_LIMIT, which could not hold what must be there.
    """
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"no plan fits into {limit} characters")
    end = f"\nFingerprint: `{plan.fingerprint}`\n"
    page = Page(limit - len(end) - len(TRUNCATED))
    idle = "" if plan.changes or plan.problems else "nothing to do, "
    page.add(f"### assetsync plan: {idle}{counts(plan)}\n")
    page.add(f"\nStore: {code(plan.store)}\n")
    if plan.makes_store:
        page.add(f"\n**{MAKES_STORE}**.\n")
    if not plan.online:
        page.add("\n**Offline**: compared with assets.lock alone; the store was not asked.\n")
    total = total_bytes(plan)
    page.add(f"\nBytes: {total}.\n" if total else "")
    grown = growth(plan)
    page.add(f"\nCost: {grown}.\n" if grown else "")
    _loosened(page, plan)
    _problems(page, plan)
    _table(page, plan)
    _folds(page, plan)
    return page.text + (TRUNCATED if page.is_truncated else "") + end


TRUNCATED = "\n**Truncated** to fit into a comment; `assetsync plan -v` shows everything.\n"


class Page:
    """Text that grows until it is full."""

    def __init__(self, room: int) -> None:
        self.text = ""
        self.room = room
        self.is_truncated = False

    def add(self, text: str, *, keep: int = 0) -> bool:
        """Add `text` if it leaves room for `keep` more characters; says whether it did."""
        if len(text) + keep > self.room:
            self.is_truncated = True
            return False
        self.text += text
        self.room -= len(text)
        return True


def _loosened(page: Page, plan: Plan) -> None:
    """Above all else: whoever changes what must not be published and publishes in one go wants to be looked at."""
    if plan.loosened:
        what = ", and publishes in one go" if plan.publishes else ""
        page.add(f"\n**This change loosens guards of assets.yaml{what}:**\n\n")
        rows(page, [f"- {prose(one)}\n" for one in plan.loosened], "- … and {} more\n")


def _problems(page: Page, plan: Plan) -> None:
    if plan.problems:
        page.add(f"\n**{plural(len(plan.problems), 'problem')}: nothing can be applied**\n\n")
    rows(page, [problem_row(problem) for problem in plan.problems], "- … and {} more\n")


def problem_row(problem: Problem) -> str:
    """A problem as an item of a list."""
    subject = code(problem.asset) or "the plan as a whole"
    hint = f"<br>hint: {prose(problem.hint)}" if problem.hint else ""
    return f"- {subject}: {prose(problem.message)}{hint}\n"


def _table(page: Page, plan: Plan) -> None:
    table = [_row(action, plan) for action in plan.actions if action.notes or not isinstance(action, Keep)]
    if table and page.add("\n| | asset | version | why | cost |\n|---|---|---|---|---|\n"):
        rows(page, table, "| … | {} more | | | |\n")


def _row(action: Action, plan: Plan) -> str:
    notes = [*action.notes, *(["through a link that leads out of the project"] if action.through else [])]
    why = "<br>".join([prose(action.reason), *(f"note: {prose(note)}" for note in notes)])
    kind = "" if isinstance(action, Keep) else KIND[type(action)]
    return f"| {kind} | {code(action.asset)} | {code(arrow(action))} | {why} | {prose(cost(action, plan))} |\n"


def rows(page: Page, lines: list[str], more: str) -> None:
    """Add rows while there is room, and how many are missing otherwise."""
    reserve = len(more) + 20
    for number, row in enumerate(lines):
        if not page.add(row, keep=reserve):
            page.add(more.format(f"{len(lines) - number:,}"))
            return


def _folds(page: Page, plan: Plan) -> None:
    for action in plan.actions:
        # The comment may be public, and files outside of the project are nobody's business.
        lines = [] if action.through else list(_files(action))
        if lines:
            _fold(page, action, lines)


def _fold(page: Page, action: Action, lines: list[str]) -> None:
    """The files of one action, as HTML without a blank line, inside of which no markdown is read."""
    title = f"{html.escape(_cut(action.asset))}: {plural(len(lines), 'file')}"
    begin = f"\n<details><summary><code>{title}</code></summary>\n<pre>\n"
    end = "</pre></details>\n"
    room = page.room - len(begin) - len(end) - 60  # for the line about the others
    shown = []
    for line in lines[:FILES_SHOWN]:
        if len(line) > room:
            break
        room -= len(line)
        shown.append(line)
    if not shown:
        page.is_truncated = True
        return
    if len(shown) < len(lines):
        page.is_truncated = True
        shown.append(f"… and {plural(len(lines) - len(shown), 'more file')}\n")
    page.add(begin + "".join(shown) + end)


def _files(action: Action) -> Iterator[str]:
    for mark, file in changed_files(action):
        yield f"{mark} {html.escape(_cut(file.path))}  {file_size(mark, file)}".rstrip() + "\n"


def _cut(text: str) -> str:
    text = printable(text)
    return text if len(text) <= TEXT_SHOWN else text[:TEXT_SHOWN] + "…"


def code(text: str) -> str:
    """Foreign text as a code span; empty for none."""
    text = _cut(text)
    if not text.strip():
        return ""
    if _PLAIN_CODE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{_inert(text)}</code>"


def prose(text: str) -> str:
    """Our own sentences, in which what is foreign stands between backticks; neither part can be more than text."""
    parts = _cut(text).split("`")
    if len(parts) % 2 == 0:  # a backtick inside of something foreign
        return _inert("`".join(parts))
    return "".join(code(part) if number % 2 else _inert(part) for number, part in enumerate(parts))


def _inert(text: str) -> str:
    """Text that renders as itself: characters that could be markup as references, triggers broken by a zero space."""
    broken = _TRIGGER.sub("\u200b", text)
    return _MEANS_SOMETHING.sub(lambda match: f"&#{ord(match[0])};", broken)
