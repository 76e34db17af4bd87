"""Weights and a corpus -> the paper's figures, on the pieces that the paper shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image as PillowImage

from earmark.balke2019 import figures
from earmark.balke2019.attention import entropies, excerpts, nearest_onset, typical_onset
from earmark.corpus.format import read_splits, rendering_name
from earmark.errors import BadInput
from earmark.model.encoders import Model
from earmark.schema import AudioSpec, SheetSpec
from earmark.sheet.strips import ink
from earmark.training.data.dataset import (
    TrainingPiece,
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
    figure, correlation = figures.entropy_and_onsets(counts, found, _even_entropy(encoders))
    paths = figures.save(figure, out, "figure-4-entropy")
    paths += figures.save(_embedding_map(encoders, corpus, map_pieces), out, "figure-1b-map")
    paths += figures.save(_tempo_changes(encoders, corpus), out, "figure-2-tempo-changes")
    paths += figures.save(_examples(encoders, corpus), out, "figure-3-examples")
    return sorted(paths), correlation


def _pieces(corpus: Path, names: Sequence[str]) -> list[TrainingPiece]:
    pieces = read_pieces(corpus, names, [RENDERING], AudioSpec(), SheetSpec())
    if not pieces:
        raise BadInput(corpus, f"holds none of {', '.join(names[:3])}", "build it with MSMD's test pieces")
    return pieces


def _even_entropy(encoders: Model) -> float:
    silence = np.zeros((AudioSpec().window_frames, AudioSpec().bands), np.float32)
    return float(np.log(encoders.embed_audio(silence, np.array([84.0]))[1].shape[1]))


def _tempo_changes(encoders: Model, corpus: Path) -> Figure:
    """Figure 2."""
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
    return figures.tempo_changes(
        grey, boxes, shown, f"{about['composer']}, {about['title']}: {encoders.model_id.rpartition('-')[0]}"
    )


def _examples(encoders: Model, corpus: Path) -> Figure:
    """Figure 3."""
    shown, titles = [], []
    reach_s = encoders.attention_reach_frames / AudioSpec().frames_per_second
    for piece in _pieces(corpus, EXAMPLES):
        usable = inside(piece, RENDERING, AudioSpec(), SheetSpec())
        shown += excerpts(encoders, piece, RENDERING, [typical_onset(piece, usable, reach_s)])
        titles.append(_title(corpus, piece.name))
    return figures.examples(shown, titles)


def _embedding_map(encoders: Model, corpus: Path, names: Sequence[str]) -> Figure:
    """Figure 1b."""
    if not names:
        test = sorted(read_splits(corpus)["test"])
        names = [test[i] for i in np.linspace(0, len(test) - 1, MAP_PIECES).astype(int)]
    pieces = _pieces(corpus, names)
    heard, seen, owner = [], [], []
    for number, piece in enumerate(pieces):
        (onsets,) = evenly_taken([piece], RENDERING, MAP_PAIRS // len(pieces), AudioSpec(), SheetSpec())
        frame = piece.audio_s(RENDERING, piece.onsets.time_s[onsets]) * AudioSpec().frames_per_second
        heard.append(encoders.embed_audio(piece.audio[RENDERING].astype(np.float32), frame)[0])
        seen.append(encoders.embed_strip(ink(piece.strip), piece.onsets.x_px[onsets].astype(np.float64))[0])
        owner.append(np.full(len(onsets), number))
    titles = [_title(corpus, piece.name) for piece in pieces]
    return figures.embedding_map(np.concatenate(heard), np.concatenate(seen), np.concatenate(owner), titles)


def _title(corpus: Path, name: str) -> str:
    """A piece's title, cut to fit above a column."""
    title: str = json.loads((corpus / "pieces" / name / "piece.json").read_text())["title"]
    return title if len(title) <= 25 else title[:24] + "…"
