"""An experiment file: TOML with only what differs from the defaults; an unknown key is an error."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from earmark.errors import BadInput
from earmark.model.networks import NetworkConfig
from earmark.schema import known_values

T = TypeVar("T")
Side = Literal["audio", "sheet"]
"""An encoder: what it hears or sees."""


@dataclass(frozen=True)
class Experiment:
    """One training run.

    ``splits`` of the corpus are trained on; ``renderings`` are mixed for it, ``validation_rendering`` is never trained
    on. ``start`` names weights to begin with, a shipped model or a folder; without it, training begins from nothing.
    The learning rate rises for ``warmup_steps``, stays, and falls to zero over the last ``cooldown_steps``;
    ``averaging`` is the final decay of the weights' moving average, which is what is validated and exported. ``tempo``
    is the range of tempi, as factors of the score's. A batch is ``stretches`` of 20 s, ``stretches_per_piece`` of every
    piece in it; with ``look_alikes`` every second of these is a place that looks like the one before. ``degradation``,
    from 0 to 1, is how bad strips get (`earmark.training.data.augment_sheet`). ``frozen`` names modules of the
    encoders that stay as the weights in ``start`` have them. With ``whole_pieces`` the encoder of that side alone
    learns, from snippets and sound of whole pieces against each other (`earmark.training.data.locked_tower`).
    """

    corpus: str
    renderings: tuple[str, ...]
    validation_rendering: str
    steps: int
    name: str = ""
    splits: tuple[str, ...] = ("train",)
    start: str = ""
    seed: int = 1
    stretches: int = 24
    stretches_per_piece: int = 2
    look_alikes: bool = False
    degradation: float = 1.0
    whole_pieces: Side | None = None
    pairs_per_stretch: int = 24
    tempo: tuple[float, float] = (0.5, 2.0)
    frozen: tuple[str, ...] = ()
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 300
    cooldown_steps: int = 2000
    gradient_norm: float = 1.0
    averaging: float = 0.999
    pitch_weight: float = 0.3
    validate_every_steps: int = 500
    validation_pairs: int = 2000
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        if self.whole_pieces not in (None, "audio", "sheet"):
            raise ValueError(f"whole_pieces {self.whole_pieces!r} is neither audio nor sheet")
        if self.whole_pieces and not self.start:
            raise ValueError("whole_pieces needs start: the weights whose other encoder stays")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Experiment:
        """Read back what ``to_dict`` wrote. Raises TypeError or ValueError for what it does not know."""
        made = known_values(cls, values)
        if "network" in made:
            made["network"] = NetworkConfig.from_dict(made["network"])
        return cls(**made)

    def same_run(self, other: Experiment) -> bool:
        """Whether a checkpoint of ``other`` may be continued as this one: only the lengths may differ."""
        lengths = {"steps": 0, "cooldown_steps": 0, "validate_every_steps": 0}
        return replace(self, **lengths) == replace(other, **lengths)  # type: ignore[arg-type]


def read_settings(path: Path, make: Callable[[Mapping[str, Any]], T]) -> T:
    """What ``make`` makes of a TOML file and its name. Raises BadInput with the offending key."""
    try:
        with path.open("rb") as file:
            return make({"name": path.stem, **tomllib.load(file)})
    except FileNotFoundError:
        raise BadInput(path, "not there", "give the path of an experiment file") from None
    except (tomllib.TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise BadInput(path, str(error), "see the folder experiments for examples") from None


def read_experiment(path: Path) -> Experiment:
    """Read an experiment file; its name is the file's name. Raises BadInput with the offending key."""
    return read_settings(path, Experiment.from_dict)
