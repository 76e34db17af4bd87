"""Which model a new library gets, by the music that is added first."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.library import model_choice
from earmark.library.instruments import EVERY_INSTRUMENT, PIANO_ONLY, fitting_model
from earmark.library.library import Library

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

TUNE = "X:1\nT:Air\nM:4/4\nL:1/4\nK:C\n" + "CDEF|GABc|cBAG|FEDC|\n" * 4


@pytest.fixture
def shipped(encoders: FakeEncoders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up encoders in the place of those that ship."""

    def load(name: str) -> FakeEncoders:
        loaded = copy(encoders)
        loaded.model_id = f"{name}-0123456789ab"
        return loaded

    monkeypatch.setattr(model_choice, "load", load)


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    path = tmp_path / "air.abc"
    path.write_text(TUNE)
    return path


@pytest.mark.parametrize(
    ("staves", "name"),
    [
        ([], PIANO_ONLY),
        ([0, 0], PIANO_ONLY),
        ([2], PIANO_ONLY),
        ([2] * 7 + [1], PIANO_ONLY),
        ([2] * 6 + [1, 0], EVERY_INSTRUMENT),
        ([1], EVERY_INSTRUMENT),
        ([4, 4, 2], EVERY_INSTRUMENT),
    ],
)
def test_few_pieces_for_others_make_it_a_library_of_every_instrument(staves: Sequence[int], name: str) -> None:
    assert fitting_model(staves) == name


@pytest.mark.usefixtures("shipped")
def test_what_is_added_first_decides(tune: Path, music: Music, tmp_path: Path) -> None:
    piano = music.write_pdf(tmp_path / "piano.pdf", music.melody(1, 60))
    for first, second, name in ((tune, piano, EVERY_INSTRUMENT), (piano, tune, PIANO_ONLY)):
        where = tmp_path / name
        with Library.open(where) as library:
            assert library.model.model_id.startswith(PIANO_ONLY)  # as long as there is nothing in it
            with Library.open(where) as other:
                for path in (first, second):
                    (outcome,) = library.add(path)
                    assert outcome.status == "added"
                    assert str(library.store.model_id).startswith(name)
                found = other.find(music.write_recording(tmp_path / "clip.wav", music.melody(1, 60)))
                assert found.hits[0].piece == "piano"
                assert found.model.startswith(name)


@pytest.mark.usefixtures("shipped")
def test_a_model_that_is_given_stays(tune: Path, encoders: FakeEncoders, tmp_path: Path) -> None:
    for given in (PIANO_ONLY, encoders):
        with Library.open(tmp_path / str(given), given) as library:
            assert library.add(tune)[0].status == "added"
            assert library.store.model_id == library.model.model_id
            assert not library.model.model_id.startswith(EVERY_INSTRUMENT)


@pytest.mark.usefixtures("shipped")
def test_what_cannot_be_read_decides_nothing(tmp_path: Path) -> None:
    (tmp_path / "torn.pdf").write_bytes(b"%PDF-1.4 and no more")
    with Library.open(tmp_path / "library") as library:
        assert library.add(tmp_path / "torn.pdf")[0].status == "failed"
        assert library.store.model_id is None
