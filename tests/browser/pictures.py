"""The pictures of the store's page in the documentation: `python -m tests.browser.pictures` takes them anew.

Every Chromium draws letters a little differently, so no test compares them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser.chromium import chromium, show
from tests.browser.shelves import lifelike
from tests.e2e.harness import Repo, clean_environ

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="assetsync-pictures-") as scratch, chromium() as browser:
        folder = Path(scratch)
        lifelike(folder / "team-models", 64)
        repo = Repo(folder, clean_environ(folder), in_process=True)
        repo.run("list", "--store", "./team-models", "--format", "html", "-o", str(folder / "assets.html"))
        for scheme, asset in (("light", ""), ("dark", "fraud/embeddings")):
            show(browser, folder / "assets.html", scheme=scheme, asset=asset)
            browser.save_screenshot(PICTURES / f"page-{scheme}.png")


if __name__ == "__main__":
    main()
