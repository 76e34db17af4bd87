"""Standard MIDI Files → the messages that say what sounds when (https://midi.org/standard-midi-files).

Every file that has notes is read, as far as it goes: of format 0 and 1, whose tracks sound together, and 2, whose
tracks follow each other; with a clock that counts beats or SMPTE frames; in a RIFF file (RMID) or behind another
preamble; with foreign chunks, odd meta events, wrong counts of tracks and lengths, damaged ends. mido, and what is made
of it, raises errors at most of these (https://github.com/mido/mido/issues/457, /105).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter

from earmark.errors import WEB_PAGE, BadInput, is_web_page

Message = tuple[float, int, int, int]
"""Seconds since the file's beginning, status byte with the channel, two data bytes (0 where there is no second)."""

BEGINNING = b"MThd"
_NO_MIDI = "is no MIDI file, or a damaged one", "export it again"
MOST_MESSAGES = 4_000_000
_PREAMBLE = 1 << 16
"""Bytes that may stand before the file proper."""
_TRACK = b"MTrk"
_HEADER_LENGTH = 6
_MEASURE = 4
"""Beats by which parts may end apart."""
_IN_SEQUENCE = 2
"""The format whose tracks follow each other."""
_USUAL_TICKS = 480
_USUAL_TEMPO_US = 500_000
"""Of a quarter note, until the file says otherwise."""
_META, _SYSTEM_EXCLUSIVE, _ESCAPE = 0xFF, 0xF0, 0xF7
_SET_TEMPO, _END_OF_TRACK = 0x51, 0x2F
_ONE_DATA_BYTE = frozenset({0xC0, 0xD0})
_LATEST_TICK = 1 << 40


@dataclass
class _Track:
    """``messages`` are tick, status and data, ``tempos`` tick and microseconds a quarter, ``end`` the last tick."""

    messages: list[tuple[int, int, int, int]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0
    is_whole: bool = True


def is_smf(beginning: bytes) -> bool:
    """Whether a file that begins with these bytes is a MIDI file, also one in RIFF."""
    return beginning[:4] == BEGINNING or (beginning[:4] == b"RIFF" and beginning[8:12] == b"RMID")


def read_messages(content: bytes, path: str, remark: Callable[[str], None]) -> list[Message]:
    """The messages of a MIDI file's channels, in order of time; ``remark`` is told what is amiss.

    At most `MOST_MESSAGES`. Raises BadInput, which names ``path``, when it is no MIDI file.
    """
    start = content.find(BEGINNING, 0, _PREAMBLE)
    header = content[start + 8 : start + 8 + _HEADER_LENGTH]
    if start < 0 or len(header) < _HEADER_LENGTH:
        raise BadInput(path, *(WEB_PAGE if is_web_page(content) else _NO_MIDI))
    length = max(_HEADER_LENGTH, int.from_bytes(content[start + 4 : start + 8], "big"))
    tracks = _read_tracks(content, start + 8 + length)
    if not all(track.is_whole for track in tracks):
        remark("is damaged; what could be read of it is played")
    division = int.from_bytes(header[4:6], "big")
    if not division:
        remark(f"does not say how long a beat is; {_USUAL_TICKS} ticks are supposed")
    if int.from_bytes(header[:2], "big") != _IN_SEQUENCE or _are_parts(tracks, division or _USUAL_TICKS):
        tracks = [_joined(tracks)]
    messages: list[Message] = []
    begin_s = 0.0
    for track in tracks:
        clock = _Clock(division, track.tempos)
        messages += [(begin_s + clock.seconds(tick), *rest) for tick, *rest in track.messages]  # type: ignore[misc]
        begin_s += clock.seconds(track.end)
    return messages


class _Clock:
    """What second a tick is at."""

    def __init__(self, division: int, tempos: list[tuple[int, int]]) -> None:
        """``division`` as the header has it; ``tempos`` by tick."""
        if division & 0x8000:  # minus the frames per second, ticks per frame
            frames = 256 - (division >> 8)
            rate = 30_000 / 1001 if frames == 29 else max(1, frames)
            self._changes = [(0, 0.0, 1 / (rate * max(1, division & 0xFF)))]
            return
        ticks = division or _USUAL_TICKS
        self._changes = [(0, 0.0, _USUAL_TEMPO_US / 1e6 / ticks)]
        for tick, tempo_us in tempos:
            if tempo_us:
                self._changes.append((tick, self.seconds(tick), tempo_us / 1e6 / ticks))

    def seconds(self, tick: int) -> float:
        """Seconds since the beginning."""
        change, change_s, tick_s = self._changes[bisect_right(self._changes, tick, key=itemgetter(0)) - 1]
        return change_s + (tick - change) * tick_s


def _read_tracks(content: bytes, at: int) -> list[_Track]:
    """All tracks, wherever they are: what lies between them is skipped."""
    tracks: list[_Track] = []
    left = MOST_MESSAGES
    while at + 8 <= len(content):
        name, stop = content[at : at + 4], at + 8 + int.from_bytes(content[at + 4 : at + 8], "big")
        if not _leads_on(content, stop):
            following = content.find(_TRACK, at + 4)
            stop = len(content) if following < 0 else following
        if name == _TRACK:
            tracks.append(_read_track(content[at + 8 : stop], left))
            left -= len(tracks[-1].messages)
        at = stop
    return tracks


def _leads_on(content: bytes, stop: int) -> bool:
    """Whether a chunk may end here: the file does, or another chunk's name follows."""
    name = content[stop : stop + 4]
    return stop == len(content) or (len(name) == 4 and name.isascii() and name.decode().isprintable())


def _read_track(data: bytes, most: int) -> _Track:
    """A track as far as it can be read, at most ``most`` messages."""
    track = _Track()
    at = tick = running = 0
    try:
        while at < len(data):
            delta, at = _variable(data, at)
            track.end = tick = min(tick + delta, _LATEST_TICK)
            status = data[at]
            if status >= 0x80:
                at += 1
            else:
                status = running
            if status == _META:
                kind = data[at]
                length, at = _variable(data, at + 1)
                if kind == _END_OF_TRACK:
                    return track
                if kind == _SET_TEMPO and length == 3:
                    track.tempos.append((tick, int.from_bytes(data[at : at + 3], "big")))
                at += length
            elif status in (_SYSTEM_EXCLUSIVE, _ESCAPE):
                length, at = _variable(data, at)
                at += length
            elif 0x80 <= status < _SYSTEM_EXCLUSIVE:
                running = status
                one = status & 0xF0 in _ONE_DATA_BYTE
                if len(track.messages) == most:
                    break
                track.messages.append((tick, status, min(data[at], 127), 0 if one else min(data[at + 1], 127)))
                at += 1 if one else 2
            else:  # data without a status, or a message that has no place in a file
                break
        else:
            return track  # without its end, as some programs write
    except IndexError:
        pass  # it ends within a message
    track.is_whole = False
    return track


def _variable(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = min(value << 7 | byte & 0x7F, _LATEST_TICK)
        if byte < 0x80:
            return value, at


def _are_parts(tracks: list[_Track], ticks: int) -> bool:
    """Whether tracks sound together though the header says otherwise: as long as each other, each on channels of its
    own."""
    played = [track for track in tracks if track.messages]
    channels = [channel for track in played for channel in {status & 0x0F for _, status, _, _ in track.messages}]
    ends = [track.end for track in played]
    return bool(played) and len(channels) == len(set(channels)) and max(ends) - min(ends) <= _MEASURE * ticks


def _joined(tracks: list[_Track]) -> _Track:
    """One track of those that sound together."""
    return _Track(
        sorted(chain.from_iterable(track.messages for track in tracks), key=itemgetter(0)),
        sorted(chain.from_iterable(track.tempos for track in tracks), key=itemgetter(0)),
        max((track.end for track in tracks), default=0),
    )
