"""The page of `list --format html` in a real browser: what it shows, what it lets through, and how it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.support.wait import WebDriverWait

from assetsync.escape import printable
from tests.browser.chromium import logged, requests, show
from tests.browser.shelves import ATTACKS, SCRIPTS, hostile, lifelike

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

VISIBLE = "return [...document.querySelectorAll('#list > li:not([hidden]) b')].map(one => one.textContent)"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path], Path]) -> tuple[Path, list[str]]:
    """The page of a thousand assets, and their names."""
    store = tmp_path_factory.mktemp("large")
    names = lifelike(store, 1000)
    return written(store), names


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, written: Callable[[Path], Path]) -> Path:
    """The page of a store in which every text is an attack."""
    store = tmp_path_factory.mktemp("hostile")
    hostile(store)
    return written(store)


def run(browser: Chrome, script: str) -> Any:
    return browser.execute_script(script)


def opened(browser: Chrome, name: str) -> bool:
    """Waits until an asset is shown: a browser tells a page of its new address a little later."""
    found = f"return (document.querySelector('#detail h2') || {{}}).textContent === {json.dumps(name)}"
    return bool(WebDriverWait(browser, 90, 0.02).until(lambda one: run(one, found)))


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def test_a_thousand_assets_are_searched(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page)
    assert run(browser, VISIBLE) == names
    press(browser, "/", "vision EMBED")
    wanted = [name for name in names if "vision/" in name and "embed" in name]
    assert len(wanted) > 5
    assert run(browser, VISIBLE) == wanted
    assert run(browser, "return document.querySelector('#count').textContent") == f"{len(wanted)} of 1,000 assets"
    press(browser, Keys.ESCAPE, "/", "nothing is called so")
    assert run(browser, VISIBLE) == []
    assert run(browser, "return !document.querySelector('#none').hidden")
    press(browser, Keys.ESCAPE)
    assert run(browser, VISIBLE) == names


def test_people_and_commits_are_found_too(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    show(browser, large[0])
    press(browser, Keys.TAB)
    data = "JSON.parse(document.querySelector('#data').textContent).assets[41]"
    name, commit = run(browser, f"return [{data}.name, {data}.versions[0].commit]")
    press(browser, "/", commit)
    assert run(browser, VISIBLE) == [name]


def test_aliases_and_yanked_versions_are_told(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    show(browser, large[0])
    data = "JSON.parse(document.querySelector('#data').textContent).assets"
    wanted = run(browser, f"return {data}.filter(one => one.aliases).map(one => [one.name, one.aliases.production])")
    assert 100 < len(wanted) < 1000
    press(browser, "/", "production")
    assert run(browser, VISIBLE) == [name for name, _ in wanted]
    name, version = wanted[0]
    show(browser, large[0], asset=name)
    assert run(browser, "return document.querySelector('.labels .alias').textContent") == f"production → {version}"
    (yanked,) = run(browser, "return [...document.querySelectorAll('.history .yanked')].map(one => one.innerText)")
    assert "Yanked: Labels of the test set were in it" in yanked
    assert "Copy fetch" not in yanked


def test_it_is_used_without_a_mouse(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page)
    press(browser, "/", Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ENTER)
    assert opened(browser, names[1])
    assert run(browser, "return decodeURIComponent(location.hash)") == f"#{names[1]}"
    press(browser, Keys.ESCAPE)
    assert run(browser, "return document.querySelector('#detail').hidden")
    assert run(browser, "return document.activeElement.querySelector('b').textContent") == names[1]
    press(browser, Keys.END, Keys.ENTER)
    assert opened(browser, names[-1])


def test_it_tells_where_each_version_comes_from(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page, asset=names[7])
    wanted = run(browser, "return JSON.parse(document.querySelector('#data').textContent).assets[7].versions")
    shown = run(browser, "return [...document.querySelectorAll('.history > li')].map(one => one.innerText)")
    assert len(shown) == len(wanted)
    for version, text in zip(wanted, shown, strict=True):
        assert text.startswith(version["version"])
        assert version["at"] in text
        assert version["commit"][:10] in text
    links = run(browser, "return [...document.querySelectorAll('.history a')].map(one => one.href)")
    assert links[:2] == [f"https://github.com/team/models/commit/{wanted[0]['commit']}", wanted[0]["run_page"]]
    assert run(browser, "return document.querySelectorAll('.chart circle').length") == len(wanted)
    assert run(browser, "return document.querySelectorAll('#growth path').length") == 2


def test_the_order_can_be_changed(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page)
    sizes = "return [...document.querySelectorAll('#list .size')].slice(0, 3).map(one => one.textContent)"
    choose = "const s = document.querySelector('#sort'); s.value = '%s'; s.dispatchEvent(new Event('change'))"
    run(browser, choose % "largest")
    assert all(text.endswith(" GB") for text in run(browser, sizes))
    run(browser, choose % "name")
    assert run(browser, VISIBLE) == names


def test_it_asks_nobody_for_anything(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    requests(browser)
    logged(browser, "browser")
    show(browser, page, asset=names[3])
    press(browser, "/", "nlp")
    asked = [url for url in requests(browser) if not url.startswith(("data:", "about:"))]
    assert asked == [page.as_uri()]
    assert logged(browser, "browser") == []


_CONTRAST = """
const light = (colour) => {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255);
  const [r, g, b] = parts.map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = (one) => {
  const own = getComputedStyle(one).backgroundColor;
  return own === 'rgba(0, 0, 0, 0)' ? ground(one.parentElement) : own;
};
const ratio = (one) => {
  const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
};
const written = (one) => [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim());
const seen = (one) => one.checkVisibility() && !one.closest('svg');
const all = [...document.querySelectorAll('body *')].filter(one => seen(one) && written(one));
return all.map(one => [ratio(one), one.className || one.tagName]).sort((a, b) => a[0] - b[0])[0];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_read(scheme: str, browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page, scheme=scheme, asset=names[5])
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = run(browser, ground)
    worst, where = run(browser, _CONTRAST)
    assert worst >= 4.5, where  # what WCAG asks of small text
    run(browser, "document.querySelector('#theme').click()")
    assert run(browser, ground) != before
    other, where = run(browser, _CONTRAST)
    assert other >= 4.5, where


def test_it_is_readable_without_scripts(browser: Chrome, large: tuple[Path, list[str]]) -> None:
    page, names = large
    show(browser, page, scripts=False)
    assert len(_found_without_scripts(browser, "#list > li b")) == len(names)
    assert _found_without_scripts(browser, "#tools[hidden]"), "a search that does nothing"


def _found_without_scripts(browser: Chrome, selector: str) -> list[int]:
    """The nodes of a loaded page. Chromium may number them anew right after that; then it is asked again."""

    def found(one: Chrome) -> list[int] | None:
        document = one.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
        wanted = {"nodeId": document, "selector": selector}
        nodes: list[int] = one.execute_cdp_cmd("DOM.querySelectorAll", wanted)["nodeIds"]
        return nodes or None

    return WebDriverWait(browser, 90, 0.02, ignored_exceptions=[WebDriverException]).until(found) or []


_FOREIGN = """
const words = (text) => new Set(text.trim().split(/\\s+/));
const plain = words(`html head meta title link style body header div h1 h2 h3 p button section dl dt dd figure
  figcaption main input kbd label select option span ul ol li a b i mark aside noscript footer script code`);
const attributes = words(`href rel class id hidden type aria-current aria-label aria-hidden aria-live aria-keyshortcuts
  tabindex role title`);
const drawn = (one) => one.closest('svg') && one.closest('.mark, #growth, .spark, .chart');
const all = [...document.querySelectorAll('*')].filter(one => !drawn(one));
const ours = all.filter(one => one.closest('#list, #detail'));
return {
  elements: all.map(one => one.localName).filter(name => !plain.has(name)),
  attributes: ours.flatMap(one => one.getAttributeNames()).filter(name => !attributes.has(name)),
  scripts: document.scripts.length, styles: document.styleSheets.length,
  links: ours.map(one => one.protocol).filter(one => one && !['file:', 'https:'].includes(one)),
  attacked: window.attacked || null,
};
"""
CLEAN = {"elements": [], "attributes": [], "scripts": 2, "styles": 1, "links": [], "attacked": None}


def test_nothing_from_the_store_becomes_markup(browser: Chrome, attacked: Path) -> None:
    logged(browser, "browser")
    show(browser, attacked)
    names = run(browser, VISIBLE)
    assert len(names) == 2 * len((*ATTACKS, *SCRIPTS))
    assert run(browser, _FOREIGN) == CLEAN
    press(browser, "/", "script")
    assert run(browser, "return document.querySelectorAll('mark').length") > 0
    for number, attack in enumerate((*ATTACKS, *SCRIPTS)):
        run(browser, f"location.hash = 'asset-{number}'; dispatchEvent(new Event('hashchange'))")
        assert run(browser, "return document.querySelector('#detail h2').textContent") == f"asset-{number}"
        assert run(browser, "return document.querySelector('.message').textContent") == printable(attack)
        assert run(browser, "return document.querySelector('.problem').textContent") == f"Yanked: {printable(attack)}"
        assert run(browser, _FOREIGN) == CLEAN
    for name in names:
        run(browser, f"location.hash = encodeURIComponent({name!r}); dispatchEvent(new Event('hashchange'))")
        assert run(browser, _FOREIGN) == CLEAN
    assert logged(browser, "browser") == []


def test_the_policy_stops_what_would_get_in(browser: Chrome, attacked: Path) -> None:
    show(browser, attacked)
    with pytest.raises(Exception, match="TrustedHTML"):
        run(browser, "document.body.innerHTML = '<b>markup made of a string</b>'")
    with pytest.raises(Exception, match="TrustedScript"):
        run(
            browser,
            "const s = document.createElement('script'); s.text = 'window.attacked = 1'; document.body.append(s)",
        )
    run(browser, "document.body.setAttribute('style', 'display: none')")
    assert run(browser, "return getComputedStyle(document.body).display") == "block"
    assert run(browser, "return window.attacked || null") is None
    logged(browser, "browser")
