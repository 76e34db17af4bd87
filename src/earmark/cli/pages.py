"""``earmark pages``: the systems that are found on pages, to look at or for scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from earmark.cli.options import JSON, print_json, say
from earmark.errors import BadInput

if TYPE_CHECKING:
    from earmark.library.sources import Score
    from earmark.sandbox.sandbox import Sandbox
    from earmark.sheet.on_page import SeenPage, SystemOnPage

EXIT_SOME_MISSING = 2


@click.command()
@click.argument("file", type=click.Path(readable=False, path_type=Path))
@JSON
@click.option(
    "--draw",
    default=None,
    metavar="OUT",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every page, with its systems marked, to OUT/<piece>-<page>.png.",
)
def pages_command(file: Path, as_json: bool, draw: Path | None) -> None:
    """Show the systems of all pages of FILE: a PDF, TIFF or other image, a score file, or a folder, as for add.

    Boxes are in fractions of the page's width and height, on the page as it came, whichever way it lies. A page without
    music has no systems.

    \b
    earmark pages sonata.pdf
    earmark pages scans/arabesque --draw seen
    """
    from earmark.sandbox.sandbox import Sandbox

    found = []
    sandbox = Sandbox()
    missing = 0
    for score, number, page in _pages(file, sandbox):
        if page.missing:
            say(f"{score.name}, page {number}: missing ({page.missing})", err=True)
            missing += 1
            continue
        entry = {"piece": score.name, "source": score.source, "page": number}
        height, width = page.image.shape
        sizes = {"width_px": width, "height_px": height}
        found.append({**entry, **sizes, "systems": [asdict(system) for system in page.systems]})
        if not as_json:
            staves, bars = (sum(len(part) for part in parts) for parts in _parts(page.systems))
            say(f"{score.name}, page {number}: {len(page.systems)} systems, {staves} staves, {bars} bar lines")
        if draw:
            _draw(page, draw / f"{score.name}-{number:03d}.png")
    if as_json:
        print_json({"pages": found})
    if missing:
        sys.exit(EXIT_SOME_MISSING)


def _pages(file: Path, sandbox: Sandbox) -> Iterator[tuple[Score, int, SeenPage]]:
    """(Piece, number of the page in it, page) of everything at ``file``; raises BadInput."""
    from earmark.library.sources import Skipped, find_scores
    from earmark.sheet.on_page import see_pages
    from earmark.sheet.read import needs_engraver

    for score in find_scores([file], sandbox):
        if isinstance(score, BadInput):
            raise score
        if isinstance(score, Skipped):
            continue
        files = [part.path for part in score.files]
        pages = sandbox.stream(see_pages, files, may_start=needs_engraver(files))
        yield from ((score, number, page) for number, page in enumerate(pages, start=1))


def _parts(systems: tuple[SystemOnPage, ...]) -> Iterator[list[tuple[object, ...]]]:
    yield [system.staves for system in systems]
    yield [system.bars for system in systems]


def _draw(page: SeenPage, path: Path) -> None:
    from earmark.files import replacing
    from earmark.sheet.draw import mark_systems

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            mark_systems(page, page.systems).save(file, "PNG")
    except OSError as error:
        raise BadInput(path, f"cannot be written ({error.strerror})", "give another --draw folder") from error
