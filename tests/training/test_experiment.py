"""An experiment file says what differs from the defaults, and refuses what nobody knows."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.errors import BadInput
from earmark.training.experiment import Experiment, read_settings

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
REQUIRED = 'corpora = ["c"]\nrenderings = ["a@1"]\nvalidation_renderings = ["b@1"]\nsteps = 7\ncooldown_steps = 2\n'


def test_an_experiment_file_lists_differences(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(REQUIRED + "[network]\ndimension = 48\n[network.sheet]\nvertical_layers = [1]\n")
    made = read_settings(path, Experiment.from_dict)
    assert (made.name, made.steps, made.renderings, made.network.dimension) == ("mine", 7, ("a@1",), 48)
    assert made.network.sheet.vertical_layers == (1,)
    assert made.network.sheet.window_tokens == Experiment(("c",), (), ("b",), 1).network.sheet.window_tokens
    assert Experiment.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stepps = 3", "unknown key stepps"),
        ("shared_steps = 3", "shared_steps needs seeds"),
        ("shared_steps = 6\nseeds = [2, 3]", "after cooldown_steps begin"),
        ("[network.sheet]\nmaps = [1]", "unknown key maps"),
        ("seed = 1\nseeds = [2, 3]", "either seed or seeds"),
        ("seeds = []", "either seed or seeds"),
        ("steps", "Expected"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(REQUIRED + line + "\n")
    with pytest.raises(BadInput, match=message):
        read_settings(path, Experiment.of_each_seed)
    with pytest.raises(BadInput, match="not there"):
        read_settings(tmp_path / "other.toml", Experiment.of_each_seed)


def test_a_file_with_seeds_is_a_run_of_each(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(REQUIRED + "seeds = [2, 3]\n")
    runs = read_settings(path, Experiment.of_each_seed)
    assert [(run.name, run.seed) for run in runs] == [("mine-seed-2", 2), ("mine-seed-3", 3)]
    path.write_text(REQUIRED + "seed = 2\n")
    assert [(run.name, run.seed) for run in read_settings(path, Experiment.of_each_seed)] == [("mine", 2)]


def test_seeds_may_share_the_first_steps(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(REQUIRED + "seeds = [2, 3]\nshared_steps = 5\n")
    shared, *ends = read_settings(path, Experiment.of_each_seed)
    assert (shared.name, shared.seed, shared.steps, shared.cooldown_steps) == ("mine", 2, 5, 0)
    assert [(end.name, end.seed, end.steps, end.shared_run) for end in ends] == [
        ("mine-seed-2", 2, 7, "mine"),
        ("mine-seed-3", 3, 7, "mine"),
    ]


@pytest.mark.parametrize(
    "path", sorted(path for name in ("ours", "earmark-2") for path in (EXPERIMENTS / name).rglob("*.toml")), ids=str
)
def test_the_recipes_can_be_read(path: Path) -> None:
    for run in read_settings(path, Experiment.of_each_seed):
        assert run.name.startswith(path.parent.name if path.stem == "recipe" else path.stem)


def test_a_file_says_what_differs_from_its_base(tmp_path: Path) -> None:
    base, own, last = (tmp_path / "folder/base.toml", tmp_path / "own.toml", tmp_path / "last.toml")
    base.parent.mkdir()
    base.write_text('name = "model"\n' + REQUIRED + "[network]\ndimension = 48\n[network.sheet]\nhidden = 5\n")
    own.write_text(
        'base = "folder/base.toml"\nsteps = 9\n[network.sheet]\ntoken_channels = 6\n[network.audio]\nhidden = 4\n'
    )
    last.write_text('base = "own.toml"\nseed = 3\n')
    made = read_settings(last, Experiment.from_dict)
    assert (made.name, made.seed, made.steps, made.renderings, made.network.dimension) == ("last", 3, 9, ("a@1",), 48)
    assert (made.network.sheet.hidden, made.network.sheet.token_channels, made.network.audio.hidden) == (5, 6, 4)
    assert replace(made, name="own", seed=1) == read_settings(own, Experiment.from_dict)


def test_a_base_is_there_and_another_file(tmp_path: Path) -> None:
    path, other = tmp_path / "mine.toml", tmp_path / "other.toml"
    path.write_text('base = "other.toml"\n')
    with pytest.raises(BadInput, match=r"other\.toml: not there"):
        read_settings(path, Experiment.from_dict)
    other.write_text('base = "mine.toml"\n')
    with pytest.raises(BadInput, match="its own base"):
        read_settings(path, Experiment.from_dict)
    other.write_text(REQUIRED + "network = 3\n")
    path.write_text('base = "other.toml"\n[network]\ndimension = 48\n')
    with pytest.raises(BadInput, match="mine"):
        read_settings(path, Experiment.from_dict)
