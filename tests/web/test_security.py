"""Checks of who calls: Host, Origin, token, and the headers of answers."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from earmark.web.security import Security
from earmark.web.visitors import Visitors

OWN = {"Host": "127.0.0.1:8765"}
CLIENT = {"Earmark-Client": "tests"}


async def welcome(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"welcome to {Request(scope).url.path}")(scope, receive, send)


def call(
    headers: dict[str, str], method: str = "GET", path: str = "/api/v1/library", token: str | None = None
) -> httpx.Response:
    async def run() -> httpx.Response:
        guard: Any = Security(welcome, ["scores.local"], token, Visitors())
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8765") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "LOCALHOST", "scores.local:80"])
def test_names_of_this_machine_are_let_in(host: str) -> None:
    assert call({"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "10.0.0.1", "", "[::1", "a@b"]
)
def test_other_names_are_not(host: str) -> None:
    answer = call({"Host": host})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "foreign")


def test_with_a_token_any_address_will_do_but_no_name() -> None:
    bearer = {"Authorization": "Bearer secret"}
    assert call({"Host": "192.168.1.7:8765", **bearer}, token="secret").status_code == 200
    assert call({"Host": "evil.example", **bearer}, token="secret").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},  # to the API
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_pages_of_others_are_refused(headers: dict[str, str], method: str) -> None:
    assert call({**OWN, **CLIENT, **headers}, method).status_code == 403


def test_the_own_page_and_links_to_it_are_not() -> None:
    own = {**OWN, **CLIENT, "Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert call(own, "POST").status_code == 200
    link = {**OWN, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert call(link, path="/").status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS"])
def test_what_changes_something_needs_a_header_that_no_form_can_send(method: str) -> None:
    assert call(OWN, method).status_code == 403
    assert call({**OWN, "Earmark-Client": "a b"}, method).status_code == 403
    assert call({**OWN, **CLIENT}, method).status_code == 200


def test_with_a_token_nothing_is_answered_without_it() -> None:
    for path in ("/", "/api/v1/library", "/healthz", "/metrics", "/?token=wrong", "/api/v1/library?token=secret"):
        answer = call(OWN, path=path, token="secret")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}, {"Cookie": "earmark-8765="}):
        assert call({**OWN, **headers}, token="secret").status_code == 401
    assert call({**OWN, "Authorization": "Bearer secret"}, token="secret").status_code == 200


def browse(
    *requests: tuple[str, str, dict[str, str]], origin: str = "http://127.0.0.1:8765", visitors: Visitors | None = None
) -> list[httpx.Response]:
    """What one guard answers to requests in turn: method, path, headers. Cookies are kept as a browser does."""

    async def run() -> list[httpx.Response]:
        guard: Any = Security(welcome, [], "secret", visitors or Visitors())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=origin) as client:
            return [await client.request(method, path, headers=headers) for method, path, headers in requests]

    return asyncio.run(run())


def test_a_browser_without_the_token_is_told_in_words_for_people() -> None:
    asked = {**OWN, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = call(asked, path="/", token="secret")
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert "earmark serve" in answer.text
    assert call(asked, path="/", method="GET").status_code == 200


def test_the_printed_address_sets_a_cookie_that_is_not_the_token() -> None:
    welcomed, seen, other = browse(
        ("GET", "/?token=secret", {}), ("GET", "/api/v1/library", {}), ("GET", "/?token=secret", {})
    )
    assert (welcomed.status_code, welcomed.headers["location"], seen.status_code) == (303, "/", 200)
    cookie = welcomed.headers["set-cookie"]
    assert re.fullmatch(r"earmark-8765=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert "secret" not in cookie
    assert other.headers["set-cookie"] != cookie


def test_with_tls_the_cookie_goes_nowhere_else() -> None:
    welcomed, seen = browse(("GET", "/?token=secret", {}), ("GET", "/", {}), origin="https://127.0.0.1:8765")
    cookie = welcomed.headers["set-cookie"]
    assert re.fullmatch(r"__Host-earmark-8765=[\w-]{43}; HttpOnly; Path=/; SameSite=strict; Secure", cookie)
    assert seen.status_code == 200


def test_neither_the_token_nor_a_cookie_of_another_port_is_a_cookie_of_this() -> None:
    welcomed, *answers = browse(
        ("GET", "/?token=secret", {}),
        ("GET", "/", {"Cookie": "earmark-8765=secret"}),
        ("GET", "/", {"Cookie": "earmark-token=secret"}),
        origin="http://127.0.0.1:8765",
    )
    assert {answer.status_code for answer in answers} == {401}
    value = welcomed.cookies["earmark-8765"]
    (other,) = browse(("GET", "/", {"Cookie": f"earmark-8765={value}"}))  # another server, another start
    assert other.status_code == 401


def test_a_cookie_alone_changes_nothing_and_can_be_taken_back() -> None:
    welcomed, told, refused, dismissed, after = browse(
        ("GET", "/?token=secret", {}),
        ("GET", "/api/v1/visit", {}),
        ("DELETE", "/api/v1/visit", {}),
        ("DELETE", "/api/v1/visit", CLIENT),
        ("GET", "/", {"Cookie": ""}),
    )
    assert [answer.status_code for answer in (welcomed, refused, dismissed, after)] == [303, 403, 204, 401]
    assert told.json() == {"cookie": True}
    assert "Max-Age=0" in dismissed.headers["set-cookie"]
    assert dismissed.headers["clear-site-data"] == '"cache", "storage"'


def test_an_invitation_lets_one_browser_in_and_is_no_token() -> None:
    visitors = Visitors()
    invitation = visitors.invite()
    bearer = {"Authorization": f"Bearer {invitation}"}
    opened: tuple[str, str, dict[str, str]] = ("GET", f"/?token={invitation}", {})
    refused, welcomed, again = browse(("GET", "/", bearer), opened, opened, visitors=visitors)
    assert [answer.status_code for answer in (refused, welcomed, again)] == [401, 303, 401]
    assert invitation not in welcomed.headers["set-cookie"]


def test_who_came_without_a_cookie_is_told_so() -> None:
    assert call(OWN, path="/api/v1/visit").json() == {"cookie": False}
    bearer = {**OWN, "Authorization": "Bearer secret"}
    assert call(bearer, token="secret", path="/api/v1/visit").json() == {"cookie": False}


def test_no_answer_is_kept_unless_it_says_so() -> None:
    for answer in (call(OWN), call({"Host": "evil.example"}), call(OWN, token="secret")):
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
