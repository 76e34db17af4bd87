"""A row from recipe to weights: exact resume, the schedule, refinement, and ONNX that agrees with PyTorch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the [train] extra")

from torch import Tensor  # noqa: E402

pytest.importorskip("onnxscript", reason="exporting needs the [train] extra")

from earmark.balke2019.export import AudioEncoder, SheetEncoder, export  # noqa: E402
from earmark.balke2019.recipe import Recipe  # noqa: E402
from earmark.balke2019.train import (  # noqa: E402
    Run,
    is_row,
    network_of,
    read_checkpoint,
    read_windows,
    refine,
    train,
)
from earmark.balke2019.windows import Windows  # noqa: E402
from earmark.errors import BadInput, Mismatch  # noqa: E402
from earmark.model.encoders import load  # noqa: E402
from earmark.training.evaluation.metrics import Scores  # noqa: E402
from earmark.training.loop import Progress  # noqa: E402
from tests.ink import one_system  # noqa: E402

if TYPE_CHECKING:
    from tests.conftest import Command


def recipe(corpus: Path, **changes: object) -> Recipe:
    made = Recipe(
        row="bl2-sc-at",
        name="tiny",
        corpus=str(corpus),
        renderings=("one@1", "two@1"),
        validation_rendering="third@1",
        validation_pairs=10,
        batch=4,
        epoch_pairs=8,
        epochs=2,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def quiet(progress: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(recipe(corpus), tmp_path_factory.mktemp("run"), quiet)


def test_a_resumed_run_ends_in_the_same_weights(corpus: Path, trained: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop_at_three(progress: Progress) -> None:
        if progress.step == 3:
            raise StopError

    with pytest.raises(StopError):
        train(recipe(corpus), tmp_path, stop_at_three)
    resumed = train(recipe(corpus), tmp_path, quiet)
    (_, one, record), (_, other, again) = read_checkpoint(trained), read_checkpoint(resumed)
    assert (record["step"], record["pairs"]) == (again["step"], again["pairs"]) == (4, 16)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    log = [json.loads(line) for line in trained.with_name("log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [2, 4]
    with pytest.raises(Mismatch, match="different recipe"):
        train(recipe(corpus, seed=2), tmp_path, quiet)


CUT_OFF = """
import os, signal, sys
from earmark.balke2019 import train as rows
from tests.balke2019.test_train import recipe
from pathlib import Path

save = rows.torch.save

def half_written(state, file):
    if state["record"]["step"] > 2:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(state, file)

rows.torch.save = half_written
rows.train(recipe(Path(sys.argv[1])), Path(sys.argv[2]), lambda progress: None)
"""


def test_a_run_that_was_killed_while_saving_ends_in_the_same_weights(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
    """What was done since it was last saved is done again."""
    killed = subprocess.run([sys.executable, "-c", CUT_OFF, corpus, tmp_path], cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    assert torch.load(tmp_path / "checkpoint.pt")["record"]["step"] == 2
    resumed = train(recipe(corpus), tmp_path, quiet)
    (_, one, _), (_, other, _) = read_checkpoint(trained), read_checkpoint(resumed)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    one_log, other_log = (
        [{**json.loads(line), "minutes": None} for line in path.with_name("log.jsonl").read_text().splitlines()]
        for path in (trained, resumed)
    )
    assert one_log == other_log


def test_a_deadline_cuts_a_run_between_any_two_steps(
    corpus: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call has time for one step, which alone takes time here."""
    clock = [0.0]
    step = Run.train_step

    def slow_step(run: Run, windows: Windows) -> Tensor:
        clock[0] += 1
        return step(run, windows)

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Run, "train_step", slow_step)
    for done in (1, 2, 3, 4, 4):
        checkpoint = train(recipe(corpus), tmp_path, quiet, deadline=clock[0] + 0.5)
        assert torch.load(checkpoint)["record"]["step"] == done
        if done == 1:
            with pytest.raises(BadInput, match="no validated weights yet"):
                read_checkpoint(checkpoint)
    (_, one, _), (_, other, _) = read_checkpoint(trained), read_checkpoint(checkpoint)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    assert set(torch.load(checkpoint)) == {"recipe", "best", "record"}  # a run at its end needs no more


def test_recipes_are_trained_one_after_the_other_within_minutes(corpus: Path, tmp_path: Path, earmark: Command) -> None:
    paths = [tmp_path / f"{name}.toml" for name in ("one", "other")]
    for path in paths:
        path.write_text(
            f'row = "bl1-sc"\ncorpus = "{corpus}"\nrenderings = ["one@1"]\nvalidation_rendering = "third@1"\n'
            "validation_pairs = 10\nbatch = 4\nepoch_pairs = 4\nepochs = 1\n"
        )
    train_both = ["model", "train", *map(str, paths), "--runs", str(tmp_path / "runs")]
    code, out, _ = earmark(*train_both, "--minutes", "0")
    assert (code, out.strip()) == (0, "")
    assert not (tmp_path / "runs").exists()
    code, out, _ = earmark(*train_both, "--minutes", "10")
    assert code == 0
    assert out.split() == [str(tmp_path / "runs" / name / "checkpoint.pt") for name in ("one", "other")]
    for line in out.split():
        assert read_checkpoint(Path(line))[2]["pairs"] == 4
    code, _, err = earmark("model", "train", str(paths[0]), str(paths[0]))
    assert code == 2
    assert "one is named twice" in err


def test_training_learns(corpus: Path, tmp_path: Path) -> None:
    losses: list[Tensor] = []
    # Without the CCA layer, which separates so small a batch by itself.
    learning = recipe(corpus, row="bl1-sc", projection="linear", batch=8, epoch_pairs=80, epochs=3)
    train(learning, tmp_path, lambda progress: losses.append(progress.loss))
    assert sum(losses[-6:]) < 0.8 * sum(losses[:6])


def scores(mrr: float) -> Scores:
    return Scores(0, 0, 0, mrr, 1, 10)


def test_with_epochs_the_halvings_fill_the_last_third(corpus: Path) -> None:
    run = Run(recipe(corpus, epochs=30), torch.device("cpu"))
    halved = []
    for epoch in range(1, 31):
        run.step = epoch * run.epoch_steps
        run.judge(scores(0.1))
        halved.append(run.halved)
    assert halved[:21] == [0] * 21
    assert halved[21:29] == [1, 1, 2, 3, 3, 4, 4, 5]
    assert run.steps == 60


def test_without_epochs_the_rate_is_halved_when_validation_stands_still(corpus: Path) -> None:
    run = Run(recipe(corpus, epochs=None, patience=3, halvings=2), torch.device("cpu"))
    course = []
    for epoch in range(1, 40):
        if run.step >= run.steps:
            break
        run.step = epoch * run.epoch_steps
        run.judge(scores(0.2 if epoch == 4 else 0.1))
        course.append((run.best_epoch, run.halved))
    # Best at epoch 4; three epochs later halved for the first time, three later again, three later the end.
    assert course[6] == (7, 1)
    assert course[9] == (10, 2)
    assert len(course) == 13


@pytest.mark.parametrize("projection", ["cca", "linear"])
def test_refinement_changes_the_projection_and_nothing_else(
    corpus: Path, trained: Path, tmp_path: Path, projection: str
) -> None:
    if projection == "linear":
        checkpoint = train(recipe(corpus, projection="linear"), tmp_path, quiet)
        with pytest.raises(BadInput, match="no CCA layer"):
            refine(checkpoint)
        return
    refined = refine(trained, pairs=20)
    assert refined.name == "refined.pt"
    assert is_row(refined)
    (_, before, _), (_, after, record) = read_checkpoint(trained), read_checkpoint(refined)
    assert record["refined_pairs"] == 20
    changed = {
        name
        for name, value in before.state_dict().items()
        if not torch.equal(value, after.state_dict()[name]) and name.startswith("projection")
    }
    assert changed == {
        f"projection.{modality}_{what}" for modality in ("audio", "sheet") for what in ("mean", "projection")
    }
    for name, value in before.state_dict().items():
        assert name in changed or torch.equal(value, after.state_dict()[name]), name


def test_onnx_agrees_with_pytorch(trained: Path, tmp_path: Path) -> None:
    """At whole and fractional centres, near the ends (silence, paper), and in more windows than fit at once."""
    folder = export(trained, tmp_path / "weights")
    encoders = load(folder)
    about = json.loads((folder / "model.json").read_text())
    assert (about["name"], about["dimension"], about["windows_at_once"]) == ("tiny-unrefined", 32, 64)
    assert about["training"]["pairs"] == 16
    assert encoders.attention_reach_frames == 20.5
    _, network, _ = read_checkpoint(trained)
    rng = np.random.default_rng(0)
    spectrum = rng.uniform(0, 0.7, (500, 92)).astype(np.float32)
    strip = rng.uniform(0, 1, (1, 80, 700)).astype(np.float32)
    centres = np.concatenate([[0, 3.4, 499, 250], rng.uniform(0, 499, 100)])
    modalities = (
        (AudioEncoder, encoders.embed_audio, spectrum, 0),
        (SheetEncoder, lambda values, at: encoders.embed_strip(one_system(values), at), strip, 2),
    )
    for encoder, embed, values, axis in modalities:
        found, attention = embed(values, centres)
        around = [(0, 0)] * values.ndim
        around[axis] = (60, 60)
        padded = torch.from_numpy(np.pad(values, around))
        with torch.no_grad():
            expected, weights = encoder(network)(padded, torch.from_numpy(centres.astype(np.float32) + 60))
        np.testing.assert_allclose(found, expected.numpy(), atol=5e-3)  # the weights are stored as float16
        np.testing.assert_allclose(attention, weights.numpy(), atol=5e-3)
        np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_recorded_passes_compute_what_the_network_does(corpus: Path) -> None:
    """Views and gradients of CUDA graphs against the same network's without, which saw nothing of the recording."""
    device = torch.device("cuda")
    recorded = Run(recipe(corpus), device).network.train()
    torch.manual_seed(recipe(corpus).seed)
    plain = network_of(recipe(corpus)).to(device)
    plain.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain.train()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, recorded.state_dict()[name]), name
    windows = read_windows(recipe(corpus), "train", ("one@1",), device)
    batch = windows.draw(np.random.default_rng(0), recipe(corpus).batch, recipe(corpus).augmentation)
    for network in (recorded, plain):
        with torch.autocast("cuda", torch.bfloat16):
            audio, sheet = network(*batch)
        (audio.square().sum() + sheet.square().sum()).backward()
    for one, other in zip(recorded.parameters(), plain.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert float((one.grad - other.grad).norm()) <= 0.1 * float(other.grad.norm()) + 1e-4
