"""The recipes of the paper's rows, and what a bad one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.balke2019.networks import ROWS
from earmark.balke2019.recipe import Recipe
from earmark.errors import BadInput
from earmark.training.experiment import read_settings

RECIPES = Path(__file__).parents[2] / "experiments" / "balke2019"


def test_the_shipped_recipes_are_the_rows() -> None:
    recipes = {path.stem: read_settings(path, Recipe.from_dict) for path in sorted(RECIPES.glob("*.toml"))}
    assert set(recipes) - set(ROWS) == {"bl2-lc-at-nocca", "bl2-sc-cross-entropy", "bl2-sc-64d"}
    for name, made in recipes.items():
        assert name.startswith(made.row)


def test_the_rows_are_trained_alike() -> None:
    """One million pairs each."""
    recipes = [read_settings(RECIPES / f"{row}.toml", Recipe.from_dict) for row in ROWS]
    assert {(made.epochs or 0) * made.epoch_pairs for made in recipes} == {1_000_000}
    assert {(made.seed, made.renderings, made.learning_rate) for made in recipes} == {
        (1, ("fluidr3-0-0@1", "fluidr3-0-1@1", "timgm6mb-0-0@1"), 0.002)
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [('row = "bl3"', "row 'bl3' is none of bl1-sc"), ('row = "bl1-sc"\nrat = 1', "unknown key rat"), ("", "row")],
)
def test_a_bad_recipe_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(BadInput, match=reason):
        read_settings(path, Recipe.from_dict)
