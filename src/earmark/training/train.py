"""One visible training loop with exact resume.

Step ``i`` draws everything from a generator seeded with (seed, i), so a run that is stopped and resumed from its
checkpoint ends in the same weights as one that was not. ``runs/NAME/`` holds ``checkpoint.pt`` and ``log.jsonl``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim import swa_utils

from earmark.errors import BadInput, Mismatch
from earmark.files import replacing
from earmark.model.encoders import Order, chunks, strip_chunks
from earmark.model.networks import AudioEncoder, DualEncoder, Encoder, SheetEncoder
from earmark.schema import AudioSpec, FloatArray, Ink, SheetSpec
from earmark.training.both import both, half_the_cores
from earmark.training.data.batches import PairBatch, PairSampler
from earmark.training.data.dataset import TrainingPiece, evenly_taken, read_some
from earmark.training.data.music import Music
from earmark.training.evaluation import metrics
from earmark.training.experiment import Experiment
from earmark.training.gradients import add_gradients, add_pitch_gradients
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
from earmark.training.optimiser import Optimiser

RECORDED = (*RECORD, "shared_pairs", "shared_minutes")


def cooling(experiment: Experiment, step: int) -> float:
    """1 until the run begins to cool down, then linearly to 0; ``step`` counts from 0."""
    return min(1.0, (experiment.steps - step) / max(1, experiment.cooldown_steps))


def learning_rate(experiment: Experiment, step: int) -> float:
    """Warm-up, constant, cool-down."""
    return experiment.learning_rate * min((step + 1) / experiment.warmup_steps, cooling(experiment, step))


def pitch_weight(experiment: Experiment, step: int) -> float:
    """Constant, then it falls as the rate does: once they know the notes, the trunks are for retrieval alone."""
    return experiment.pitch_weight * cooling(experiment, step)


def averaging(experiment: Experiment, step: int) -> float:
    """The decay of the moving average: over a tenth of the steps so far, until the final one holds. It forgets the
    start."""
    return min(experiment.averaging, (1 + step) / (10 + step))


def embed_spectrogram(encoder: AudioEncoder, spectrogram: FloatArray, centres: FloatArray) -> FloatArray:
    """Embeddings of a whole spectrogram at ``centres``, chunk by chunk; beyond its ends is silence."""
    parts = chunks(spectrogram, centres.astype(np.float64), AudioSpec().window_frames, None)
    return _embed(encoder, ((order, (part, local)) for order, _, part, local in parts), len(centres))


def embed_ink(encoder: SheetEncoder, ink: Ink, centres: FloatArray) -> FloatArray:
    """Embeddings of a whole strip at ``centres``, chunk by chunk; beyond its ends is paper."""
    parts = strip_chunks(ink, centres.astype(np.float64), None)
    read = ((order, (part.strip, local, part.heads.ink, part.heads.begins)) for order, part, local in parts)
    return _embed(encoder, read, len(centres))


@torch.no_grad()
def _embed(
    encoder: Encoder, parts: Iterable[tuple[Order, tuple[npt.NDArray[np.generic], ...]]], count: int
) -> FloatArray:
    """What an encoder makes of parts of an input, in the order of all ``count`` centres."""
    device = next(encoder.parameters()).device
    out = np.empty((count, encoder.reader.project.out_features), np.float32)
    for order, inputs in parts:
        embeddings, _ = encoder(*(torch.from_numpy(np.ascontiguousarray(of)).to(device) for of in inputs))
        out[order] = embeddings.float().cpu().numpy()
    return out


class Validation:
    """Retrieval among pairs taken evenly from all windows of the validation pieces, without augmentation.

    Each piece is heard in the first of its renderings.
    """

    def __init__(self, pieces: list[TrainingPiece], pairs: int, audio: AudioSpec, sheet: SheetSpec) -> None:
        renderings = [next(iter(piece.audio)) for piece in pieces]
        onsets = evenly_taken(pieces, renderings, pairs, audio, sheet)
        self.audio = audio
        self.items = [item for item in zip(pieces, renderings, onsets, strict=True) if len(item[2])]

    def __call__(self, model: DualEncoder) -> metrics.Scores:
        queries, candidates = both(partial(self._queries, model.audio), partial(self._candidates, model.sheet))
        return metrics.scores(metrics.ranks(queries, candidates))

    def _queries(self, encoder: AudioEncoder) -> FloatArray:
        found = []
        for piece, rendering, onsets in self.items:
            onset_s = piece.audio_s(rendering, piece.onsets.time_s[onsets])
            frame: FloatArray = (onset_s * self.audio.frames_per_second).astype(np.float32)
            spectrum = piece.audio[rendering].astype(np.float32)
            found.append(embed_spectrogram(encoder, spectrum, frame))
        return np.concatenate(found)

    def _candidates(self, encoder: SheetEncoder) -> FloatArray:
        return np.concatenate(
            [embed_ink(encoder, piece.ink(), piece.onsets.x_px[onsets]) for piece, _, onsets in self.items]
        )


class TrainingRun:
    """Model, optimiser, average and counters of one run, and their checkpoint."""

    def __init__(self, experiment: Experiment, device: torch.device) -> None:
        torch.manual_seed(experiment.seed)
        self.experiment, self.device = experiment, device
        audio, sheet = AudioSpec(), SheetSpec()
        self.model = DualEncoder(audio, sheet, experiment.network).to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.model).requires_grad_(False)
        self.optimiser = Optimiser(self.model, experiment.weight_decay, experiment.muon)
        self.step, self.pairs, self.minutes = 0, 0, 0.0
        self.shared_pairs, self.shared_minutes = 0, 0.0
        self.hardware, self.revision = hardware(device), revision()

    @property
    def steps(self) -> int:
        return self.experiment.steps

    @property
    def due(self) -> bool:
        return self.step % self.experiment.validate_every_steps == 0 or self.step == self.steps

    def train_step(self, batch: PairBatch, meanwhile: Callable[[], None]) -> Tensor:
        """Descend, average. Returns the loss; nothing waits for a GPU to have computed it.

        What is to be done ``meanwhile`` is done by the end.
        """
        bf16 = bfloat16_is_fast(self.device)
        self.model.train()
        if self.step < self.experiment.pitch_steps:
            loss = add_pitch_gradients(self.model, batch, bf16=bf16, meanwhile=meanwhile)
        else:
            seed = self.experiment.seed * 1_000_003 + self.step
            weight = pitch_weight(self.experiment, self.step)
            loss = add_gradients(self.model, batch, weight, bf16=bf16, seed=seed, meanwhile=meanwhile)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.experiment.gradient_norm)
        self.optimiser.step(learning_rate(self.experiment, self.step))
        self._follow()
        self.step += 1
        self.pairs += len(batch.row)
        return loss

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the model."""
        average, model = self.average.state_dict(), self.model.state_dict()
        learned = [key for key, value in model.items() if value.is_floating_point()]
        decay = averaging(self.experiment, self.step)
        update = swa_utils.get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        update([average[key] for key in learned], [model[key] for key in learned], 0)
        for key in model.keys() - set(learned):
            average[key].copy_(model[key])

    def averaged(self) -> DualEncoder:
        """The averaged model, ready to encode."""
        return self.average.eval()

    def save(self, path: Path) -> None:
        """Write the checkpoint; of a run that has cooled down only what is exported, a quarter of it."""
        state: dict[str, Any] = {
            "experiment": json.dumps(self.experiment.to_dict()),
            "average": self.average.state_dict(),
            "record": {key: getattr(self, key) for key in RECORDED},
        }
        if self.step < self.steps or not self.experiment.cooldown_steps:
            state |= {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        with replacing(path) as file:
            torch.save(state, file)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises Mismatch when it belongs to another experiment, or a shorter one's end."""
        earlier, state = _read(path, self.device)
        if not self.experiment.same_run(earlier):
            raise Mismatch(f"{path}: made by a different experiment; move the run's folder away to start anew")
        if "model" not in state:
            raise Mismatch(f"{path}: has cooled down after {earlier.steps} steps; move the run's folder away")
        self.restore(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over the state of a checkpoint of the same experiment."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        for key, value in state["record"].items():
            setattr(self, key, value)


class Batches:
    """The batches of a run; that of step i is drawn from (seed, i).

    The next one is made while one is trained on.
    """

    def __init__(self, run: TrainingRun, sampler: PairSampler) -> None:
        self.run, self.sampler = run, sampler
        self._made: dict[int, PairBatch] = {}

    def make(self, step: int) -> None:
        """Have the batch of a step ready."""
        if step not in self._made and step < self.run.steps:
            plan = self.run.experiment
            clips = 0.0 if step < plan.pitch_steps else plan.clips
            self._made[step] = self.sampler.batch(np.random.default_rng([plan.seed, step]), clips)

    def train_step(self) -> Tensor:
        """One step of the run. Returns the loss."""
        step = self.run.step
        self.make(step)
        return self.run.train_step(self._made.pop(step), partial(self.make, step + 1))


def read_checkpoint(path: Path) -> tuple[Experiment, DualEncoder, dict[str, Any]]:
    """The experiment, averaged model and record (`RECORDED`) of a checkpoint."""
    device = torch.device("cpu")
    experiment, state = _read(path, device)
    model = DualEncoder(AudioSpec(), SheetSpec(), experiment.network)
    model.load_state_dict(state["average"])
    return experiment, model.eval(), state["record"]


def _read(path: Path, device: torch.device) -> tuple[Experiment, dict[str, Any]]:
    """A checkpoint's experiment and its whole state."""
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return Experiment.from_dict(json.loads(state["experiment"])), state


def train(experiment: Experiment, folder: Path, report: Callable[[Progress], None], deadline: float = math.inf) -> Path:
    """Train until ``experiment.steps`` or the ``deadline`` (`drive`), resuming where ``folder`` stands.

    Returns the checkpoint's path. Raises BadInput or Mismatch when the corpus does not hold what the experiment asks
    for.
    """
    if (folder / CHECKPOINT).exists() and _is_done(experiment, folder / CHECKPOINT):
        return folder / CHECKPOINT
    device = best_device()
    sampler = sampler_of(experiment, device)
    audio, sheet = AudioSpec(), SheetSpec()
    corpora = [Path(corpus) for corpus in experiment.corpora]
    held_out = read_some(corpora, experiment.validation_splits, experiment.validation_renderings, audio, sheet)
    validation = Validation(held_out, experiment.validation_pairs, audio, sheet)
    run = TrainingRun(experiment, device)
    if experiment.shared_run and not (folder / CHECKPOINT).exists():
        _take_shared_steps(run, folder.parent / experiment.shared_run / CHECKPOINT)

    batches = Batches(run, sampler)

    def train_step() -> Tensor:
        started = time.monotonic()
        loss = batches.train_step()
        run.minutes += (time.monotonic() - started) / 60
        return loss

    with half_the_cores():
        return drive(run, train_step, lambda: validation(run.averaged()), folder, report, deadline)


def sampler_of(experiment: Experiment, device: torch.device) -> PairSampler:
    """What draws the batches of an experiment, with all its music on the device.

    Raises BadInput or Mismatch when the corpora do not hold what the experiment asks for.
    """
    return PairSampler(
        _music(experiment.corpora, experiment.splits, experiment.renderings, experiment.hard_negatives, device),
        stretches=experiment.stretches,
        stretches_per_piece=experiment.stretches_per_piece,
        pairs=experiment.pairs_per_stretch,
        tempo=experiment.tempo,
    )


@lru_cache(maxsize=1)
def _music(
    corpora: Sequence[str], splits: Sequence[str], renderings: Sequence[str], hard_negatives: bool, device: torch.device
) -> Music:
    """What is trained on, on a device; runs that are trained one after the other share it."""
    audio, sheet = AudioSpec(), SheetSpec()
    pieces = read_some([Path(corpus) for corpus in corpora], splits, renderings, audio, sheet)
    playable = [piece for piece in pieces if len(piece.onsets) > 1]
    return Music(playable, audio, sheet, device, with_hard_negatives=hard_negatives)


def _is_done(experiment: Experiment, checkpoint: Path) -> bool:
    """Whether a checkpoint is the end of this very experiment."""
    earlier, state = _read(checkpoint, torch.device("cpu"))
    return bool(earlier == experiment and state["record"]["step"] == experiment.steps)


def _take_shared_steps(run: TrainingRun, shared: Path) -> None:
    """Give a new run the steps that it shares with others; raises BadInput when they are not done."""
    if not shared.exists():
        raise BadInput(shared, "not there", "train the recipe's shared steps first")
    run.restore(_read(shared, run.device)[1])
    if run.step != run.experiment.shared_steps:
        at = f"is at step {run.step} of {run.experiment.shared_steps}"
        raise BadInput(shared, at, "train it to its end first")
    run.shared_pairs, run.shared_minutes = run.pairs, run.minutes
