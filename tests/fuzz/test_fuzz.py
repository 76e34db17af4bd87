"""Files that are nearly right, of every kind: each gives an answer or one line, and nothing else happens.

`make fuzz MINUTES=…` goes on where this stops, and keeps what it finds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import SEEDS, write_seeds
from tests.fuzz.trial import Trials

ROOT = Path(__file__).parents[2]
PAGES = {".jpg": 4, ".pdf": 3, ".png": 4, ".tif": 3, ".webp": 3}
PAGES |= dict.fromkeys((".abc", ".krn", ".mei", ".musicxml", ".mxl"), 3)
"""Inputs of the kinds that have pages, which take longest; of all others `MANY`."""
MANY = 12


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return write_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    from tests.conftest import Music

    folder = tmp_path_factory.mktemp("trials")
    music = Music()
    good = music.write_pdf(folder / "good.pdf", music.melody(5, 24))
    sys.path.insert(0, str(ROOT))
    with pytest.MonkeyPatch.context() as patched:
        from earmark.sandbox import sandbox
        from earmark.sandbox.process import Process

        patched.setattr(sandbox, "Process", Process)
        trials = Trials(folder, good)
        yield trials
        trials.close()


@pytest.mark.parametrize("name", SEEDS)
def test_files_that_are_nearly_right(name: str, seeds: dict[str, bytes], trials: Trials, tmp_path: Path) -> None:
    path = tmp_path / name
    for seed in range(PAGES.get(path.suffix, MANY)):
        path.write_bytes(mutated(name, seeds, seed))
        trial = trials.of(path)
        assert trial.faults == [], f"{name}, {seed}"


def test_mutations_are_the_same_for_the_same_seed(seeds: dict[str, bytes]) -> None:
    for name in SEEDS:
        assert mutated(name, seeds, 1) == mutated(name, seeds, 1)
    differ = [mutated(name, seeds, seed) != seeds[name] for name in SEEDS for seed in range(10)]
    assert sum(differ) > 0.9 * len(differ)
