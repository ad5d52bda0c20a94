"""The long form: `python -m tests.simulation [--schedules N] [--seed S] [--theme T]`: N of them, from seed S on.

A seed that fails is printed with its trace; `--schedules 1 --seed S` replays it.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.seams import staged
from tests.simulation.world import THEMES, run

# Schedules between two lines that say how far it is.
OFTEN = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=int, default=1, help="end after so many")
    parser.add_argument("--theme", choices=sorted(set(THEMES)), help="one kind of trouble alone")
    arguments = parser.parse_args()
    began, steps, failed, done = time.process_time(), 0, 0, 0

    def tell() -> None:
        per_second = f"{done / (time.process_time() - began):,.0f} schedules per second of processor time"
        sys.stdout.write(f"{done:,} schedules, {steps:,} steps, {per_second}, {failed} failed\n")
        sys.stdout.flush()

    with staged() as stage:
        for seed in range(arguments.seed, arguments.seed + arguments.schedules):
            ended = run(stage, seed, theme=arguments.theme)
            done += 1
            steps += len(ended.trace)
            if ended.wrong or arguments.schedules == 1:
                sys.stdout.write(f"{ended}\n")
            failed += bool(ended.wrong)
            if failed == arguments.failures:
                break
            if done % OFTEN == 0 and done < arguments.schedules:
                tell()
    tell()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
