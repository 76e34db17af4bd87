"""The track of a file that is heard, as FFmpeg reads it: when it begins and ends, its frames, its tags.

Of several tracks it is the one that the file names as its default, or else the first; if that is silent from
beginning to end, the first of the others that is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import av.error
import numpy as np
from av.container import InputContainer

from earmark.audio.endings import SOUND_ENDINGS, begins_as_sound
from earmark.audio.ogg import Link, links
from earmark.errors import EMPTY, NEITHER, WEB_PAGE, BadInput, is_web_page

_AUDIBLE = 1e-3
"""Of full scale: a track that never gets louder is silent."""
_KNOWN_LENGTHS = frozenset({"aiff", "au", "flac", "matroska", "mov", "tta", "wv"})
"""FFmpeg's names of containers that write down how long a track is; of others FFmpeg guesses from a bit rate."""

# Decoders of lossy codecs are exact only some way behind the place they were dropped at (Opus asks for 80 ms,
# MP3's bit reservoir reaches back about 250 ms).
SEEK_MARGIN_S = 2.0


@dataclass(frozen=True)
class Tags:
    """What a recording says of itself, "" where it says nothing; the artist is the composer where none is named."""

    title: str = ""
    composer: str = ""


class Track:
    """The track that is heard of an open file; a context manager that closes it."""

    def __init__(self, path: str | Path, stretch: tuple[int, int] | None) -> None:
        """Opens a file, or the bytes ``stretch`` of it. Raises BadInput when it has no sound, FFmpegError or OSError
        when it cannot be opened."""
        self.path, self._stretch = path, stretch
        self.broke_off = ""
        """Why `frames` ended before the file did; "" while it has not."""
        self._container = self._opened()
        try:
            self._index = self._chosen()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def stated_s(self) -> float | None:
        """How long the file says its sound is; None when it does not say."""
        stream = self._stream
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None

    @property
    def stated_end_s(self) -> float | None:
        """When the sound ends, as the file itself says it; None where that is only guessed."""
        names = set(self._container.format.name.split(","))
        # Matroska has the length of all tracks together, and a picture may go on after the sound.
        is_of_all = "matroska" in names and len(self._container.streams) > 1
        return self.stated_s if names & _KNOWN_LENGTHS and not is_of_all else None

    def tags(self) -> Tags:
        """Title and composer."""
        told: dict[str, str] = {}
        for metadata in (self._stream.metadata, self._container.metadata):
            told |= {key.casefold(): _readable(value) for key, value in metadata.items()}
        title, album = told.get("title", ""), told.get("album", "")
        composer = next((told[key] for key in ("composer", "artist", "album_artist") if told.get(key)), "")
        return Tags(f"{title} ({album})" if title and album else title or album, composer)

    def frames(self, start_s: float) -> tuple[float, int, Iterator[av.AudioFrame]]:
        """When the track begins, seconds after the file's beginning; how many of its samples are left out; its frames
        after those, from the first or from somewhere at least a second before ``start_s``.

        A damaged packet is skipped. Raises FFmpegError when nothing can be read.
        """
        frames = self._decoded()
        first = next(frames, None)
        if first is None:
            return 0.0, 0, iter(())
        begins_s = self._begins_s(first)
        rate, clock = first.sample_rate, self._stream.time_base
        # Where the container's clock is coarser than a sample (Matroska's is 1 ms) a seek cannot be exact.
        exact = clock is not None and clock <= Fraction(1, rate)
        target_s = start_s - begins_s - SEEK_MARGIN_S
        if target_s <= 0 or not exact or clock is None or first.pts is None or self._stretch:
            return begins_s, 0, chain([first], frames)
        self._container.seek(first.pts + int(target_s / clock), stream=self._stream)
        frames = self._decoded()
        landing = next(frames, None)
        if landing is not None and landing.pts is not None:
            skipped = round((landing.pts - first.pts) * clock * rate)
            if 0 <= skipped <= (target_s + SEEK_MARGIN_S / 2) * rate:
                return begins_s, skipped, chain([landing], frames)
        self._rewind()
        return begins_s, 0, self._decoded()

    @property
    def _stream(self) -> av.AudioStream:
        return cast(av.AudioStream, self._container.streams[self._index])

    def _opened(self) -> InputContainer:
        # "file:" and the whitelist keep a name such as "http://…", or a playlist, from reaching beyond this file.
        file = Link(self.path, *self._stretch) if self._stretch else f"file:{self.path}"
        options = {"protocol_whitelist": "file"}
        return av.open(file, "r", options=options, metadata_errors="surrogateescape")

    def _rewind(self) -> None:
        self._container.close()
        self._container = self._opened()

    def _begins_s(self, first: av.AudioFrame) -> float:
        """When the first frame is heard, after the file's beginning: a picture may begin before."""
        if first.pts is None or self._stream.time_base is None:
            return 0.0
        beginning_s = max(0.0, (self._container.start_time or 0) / av.time_base)
        return max(0.0, float(first.pts * self._stream.time_base) - beginning_s)

    def _decoded(self) -> Iterator[av.AudioFrame]:
        heard = False
        try:
            for packet in self._container.demux(self._stream):
                try:
                    for frame in packet.decode():
                        heard = True
                        yield frame
                except av.error.InvalidDataError:
                    continue
        except av.error.FFmpegError as error:
            if not heard:
                raise
            self.broke_off = str(error.strerror)

    def _chosen(self) -> int:
        """Which stream is heard."""
        streams = [stream for stream in self._container.streams.audio if stream.codec_context is not None]
        if not streams:
            raise nothing_heard(self.path, "has no sound track", "give a recording, or a video with sound")
        default = next((stream for stream in streams if stream.disposition & stream.disposition.default), streams[0])
        first = default.index
        if len(streams) == 1:
            return first
        sounding = self._sounding([default, *(stream for stream in streams if stream is not default)])
        self._rewind()  # after which streams that were open tell nothing
        return first if sounding is None else sounding

    def _sounding(self, streams: list[av.AudioStream]) -> int | None:
        """The first of these that is not silent; nothing is read after the very first is heard."""
        heard: set[int] = set()
        try:
            for packet in self._container.demux(streams):
                if packet.stream.index in heard:
                    continue
                try:
                    if any(_is_audible(cast(av.AudioFrame, frame)) for frame in packet.decode()):
                        heard.add(packet.stream.index)
                except av.error.FFmpegError:
                    continue
                if streams[0].index in heard:
                    break
        except av.error.FFmpegError:
            pass  # what was heard before counts
        return next((stream.index for stream in streams if stream.index in heard), None)


def tracks(path: str | Path) -> Iterator[Track]:
    """The track of a file, open while it is looked at; of a chained Ogg file, those of its links in order.

    Raises as `Track` does.
    """
    found = links(path)
    for stretch in found:
        with Track(path, stretch if len(found) > 1 else None) as track:
            yield track


@contextmanager
def explained(path: str | Path) -> Iterator[None]:
    """Turns what FFmpeg and the file system raise within into a BadInput that says what is wrong with the file."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(path, *_explanation(Path(path), error)) from error


def nothing_heard(
    path: str | Path,
    what: str = "holds no sound that can be decoded",
    remedy: str = "convert it to WAV or FLAC and try again",
) -> BadInput:
    """That a file which could be opened gave no sound, and why: it is empty, or ``what`` is wrong with it."""
    return BadInput(path, *(EMPTY if Path(path).stat().st_size == 0 else (what, remedy)))


def _explanation(path: Path, error: Exception) -> tuple[str, str]:
    """What is wrong with a file that FFmpeg refused, and the remedy."""
    if isinstance(error, FileNotFoundError):
        return "does not exist", "check the name"
    if path.is_dir():
        return "is a folder", "give one recording"
    if isinstance(error, PermissionError):
        return "may not be read", "give yourself permission to read it"
    if path.is_file() and path.stat().st_size == 0:
        return EMPTY
    beginning = _beginning(path)
    if is_web_page(beginning):
        return WEB_PAGE
    is_one = path.suffix.lower() in SOUND_ENDINGS or begins_as_sound(beginning)
    what = "is not a recording, or is damaged" if is_one else NEITHER
    return what, "give a WAV, FLAC, MP3, Ogg, M4A, WebM or a video"


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1024)
    except OSError:
        return b""


def _is_audible(frame: av.AudioFrame) -> bool:
    for part in av.AudioResampler(format="flt").resample(frame):
        if np.abs(part.to_ndarray()).max(initial=0.0) > _AUDIBLE:
            return True
    return False


def _readable(value: str) -> str:
    """A tag in one line; what is no UTF-8 is taken for Latin-1."""
    try:
        text = value.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        text = value.encode("utf-8", "surrogateescape").decode("latin-1")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]
