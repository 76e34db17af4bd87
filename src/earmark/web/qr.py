"""QR codes of an address, for a terminal and for the page, so that a tablet's camera opens it."""

from __future__ import annotations

import io

import click
import segno


def terminal_code(address: str) -> str:
    """Lines of half blocks, two rows of modules each, white and black in a terminal of any colours."""
    drawn = io.StringIO()
    _code(address).terminal(drawn, compact=True)
    return "\n".join(click.style(line, fg="bright_white", bg="black") for line in drawn.getvalue().splitlines())


def svg_code(address: str) -> str:
    """An SVG document as large as what shows it, black on white with the margin that cameras need."""
    drawn = io.BytesIO()
    _code(address).save(drawn, kind="svg", light="#fff", omitsize=True, xmldecl=False, svgclass=None, lineclass=None)
    return drawn.getvalue().decode()


def _code(address: str) -> segno.QRCode:
    return segno.make_qr(address, error="m")
