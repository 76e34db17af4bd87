"""Any file with sound → mono samples: a recording as it is, a MIDI file as it is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from earmark.audio import decode, midi
from earmark.audio.endings import MIDI_ENDINGS
from earmark.audio.smf import is_smf
from earmark.audio.track import Tags
from earmark.schema import FloatArray


def is_midi(path: str | Path) -> bool:
    """Whether a file is a MIDI file, by its name's ending or its first bytes."""
    if Path(path).suffix.lower() in MIDI_ENDINGS:
        return True
    try:
        with open(path, "rb") as file:
            return is_smf(file.read(12))
    except OSError:
        return False


def read_sound(
    path: str | Path, start_s: float = 0.0, end_s: float | None = None, remark: Callable[[str], None] | None = None
) -> Iterator[FloatArray]:
    """Chunks float32 [n] at 22 050 Hz; see `earmark.audio.decode.read_samples` and `earmark.audio.midi.play`."""
    return (midi.play if is_midi(path) else decode.read_samples)(path, start_s, end_s, remark)


def stated_duration_s(path: str | Path) -> float | None:
    """How long a file says its sound is; None when it does not say.

    Raises BadInput when it cannot be read or has no sound.
    """
    return midi.duration_s(path) if is_midi(path) else decode.stated_duration_s(path)


def read_tags(path: str | Path) -> Tags:
    """What a recording says of itself; a MIDI file says nothing. BadInput as `stated_duration_s`."""
    return Tags() if is_midi(path) else decode.read_tags(path)
