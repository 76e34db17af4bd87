"""Libraries that are damaged, moved or littered: what is said of them, and what is mended."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.library.library import Library
from earmark.sources.on_disk import Score
from earmark.store.database import FILE_NAME
from earmark.store.store import LibraryUnusable
from earmark.store.verify import RECENT_S, Problem, repair, verify

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

PIECES, NOTES = 3, 48


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    folder = music.write_scores(tmp_path / "scores", PIECES, NOTES)
    music.write_images(folder / "scan", music.melody(7, 100), ["page_2.png", "page_10.png"])
    return folder


@pytest.fixture
def library(encoders: FakeEncoders, scores: Path, tmp_path: Path) -> Path:
    """A library of four pieces, with an upload and a fetched manifest of its own."""
    folder = tmp_path / "library"
    (folder / "uploads").mkdir(parents=True)
    (folder / "iiif" / "0123456789abcdef").mkdir(parents=True)
    (scores / "piece-2.pdf").rename(folder / "uploads" / "piece-2.pdf")
    (scores / "piece-1.pdf").rename(folder / "iiif" / "0123456789abcdef" / "page-0001.pdf")
    with Library.open(folder, encoders) as opened:
        added = opened.add([scores, folder / "uploads" / "piece-2.pdf", folder / "iiif" / "0123456789abcdef"])
        assert {outcome.status for outcome in added} == {"added"}
    return folder


def age(*paths: Path) -> None:
    """Makes files and folders look as if nobody had touched them lately."""
    before = time.time() - 2 * RECENT_S
    for path in paths:
        for one in (path, *path.rglob("*")):
            os.utime(one, (before, before))


def change_database(library: Path, statement: str) -> None:
    db = sqlite3.connect(library / FILE_NAME)
    db.execute(statement)
    db.commit()
    db.close()


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return sorted((problem.fault, problem.subject) for problem in problems)


def test_a_whole_library_has_no_problems(library: Path) -> None:
    report = verify(library)
    assert (report.pieces, report.files, report.problems) == (4, 5, ())


def test_what_is_no_library_is_not_verified(tmp_path: Path) -> None:
    with pytest.raises(LibraryUnusable, match="holds no library"):
        verify(tmp_path)


def lose_the_list_of_pieces(library: Path) -> None:
    """Overwrites all of the file but what says that it is a library."""
    path = library / FILE_NAME
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(len(content) - 4096))


DAMAGE: dict[str, tuple[Callable[[Path, Path], object], str, str | None]] = {
    "embeddings": (
        lambda library, scores: change_database(library, "UPDATE vectors SET vectors = zeroblob(120) WHERE piece = 1"),
        "damaged",
        "piece-0",
    ),
    "places": (
        lambda library, scores: change_database(library, "UPDATE vectors SET places = zeroblob(24) WHERE piece = 1"),
        "damaged",
        "piece-0",
    ),
    "lost embeddings": (
        lambda library, scores: change_database(library, "DELETE FROM vectors WHERE piece = 1"),
        "damaged",
        "piece-0",
    ),
    "title": (
        lambda library, scores: change_database(library, "UPDATE pieces SET title = 'x' WHERE id = 1"),
        "damaged",
        "piece-0",
    ),
    "pages": (
        lambda library, scores: change_database(library, "UPDATE pages SET systems = 9 WHERE piece = 1"),
        "damaged",
        "piece-0",
    ),
    "model": (
        lambda library, scores: change_database(library, "UPDATE meta SET value = 'other-1' WHERE key = 'model'"),
        "database",
        FILE_NAME,
    ),
    "tables": (lambda library, scores: change_database(library, "DROP TABLE measures"), "database", FILE_NAME),
    "file overwritten": (lambda library, scores: lose_the_list_of_pieces(library), "database", FILE_NAME),
    "rows of no piece": (
        lambda library, scores: change_database(library, "INSERT INTO measures VALUES (99, 0, '1')"),
        "database",
        FILE_NAME,
    ),
    "file gone": (lambda library, scores: (scores / "piece-0.pdf").unlink(), "gone", "piece-0"),
    "file changed": (lambda library, scores: (scores / "piece-0.pdf").write_text("other"), "changed", "piece-0"),
    "file renamed": (
        lambda library, scores: (scores / "piece-0.pdf").rename(scores / "other.pdf"),
        "moved",
        "piece-0",
    ),
    "folder renamed": (lambda library, scores: (scores / "scan").rename(scores / "pages"), "moved", "scan"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_every_kind_of_damage_is_told(library: Path, scores: Path, kind: str) -> None:
    damage, fault, subject = DAMAGE[kind]
    damage(library, scores)
    (problem,) = verify(library).problems
    assert (problem.fault, problem.subject) == (fault, subject)
    assert problem.what
    assert problem.remedy
    assert verify(library).problems == (problem,)  # looking changes nothing


@pytest.mark.parametrize("kind", ["file renamed", "folder renamed", "embeddings", "title", "lost embeddings"])
def test_what_can_be_mended_is(library: Path, scores: Path, encoders: FakeEncoders, kind: str) -> None:
    DAMAGE[kind][0](library, scores)
    (problem,) = verify(library).problems
    assert repair(library, [problem]) == [problem]
    assert verify(library).problems == ()
    with Library.open(library, encoders) as opened:
        kept = {piece.name for piece in opened.pieces()}
        assert problem.subject in kept or problem.fault == "damaged"
        again = [outcome.status for outcome in opened.add(scores)]
        assert again.count("added") == (problem.fault == "damaged")
        assert again.count("unchanged") == len(again) - again.count("added")


def test_what_cannot_be_mended_is_left(library: Path, scores: Path) -> None:
    (scores / "piece-0.pdf").unlink()
    problems = verify(library).problems
    assert repair(library, problems) == []
    assert verify(library).problems == problems


def test_a_file_that_was_only_touched_is_no_problem(library: Path, scores: Path) -> None:
    os.utime(scores / "piece-0.pdf", (1, 1))
    assert verify(library).problems == ()


def test_what_belongs_to_no_piece_is_removed_when_it_is_old(library: Path) -> None:
    kept = {path for path in library.rglob("*") if path.is_file()}
    (library / "uploads" / "other.pdf").write_text("x")
    (library / "iiif" / "ffff").mkdir()
    (library / "iiif" / "ffff" / "page-0001.jpg").write_text("x")
    (library / "iiif" / "0123456789abcdef" / ".page-0002.jpg.4711").write_text("x")
    assert verify(library).problems == ()  # an addition may be under way
    age(library / "uploads", library / "iiif")
    problems = verify(library).problems
    assert told(problems) == [
        ("orphan", str(library / "iiif" / "ffff")),
        ("orphan", str(library / "uploads" / "other.pdf")),
        ("scratch", str(library / "iiif" / "0123456789abcdef" / ".page-0002.jpg.4711")),
    ]
    assert len(repair(library, problems)) == 3
    assert {path for path in library.rglob("*") if path.is_file()} == kept
    assert verify(library).problems == ()


def test_a_library_that_was_moved_finds_its_own_files_again(library: Path, encoders: FakeEncoders) -> None:
    there = library.rename(library.with_name("elsewhere"))
    age(there)
    problems = verify(there).problems
    assert sorted(problem.fault for problem in problems) == ["moved", "moved"]  # and no orphans
    assert len(repair(there, problems)) == 2
    assert verify(there).problems == ()
    with Library.open(there, encoders) as opened:
        files = [file.path for piece in opened.pieces() for file in opened.store.files(piece)]
    assert sum(path.startswith(str(there)) for path in files) == 2


def test_a_damaged_index_is_removed_and_made_anew(
    library: Path, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(2, NOTES)[:40])
    with Library.open(library, encoders) as opened:
        before = opened.find(clip)
    path = library / "index" / "score-1.embeddings"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    problems = verify(library).problems
    assert sorted(told(problems)) == [("index", str(path)), ("index", str(path.with_suffix(".rows")))]
    assert repair(library, problems) == list(problems)
    assert verify(library).problems == ()
    with Library.open(library, encoders) as opened:
        assert opened.find(clip) == before


def test_no_orphans_are_looked_for_while_a_piece_is_damaged(library: Path) -> None:
    change_database(library, "UPDATE files SET path = '/nothing' WHERE path LIKE '%uploads%'")
    age(library)
    (problem,) = verify(library).problems
    assert problem.fault == "damaged"


def test_equal_files_are_noted_for_one_piece_each(library: Path, scores: Path, encoders: FakeEncoders) -> None:
    with Library.open(library, encoders) as opened:
        (first,) = (piece for piece in opened.pieces() if piece.name == "piece-0")
        places, embeddings = opened.store.contents(first.id)
        (page,) = opened.store.pages(first.id)
        twin = Score("twin", str(scores / "twin.pdf"), opened.store.files(first))
        opened.store.put(twin, first.sha256, [page], places, embeddings, encoders.model_id)
    (scores / "piece-0.pdf").rename(scores / "other.pdf")
    problems = verify(library).problems
    assert sorted(problem.fault for problem in problems) == ["gone", "moved"]
    assert len(repair(library, problems)) == 1
