"""The pages of a piece of sheet music → the embeddings of its places, with what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from earmark.embed.windows import BLOCK, PLACE_HOP_PX, centres_between, windowed
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.results.places import Place
from earmark.schema import FloatArray, Ink, Page
from earmark.sheet.engraved_page import Measure, measure_at
from earmark.sheet.flat_pages import SPEC, FlatPage
from earmark.sheet.strips import Strip, heads_of, ink, join_strips
from earmark.sheet.systems.warp import Warp


@dataclass(frozen=True)
class EmbeddedPiece:
    """A piece's pages and its places in playing order, ``PLACE_HOP_PX`` apart; ``embeddings`` float32 [n,
    dimension].

    ``title`` and ``composer`` are a score file's or PDF's own, "" where there is none. ``remarks`` say, a clause each,
    what of the piece is not read. ``thumbnail`` is a small PNG of its first page, b"" where there is none.
    """

    pages: tuple[Page, ...]
    places: tuple[Place, ...]
    embeddings: FloatArray
    title: str = ""
    composer: str = ""
    remarks: tuple[str, ...] = ()
    thumbnail: bytes = b""

    def cut(self, first: int, last: int) -> EmbeddedPiece:
        """The part on pages ``first`` to ``last``, which keep their numbers."""
        chosen = [i for i, place in enumerate(self.places) if first <= place.page <= last]
        return replace(
            self,
            pages=tuple(page for page in self.pages if first <= page.number <= last),
            places=tuple(self.places[i] for i in chosen),
            embeddings=self.embeddings[chosen],
            thumbnail=self.thumbnail if first == 1 else b"",
        )


def embed_piece(pages: Iterable[FlatPage], source: Path, model: Model) -> EmbeddedPiece:
    """Places every ``PLACE_HOP_PX`` of the systems on all ``pages``, in order, as one long strip.

    Places are where they are on the page as it came. Pages without a system (title, text) are counted and otherwise
    passed over. Raises BadInput that names ``source`` when no page has a system.
    """
    read = list(pages)
    strip = join_strips(page.strip for page in read)
    places = tuple(
        _on_page(place, read[place.page - 1].warp)
        for place in _places(strip, [measures for page in read for measures in page.measures])
    )
    unread = list(dict.fromkeys(kind for page in read for kind in page.unread))
    if not places:
        what = "no system of staves was found" + (f" ({', '.join(unread)} is not read)" if unread else "")
        raise BadInput(source, what, "give upright, legible pages of printed music")
    heads = heads_of(strip.pixels, strip.begins)
    embeddings = [
        model.embed_strip(Ink(np.moveaxis(stretch, 0, -1), heads.shown(first, len(stretch))), centres - first)[0]
        for stretch, first, centres in windowed(_ink_blocks(strip), SPEC.window_px, PLACE_HOP_PX)
    ]
    described = tuple(page.page for page in read)
    missing = [f"page {page.page.number} is missing ({page.missing})" for page in read if page.missing]
    remarks = (*missing, *_remarks(unread, *max(page.tallest for page in read)))
    title, composer = next(((page.title, page.composer) for page in read if page.title or page.composer), ("", ""))
    return EmbeddedPiece(described, places, np.concatenate(embeddings), title, composer, remarks, read[0].thumbnail)


def _remarks(unread: Sequence[str], staves: int, read: int) -> tuple[str, ...]:
    """What is not read: kinds of staves, and of the tallest systems, of so many staves, all but ``read``."""
    found = [f"not read: {', '.join(unread)}"] if unread else []
    if read < staves:
        found.append(f"of systems of {staves} staves, {read} are read whole")
    return tuple(found)


def _places(strip: Strip, measures: Sequence[Sequence[Measure]]) -> tuple[Place, ...]:
    """All places of a strip; ``measures`` of each of its systems, none where they are not known."""
    grid = centres_between(0, strip.width, PLACE_HOP_PX)
    systems, x_px = strip.to_page(grid)
    there = [measure_at(measures[system], x_page) for system, x_page in zip(systems, x_px, strict=True)]
    return tuple(
        replace(strip.place(x), measure=measure.number, beat=measure.beat_at(x_page)) if measure else strip.place(x)
        for x, x_page, measure in zip(grid, x_px, there, strict=True)
    )


def _on_page(place: Place, warp: Warp | None) -> Place:
    """A place on a flat page → on the page as it came."""
    return replace(place, box=warp.fractions_to_page(place.box)) if warp else place


def _ink_blocks(strip: Strip) -> Iterator[FloatArray]:
    """The strip's columns as the sheet encoder sees them: blocks float32 [<= BLOCK, lanes, height], 0 = paper, 1 =
    ink."""
    for start in range(0, strip.width, BLOCK):
        yield np.moveaxis(ink(strip.pixels[..., start : start + BLOCK]), -1, 0)
