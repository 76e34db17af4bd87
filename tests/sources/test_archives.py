"""A ZIP archive is what it holds, within bounds, and leads nowhere else."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earmark.errors import NEITHER, BadInput
from earmark.library.library import Library
from earmark.sandbox.sandbox import Sandbox
from earmark.sources import archives
from earmark.sources.archives import read_archive, unpack
from earmark.sources.on_disk import HIDDEN, Skipped, find_scores

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    path.write_bytes(packed(files))
    return path


def packed(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_archive_is_added_as_the_folder_of_what_it_holds(
    encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    folder = music.write_images(tmp_path / "pages", music.melody(0, 144), ("page_1.png", "page_2.png"))
    pdf = music.write_pdf(tmp_path / "song.pdf", music.melody(1, 72))
    pages = {file.name: file.read_bytes() for file in folder.iterdir()}
    path = zipped(tmp_path / "book.zip", {**pages, "deep/song.pdf": pdf.read_bytes(), "deep/notes.doc": b"x"})
    with Library.open(tmp_path / "library", encoders) as library:
        assert [(one.status, one.piece and one.piece.name) for one in library.add(path)] == [
            ("skipped", None),
            ("added", "book"),
            ("added", "song"),
        ]
        assert [one.status for one in library.add([path, tmp_path / "pages"])] == ["skipped"] + ["unchanged"] * 3
        assert [piece.pages for piece in library.pieces()] == [2, 1]
        hit = library.find(music.write_recording(tmp_path / "clip.wav", music.melody(1, 72))).hits[0]
        assert (hit.piece, hit.page) == ("song", 1)


def test_archives_in_archives_are_unpacked_up_to_a_depth(tmp_path: Path, sandbox: Sandbox) -> None:
    inner = packed({"c.pdf": b"3", "too-deep.zip": packed({"d.pdf": b"4"})})
    path = zipped(tmp_path / "a.zip", {"a.pdf": b"1", "b/b.zip": packed({"b.pdf": b"2", "c.zip": inner})})
    found = unpack(path, tmp_path / "unpacked", sandbox)
    assert names(found.folder) == ["a.pdf", "b/b/b.pdf", "b/b/c/c.pdf"]
    assert ["more than 3 deep (too-deep.zip)" in one.what for one in found.wrong] == [True]


def test_names_lead_nowhere_else_and_fit_any_system(tmp_path: Path, sandbox: Sandbox) -> None:
    bad = ("/etc/a.pdf", "../b.pdf", "x/../../c.pdf", "C:\\d.pdf", "..\\e.pdf")
    good = {
        "Sonate: 1?.pdf": b"1",
        "x\\y.pdf": b"2",
        ".hidden.pdf": b"3",
        "__MACOSX/a.pdf": b"4",
        "z" * 300 + ".pdf": b"5",
    }
    path = zipped(tmp_path / "names.zip", {**dict.fromkeys(bad, b"x"), **good})
    found = unpack(path, tmp_path / "unpacked", sandbox)
    assert names(found.folder) == ["Sonate_ 1_.pdf", "x/y.pdf", "z" * 100 + ".pdf"]
    assert [one.what.startswith("names a file outside itself") for one in found.wrong] == [True] * len(bad)
    assert names(tmp_path) == sorted(["names.zip", *(f"unpacked/{path}" for path in names(tmp_path / "unpacked"))])


def test_links_and_encrypted_and_damaged_files_are_said_and_the_rest_is_unpacked(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    link = zipfile.ZipInfo("link.pdf")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        for name in ("locked.pdf", "broken.pdf", "good.pdf"):
            archive.writestr(name, f"content of {name}")
    data = bytearray(content.getvalue())
    at = data.rindex(b"PK\1\2", 0, data.index(b"locked.pdf", data.index(b"PK\1\2")))
    data[at + 8] |= 1
    data[data.index(b"content of broken.pdf")] ^= 255
    (tmp_path / "odd.zip").write_bytes(data)
    found = unpack(tmp_path / "odd.zip", tmp_path / "unpacked", sandbox)
    assert names(found.folder) == ["good.pdf"]
    assert [one.what for one in found.wrong] == [
        "holds a link (link.pdf)",
        "holds an encrypted file (locked.pdf)",
        "holds a damaged file (broken.pdf)",
    ]
    again = unpack(tmp_path / "odd.zip", tmp_path / "unpacked", sandbox)
    assert [str(one) for one in again.wrong] == [str(one) for one in found.wrong]


def test_bombs_are_refused_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 100_000)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 5)
    big = zipped(tmp_path / "big.zip", {"a.pdf": bytes(60_000), "b.pdf": bytes(60_000)})
    many = zipped(tmp_path / "many.zip", {f"{number}.pdf": b"x" for number in range(6)})
    for path, message in ((big, "holds more than"), (many, "holds more than 5 files")):
        with pytest.raises(BadInput, match=message):
            list(read_archive(path))
    (tmp_path / "none.zip").write_bytes(b"no archive")
    with pytest.raises(BadInput, match="is a damaged or foreign ZIP archive"):
        list(read_archive(tmp_path / "none.zip"))


def test_a_changed_archive_is_unpacked_again(tmp_path: Path, sandbox: Sandbox) -> None:
    path = zipped(tmp_path / "a.zip", {"old.pdf": b"1"})
    unpack(path, tmp_path / "unpacked", sandbox)
    zipped(path, {"new.pdf": b"1"})
    os.utime(path, ns=(1, 1))
    assert names(unpack(path, tmp_path / "unpacked", sandbox).folder) == ["new.pdf"]


def test_what_cannot_be_music_is_named_whatever_it_is(tmp_path: Path, sandbox: Sandbox) -> None:
    others = {"notes.exe": NEITHER, "untold": NEITHER, "deep/.x.pdf": HIDDEN, "__MACOSX/a.mid": HIDDEN}
    path = zipped(tmp_path / "a.zip", {"a.pdf": b"1", **dict.fromkeys(others, b"x")})
    for _ in range(2):  # unpacked, and kept
        found = [one for one in find_scores([path], sandbox, tmp_path / "unpacked") if isinstance(one, Skipped)]
        assert {Path(one.path).relative_to(path).as_posix(): one.reason for one in found} == others
    (said,) = [
        one
        for one in find_scores([zipped(tmp_path / "b.cbz", {"q.sib": b"x"})], sandbox, tmp_path / "unpacked")
        if isinstance(one, Skipped)
    ]
    assert said.reason.startswith("is a Sibelius score")


def test_without_a_place_to_unpack_archives_are_named(tmp_path: Path, sandbox: Sandbox) -> None:
    zipped(tmp_path / "a.zip", {"a.pdf": b"1"})
    (said,) = find_scores([tmp_path], sandbox)
    assert "is a ZIP archive; unpack it, or add it to a library" in str(said)
