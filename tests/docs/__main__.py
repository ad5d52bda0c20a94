"""Writes what a program writes of the documentation: `python -m tests.docs [PAGE...]`."""

from __future__ import annotations

import sys

from tests.docs import release
from tests.docs.generated import PAGES, ROOT, current


def main(pages: list[str]) -> None:
    for page in pages or dict.fromkeys([*release.PAGES, *PAGES]):
        before = current(page)
        after = release.released(PAGES[page](before) if page in PAGES else before)
        if after != before:
            (ROOT / page).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / page).write_text(after)
            sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
