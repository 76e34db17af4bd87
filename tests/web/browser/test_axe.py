"""axe finds no faults of accessibility in any view, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import Visit

VIEWS = {
    "": "#ask-folder",
    "history": "#history-acts:not([hidden])",
    "listen": "#listen-start",
    "library": ".book",
    "piece/1": "#piece:not(.pending)",
    "stand/1": "#stand .leaf img",
    "practice/1/2": "#practice .problem",
    "query/none": "#query .problem",
}
"""What shows that a view is finished."""


def faults(page: Page, axe: str, options: str = "") -> list[str]:
    found = page.evaluate(f"async () => {{ {axe}; return (await axe.run(document{options})).violations; }}")
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def test_no_view_has_faults(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    page = visit()
    found = {}
    for view, ready in VIEWS.items():
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.wait_for_selector(ready, state="attached")
        page.emulate_media(color_scheme="light")
        found[view] = faults(page, axe)
        page.emulate_media(color_scheme="dark")
        found[f"{view}, dark"] = faults(page, axe, ", {runOnly: ['color-contrast']}")
        if view.startswith("stand"):
            page.keyboard.press("b")
            page.wait_for_selector("#marks:visible")
            found["bookmarks"] = faults(page, axe)
            page.keyboard.press("Escape")
    assert {view: told for view, told in found.items() if told} == {}
