"""Checks of who calls: Host, Origin, token, and the headers of answers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from earmark.web.security import Security

OWN = {"Host": "127.0.0.1:8765"}
CLIENT = {"Earmark-Client": "tests"}


async def welcome(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(f"welcome to {Request(scope).url.path}")(scope, receive, send)


def call(
    headers: dict[str, str], method: str = "GET", path: str = "/api/v1/library", token: str | None = None
) -> httpx.Response:
    async def run() -> httpx.Response:
        guard: Any = Security(welcome, ["scores.local"], token)
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
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": "Basic secret"}, {"Cookie": "earmark-token="}):
        assert call({**OWN, **headers}, token="secret").status_code == 401
    assert call({**OWN, "Authorization": "Bearer secret"}, token="secret").status_code == 200
    assert call({**OWN, "Cookie": "earmark-token=secret"}, token="secret").status_code == 200


def test_a_cookie_alone_changes_nothing() -> None:
    assert call({**OWN, "Cookie": "earmark-token=secret"}, "POST", token="secret").status_code == 403


def test_the_printed_address_sets_the_cookie() -> None:
    answer = call(OWN, path="/?token=secret", token="secret")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["set-cookie"] == "earmark-token=secret; HttpOnly; Path=/; SameSite=strict"


def test_every_answer_forbids_what_the_page_does_not_need() -> None:
    for answer in (call(OWN), call({"Host": "evil.example"}), call(OWN, token="secret")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
