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
    from earmark.sandbox.sandbox import Sandbox
    from earmark.sheet.on_page import SeenPage, SystemOnPage
    from earmark.sources.on_disk import Score

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
    """Show the systems of all pages of FILE: a PDF, TIFF or other image, a score file, or a folder or ZIP archive of
    these, as for add.

    Boxes are in fractions of the page's width and height, on the page as it came, whichever way it lies. A page without
    music has no systems. Exits with 2 if something could not be read; the rest is shown.

    \b
    earmark pages sonata.pdf
    earmark pages scans/arabesque --draw seen
    earmark pages scans.zip
    """
    from earmark.sandbox.sandbox import Sandbox
    from earmark.sources.questions import questions

    shown: list[dict[str, object]] = []
    sandbox = Sandbox()
    is_whole = True
    with questions(file, sandbox) as found:
        for score in found:
            if isinstance(score, BadInput):
                say(f"earmark: {score}", err=True)
                is_whole = False
            elif score.kind == "score":
                is_whole &= _show(score, sandbox, draw, shown, quiet=as_json)
            elif len(found) == 1:
                raise BadInput(file, "is a recording, which has no pages", "give sheet music")
    if as_json:
        print_json({"pages": shown})
    if not is_whole:
        sys.exit(EXIT_SOME_MISSING)


def _show(score: Score, sandbox: Sandbox, draw: Path | None, shown: list[dict[str, object]], quiet: bool) -> bool:
    """Says, unless ``quiet``, draws and adds to ``shown`` the pages of a piece; whether all could be read."""
    is_whole = True
    try:
        for number, page in enumerate(_pages(score, sandbox), start=1):
            if page.missing:
                say(f"{score.name}, page {number}: missing ({page.missing})", err=True)
                is_whole = False
                continue
            shown.append(_json(score, number, page))
            if not quiet:
                _say_page(score, number, page)
            if draw:
                _draw(page, draw / f"{score.name}-{number:03d}.png")
    except BadInput as error:
        if error.path not in {one.path for one in score.files}:  # of --draw
            raise
        say(f"earmark: {BadInput(score.source, error.what, error.remedy)}", err=True)
        return False
    return is_whole


def _pages(score: Score, sandbox: Sandbox) -> Iterator[SeenPage]:
    """The pages of a piece; raises BadInput."""
    from earmark.sheet.on_page import see_pages
    from earmark.sheet.read import needs_engraver

    files = [file.path for file in score.files]
    return sandbox.stream(see_pages, files, may_start=needs_engraver(files))


def _json(score: Score, number: int, page: SeenPage) -> dict[str, object]:
    height, width = page.image.shape
    entry = {"piece": score.name, "source": score.source, "page": number, "width_px": width, "height_px": height}
    return entry | {"systems": [asdict(system) for system in page.systems]}


def _say_page(score: Score, number: int, page: SeenPage) -> None:
    staves, bars = (sum(len(part) for part in parts) for parts in _parts(page.systems))
    say(f"{score.name}, page {number}: {len(page.systems)} systems, {staves} staves, {bars} bar lines")


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
