"""Files that no one should give to Earmark: ``python -m benchmarks.bad_files FOLDER SCORE.pdf RECORDING``.

A process of its own, so that what makes them does not count as memory of what is tried with them.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image


def make_bad_files(folder: Path, score: Path, recording: Path) -> None:
    """Writes them all; the names are those that ``benchmarks.bad_input`` tries."""
    good, sound, suffix = score.read_bytes(), recording.read_bytes(), recording.suffix
    letter = b"Dear reader,\n" * 50
    contents = {
        "zero.pdf": b"",
        "zero.png": b"",
        "half.pdf": good[: len(good) // 2],
        "text.pdf": letter,
        "sound.pdf": sound,
        f"sound{suffix}": sound,
        "encrypted.pdf": encrypted_pdf(),
        "pageless.pdf": small_pdf(),
        f"zero{suffix}": b"",
        f"half{suffix}": sound[: len(sound) // 2],
        f"header{suffix}": sound[:40],
        "text.mp3": letter,
        "score.wav": good,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    landscape().save(folder / "landscape.jpg")
    wall().save(folder / "wall.jpg")
    noise().save(folder / "half.jpg")
    half = (folder / "half.jpg").read_bytes()
    (folder / "half.jpg").write_bytes(half[: len(half) // 2])
    Image.new("L", (1, 1), 255).save(folder / "pixel.png")
    Image.new("1", (20_000, 20_000), 1).save(folder / "large.png")
    Image.new("L", (20_000, 3_000), 255).save(folder / "wide.png")
    write_silence(folder / "silent.wav", 30)
    write_silence(folder / "no-samples.wav", 0)
    (folder / "empty").mkdir()
    (folder / "other").mkdir()
    (folder / "other" / "library.sqlite").write_bytes(letter)


def landscape() -> Image.Image:
    """Hills one behind the other under a bright sky, with a camera's noise."""
    height, width = 1500, 2000
    rows, columns = np.mgrid[:height, :width]
    picture = np.linspace(235, 190, height)[:, None] * np.ones(width)
    for distance, grey in enumerate((160, 120, 80)):
        top = 600 + 250 * distance + 120 * np.sin(columns / (150 + 90 * distance) + distance)
        picture[rows > top] = grey
    return photographed(picture, 8)


def wall() -> Image.Image:
    """A rough wall with light from one side: no shapes, much noise."""
    columns, rows = np.linspace(60, 200, 2000), 30 * np.sin(np.arange(1500) / 90)[:, None]
    return photographed(columns + rows, 12)


def photographed(grey: npt.NDArray[np.float64], deviation: float) -> Image.Image:
    """With a camera's noise."""
    noisy = grey + np.random.default_rng(1).normal(0, deviation, grey.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def noise() -> Image.Image:
    """Grey values at random, as large as a page."""
    return Image.fromarray(np.random.default_rng(2).integers(0, 255, (2339, 1654), np.uint8))


def write_silence(path: Path, seconds: int) -> None:
    """Stereo, 16 bits, 44.1 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(4 * 44_100 * seconds))


def small_pdf(trailer: str = "") -> bytes:
    """The smallest PDF: no pages."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [] /Count 0 >>"]
    text, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table_at = len(text)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{at:010} 00000 n \n" for at in offsets)
    text += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{table_at}\n%%EOF\n"
    return text.encode()


def encrypted_pdf() -> bytes:
    """A PDF whose password nobody knows: the standard security handler with keys that fit none."""
    key = "<" + "5a" * 32 + ">"
    handler = f"/Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4"
    return small_pdf(f"/Encrypt << {handler} >> /ID [<00> <00>]")


if __name__ == "__main__":
    make_bad_files(*map(Path, sys.argv[1:]))
