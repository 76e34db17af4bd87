"""What is on a recording, stretch after stretch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from earmark.results.keys import in_words
from earmark.results.places import Place

Sound = Literal["music", "talking", "applause"]
"""What is heard, without asking what is played."""


@dataclass(frozen=True)
class Stretch:
    """What is heard from ``start_s`` to ``end_s`` of a recording: a piece, other music, talking, applause or silence.

    ``piece_id``, ``piece``, its name, ``title``, ``composer`` and ``source`` are those of `Hit`, and so is
    ``confidence``, of which ``sure`` says whether it is enough. ``begins`` and ``ends`` are the places that are played
    first and last; it sounds ``semitones`` lower than it is printed. They are None, "" and 0 where no piece is.
    ``silent`` and ``sound`` say what is heard there.
    """

    start_s: float
    end_s: float
    piece_id: int | None = None
    piece: str = ""
    title: str = ""
    composer: str = ""
    source: str = ""
    confidence: float = 0.0
    sure: bool = False
    begins: Place | None = None
    ends: Place | None = None
    silent: bool = False
    sound: Sound = "music"
    semitones: int = 0

    @property
    def what(self) -> Literal["piece", "unknown", "talking", "applause", "silence"]:
        """Which of these it is; *unknown* is music."""
        if self.silent:
            return "silence"
        if self.piece_id is not None:
            return "piece"
        return "unknown" if self.sound == "music" else self.sound

    @property
    def called(self) -> str:
        """What people are told of it, in a few words."""
        if self.what != "piece":
            return "music not in this library" if self.what == "unknown" else self.what
        named = ": ".join(filter(None, (self.composer, self.title or self.piece)))
        key = f" ({in_words(self.semitones)})" if self.semitones else ""
        return f"{'' if self.sure else 'perhaps '}{named}{key}"


@dataclass(frozen=True)
class Identified:
    """All of a recording, ``duration_s`` long, as ``stretches`` without gaps, in order."""

    audio_path: str
    duration_s: float
    model: str
    stretches: tuple[Stretch, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that ``earmark identify --json`` prints for each recording."""
        return {
            "audio": {"path": self.audio_path, "duration_s": self.duration_s},
            "model": self.model,
            "stretches": [{"what": one.what, **asdict(one)} for one in self.stretches],
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Identified:
        """Reads back what `to_dict` gave, also as JSON. Raises KeyError or TypeError for anything else."""
        stretches = []
        for one in told["stretches"]:
            values = {key: value for key, value in one.items() if key != "what"}
            for side in ("begins", "ends"):
                if values[side]:
                    values[side] = Place(**values[side] | {"box": tuple(values[side]["box"])})
            stretches.append(Stretch(**values))
        return cls(told["audio"]["path"], told["audio"]["duration_s"], told["model"], tuple(stretches))
