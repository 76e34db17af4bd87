"""What the installed commands say of bad input: one line each, exit code 2, and the rest is done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import PIL.Image
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Command, Music

PIECES, NOTES = 2, 60


@pytest.fixture
def scores(music: Music, tmp_path: Path) -> Path:
    return music.write_scores(tmp_path / "scores", PIECES, NOTES)


@pytest.fixture
def clip(music: Music, tmp_path: Path) -> Path:
    return music.write_recording(tmp_path / "clip.wav", music.melody(1, NOTES)[:45], first=25)


def encrypted_pdf() -> bytes:
    """A PDF of one page behind a password (the standard handler, revision 2, with keys that fit no password)."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"ab" * 32, b"cd" * 32),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<%s><%s>]>>\n" % (b"01" * 16, b"01" * 16)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer + b"startxref\n%d\n%%%%EOF" % len(out)


def write_bad_scores(folder: Path, good: Path, blank: Path) -> dict[str, Path]:
    """Every kind of bad input of sheet music by what is wrong with it."""
    folder.mkdir()
    bad = {
        kind: folder / name
        for kind, name in {
            "zero bytes": "zero.pdf",
            "truncated": "truncated.pdf",
            "wrong type": "wrong.pdf",
            "encrypted": "encrypted.pdf",
            "1x1": "one.png",
            "20 000 px": "huge.png",
            "photo of no music": "photo.jpg",
            "blank": "blank.png",
            "broken image": "broken.png",
            "JPEG cut short": "half.jpg",
            "recording named .pdf": "sound.pdf",
            "no pages": "pageless.pdf",
            "no such file": "nothing.pdf",
        }.items()
    }
    bad["zero bytes"].touch()
    bad["truncated"].write_bytes(good.read_bytes()[:2000])
    bad["wrong type"].write_bytes(b"GIF89a" + bytes(100))
    bad["encrypted"].write_bytes(encrypted_pdf())
    Image.new("L", (1, 1), 0).save(bad["1x1"])
    Image.new("1", (20_000, 20_000), 1).save(bad["20 000 px"])
    x, y = np.meshgrid(np.arange(1200), np.arange(900))
    landscape = 127 + 60 * np.sin(x / 90) * np.cos(y / 70) + np.random.default_rng(0).normal(0, 12, x.shape)
    Image.fromarray(landscape.clip(0, 255).astype(np.uint8)).save(bad["photo of no music"])
    bad["blank"].write_bytes(blank.read_bytes())
    bad["broken image"].write_bytes(b"\x89PNG\r\n\x1a\n broken")
    photo = bad["photo of no music"].read_bytes()
    bad["JPEG cut short"].write_bytes(photo[: len(photo) // 2])
    bad["recording named .pdf"].write_bytes(b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(2000))
    bad["no pages"].write_bytes(b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF")
    return bad


def test_bad_sheet_music_is_reported_and_the_rest_is_added(
    earmark: Command, scores: Path, blank_page: Path, tmp_path: Path
) -> None:
    bad = write_bad_scores(tmp_path / "bad", scores / "piece-0.pdf", blank_page)
    code, out, err = earmark("add", tmp_path / "lib", *bad.values(), scores, "--json")
    assert code == 2
    outcomes: dict[str, Any] = {outcome["source"]: outcome for outcome in json.loads(out)["pieces"]}
    for kind, path in bad.items():
        assert outcomes[str(path)]["status"] == "failed", kind
        assert "; " in outcomes[str(path)]["reason"], kind
        assert f"failed: {path}: " in err, kind
    assert f"earmark: {len(bad)} of {len(bad) + PIECES} could not be added" in err
    assert sum(outcome["status"] == "added" for outcome in outcomes.values()) == PIECES
    assert "is encrypted" in outcomes[str(bad["encrypted"])]["reason"]
    assert "Traceback" not in err


def test_bad_recordings_are_one_line(earmark: Command, scores: Path, tmp_path: Path, blank_page: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.wav").touch()
    (tmp_path / "text.mp3").write_text("no recording at all")
    (tmp_path / "header.wav").write_bytes(b"RIFF\x24\x08\x00\x00WAVEfmt ")
    (tmp_path / "half.pdf").write_bytes((scores / "piece-0.pdf").read_bytes()[:2000])
    for name in ("gone.wav", "zero.wav", "text.mp3", "header.wav", "half.pdf", "empty", blank_page.name):
        code, out, err = earmark("find", tmp_path / "lib", tmp_path / name)
        assert (code, out) == (2, ""), name
        assert err.startswith(f"earmark: {tmp_path / name}: "), name
        assert err.count("\n") == 1, name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("find", "none", "clip.wav"), "holds no library; make one with: earmark add"),
        (("list", "none"), "holds no library"),
        (("list", "https://host/library"), "is no address of a library; give milvus://HOST"),
        (("remove", "lib", "nothing"), "has no piece 'nothing'"),
        (("find", "other", "clip.wav"), "is not a library of Earmark's"),
        (("add", "other", "scores"), "is not a library of Earmark's"),
        (("add", "clip.wav", "scores"), "is a file, not a library"),
        (("find", "lib", "clip.wav", "--start", "500"), "before the start"),
        (("find", "lib", "clip.wav", "--start", "5", "--end", "4"), "give a start before the end"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_two(
    earmark: Command,
    scores: Path,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "library.sqlite").write_text("Dear reader,\n" * 50)
    earmark("add", "lib", scores)
    code, out, err = earmark(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_the_drawing_says_when_the_page_is_gone(earmark: Command, scores: Path, clip: Path, tmp_path: Path) -> None:
    earmark("add", tmp_path / "lib", scores)
    (scores / "piece-1.pdf").unlink()
    code, _, err = earmark("find", tmp_path / "lib", clip, "--draw", tmp_path / "drawn")
    assert code == 2
    assert "piece-1.pdf: does not exist" in err


def test_a_folder_that_may_not_be_read_is_reported(earmark: Command, tmp_path: Path, scores: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    scores.chmod(0)
    code, _, err = earmark("add", tmp_path / "lib", scores)
    scores.chmod(0o755)
    assert code == 2
    assert "may not be read" in err


@pytest.mark.parametrize("error", [MemoryError(), KeyError(7), RecursionError(), OSError(5, "Input/output error")])
def test_whatever_a_reader_raises_is_one_line(
    error: Exception, earmark: Command, scores: Path, clip: Path, blank_page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = scores.with_name("lib")
    earmark("add", library, scores)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(av, "open", fail)
    monkeypatch.setattr(PIL.Image, "open", fail)
    for words in (
        ("find", library, clip),
        ("find", library, blank_page),
        ("align", library, clip),
        ("listen", library, "--input", clip),
        ("pages", blank_page),
    ):
        code, out, err = earmark(*words)
        assert (code, out) == (2, ""), words
        assert err.startswith("earmark: "), words
        assert err.count("\n") == 1, words
