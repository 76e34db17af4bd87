"""How large the encoders are: what is needed to build them, and what travels in checkpoints and with weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from earmark.schema import known_values

PITCHES = 88  # keys of a piano


@dataclass(frozen=True)
class EncoderSize:
    """How large one encoder is.

    ``layer_channels``: channels of each 2-D convolution; the second halves the resolution along the token axis.
    ``token_channels``: size of a token. ``window_tokens``: tokens in a window. ``hidden``: width of the window's dense
    layer. ``vertical_layers``: the 2-D convolutions, counted from 0, that a `VerticalConv` follows.
    ``head_channels``: channels of each convolution that reads a system's head; without any, heads are not read.
    """

    layer_channels: tuple[int, ...]
    token_channels: int
    window_tokens: int
    hidden: int
    vertical_layers: tuple[int, ...] = ()
    head_channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build both encoders; it is kept in the checkpoint and in the weights' ``model.json``.

    ``dimension`` is that of the embeddings, ``pitches`` how many the trunks learn to detect. ``audio_gain`` multiplies
    magnitudes before the audio encoder takes their logarithm: it brings quiet recordings out of the linear part of
    log(1 + x). Magnitudes of the second reading are ``compressed_level * magnitude ** compression``, which leaves 0.03
    as it is.
    """

    dimension: int = 64
    audio: EncoderSize = EncoderSize((24, 48, 96, 96), token_channels=128, window_tokens=50, hidden=384)
    sheet: EncoderSize = EncoderSize((16, 32, 64, 96, 96), token_channels=128, window_tokens=28, hidden=384)
    pitches: int = PITCHES
    audio_gain: float = 20.0
    compression: float = 0.8
    compressed_level: float = 0.5

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """What ``to_dict`` wrote, or only what differs from the defaults; an unknown key raises TypeError."""
        defaults = cls()
        sizes: dict[str, EncoderSize] = {
            name: replace(getattr(defaults, name), **known_values(EncoderSize, values[name]))
            for name in ("audio", "sheet")
            if name in values
        }
        return cls(**{**values, **sizes})
