"""Who opened the address with the token can give the cookie back, on a phone too; who needs none is not asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.browser.conftest import PHONE, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import FakeEncoders
    from tests.web.conftest import Serve, Served


def test_who_logs_out_is_shown_how_to_come_in_again(
    serve: Serve, server: Served, browser: Browser, encoders: FakeEncoders
) -> None:
    with serve(server.folder, encoders, token="secret") as guarded:
        visit = Visit(browser, f"{guarded.url}/?token=secret")
        page = visit("library", **PHONE)
        page.wait_for_selector("#leave:visible")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.click("#leave")
        page.wait_for_selector("text=This library is shown to those who have its address")
        assert page.context.cookies() == []
        assert page.context.request.get(f"{guarded.url}/api/v1/library").status == 401
        assert [fault for watched in visit.watched for fault in watched.faults] == []
        visit.close()


def test_without_a_token_there_is_nothing_to_leave(visit: Visit) -> None:
    page = visit("library")
    page.wait_for_selector("#library-counts:not(:empty)")
    assert page.is_hidden("#leave")
