"""Experiment files: TOML with only what differs from the defaults; an unknown key is an error."""

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
Modality = Literal["audio", "sheet"]
"""What an encoder is given."""


@dataclass(frozen=True)
class Experiment:
    """One training run.

    ``splits`` of the corpus are trained on; ``renderings`` are mixed for it, ``validation_rendering`` is never trained
    on. ``start`` names weights to begin with, a shipped model or a folder; without it, training begins from nothing.
    The learning rate rises for ``warmup_steps``, stays, and falls to zero over the last ``cooldown_steps``;
    ``averaging`` is the final decay of the weights' moving average, which is what is validated and exported. ``tempo``
    is the range of tempi, as factors of the score's. A batch is ``stretches`` of 20 s, ``stretches_per_piece`` of every
    piece in it; with ``hard_negatives`` every second of these is a place that looks like the one before
    (`earmark.training.data.hard_negatives`). ``degradation``, from 0 to 1, is how bad strips get
    (`earmark.training.data.augment_sheet`). ``frozen`` names modules of the encoders that stay as the weights in
    ``start`` have them. With ``locked_tower`` this encoder stays as a whole, and the other one learns from it
    (`earmark.training.data.locked_tower`).

    A file with ``seeds = [2, 3]`` in place of ``seed`` is one run for each.
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
    hard_negatives: bool = False
    degradation: float = 1.0
    locked_tower: Modality | None = None
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
        if self.locked_tower not in (None, "audio", "sheet"):
            raise ValueError(f"locked_tower {self.locked_tower!r} is neither audio nor sheet")
        if self.locked_tower and not self.start:
            raise ValueError("locked_tower needs start: the weights whose encoder is locked")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Experiment:
        """Read back what ``to_dict`` wrote. Raises TypeError or ValueError for what it does not know."""
        made = known_values(cls, values)
        if "network" in made:
            made["network"] = NetworkConfig.from_dict(made["network"])
        return cls(**made)

    @classmethod
    def of_each_seed(cls, values: Mapping[str, Any]) -> list[Experiment]:
        """The runs of a file: one, or with ``seeds`` one for each of them, named ``NAME-seed-N``.

        Raises TypeError or ValueError as `from_dict` does, and when the file has both ``seed`` and ``seeds``.
        """
        if "seeds" not in values:
            return [cls.from_dict(values)]
        if "seed" in values or not values["seeds"]:
            raise ValueError("give either seed or seeds, a list")
        shared = {key: value for key, value in values.items() if key != "seeds"}
        return [cls.from_dict({**shared, "seed": n, "name": f"{values['name']}-seed-{n}"}) for n in values["seeds"]]

    def same_run(self, other: Experiment) -> bool:
        """Whether a checkpoint of ``other`` may be continued as this one: only the lengths may differ."""
        lengths = {"steps": 0, "cooldown_steps": 0, "validate_every_steps": 0}
        return replace(self, **lengths) == replace(other, **lengths)  # type: ignore[arg-type]


def read_settings(path: Path, make: Callable[[Mapping[str, Any]], T]) -> T:
    """What ``make`` makes of the keys of a TOML file, with the file's name as ``name``.

    ``make`` raises TypeError, ValueError or KeyError for what it does not know. Raises BadInput, which says what.
    """
    try:
        with path.open("rb") as file:
            return make({"name": path.stem, **tomllib.load(file)})
    except FileNotFoundError:
        raise BadInput(path, "not there", "give the path of an experiment file") from None
    except (tomllib.TOMLDecodeError, TypeError, ValueError, KeyError) as error:
        raise BadInput(path, str(error), "see the folder experiments for examples") from None
