"""Which model a library is searched with: the one that is given, else the one it was made with, else the one that fits
what is added first."""

from __future__ import annotations

from pathlib import Path

from earmark.library.instruments import PIANO_ONLY
from earmark.model.encoders import Model, available, load
from earmark.store.store import Store


class ModelChoice:
    """The choice for the library in ``store``; ``given`` is a shipped model's name, a model's folder, a loaded model,
    or None."""

    def __init__(self, store: Store, given: str | Path | Model | None) -> None:
        self._store = store
        self._fixed, self._fitting = given, PIANO_ONLY
        self._loaded: tuple[str | Path, Model] | None = None

    @property
    def chosen(self) -> str | Path | Model:
        """The model, or the name or folder of it. That of an empty library may become another: see `fit`."""
        if self._fixed is None and self._store.model_id:
            made_with = self._store.model_id.rpartition("-")[0]
            self._fixed = made_with if made_with in available() else PIANO_ONLY
        return self._fitting if self._fixed is None else self._fixed

    @property
    def model(self) -> Model:
        """The model, loaded when first asked for; raises as `load` does."""
        chosen = self.chosen
        if not isinstance(chosen, str | Path):
            return chosen
        if self._loaded is None or self._loaded[0] != chosen:
            self._loaded = chosen, load(chosen)
        return self._loaded[1]

    @property
    def is_open(self) -> bool:
        """Whether nothing has decided yet: no model was given, and the library is empty."""
        return self._fixed is None and self._store.model_id is None

    def fit(self, name: str) -> None:
        """Takes the shipped model of this name, as long as the choice is open."""
        self._fitting = name
