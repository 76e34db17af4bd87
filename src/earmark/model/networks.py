"""The audio encoder and the sheet encoder (PyTorch, for training; searching runs the same graphs as ONNX).

An encoder is given one long input, a spectrogram or the lanes of a strip of systems (`earmark.sheet.strips`), and the
centres of the windows that are asked for: 168 frames (8.4 s) of spectrogram, 100 px of strip. It returns one unit
vector a window, the *embedding*. Windows of both encoders that hold the same music have embeddings that point the same
way. An encoder has two parts:

1. The `Trunk` turns the input into *tokens*, once, however many windows are read: 2-D convolutions with strides along
   frequency or height, then 1-D convolutions along time or along the staff. Each lane of a strip has tokens of its own.
   The largest value of all lanes goes on (`pool_lanes`): what any staff shows is there, whichever lane it is in.
   Which pitch a line of the staff is, clef and key signature say, and they stand only at the head of a system: the
   `HeadReader` reads them there.
2. The `WindowReader` takes the tokens of a window, weighs them by soft attention and maps them to the embedding. The
   attention is that of the paper (Balke et al. 2019, Section 2): a small network sees the whole window and gives a
   softmax over its tokens; the weights are scaled by the number of tokens, as in the authors' code.

Two properties matter to whoever searches:

- *A window is strict*: an embedding depends on its window, on the heads of the systems that it shows, and on nothing
  else. The reader takes only tokens whose receptive field lies inside the window. So a long input may be encoded in
  overlapping pieces with equal results.
- *Every input is read twice* by `Encoder.forward`. What a trunk says depends a little on how its strides happen to
  fall, so it reads the input on two grids, one column apart, and the embedding is the mean direction. The second
  reading of a spectrogram is also compressed, that of a strip half a row higher.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from earmark.model.size import EncoderSize, NetworkConfig
from earmark.model.trunk import HeadContext, HeadReader, Trunk
from earmark.schema import HEAD_PX, AudioSpec, SheetSpec


class Dropout(nn.Module):
    """Sets a ``share`` of its input to zero in training; which, its ``seed`` says.

    So encoders can be trained at the same time and do the same again; `torch.nn.Dropout` draws from what all share.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.seed = share, 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        chance = torch.Generator(x.device).manual_seed(self.seed)
        return x * torch.empty_like(x).bernoulli_(1 - self.share, generator=chance) / (1 - self.share)


class WindowReader(nn.Module):
    """Tokens and centres → unit embeddings and attention.

    A window's tokens are spaced evenly from ``reach`` input columns before its centre to as many after it: so far, a
    token's receptive field stays inside the window. They are interpolated linearly, as a centre may lie between tokens.
    """

    def __init__(self, window: int, receptive_field: int, size: EncoderSize, dimension: int) -> None:
        super().__init__()
        # Linear interpolation also reads the next token, up to one stride further out.
        self.reach = (window - receptive_field) / 2 - Trunk.stride
        offsets = torch.linspace(-self.reach, self.reach, size.window_tokens) / Trunk.stride
        self.offsets: Tensor
        self.register_buffer("offsets", offsets, persistent=False)
        squeezed = 16
        self.squeeze = nn.Linear(size.token_channels, squeezed)
        self.attend = nn.Sequential(
            nn.Linear(squeezed * size.window_tokens, 128), nn.ReLU(), nn.Linear(128, size.window_tokens)
        )
        self.drop = Dropout(0.1)
        self.dense = nn.Linear(size.token_channels * size.window_tokens, size.hidden, bias=False)
        self.norm = nn.BatchNorm1d(size.hidden)
        self.project = nn.Linear(size.hidden, dimension)

    def gather(self, tokens: Tensor, rows: Tensor, centres: Tensor) -> Tensor:
        """Windows [n, window tokens, token channels] around ``centres`` [n], input columns of batch items ``rows``."""
        at = centres[:, None] / Trunk.stride + self.offsets
        left = at.floor()
        fraction = (at - left)[..., None].to(tokens.dtype)
        # Clamped for the graph's safety only: callers pad so that every window lies inside.
        index = left.long().clamp(0, tokens.shape[2] - 2)
        flat = tokens.transpose(1, 2).reshape(-1, tokens.shape[1])
        index = index + (rows * tokens.shape[2])[:, None]
        return torch.lerp(flat[index], flat[index + 1], fraction)

    def forward(self, tokens: Tensor, rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens [batch, token channels, length / 2] → embeddings [n, dimension], attention [n, window tokens].

        ``centres`` [n] are in input columns, of the batch items ``rows`` [n].
        """
        window = self.gather(tokens, rows, centres)
        scores = self.attend(F.relu(self.squeeze(window)).flatten(1))
        attention = torch.softmax(scores.float(), dim=1)
        weighted = window * (attention * attention.shape[1])[..., None].to(window.dtype)
        hidden = F.relu(self.norm(self.dense(self.drop(weighted.flatten(1)))))
        return F.normalize(self.project(hidden).float(), dim=1), attention


class Encoder(nn.Module):
    """Trunk and window reader: ``tokens`` and ``reader`` for batches of long inputs, ``forward`` for one, as in ONNX.

    Inputs are as files hold them.
    """

    def __init__(
        self, height: int, window: int, size: EncoderSize, dimension: int, pitches: int, first_stride: int
    ) -> None:
        super().__init__()
        self.trunk = Trunk(height, size, first_stride)
        self.reader = WindowReader(window, self.trunk.receptive_field, size, dimension)
        # Only used in training: which pitches begin at a token (see training/losses.py).
        self.pitches = nn.Conv1d(size.token_channels, pitches, 1)
        nn.init.constant_(self.pitches.bias, -4.0)  # type: ignore[arg-type]

    def tokens(self, x: Tensor) -> Tensor:
        """Batch of long inputs → tokens [batch, token channels, length / 2]."""
        raise NotImplementedError

    def two_views(self, x: Tensor) -> Tensor:
        """One input as it lies on two grids [2, ...], the second one column further on."""
        raise NotImplementedError

    def read_twice(self, tokens: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """One input's tokens on both grids [2, token channels, length / 2 + 1], centres [n] in input columns →
        embeddings [n, dimension], attention [n, window tokens]: the means of two readings."""
        rows = torch.cat([torch.zeros_like(centres), torch.ones_like(centres)]).long()
        embeddings, attention = self.reader(tokens, rows, torch.cat([centres, centres + 1]))
        both, attention = (of.unflatten(0, (2, -1)).mean(dim=0) for of in (embeddings, attention))
        return F.normalize(both, dim=1), attention


class AudioEncoder(Encoder):
    """Spectrogram [frames, bands], log10(1 + magnitude) → embeddings."""

    def __init__(self, spec: AudioSpec, config: NetworkConfig) -> None:
        super().__init__(spec.bands, spec.window_frames, config.audio, config.dimension, config.pitches, first_stride=2)
        self.gain, self.compression, self.level = config.audio_gain, config.compression, config.compressed_level

    def forward(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """One spectrogram, centres [n] in frames → embeddings [n, dimension], attention [n, window tokens]."""
        return self.read_twice(self.tokens(self.two_views(x)), centres)

    def tokens(self, x: Tensor) -> Tensor:
        """Batch of spectrograms → tokens [batch, token channels, frames / 2]."""
        out: Tensor = self.trunk(torch.log1p(_magnitude(x.float()) * self.gain).transpose(1, 2)[:, None])
        return out

    def two_views(self, x: Tensor) -> Tensor:
        """The second also compressed: in rooms, what fades away stays louder beside what begins."""
        compressed = torch.log10(1 + self.level * _magnitude(x) ** self.compression)
        return torch.stack([F.pad(x, (0, 0, 0, 1)), F.pad(compressed, (0, 0, 1, 0))])


def _magnitude(x: Tensor) -> Tensor:
    """The inverse of log10(1 + magnitude)."""
    return torch.expm1(x * math.log(10))


def pool_lanes(tokens: Tensor, lanes: Tensor) -> Tensor:
    """Tokens of lanes [n, token channels, length] → tokens of strips [batch, token channels, length].

    ``lanes`` int64 [batch, most lanes] has the rows of ``tokens`` that are a strip's lanes; one may be there twice.
    """
    return tokens[lanes].amax(dim=1)


class SheetEncoder(Encoder):
    """Strip [lanes, rows, columns], 0 = paper, 1 = ink → embeddings. ``tokens`` takes and gives single lanes."""

    def __init__(self, spec: SheetSpec, config: NetworkConfig) -> None:
        size, rows = config.sheet, spec.strip_height_px
        super().__init__(rows, spec.window_px, size, config.dimension, config.pitches, first_stride=1)
        says = self.trunk.features + size.token_channels
        self.heads = HeadReader(rows, HEAD_PX, size.head_channels, says) if size.head_channels else None

    def forward(
        self, x: Tensor, centres: Tensor, heads: Tensor | None = None, begins: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One strip, centres [n] in its columns → embeddings [n, dimension], attention [n, window tokens].

        ``heads`` [systems, lanes, rows, `HEAD_PX`] and ``begins`` [systems], the column where each system begins, are
        needed where heads are read.
        """
        views = self.two_views(x)
        context = None
        if self.heads is not None:
            assert heads is not None
            assert begins is not None
            of_lanes = self.heads(heads.flatten(0, 1)).unflatten(0, heads.shape[:2]).transpose(0, 1)
            context = HeadContext(torch.cat([of_lanes, of_lanes]), begins[None])
        tokens: Tensor = self.tokens(views.flatten(0, 1), context).unflatten(0, (2, -1))  # type: ignore[no-untyped-call]
        return self.read_twice(tokens.amax(dim=1), centres)

    def tokens(self, x: Tensor, context: HeadContext | None = None) -> Tensor:
        """Lanes [n, rows, columns] and what heads say of them → tokens [n, token channels, columns / 2]."""
        out: Tensor = self.trunk(x[:, None], context)
        return out

    def two_views(self, x: Tensor) -> Tensor:
        """The first half a row lower, the second half a row higher as well: heights lie on a grid, too."""
        between_rows = (F.pad(x, (0, 0, 1, 0)) + F.pad(x, (0, 0, 0, 1))) / 2
        return torch.stack([F.pad(between_rows[:, :-1], (0, 1)), F.pad(between_rows[:, 1:], (1, 0))])


class DualEncoder(nn.Module):
    """Both encoders, and the logarithm of the loss's inverse temperature, which is learned with them."""

    def __init__(self, audio: AudioSpec, sheet: SheetSpec, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioEncoder(audio, config)
        self.sheet = SheetEncoder(sheet, config)
        self.log_scale = nn.Parameter(torch.tensor(3.0))
