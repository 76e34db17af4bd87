"""Questions at one path: a folder and a ZIP archive hold what `earmark add` would make of them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import BadInput
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.on_disk import Score
from earmark.sources.questions import one_question, questions

if TYPE_CHECKING:
    from tests.conftest import Music


def zipped(path: Path, folder: Path) -> Path:
    """An archive of all files in a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.fixture
def folder(music: Music, tmp_path: Path) -> Path:
    """Two pages of one piece, two recordings, one of them in a folder and damaged, and a file that is no music."""
    folder = music.write_images(tmp_path / "mixed", music.melody(0, 144), ["page_1.png", "page_2.png"])
    music.write_recording(folder / "tape.wav", music.melody(1, 8))
    (folder / "more").mkdir()
    (folder / "more/bad.zip").write_bytes(b"PK\3\4 broken")
    (folder / "letter.doc").touch()
    return folder


def test_a_folder_and_an_archive_of_it_hold_the_same_questions(folder: Path, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "mixed.zip", folder)
    for where in (folder, archive):
        with questions(where, Sandbox()) as asked:
            found = {one.kind: one for one in asked if isinstance(one, Score)}
            assert {kind: one.source for kind, one in found.items()} == {
                "recording": str(where / "tape.wav"),
                "score": str(where),
            }
            assert [Path(file.path).name for file in found["score"].files] == ["page_1.png", "page_2.png"]
            assert all(Path(file.path).is_file() for file in found["score"].files)
            (bad,) = (one for one in asked if isinstance(one, BadInput))
            assert bad.path.startswith(str(where))
            assert "bad.zip" in str(bad)
        with pytest.raises(BadInput, match="holds 3 pieces or recordings; give one of them"):
            one_question(asked, where)
    assert not Path(found["score"].files[0].path).exists(), "what was unpacked is gone"


def test_one_file_is_one_question_and_no_file_is_bad_input(folder: Path, tmp_path: Path) -> None:
    with questions(folder / "tape.wav", Sandbox()) as asked:
        assert one_question(asked, "").source == str(folder / "tape.wav")
    for nothing in (tmp_path / "gone.wav", folder / "letter.doc"):
        with questions(nothing, Sandbox()) as asked, pytest.raises(BadInput):
            one_question(asked, nothing)
