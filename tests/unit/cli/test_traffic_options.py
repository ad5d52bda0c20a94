"""What `--limit-rate` and `--jobs` may be."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from assetsync.cli.traffic import traffic_options
from assetsync.traffic import Traffic


@click.command()
@traffic_options
def show(traffic: Traffic) -> None:
    click.echo(repr((traffic.jobs, traffic.rate)))


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ("20M", 20e6),
        ("1.5 MB", 1.5e6),
        ("500K", 5e5),
        ("500k", 5e5),
        ("2Gi", 2.0 * 1024**3),
        ("64KiB", 65536.0),
        ("1000", 1000.0),
    ],
)
def test_rates(given: str, rate: float) -> None:
    assert CliRunner().invoke(show, ["--limit-rate", given]).output == f"(None, {rate!r})\n"


@pytest.mark.parametrize("given", ["", "fast", "-1", "0", "0.5", "20X", "1e9", "20 i", "20iB", "M", "20M/s"])
def test_what_is_no_rate(given: str) -> None:
    result = CliRunner().invoke(show, ["--limit-rate", given])
    assert result.exit_code == 2
    assert "rate" in result.output


@pytest.mark.parametrize("given", ["0", "-1", "1001", "many"])
def test_what_is_no_number_of_jobs(given: str) -> None:
    assert CliRunner().invoke(show, ["--jobs", given]).exit_code == 2


def test_nothing_given_is_no_limit() -> None:
    assert CliRunner().invoke(show, []).output == "(None, None)\n"
