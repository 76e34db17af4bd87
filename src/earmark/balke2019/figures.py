"""Weights and a corpus → figures 1b, 2, 3 and 4 of the paper, on the pieces that the paper shows.

`write_figures` gathers what is shown; each figure is drawn by a function of its own, data in, matplotlib figure out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image as PillowImage
from scipy.stats import spearmanr
from sklearn.manifold import TSNE

from earmark.balke2019.attention import Excerpt, entropies, excerpts, nearest_onset, typical_onset
from earmark.corpus.format import read_splits, rendering_name
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, Box, FloatArray, Image, SheetSpec
from earmark.training.data.dataset import (
    TrainingPiece,
    embed_recording_onsets,
    embed_snippets,
    evenly_taken,
    inside,
    read_pieces,
    read_strip,
)
from earmark.training.evaluation.evaluate import CANDIDATES

RENDERING = rendering_name("musescore-0-0", 1.0)
TEMPO_CHANGES = ("AndreJ__O34__andre-sonatine", (10.4, 38.1, 58.8))
"""Figure 2: the piece, and seconds within its bars 5, 17 and 24 and following (104 quarters a minute)."""
EXAMPLES = (
    "BeethovenLv__O79__LVB_Sonate_79_1",
    "BachJS__BWV988__bwv-988-v12",
    "BachJS__BWV817__bach-french-suite-6-menuet",
    "SchumannR__O68__schumann-op68-26-sans-titre",
    "MussorgskyM__pictures-at-an-exhibition__catacombae",
)
"""Figure 3: five test pieces, (a) to (e)."""
MAP_PIECES = 7
MAP_PAIRS = 280

# Okabe and Ito's colours, which the colour-blind can tell apart; the styles also tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLES = ("-", "--", "-.")
INK = "Greys"


def write_figures(
    encoders: Model,
    corpus: Path,
    out: Path,
    map_pieces: Sequence[str],
    report: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Path], float]:
    """Write figures 1b, 2, 3 and 4 as PNG and SVG into ``out``; returns their paths and figure 4's rank correlation.

    ``map_pieces`` are shown in the map (figure 1b); without any, `MAP_PIECES` taken evenly from the test split.
    ``report`` gets pieces done and in all of figure 4. Raises BadInput when the encoders have no attention or the
    corpus lacks a piece.
    """
    out.mkdir(parents=True, exist_ok=True)
    counts, found = entropies(encoders, _pieces(corpus, read_splits(corpus)["test"]), RENDERING, CANDIDATES, report)
    figure, correlation = entropy_and_onsets(counts, found, _even_entropy(encoders))
    paths = save(figure, out, "figure-4-entropy")
    paths += save(_figure_1b(encoders, corpus, map_pieces), out, "figure-1b-map")
    paths += save(_figure_2(encoders, corpus), out, "figure-2-tempo-changes")
    paths += save(_figure_3(encoders, corpus), out, "figure-3-examples")
    return sorted(paths), correlation


def _pieces(corpus: Path, names: Sequence[str]) -> list[TrainingPiece]:
    pieces = read_pieces(corpus, names, [RENDERING], AudioSpec(), SheetSpec())
    if not pieces:
        raise BadInput(corpus, f"holds none of {', '.join(names[:3])}", "build it with MSMD's test pieces")
    return pieces


def _even_entropy(encoders: Model) -> float:
    silence = np.zeros((AudioSpec().window_frames, AudioSpec().bands), np.float32)
    return float(np.log(encoders.embed_audio(silence, np.array([84.0]))[1].shape[1]))


def _figure_2(encoders: Model, corpus: Path) -> Figure:
    """Figure 2 of the piece in `TEMPO_CHANGES`. Raises BadInput when its excerpts are on several pages."""
    name, times_s = TEMPO_CHANGES
    (piece,) = _pieces(corpus, [name])
    shown = excerpts(encoders, piece, RENDERING, [nearest_onset(piece, time_s) for time_s in times_s])
    strip = read_strip(corpus / "pieces" / name, SheetSpec())
    pages = {strip.place(excerpt.x_px).page for excerpt in shown}
    if len(pages) > 1:
        raise BadInput(name, "has the excerpts on several pages", "build the corpus with its own page size")
    about = json.loads((corpus / "pieces" / name / "piece.json").read_text())
    page = next(page["image"] for page in about["pages"] if page["number"] in pages)
    with PillowImage.open(corpus / "pieces" / name / page) as image:
        grey = np.asarray(image.convert("L"))
    boxes = [strip.snippet_box(excerpt.x_px) for excerpt in shown]
    return tempo_changes(
        grey, boxes, shown, f"{about['composer']}, {about['title']}: {encoders.model_id.rpartition('-')[0]}"
    )


def _figure_3(encoders: Model, corpus: Path) -> Figure:
    """Figure 3 of the pieces in `EXAMPLES`, each about its typical onset."""
    shown, titles = [], []
    reach_s = encoders.attention_reach_frames / AudioSpec().frames_per_second
    for piece in _pieces(corpus, EXAMPLES):
        usable = inside(piece, RENDERING, AudioSpec(), SheetSpec())
        shown += excerpts(encoders, piece, RENDERING, [typical_onset(piece, usable, reach_s)])
        titles.append(_title(corpus, piece.name))
    return examples(shown, titles)


def _figure_1b(encoders: Model, corpus: Path, names: Sequence[str]) -> Figure:
    """Figure 1b of some pieces, or of `MAP_PIECES` taken evenly from the test split."""
    if not names:
        test = sorted(read_splits(corpus)["test"])
        names = [test[i] for i in np.linspace(0, len(test) - 1, MAP_PIECES).astype(int)]
    pieces = _pieces(corpus, names)
    audio, sheet, owner = [], [], []
    for number, piece in enumerate(pieces):
        (onsets,) = evenly_taken([piece], [RENDERING], MAP_PAIRS // len(pieces), AudioSpec(), SheetSpec())
        audio.append(embed_recording_onsets(encoders, piece, onsets, RENDERING))
        sheet.append(embed_snippets(encoders, piece, onsets))
        owner.append(np.full(len(onsets), number))
    titles = [_title(corpus, piece.name) for piece in pieces]
    return embedding_map(np.concatenate(audio), np.concatenate(sheet), np.concatenate(owner), titles)


def _title(corpus: Path, name: str) -> str:
    """A piece's title, cut to fit above a column."""
    title: str = json.loads((corpus / "pieces" / name / "piece.json").read_text())["title"]
    return title if len(title) <= 25 else title[:24] + "…"


def draw_spectrogram(axes: Axes, excerpt: Excerpt) -> None:
    """An audio window: time about its centre, bands from low to high."""
    reach_s = float(excerpt.offset_s[-1])
    axes.imshow(
        excerpt.spectrogram.T, cmap=INK, origin="lower", aspect="auto", extent=(-reach_s, reach_s, 0, 92), vmin=0
    )
    axes.axvline(0, color="0.35", linewidth=0.6, linestyle=":")
    axes.set(xlabel="time about the onset (s)", yticks=[])


def draw_attention(axes: Axes, excerpt: Excerpt, colour: str, style: str = "-", most: float | None = None) -> None:
    """Attention as a multiple of even attention, so that windows of any length compare."""
    values = excerpt.attention * len(excerpt.attention)
    axes.fill_between(excerpt.offset_s, values, color=colour, alpha=0.25, linewidth=0)
    axes.plot(excerpt.offset_s, values, color=colour, linestyle=style, linewidth=1.6)
    axes.axhline(1, color="0.6", linewidth=0.6)
    axes.set(xlim=(excerpt.offset_s[0], excerpt.offset_s[-1]), ylim=(0, most), xticklabels=[])


def tempo_changes(page: Image, boxes: Sequence[Box], excerpts: Sequence[Excerpt], title: str) -> Figure:
    """Figure 2: one piece that changes its pace; ``boxes`` are the excerpts' snippets in px of the page above them."""
    figure = Figure(figsize=(9, 8.2), layout="constrained")
    grid = figure.add_gridspec(3, len(excerpts), height_ratios=(2.6, 0.8, 1))
    sheet = figure.add_subplot(grid[0, :])
    top, bottom = min(box[1] for box in boxes) - 60, max(box[3] for box in boxes) + 60
    sheet.imshow(page, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    sheet.set(ylim=(min(bottom, page.shape[0]), max(0, top)), xticks=[], yticks=[], title=title)
    most = 1.08 * max(float(excerpt.attention.max() * len(excerpt.attention)) for excerpt in excerpts)
    for number, (excerpt, box) in enumerate(zip(excerpts, boxes, strict=True)):
        colour, style = COLOURS[number], STYLES[number % len(STYLES)]
        corner, size = (box[0], box[1]), (box[2] - box[0], box[3] - box[1])
        sheet.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linestyle=style, linewidth=2))
        label = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        sheet.annotate(f"({'abc'[number]})", corner, color=colour, weight="bold", ha="right", va="top", bbox=label)
        above, below = figure.add_subplot(grid[1, number]), figure.add_subplot(grid[2, number])
        draw_attention(above, excerpt, colour, style, most)
        above.set_title(f"({'abc'[number]}) at {excerpt.time_s:.1f} s, {excerpt.onsets} onsets", fontsize=10)
        draw_spectrogram(below, excerpt)
        if number == 0:
            above.set_ylabel("attention\n(× even)")
            below.set_ylabel("frequency")
    return figure


def examples(excerpts: Sequence[Excerpt], titles: Sequence[str]) -> Figure:
    """Figure 3: snippet, attention and spectrogram of pieces of different pace, side by side."""
    figure = Figure(figsize=(2.3 * len(excerpts), 5.4), layout="constrained")
    grid = figure.add_gridspec(3, len(excerpts), height_ratios=(1.1, 0.8, 1))
    most = 1.08 * max(float(excerpt.attention.max() * len(excerpt.attention)) for excerpt in excerpts)
    for number, (excerpt, title) in enumerate(zip(excerpts, titles, strict=True)):
        snippet, above, below = (figure.add_subplot(grid[row, number]) for row in range(3))
        snippet.imshow(excerpt.snippet, cmap=INK, vmin=0, vmax=1)
        snippet.set(xticks=[], yticks=[])
        snippet.set_title(f"({'abcdefgh'[number]}) {title}\n{excerpt.onsets} onsets", fontsize=8.5)
        draw_attention(above, excerpt, COLOURS[0], most=most)
        draw_spectrogram(below, excerpt)
        if number == 0:
            above.set_ylabel("attention\n(× even)")
            below.set_ylabel("frequency")
        else:
            above.set_yticklabels([])
    return figure


def entropy_and_onsets(
    onsets: npt.NDArray[np.int64], entropies: npt.NDArray[np.float64], even: float
) -> tuple[Figure, float]:
    """Figure 4: entropy of the attention (nats) against the number of onsets; also Spearman's rank correlation.

    ``even`` is the entropy of even attention, the most there can be.
    """
    correlation = float(spearmanr(onsets, entropies).statistic)
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    drawn = axes.hexbin(onsets, entropies, gridsize=45, bins="log", cmap=INK, mincnt=1, linewidths=0)
    figure.colorbar(drawn, ax=axes, label="excerpts")
    counts = np.unique(onsets)
    counts = counts[[np.count_nonzero(onsets == count) >= 20 for count in counts]]
    medians = [np.median(entropies[onsets == count]) for count in counts]
    axes.plot(counts, medians, color=COLOURS[1], linewidth=2, label="median (of 20 excerpts or more)")
    axes.axhline(even, color=COLOURS[0], linewidth=1, linestyle="--", label="even attention")
    axes.set(
        xlabel="onsets in the audio window",
        ylabel="entropy of the attention (nats)",
        title=f"{len(onsets)} test excerpts, rank correlation {correlation:.2f}",
    )
    axes.legend(loc="lower left", fontsize=8, frameon=False)
    return figure, correlation


def embedding_map(audio: FloatArray, sheet: FloatArray, piece: npt.NDArray[np.int64], titles: Sequence[str]) -> Figure:
    """Figure 1b: unit embeddings [n, d] of audio and sheet music in two dimensions (t-SNE), a line joining each pair.

    ``piece`` int64 [n] numbers ``titles``.
    """
    both = np.concatenate([audio, sheet])
    perplexity = min(30.0, (len(both) - 1) / 3)
    flat = TSNE(metric="cosine", init="random", perplexity=perplexity, random_state=0).fit_transform(both)
    audio_at, sheet_at = flat[: len(audio)], flat[len(audio) :]
    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    axes = figure.add_subplot()
    for number, title in enumerate(titles):
        mine, colour = piece == number, COLOURS[number % len(COLOURS)]
        axes.plot(
            *np.stack([audio_at[mine], sheet_at[mine]]).transpose(2, 0, 1), color=colour, linewidth=0.4, alpha=0.5
        )
        axes.scatter(audio_at[mine, 0], audio_at[mine, 1], s=14, color=colour, marker="o", label=title, linewidths=0)
        axes.scatter(
            sheet_at[mine, 0], sheet_at[mine, 1], s=14, marker="s", facecolors="none", edgecolors=colour, linewidths=0.8
        )
    axes.set(xticks=[], yticks=[], title="● audio, □ sheet music")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7.5, frameon=False)
    return figure


def save(figure: Figure, out: Path, name: str) -> list[Path]:
    """Write a figure as PNG (200 dpi) and SVG into the folder ``out``."""
    metadata: dict[str, Any] = {"Date": None}
    paths = [out / f"{name}.png", out / f"{name}.svg"]
    figure.savefig(paths[0], dpi=200)
    figure.savefig(paths[1], metadata=metadata)
    return paths
