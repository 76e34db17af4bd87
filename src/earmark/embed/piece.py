"""The files of a piece of sheet music → the embeddings of its places, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earmark.embed.windows import BLOCK, PLACE_HOP_PX, centres_between, windowed
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.results import Place
from earmark.schema import FloatArray, Page, SheetSpec
from earmark.sheet.engraved_page import EngravedPage, Measure, measure_at
from earmark.sheet.read import layout_of, read_sheets
from earmark.sheet.strips import Strip, cut_strip, ink, join_strips, staves_in_strip
from earmark.sheet.systems.warp import Warp

SPEC = SheetSpec()


@dataclass(frozen=True)
class EmbeddedPiece:
    """A piece's pages and its places in playing order, ``PLACE_HOP_PX`` apart; ``embeddings`` float32 [n,
    dimension].

    ``title`` and ``composer`` are a score file's own, "" where there is none. ``remarks`` say what of the piece is not
    read, for people, a clause each.
    """

    pages: tuple[Page, ...]
    places: tuple[Place, ...]
    embeddings: FloatArray
    title: str = ""
    composer: str = ""
    remarks: tuple[str, ...] = ()

    def cut(self, first: int, last: int) -> EmbeddedPiece:
        """The part on pages ``first`` to ``last``, which keep their numbers."""
        chosen = [i for i, place in enumerate(self.places) if first <= place.page <= last]
        return replace(
            self,
            pages=tuple(page for page in self.pages if first <= page.number <= last),
            places=tuple(self.places[i] for i in chosen),
            embeddings=self.embeddings[chosen],
        )


def embed_piece(files: Sequence[Path], model: Model) -> EmbeddedPiece:
    """Places every ``PLACE_HOP_PX`` of the systems on all pages of ``files``, in order, as one long strip.

    Pages may lie aside, lean or bend: they are read flat, and places are where they are on the page as it came. Pages
    without a system (title, text) are counted and otherwise passed over. Raises BadInput as
    `earmark.sheet.read.read_sheets` does, and when no page has a system.
    """
    pages: list[Page] = []
    strips: list[Strip] = []
    warps: list[Warp | None] = []
    measures: list[tuple[Measure, ...]] = []
    unread: dict[str, None] = {}
    tallest: tuple[int, int] = (0, 0)
    title = composer = ""
    for number, page in enumerate((page for file in files for page in read_sheets(file)), start=1):
        layout = layout_of(page)
        pages.append(Page(number, *layout.page_size, len(layout.systems)))
        strips.append(cut_strip(layout.image, layout.systems, SPEC, number))
        warps.append(layout.warp)
        measures += page.measures if isinstance(page, EngravedPage) else [()] * len(layout.systems)
        tallest = max([tallest, *(staves_in_strip(system, SPEC) for system in layout.systems)])
        if isinstance(page, EngravedPage):
            title, composer = page.title, page.composer
            unread |= dict.fromkeys(sorted(page.unread))
    strip = join_strips(strips)
    places = tuple(_on_page(place, warps) for place in _places(strip, measures))
    if not places:
        source = files[0] if len(files) == 1 else files[0].parent
        what = "no system of staves was found" + (f" ({', '.join(unread)} is not read)" if unread else "")
        raise BadInput(source, what, "give upright, legible pages of printed music")
    embeddings = [
        model.embed_strip(np.ascontiguousarray(stretch.T), centres - first)[0]
        for stretch, first, centres in windowed(_ink_blocks(strip), SPEC.window_px, PLACE_HOP_PX)
    ]
    remarks = _remarks(list(unread), *tallest)
    return EmbeddedPiece(tuple(pages), places, np.concatenate(embeddings), title, composer, remarks)


def _remarks(unread: Sequence[str], staves: int, read: int) -> tuple[str, ...]:
    """What is not read: kinds of staves, and of the tallest systems, of so many staves, all but the ``read`` middle."""
    found = [f"not read: {', '.join(unread)}"] if unread else []
    if read < staves:
        found.append(f"of systems of {staves} staves, the middle {read} are read")
    return tuple(found)


def _places(strip: Strip, measures: Sequence[Sequence[Measure]]) -> tuple[Place, ...]:
    """All places of a strip; ``measures`` of each of its systems, none where they are not known."""
    grid = centres_between(0, strip.pixels.shape[1], PLACE_HOP_PX)
    systems, x_px = strip.to_page(grid)
    return tuple(
        replace(strip.place(x), measure=measure_at(measures[system], x_page))
        for x, system, x_page in zip(grid, systems, x_px, strict=True)
    )


def _on_page(place: Place, warps: Sequence[Warp | None]) -> Place:
    """A place on a flat page → on the page as it came."""
    warp = warps[place.page - 1]
    return replace(place, box=warp.fractions_to_page(place.box)) if warp else place


def _ink_blocks(strip: Strip) -> Iterator[FloatArray]:
    """The strip's columns as the sheet encoder sees them: blocks float32 [<= BLOCK, height], 0 = paper, 1 =
    ink."""
    for start in range(0, strip.pixels.shape[1], BLOCK):
        yield ink(strip.pixels[:, start : start + BLOCK]).T
