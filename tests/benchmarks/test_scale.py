from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale
from benchmarks.support import large_library


@pytest.mark.parametrize("engine", ["files", "lists", "database", "flat"])
def test_large_libraries_are_made_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    rng = np.random.default_rng(0)
    read = {f"{name}-{i}": rng.standard_normal((60, 16)) for name in ("asked", "music") for i in range(5)}
    read |= {f"question-{i}": read[f"asked-{i}"][10:30] for i in range(5)}
    units = {
        name: (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float16) for name, array in read.items()
    }
    np.savez(tmp_path / "embeddings.npz", **units)
    monkeypatch.setattr(large_library, "ASKED", 5)
    monkeypatch.setattr(large_library, "MUSIC", 5)
    monkeypatch.setattr(large_library, "NEIGHBOURS", 30)
    large_library.fill(tmp_path / "embeddings.npz", 1000, tmp_path / "library")
    figures = large_library.prepare(engine, tmp_path / "library")
    assert bool(list((tmp_path / "library" / "index").glob("*.lists"))) == (engine == "lists")
    figures |= large_library.measure(engine, tmp_path / "embeddings.npz", tmp_path / "library")
    assert figures["proposed"] == 5
    assert 0.45 < figures["recall"] <= 0.5 if engine == "lists" else figures["recall"] == 1
    about = {"pieces": 40, "pages": 80, "places": 24_000, "page_cpu_s": 0.9}
    told = scale.tables({"music": about, "engines": [{"places": 1000, "engine": engine, **figures}]})
    assert f"| 1 000 | {scale.ENGINES[engine]} |" in told["engines"]
    if engine == "lists":
        assert "| a page | 300 |" in told["music"]
        assert "| 10^7 | 33 333 | 8.3 |" in told["needs"]
        lists = next((tmp_path / "library" / "index").glob("*.lists")).stat().st_size / 1000
        assert f" | {lists:.0f} | " in told["lists"]
