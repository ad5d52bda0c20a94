"""Whether versions are whole and a store is sound: what `verify` and `doctor` found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import to_builtins

from assetsync.escape import printable
from assetsync.remote.doctor import Ailment, Probe
from assetsync.remote.immutability import Attempt
from assetsync.remote.verify import Verdict
from assetsync.render.document import dump
from assetsync.render.plan_text import Paint, plain
from assetsync.render.units import plural, size

# Of a version: by which of its properties it was compared.
_CHECKED = {"bytes": "every byte agrees", "sha256": "sizes and checksums agree", "size": "sizes agree"}
_MODELKIT = "modelkit writes without conditions: it can't push to a store that refuses that, and fetches as before"


class Skipped(NamedTuple):
    """A part of an asset that can't be verified, and why."""

    asset: str
    reason: str


def verdicts_json(store: str, verdicts: Sequence[Verdict], skipped: Sequence[Skipped]) -> str:
    """The document of `verify --format json`."""
    left_out = [one._asdict() for one in skipped]
    return dump({"store": store, "versions": to_builtins(verdicts), "skipped": left_out})


def verdicts_text(verdicts: Sequence[Verdict], skipped: Sequence[Skipped], *, paint: Paint = plain) -> str:
    """A line for each version and each flaw, and for what was not verified."""
    lines = [line for verdict in verdicts for line in _verdict(verdict, paint)]
    lines += [f"  - {printable(one.asset)}  not verified: {one.reason}" for one in skipped]
    return "".join(f"{line}\n" for line in lines)


def verdicts_summary(verdicts: Sequence[Verdict], skipped: Sequence[Skipped]) -> str:
    """All of it in a sentence, which claims no more than was compared."""
    flaws = sum(len(verdict.flaws) for verdict in verdicts)
    left_out = f"; {len(skipped)} not verified" if skipped else ""
    if not verdicts:
        return f"No version was verified{left_out}."
    by_size = any(verdict.checked == "size" for verdict in verdicts)
    whole = "all whole as far as sizes tell (`--deep` reads the bytes)" if by_size else "all whole"
    return f"Verified {plural(len(verdicts), 'version')}: {plural(flaws, 'flaw') if flaws else whole}{left_out}."


def _verdict(verdict: Verdict, paint: Paint) -> Iterator[str]:
    spec = printable(f"{verdict.asset}:{verdict.version}" if verdict.version else verdict.asset)
    if verdict.yanked is not None:
        spec += f"  yanked: {printable(verdict.yanked)};"
    if not verdict.flaws:
        what = f"{plural(verdict.files, 'file')}, {size(verdict.size)}; {_CHECKED[verdict.checked]}"
        yield f"  {paint('✓', 'green')} {spec}  {what}"
        return
    yield f"  {paint('!', 'red')} {spec}  {plural(len(verdict.flaws), 'flaw')}"
    for flaw in verdict.flaws:
        where = f"{printable(flaw.path)}: " if flaw.path else ""
        yield f"      {flaw.code:<8} {where}{printable(flaw.message)}"


def soundness_json(store: str, probes: Sequence[Probe], ailments: Sequence[Ailment] | None) -> str:
    """The document of `doctor --format json`. `examined` is false, and the ailments are none, where the store could not
    be listed."""
    return dump(
        {
            "store": store,
            "probes": [
                {
                    "what": probe.what,
                    "ok": probe.error is None if probe.told else None,
                    "needed": probe.needed,
                    "message": probe.error.message if probe.error else probe.detail or None,
                    "hint": probe.error.hint if probe.error else None,
                }
                for probe in probes
            ],
            "examined": ailments is not None,
            "ailments": [
                {"asset": one.asset, "code": one.code, "message": one.message, "repairable": one.repair is not None}
                for one in ailments or ()
            ],
        }
    )


def soundness_text(
    store: str, probes: Sequence[Probe], ailments: Sequence[Ailment] | None, *, paint: Paint = plain
) -> str:
    """A line for each probe and each ailment."""
    lines = [f"Store: {printable(store)}", ""]
    for probe in probes:
        if probe.error is None:
            mark = paint("✓", "green") if probe.told else paint("-", "yellow")
            lines.append(f"  {mark} {probe.what}" + (f"  ({probe.detail})" if probe.detail else ""))
            continue
        mark = paint("!", "red") if probe.needed else paint("-", "yellow")
        lines.append(f"  {mark} {probe.what}  {printable(probe.error.message)}")
        if probe.error.hint:
            lines.append(f"      hint: {printable(probe.error.hint)}")
    if probes:
        lines.append("")
    for ailment in ailments or ():
        mark = paint("!", "red") if ailment.repair else " "
        lines.append(f"  {mark} {printable(ailment.asset)}  {printable(ailment.message)}")
    if ailments is None:
        lines.append("What is in the store could not be looked at.")
    else:
        lines.append(f"{plural(len(ailments), 'ailment')} found." if ailments else "No ailments found.")
    return "\n".join(lines) + "\n"


def immutability_text(store: str, attempts: Sequence[Attempt], *, paint: Paint = plain) -> str:
    """A line for each attempt, and what follows for modelkit."""
    lines = [f"Store: {printable(store)}", "", *(_attempt(one, paint) for one in attempts)]
    if any(one.what == "put without a condition" and one.refused for one in attempts):
        lines += ["", _MODELKIT]
    return "".join(line + "\n" for line in lines)


def _attempt(attempt: Attempt, paint: Paint) -> str:
    mark, word, colour = _VERDICTS[attempt.refused]
    if attempt.refused is False and attempt.is_harmless:
        mark, colour = "-", "yellow"
    detail = attempt.detail or ("it can harm unfinished uploads alone" if attempt.is_harmless else "")
    return f"  {paint(mark, colour)} {attempt.what}: {word}" + (f"  ({printable(detail)})" if detail else "")


_VERDICTS = {True: ("✓", "refused", "green"), False: ("!", "open", "red"), None: ("-", "not told", "yellow")}


def immutability_json(store: str, attempts: Sequence[Attempt]) -> str:
    """The document of `doctor --immutability --format json`; `refused` is null where that could not be told."""
    return dump({"store": store, "attempts": [_fields(one) for one in attempts]})


def _fields(attempt: Attempt) -> dict[str, object]:
    return {"what": attempt.what, "refused": attempt.refused, "detail": attempt.detail or None}
