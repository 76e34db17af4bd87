"""What counts as one piece on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from earmark.errors import BadInput
from earmark.library.sources import Score, find_scores, sha256
from earmark.sandbox.sandbox import Sandbox


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def scores(*paths: Path) -> list[Score]:
    return [found for found in find_scores(paths, Sandbox()) if isinstance(found, Score)]


def complaints(*paths: Path) -> list[str]:
    return [str(found) for found in find_scores(paths, Sandbox()) if isinstance(found, BadInput)]


def test_a_pdf_is_a_piece_named_after_its_file(tmp_path: Path) -> None:
    path = touch(tmp_path / "invention 1.pdf")
    (score,) = scores(path)
    assert score.name == "invention 1"
    assert score.source == str(path)
    assert [file.path for file in score.files] == [str(path)]


def test_images_of_a_folder_are_the_pages_of_one_piece_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        touch(tmp_path / "work" / f"page_{number}.png")
    (score,) = scores(tmp_path / "work")
    assert score.name == "work"
    assert [Path(file.path).name for file in score.files] == ["page_1.png", "page_2.png", "page_10.png"]


def test_folders_are_searched_and_what_is_no_page_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "b.pdf")
    touch(tmp_path / "A.PDF")
    touch(tmp_path / "notes.txt")
    touch(tmp_path / ".hidden.pdf")
    touch(tmp_path / ".git" / "x.pdf")
    touch(tmp_path / "deep" / "er" / "c.pdf")
    touch(tmp_path / "deep" / "er" / "1.jpg")
    assert [score.name for score in scores(tmp_path)] == ["A", "b", "c", "er"]
    assert complaints(tmp_path) == []


def test_a_tiff_of_many_pages_is_a_piece_and_one_of_one_page_is_a_page(tmp_path: Path) -> None:
    pages = [Image.new("L", (8, 8), 255) for _ in range(3)]
    pages[0].save(tmp_path / "many.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "page_1.tif")
    pages[0].save(tmp_path / "page_2.tif")
    assert {score.name: len(score.files) for score in scores(tmp_path)} == {"many": 1, tmp_path.name: 2}


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "one.pdf")
    (tmp_path / "a" / "back").symlink_to(tmp_path, target_is_directory=True)
    assert [score.name for score in scores(tmp_path)] == ["one"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.pdf", "cannot be read (No such file or directory)"),
        ("notes.txt", "is neither sheet music nor a recording"),
        ("empty", "holds no sheet music"),
    ],
)
def test_what_holds_no_music_is_said(tmp_path: Path, name: str, message: str) -> None:
    touch(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    (complaint,) = complaints(tmp_path / name)
    assert complaint.startswith(f"{tmp_path / name}: {message}")


def test_music_of_a_kind_that_is_not_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    touch(tmp_path / "work" / "a.pdf")
    touch(tmp_path / "work" / "a.ly")  # what the PDF was made of
    touch(tmp_path / "work" / "quartet.sib")
    (complaint,) = complaints(tmp_path / "work")
    assert complaint == complaints(tmp_path / "work" / "quartet.sib")[0]
    assert "is a Sibelius score" in complaint
    assert "export it as MusicXML" in complaint
    assert [score.name for score in scores(tmp_path / "work")] == ["a"]


def test_the_checksum_is_of_the_contents_in_order(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.png", b"one")
    touch(tmp_path / "a" / "2.png", b"two")
    touch(tmp_path / "b" / "x.png", b"one")
    touch(tmp_path / "b" / "y.png", b"two")
    touch(tmp_path / "c" / "1.png", b"two")
    touch(tmp_path / "c" / "2.png", b"one")
    a, b, c = scores(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert sha256(a) == sha256(b) != sha256(c)
    (tmp_path / "a" / "1.png").unlink()
    with pytest.raises(BadInput, match=r"1\.png: cannot be read"):
        sha256(a)
