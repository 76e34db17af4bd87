"""What crashes or never ends at one file is one line, and the next is read; many jobs store what one does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.sandbox import process
from earmark.sandbox.limits import Limits
from earmark.sandbox.sandbox import Sandbox
from earmark.sources import reading as reading_module
from earmark.sources.reading import read_page
from tests.sources import bad_readers

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

ROOT = Path(__file__).parents[2]
LIMITS = Limits(quiet_s=0.9, quiet_s_per_mb=0.0)
BAD: list[Callable[..., Any]] = [bad_readers.crash, bad_readers.hang, bad_readers.leave]


@pytest.fixture
def library(
    processes: None, encoders: FakeEncoders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Library]:
    """One that reads in real processes with little patience: a second of CPU time, and some more by the clock."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    monkeypatch.setattr(process, "WALL", 10.0)  # honest files may wait for a processor
    with Library.open(tmp_path / "library", encoders, sandbox=Sandbox(LIMITS)) as library:
        yield library


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    """A bad one between two good ones."""
    folder = music.write_scores(tmp_path / "scores", 3, 24)
    (folder / "piece-1.pdf").rename(folder / "piece-1-bad.pdf")
    return folder


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: str(bad.__name__))
def test_one_bad_file_fails_alone(
    bad: Callable[..., Any], library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "read_flat_pages", bad)
    monkeypatch.setattr(reading_module, "read_blocks", bad)
    outcomes = library.add(scores, jobs=2)
    assert [(Path(outcome.source).stem, outcome.status) for outcome in outcomes] == [
        ("piece-0", "added"), ("piece-1-bad", "failed"), ("piece-2", "added"),
    ]  # fmt: skip
    assert "\n" not in outcomes[1].reason
    with pytest.raises(BadInput, match=r"piece-1-bad\.pdf: (crashes what reads it|takes (more|longer) than)"):
        library.find(scores / "piece-1-bad.pdf")
    (scores / "clip-bad.wav").write_bytes(b"RIFF")
    for ask in (library.find, library.align):
        with pytest.raises(BadInput, match=r"clip-bad\.wav: "):
            ask(scores / "clip-bad.wav")


def contents(library: Library) -> list[Any]:
    """All that is stored, in the order in which it was."""
    pieces = sorted(library.pieces(), key=lambda piece: piece.id)
    found: list[Any] = [replace(piece, added_at="") for piece in pieces]
    for piece in pieces:
        if piece.kind == "score":
            places, embeddings = library.store.contents(piece.id)
            found.append((list(places), embeddings.tobytes()))
    return found


def test_many_jobs_store_what_one_does(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    folder = music.write_scores(tmp_path / "scores", 6, 48)
    (folder / "piece-3.pdf").write_bytes(b"%PDF-1.4 damaged")
    (folder / "piece-5.pdf").write_bytes((folder / "piece-0.pdf").read_bytes())  # stored once
    music.write_recording(folder / "song.wav", music.melody(1, 30))
    told, stored = [], []
    for jobs in (1, 4):
        with Library.open(tmp_path / f"library-{jobs}", encoders) as library:
            outcomes = library.add(folder, jobs=jobs)
            told.append([(outcome.source, outcome.status, outcome.reason) for outcome in outcomes])
            stored.append(contents(library))
    assert told[0] == told[1]
    assert [status for _, status, _ in told[0]] == ["added", "added", "added", "failed", "added", "unchanged", "added"]
    assert stored[0] == stored[1]


def test_every_kind_of_file_is_read_in_a_process(library: Library, scores: Path, music: Music, kern: str) -> None:
    (scores / "score.krn").write_text(kern)
    Image.fromarray(music.pages(music.melody(7, 24))[0]).save(scores / "page.png")
    music.write_recording(scores / "song.wav", music.melody(1, 30))
    outcomes = library.add(scores)
    assert [outcome.reason for outcome in outcomes] == [""] * 6
    (piece,) = [piece for piece in library.pieces() if piece.title == "Little Test"]
    places = library.store.contents(piece.id)[0]
    assert (places[0].measure, places[0].beat) == ("7", 1.0)
    assert all(place.beat is not None and 1 <= place.beat < 3 for place in places)
    assert read_page([str(scores / "score.krn")], 1, library.sandbox).number == 1
    (scores / "song.mid").write_bytes(song())
    assert library.find(scores / "song.mid").query_duration_s > 1


def song() -> bytes:
    """A MIDI file of one note."""
    notes = b"\0\x90\x45\x50\x87\x40\x80\x45\0\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(notes).to_bytes(4, "big") + notes
