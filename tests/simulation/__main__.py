"""The long form: `python -m tests.simulation [--schedules N] [--seed S]`: N of them, from seed S on.

A seed that fails is printed with its trace; `--schedules 1 --seed S` replays it.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.seams import staged
from tests.simulation.world import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=int, default=1, help="end after so many")
    arguments = parser.parse_args()
    began, steps, failed = time.process_time(), 0, 0
    done = 0
    with staged() as stage:
        for seed in range(arguments.seed, arguments.seed + arguments.schedules):
            ended = run(stage, seed)
            done += 1
            steps += len(ended.trace)
            if ended.wrong:
                failed += 1
                sys.stdout.write(f"{ended}\n")
                if failed == arguments.failures:
                    break
            elif arguments.schedules == 1:
                sys.stdout.write(f"{ended}\n")
    seconds = time.process_time() - began
    sys.stdout.write(
        f"{done:,} schedules, {steps:,} steps, {done / seconds:,.0f} schedules per second of processor time, "
        f"{failed} failed\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
