"""This checkout as it is in the working tree, without what git ignores."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def copy_checkout(target: Path) -> None:
    """Copy the files that git knows or would add to the folder `target`."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True)
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if os.path.isfile(name):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target / name)
