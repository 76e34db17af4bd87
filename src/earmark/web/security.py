"""Checks who calls, by Host, Origin and token, before anything else, and adds headers to every answer.

* **Host** has to be a name of this machine: a page elsewhere cannot reach the server through a name of its own that
  leads here (DNS rebinding).
* **Origin**, where a browser states one, has to be the server's own, and so has the site of a request (Sec-Fetch-Site).
* Methods that change something need the header ``Earmark-Client``: no form and no foreign page can send it (a browser
  would ask with OPTIONS first, which is not answered). A cookie alone is never enough.
* With a **token**, every call has to bring it as ``Authorization: Bearer``, or a cookie that opening ``/?token=…``
  sets, with the token or an invitation. The cookie is neither (see `earmark.web.visitors`), and its name has the port,
  since browsers send cookies to all ports of a host.
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
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earmark.web.errors import Refusal
from earmark.web.visitors import Visitors

CLIENT_HEADER = "Earmark-Client"
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
VISIT = "/api/v1/visit"
"""GET there tells whether a browser was let in by a cookie, DELETE takes the cookie back."""
FORGET = {"Clear-Site-Data": '"cache", "storage"'}
"""Said to a browser that logs out: pieces that it kept for when the server is out of reach go, too."""
NO_TOKEN_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Earmark</title>
<h1>This library is shown to those who have its address</h1>
<p>Open the whole address that <code>earmark serve</code> printed, from “http” to its end: the end is the key.
It has to be opened once on every device, and again when the server was started anew.
A code that the page showed counts once, for ten minutes: show it anew.</p>
"""
"""What a browser shows that has neither token nor cookie."""
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
    No answer may be kept by browsers and proxies unless it says so itself.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str | None, visitors: Visitors) -> None:
        self._app = app
        self._hosts = {host.casefold() for host in hosts} | {"localhost"}
        self._token = token
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_not_kept(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refused(HTTPConnection(scope))
        if answer is None:
            await self._app(scope, receive, send_not_kept)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, send_not_kept)

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
            if _is_call(call, "GET", VISIT):
                return JSONResponse({"cookie": False})
        except Refusal as refusal:
            if refusal.kind == "no_token" and "text/html" in call.headers.get("accept", ""):
                return HTMLResponse(NO_TOKEN_PAGE, refusal.status)
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
        """The answer to a call that has no token, brings it to get a cookie, or gives its cookie back."""
        is_tls = call.scope["scheme"] == "https"
        shown = parse_qs(call.scope["query_string"].decode("latin-1")).get("token")
        if call.scope["type"] == "http" and call.scope["path"] == "/" and shown:
            if not _same(shown[0], token) and not self._visitors.takes(shown[0]):
                raise _no_token()
            welcome = RedirectResponse("/", 303)
            welcome.set_cookie(
                _cookie_name(call), self._visitors.admit(), httponly=True, secure=is_tls, samesite="strict"
            )
            return welcome
        scheme, _, bearer = call.headers.get("authorization", "").partition(" ")
        cookie = _cookie(call)
        if not (scheme.casefold() == "bearer" and _same(bearer, token)) and not self._visitors.knows(cookie):
            raise _no_token()
        if _is_call(call, "GET", VISIT):
            return JSONResponse({"cookie": self._visitors.knows(cookie)})
        if _is_call(call, "DELETE", VISIT):
            self._visitors.dismiss(cookie)
            goodbye = Response(status_code=204, headers=FORGET)
            goodbye.delete_cookie(_cookie_name(call), httponly=True, secure=is_tls, samesite="strict")
            return goodbye
        return None


def _is_call(call: HTTPConnection, method: str, path: str) -> bool:
    return call.scope.get("method") == method and call.scope["path"] == path


def _check_origin(call: HTTPConnection, host: str) -> None:
    origin = call.headers.get("origin")
    if origin is not None and origin.casefold() not in (f"http://{host}", f"https://{host}"):
        raise Refusal("foreign", "the call comes from a page of another origin", "call from the server's own page")
    site, mode = call.headers.get("sec-fetch-site", "none"), call.headers.get("sec-fetch-mode")
    if site not in ("none", "same-origin") and not (mode == "navigate" and call.scope["path"] == "/"):
        raise Refusal("foreign", "the call comes from a page of another site", "call from the server's own page")


def _cookie_name(call: HTTPConnection) -> str:
    """Of this port; with TLS, browsers take a cookie of such a name from this very host only."""
    prefix = "__Host-" if call.scope["scheme"] in ("https", "wss") else ""
    return f"{prefix}earmark-{call.scope['server'][1]}"


def _cookie(call: HTTPConnection) -> str:
    try:
        found = SimpleCookie(call.headers.get("cookie", "")).get(_cookie_name(call))
    except CookieError:
        return ""
    return found.value if found else ""


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _no_token() -> Refusal:
    return Refusal("no_token", "the token is missing or wrong", "open the address that the server printed")
