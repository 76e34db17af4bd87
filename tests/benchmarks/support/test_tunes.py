from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.support.tunes import random_tune
from earmark.sheet.engrave import engraved


def test_a_tune_has_the_same_notes_in_every_format(tmp_path: Path) -> None:
    tune = random_tune(np.random.default_rng(0), "Für Élise")
    heads = {}
    for name, text in {
        "a.musicxml": tune.musicxml(),
        "b.musicxml": tune.musicxml(timewise=True),
        "a.mei": tune.mei(),
        "a.krn": tune.kern(),
        "a.abc": tune.abc(),
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        with engraved(tmp_path / name) as engraving:
            found = [head for page in engraving.read() for head in page.noteheads]
        heads[name] = len(found), [round(found[0].y_px - head.y_px) for head in found[:4]]
    assert heads == dict.fromkeys(heads, heads["a.musicxml"])
    assert heads["a.abc"][0] == len(tune.pitches)
