import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from earmark.cli.model import export_command, make_command, train_command  # noqa: E402
from earmark.errors import BadInput, Mismatch  # noqa: E402
from earmark.model.networks import DualEncoder  # noqa: E402
from earmark.model.size import EncoderSize, NetworkConfig  # noqa: E402
from earmark.schema import AudioSpec, SheetSpec  # noqa: E402
from earmark.training.experiment import Experiment  # noqa: E402
from earmark.training.loop import Progress  # noqa: E402
from earmark.training.train import (  # noqa: E402
    Batches,
    TrainingRun,
    embed_ink,
    embed_spectrogram,
    learning_rate,
    pitch_weight,
    read_checkpoint,
    sampler_of,
    train,
)
from tests.ink import one_system  # noqa: E402

TINY = NetworkConfig(
    dimension=16,
    audio=EncoderSize(layer_channels=(4, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32),
    sheet=EncoderSize(layer_channels=(4, 8, 8, 8, 8), token_channels=16, window_tokens=20, hidden=32),
)


def experiment(corpus: Path, **changes: object) -> Experiment:
    made = Experiment(
        corpora=(str(corpus),),
        renderings=("one@1", "two@1"),
        validation_renderings=("third@1",),
        name="tiny",
        steps=4,
        stretches=4,
        pairs_per_stretch=8,
        warmup_steps=2,
        cooldown_steps=2,
        validate_every_steps=2,
        validation_pairs=40,
        averaging=0.9,
        network=TINY,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def quiet(progress: Progress) -> None:
    pass


class StopError(Exception):
    """A training was cut off."""


def stop_at_three(progress: Progress) -> None:
    if progress.step == 3:
        raise StopError


@pytest.mark.parametrize(("muon", "pitch_steps"), [(False, 0), (True, 0), (True, 3)])
def test_a_resumed_run_ends_in_the_same_weights(corpus: Path, tmp_path: Path, muon: bool, pitch_steps: int) -> None:
    plan = experiment(corpus, muon=muon, pitch_steps=pitch_steps)
    straight = train(plan, tmp_path / "straight", quiet)
    with pytest.raises(StopError):
        train(plan, tmp_path / "resumed", stop_at_three)
    resumed = train(plan, tmp_path / "resumed", quiet)
    (_, one, counted), (_, other, counted_again) = read_checkpoint(straight), read_checkpoint(resumed)
    assert counted["step"] == counted_again["step"] == 4
    assert counted["pairs"] == counted_again["pairs"]
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_seeds_go_on_from_the_steps_that_they_share(corpus: Path, tmp_path: Path) -> None:
    """One seed's end after the shared steps, even cut off, is the same as its run in one go; another ends elsewhere."""
    whole = train(experiment(corpus, seed=2), tmp_path / "whole", quiet)
    values = {**experiment(corpus).to_dict(), "seeds": [2, 3], "shared_steps": 2}
    del values["seed"], values["shared_run"]
    first, *ends = runs = Experiment.of_each_seed({**values, "validate_every_steps": 1})
    with pytest.raises(BadInput, match="shared steps first"):
        train(ends[0], tmp_path / ends[0].name, quiet)
    train(first, tmp_path / first.name, quiet)
    with pytest.raises(StopError):
        train(ends[0], tmp_path / ends[0].name, stop_at_three)
    checkpoints = [train(run, tmp_path / run.name, quiet) for run in runs]
    (_, straight, _), (_, shared, counted), (_, other, _) = map(read_checkpoint, (whole, *checkpoints[1:]))
    assert counted["step"] == 4
    assert 0 < counted["shared_pairs"] < counted["pairs"]
    same, different = straight.state_dict(), other.state_dict()
    assert all(torch.equal(value, same[name]) for name, value in shared.state_dict().items())
    assert not all(torch.equal(value, different[name]) for name, value in shared.state_dict().items())


def test_pieces_of_several_corpora_are_trained_on_with_what_each_has(corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    for path in (other / "pieces").glob("*/audio/one@1.npy"):
        path.rename(path.with_name("organ@1.npy"))
    both = experiment(corpus, corpora=(str(corpus), str(other)), renderings=("one@1", "organ@1"))
    assert len(sampler_of(both, torch.device("cpu")).music) == 6
    with pytest.raises(BadInput, match="no piece with harp@1"):
        sampler_of(replace(both, renderings=("one@1", "harp@1")), torch.device("cpu"))
    with pytest.raises(BadInput, match="no split 'more'"):
        sampler_of(replace(both, splits=("train", "more")), torch.device("cpu"))


def test_training_learns_and_logs(corpus: Path, tmp_path: Path) -> None:
    losses = []
    train(
        experiment(corpus, steps=60, validate_every_steps=30, learning_rate=3e-3, cooldown_steps=10),
        tmp_path,
        lambda progress: losses.append(progress.loss),
    )
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [30, 60]
    assert log[-1]["validation"]["candidates"] == 40


def test_another_experiment_does_not_resume_this_run(corpus: Path, tmp_path: Path) -> None:
    train(experiment(corpus), tmp_path, quiet)
    with pytest.raises(Mismatch, match="different experiment"):
        train(experiment(corpus, seed=2), tmp_path, quiet)


def test_the_learning_rate_warms_up_stays_and_cools_down(corpus: Path) -> None:
    plan = experiment(corpus, steps=100, warmup_steps=10, cooldown_steps=20, learning_rate=1.0)
    rates = [learning_rate(plan, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:81] == [1.0] * 72
    assert rates[90] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.05)


def test_telling_pitches_counts_for_less_while_the_rate_falls(corpus: Path) -> None:
    plan = experiment(corpus, steps=100, warmup_steps=10, cooldown_steps=20, pitch_weight=3.0)
    weights = [pitch_weight(plan, step) for step in range(100)]
    assert weights[:81] == [3.0] * 81
    assert weights[90] == pytest.approx(1.5)
    assert weights[99] == pytest.approx(0.15)


@pytest.mark.parametrize("muon", [False, True])
def test_the_first_steps_teach_pitches_alone(corpus: Path, tmp_path: Path, muon: bool) -> None:
    """The window readers begin to learn after them."""
    changed = []
    for pitch_steps in (1, 0):
        plan = experiment(corpus, steps=1, pitch_steps=pitch_steps, muon=muon, cooldown_steps=0, averaging=0.0)
        device = torch.device("cpu")
        run = TrainingRun(plan, device)
        batches = Batches(run, sampler_of(plan, device))
        before = {name: value.clone() for name, value in run.model.named_parameters()}
        batches.train_step()
        changed.append({name for name, value in run.model.named_parameters() if not torch.equal(value, before[name])})
    pitches_alone, both = changed
    assert both - pitches_alone == {name for name in before if "reader" in name or name == "log_scale"}
    assert pitches_alone


def test_a_file_with_seeds_trains_a_run_of_each(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(
        f"""
        corpora = ["{corpus}"]
        renderings = ["one@1", "two@1"]
        validation_renderings = ["third@1"]
        steps = 1
        stretches = 2
        pairs_per_stretch = 4
        validation_pairs = 10
        seeds = [2, 3]
        network = {{ audio = {{ layer_channels = [4, 8] }}, sheet = {{ layer_channels = [4, 8] }} }}
        """
    )
    done = CliRunner().invoke(train_command, [str(file), "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, done.output
    checkpoints = [tmp_path / "runs" / f"tiny-seed-{seed}" / "checkpoint.pt" for seed in (2, 3)]
    assert done.stdout.splitlines() == [str(path) for path in checkpoints]
    assert [read_checkpoint(path)[0].seed for path in checkpoints] == [2, 3]


@pytest.mark.usefixtures("no_graphs")
def test_one_command_makes_weights_of_a_recipe(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean of two ends of one run, calibrated; what is trained already is not trained again."""
    calibrated = []
    monkeypatch.setattr(
        "earmark.cli.model._calibrate", lambda to, recipe, diagram: calibrated.append((to, recipe.name))
    )
    file = tmp_path / "tiny.toml"
    network = "layer_channels = [4, 8], token_channels = 16, window_tokens = 20, hidden = 32"
    file.write_text(
        f"""
        corpora = ["{corpus.as_posix()}"]
        renderings = ["one@1", "two@1"]
        validation_renderings = ["third@1"]
        steps = 3
        cooldown_steps = 1
        shared_steps = 2
        stretches = 2
        pairs_per_stretch = 4
        validation_pairs = 10
        seeds = [2, 3]
        network = {{ dimension = 16, audio = {{ {network} }}, sheet = {{ {network} }} }}
        """
    )
    runs, out = tmp_path / "runs", tmp_path / "weights"
    done = CliRunner().invoke(make_command, [str(file), str(out), "--runs", str(runs)])
    assert done.exit_code == 0, done.output
    assert calibrated == [(out, "tiny-seed-3")]
    ends = [read_checkpoint(runs / name / "checkpoint.pt") for name in ("tiny-seed-2", "tiny-seed-3")]
    training = json.loads((out / "model.json").read_text())["training"]
    assert (training["seeds"], training["experiment"]["name"]) == ([2, 3], "tiny")
    shared = read_checkpoint(runs / "tiny" / "checkpoint.pt")[2]["pairs"]
    assert training["pairs"] == sum(record["pairs"] for _, _, record in ends) - shared
    states = [model.state_dict() for _, model, _ in ends]
    for of in ("audio", "sheet"):
        for name, found in torch.load(out / f"{of}.onnx").items():
            one, other = (state[f"{of}.{name}"] for state in states)
            mean = (one + other) / 2 if one.is_floating_point() else one
            torch.testing.assert_close(found, mean, atol=1e-3, rtol=1e-3)  # rounded to float16
    before = (runs / "tiny-seed-3" / "checkpoint.pt").stat().st_mtime_ns
    again = CliRunner().invoke(export_command, [str(runs / "tiny" / "checkpoint.pt")] * 2 + [str(tmp_path / "no")])
    assert "is no end of the run" in str(again.exception)
    assert (runs / "tiny-seed-3" / "checkpoint.pt").stat().st_mtime_ns == before


@pytest.mark.parametrize("side", ["audio", "sheet"])
def test_whole_pieces_are_encoded_in_chunks_for_validation(side: str) -> None:
    encoder = getattr(DualEncoder(AudioSpec(), SheetSpec(), TINY).eval(), side)
    rng, length = np.random.default_rng(0), 4300
    values = rng.random((length, 92) if side == "audio" else (2, 80, length), np.float32)
    centres = np.sort(rng.uniform(0, length, 30)).astype(np.float32)
    around = ((104, 104), (0, 0)) if side == "audio" else ((0, 0), (0, 0), (104, 104))
    with torch.no_grad():
        whole, _ = encoder(torch.from_numpy(np.pad(values, around)), torch.from_numpy(centres + 104))
    if side == "audio":
        found = embed_spectrogram(encoder, values, centres)
    else:
        found = embed_ink(encoder, one_system(values), centres)
    np.testing.assert_allclose(found, whole.numpy(), atol=1e-4)
