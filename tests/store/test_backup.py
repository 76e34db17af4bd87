"""A copy of a library in use is whole, or is not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import BadInput
from earmark.files import locked
from earmark.library.library import Library
from earmark.store.backup import back_up
from earmark.store.store import LibraryUnusable
from earmark.store.verify import repair, verify

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

NOTES = 60

WRITER = """
import sys
from pathlib import Path
from earmark.store.embedded import EmbeddedStore
from earmark.sources.on_disk import PageFile, Score
store = EmbeddedStore(Path(sys.argv[1]), create=False)
(first, *_) = store.pieces()
places, embeddings = store.contents(first.id)
n = 0
while True:
    n += 1
    source = f"/music/{n}.pdf"
    score = Score(f"written-{n}", source, (PageFile(source, 1, 1),))
    store.put(score, str(n), store.pages(first.id), places, -embeddings, store.model_id)
    print(n, flush=True)
"""


@pytest.fixture
def library(music: Music, encoders: FakeEncoders, tmp_path: Path) -> Path:
    scores = music.write_scores(tmp_path / "scores", 3, NOTES)
    uploads = tmp_path / "library" / "uploads"
    uploads.mkdir(parents=True)
    (scores / "piece-2.pdf").rename(uploads / "piece-2.pdf")
    with Library.open(tmp_path / "library", encoders) as opened:
        opened.add([scores, uploads / "piece-2.pdf"])
    return tmp_path / "library"


def test_a_copy_made_while_another_process_writes_is_restored_and_finds(
    library: Path, music: Music, encoders: FakeEncoders, tmp_path: Path
) -> None:
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(2, NOTES)[:40])
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(library)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(3):
        writer.stdout.readline()
    copied = back_up(library, tmp_path / "copy")
    assert writer.poll() is None
    writer.kill()
    with writer:
        writer.communicate()
    shutil.rmtree(library)
    shutil.copytree(tmp_path / "copy", library)  # restored
    assert [problem.fault for problem in verify(library).problems if not problem.subject.startswith("written")] == []
    with Library.open(library, encoders) as opened:
        assert len(opened.pieces()) == copied >= 6
        hit = opened.find(clip).hits[0]
        assert (hit.piece, Path(hit.source).is_file()) == ("piece-2", True)


def test_a_copy_elsewhere_is_a_library_of_its_own(library: Path, encoders: FakeEncoders, tmp_path: Path) -> None:
    assert back_up(library, tmp_path / "deep" / "copy") == 3
    assert sorted(path.name for path in (tmp_path / "deep" / "copy").iterdir()) == ["library.sqlite", "uploads"]
    shutil.rmtree(library)
    problems = verify(tmp_path / "deep" / "copy").problems
    assert [(problem.fault, problem.subject) for problem in problems] == [("moved", "piece-2")]
    assert len(repair(tmp_path / "deep" / "copy", problems)) == 1
    assert verify(tmp_path / "deep" / "copy").problems == ()


def test_what_a_killed_backup_left_the_next_one_removes(library: Path, tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from earmark.store import backup
backup._sync = lambda folder: os.kill(os.getpid(), 9)
backup.back_up(Path(sys.argv[1]), Path(sys.argv[2]))
"""
    subprocess.run([sys.executable, "-c", code, str(library), str(tmp_path / "copy")])
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".copy.lock", ".copy.unfinished"]
    with locked(tmp_path / ".copy.lock"), pytest.raises(BadInput, match="is being written by another backup; wait"):
        back_up(library, tmp_path / "copy")
    assert back_up(library, tmp_path / "copy") == 3
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy"]


def test_nothing_is_overwritten_and_nothing_half_made_stays(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="is there already; give the name of a new folder"):
        back_up(library, tmp_path / "there")
    with pytest.raises(LibraryUnusable, match="holds no library"):
        back_up(tmp_path / "there", tmp_path / "copy")

    def full(source: str, to: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("earmark.store.backup.shutil.copy2", full)
    with pytest.raises(BadInput, match="No space left on device"):
        back_up(library, tmp_path / "copy")
    assert sorted(tmp_path.rglob("*")) == before
