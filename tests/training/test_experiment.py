"""Recipes list differences, and an unknown key is an error."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.errors import BadInput
from earmark.training.experiment import Experiment, read_experiment


def test_an_experiment_file_lists_differences_and_refuses_unknown_keys(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    required = 'corpus = "c"\nrenderings = ["a@1"]\nvalidation_rendering = "b@1"\nsteps = 7\n'
    path.write_text(required + "[network]\ndimension = 48\n")
    made = read_experiment(path)
    assert (made.name, made.steps, made.renderings, made.network.dimension) == ("mine", 7, ("a@1",), 48)
    assert Experiment.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    path.write_text(required + "stepps = 3\n")
    with pytest.raises(BadInput, match="unknown key stepps"):
        read_experiment(path)
    path.write_text(required + 'whole_pieces = "audio"\n')
    with pytest.raises(BadInput, match="whole_pieces needs start"):
        read_experiment(path)
    with pytest.raises(BadInput, match="not there"):
        read_experiment(tmp_path / "other.toml")


def test_the_shipped_experiments_can_be_read() -> None:
    files = sorted((Path(__file__).parents[2] / "experiments" / "ours").glob("*.toml"))
    assert files
    for file in files:
        assert read_experiment(file).name == file.stem


@pytest.mark.parametrize("name", ["zenith", "meridian", "solstice", "equinox", "perihelion"])
def test_twins_differ_by_their_seed(name: str) -> None:
    folder = Path(__file__).parents[2] / "experiments" / "ours"
    one, twin = (read_experiment(folder / f"{name}.toml") for name in (name, f"{name}-twin"))
    assert one.seed != twin.seed
    assert replace(twin, name=one.name, seed=one.seed) == one
