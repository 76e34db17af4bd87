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
    recipes = [read_settings(path, Recipe.from_dict) for path in sorted(RECIPES.glob("*.toml"))]
    assert {made.row for made in recipes} == {made.name for made in recipes} - {
        "bl2-lc-at-nocca",
        "bl2-sc-cross-entropy",
        "bl2-sc-64d",
    }
    for made in recipes:
        assert made.name.startswith(made.row)


def test_the_long_recipes_are_alike() -> None:
    """All rows and two variants, two million pairs each."""
    recipes = [read_settings(path, Recipe.from_dict) for path in sorted((RECIPES / "long").glob("*.toml"))]
    assert {made.name for made in recipes} == {*ROWS, "bl2-lc-at-nocca", "bl2-sc-64d"}
    assert {(made.epochs or 0) * made.epoch_pairs for made in recipes} == {2_000_000}
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
