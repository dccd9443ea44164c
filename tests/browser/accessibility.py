"""What axe-core finds in a page, and whether the page fits a narrow screen. axe-core comes with the page's packages."""

from __future__ import annotations

from typing import Any, Literal

from playwright.async_api import Page

from tests.e2e.station import PROJECT

AXE = PROJECT / "var" / "front" / "node_modules" / "axe-core" / "axe.min.js"
"""`tools/front.py` fetches it; it is an init script, because the page's policy allows no script of others."""
NARROW = 320


async def violations(page: Page) -> list[str]:
    """Every rule that the page breaks, and where."""
    found: list[dict[str, Any]] = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)"
    )
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]


async def check(page: Page, what: str) -> None:
    """No rule is broken in light and dark, and nothing is cut off at the width of a small phone."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await _none(page, f"{what}, {scheme}")
    usual = page.viewport_size
    assert usual is not None
    await page.set_viewport_size({"width": NARROW, "height": 640})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW, f"{what} is {width} wide on a screen of {NARROW}"
    await _none(page, f"{what}, narrow")
    await page.set_viewport_size(usual)


async def _none(page: Page, what: str) -> None:
    found = await violations(page)
    assert not found, "\n".join((what, *found))
