"""What counts as one piece on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from earmark.errors import NEITHER, BadInput
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.on_disk import BESIDE, HIDDEN, NO_FILE, Score, Skipped, find_scores, sha256


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
    (complaint,) = complaints(tmp_path / "work" / "quartet.sib")
    assert complaint == f"{tmp_path / 'work' / 'quartet.sib'}: {skipped(tmp_path)['quartet.sib']}"
    assert "is a Sibelius score" in complaint
    assert "export it as MusicXML" in complaint
    assert [score.name for score in scores(tmp_path / "work")] == ["a"]


def test_a_name_is_found_however_its_accents_are_written(tmp_path: Path) -> None:
    apart = "Pre\u0301lude"
    touch(tmp_path / f"{apart}.pdf")
    touch(tmp_path / apart / "1.png")
    assert [score.name for score in scores(tmp_path / f"{apart}.pdf", tmp_path / apart)] == 2 * ["Pr\u00e9lude"]


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


def skipped(*paths: Path) -> dict[str, str]:
    return {
        Path(found.path).name: found.reason for found in find_scores(paths, Sandbox()) if isinstance(found, Skipped)
    }


MIDI = b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk\0\0\0\4\0\xff\x2f\0"


def test_what_is_passed_over_in_a_folder_is_told(tmp_path: Path) -> None:
    for name in ("a.pdf", "notes.txt", "letter.pdx", ".hidden.pdf", ".git/x.pdf", "deep/thumbs.db", "deep/b.pdf"):
        touch(tmp_path / name)
    for name in ("a.mid", "alone.mid"):
        touch(tmp_path / name, MIDI)
    (tmp_path / "lost").symlink_to(tmp_path / "gone")
    assert skipped(tmp_path) == {
        "notes.txt": NEITHER,
        "letter.pdx": NEITHER,
        ".hidden.pdf": HIDDEN,
        ".git": HIDDEN,
        "thumbs.db": NEITHER,
        "a.mid": BESIDE,
        "lost": NO_FILE,
    }
    assert [score.name for score in scores(tmp_path)] == ["a", "alone", "b"]


MANIFESTS = (
    b'{"@context": "http://iiif.io/api/presentation/2/context.json", "@type": "sc:Manifest"}',
    b'\xef\xbb\xbf\n{"id": "x", "@context": ["a", "http:\\/\\/iiif.io\\/api\\/presentation\\/3\\/context.json"]}',
)


@pytest.mark.parametrize("content", MANIFESTS)
def test_a_saved_iiif_manifest_is_told_to_be_given_by_its_address(content: bytes, tmp_path: Path) -> None:
    for name in ("manifest.json", "manifest"):
        touch(tmp_path / name, content)
        (said,) = complaints(tmp_path / name)
        assert "is a IIIF manifest that was saved; give its address instead" in said
        assert "is a IIIF manifest that was saved" in skipped(tmp_path)[name]
    touch(tmp_path / "other.json", b'{"seeAlso": "iiif.io"}')
    assert "IIIF" not in complaints(tmp_path / "other.json")[0]


def test_every_file_of_a_folder_is_accounted_for(tmp_path: Path) -> None:
    names = ["1.png", "2.png", "x.pdf", "x.mid", "y.mid", "z.mp3", "untold", "q.xml", "w/.x", "w/b.tif", "w/c.exe"]
    names += ["q.sib", "tape.m3u", "x.rar", "letter.docx", "clip.part"]
    for name in names:
        touch(tmp_path / name, MIDI if name.endswith(".mid") else b"OggS" if name == "untold" else b"x")
    told = [file.path for score in scores(tmp_path) for file in score.files]
    told += [found.path for found in find_scores([tmp_path], Sandbox()) if isinstance(found, Skipped)]
    assert sorted(told) == sorted(str(tmp_path / name) for name in names)


def test_sound_is_known_by_its_content_and_comes_after_sheet_music(tmp_path: Path) -> None:
    for name, content in (
        ("take 1", b"#!AMR\n"),
        ("a.mp3", b"ID3"),
        ("b.pdf", b"%PDF-"),
        ("c", b"%PDF-1.4"),
        ("d", MIDI),
    ):
        touch(tmp_path / name, content)
    assert [(score.name, score.kind) for score in scores(tmp_path)] == [
        ("b", "score"),
        ("a", "recording"),
        ("d", "recording"),
        ("take 1", "recording"),
    ]
    assert skipped(tmp_path) == {"c": NEITHER}


def test_a_file_of_an_unknown_kind_that_is_given_is_tried_as_a_recording(tmp_path: Path) -> None:
    (score,) = scores(touch(tmp_path / "odd.bin", b"\0\1\2"))
    assert score.kind == "recording"
