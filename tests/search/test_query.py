"""A library asked with sheet music, MIDI and recordings, on made-up music with the fake encoders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.results.places import Place

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders

NOTES = 120


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path) -> Library:
    """Three pieces, and recordings of two of them."""
    library = Library.open(tmp_path / "library", encoders)
    music.write_scores(tmp_path / "scores", 3, NOTES)
    (tmp_path / "tapes").mkdir()
    for seed in range(2):
        music.write_recording(tmp_path / "tapes" / f"tape-{seed}.wav", music.melody(seed, NOTES))
    outcomes = library.add([tmp_path / "scores", tmp_path / "tapes"])
    assert [outcome.status for outcome in outcomes] == ["added"] * 5
    return library


def test_a_page_finds_the_recording_and_the_other_edition(library: Library, music: Music, tmp_path: Path) -> None:
    melody = music.melody(1, NOTES)
    (page, *_) = music.write_images(tmp_path / "mine", melody, ["page_1.png", "page_2.png"]).glob("page_2.png")
    findings = library.find(page, top=2)
    assert (findings.query_pages, findings.query_duration_s, findings.confident) == (1, 0.0, True)
    assert findings.to_dict()["query"] == {"path": str(page), "pages": 1}
    edition, recording = findings.hits[0], findings.recordings[0]
    assert (edition.piece, edition.page, edition.query_time_s) == ("piece-1", 2, None)
    assert edition.query_place is not None
    assert (edition.query_place.page, edition.query_place.system) == (1, edition.system)
    assert recording.piece == "tape-1"
    assert 72 * 0.5 <= recording.time_s <= 60.0
    assert isinstance(recording.query_place, Place)


def test_a_piece_of_the_library_does_not_find_itself(library: Library, tmp_path: Path) -> None:
    findings = library.find(tmp_path / "scores" / "piece-0.pdf", top=3)
    assert "piece-0" not in {hit.piece for hit in findings.hits[:1] if hit.confidence > 0.5}
    assert findings.recordings[0].piece == "tape-0"
    findings = library.find(tmp_path / "tapes" / "tape-0.wav")
    assert findings.hits[0].piece == "piece-0"
    assert not findings.recordings or findings.recordings[0].confidence < 0.5


def test_music_that_is_nowhere_is_not_claimed(library: Library, music: Music, tmp_path: Path) -> None:
    stranger = music.write_pdf(tmp_path / "stranger.pdf", music.melody(99, NOTES))
    assert not library.find(stranger).confident


def test_pages_have_no_seconds(library: Library, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is sheet music, which has no seconds"):
        library.find(tmp_path / "scores" / "piece-0.pdf", start_s=3.0)


def test_a_score_file_is_added_with_its_title_and_found_with_its_measure(
    library: Library, kern: str, tmp_path: Path
) -> None:
    path, copy = tmp_path / "a.krn", tmp_path / "copy.krn"
    path.write_text(kern)
    copy.write_text(kern)
    (outcome,) = library.add(path)
    assert outcome.piece is not None
    assert (outcome.piece.title, outcome.piece.composer) == ("Little Test", "Bach, Johann Sebastian")
    (again,) = library.add(path)
    assert again.status == "unchanged"
    hit = library.find(copy, top=1).hits[0]
    assert (hit.piece, hit.title, hit.measure in ("7", "8")) == ("a", "Little Test", True)


def test_a_silent_recording_is_not_added(library: Library, tmp_path: Path, write_wav: WriteWav) -> None:
    (outcome,) = library.add(write_wav(tmp_path / "silence.wav", np.zeros(22_050)))
    assert (outcome.status, outcome.reason) == ("failed", "is silent; give a recording of music")
