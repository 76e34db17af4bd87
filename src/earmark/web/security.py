"""Checks who calls, by Host, Origin and token, before anything else, and adds headers to every answer.

* **Host** has to be a name of this machine: a page elsewhere cannot reach the server through a name of its own that
  leads here (DNS rebinding).
* **Origin**, where a browser states one, has to be the server's own, and so has the site of a request (Sec-Fetch-Site).
* Methods that change something need the header ``Earmark-Client``: no form and no foreign page can send it (a browser
  would ask with OPTIONS first, which is not answered). A cookie alone is never enough.
* With a **token**, every call has to bring it: as ``Authorization: Bearer``, or as the cookie that opening
  ``/?token=…`` sets.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.errors import Refusal

CLIENT_HEADER = "Earmark-Client"
COOKIE = "earmark-token"
SAFE_METHODS = frozenset({"GET", "HEAD"})
POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "worker", "font", "manifest")),
        *(f"{kind}-src 'self' blob:" for kind in ("img", "media")),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Security:
    """ASGI middleware; ``hosts`` are the names under which the server may be called, besides IP addresses.

    Any address will do when ``token`` is set, else only those of the loopback interface (an address cannot be rebound).
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str | None) -> None:
        self._app = app
        self._hosts = {host.casefold() for host in hosts} | {"localhost"}
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refused(HTTPConnection(scope))
        if answer is None:
            await self._app(scope, receive, send_with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send_with_headers)

    def _refused(self, call: HTTPConnection) -> Response | None:
        """The answer to a call that goes no further."""
        method = call.scope.get("method", "GET")
        try:
            host = self._checked_host(call.headers)
            _check_origin(call, host)
            if method not in SAFE_METHODS and not re.fullmatch(
                r"[A-Za-z0-9._-]{1,64}", call.headers.get(CLIENT_HEADER, "")
            ):
                raise Refusal("foreign", f"the header {CLIENT_HEADER} is missing", "send it with any name of yours")
            if self._token is not None:
                return self._without_token(call, self._token)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.to_dict()}, refusal.status, refusal.headers)
        return None

    def _checked_host(self, headers: Headers) -> str:
        given = headers.getlist("host")
        try:
            name = (urlsplit(f"//{given[0]}").hostname or "") if len(given) == 1 else ""
        except ValueError:
            name = ""
        if name not in self._hosts and not self._is_address(name):
            raise Refusal("foreign", "the server is not called that", "use the address that it printed")
        return given[0].casefold()

    def _is_address(self, name: str) -> bool:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._token is not None or address.is_loopback

    def _without_token(self, call: HTTPConnection, token: str) -> Response | None:
        """The answer to a call that has no token, or brings it to get the cookie."""
        shown = parse_qs(call.scope["query_string"].decode("latin-1")).get("token")
        if call.scope["type"] == "http" and call.scope["path"] == "/" and shown:
            if not _same(shown[0], token):
                raise _no_token()
            welcome = RedirectResponse("/", 303)
            welcome.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict")
            return welcome
        scheme, _, bearer = call.headers.get("authorization", "").partition(" ")
        if not (scheme.casefold() == "bearer" and _same(bearer, token)) and not _same(_cookie(call.headers), token):
            raise _no_token()
        return None


def _check_origin(call: HTTPConnection, host: str) -> None:
    origin = call.headers.get("origin")
    if origin is not None and origin.casefold() not in (f"http://{host}", f"https://{host}"):
        raise Refusal("foreign", "the call comes from a page of another origin", "call from the server's own page")
    site, mode = call.headers.get("sec-fetch-site", "none"), call.headers.get("sec-fetch-mode")
    if site not in ("none", "same-origin") and not (mode == "navigate" and call.scope["path"] == "/"):
        raise Refusal("foreign", "the call comes from a page of another site", "call from the server's own page")


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _no_token() -> Refusal:
    return Refusal("no_token", "the token is missing or wrong", "open the address that the server printed")
