"""verify and doctor: whether versions are whole, and whether a store is sound."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from assetsync.cli.completing import assets
from assetsync.cli.console import Console
from assetsync.cli.options import Common, command, format_option
from assetsync.cli.stores import STORE_HELP, open_store, prefix_option
from assetsync.cli.traffic import traffic_options
from assetsync.errors import AssetsyncError
from assetsync.escape import printable
from assetsync.pool import Transfers
from assetsync.project.asset_store import AssetStore
from assetsync.project.browse import whole
from assetsync.remote.doctor import Ailment, examine, mend, probe_access
from assetsync.remote.immutability import prove
from assetsync.remote.verify import Verdict, unlisted, verify_all
from assetsync.render.health import (
    Skipped,
    immutability_json,
    immutability_text,
    soundness_json,
    soundness_text,
    verdicts_json,
    verdicts_summary,
    verdicts_text,
)
from assetsync.render.units import plural
from assetsync.traffic import Traffic

_POLICIES = "https://github.com/your-org/assetsync/blob/main/docs/howto/immutable.md"
EXIT_FOUND = 1


@command("verify", epilog=STORE_HELP)
@click.argument("specs", nargs=-1, metavar="[SPEC]...", shell_complete=assets)
@click.option("--all", "every", is_flag=True, help="Every version of every asset of the store.")
@click.option("--deep", is_flag=True, help="Read every byte, instead of trusting what the store says of itself.")
@format_option
@prefix_option
@traffic_options
def verify_command(
    common: Common,
    traffic: Traffic,
    specs: tuple[str, ...],
    every: bool,
    deep: bool,
    format: str,
    storage_prefix: str | None,
) -> int:
    """Check that every object of a version is there, with its size and checksum. Exit 1 when something is wrong.

    SPEC is NAME for the newest version, NAME:1, NAME:1.2 or NAME@ALIAS, and NAME may be a pattern, such as 'nlp/*';
    without any, the versions in assets.lock are checked. Versions that modelkit published record no sizes and
    checksums: of them, only what is missing shows.
    """
    console = Console(common)
    with open_store(common, storage_prefix, traffic) as store:
        chosen = _everything(store) if every and not specs else _Chosen([*_versions(store, specs, every)])
        with console.progress() as reporter, Transfers(traffic=traffic) as transfers:
            verdicts = verify_all(store.store, chosen.versions, deep=deep, transfers=transfers, reporter=reporter)
        url = store.url
    verdicts += chosen.unreadable
    flaws = sum(len(verdict.flaws) for verdict in verdicts)
    if format == "json":
        console.data(verdicts_json(url, verdicts, chosen.skipped))
    else:
        console.data(verdicts_text(verdicts, chosen.skipped, paint=console.paint(sys.stdout)))
        console.say(verdicts_summary(verdicts, chosen.skipped))
    return EXIT_FOUND if flaws else 0


class _Chosen(NamedTuple):
    """The versions to verify; assets of which no version is known, as verdicts; and what is left out."""

    versions: Sequence[tuple[str, str]]
    unreadable: Sequence[Verdict] = ()
    skipped: Sequence[Skipped] = ()


def _everything(store: AssetStore) -> _Chosen:
    assets = store.list()
    skipped = [Skipped(one.name, one.refused) for one in assets if one.refused]
    skipped += [
        Skipped(f"{one.name}:{version}", f"no version of `{store.versioning_name}`")
        for one in assets
        for version in one.foreign
    ]
    unreadable = [unlisted(one.name, one.error) for one in assets if one.error]
    versions = [(one.name, version) for one in assets for version in (*one.versions, *one.marks.yanked)]
    return _Chosen(list(dict.fromkeys(versions)), unreadable, skipped)


def _versions(store: AssetStore, specs: Sequence[str], every: bool) -> Iterator[tuple[str, str]]:
    if every:
        raise click.UsageError("give specs, or `--all`")
    if not specs:
        locked = store.locked()
        if not locked:
            raise click.UsageError("there is no assets.lock here: name what to verify, or give `--all`")
        yield from sorted(locked.items())
        return
    for spec in store.matching(specs):
        found = store.resolve(str(whole(spec, "verified")))
        yield found.name, found.version or ""


@command("doctor", epilog=STORE_HELP)
@click.argument("pattern", required=False, shell_complete=assets)
@click.option("--repair", is_flag=True, help="Mend indexes and clear dead publishes, after showing and asking.")
@click.option("--read-only", is_flag=True, help="Do not try to write the probe objects.")
@click.option("--immutability", is_flag=True, help="Instead: does the store itself refuse to overwrite and delete?")
@click.option("-y", "--yes", is_flag=True, help="Repair without asking.")
@format_option
@prefix_option
def doctor_command(
    common: Common,
    pattern: str | None,
    repair: bool,
    read_only: bool,
    immutability: bool,
    yes: bool,
    format: str,
    storage_prefix: str | None,
) -> int:
    """Try each permission that assetsync needs, on objects named `assetsync-probe-…`, and look for what is odd.

    Finds unfinished publishes with their age and owner, and indexes (`NAME.versions`) that miss a committed version,
    hold one twice, or name one that does not exist; for assets that match PATTERN, or all. `--repair` rewrites the
    index by compare-and-swap and clears publishes that have been dead for a day. No committed version is ever deleted
    or altered. Exit 1 when something is left that needs a hand.

    `--immutability` tries to overwrite and to delete, which assetsync never does, on objects that hold nothing of use
    in `assetsync-immutability/`, and says what the store's policy leaves open; exit 1 when that is something.
    """
    console = Console(common)
    if immutability:
        if pattern is not None or repair or read_only:
            raise click.UsageError("`--immutability` is a question of its own: give no PATTERN and no other option")
        return _prove(common, console, format, storage_prefix)
    with open_store(common, storage_prefix) as store:
        probes = [] if read_only else list(probe_access(store.store))
        broken = any(probe.error is not None and probe.needed for probe in probes)
        ailments: list[Ailment] | None = None
        if not any(probe.error is not None and probe.what in ("find credentials", "list") for probe in probes):
            ailments = examine(store.store, pattern)
        if format == "json":
            console.data(soundness_json(store.url, probes, ailments))
        else:
            console.data(soundness_text(store.url, probes, ailments, paint=console.paint(sys.stdout)))
        mendable = [ailment for ailment in ailments or () if ailment.repair is not None]
        left = mendable
        if repair and mendable:
            console.confirm(f"Repair {plural(len(mendable), 'ailment')} in {store.url}?", yes=yes)
            left = [ailment for ailment in mendable if not _mended(store, ailment, console)]
        elif mendable:
            console.say(f"hint: `assetsync doctor --repair` mends {len(mendable)} of them")
    return EXIT_FOUND if broken or left else 0


def _prove(common: Common, console: Console, format: str, storage_prefix: str | None) -> int:
    with open_store(common, storage_prefix) as store:
        attempts = list(prove(store.store))
        url = store.url
    if format == "json":
        console.data(immutability_json(url, attempts))
    else:
        console.data(immutability_text(url, attempts, paint=console.paint(sys.stdout)))
    left_open = [one.what for one in attempts if one.refused is False and not one.is_harmless]
    if left_open:
        console.say(f"hint: {_POLICIES} has policies that close what is open")
    return EXIT_FOUND if left_open else 0


def _mended(store: AssetStore, ailment: Ailment, console: Console) -> bool:
    from assetsync.cli.failure import show

    try:
        mend(store.store, ailment)
    except AssetsyncError as error:
        show(error, subject=f"{ailment.asset}: ")
        return False
    console.say(f"  mended {ailment.asset}: {printable(ailment.message)}")
    return True
