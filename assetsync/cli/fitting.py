"""Text for the width of a terminal, which would break its lines inside words. Elsewhere a line stays one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO

from assetsync.render.columns import cells

_WORD = r"(\s*)(\S+)"
_GAP = r"  +(?=\S)"
# Behind the indentation of a line whose columns begin too far to the right to go on below them.
_HANGING = 4


def fitted(text: str, stream: TextIO) -> str:
    """`text`, with lines that are no longer than the terminal is wide, where `stream` is one."""
    if not stream.isatty():
        return text
    import shutil  # 2 ms, for terminals alone

    width = shutil.get_terminal_size().columns
    return "\n".join(part for line in text.split("\n") for part in broken(line, width))


def broken(line: str, width: int) -> Iterator[str]:
    """`line` in parts of at most `width` cells, broken at spaces alone: a path or a digest can be copied.

    It goes on below the last column that begins in the left half; a part that is one long word stays whole.
    """
    if cells(line) <= width:
        yield line
        return
    hanging = " " * _hanging(line, width)
    part = ""
    for gap, word in re.findall(_WORD, line):
        if part and cells(part + gap + word) > width:
            yield part
            part = hanging + word
        else:
            part += gap + word
    yield part


def _hanging(line: str, width: int) -> int:
    indent = len(line) - len(line.lstrip(" "))
    columns = [cells(line[: gap.end()]) for gap in re.finditer(_GAP, line)]
    fitting = [column for column in columns if indent < column <= width // 2]
    return max(fitting, default=indent + _HANGING if indent else 2)
