"""The page and the plot say what was measured."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.benchmarks import report
from tests.benchmarks.measure import Job, Measured, Sample, is_enough, run, side_by_side
from tests.benchmarks.report import Row

MIB = 1024 * 1024
ROW = Row(
    "upload <all>",
    "a server",
    {
        "assetsync": Measured([Sample(1.0, 2.0, 10 * MIB, 7), Sample(3.0, 4.0, 30 * MIB, 7), Sample(2.0, 3.0, MIB, 7)]),
        "slow": Measured([Sample(8.0, 1.0, MIB)]),
        "fast": Measured([Sample(4.0, 1.0, MIB)]),
        "floor: nothing": Measured([Sample(0.5, 0.1, MIB)]),
    },
    ["absent is not installed"],
)


def test_a_row_compares_us_with_the_best_peer_and_the_floor() -> None:
    assert report.summary([ROW]).splitlines()[-1] == (
        "| upload <all>, a server | 2.00 | fast 4.00 | 0.50 | nothing 0.500 | 4.00 |"
    )


def test_details_have_medians_the_largest_peak_and_who_is_missing() -> None:
    lines = report.details(ROW).splitlines()
    assert "| assetsync | 2.00 | 3.00 | 30 | 7 | 3 |" in lines
    assert lines.index("| floor: nothing | 0.500 | 0.100 | 1 |  | 1 |") < lines.index(
        "| slow | 8.00 | 1.00 | 1 |  | 1 |"
    )
    assert "Left out: absent is not installed." in lines


def test_the_page_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("before\n<!-- measured -->\nold figures\n<!-- end of measured -->\nafter\n")
    for _ in range(2):
        report.write([ROW], {"rclone": "1.2"}, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n<!-- measured -->\n")
    assert text.endswith("\n<!-- end of measured -->\nafter\n")
    assert "old figures" not in text
    assert text.count("| fast 4.00 |") == 1
    assert "rclone 1.2" in text


def test_the_plot_has_a_dot_for_each_program_at_its_ratio() -> None:
    drawn = ET.fromstring(report.plot([ROW]))
    name = "{http://www.w3.org/2000/svg}"
    said = [element.text for element in drawn.iter(f"{name}title")]
    assert said == [
        "assetsync: 2.00 s, 0.50 ×",
        "slow: 8.00 s, 2.00 ×",
        "fast: 4.00 s, 1.00 ×",
        "floor: nothing: 0.500 s, 0.12 ×",
    ]


def _python(script: str, folder: Path) -> Job:
    return Job([sys.executable, "-c", script], folder)


def test_cpu_and_memory_are_those_of_the_command_and_its_children(tmp_path: Path) -> None:
    child = "import sys; block = bytearray(200 << 20); sum(range(10_000_000))"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    small, large = run(_python("pass", tmp_path)), run(_python(script, tmp_path))
    assert small.memory < 100 * MIB < 200 * MIB <= large.memory
    assert large.cpu > small.cpu


def test_a_command_that_fails_or_does_nothing_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no such luck"):
        run(_python("import sys; sys.exit('no such luck')", tmp_path))
    with pytest.raises(AssertionError, match="has not done its work"):
        run(Job([sys.executable, "-c", "pass"], tmp_path, check=lambda: False))


def test_contenders_take_turns_and_requests_are_counted(tmp_path: Path) -> None:
    turns: list[str] = []

    def contender(name: str) -> Job:
        turns.append(name)
        return _python("pass", tmp_path)

    measured = side_by_side(
        {"a": lambda number: contender(f"a{number}"), "b": lambda number: contender(f"b{number}")},
        rounds=2,
        requests=partial(next, count(step=3)),
    )
    assert turns == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert [len(taken.samples) for taken in measured.values()] == [2, 2]
    assert [taken.requests for taken in measured.values()] == [3, 3]


@pytest.mark.parametrize(
    ("runs", "fastest", "enough"),
    [
        ([], 1.0, False),
        ([0.1] * 4, 0.1, False),
        ([0.1] * 5, 0.1, True),
        ([3.0, 3.0], 2.0, False),
        ([3.0, 3.0, 3.0], 2.0, True),
        ([3.0], 1.0, True),
        ([1.9], 0.1, False),
    ],
    ids=["none", "short", "all rounds", "two long", "three long", "far behind", "far behind, but short"],
)
def test_a_median_is_of_three_runs_at_least_but_for_a_peer_far_behind(
    runs: list[float], fastest: float, enough: bool
) -> None:
    assert is_enough(runs, 5, fastest) is enough
