"""Performances side by side → a picture, and tables that other programs read.

| file | reads it |
|---|---|
| `PICTURE` | browsers, word processors: SVG |
| `TABLE` | spreadsheets: a line for each position, two columns for each performance |
| a performance's | Sonic Visualiser, as a layer of time values: seconds of that recording, and the tempo there |
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from earmark.errors import printable
from earmark.files import make_folder, replacing
from earmark.results.comparison import Comparison, Performance

PICTURE, TABLE, CURVE = "tempo.svg", "tempo.csv", ".tempo.csv"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""The colour-blind can tell them apart, too (Okabe and Ito 2008)."""
WIDTH, PANEL, LEFT, RIGHT, TOP, BETWEEN, LINE = 960, 260, 64, 24, 40, 64, 20
MOST_TICKS = 16
UNFIT = re.compile(r"[^\w .()-]")
"""Of a file's name, what not every system takes."""

Values = Sequence[float | None]


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes the picture, the table and a curve for each performance into ``folder``, which is made if need be."""
    texts = {PICTURE: picture(comparison), TABLE: table(comparison)}
    for number, performance in enumerate(comparison.performances, start=1):
        name = UNFIT.sub("_", Path(performance.recording).stem) or "recording"
        taken = f"{name}{CURVE}" in texts
        texts[f"{name}-{number}{CURVE}" if taken else f"{name}{CURVE}"] = curve(performance)
    make_folder(folder)
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text.encode())
    return [folder / name for name in texts]


def table(comparison: Comparison) -> str:
    """A CSV line for each position; of each performance, when it passes and how fast it goes on."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [Path(one.recording).name for one in comparison.performances]
    columns = [f"{name} {what}" for name in names for what in ("time_s", comparison.unit)]
    writer.writerow(["page", "system", "measure", "strip_px", *columns])
    for i, at in enumerate(comparison.positions):
        values = [value for one in comparison.performances for value in (one.times_s[i], one.tempi[i])]
        told = ["" if value is None else value for value in values]
        writer.writerow([at.page, at.system, at.measure or "", at.strip_px, *told])
    return out.getvalue()


def curve(performance: Performance) -> str:
    """A CSV line for each position that is passed: seconds of the recording, tempo. No header, by time."""
    pairs = zip(performance.times_s, performance.tempi, strict=True)
    known = sorted((time_s, tempo) for time_s, tempo in pairs if time_s is not None and tempo is not None)
    return "".join(f"{time_s:.3f},{tempo:.2f}\n" for time_s, tempo in known)


def picture(comparison: Comparison) -> str:
    """An SVG: the tempi along the piece; below, where there are several performances, each against their mean."""
    names = [Path(one.recording).name for one in comparison.performances]
    panels: list[tuple[str, Sequence[Values]]] = [
        (f"Tempo, {comparison.unit}", [one.tempi for one in comparison.performances])
    ]
    if len(names) > 1:
        panels.append(("Against the mean of all, 1 is as fast", comparison.relative()))
    height = TOP + len(panels) * (PANEL + BETWEEN) + LINE * len(names)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(LEFT, 24, comparison.piece, 'font-size="17"'),
    ]
    for number, (title, rows) in enumerate(panels):
        parts += _panel(TOP + number * (PANEL + BETWEEN), title, rows, comparison)
    for number, name in enumerate(names):
        y = TOP + len(panels) * (PANEL + BETWEEN) + LINE * number
        parts.append(f'<path d="M{LEFT} {y - 4}h24" stroke="{_colour(number)}" stroke-width="2.5"/>')
        parts.append(_text(LEFT + 32, y, name))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(top: float, title: str, rows: Sequence[Values], comparison: Comparison) -> Iterator[str]:
    """One chart: the positions from left to right, a line for each row. What is far off is drawn at the edge."""
    known = [value for row in rows for value in row if value is not None]
    low, high = np.percentile(known, (1, 99)).tolist() if known else (0.0, 1.0)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)
    positions = comparison.positions
    first, last = positions[0].strip_px, positions[-1].strip_px

    def x(i: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (positions[i].strip_px - first) / max(last - first, 1.0)

    def y(value: float) -> float:
        return top + 20 + (PANEL - 20) * (high - min(max(value, low), high)) / (high - low)

    yield _text(LEFT, top + 10, title)
    for share in (0.0, 0.5, 1.0):
        value = low + share * (high - low)
        yield f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield _text(LEFT - 8, y(value) + 4, f"{value:.3g}", 'text-anchor="end"')
    for i in _ticks(comparison):
        at = positions[i]
        yield f'<path d="M{x(i):.1f} {top + 20}V{top + PANEL}" stroke="#eee"/>'
        yield _text(x(i), top + PANEL + 18, f"p. {at.page}" if at.measure is None else at.measure, 'fill="#555"')
    yield _text(LEFT, top + PANEL + 36, "page" if positions[0].measure is None else "measure", 'fill="#555"')
    for number, row in enumerate(rows):
        yield f'<path d="{_path(row, x, y)}" fill="none" stroke="{_colour(number)}" stroke-width="1.8"/>'


def _path(row: Values, x: Callable[[int], float], y: Callable[[float], float]) -> str:
    """A line through the values, broken where one is missing."""
    told, is_drawn = [], False
    for i, value in enumerate(row):
        if value is not None:
            told.append(f"{'L' if is_drawn else 'M'}{x(i):.1f} {y(value):.1f}")
        is_drawn = value is not None
    return "".join(told)


def _ticks(comparison: Comparison) -> list[int]:
    """The positions whose measures, or of which the first on their page, are written below."""
    positions = comparison.positions
    if positions[0].measure is None:
        chosen = [i for i, at in enumerate(positions) if i == 0 or at.page != positions[i - 1].page]
    else:
        chosen = list(range(len(positions)))
    return chosen[:: -(-len(chosen) // MOST_TICKS)]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(printable(text))}</text>'
