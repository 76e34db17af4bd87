"""A corpus on disk: the names and the layout of its files, for whoever builds, checks, packs or trains on it.

A corpus folder holds::

    corpus.json                        what it was built from and with
    manifest.json                      every piece that was tried, with its counts, checksums or reason of failure
    splits.json                        the pieces of each split: {split: [PIECE, …]}
    pieces/PIECE/piece.json            the piece's manifest entry, its pages and its systems
    pieces/PIECE/score.pdf, score.mid, page-001.png, …
    pieces/PIECE/noteheads.npz         one row per printed notehead, see `COLUMNS`
    pieces/PIECE/audio/PIANO@TEMPO.npy float16 [frames, 92] spectrogram; at TEMPO r an onset lies at onset_s / r
    pieces/PIECE/audio/PIANO~N@1.npy   the same of take N, see `earmark.corpus.takes`
    pieces/PIECE/audio/PIANO~N@1.timing.npy  float64 [2, n]: seconds of the score, and when take N has them

``PIANO@TEMPO`` or ``PIANO~N@1`` is the name of a *rendering*; what plays may also be the score's own instruments, see
`earmark.corpus.render`. In a packed corpus (`earmark.training.data.pack`), the
files ``strip.png`` and ``notes.npz`` of a piece stand for its pages and noteheads.

A *work* is all pieces of a composer under one opus or title. Whether test pieces are of works that training pieces are
of too is asked in two places: where more pieces to train on are chosen and where results are split by it. Both ask
`work_of`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from earmark.errors import BadInput

Json = dict[str, Any]

FORMAT = 1
ABOUT, MANIFEST, SPLITS = "corpus.json", "manifest.json", "splits.json"
DESCRIPTION, PDF, MIDI, NOTEHEADS = "piece.json", "score.pdf", "score.mid", "noteheads.npz"
PACKED_STRIP, PACKED_NOTES = "strip.png", "notes.npz"

NO_PITCH = 255
COLUMNS = {
    "system": "int32",
    "staff": "int8",
    "x_px": "float32",
    "y_px": "float32",
    "pitch": "uint8",
    "tick": "int32",
    "onset_s": "float64",
    "duration_s": "float64",
}
"""The arrays of ``noteheads.npz``, all [noteheads].

``system`` is a row of ``systems`` in ``piece.json``, ``staff`` counts from the top of the system; ``x_px`` and ``y_px``
are the centre in page pixels; ``pitch`` is MIDI's, `NO_PITCH` without one; ``tick`` counts in ``score.mid``,
``onset_s`` and ``duration_s`` are at the score's own tempo. Where a notehead has no onset (held over by a tie, or
without sound) ``tick`` is -1 and the times are NaN."""


def piece_folder(corpus: Path, piece: str) -> Path:
    """The folder of a piece."""
    return corpus / "pieces" / piece


def piece_folders(corpus: Path) -> list[Path]:
    """The folders of all pieces that are there, by name."""
    return sorted((corpus / "pieces").iterdir())


def page_file(number: int) -> str:
    """The page image of a number, which counts from 1."""
    return f"page-{number:03}.png"


def rendering_name(piano: str, tempo: float = 1.0, take: int = 0) -> str:
    """Name of a rendering: ``fluidr3-0-0@1``, or ``fluidr3-0-0~7@1`` of take 7; takes count from 1."""
    return f"{piano}~{take}@{tempo:g}" if take else f"{piano}@{tempo:g}"


def tempo_of(rendering: str) -> float:
    """The tempo in a rendering's name, as a factor of the score's own."""
    return float(rendering.partition("@")[2])


def performance_of(rendering: str) -> str:
    """What renderings of equal timing have in common: their names without the piano."""
    return re.sub(r"^[^~@]*", "", rendering)


def is_take(rendering: str) -> bool:
    """Whether a rendering is a take, which has a timing of its own."""
    return "~" in rendering


def audio_file(rendering: str) -> str:
    """Where the spectrogram of a rendering lies in its piece's folder."""
    return f"audio/{rendering}.npy"


def timing_file(rendering: str) -> str:
    """Where the timing of a take lies in its piece's folder."""
    return f"audio/{rendering}.timing.npy"


def renderings_in(files: Iterable[str]) -> list[str]:
    """The renderings whose spectrograms are among the ``files`` of a piece, which are named from its folder."""
    arrays = [name.removeprefix("audio/").removesuffix(".npy") for name in files if name.startswith("audio/")]
    return [name for name in arrays if not name.endswith(".timing")]


def read_json(path: Path) -> Json:
    """Read a JSON object."""
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def read_splits(corpus: Path) -> dict[str, list[str]]:
    """The pieces of each split. Raises BadInput when the corpus has none."""
    path = corpus / SPLITS
    try:
        return read_json(path)
    except FileNotFoundError:
        raise BadInput(path, "not there", "build the corpus with --splits FILE") from None


def transposed_name(piece: str, semitones: int) -> str:
    """Name of a piece in another key, ``semitones`` higher: ``NAME@+3``, ``NAME@-2``."""
    return f"{piece}@{semitones:+d}"


def semitones_of(piece: str) -> int:
    """How many semitones higher than its file says a piece of this name is, see `transposed_name`."""
    found = re.search(r"@([+-]\d+)$", piece)
    return int(found[1]) if found else 0


def work_of(piece: str) -> str:
    """The work that a piece is of, by its name or its file: ``BachJS__BWV924a__x`` → ``BachJS/BWV924``.

    ``ftp/BachJS/BWV924a/x/x.ly`` is of the same one: names are made of paths in the Mutopia Project, which lie by
    composer and work. A letter after a work's number (BWV 924a) makes no other work: it is a version or an arrangement.
    What is not laid out so is a work of its own.
    """
    parts = piece.removeprefix("ftp/").replace("/", "__").split("__")
    if len(parts) < 3:
        return piece
    return f"{parts[0]}/{re.sub(r'(?<=[0-9])[a-z]$', '', parts[1])}"
