"""Which pieces belong together: found from what is stored, kept, and asked anew of what is new only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.answers import links as links_module
from earmark.errors import BadInput
from earmark.library.library import Library
from earmark.results.links import Link
from earmark.search import takes
from tests.fake_encoders import NOTE_S, flat_background

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

NOTES = 96
Told = set[tuple[str, str, str]]


@pytest.fixture
def library(encoders: FakeEncoders, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Scores of the melodies 0 and 1, another edition of 0 and the second half of 1. Recordings: one of 0 and its copy,
    two performances of music that is on no page."""
    monkeypatch.setattr(takes, "OFF_S", NOTE_S)  # made-up encoders tell whole notes apart, and no moments within
    encoders.calibration = replace(
        encoders.calibration,
        backgrounds=dict.fromkeys(("score", "recording"), flat_background(0.75, encoders.dimension)),
    )
    library = Library.open(tmp_path / "library", encoders)
    tapes = tmp_path / "tapes"
    tapes.mkdir()
    music.write_recording(tapes / "take.wav", music.melody(0, NOTES))
    music.write_recording(tapes / "copy.wav", music.melody(0, NOTES), first=8)
    music.write_recording(tapes / "stranger.wav", music.melody(7, NOTES))
    music.write_recording(tapes / "slower.wav", music.melody(7, NOTES), tempo=0.8)
    scores = music.write_scores(tmp_path / "scores", 2, NOTES)
    music.write_images(scores / "edition", music.melody(0, NOTES), ["1.png", "2.png"])
    music.write_pdf(scores / "half.pdf", music.melody(1, NOTES)[NOTES // 2 :])
    library.add([scores, tapes])
    return library


TRUE: Told = {
    ("take", "recording", "piece-0"),
    ("copy", "recording", "piece-0"),
    ("piece-0", "edition", "edition"),
    ("half", "part", "piece-1"),
    ("take", "take", "copy"),
    ("stranger", "performance", "slower"),
}


def told(library: Library) -> Told:
    """The links, the same whichever of two equals comes first."""
    found = Told()
    for one in library.links().links:
        pair = (one.piece, one.relation, one.other)
        turned = (one.other, one.relation, one.piece)
        found.add(turned if turned in TRUE else pair)
    return found


def of_either_edition(found: Told) -> Told:
    """A recording fits both editions alike, and may be linked with any."""
    return {(one, what, "piece-0" if what == "recording" else other) for one, what, other in found}


def test_pieces_that_belong_together_are_found_and_no_others(library: Library) -> None:
    assert of_either_edition(told(library)) == TRUE
    links = library.links()
    assert all(one.sure for one in links.links)
    ((start_s, end_s),) = next(one.heard_s for one in links.links if (one.piece, one.relation) == ("take", "recording"))
    assert start_s == 0.0
    assert end_s == pytest.approx(NOTES * NOTE_S, abs=1)
    works = {(frozenset(one.scores), frozenset(one.recordings), one.parts) for one in links.works}
    assert works == {
        (frozenset({"piece-0", "edition"}), frozenset({"take", "copy"}), ()),
        (frozenset({"piece-1"}), frozenset(), ("half",)),
        (frozenset(), frozenset({"stranger", "slower"}), ()),
    }


def test_only_what_is_new_is_asked_about(
    library: Library, music: Music, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = links_module.link

    def noted(store: object, calibration: object, identifier: int) -> set[int]:
        asked.append(library.store.piece(identifier).name)
        return real(store, calibration, identifier)  # type: ignore[arg-type]

    monkeypatch.setattr(links_module, "link", noted)
    counts: list[tuple[int, int]] = []
    library.links(lambda done, total: counts.append((done, total)))
    assert (len(asked), counts[-1]) == (8, (8, 8))
    asked.clear()
    library.links()
    assert asked == []
    library.add(music.write_pdf(tmp_path / "stranger.pdf", music.melody(7, NOTES)))
    found = told(library)
    assert sorted(asked) == ["slower", "stranger", "stranger (2)"]
    assert {one for one in found if one[1] == "recording"} >= {
        ("stranger", "recording", "stranger (2)"),
        ("slower", "recording", "stranger (2)"),
    }
    asked.clear()
    library.remove("stranger (2)")
    assert of_either_edition(told(library)) == TRUE
    assert sorted(asked) == ["slower", "stranger"]


def test_damaged_links_are_found_again(library: Library) -> None:
    before = told(library)
    library.store._db.execute("UPDATE links SET confidence = 0.2")  # type: ignore[attr-defined]
    assert library.store.links() == []
    assert told(library) == before


def test_what_is_removed_meanwhile_is_left_out(library: Library) -> None:
    first, second, third = library.pieces()[:3]
    library.remove(second.name)
    library.store.put_links(first.id, [Link("edition", first.id, "", second.id, "", 1.0, True)])
    library.store.put_links(second.id, [Link("edition", second.id, "", first.id, "", 1.0, True)])
    assert library.store.links() == []
    assert third.id in library.store.unlinked()
    assert first.id not in library.store.unlinked()


def test_an_empty_library_has_no_links(encoders: FakeEncoders, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is empty"):
        Library.open(tmp_path / "library", encoders).links()
