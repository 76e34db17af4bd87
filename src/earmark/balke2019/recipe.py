"""A recipe file: TOML with what differs from the authors' recipe; an unknown key is an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from earmark.balke2019.losses import LOSSES
from earmark.balke2019.networks import ROWS, Row
from earmark.balke2019.windows import Augmentation
from earmark.schema import known_values


@dataclass(frozen=True)
class Recipe:
    """How one row of the paper is trained. The defaults are the authors' code's, pianos apart.

    ``row`` names the network. An epoch is ``epoch_pairs`` pairs in batches of ``batch``. Without ``epochs`` the rate
    is halved, from the best weights so far, whenever validation MRR has not risen for ``patience`` epochs, and
    training ends when it would be halved once more than ``halvings`` times. With ``epochs`` that is the length of the
    training, and the halvings are spread over its last third. ``l2`` is the factor of the sum of all squared weights
    in the loss.
    """

    row: str
    name: str = ""
    corpus: str = "data/msmd"
    renderings: tuple[str, ...] = ("fluidr3-0-0@1", "fluidr3-0-1@1", "timgm6mb-0-0@1")
    validation_rendering: str = "timgm6mb-0-2@1"
    validation_pairs: int = 1000
    seed: int = 1
    dimension: int = 32
    projection: str = "cca"
    loss: str = "ranking"
    batch: int = 100
    epoch_pairs: int = 10_000
    epochs: int | None = None
    patience: int = 60
    halvings: int = 5
    learning_rate: float = 0.002
    l2: float = 1e-5
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        for key, value, known in (
            ("row", self.row, list(ROWS)),
            ("projection", self.projection, ["cca", "linear"]),
            ("loss", self.loss, list(LOSSES)),
        ):
            if value not in known:
                raise ValueError(f"{key} {value!r} is none of {', '.join(known)}")

    @property
    def network(self) -> Row:
        return ROWS[self.row]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Read back what ``to_dict`` wrote. Raises TypeError or ValueError for what it does not know."""
        made = known_values(cls, values)
        if "augmentation" in made:
            made["augmentation"] = Augmentation(**known_values(Augmentation, made["augmentation"]))
        return cls(**made)
