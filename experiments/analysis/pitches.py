"""How well do the trunks tell the notes that begin: on the page, and in the sound?

    python -m experiments.analysis.pitches runs/earmark-2/checkpoint.pt MSMD INSTRUMENTS --json RESULTS

Whole validation pieces, not augmented, every notehead with an onset against the pitches that the trunk's own teacher
(`earmark.training.losses.pitch_loss`) makes it tell. A note is found where its pitch is told up to two tokens away: 4
strip px, 0.2 s. While a training cools down its teacher fades, so a finished checkpoint tells a little less than it
knows. The means are of pieces: long ones count no more than short ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.support.results import begin, finish, table
from earmark.model.networks import DualEncoder, pool_lanes
from earmark.model.trunk import HeadContext, Trunk
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.batches import note_places
from earmark.training.data.dataset import TrainingPiece, read_some
from earmark.training.train import read_checkpoint

MUSIC = {"piano": ("valid", "timgm6mb-0-2@1"), "other instruments": ("instruments-valid", "fluidr3-score@1")}
"""Split and rendering of each."""
NEAR = 2  # tokens
CHUNK = 800  # input columns read at once
MARGIN = 40  # columns read beyond them on either side, more than a trunk's receptive field

Told = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]
"""Of every pitch and token how surely it begins there, and whether it does: [pitches, tokens]."""


def chunks(columns: int) -> Iterator[tuple[int, int, slice]]:
    """First and last column to be read of each chunk, and which of its tokens count."""
    for first in range(0, columns, CHUNK):
        start, end = max(0, first - MARGIN), min(columns, first + CHUNK + MARGIN)
        kept = (first - start) // Trunk.stride
        yield start, end, slice(kept, kept + (min(columns, first + CHUNK) - first) // Trunk.stride)


@torch.no_grad()
def heard(model: DualEncoder, piece: TrainingPiece, rendering: str) -> Told:
    """What the audio trunk tells of a piece."""
    spectrogram = torch.from_numpy(np.asarray(piece.audio[rendering], np.float32))
    told = [
        model.audio.pitches(model.audio.tokens(spectrogram[None, start:end]))[0, :, kept]
        for start, end, kept in chunks(len(spectrogram))
    ]
    frame = piece.audio_s(rendering, piece.notes.time_s) * AudioSpec().frames_per_second
    return _told(told, piece, frame)


@torch.no_grad()
def seen(model: DualEncoder, piece: TrainingPiece) -> Told:
    """What the sheet trunk tells of a piece."""
    ink, told = piece.ink(), []
    for start, end, kept in chunks(ink.columns):
        heads = ink.heads.shown(start, end - start)
        context = None
        if model.sheet.heads is not None:
            said = model.sheet.heads(torch.from_numpy(heads.ink).flatten(0, 1)).unflatten(0, heads.ink.shape[:2])
            context = HeadContext(said.transpose(0, 1), torch.from_numpy(heads.begins)[None].float())
        tokens = model.sheet.tokens(torch.from_numpy(ink.strip[:, :, start:end]), context)
        pooled = pool_lanes(tokens, torch.arange(len(tokens))[None])
        told.append(model.sheet.pitches(pooled)[0, :, kept])
    return _told(told, piece, piece.notes.x_px)


def _told(parts: list[Tensor], piece: TrainingPiece, column: npt.NDArray[np.floating[Any]]) -> Told:
    surely, pitch = torch.cat(parts, dim=1).numpy(), piece.notes.pitch
    there = np.zeros(surely.shape, np.bool_)
    there.ravel()[note_places(np.zeros_like(pitch), pitch, column, Trunk.stride * surely.shape[1])] = True
    return surely, there


def near(of: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a pitch is there, up to `NEAR` tokens away."""
    pooled: npt.NDArray[np.bool_] = F.max_pool1d(torch.from_numpy(of).float(), 2 * NEAR + 1, 1, NEAR).bool().numpy()
    return pooled


def counts(told: Told) -> dict[str, float]:
    """Average precision of the single tokens of a piece; at the threshold of the best F, the notes that are missed in
    per cent, and those of them of which a pitch a semitone off is told that is not there."""
    surely, there = told
    order = np.argsort(-surely.ravel())
    is_there = there.ravel()[order]
    found, rank, notes = np.cumsum(is_there), np.arange(1, len(order) + 1), int(there.sum())
    f = 2 * found / (rank + notes)
    answered = near(surely >= surely.ravel()[order[f.argmax()]])
    wrong = np.pad(answered & ~near(there), ((1, 1), (0, 0)))
    missed = there & ~answered
    return {
        "notes": notes,
        "average_precision": float((found / rank)[is_there].mean()),
        "f": float(f.max()),
        "missed": 100 * float(missed.sum()) / notes,
        "semitone": 100 * float((missed & (wrong[:-2] | wrong[2:])).sum()) / notes,
    }


def means(pieces: list[dict[str, float]]) -> dict[str, float]:
    """The means of pieces' counts, and how many pieces there are."""
    return {"pieces": len(pieces)} | {key: float(np.mean([piece[key] for piece in pieces])) for key in pieces[0]}


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The table of a results file."""
    rows = [
        [f"{music}, {side}", of["pieces"], f"{of['average_precision']:.3f}", f"{of['f']:.3f}"]
        + [f"{of[kind]:.1f} %" for kind in ("missed", "semitone")]
        for music, sides in results["music"].items()
        for side, of in sides.items()
    ]
    heads = ["", "pieces", "average precision", "best F", "missed", "of these a semitone off"]
    return {"pitches": table(heads, rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("msmd", type=Path)
    parser.add_argument("instruments", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    experiment, model, record = read_checkpoint(given.checkpoint)
    results = begin(None) | {"run": experiment.name, "step": record["step"], "music": {}}
    for (music, (split, rendering)), corpus in zip(MUSIC.items(), (given.msmd, given.instruments), strict=True):
        pieces = read_some([corpus], [split], [rendering], AudioSpec(), SheetSpec())
        results["music"][music] = {
            "sound": means([counts(heard(model, piece, rendering)) for piece in pieces]),
            "page": means([counts(seen(model, piece)) for piece in pieces]),
        }
    finish(results, tables(results), given.json)


if __name__ == "__main__":
    main()
