"""The losses of a batch and their gradients. Each encoder is computed on a thread of its own, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from earmark.model.networks import DualEncoder, pool_lanes
from earmark.model.trunk import HeadContext
from earmark.training.both import both
from earmark.training.data.batches import PairBatch
from earmark.training.losses import MAX_LOG_SCALE, contrastive_loss, pitch_loss


@dataclass(frozen=True)
class Read:
    """What an encoder makes of a batch: unit ``embeddings`` float32 [pairs, dimension], and its ``pitch_loss``."""

    embeddings: Tensor
    pitch_loss: Tensor

    def backward(self, compared: Tensor, pitch_weight: float) -> None:
        """Give the encoder its gradients; ``compared`` are the embeddings as the loss had them, with theirs."""
        torch.autograd.backward([self.embeddings, pitch_weight * self.pitch_loss], [compared.grad, None])


def read_audio(model: DualEncoder, batch: PairBatch) -> Read:
    """What the audio encoder makes of the excerpts of a batch."""
    tokens, told = _hear(model, batch)
    embeddings, _ = model.audio.reader(tokens, batch.row, batch.frame)
    return Read(embeddings, told)


def read_sheet(model: DualEncoder, batch: PairBatch) -> Read:
    """What the sheet encoder makes of the snippets of a batch."""
    tokens, told = _see(model, batch)
    embeddings, _ = model.sheet.reader(tokens, batch.row, batch.column)
    return Read(embeddings, told)


def _hear(model: DualEncoder, batch: PairBatch) -> tuple[Tensor, Tensor]:
    """The tokens of the excerpts of a batch, and how badly they tell pitches."""
    tokens = model.audio.tokens(batch.audio)
    return tokens, pitch_loss(model.audio.pitches(tokens), batch.audio_pitches)


def _see(model: DualEncoder, batch: PairBatch) -> tuple[Tensor, Tensor]:
    """The tokens of the strips of a batch, and how badly they tell pitches."""
    heads = model.sheet.heads
    context = HeadContext(heads(batch.heads)[batch.head_of], batch.begins) if heads else None
    tokens = pool_lanes(model.sheet.tokens(batch.sheet, context), batch.lanes)
    return tokens, pitch_loss(model.sheet.pitches(tokens), batch.sheet_pitches)


def add_gradients(
    model: DualEncoder,
    batch: PairBatch,
    pitch_weight: float,
    *,
    bf16: bool,
    seed: int,
    meanwhile: Callable[[], None],
) -> Tensor:
    """Add the gradients of one batch to those of the weights; returns the loss.

    The encoders compute in bfloat16 or not; what compares embeddings never does. ``seed`` is that of the dropout.
    Of the two the audio encoder is done first: its thread then does what is to be done ``meanwhile``.
    """
    model.audio.reader.drop.seed, model.sheet.reader.drop.seed = 2 * seed, 2 * seed + 1

    def reading(read: Callable[[DualEncoder, PairBatch], Read]) -> Read:
        with torch.autocast(batch.audio.device.type, torch.bfloat16, enabled=bf16):
            return read(model, batch)

    heard, seen = both(partial(reading, read_audio), partial(reading, read_sheet))
    audio, sheet = (read.embeddings.detach().requires_grad_() for read in (heard, seen))
    scale = model.log_scale.clamp(max=MAX_LOG_SCALE).exp()
    loss = contrastive_loss(audio, sheet, scale, batch.indistinguishable)
    loss.backward()  # type: ignore[no-untyped-call]

    def hear() -> None:
        heard.backward(audio, pitch_weight)
        meanwhile()

    both(hear, partial(seen.backward, sheet, pitch_weight))
    return loss.detach() + pitch_weight * (heard.pitch_loss + seen.pitch_loss).detach()


def add_pitch_gradients(model: DualEncoder, batch: PairBatch, *, bf16: bool, meanwhile: Callable[[], None]) -> Tensor:
    """Add the gradients of telling pitches alone, as `add_gradients` does those of both; returns the loss."""

    def learn(tell: Callable[[DualEncoder, PairBatch], tuple[Tensor, Tensor]]) -> Tensor:
        with torch.autocast(batch.audio.device.type, torch.bfloat16, enabled=bf16):
            _, told = tell(model, batch)
        told.backward()  # type: ignore[no-untyped-call]
        return told.detach()

    def hear() -> Tensor:
        heard = learn(_hear)
        meanwhile()
        return heard

    heard, seen = both(hear, partial(learn, _see))
    return heard + seen
