"""Notes are followed from the engraved page to a degraded one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from benchmarks.support.degrade import WAYS
from earmark.schema import SheetSpec
from earmark.sheet.strips import cut_strip
from earmark.sheet.systems.find import find_systems
from earmark.sheet.systems.warp import Warp
from experiments.analysis.snippets import see, to_flat, way_of

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


def test_points_of_a_bent_page_are_found_on_the_flat_one() -> None:
    column, row = np.meshgrid(np.arange(11.0) * 20, np.arange(16.0) * 20)
    bent = np.stack([300 - row - 4 * np.sin(column / 40), column + 6 * np.sin(row / 60)], axis=2)  # on its side
    warp = Warp(bent.astype(np.float32), (20.0, 20.0), (200, 300), (300, 200))
    flat = np.random.default_rng(0).uniform(0, (200, 300), (50, 2))
    np.testing.assert_allclose(to_flat(warp, warp.to_page(flat)), flat, atol=1e-6)
    assert to_flat(None, flat) is flat


def test_notes_are_found_again_on_a_degraded_page(tmp_path: Path, music: Music, encoders: FakeEncoders) -> None:
    (page,) = music.pages(music.melody(1, 48))
    systems = find_systems(page)
    folder = tmp_path / "piece"
    folder.mkdir()
    Image.fromarray(page).save(folder / "page-001.png")
    gone = {"page": 1, "box": [100, page.shape[0] - 60, 900, page.shape[0] - 20]}  # a system that nobody will find
    about = {"pages": [{"number": 1, "image": "page-001.png"}], "systems": [{"page": 1, **vars(s)} for s in systems]}
    (folder / "piece.json").write_text(json.dumps({**about, "systems": [*about["systems"], gone]}))
    system = np.repeat([0, 1, 2], [24, 24, 1])
    x_px = np.append(100.0 + 40 * (np.arange(48) % 24 + 0.5), 500.0)
    y_px = np.append([(s.box[1] + s.box[3]) / 2 for s in systems for _ in range(24)], page.shape[0] - 40.0)
    np.savez(
        folder / "noteheads.npz",
        system=system,
        x_px=x_px,
        y_px=y_px,
        pitch=np.full(49, 60, np.uint8),
        onset_s=np.arange(49) * 0.5,
    )
    exact = cut_strip(page, systems, SheetSpec())
    clean = see(folder, "clean")
    np.testing.assert_allclose(clean.x_px[:-1], exact.to_strip(system[:-1], x_px[:-1]), atol=0.01)
    for way in ("skew", "curl"):
        seen = see(folder, way)
        assert set(seen.way.tolist()) == {way}
        assert np.isnan(seen.x_px[-1])
        embeddings = seen.embed(encoders, np.arange(49))
        assert np.linalg.norm(embeddings[[3, 48]], axis=1) == pytest.approx([1, 0])
        same = (embeddings @ clean.embed(encoders, np.arange(48)).T).argmax(axis=1)
        assert (same[2:46] == np.arange(2, 46)).mean() > 0.9


def test_a_mixed_run_draws_every_way_by_the_pages_names() -> None:
    drawn = [way_of("mixed", f"piece/page-{number}.png") for number in range(200)]
    assert set(drawn) == set(WAYS)
    assert drawn[7] == way_of("mixed", "piece/page-7.png")
    assert way_of("clean", "piece/page-7.png") == "clean"
