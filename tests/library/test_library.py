"""The library as people use it, on made-up music with the fake encoders."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from earmark.errors import BadInput, Mismatch
from earmark.library import add as add_module
from earmark.library import library as library_module
from earmark.library.add import Outcome
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.search import query as query_module
from earmark.search.lists import can_be_mapped
from earmark.sources import encode as encode_module
from earmark.sources.object_store import FILES
from earmark.sources.on_disk import PageFile, Score, score_at
from earmark.sources.reading import read_page
from earmark.store import embedded_search
from earmark.store.embedding_files import INDEX
from earmark.store.store import UPLOADS, LibraryUnusable, Piece, pending_mark
from earmark.store.whole import copy_pieces

if TYPE_CHECKING:
    from tests.conftest import Music, WriteWav
    from tests.fake_encoders import FakeEncoders

PIECES, NOTES = 5, 120


GONE = PageFile("file://elsewhere/a.pdf", 1, 1)


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    return music.write_scores(tmp_path / "scores", PIECES, NOTES)


@pytest.fixture
def library(encoders: FakeEncoders, tmp_path: Path) -> Library:
    return Library.open(tmp_path / "library", encoders)


def statuses(outcomes: object) -> list[str]:
    assert isinstance(outcomes, list)
    return [outcome.status for outcome in outcomes]


@pytest.mark.parametrize(("seed", "first", "tempo"), [(0, 0, 1.0), (2, 40, 0.8), (4, 80, 1.25)])
def test_a_recording_finds_its_piece_page_system_and_place(
    library: Library, scores: Path, music: Music, tmp_path: Path, seed: int, first: int, tempo: float
) -> None:
    library.add(scores)
    melody = music.melody(seed, NOTES)
    clip = music.write_recording(tmp_path / "clip.wav", melody[: first + 30], tempo, first)
    findings = library.find(clip, top=3)
    assert findings.confident
    hit = findings.hits[0]
    assert (hit.rank, hit.piece, hit.source) == (1, f"piece-{seed}", str(scores / f"piece-{seed}.pdf"))
    assert hit.query_time_s is not None
    note = first + hit.query_time_s * tempo / 0.5
    assert (hit.page, hit.system) == (1 + int(note // 72), 1 + int(note // 24) % 3)
    expected_x = (100 + 40 * (note % 24)) / 1160
    assert hit.box[0] - 0.02 <= expected_x <= hit.box[2] + 0.02
    assert findings.query_duration_s == pytest.approx(15.0 / tempo, abs=0.01)
    assert findings.model == "fake-1"


def test_a_recording_of_another_piece_is_not_claimed(
    library: Library, scores: Path, music: Music, tmp_path: Path
) -> None:
    library.add(scores)
    stranger = music.write_recording(tmp_path / "stranger.wav", music.melody(99, 40))
    assert not library.find(stranger).confident


def test_a_silent_recording_is_answered_without_a_claim(
    library: Library, scores: Path, tmp_path: Path, write_wav: WriteWav
) -> None:
    library.add(scores)
    findings = library.find(write_wav(tmp_path / "silence.wav", np.zeros(22_050 * 10)))
    assert (findings.confident, findings.hits) == (False, ())
    assert findings.query_duration_s == pytest.approx(10.0)


def test_a_stretch_of_a_recording_is_timed_from_the_start_of_the_file(
    library: Library, scores: Path, music: Music, tmp_path: Path
) -> None:
    library.add(scores)
    both = np.concatenate([music.melody(98, 60), music.melody(1, NOTES)])
    recording = music.write_recording(tmp_path / "both.wav", both)
    findings = library.find(recording, start_s=30.0, end_s=50.0)
    assert findings.hits[0].piece == "piece-1"
    assert 30.0 <= (findings.hits[0].query_time_s or 0.0) <= 50.0
    assert (findings.query_start_s, findings.query_duration_s) == (30.0, 20.0)


def test_two_pieces_on_one_tape_are_both_found_where_they_are_heard(
    library: Library, scores: Path, music: Music, tmp_path: Path
) -> None:
    library.add(scores)
    both = np.concatenate([music.melody(1), music.melody(2)])
    tape = music.write_recording(tmp_path / "tape.wav", both)
    heard_s = {hit.piece: hit.heard_s or (0.0, 0.0) for hit in library.find(tape).hits[:2]}
    one, other = heard_s["piece-1"], heard_s["piece-2"]
    assert one[0] < 1.0 < 10.0 < other[0]  # made-up encoders take much for the same
    assert one[1] < other[1]
    assert other[1] > 59.0


def test_a_library_of_one_piece_answers(library: Library, scores: Path, music: Music, tmp_path: Path) -> None:
    library.add(scores / "piece-0.pdf")
    own = music.write_recording(tmp_path / "own.wav", music.melody(0, 40))
    other = music.write_recording(tmp_path / "other.wav", music.melody(99, 40))
    assert library.find(own).confident
    assert not library.find(other).confident


def test_what_is_done_with_a_few_pieces_lists_no_others(
    library: Library, scores: Path, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(library.store), "pieces", None)  # must not be called
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(1, NOTES)[:40])
    assert statuses(library.add(scores)) == ["added"] * PIECES
    assert library.find(clip).hits[0].piece == library.align(clip).piece == "piece-1"
    assert "piece-1" not in {hit.piece for hit in library.find(scores / "piece-1.pdf").hits}  # it is of that file
    library.remove("piece-1")
    assert "piece-1" not in {hit.piece for hit in library.find(clip).hits}


def test_a_library_has_the_model_that_ships_if_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "load", lambda name: name)
    with Library.open(tmp_path / "library") as library:
        assert str(library.model) == DEFAULT_MODEL


def test_readding_is_free(library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(library.add(scores)) == ["added"] * PIECES
    monkeypatch.setattr(encode_module, "read_piece", None)  # must not be called
    monkeypatch.setattr(add_module, "sha256", None)
    assert statuses(library.add([scores, scores / "piece-0.pdf"])) == ["unchanged"] * (PIECES + 1)
    assert len(library.pieces()) == PIECES


def test_what_was_added_is_put_into_lists_where_they_help(
    library: Library, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_search, "MOST_UNLISTED", 0)
    library.add(music.write_pdf(tmp_path / "a.pdf", music.melody(0, 48)))
    assert (tmp_path / "library" / INDEX / "score-1.lists").exists() == can_be_mapped()

    def full() -> None:
        raise LibraryUnusable("library", "the disk is full", "make room")

    monkeypatch.setattr(library.store, "settle", full)
    assert statuses(library.add(music.write_pdf(tmp_path / "b.pdf", music.melody(1, 48)))) == ["added"]


def test_a_touched_or_moved_or_copied_file_is_not_read_again(
    library: Library, scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores)
    monkeypatch.setattr(encode_module, "read_piece", None)
    os.utime(scores / "piece-0.pdf")
    (scores / "piece-1.pdf").rename(tmp_path / "moved.pdf")
    shutil.copy(scores / "piece-2.pdf", tmp_path / "copied.pdf")
    outcomes = library.add([scores / "piece-0.pdf", tmp_path / "moved.pdf", tmp_path / "copied.pdf"])
    assert [(outcome.status, outcome.piece and outcome.piece.name) for outcome in outcomes] == [
        ("unchanged", "piece-0"),
        ("unchanged", "piece-1"),
        ("unchanged", "piece-2"),
    ]
    sources = {piece.name: piece.source for piece in library.pieces()}
    assert sources["piece-1"] == str(tmp_path / "moved.pdf")
    assert sources["piece-2"] == str(scores / "piece-2.pdf")


def test_a_changed_file_replaces_its_piece(library: Library, scores: Path, music: Music, tmp_path: Path) -> None:
    library.add(scores)
    music.write_pdf(scores / "piece-0.pdf", music.melody(50, NOTES))
    assert statuses(library.add(scores)) == ["replaced"] + ["unchanged"] * (PIECES - 1)
    new = music.write_recording(tmp_path / "new.wav", music.melody(50, 40))
    assert library.find(new).hits[0].piece == "piece-0"
    old = music.write_recording(tmp_path / "old.wav", music.melody(0, 40))
    assert not library.find(old).confident


def test_one_bad_file_does_not_stop_the_rest_and_leaves_nothing(
    library: Library, scores: Path, blank_page: Path
) -> None:
    (scores / "a-truncated.pdf").write_bytes((scores / "piece-0.pdf").read_bytes()[:500])
    (scores / "b-empty.pdf").touch()
    (scores / "c-text.pdf").write_text("no PDF")
    reported: list[tuple[str, int, int]] = []

    def report(outcome: Outcome, done: int, total: int) -> None:
        reported.append((outcome.status, done, total))

    outcomes = library.add([scores, blank_page, scores / "gone.pdf"], report)
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    assert [Path(outcome.source).name for outcome in failed] == [
        "a-truncated.pdf",
        "b-empty.pdf",
        "c-text.pdf",
        "blank.png",
        "gone.pdf",
    ]
    assert all("; " in outcome.reason and outcome.piece is None for outcome in failed)
    assert [piece.name for piece in library.pieces()] == [f"piece-{seed}" for seed in range(PIECES)]
    assert [done for _, done, _ in reported] == list(range(1, PIECES + 6))
    assert {total for *_, total in reported} == {PIECES + 5}


def test_a_bad_page_of_a_folder_is_named(library: Library, music: Music, tmp_path: Path) -> None:
    folder = music.write_images(tmp_path / "scan", music.melody(1, 100), ["page_1.png", "page_2.png"])
    (folder / "page_2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (outcome,) = library.add(folder)
    assert outcome.status == "added"
    assert [remark for remark in outcome.remarks if "page_2.png" in remark]
    assert [piece.pages for piece in library.pieces()] == [2]


def test_pages_of_a_folder_are_in_natural_order(library: Library, music: Music, tmp_path: Path) -> None:
    melody = music.melody(3, 3 * 72)
    folder = music.write_images(tmp_path / "scan", melody, ["page_1.png", "page_2.png", "page_10.png"])
    library.add(folder)
    last = music.write_recording(tmp_path / "last.wav", melody, first=160)
    hit = library.find(last).hits[0]
    assert (hit.piece, hit.page, hit.source) == ("scan", 3, str(folder))


def test_an_interrupted_add_keeps_what_was_reported(library: Library, scores: Path) -> None:
    def interrupt(outcome: Outcome, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.add(scores, interrupt)
    assert [piece.name for piece in library.pieces()] == ["piece-0", "piece-1"]
    assert statuses(library.add(scores)) == ["unchanged"] * 2 + ["added"] * (PIECES - 2)


def test_removed_pieces_are_not_found(library: Library, scores: Path, music: Music, tmp_path: Path) -> None:
    library.add(scores)
    with pytest.raises(BadInput, match="has no piece 'nothing'; see: earmark list"):
        library.remove("piece-0", "nothing")
    assert len(library.pieces()) == PIECES
    library.remove("piece-0")
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(0, 40))
    assert "piece-0" not in {hit.piece for hit in library.find(clip).hits}


def test_of_a_removed_piece_goes_only_what_came_through_the_browser(
    library: Library, scores: Path, music: Music, tmp_path: Path
) -> None:
    uploads = tmp_path / "library" / UPLOADS
    uploads.mkdir()
    for seed, name in enumerate(("alone", "awaited"), start=7):
        music.write_pdf(uploads / f"{name}.pdf", music.melody(seed, 24))
    pending_mark(uploads / "awaited.pdf").touch()  # a server settles what becomes of it
    library.add([uploads, scores / "piece-0.pdf"])
    library.remove("alone", "awaited", "piece-0")
    assert library.pieces() == []
    assert sorted(path.name for path in uploads.iterdir()) == [".awaited.pdf.pending", "awaited.pdf"]
    assert (scores / "piece-0.pdf").exists()


def test_an_empty_library_says_so(library: Library, music: Music, tmp_path: Path) -> None:
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(0, 20))
    with pytest.raises(BadInput, match="is empty; add sheet music first"):
        library.find(clip)


def test_another_models_library_is_refused(
    library: Library, scores: Path, encoders: FakeEncoders, tmp_path: Path
) -> None:
    library.add(scores)

    class Other(type(encoders)):  # type: ignore[misc]
        model_id = "other-2"

    other = Library.open(tmp_path / "library", Other())
    with pytest.raises(Mismatch, match="made with the model fake-1, not other-2"):
        other.add(scores)
    with pytest.raises(Mismatch, match="made with the model fake-1, not other-2"):
        other.find(tmp_path / "clip.wav")
    assert len(other.pieces()) == PIECES  # looking needs no model


def test_a_library_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(LibraryUnusable, match="holds no library; make one with"):
        Library.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_a_long_recording_is_heard_whole(
    library: Library, scores: Path, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores)
    monkeypatch.setattr(query_module, "MOST_EXCERPTS", 40)
    whole = music.write_recording(tmp_path / "whole.wav", music.melody(1, NOTES))
    findings = library.find(whole)
    assert findings.confident
    assert findings.hits[0].piece == "piece-1"
    assert findings.query_duration_s == pytest.approx(60.0)


def test_a_piece_that_is_removed_while_it_is_found_is_left_out(
    library: Library, scores: Path, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores)
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(0, NOTES)[:40])
    real, other = library.store.snapshot, Library.open(tmp_path / "library", library.model)

    def snapshot() -> object:
        if "piece-0" in {piece.name for piece in other.pieces()}:
            other.remove("piece-0")
        return real()

    monkeypatch.setattr(library.store, "snapshot", snapshot)
    assert "piece-0" not in {hit.piece for hit in library.find(clip).hits}


def test_a_moved_piece_that_another_process_removes_is_added_anew(
    library: Library, scores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.add(scores)
    (scores / "piece-1.pdf").rename(scores / "moved.pdf")
    real = library.store.relocate

    def relocate(piece: Piece, score: Score) -> Piece:
        library.store.remove([piece])
        return real(piece, score)

    monkeypatch.setattr(library.store, "relocate", relocate)
    assert statuses(library.add(scores / "moved.pdf")) == ["added"]
    assert "moved" in {piece.name for piece in library.pieces()}


def test_files_that_are_not_here_are_fetched_from_where_they_were_put(
    library: Library, scores: Path, tmp_path: Path, encoders: FakeEncoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that was copied while they were here, and one that they were added to."""
    pytest.importorskip("fsspec")
    piece = library.add(scores)[0].piece
    assert piece is not None
    content = (scores / "piece-0.pdf").read_bytes()
    monkeypatch.setenv(FILES, str(tmp_path / "kept"))
    with Library.open(tmp_path / "copied", encoders) as copied, Library.open(tmp_path / "other", encoders) as other:
        copy_pieces(library.store, copied.store, lambda *_: None)
        assert len(list((tmp_path / "kept").rglob("*.pdf"))) == len(library.pieces())
        shutil.move(scores, tmp_path / "away")
        (fetched,) = copied.files(piece)
        assert fetched.is_relative_to(tmp_path / "copied")
        assert fetched.read_bytes() == content
        assert read_page([fetched], 1, copied.sandbox).image.ndim == 2
        shutil.rmtree(tmp_path / "kept")
        assert other.add(tmp_path / "away")[0].status == "added"
        assert len(list((tmp_path / "kept").rglob("*.pdf"))) == len(other.pieces())
        shutil.rmtree(tmp_path / "kept")
        assert {outcome.status for outcome in other.add(tmp_path / "away")} == {"unchanged"}
        assert len(list((tmp_path / "kept").rglob("*.pdf"))) == len(other.pieces())
        monkeypatch.delenv(FILES)
        with pytest.raises(BadInput, match="is not what was added, or not there any more; add it again"):
            other.fetched(piece)
        elsewhere = replace(score_at("file://elsewhere/a.pdf", tmp_path / "away" / "piece-0.pdf"), files=(GONE,))
        other.store.relocate(other.pieces()[0], elsewhere)
        with pytest.raises(BadInput, match=f"is on another machine; keep files where all machines can .*: {FILES}"):
            other.files(other.pieces()[0])


def test_what_cannot_be_put_where_others_fetch_it_is_not_added(
    library: Library, scores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv(FILES, "nonsense://bucket")
    with pytest.raises(LibraryUnusable, match=r"nonsense://bucket: cannot be used \(.*\); check EARMARK_FILES"):
        library.add(scores)
    assert library.pieces() == []
