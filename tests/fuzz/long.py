"""One target of the long form, in a process of its own that has imported nothing of what the fuzzer is to watch."""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
SLOW = 5.0  # seconds for one input: a finding as well


def run(name: str, seconds: int) -> None:
    """Try one target for so long. It leaves the process, with a code that is not 0 after a finding."""
    try:
        import atheris
    except ImportError:
        _by_chance(name, seconds)
        return
    with atheris.instrument_imports(include=["assetsync"]):
        from tests.fuzz.all import SEEDS, TARGETS
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, str(number)).write_bytes(seed)
        sys.stdout.write(f"{name}:\n")
        sys.stdout.flush()
        options = [
            f"-max_total_time={seconds}",
            "-max_len=4096",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={folder}/",
        ]
        atheris.Setup([name, *options, "-verbosity=0", folder], lambda data: _try(TARGETS[name], name, data))
        atheris.Fuzz()


def _by_chance(name: str, seconds: int) -> None:
    from tests.fuzz.all import SEEDS, TARGETS
    from tests.fuzz.mutate import mutated

    chance, end, count, pool = random.Random(), time.monotonic() + seconds, 0, SEEDS[name]
    while time.monotonic() < end:
        data = mutated(chance.choice(pool), chance)
        _try(TARGETS[name], name, data)
        count += 1
    sys.stdout.write(f"{name}: {count:,} inputs by chance\n")


def _try(target: Callable[[bytes], None], name: str, data: bytes) -> None:
    before = time.monotonic()
    try:
        target(data)
        assert time.monotonic() - before < SLOW, "too slow"
    except BaseException:
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
        raise
