"""Pieces → training batches of audio-sheet pairs, many of them from the same piece.

The unit that is drawn is a *stretch*: 20 s of spectrogram and 400 strip px (800 px of the paper's page) about one onset
of a piece. Both are encoded once, and up to ``pairs`` onsets that lie inside both are training pairs: the audio about
an onset and the snippet about it. All other pairs of the batch are their negatives, most usefully those of the same
piece, as most wrong answers of a search lie elsewhere in the right piece. What fits an excerpt as well as its own
snippet does is left out of the negatives (`earmark.training.data.ambiguity`).

A batch is made in two parts. The processor plans it (`PairSampler.plan`):

1. Choose pieces, long ones more often, and an onset for each stretch. With hard negatives, every second stretch of a
   piece is about a place that looks like the stretch before.
2. Draw a tempo and a scale for each stretch. Of the performances, those that need the least stretching are preferred.
   Of some only a clip is heard, as of what people record.
3. Note where the pairs and the notes lie in them.

The device that trains carries it out (`PairSampler.make`), on the whole batch at once:

4. Cut the audio of two renderings and the lanes of the strip out of the music that lies there.
5. Augment: one piano out of two, a room, noise; print, paper, scanner, camera.

Everything is drawn from the generator handed in, on the processor, so batch i of a run is the same whenever and
wherever it is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.model.size import PITCHES
from earmark.model.trunk import Trunk
from earmark.schema import HEAD_PX
from earmark.training.data.ambiguity import REACH
from earmark.training.data.augment_audio import augment_audio
from earmark.training.data.augment_sheet import augment_sheet
from earmark.training.data.chances import Chances, send
from earmark.training.data.music import APART, CLEAR, Floats, Ints, Music

HEAD_MOVES = 4.0
"""How many strip px too far left or right a system's beginning may be found."""


@dataclass(frozen=True)
class PairBatch:
    """The pairs of one training step.

    ``audio`` [stretches, frames, 92]; ``sheet`` [all lanes, 80, columns] and ``lanes`` int64 [stretches, most lanes],
    which of them are a stretch's (`earmark.model.networks.pool_lanes`). ``heads`` [heads, 80, `HEAD_PX`] are those of
    all systems that lanes show; ``head_of`` int64 and ``begins`` [all lanes, most systems] say which are a lane's, and
    at which of its columns they begin, infinity where it shows fewer. ``row`` [pairs] is a pair's stretch, ``frame``
    and ``column`` [pairs] its place in it. ``indistinguishable`` bool [pairs, pairs] is true where the audio of the one
    fits the snippet of the other. ``audio_pitches`` and ``sheet_pitches`` [stretches, 88, tokens] are 1 where a pitch
    begins.
    """

    audio: Tensor
    sheet: Tensor
    lanes: Tensor
    heads: Tensor
    head_of: Tensor
    begins: Tensor
    row: Tensor
    frame: Tensor
    column: Tensor
    indistinguishable: Tensor
    audio_pitches: Tensor
    sheet_pitches: Tensor


@dataclass(frozen=True)
class Plan:
    """What a batch is to hold, in numbers of its `Music`.

    Of every stretch: its ``piece`` and the ``onset`` it is about; ``rendering`` int64 [2, stretches]; ``start``, the
    frame of these at which it begins, and ``rate``, how many of them pass in one of its own; ``begin`` and ``end``, the
    frames between which it is heard, infinite but for clips; ``middle``, the strip px in its middle, and ``scale``.
    Of every lane: its stretch ``lane_row`` and the ``lane`` of the piece; ``lanes``, ``head_of`` and ``begins`` as in
    `PairBatch`. Of every head: ``head_row``, the number of its lane in the batch, and ``head_begin``, the strip px at
    which it is cut, NaN where it is not to be seen. Of every pair: its stretch ``row``, its onset ``pair``, its place
    ``frame`` and ``column``, and how many onsets before and after it its windows hold, ``in_excerpt`` and
    ``in_snippet`` int64 [pairs, 2]. ``audio_labels`` and ``sheet_labels`` are the places that are 1 in the labels of
    all stretches.
    """

    onset: Ints
    piece: Ints
    rendering: Ints
    start: Floats
    rate: Floats
    begin: Floats
    end: Floats
    middle: Floats
    scale: Floats
    lane_row: Ints
    lane: Ints
    lanes: Ints
    head_row: Ints
    head_begin: Floats
    head_of: Ints
    begins: Floats
    row: Ints
    pair: Ints
    frame: Floats
    column: Floats
    in_excerpt: Ints
    in_snippet: Ints
    audio_labels: Ints
    sheet_labels: Ints


class PairSampler:
    """Draws augmented batches from some music. The arguments are fields of an `Experiment`."""

    frames = 400
    columns = 400
    clip_frames = (60, 320)  # 3 to 16 s
    margin = 40  # strip columns cut beyond each end, so that shrinking shows music and not paper
    most_lanes = 4  # of a stretch; of a score with more, others every time
    hidden_heads = 0.1  # of all: some editions print clefs once, and some systems are found too short

    def __init__(
        self,
        music: Music,
        *,
        stretches: int,
        stretches_per_piece: int,
        pairs: int,
        tempo: tuple[float, float],
    ) -> None:
        self.music = music
        self.stretches, self.stretches_per_piece, self.pairs, self.tempo = stretches, stretches_per_piece, pairs, tempo
        # Between one piece one vote and one onset one vote: symphonies must not crowd out hymns.
        weight = np.diff(music.first_onset) ** 0.5
        self.weight = weight / weight.sum()
        self.half_px = CLEAR * music.sheet.window_px / 2
        self.half_frames = CLEAR * music.audio.window_frames / 2

    def batch(self, rng: np.random.Generator, clips: float = 0.0) -> PairBatch:
        """One batch: several stretches of every piece that is drawn, so that a piece meets itself elsewhere.

        Of a share ``clips`` of the stretches only a clip is heard.
        """
        return self.make(self.plan(rng, clips), Chances(rng, self.music.device))

    def plan(self, rng: np.random.Generator, clips: float = 0.0) -> Plan:
        """Decide what is in a batch."""
        music, count = self.music, self.stretches
        each = self.stretches_per_piece
        piece = np.repeat(rng.choice(len(music), count // each, p=self.weight), each)
        onset = self._onsets(rng, piece)
        tempo = np.exp(rng.uniform(math.log(self.tempo[0]), math.log(self.tempo[1]), count))
        scale = rng.uniform(0.9, 1.1, count)
        performance, rendering = self._renderings(rng, piece, tempo)
        rate = tempo / music.tempo[performance]
        middle = music.x_px[onset] + rng.uniform(-1, 1, count)
        # The onset's own frame, in the row of all performances; pairs lie about it.
        centre = music.frame[music.first_frame[performance] + onset - music.first_onset[piece]]
        free = music.audio.window_frames / 2 + 1
        row, at = _between(music.frame, centre, (self.frames / 2 - free) * rate)
        pair = music.first_onset[piece[row]] + at - music.first_frame[performance[row]]
        frame = (music.frame[at] - centre[row]) / rate[row] + self.frames / 2
        column = (music.x_px[pair] - middle[row]) * scale[row] + self.columns / 2
        begin, end = self._clips(rng, clips)
        inside = np.abs(column - self.columns / 2) <= self.columns / 2 - music.sheet.window_px / 2 - 1
        inside &= (frame >= begin[row]) & (frame < end[row])
        chosen = np.flatnonzero(inside)[_some_of_each(rng, row[inside], self.pairs)]
        row, at, pair, frame, column = (values[chosen] for values in (row, at, pair, frame, column))
        lane_row, lane, lanes = self._lanes(rng, music.lanes[piece])
        head_row, head_begin, head_of = self._heads(piece, middle, scale, lane_row)
        begins = (head_begin - middle[lane_row[head_row]]) * scale[lane_row[head_row]] + self.columns / 2
        hidden = rng.random(len(head_row)) < self.hidden_heads
        head_begin = np.where(hidden, np.nan, head_begin + rng.uniform(-HEAD_MOVES, HEAD_MOVES, len(head_row)))
        heard, note = _between(music.note_frame, centre, self.frames / 2 * rate)
        note_frame = (music.note_frame[note] - centre[heard]) / rate[heard] + self.frames / 2
        is_heard = (note_frame >= begin[heard]) & (note_frame < end[heard])
        heard, note, note_frame = heard[is_heard], note[is_heard], note_frame[is_heard]
        heard_pitch = music.pitch[music.first_note[piece[heard]] + note - music.first_note_frame[performance[heard]]]
        seen, mark = _between(music.x_note, piece * APART + middle, self.columns / 2 / scale)
        mark_column = (music.x_note[mark] - piece[seen] * APART - middle[seen]) * scale[seen] + self.columns / 2
        return Plan(
            onset=onset,
            piece=piece,
            rendering=rendering,
            start=centre - performance * APART - self.frames / 2 * rate,
            rate=rate,
            begin=begin,
            end=end,
            middle=middle,
            scale=scale,
            lane_row=lane_row,
            lane=lane,
            lanes=lanes,
            head_row=head_row,
            head_begin=head_begin,
            head_of=np.maximum(head_of, 0),
            begins=np.where(head_of < 0, np.inf, begins[head_of]),
            row=row,
            pair=pair,
            frame=frame + rng.uniform(-1, 1, len(row)),
            column=column + rng.uniform(-1, 1, len(row)),
            in_excerpt=_held(
                music.frame,
                at,
                np.minimum(self.half_frames, frame - begin[row]) * rate[row],
                np.minimum(self.half_frames, end[row] - frame) * rate[row],
            ),
            in_snippet=_held(music.x_row, pair, self.half_px / scale[row], self.half_px / scale[row]),
            audio_labels=note_places(heard, heard_pitch, note_frame, self.frames),
            sheet_labels=note_places(seen, music.pitch_by_x[mark], mark_column, self.columns),
        )

    def make(self, plan: Plan, chance: Chances) -> PairBatch:
        """Carry out a plan."""
        music, device = self.music, self.music.device
        scale = chance.send(plan.scale[plan.lane_row])
        sheet = augment_sheet(chance, self.cut_lanes(plan), scale)
        head_scale = chance.send(plan.scale[plan.lane_row[plan.head_row]])
        heads = augment_sheet(chance, self.cut_heads(plan), head_scale)
        heads[send(np.flatnonzero(np.isnan(plan.head_begin)), device)] = 0
        pair, in_excerpt, in_snippet = (send(of, device) for of in (plan.pair, plan.in_excerpt, plan.in_snippet))
        return PairBatch(
            audio=self._heard(plan, augment_audio(chance, *self.cut_audio(plan))),
            sheet=sheet[:, :, self.margin : -self.margin].contiguous(),
            lanes=send(plan.lanes, device),
            heads=heads,
            head_of=send(plan.head_of, device),
            begins=chance.send(plan.begins),
            row=send(plan.row, device),
            frame=chance.send(plan.frame),
            column=chance.send(plan.column),
            indistinguishable=fits(music.before[pair], music.after[pair], in_excerpt, in_snippet),
            audio_pitches=self._marked(plan.audio_labels, self.frames),
            sheet_pitches=self._marked(plan.sheet_labels, self.columns),
        )

    def cut_audio(self, plan: Plan) -> tuple[Tensor, Tensor]:
        """The spectrograms of both renderings as planned, not yet changed; silence beyond the ends."""
        music, device = self.music, self.music.device
        start, rate = send(plan.start, device), send(plan.rate, device)
        at = start[:, None] + torch.arange(self.frames, device=device) * rate[:, None]
        left = at.floor()
        fraction = (at - left).float()[:, :, None]
        cut = []
        for rendering in plan.rendering:
            first, frames = (send(of[rendering], device)[:, None] for of in (music.spectrum, music.frames))
            inside = ((left >= 0) & (left < frames - 1))[:, :, None]
            index = first + torch.minimum(left.long().clamp(min=0), frames - 2)
            between = torch.lerp(music.heard(index), music.heard(index + 1), fraction)
            cut.append(torch.where(inside, between, torch.zeros_like(between)))
        return cut[0], cut[1]

    def _heard(self, plan: Plan, audio: Tensor) -> Tensor:
        """Of clips nothing before they begin and after they end."""
        begin, end = (send(of, self.music.device)[:, None, None] for of in (plan.begin, plan.end))
        frame = torch.arange(self.frames, device=self.music.device)[:, None]
        return torch.where((frame >= begin) & (frame < end), audio, 0.0)

    def cut_lanes(self, plan: Plan) -> Tensor:
        """Ink of the planned lanes, with margins, not yet changed; paper beyond the ends."""
        size = self.columns + 2 * self.margin
        return self._cut(plan.piece[plan.lane_row], plan.lane, plan.middle[plan.lane_row] - size / 2, size)

    def cut_heads(self, plan: Plan) -> Tensor:
        """Ink of the heads of the systems that the planned lanes show, not yet changed."""
        lane = plan.head_row
        return self._cut(plan.piece[plan.lane_row[lane]], plan.lane[lane], np.nan_to_num(plan.head_begin), HEAD_PX)

    def _cut(self, piece: Ints, lane: Ints, at: Floats, size: int) -> Tensor:
        """Ink [n, rows, ``size``] of lanes of pieces from the strip px ``at`` on; paper beyond the ends."""
        music, device = self.music, self.music.device
        whole = np.floor(at).astype(np.int64)
        left, width = send(whole, device)[:, None], send(music.width[piece], device)[:, None]
        first = send(music.first_column[piece] + lane * music.width[piece], device)[:, None]
        column = left + torch.arange(size + 1, device=device)
        inside = ((column >= 0) & (column < width))[:, :, None]
        strips = music.strips[first + torch.minimum(column.clamp(min=0), width - 1)]
        ink = torch.where(inside, 1 - strips.float() / 255, 0.0)
        fraction = send((at - whole).astype(np.float32), device)[:, None, None]
        return torch.lerp(ink[:, :-1], ink[:, 1:], fraction).transpose(1, 2).contiguous()

    def _onsets(self, rng: np.random.Generator, piece: Ints) -> Ints:
        """An onset of each piece to draw a stretch about."""
        first, count = self.music.first_onset[piece], np.diff(self.music.first_onset)[piece]
        onset = first + (rng.random(len(piece)) * count).astype(np.int64)
        if len(self.music.hard):
            like = self.music.hard[onset, rng.integers(self.music.hard.shape[1], size=len(piece))]
            follows = np.arange(len(piece)) % self.stretches_per_piece % 2 == 1
            onset = np.where(follows, np.roll(like, 1), onset)
        return onset

    def _renderings(self, rng: np.random.Generator, piece: Ints, tempo: Floats) -> tuple[Ints, Ints]:
        """A performance of each piece, to be stretched to ``tempo``, and two renderings of it, int64 [2, stretches].

        A stretched piano rings on too long or too briefly: the less a performance has to be, the more likely it is.
        """
        music = self.music
        first, end = music.first_performance[piece], music.first_performance[piece + 1]
        every = first[:, None] + np.arange((end - first).max())
        there = every < end[:, None]
        every = np.where(there, every, 0)
        stretching = np.abs(np.log(tempo[:, None] / music.tempo[every]))
        preferred = np.where(there, -2 * stretching + rng.gumbel(size=every.shape), -np.inf).argmax(1)
        performance = first + preferred
        first, end = music.first_rendering[performance], music.first_rendering[performance + 1]
        return performance, first + (rng.random((2, len(piece))) * (end - first)).astype(np.int64)

    def _clips(self, rng: np.random.Generator, share: float) -> tuple[Floats, Floats]:
        """The frames between which the stretches are heard: all but for clips, which hold what they are about."""
        if not share:
            return np.full(self.stretches, -np.inf), np.full(self.stretches, np.inf)
        shortest, longest = np.log(self.clip_frames)
        length = np.exp(rng.uniform(shortest, longest, self.stretches))
        begin = self.frames / 2 - length * rng.random(self.stretches)
        is_clip = rng.random(self.stretches) < share
        return np.where(is_clip, begin, -np.inf), np.where(is_clip, begin + length, np.inf)

    def _lanes(self, rng: np.random.Generator, count: Ints) -> tuple[Ints, Ints, Ints]:
        """Which lanes of pieces that have ``count`` are read: ``lane_row``, ``lane`` and ``lanes`` of a `Plan`."""
        order = rng.random((len(count), int(count.max())))
        order[np.arange(order.shape[1]) >= count[:, None]] = 2
        chosen = np.argsort(order, axis=1)[:, : self.most_lanes]
        read = np.minimum(count, self.most_lanes)
        row, place = np.nonzero(np.arange(chosen.shape[1]) < read[:, None])
        first = np.cumsum([0, *read[:-1]])
        lanes = first[:, None] + np.minimum(np.arange(int(read.max())), read[:, None] - 1)
        return row, chosen[row, place], lanes

    def _heads(self, piece: Ints, middle: Floats, scale: Floats, lane_row: Ints) -> tuple[Ints, Floats, Ints]:
        """The systems that lanes show: ``head_row``, ``head_begin``, and ``head_of`` of a `Plan`, -1 for none."""
        music, half = self.music, self.columns / 2 / scale
        first = np.searchsorted(music.begin_row, piece * APART + middle - half, side="right") - 1
        first = np.maximum(first, music.first_system[piece])
        last = np.searchsorted(music.begin_row, piece * APART + middle + half)
        count = np.maximum(1, last - first)[lane_row]
        head_row = np.repeat(np.arange(len(lane_row)), count)
        start = np.cumsum(count) - count
        place = np.arange(len(head_row)) - start[head_row]
        head_of = start[:, None] + np.arange(count.max())
        head_of[np.arange(count.max()) >= count[:, None]] = -1
        return head_row, music.begin_row[first[lane_row[head_row]] + place] % APART, head_of

    def _marked(self, labels: Ints, length: int) -> Tensor:
        """Zeros [stretches, pitches, tokens], 1 at the given places."""
        tokens = length // Trunk.stride
        marked = torch.zeros(self.stretches * PITCHES * tokens, device=self.music.device)
        marked[send(labels, self.music.device)] = 1
        return marked.view(self.stretches, PITCHES, tokens)


def _between(rising: Floats, middle: Floats, reach: Floats) -> tuple[Ints, Ints]:
    """All places of ``rising`` that lie up to ``reach`` [n] from ``middle`` [n]: which i they are near, and where."""
    low, high = np.searchsorted(rising, middle - reach), np.searchsorted(rising, middle + reach, side="right")
    count = high - low
    row = np.repeat(np.arange(len(middle)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count - low, count)


def _held(rising: Floats, own: Ints, before: Floats, after: Floats) -> Ints:
    """How many of ``rising`` lie up to ``before`` [n] before and ``after`` [n] after each of the places ``own`` [n]:
    int64 [n, 2]."""
    low = np.searchsorted(rising, rising[own] - before)
    high = np.searchsorted(rising, rising[own] + after, side="right") - 1
    return np.stack([own - low, high - own], axis=1).clip(0, REACH)


def _some_of_each(rng: np.random.Generator, row: Ints, most: int) -> Ints:
    """At random up to ``most`` of the places of each row in ``row`` (rising): their numbers, row by row."""
    order = np.lexsort((rng.random(len(row)), row))
    first = np.searchsorted(row, row)
    return order[np.arange(len(row)) - first < most]


def note_places(row: Ints, pitch: Ints, at: npt.NDArray[np.floating], length: int) -> Ints:
    """Where in labels [stretches, pitches, tokens] notes at ``at``, in input columns, are."""
    tokens = length // Trunk.stride
    token = np.round(at / Trunk.stride).astype(np.int64)
    valid = (token >= 0) & (token < tokens) & (pitch >= 0) & (pitch < PITCHES)
    return (row[valid] * PITCHES + pitch[valid]) * tokens + token[valid]


def fits(before: Tensor, after: Tensor, in_excerpt: Tensor, in_snippet: Tensor) -> Tensor:
    """`earmark.training.data.ambiguity.indistinguishable` of the pairs of a batch, on its device: bool [pairs, pairs].

    ``before`` and ``after`` int64 [pairs, `REACH` + 1] are the context of the pairs' onsets; ``in_excerpt`` and
    ``in_snippet`` int64 [pairs, 2] say how many onsets before and after their own their windows hold.
    """
    out = torch.ones(len(before), len(before), dtype=torch.bool, device=before.device)
    for side, context in enumerate((before, after)):
        both = torch.minimum(in_excerpt[:, None, side], in_snippet[None, :, side])
        out &= context.gather(1, both) == context.gather(1, both.T).T
    return out
