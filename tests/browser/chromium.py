"""A real Chromium without a window, which Debian's packages `chromium` and `chromium-driver` bring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1400,1000",
)
_LOADED = "return location.protocol === 'file:' && document.readyState === 'complete'"


def missing() -> str | None:
    """Why there is no browser to test with; None when there is one."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if not lacking:
        return None
    return (
        f"`{'` and `'.join(lacking)}` not found: `apt-get install chromium chromium-driver`, as `.ci/run install` does"
    )


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser of its own, which notes its requests and what pages say to the console."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = Chrome(options, Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def show(driver: Chrome, page: Path, *, scheme: str = "light", scripts: bool = True, asset: str = "") -> None:
    """Open a page as a reader whose system is set to `scheme` does."""
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    driver.get("about:blank")  # a change of the fragment alone would not load the page again
    driver.get(f"{page.as_uri()}#{asset}")
    if scripts:  # on a busy machine, the driver has been seen to go on before the page's script had run
        WebDriverWait(driver, 90).until(lambda seen: seen.execute_script(_LOADED))


def requests(driver: Chrome) -> list[str]:
    """The addresses that were asked for since the last call, without fragments."""
    messages = [json.loads(entry["message"])["message"] for entry in logged(driver, "performance")]
    sent = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    return [url.partition("#")[0] for url in sent]


def logged(driver: Chrome, kind: str) -> list[dict[str, Any]]:
    """What was logged since the last call."""
    entries: list[dict[str, Any]] = driver.get_log(kind)  # type: ignore[no-untyped-call]
    return entries
