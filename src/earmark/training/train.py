"""One visible training loop with exact resume.

Step ``i`` draws everything from a generator seeded with (seed, i), so a run that is stopped and resumed from its
checkpoint ends in the same weights as one that was not. ``runs/NAME/`` holds ``checkpoint.pt`` and ``log.jsonl``.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim import swa_utils
from torch.utils.data import DataLoader, Dataset

from earmark.corpus.format import read_splits
from earmark.errors import BadInput, Mismatch
from earmark.files import replacing
from earmark.model.encoders import find, load
from earmark.model.networks import DualEncoder, Encoder
from earmark.schema import AudioSpec, FloatArray, SheetSpec
from earmark.sheet.strips import ink
from earmark.training.data.batches import PairBatch, PairSampler
from earmark.training.data.dataset import TrainingPiece, evenly_taken, read_pieces
from earmark.training.data.locked_tower import LockedTowerBatch, LockedTowerSampler, locked_tower_loss
from earmark.training.evaluation import metrics
from earmark.training.experiment import Experiment
from earmark.training.from_onnx import continue_training
from earmark.training.loop import (
    CHECKPOINT,
    RECORD,
    Progress,
    best_device,
    bfloat16_is_fast,
    drive,
    hardware,
    revision,
)
from earmark.training.losses import MAX_LOG_SCALE, contrastive_loss, pitch_loss

Batch = PairBatch | LockedTowerBatch
Sampler = PairSampler | LockedTowerSampler
STATISTICS_BATCHES = 12
"""From so many batches, a run that goes on from weights learns what its normalisations are given."""


def learning_rate(experiment: Experiment, step: int) -> float:
    """Warm-up, constant, linear cool-down to zero; ``step`` counts from 0."""
    left = experiment.steps - step
    factor = min(1.0, (step + 1) / experiment.warmup_steps, left / max(1, experiment.cooldown_steps))
    return experiment.learning_rate * factor


def moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential moving average over a tenth of the steps so far, until ``decay`` holds: it forgets the start."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:
                average.copy_(value)

    return update


def loss_of(model: DualEncoder, batch: Batch, experiment: Experiment) -> Tensor:
    """The loss of one batch."""
    scale = model.log_scale.clamp(max=MAX_LOG_SCALE).exp()
    if isinstance(batch, LockedTowerBatch):
        learning = model.sheet if experiment.locked_tower == "audio" else model.audio
        tokens = learning.tokens(batch.values)
        embeddings, _ = learning.reader(tokens, batch.row, batch.at)
        teacher = pitch_loss(learning.pitches(tokens), batch.pitches)
        return locked_tower_loss(embeddings, batch, scale) + experiment.pitch_weight * teacher
    audio_tokens, sheet_tokens = model.audio.tokens(batch.audio), model.sheet.tokens(batch.sheet)
    audio, _ = model.audio.reader(audio_tokens, batch.row, batch.frame)
    sheet, _ = model.sheet.reader(sheet_tokens, batch.row, batch.column)
    loss = contrastive_loss(audio, sheet, scale, batch.indistinguishable)
    teacher = pitch_loss(model.audio.pitches(audio_tokens), batch.audio_pitches) + pitch_loss(
        model.sheet.pitches(sheet_tokens), batch.sheet_pitches
    )
    return loss + experiment.pitch_weight * teacher


@torch.no_grad()
def embed_padded(encoder: Encoder, values: FloatArray, centres: FloatArray, half_window: int) -> FloatArray:
    """Embeddings of one whole input at ``centres``, padded so that every window lies inside."""
    around = [(0, 0), (0, 0)]
    around[encoder.length_axis] = (half_window, half_window)
    device = next(encoder.parameters()).device
    padded = torch.from_numpy(np.pad(values, around)).to(device)
    embeddings, _ = encoder(padded, torch.from_numpy(centres + np.float32(half_window)).to(device))
    out: FloatArray = embeddings.float().cpu().numpy()
    return out


class Validation:
    """Retrieval among pairs taken evenly from all windows of the validation pieces, without augmentation."""

    def __init__(
        self, pieces: list[TrainingPiece], rendering: str, pairs: int, audio: AudioSpec, sheet: SheetSpec
    ) -> None:
        onsets = evenly_taken(pieces, rendering, pairs, audio, sheet)
        self.rendering, self.audio, self.sheet = rendering, audio, sheet
        self.items: list[tuple[TrainingPiece, FloatArray, npt.NDArray[np.int64]]] = [
            (piece, piece.audio[rendering].astype(np.float32), taken)
            for piece, taken in zip(pieces, onsets, strict=True)
            if len(taken)
        ]

    def __call__(self, model: DualEncoder) -> metrics.Scores:
        queries, candidates = [], []
        for piece, spectrum, onsets in self.items:
            onset_s = piece.audio_s(self.rendering, piece.onsets.time_s[onsets])
            frame: FloatArray = (onset_s * self.audio.frames_per_second).astype(np.float32)
            queries.append(embed_padded(model.audio, spectrum, frame, self.audio.window_frames // 2))
            column = piece.onsets.x_px[onsets]
            candidates.append(embed_padded(model.sheet, ink(piece.strip), column, self.sheet.window_px // 2))
        return metrics.scores(metrics.ranks(np.concatenate(queries), np.concatenate(candidates)))


class TrainingRun:
    """Model, optimiser, average and counters of one run, and their checkpoint."""

    def __init__(self, experiment: Experiment, device: torch.device) -> None:
        torch.manual_seed(experiment.seed)
        self.experiment, self.device = experiment, device
        audio, sheet = AudioSpec(), SheetSpec()
        self.model = DualEncoder(audio, sheet, experiment.network).to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = swa_utils.AveragedModel(
            self.model, multi_avg_fn=moving_average(experiment.averaging), use_buffers=True
        )
        self.frozen = [_frozen(self.model, name) for name in experiment.frozen]
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        free = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": experiment.weight_decay}, {"params": free, "weight_decay": 0.0}],
            lr=experiment.learning_rate,
        )
        self.step, self.pairs, self.minutes = 0, 0, 0.0
        self.hardware, self.revision = hardware(device), revision()

    @property
    def steps(self) -> int:
        return self.experiment.steps

    @property
    def due(self) -> bool:
        return self.step % self.experiment.validate_every_steps == 0 or self.step == self.steps

    def train_step(self, batches: Iterator[Batch]) -> float:
        """Take the next batch, descend, average. Returns the loss."""
        started = time.monotonic()
        batch = next(batches).to(self.device)
        torch.manual_seed(self.experiment.seed * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.experiment, self.step)
        self.model.train()
        for part in self.frozen:
            part.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bfloat16_is_fast(self.device)):
            loss = loss_of(self.model, batch, self.experiment)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.experiment.gradient_norm)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.step += 1
        self.pairs += len(batch.row)
        self.minutes += (time.monotonic() - started) / 60
        return float(loss.detach())

    def averaged(self) -> DualEncoder:
        """The averaged model, ready to encode."""
        model = self.average.module
        assert isinstance(model, DualEncoder)
        return model.eval()

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        state = {
            "experiment": json.dumps(self.experiment.to_dict()),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "record": {key: getattr(self, key) for key in RECORD},
        }
        with replacing(path) as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises Mismatch when it belongs to another experiment."""
        earlier, state = _read(path, self.device)
        if not self.experiment.same_run(earlier):
            raise Mismatch(f"{path}: made by a different experiment; move the run's folder away to start anew")
        self.restore(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint of the same experiment."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        for key, value in state["record"].items():
            setattr(self, key, value)


def _frozen(model: DualEncoder, name: str) -> torch.nn.Module:
    """The module of this name, made to stay as it is. Raises BadInput when there is none."""
    try:
        return model.get_submodule(name).requires_grad_(False)
    except AttributeError as error:
        raise BadInput(
            "frozen", f"{name!r} is no part of the encoders", "name one, such as audio.trunk.convolutions"
        ) from error


class Batches(Dataset[Batch]):
    """Batch ``i`` of a run, drawn from a generator seeded with (seed, i)."""

    def __init__(self, sampler: Sampler, seed: int) -> None:
        self.sampler, self.seed = sampler, seed

    def __getitem__(self, step: int) -> Batch:
        return self.sampler.batch(np.random.default_rng([self.seed, step]))


def batches_of(run: TrainingRun, sampler: Sampler) -> Iterator[Batch]:
    """The batches from ``run.step`` on, whatever that is when the first is asked for.

    A GPU is faster than one process can draw: there, all cores but two draw ahead.
    """
    workers = max(0, (os.cpu_count() or 1) - 2) if run.device.type == "cuda" else 0
    yield from DataLoader(
        Batches(sampler, run.experiment.seed),
        batch_size=None,
        sampler=range(run.step, run.steps),
        num_workers=workers,
        pin_memory=workers > 0,
    )


def read_checkpoint(path: Path) -> tuple[Experiment, DualEncoder, dict[str, Any]]:
    """The experiment, averaged model and record (step, pairs, minutes, hardware, revision) of a checkpoint."""
    device = torch.device("cpu")
    experiment, state = _read(path, device)
    run = TrainingRun(experiment, device)
    run.restore(state)
    return experiment, run.averaged(), state["record"]


def _read(path: Path, device: torch.device) -> tuple[Experiment, dict[str, Any]]:
    """A checkpoint's experiment and its whole state."""
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return Experiment.from_dict(json.loads(state["experiment"])), state


def train(experiment: Experiment, folder: Path, report: Callable[[Progress], None], deadline: float = math.inf) -> Path:
    """Train until ``experiment.steps`` or the ``deadline`` (`drive`), resuming where ``folder`` stands.

    Returns the checkpoint's path. Raises BadInput or Mismatch when the corpus does not hold what the experiment asks
    for.
    """
    device = best_device()
    audio, sheet = AudioSpec(), SheetSpec()
    corpus = Path(experiment.corpus)
    splits = read_splits(corpus)
    trained = [name for split in experiment.splits for name in splits[split]]
    sampler = PairSampler(
        read_pieces(corpus, trained, experiment.renderings, audio, sheet),
        audio,
        sheet,
        stretches=experiment.stretches,
        stretches_per_piece=experiment.stretches_per_piece,
        pairs=experiment.pairs_per_stretch,
        tempo=experiment.tempo,
        with_hard_negatives=experiment.hard_negatives,
        degradation=experiment.degradation,
    )
    rendering = experiment.validation_rendering
    held_out = read_pieces(corpus, splits["valid"], [rendering], audio, sheet)
    validation = Validation(held_out, rendering, experiment.validation_pairs, audio, sheet)
    run = TrainingRun(experiment, device)
    if experiment.start and not (folder / CHECKPOINT).exists():
        steps = range(STATISTICS_BATCHES)
        some = [sampler.batch(np.random.default_rng([experiment.seed, step])).to(device) for step in steps]
        continue_training(run.model, find(experiment.start), some)
    locked = experiment.locked_tower
    batches = batches_of(run, LockedTowerSampler(sampler, load(experiment.start), locked) if locked else sampler)
    return drive(run, lambda: run.train_step(batches), lambda: validation(run.averaged()), folder, report, deadline)
