"""The mean of runs is the mean of their weights, and only runs that have one are averaged."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.networks import EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import Mismatch  # noqa: E402
from earmark.training.average import read_average  # noqa: E402
from earmark.training.experiment import Experiment  # noqa: E402
from earmark.training.train import Run, read_checkpoint  # noqa: E402

TINY = NetworkConfig(
    dimension=16,
    audio=EncoderSize(maps=(4, 8, 8, 8), channels=16, positions=20, hidden=32),
    sheet=EncoderSize(maps=(4, 8, 8, 8, 8), channels=16, positions=20, hidden=32),
)


def checkpoint(folder: Path, name: str, seed: int, **changes: object) -> Path:
    """A run that has not learnt anything yet: its seed alone says what its weights are."""
    settings = {"corpus": "c", "renderings": ("a@1",), "validation_rendering": "b@1", "steps": 4, "start": "noon"}
    run = Run(Experiment(**settings | {"name": name, "seed": seed, "network": TINY} | changes), torch.device("cpu"))  # type: ignore[arg-type]
    run.step, run.pairs, run.minutes = 4, 100 * seed, 1.5
    run.save(folder / f"{name}.pt")
    return folder / f"{name}.pt"


def test_the_mean_of_two_runs(tmp_path: Path) -> None:
    paths = [checkpoint(tmp_path, "one", 1), checkpoint(tmp_path, "twin", 2)]
    one, twin = (read_checkpoint(path)[1].state_dict() for path in paths)
    experiment, encoders, record = read_average(paths)
    assert experiment.name == "one"
    for name, value in encoders.state_dict().items():
        torch.testing.assert_close(value, (one[name] + twin[name]) / 2 if value.is_floating_point() else one[name])
    assert not torch.equal(one["audio.reader.dense.weight"], twin["audio.reader.dense.weight"])
    assert record["seeds"] == [1, 2]
    assert (record["step"], record["pairs"], record["minutes"]) == (8, 300, 3.0)


def test_one_run_is_itself(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "alone", 1, start="")
    _, encoders, record = read_average([path])
    _, wanted, counted = read_checkpoint(path)
    assert record == counted
    for name, value in wanted.state_dict().items():
        assert torch.equal(encoders.state_dict()[name], value)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ({"start": ""}, {"start": ""}, "not begun from the same weights"),
        ({}, {"start": "daylight"}, "not begun from the same weights"),
        ({}, {"pitch_weight": 0.1}, "not of the same experiment"),
        ({"whole_pieces": "audio"}, {}, "both encoders learned"),
    ],
)
def test_runs_without_a_meaningful_mean_are_refused(
    tmp_path: Path, first: dict[str, object], second: dict[str, object], why: str
) -> None:
    paths = [checkpoint(tmp_path, "one", 1, **first), checkpoint(tmp_path, "b", 2, **second)]
    with pytest.raises(Mismatch, match=rf"b\.pt: {why}"):
        read_average(paths)


def test_an_ear_and_an_eye_that_learned_alone_go_together(tmp_path: Path) -> None:
    larger = replace(TINY, sheet=replace(TINY.sheet, mixing=(1,)))
    paths = [
        checkpoint(tmp_path, "eye", 1, whole_pieces="sheet", network=larger),
        checkpoint(tmp_path, "ear", 2, whole_pieces="audio", pitch_weight=0.0),
        checkpoint(tmp_path, "ear-twin", 3, whole_pieces="audio", pitch_weight=0.0),
    ]
    eye, ear, twin = (read_checkpoint(path)[1].state_dict() for path in paths)
    for order in (paths, paths[::-1]):
        experiment, encoders, record = read_average(order)
        assert experiment.network == encoders.config == larger
        assert record["runs"] == [path.stem for path in order]
        for name, value in encoders.sheet.state_dict().items():
            assert torch.equal(value, eye[f"sheet.{name}"])
        dense = "audio.reader.dense.weight"
        torch.testing.assert_close(encoders.state_dict()[dense], (ear[dense] + twin[dense]) / 2)


def test_what_was_frozen_is_the_first_run_s(tmp_path: Path) -> None:
    part = "sheet.trunk"
    paths = [checkpoint(tmp_path, name, seed, frozen=(part,)) for name, seed in (("one", 1), ("twin", 2))]
    one, twin = (read_checkpoint(path)[1].state_dict() for path in paths)
    mean = read_average(paths)[1].state_dict()
    assert torch.equal(mean[f"{part}.flatten.weight"], one[f"{part}.flatten.weight"])
    assert not torch.equal(one[f"{part}.flatten.weight"], twin[f"{part}.flatten.weight"])
    dense = "sheet.reader.dense.weight"
    torch.testing.assert_close(mean[dense], (one[dense] + twin[dense]) / 2)
