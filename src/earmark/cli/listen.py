"""``earmark listen``: ranking and place while music is played."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt

from earmark.cli.options import JSON, LIBRARY, MODEL, open_library, print_json, say
from earmark.errors import BadInput, EarmarkError, printable
from earmark.results.keys import KEYS
from earmark.schema import AudioSpec

if TYPE_CHECKING:
    from earmark.library.live import Heard

PCM = npt.NDArray[np.int16]
EVERY_S = 0.4
PORTION_S = 0.1
RATE_HZ = AudioSpec().sample_rate_hz


@click.command()
@LIBRARY
@click.option(
    "--input",
    "source",
    default=None,
    metavar="FILE|-",
    help="Instead of the microphone: a recording, heard as fast as it was played, or - for 16-bit mono samples on "
    "standard input.",
)
@click.option(
    "--rate",
    default=RATE_HZ,
    show_default=True,
    type=click.IntRange(8000, 96_000),
    help="Samples per second of the microphone or of standard input.",
)
@click.option(
    "--semitones",
    default=0,
    show_default=True,
    type=click.IntRange(min(KEYS), max(KEYS)),
    help="By how many the music sounds lower than it is printed: 2 on an instrument in B flat, 7 in F, 9 in E flat.",
)
@MODEL
@JSON
def listen_command(where: str, source: str | None, rate: int, semitones: int, model: str | None, as_json: bool) -> None:
    """Listen through the microphone and say, twice a second, what is played and where on the page.

    Ctrl-C ends it. With --json, every answer is a line.

    \b
    earmark listen ~/scores
    earmark listen ~/scores --input evening.flac --json
    ffmpeg -i http://radio.example/stream -f s16le -ac 1 -ar 22050 - | earmark listen ~/scores --input -
    """
    from earmark.library.live import Listener

    if source is None:
        portions = _microphone(rate)
    elif source == "-":
        portions = _standard_input(rate)
    else:
        portions, rate = _recording(source), RATE_HZ
    with open_library(where, model) as library:
        listener = Listener(library, rate, semitones)
        due = time.monotonic()
        for portion in portions:
            listener.hear(portion)
            if time.monotonic() >= due:
                due = time.monotonic() + EVERY_S
                _tell(listener.answer(), as_json)
        _tell(listener.answer(), as_json)
    if not as_json and sys.stdout.isatty():
        click.echo()


def _tell(heard: Heard, as_json: bool) -> None:
    if as_json:
        print_json(asdict(heard), indent=None)
    elif sys.stdout.isatty():
        click.echo(f"\r\033[K{printable(_line(heard))}", nl=False)
    else:
        say(_line(heard))


def _line(heard: Heard) -> str:
    clock = f"{int(heard.heard_s) // 60}:{heard.heard_s % 60:04.1f}"
    if heard.now:
        first = heard.hits[0]
        return (
            f"{clock}  {first.piece}, page {heard.now.page}, system {heard.now.system}, "
            f"{heard.now.x:.0%} of the width ({first.confidence:.2f})"
        )
    return f"{clock}  " + ("listening …" if heard.hits else "nothing yet")


def _recording(path: str) -> Iterator[PCM]:
    """A file's samples at `RATE_HZ`, each when it would be heard."""
    from earmark.audio.sound import read_sound
    from earmark.sandbox.sandbox import Sandbox

    start, played = time.monotonic(), 0
    size = round(PORTION_S * RATE_HZ)
    for chunk in Sandbox().stream(read_sound, path):
        for first in range(0, len(chunk), size):
            portion = chunk[first : first + size]
            played += len(portion)
            time.sleep(max(0.0, start + played / RATE_HZ - time.monotonic()))
            yield (np.clip(portion, -1, 1) * 32767).astype(np.int16)


def _standard_input(rate: int) -> Iterator[PCM]:
    size = 2 * round(PORTION_S * rate)
    while data := sys.stdin.buffer.read(size):
        if whole := data[: len(data) // 2 * 2]:
            yield np.frombuffer(whole, "<i2").astype(np.int16)


def _microphone(rate: int) -> Iterator[PCM]:
    try:
        import sounddevice
    except ImportError as error:
        raise EarmarkError(
            "listening through the microphone needs sounddevice; install it with: pip install 'earmark[listen]'"
        ) from error
    except OSError as error:  # the package is there, the library that it calls is not
        raise EarmarkError(f"{error}; install PortAudio (Debian: libportaudio2)") from error
    heard: queue.SimpleQueue[PCM] = queue.SimpleQueue()

    def take(block: PCM, frames: int, moment: Any, status: Any) -> None:
        heard.put(block[:, 0].copy())

    size = round(PORTION_S * rate)
    try:
        with sounddevice.InputStream(samplerate=rate, blocksize=size, channels=1, dtype="int16", callback=take):
            while True:
                yield heard.get()
    except sounddevice.PortAudioError as error:
        raise BadInput("the microphone", f"cannot be used ({error})", "plug one in, or use --input") from error
