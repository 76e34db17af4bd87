"""``earmark serve``: the page and the API of a library."""

from __future__ import annotations

import secrets
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click

from earmark.cli.options import EXISTING_FILE, LIBRARY, MODEL, say
from earmark.errors import EarmarkError, printable

HOST = "127.0.0.1"
THIS_MACHINE = (HOST, "::1", "localhost")
PORT = 8765
QUOTA = "How large what browsers add and the library's database may be together."


@click.command()
@LIBRARY
@click.option("--host", default=HOST, show_default=True, help="The address to listen on; others need a token.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--workers", default=None, type=click.IntRange(min=1), help="Processes for questions; one for each core.")
@click.option("--quota", default=20.0, show_default=True, metavar="GB", type=click.FloatRange(min=0.1), help=QUOTA)
@click.option("--tls", "is_tls", is_flag=True, help="Speak HTTPS, with a certificate that is made for this machine.")
@click.option(
    "--certificate", nargs=2, metavar="CERT KEY", type=EXISTING_FILE, help="Speak HTTPS with these PEM files."
)
@MODEL
def serve_command(
    where: str,
    host: str,
    port: int,
    workers: int | None,
    quota: float,
    is_tls: bool,
    certificate: tuple[Path, Path] | None,
    model: str | None,
) -> None:
    """Open LIBRARY, which is made if need be, to a browser: ask, see, follow, listen, add.

    Only programs on this machine can reach it. With --host others can, if they have the token that is printed once, as
    part of the address to open and, in a terminal, of a QR code for a tablet's camera. With --tls nobody on the way can
    read that: browsers warn once of a certificate that nobody else vouches for, and show its fingerprint, which is
    printed.

    \b
    earmark serve ~/scores
    earmark serve ~/scores --host 0.0.0.0 --port 8000 --tls
    """
    if sys.stderr.isatty():  # it takes seconds where the disk is slow
        say(f"opening {where} …", err=True)
    try:
        from earmark.web.app import create_app
        from earmark.web.certificate import tls
        from earmark.web.qr import terminal_code
        from earmark.web.server import listen, make_server
    except ImportError as error:
        raise EarmarkError(f"serving needs {error.name}; install it with: pip install 'earmark[web]'") from error
    from earmark.library.library import Library
    from earmark.store.location import is_remote
    from earmark.web.limits import Limits

    given = where if is_remote(where) else Path(where).expanduser()
    if isinstance(given, Path):
        _offer_to_add(given, model)
    with Library.open(given, model) as library:
        library.check()  # what is wrong is said now, not to the first who asks
    token = None if host in THIS_MACHINE else secrets.token_urlsafe(32)
    limits = replace(Limits(), library_bytes=round(quota * 1e9))
    names = {host, socket.gethostname()} if token else set()
    files = _certificate(host) if is_tls and not certificate else certificate
    secured = tls(*files) if files else None
    with listen(host, port, "https" if secured else "http") as listening:
        app = create_app(given, model, token, names, limits, workers, listening.network_url if token else None)
        say(listening.url + (f"?token={token}" if token else ""))
        if token and sys.stdout.isatty():  # programs want the address alone
            click.echo(terminal_code(printable(f"{listening.network_url}?token={token}")))
        if token and not secured:
            say("Who can read the network can read the token and all that is asked; --tls prevents that.", err=True)
        make_server(app, limits, secured).run([listening.socket])


def _certificate(host: str) -> tuple[Path, Path]:
    """The certificate that was made for this machine, and its key; says its fingerprint."""
    from earmark.web.certificate import fingerprint, own_certificate

    path = own_certificate(Path(click.get_app_dir("earmark")) / "tls", host)
    say(f"The certificate's SHA-256 fingerprint, to compare with the browser's: {fingerprint(path)}", err=True)
    return path, path


def _offer_to_add(folder: Path, model: str | None) -> None:
    """Where a folder of sheet music is no library yet, asks whether to make it one; without a yes nothing is made."""
    from earmark.cli.library import add_command
    from earmark.sandbox.sandbox import Sandbox
    from earmark.sources.on_disk import Score, find_scores
    from earmark.store.database import FILE_NAME

    if not folder.is_dir() or (folder / FILE_NAME).exists():
        return
    found = sum(isinstance(one, Score) and one.kind == "score" for one in find_scores([folder], Sandbox()))
    if not found:
        return
    what = f"{folder} is no library yet, but holds {found} piece{'' if found == 1 else 's'} of sheet music"
    if not sys.stdin.isatty():
        raise EarmarkError(f"{what}; add them first: earmark add {folder} {folder}")
    click.confirm(printable(f"{what}. Add them, and serve it?"), abort=True)
    with suppress(SystemExit):  # what could not be added has been said; the rest is served
        add = click.get_current_context().invoke
        add(add_command, where=str(folder), paths=(str(folder),), split=False, model=model, as_json=False)
