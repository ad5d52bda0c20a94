"""The README's first command, run twice in a fresh clone of this checkout's HEAD: `python -m tests.docs.fresh_clone`.

It installs from the network, which is why it is a step of the gate and no test.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    (first, _) = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    with tempfile.TemporaryDirectory(prefix="assetsync-docs-") as scratch:
        subprocess.run(["git", "clone", "-q", ROOT, "clone"], cwd=scratch, check=True)
        for _ in range(2):
            subprocess.run(["bash", "-c", first], cwd=Path(scratch, "clone"), check=True)


if __name__ == "__main__":
    main()
