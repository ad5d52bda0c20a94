"""The long form: `python -m tests.fuzz [--seconds N] [TARGET…]`, each target for so long; 60 s unless told.

Guided by coverage where atheris is installed (`pip install atheris`), by chance alone otherwise. An input that fails is
written to tests/fuzz/corpus/TARGET, where the short form finds it: mend the defect and commit both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys

from tests.fuzz.long import run


def main() -> int:
    from tests.fuzz.all import TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all unless told")
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    failed = []
    for name in arguments.targets or TARGETS:
        child = multiprocessing.get_context("spawn").Process(target=run, args=(name, arguments.seconds))
        child.start()
        child.join()
        if child.exitcode:
            failed.append(name)
    sys.stdout.write(f"findings: {', '.join(failed) or 'none'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
