"""Fetches files from web servers that nobody vouches for, with limits of time, size and reach.

* **Reach**: what a server names, in a document or by redirecting, may be on public addresses only; addresses of this
  machine and its networks are refused, unless the address that a person gave is itself such a one. A name is looked up
  once for each connection, and the connection goes to the address that was checked.
* **Time**: an answer has to come at `LEAST_BYTES_PER_S` on average, head and body; all answers of one download share
  its time, and all waits that servers ask for share `PATIENCE_S`.
* **Politeness**: one request at a time, a pause after each, a user agent that says who asks, ``Retry-After`` is obeyed.

A proxy that the environment names is used, and then resolves names itself.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, Literal
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from earmark import __version__
from earmark.errors import BadInput

PAUSE_S = 0.25
TIMEOUT_S = 30.0
"""Without a byte."""
ATTEMPTS = 5
PATIENCE_S = 900.0
GRACE_S = 30.0
LEAST_BYTES_PER_S = 10_000.0
"""What an answer has to bring on average after its first `GRACE_S`."""
MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOGIN = frozenset({401, 403})
LOGIN_REMEDY = "log in with a browser, download the files and add them"
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
_AGENT = f"Earmark/{__version__} (indexes sheet music)"
_OWN_NAMES = (".local", ".lan", ".internal", ".home.arpa")
_PORTS = {"http": 80, "https": 443}
_AS_THEY_ARE = "/%?=&:;,+@!$'()*~"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Reach = Literal["public", "private", "link-local", "loopback"]


class Refused(BadInput):
    """The server answered, but not with what was asked for."""


class Download:
    """Fetches what belongs together, one after the other, for at most ``seconds`` in all.

    ``given`` is the address that a person gave: it says which networks may be reached.
    """

    def __init__(self, given: str, seconds: float) -> None:
        self._allowed = _allowed(_parts(given))
        self._until = time.monotonic() + seconds
        self._patience_s = PATIENCE_S
        self._tls = ssl.create_default_context()

    def extend(self, seconds: float) -> None:
        """Gives the download more time."""
        self._until += seconds

    def get(self, url: str, most: int) -> bytes:
        """What is at ``url``, at most ``most`` bytes; tries again when the server is busy or the connection breaks.

        Raises BadInput when it cannot be had within the limits, its Refused when the server says no.
        """
        for wait_s in _waits():
            try:
                content = self._content(url, most)
            except _Busy as busy:
                if wait_s is None:
                    raise busy.refused from None
                wait_s = _retry_after(busy.retry_after, wait_s)
            except (OSError, HTTPException) as error:
                if wait_s is None:
                    raise BadInput(
                        url, f"cannot be fetched ({error})", "check the address and the connection"
                    ) from error
            else:
                time.sleep(PAUSE_S)
                return content
            self._wait(url, wait_s)
        raise AssertionError("the last wait is None")

    def _wait(self, url: str, wait_s: float) -> None:
        if wait_s > min(self._patience_s, self._until - time.monotonic()):
            what = f"the server is busy, and there is no time to wait {wait_s:.0f} s"
            raise BadInput(url, what, "try again then: what was fetched stays")
        self._patience_s -= wait_s
        time.sleep(wait_s)

    def _content(self, url: str, most: int) -> bytes:
        """What is at ``url``, or at where that leads."""
        place = url
        for _ in range(MAX_REDIRECTS + 1):
            with self._asked(place) as answer:
                where = answer.getheader("Location")
                if answer.status not in _REDIRECTS or where is None:
                    return _body(url, answer, most)
            place = _led(place, where)
        raise Refused(url, "is redirected again and again", "check the address")

    @contextmanager
    def _asked(self, url: str) -> Iterator[HTTPResponse]:
        """The answer to one request; its body can be read from it."""
        parts = _parts(url)
        target = quote(parts._replace(scheme="", netloc="", fragment="").geturl() or "/", _AS_THEY_ARE)
        headers = {"Host": _netloc(parts), "User-Agent": _AGENT, "Accept": "application/json, image/*, */*;q=0.8"}
        proxy = _proxy(parts)
        if proxy is None:
            connection = self._connected(url, parts)
        else:
            self._check_name(url, parts)
            connection = _proxied(proxy, parts)
            if parts.scheme == "http":
                target = f"http://{_netloc(parts)}{target}"
                headers |= _proxy_headers(proxy)
        setattr(connection, "response_class", partial(_Paced, url=url, until=self._until))  # noqa: B010
        with closing(connection):
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as answer:
                yield answer

    def _connected(self, url: str, parts: SplitResult) -> HTTPConnection:
        """A connection to the server that ``url`` names, at an address that may be reached."""
        self._check_name(url, parts)
        port = parts.port or _PORTS[parts.scheme]
        addresses = _resolve(_host(parts), port)
        for address in addresses:
            self._check(url, ipaddress.ip_address(address))
        connection = HTTPConnection(_host(parts), port)
        connection.sock = _connect(addresses, port)
        if parts.scheme == "https":
            try:
                connection.sock = self._tls.wrap_socket(connection.sock, server_hostname=_host(parts))
            except BaseException:
                connection.close()
                raise
        return connection

    def _check_name(self, url: str, parts: SplitResult) -> None:
        """The same for what a name tells, which is all that there is before a proxy."""
        address = _as_address(_host(parts))
        if address is not None:
            self._check(url, address)
        elif reach_of_name(_host(parts)) not in self._allowed:
            raise _not_there(url, _host(parts))

    def _check(self, url: str, address: Address) -> None:
        if reach(address) not in self._allowed:
            raise _not_there(url, str(address))


def reach(address: Address) -> Reach:
    """How far away an address is; what is in an IPv6 address that stands for an IPv4 one counts."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return reach(inner)
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    return "public" if address.is_global and not address.is_multicast else "private"


def reach_of_name(host: str) -> Reach:
    """How far away a name can be: names without a dot, and some others, are never of machines elsewhere."""
    name = host.casefold().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    return "private" if "." not in name or name.endswith(_OWN_NAMES) else "public"


class _Busy(Exception):  # noqa: N818
    """The server says to try again, perhaps also when."""

    def __init__(self, refused: Refused, retry_after: str | None) -> None:
        self.refused, self.retry_after = refused, retry_after


class _Paced(HTTPResponse):
    """An answer whose head and body have to come in time."""

    def __init__(self, sock: socket.socket, *args: Any, url: str, until: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Pace(self.fp.detach(), sock, url, until))


class _Pace(io.RawIOBase):
    """What comes through a socket, for as long as enough does."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, url: str, until: float) -> None:
        self._raw, self._socket, self._url, self._until = raw, sock, url, until
        self._start, self._came = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(min(TIMEOUT_S, self._left_s()))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            self._left_s()  # which may be why
            raise
        self._came += count or 0
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _left_s(self) -> float:
        enough_until = self._start + GRACE_S + self._came / LEAST_BYTES_PER_S
        left_s = min(enough_until, self._until) - time.monotonic()
        if left_s <= 0:
            raise BadInput(self._url, "is sent too slowly", "try again later: what was fetched stays")
        return left_s


def _body(url: str, answer: HTTPResponse, most: int) -> bytes:
    if not 200 <= answer.status < 300:
        remedy = (
            "log in with a browser, download the files and add them" if answer.status in _LOGIN else "try again later"
        )
        refused = Refused(url, f"the server says {answer.status} {answer.reason}", remedy)
        raise _Busy(refused, answer.getheader("Retry-After")) if answer.status in _TRY_AGAIN else refused
    content = answer.read(most + 1)
    if len(content) > most:
        raise BadInput(url, f"is larger than {most // 10**6} MB", "download and reduce it, then add the files")
    if answer.length:  # is yet to come: it would be taken for the whole
        raise IncompleteRead(content, answer.length)
    return content


def _parts(url: str) -> SplitResult:
    """Raises BadInput for what is no address on the web."""
    try:
        parts = urlsplit(url)
        if parts.scheme in _PORTS and parts.port != 0 and parts.hostname and _host(parts):
            return parts
    except ValueError:
        pass
    raise BadInput(url, "is no web address", "give one that begins with http:// or https://")


def _led(url: str, where: str) -> str:
    """Where a redirect leads."""
    try:
        return urljoin(url, where)
    except ValueError:
        return where  # which is no address


def _host(parts: SplitResult) -> str:
    """The host's name as it is looked up; raises ValueError when it cannot be one."""
    host = parts.hostname or ""
    return host if host.isascii() else host.encode("idna").decode()


def _netloc(parts: SplitResult) -> str:
    host = f"[{_host(parts)}]" if ":" in _host(parts) else _host(parts)
    return host if parts.port is None else f"{host}:{parts.port}"


def _as_address(host: str) -> Address | None:
    """The address that a host's name is; the resolver also knows forms like ``127.1`` and ``0x7f000001``."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def _allowed(given: SplitResult) -> set[Reach]:
    address = _as_address(_host(given))
    return {"public", reach_of_name(_host(given)) if address is None else reach(address)}


def _not_there(url: str, where: str) -> BadInput:
    remedy = "give such an address yourself, or download the files and add them"
    return BadInput(url, f"leads to {where}, which is of this machine or its network", remedy)


def _resolve(host: str, port: int) -> list[str]:
    """The addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first of these addresses that takes one."""
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((address, port), TIMEOUT_S)
    return socket.create_connection((addresses[-1], port), TIMEOUT_S)


def _proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy that the environment names for this address."""
    found = urllib.request.getproxies().get(parts.scheme)
    if not found or urllib.request.proxy_bypass(_netloc(parts)):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _proxied(proxy: SplitResult, parts: SplitResult) -> HTTPConnection:
    host, port = proxy.hostname or "", proxy.port or 80
    if parts.scheme == "http":
        return HTTPConnection(host, port, TIMEOUT_S)
    connection = HTTPSConnection(host, port, timeout=TIMEOUT_S)
    connection.set_tunnel(_host(parts), parts.port or _PORTS["https"], _proxy_headers(proxy))
    return connection


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    known = b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {known}"}


def _waits() -> Iterator[float | None]:
    """Seconds to wait after each failed attempt; None after the last."""
    yield from (PAUSE_S * 4**attempt for attempt in range(1, ATTEMPTS))
    yield None


def _retry_after(value: str | None, otherwise: float) -> float:
    """Seconds of a Retry-After header, which has seconds or a date."""
    if value is None:
        return otherwise
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return otherwise
