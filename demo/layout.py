"""A score's PDF → which bars stand in which system, read from the bar numbers that LilyPond prints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2

LEFT_OF_STAVES_PT = 43.0  # bar numbers end here; they are the only figures so far to the left


@dataclass(frozen=True)
class PrintedSystem:
    """System ``system`` of page ``page`` begins with bar ``bar``; all three count from 1."""

    page: int
    system: int
    bar: int


def printed_systems(pdf: Path) -> Iterator[PrintedSystem]:
    """Yield the systems of ``pdf`` in reading order.

    LilyPond prints the number of the first bar over the head of every system but the piece's first.
    """
    with pypdfium2.PdfDocument(pdf) as document:
        for page, text in enumerate((page.get_textpage() for page in document), 1):
            heads = [(float("inf"), 1)] if page == 1 else []
            for number in range(text.count_rects()):
                left, bottom, right, top = text.get_rect(number)
                words = text.get_text_bounded(left, bottom, right, top).strip()
                if right < LEFT_OF_STAVES_PT and re.fullmatch("[0-9]+", words):
                    heads.append((bottom, int(words)))
            for system, (_, bar) in enumerate(sorted(heads, reverse=True), 1):
                yield PrintedSystem(page, system, bar)
