"""Pages: every kind of file gives the same grey page, and bad files say what is wrong."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from earmark.errors import BadInput
from earmark.schema import Image
from earmark.sheet.formats import kind
from earmark.sheet.images import read_pages

HEIC = Path(__file__).with_name("page.heic")
"""`page` as a phone would store it; no encoder of HEIC is installed with the tests."""


def page(height: int = 300, width: int = 200) -> Image:
    """White with a black bar over its upper third's last tenth, and a grey corner."""
    image = np.full((height, width), 255, np.uint8)
    image[height // 3 - height // 30 : height // 3] = 0
    image[: height // 10, : width // 10] = 128
    return image


def pdf(*boxes: tuple[float, float], rotate: int = 0, encrypt: bytes = b"") -> bytes:
    """A PDF with pages of these sizes in points, each with a black square of 72 points at the lower left."""
    square = b"0 0 72 72 re f"
    kids = b" ".join(b"%d 0 R" % (4 + number) for number in range(len(boxes)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(boxes), kids),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(square), square),
        *(
            b"<< /Type /Page /Parent 2 0 R /Contents 3 0 R /MediaBox [0 0 %f %f] /Rotate %d >>" % (*box, rotate)
            for box in boxes
        ),
    ]
    data = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return (
        data
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
        + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, encrypt, len(data))
    )


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def only_page(path: Path) -> Image:
    pages = list(read_pages(path))
    assert [found.number for found in pages] == [1]
    assert pages[0].image.dtype == np.uint8
    return pages[0].image


A4 = (595.276, 841.89)


def test_an_a4_page_is_drawn_1654_px_wide(tmp_path: Path) -> None:
    image = only_page(save(tmp_path / "a4.pdf", pdf(A4)))
    assert image.shape == (2339, 1654)
    assert not image[-199:, :199].any()
    assert (image[:-201, :] == 255).all()
    assert (image[:, 201:] == 255).all()


def test_a_pages_rotation_is_honoured(tmp_path: Path) -> None:
    image = only_page(save(tmp_path / "turned.pdf", pdf(A4, rotate=90)))
    assert image.shape == (1654, 2339)
    assert not image[:199, :199].any()  # turned clockwise, the lower left is the upper left
    assert (image[201:] == 255).all()


def test_a_page_whose_crop_box_lies_outside_is_shown_whole(tmp_path: Path) -> None:
    outside = pdf(A4).replace(b"/Type /Page /Parent", b"/Type /Page /CropBox [700 900 900 1000] /Parent")
    image = only_page(save(tmp_path / "outside.pdf", outside))
    assert image.shape == (2339, 1654)
    assert not image[-199:, :199].any()


def test_a_page_of_no_size_is_a_page_or_one_line(tmp_path: Path) -> None:
    for boxes in (b"[0 0 0 0]", b"[5 5 5 500]", b"[1 2 3]", b"[0 0 nan 9]"):
        path = save(tmp_path / "odd.pdf", re.sub(rb"(?<=/MediaBox )\[[^]]*\]", boxes, pdf(A4)))
        try:
            said = f"page 1 has {only_page(path).size} px"
        except BadInput as error:
            said = str(error)
        assert "page 1 has " in said


def test_a_pdf_that_may_not_be_printed_is_read(tmp_path: Path) -> None:
    """Owners may restrict printing and copying; opening takes the empty password then (PDF 1.7, 7.6.3)."""
    pad = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    owner, allowed, file_id = bytes(range(32)), struct.pack("<i", -64), bytes(16)
    key = hashlib.md5(pad + owner + allowed + file_id).digest()[:5]
    content = rc4(hashlib.md5(key + bytes((3, 0, 0, 0, 0))).digest()[:10], b"0 0 72 72 re f")
    said = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -64 /O <%s> /U <%s> >> /ID [<%s><%s>]" % (
        *(part.hex().encode() for part in (owner, rc4(key, pad), file_id, file_id)),
    )
    image = only_page(save(tmp_path / "owned.pdf", pdf(A4, encrypt=said).replace(b"0 0 72 72 re f", content)))
    assert not image[-199:, :199].any()
    assert (image[:-201] == 255).all()


def rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def test_pages_of_a_pdf_count_from_one(tmp_path: Path) -> None:
    path = save(tmp_path / "three.pdf", pdf(A4, (500, 700), A4))
    assert [found.number for found in read_pages(path)] == [1, 2, 3]
    assert [found.image.shape[1] for found in read_pages(path)] == [1654, 1389, 1654]


@pytest.mark.parametrize(
    ("size_pt", "shape"),
    [((20, 28), (2316, 1654)), ((8000, 12000), (2481, 1654)), ((300, 14400), (40000, 833))],
)
def test_pages_of_no_papers_size_are_limited(
    tmp_path: Path, size_pt: tuple[float, float], shape: tuple[int, int]
) -> None:
    image = only_page(save(tmp_path / "odd.pdf", pdf(size_pt)))
    assert image.size <= 40_100_000
    assert image.shape == pytest.approx(shape, abs=2)


def test_every_image_format_and_mode_gives_the_same_page(tmp_path: Path) -> None:
    expected = page()
    grey = PIL.Image.fromarray(expected)
    grey.save(tmp_path / "grey.png")
    grey.save(tmp_path / "grey.tif", compression="tiff_lzw")
    grey.save(tmp_path / "misnamed.jpg", format="PNG")
    grey.convert("RGB").save(tmp_path / "colour.png")
    grey.convert("RGB").save(tmp_path / "colour.webp", lossless=True)
    grey.convert("P").save(tmp_path / "palette.png")
    grey.convert("CMYK").save(tmp_path / "cmyk.tif")
    neutral = PIL.Image.new("L", grey.size, 128)
    PIL.Image.merge("LAB", (grey, neutral, neutral)).save(tmp_path / "lab.tif")
    PIL.Image.fromarray(expected.astype(np.uint16) * 257).save(tmp_path / "16.png")
    PIL.Image.fromarray(expected.astype(np.uint16) * 257).save(tmp_path / "16.tif")
    ink = np.zeros((*expected.shape, 4), np.uint8)
    ink[..., 3] = 255 - expected
    PIL.Image.fromarray(ink).save(tmp_path / "transparent.png")
    for path in sorted(tmp_path.iterdir()):
        np.testing.assert_allclose(only_page(path).astype(int), expected, atol=1, err_msg=path.name)
    grey.save(tmp_path / "lossy.jpg", quality=90)
    assert np.abs(only_page(tmp_path / "lossy.jpg").astype(int) - expected).mean() < 3


def test_images_of_every_common_kind_are_read(tmp_path: Path) -> None:
    expected = page()
    grey = PIL.Image.fromarray(expected)
    for name in ("a.gif", "a.bmp", "a.pgm", "a.ppm", "a.pnm"):
        (grey.convert("RGB") if name == "a.ppm" else grey).save(tmp_path / name)
    grey.save(tmp_path / "a.jp2", irreversible=False)
    for path in sorted(tmp_path.iterdir()):
        assert (kind(path), kind(misnamed(path))) == ("image", "image")
        np.testing.assert_allclose(only_page(path).astype(int), expected, atol=1, err_msg=path.name)
    grey.save(tmp_path / "lossy.avif", quality=90)
    shutil.copy(HEIC, tmp_path)
    for path in (tmp_path / "lossy.avif", tmp_path / HEIC.name):
        assert (kind(path), kind(misnamed(path))) == ("image", "image")
        assert np.abs(only_page(path).astype(int) - expected).mean() < 3


def misnamed(path: Path) -> Path:
    """A copy whose name tells nothing."""
    return Path(shutil.copy(path, path.with_suffix(".untold")))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize(
    ("kind_of_value", "white"),
    [
        *(("u1", 255), ("u2", 65535), ("u2", 4095), ("i2", 32767), ("f4", 1), ("f4", 255)),
        *(("u4", 255), ("u4", 65535), ("u4", 2**32 - 1), ("i4", 65535), ("i4", 2**31 - 1)),
    ],
)
def test_tiffs_of_any_depth_and_photometric_are_black_on_white(
    tmp_path: Path, kind_of_value: str, white: int, white_is_zero: bool, order: str
) -> None:
    share = page() / 255
    values: np.ndarray[Any, Any] = ((1 - share if white_is_zero else share) * white).astype(order + kind_of_value)
    save_tiff(tmp_path / "deep.tif", values, 0 if white_is_zero else 1)
    np.testing.assert_allclose(only_page(tmp_path / "deep.tif").astype(int), page(), atol=1)


def save_tiff(path: Path, values: np.ndarray[Any, Any], photometric: int) -> None:
    """A TIFF of one uncompressed strip, in the byte order of ``values``:
    https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf."""
    order, beginning = (">", b"MM\0*") if values.dtype.str[0] == ">" else ("<", b"II*\0")
    height, width = values.shape
    bits, form = values.itemsize * 8, {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height}
    tags |= {279: values.nbytes, 339: form}
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    path.write_bytes(beginning + struct.pack(order + "I", 8 + values.nbytes) + values.tobytes() + directory)


def test_a_negative_becomes_black_on_white_and_a_dark_photograph_stays(tmp_path: Path) -> None:
    paper = np.full((400, 300), 255, np.uint8)
    paper[50:350:12, 20:280] = 0
    PIL.Image.fromarray(255 - paper).save(tmp_path / "negative.png")
    np.testing.assert_array_equal(only_page(tmp_path / "negative.png"), paper)
    dark = (20 + paper / 255 * 60).astype(np.uint8)
    PIL.Image.fromarray(dark).save(tmp_path / "dark.png")
    np.testing.assert_array_equal(only_page(tmp_path / "dark.png"), dark)


def test_one_bit_scans_are_black_and_white(tmp_path: Path) -> None:
    bar = np.where(page() < 200, 0, 255).astype(np.uint8)
    PIL.Image.fromarray(bar).convert("1").save(tmp_path / "fax.tif", compression="group4")
    np.testing.assert_array_equal(only_page(tmp_path / "fax.tif"), bar)


def test_a_cameras_rotation_is_applied(tmp_path: Path) -> None:
    photo = PIL.Image.fromarray(np.rot90(page()))  # held so that its top is on the left
    tags = photo.getexif()
    tags[0x0112] = 6
    photo.save(tmp_path / "photo.jpg", exif=tags, quality=95)
    image = only_page(tmp_path / "photo.jpg")
    assert image.shape == (300, 200)
    assert np.abs(image.astype(int) - page()).mean() < 3


def test_a_tiff_of_many_pages_is_many_pages(tmp_path: Path) -> None:
    first, second = page(300, 200), page(150, 240)
    PIL.Image.fromarray(first).save(tmp_path / "two.tif", save_all=True, append_images=[PIL.Image.fromarray(second)])
    pages = list(read_pages(tmp_path / "two.tif"))
    assert [found.number for found in pages] == [1, 2]
    np.testing.assert_array_equal(pages[0].image, first)
    np.testing.assert_array_equal(pages[1].image, second)


def test_a_wide_image_is_reduced_to_2500_px_a_page(tmp_path: Path) -> None:
    for name, shape, reduced in (("high", (6000, 5000), (3000, 2500)), ("wide", (3000, 10_000), (1500, 5000))):
        PIL.Image.fromarray(page(*shape)).save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(only_page(tmp_path / f"{name}.png"), page(*reduced))


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_an_image_of_20_000_px_is_reduced_or_refused_within_memory(tmp_path: Path, mode: str) -> None:
    PIL.Image.new(mode, (20_000, 4_000), "white").save(tmp_path / "large.png", compress_level=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most that tests before have held
    held = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024
    assert (only_page(tmp_path / "large.png") == 255).all()
    PIL.Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(BadInput, match=r"million pixels; save it at 300 dpi"):
        list(read_pages(tmp_path / "bomb.png"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= max(before, held + 1_000_000)  # KiB


def truncated(format: str, keep: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (80, 80)).astype(np.uint8)
        PIL.Image.fromarray(noise).save(path, format=format)
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return write


_PASSWORD = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00><00>]" % (
    b"11" * 32,
    b"22" * 32,
)
BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.pdf": (lambda path: path.write_bytes(b""), "is empty"),
    "text.pdf": (lambda path: path.write_bytes(b"a letter\n" * 99), "not a PDF or an image"),
    "cut.pdf": (lambda path: path.write_bytes(pdf(A4)[:60]), "is a damaged PDF"),
    "locked.pdf": (
        lambda path: path.write_bytes(pdf(A4, encrypt=_PASSWORD)),
        "is encrypted; save a copy without",
    ),
    "nothing.pdf": (lambda path: path.write_bytes(pdf()), "without pages"),
    "cut.png": (truncated("PNG", 0.5), "damaged"),
    "cut.jpg": (truncated("JPEG", 0.5), "damaged"),
    "cut.tif": (truncated("TIFF", 0.5), "damaged"),
    "head.png": (truncated("PNG", 0.005), "damaged"),
    "cut.webp": (truncated("WEBP", 0.5), "damaged"),
    "cut.heic": (lambda path: path.write_bytes(HEIC.read_bytes()[:400]), "damaged"),
    "cut.jp2": (truncated("JPEG2000", 0.3), "damaged"),
    "drawing.tga": (lambda path: PIL.Image.new("L", (9, 9)).save(path), "not a PDF or an image that is read"),
    "folder.pdf": (lambda path: path.mkdir(), "is a folder"),
    "missing.pdf": (lambda path: None, "does not exist"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, name: str) -> None:
    write, message = BAD_FILES[name]
    write(tmp_path / name)
    with pytest.raises(BadInput, match=message) as error:
        list(read_pages(tmp_path / name))
    assert str(error.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    path = save(tmp_path / "secret.pdf", pdf(A4))
    path.chmod(0)
    with pytest.raises(BadInput, match="may not be read"):
        list(read_pages(path))


@pytest.mark.parametrize("error", [TypeError, AssertionError])
def test_what_pillow_raises_at_damage_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    PIL.Image.fromarray(page()).save(tmp_path / "scan.png")

    def damaged(*_: object) -> None:
        raise error

    monkeypatch.setattr(PIL.Image.Image, "convert", damaged)
    with pytest.raises(BadInput, match=r"png: is damaged; copy or download it again"):
        only_page(tmp_path / "scan.png")
