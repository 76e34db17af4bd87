"""Experiment files: TOML with only what differs from the defaults, or from the file that ``base`` names.

An unknown key is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from earmark.errors import BadInput
from earmark.model.size import NetworkConfig
from earmark.schema import known_values

T = TypeVar("T")

_LENGTHS = {"steps", "cooldown_steps", "validate_every_steps"}


@dataclass(frozen=True)
class Experiment:
    """One training run.

    The pieces of ``splits`` in all ``corpora`` are trained on; each is mixed of those ``renderings`` that it has.
    Those of ``validation_splits`` are validated on, each in the first of ``validation_renderings`` that it has.
    The learning rate rises for ``warmup_steps``, stays, and falls to zero over the last ``cooldown_steps``;
    ``averaging`` is the final decay of the weights' moving average, which is what is validated and exported. The first
    ``pitch_steps`` teach the trunks pitches alone: they learn to read notes several times as fast so. With ``muon``,
    hidden layers learn by Muon (`earmark.training.optimiser`). ``tempo`` is the range of tempi, as factors of the
    score's. A batch is ``stretches`` of 20 s, ``stretches_per_piece`` of every piece in it; with ``hard_negatives``
    every second of these is a place that looks like the one before (`earmark.training.data.hard_negatives`). After
    the ``pitch_steps``, of a share ``clips`` of the stretches only 3 to 16 s are heard, as of what people record.

    A file with ``seeds = [2, 3]`` in place of ``seed`` is one run for each. With ``shared_steps`` as well, these are
    the ends of one run: its first steps, with the first seed, are done once for all seeds. So their weights lie close
    enough to each other for their mean to be a good model.
    """

    corpora: tuple[str, ...]
    renderings: tuple[str, ...]
    validation_renderings: tuple[str, ...]
    steps: int
    name: str = ""
    splits: tuple[str, ...] = ("train",)
    validation_splits: tuple[str, ...] = ("valid",)
    seed: int = 1
    shared_run: str = ""
    shared_steps: int = 0
    stretches: int = 24
    stretches_per_piece: int = 2
    hard_negatives: bool = False
    pairs_per_stretch: int = 24
    tempo: tuple[float, float] = (0.5, 2.0)
    clips: float = 0.0
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    muon: bool = False
    warmup_steps: int = 300
    cooldown_steps: int = 2000
    gradient_norm: float = 1.0
    averaging: float = 0.999
    pitch_weight: float = 0.3
    pitch_steps: int = 0
    validate_every_steps: int = 500
    validation_pairs: int = 2000
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        if self.shared_steps and not self.shared_run:
            raise ValueError("shared_steps needs seeds, a list")
        if self.shared_steps and self.shared_steps > self.steps - self.cooldown_steps:
            raise ValueError("shared_steps end after cooldown_steps begin")

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
        """The runs of a file in the order in which they are to be made: one, or with ``seeds`` one for each of them,
        named ``NAME-seed-N``, with ``shared_steps`` after the run ``NAME`` that they go on from.

        Raises TypeError or ValueError as `from_dict` does, and when the file has both ``seed`` and ``seeds``.
        """
        if "seeds" not in values:
            return [cls.from_dict(values)]
        if "seed" in values or not values["seeds"]:
            raise ValueError("give either seed or seeds, a list")
        name, seeds = values["name"], values["seeds"]
        every = {key: value for key, value in values.items() if key != "seeds"}
        if "shared_steps" not in values:
            return [cls.from_dict({**every, "seed": seed, "name": f"{name}-seed-{seed}"}) for seed in seeds]
        ends = [
            cls.from_dict({**every, "seed": seed, "name": f"{name}-seed-{seed}", "shared_run": name}) for seed in seeds
        ]
        lengths = {"steps": values["shared_steps"], "shared_steps": 0, "cooldown_steps": 0}
        return [cls.from_dict({**every, **lengths, "seed": seeds[0]}), *ends]

    def same_run(self, other: Experiment) -> bool:
        """Whether a checkpoint of ``other`` may be continued as this one: only the lengths may differ."""
        own, others = self.to_dict(), other.to_dict()
        return all(own[key] == others[key] for key in own.keys() - _LENGTHS)


def ends(runs: Sequence[Experiment]) -> list[Experiment]:
    """Of the runs of a file those whose weights count: all but the one that they share their first steps with."""
    return [run for run in runs if run.shared_run == runs[-1].shared_run]


def read_settings(path: Path, make: Callable[[Mapping[str, Any]], T]) -> T:
    """What ``make`` makes of the keys of a TOML file, with the file's name as ``name``.

    What a file with ``base = "OTHER.toml"`` does not say, that file beside it does; tables are merged, too. ``make``
    raises TypeError, ValueError or KeyError for what it does not know. Raises BadInput, which says what.
    """
    try:
        return make({"name": path.stem, **_read(path, ())})
    except (TypeError, ValueError, KeyError) as error:
        raise BadInput(path, str(error), "see the folder experiments for examples") from None


def _read(path: Path, above: Sequence[Path]) -> dict[str, Any]:
    """The keys of a file and of what it is based on; ``above`` are the files that are based on it."""
    if path.resolve() in above:
        raise BadInput(path, "is its own base", "leave out base in one of the files")
    try:
        with path.open("rb") as file:
            own = tomllib.load(file)
    except FileNotFoundError:
        raise BadInput(path, "not there", "give the path of an experiment file") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, str(error), "see the folder experiments for examples") from None
    base = own.pop("base", None)
    if base is None:
        return own
    inherited = _read(path.parent / str(base), (*above, path.resolve()))
    inherited.pop("name", None)
    return _merged(inherited, own)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """``own`` over ``base``, table by table."""
    tables = {key: _merged(base.get(key, {}), table) for key, table in own.items() if isinstance(table, dict)}
    return {**base, **own, **tables}
