"""A model's name or folder → a model that can be run. ONNX Runtime only; nothing is unpickled.

A model is a folder ``audio.onnx, sheet.onnx, background.npy, model.json, CARD.md``. Shipped ones lie in the package's
``weights/``. ``background.npy`` is float32 [2, 1 + dimension, dimension]: of places of sheet music and of excerpts of
recordings, the mean embedding and the covariance (`earmark.model.calibration.Background`). ``model.json`` states what
the encoders were made for; it is compared with what this version of Earmark computes, and the ONNX files with their
checksums, so that weights never run on input they were not trained for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from earmark.errors import BadInput, Mismatch
from earmark.model.calibration import Background, Calibration, Confidence
from earmark.results.places import Kind
from earmark.schema import AudioSpec, FloatArray, Ink, SheetSpec

WEIGHTS = Path(__file__).parent / "weights"
FORMAT = 1
ENCODER_FILES = ("audio.onnx", "sheet.onnx")
BACKGROUND_FILE = "background.npy"
KINDS: tuple[Kind, ...] = ("score", "recording")
"""Of what the background file has a part, in this order."""
THREADS = 2
CHUNK = 2048
"""Columns encoded at once: 102 s of spectrogram, five systems or so; bounds the memory of the feature maps."""
GRID = 8
"""Chunks start at multiples of this: a multiple of the encoders' stride, so that tokens fall on the same columns."""

Positions = npt.NDArray[np.float64]
Order = npt.NDArray[np.int64]
Inputs = Mapping[str, npt.NDArray[np.generic]]


class Model(Protocol):
    """The audio encoder and the sheet encoder of one model.

    ``model_id`` names it, and changes when the weights do. Both methods take a long input and centres, float64 [n], in
    its columns (fractions allowed, order free). They return ``embeddings`` float32 [n, dimension] of unit length and
    ``attention`` float32 [n, tokens], the weights of the window's tokens, which sum to 1. A window that reaches beyond
    the input sees silence or paper there.
    """

    @property
    def model_id(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def attention_reach_frames(self) -> float:
        """The audio encoder's tokens lie evenly from this many frames before the centre to as many after it."""
        ...

    @property
    def training(self) -> dict[str, Any]:
        """How the weights were made: experiment or recipe, pairs, minutes, hardware, revision, as far as recorded."""
        ...

    @property
    def calibration(self) -> Calibration: ...

    def embed_audio(self, spectrogram: FloatArray, centres: Positions) -> tuple[FloatArray, FloatArray]:
        """``spectrogram`` float32 [frames, bands] as `earmark.audio.decode` makes it; centres in frames."""
        ...

    def embed_strip(self, ink: Ink, centres: Positions) -> tuple[FloatArray, FloatArray]:
        """``ink`` is what is seen of a strip; centres in strip px.

        The lanes of a place are read together (`earmark.sheet.strips`); a lane that is there twice changes nothing.
        """
        ...


def available() -> list[str]:
    """Names of the models that ship with Earmark."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/model.json"))


def about(name: str) -> dict[str, Any]:
    """What a shipped model says of itself: name, summary, dimension, bytes; pairs, minutes and hardware, or None."""
    folder = WEIGHTS / name
    stated = _read_model_json(folder / "model.json")
    training = stated.get("training", {})
    row = training.get("recipe", {}).get("row")
    return {
        "name": name,
        "summary": f"row {row} of Balke et al. (2019)" if row else "Earmark's own",
        "dimension": stated["dimension"],
        "bytes": sum((folder / file).stat().st_size for file in ENCODER_FILES),
        **{key: training.get(key) for key in ("pairs", "minutes", "hardware")},
    }


def find(name_or_path: str | Path) -> Path:
    """The folder of a shipped model (by name) or of any (by path). Raises BadInput when there is no such model."""
    shipped = WEIGHTS / name_or_path
    folder = shipped if str(name_or_path) in available() else Path(name_or_path)
    if not (folder / "model.json").is_file():
        names = ", ".join(available()) or "none"
        raise BadInput(name_or_path, "no such model", f"give a folder with a model.json or a shipped model ({names})")
    return folder


def load(name_or_path: str | Path) -> Model:
    """A shipped model (by name) or that of a folder (by path).

    Raises BadInput when there is no such model or it is damaged, Mismatch when it was made for other input.
    """
    return OnnxModel(find(name_or_path))


class OnnxModel:
    """Model of a model folder. The files are checked at once, the sessions made when first used."""

    def __init__(self, folder: Path) -> None:
        stated = _read_model_json(folder / "model.json")
        try:
            audio, sheet = AudioSpec(**stated["audio"]), SheetSpec(**stated["sheet"])
            checksums = {file: str(stated["sha256"][file]) for file in ENCODER_FILES}
            self.name = str(stated["name"])
            self.dimension = int(stated["dimension"])
            self.attention_reach_frames = float(stated["attention_reach_frames"])
            self.training = dict(stated.get("training", {}))
            self._at_once = stated.get("windows_at_once")
            self._confidence = dict(stated.get("confidence", {}))
            self._background_sha256 = stated["sha256"].get(BACKGROUND_FILE)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(folder / "model.json", f"lacks or misstates {error}", "install the model again") from error
        if (audio, sheet) != (AudioSpec(), SheetSpec()):
            raise Mismatch(f"{folder}: made for other spectrograms or strips than this Earmark's; update the older one")
        for file in ENCODER_FILES:
            _check_sha256(folder / file, checksums[file])
        self.model_id = f"{self.name}-{hashlib.sha256(json.dumps(checksums).encode()).hexdigest()[:12]}"
        self._folder = folder

    @cached_property
    def calibration(self) -> Calibration:
        """See `Model.calibration`; raises BadInput when the model has none yet, or an older Earmark's."""
        if not self._confidence or self._background_sha256 is None:
            raise self._not_calibrated()
        path = self._folder / BACKGROUND_FILE
        _check_sha256(path, self._background_sha256)
        try:
            parts = np.load(path, allow_pickle=False).astype(np.float32)
            backgrounds = {kind: Background(part[0], part[1:]) for kind, part in zip(KINDS, parts, strict=True)}
            recordings = self._confidence["recordings"]
            return Calibration(
                backgrounds,
                Confidence(**self._confidence["pages"]),
                Confidence(**recordings) if recordings else None,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_calibrated() from error

    def _not_calibrated(self) -> BadInput:
        return BadInput(
            self._folder, "is not calibrated for this Earmark", "run: earmark model calibrate WEIGHTS RECIPE"
        )

    def embed_audio(self, spectrogram: FloatArray, centres: Positions) -> tuple[FloatArray, FloatArray]:
        """See `Model.embed_audio`."""
        parts = chunks(spectrogram, centres, AudioSpec().window_frames, self._at_once)
        read = ((order, {"spectrogram": part, "centres": local}) for order, _, part, local in parts)
        return self._run(self._audio, read, len(centres))

    def embed_strip(self, ink: Ink, centres: Positions) -> tuple[FloatArray, FloatArray]:
        """See `Model.embed_strip`."""
        parts = strip_chunks(ink, centres, self._at_once)
        if len(self._sheet.get_inputs()[0].shape) == 2:
            return self._embed_lanes_alone(list(parts), len(ink.strip), len(centres))
        known = {of.name for of in self._sheet.get_inputs()}
        read = (
            (order, {name: value for name, value in _distinct(part).items() if name in known} | {"centres": local})
            for order, part, local in parts
        )
        return self._run(self._sheet, read, len(centres))

    def _embed_lanes_alone(
        self, parts: list[tuple[Order, Ink, FloatArray]], lanes: int, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """The mean direction of what weights that know no lanes, as those of a row of the paper, say of each lane."""
        alone = [
            self._run(
                self._sheet,
                ((order, {"strip": part.strip[lane], "centres": local}) for order, part, local in parts),
                count,
            )
            for lane in range(lanes)
        ]
        if lanes == 1:
            return alone[0]
        embeddings, attention = (np.mean(of, axis=0) for of in zip(*alone, strict=True))
        return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True), attention

    @cached_property
    def _audio(self) -> Any:
        return _session(self._folder / "audio.onnx")

    @cached_property
    def _sheet(self) -> Any:
        return _session(self._folder / "sheet.onnx")

    def _run(self, session: Any, parts: Iterator[tuple[Order, Inputs]], count: int) -> tuple[FloatArray, FloatArray]:
        embeddings = np.empty((count, self.dimension), np.float32)
        attention = np.empty((count, session.get_outputs()[1].shape[1]), np.float32)
        for order, inputs in parts:
            contiguous = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
            embeddings[order], attention[order] = session.run(None, contiguous)
        return embeddings, attention


def strip_chunks(ink: Ink, centres: Positions, at_once: int | None) -> Iterator[tuple[Order, Ink, FloatArray]]:
    """`chunks` of a strip, each with the systems that it shows."""
    for order, start, part, local in chunks(np.moveaxis(ink.strip, -1, 0), centres, SheetSpec().window_px, at_once):
        yield order, Ink(np.moveaxis(part, 0, -1), ink.heads.shown(start, len(part))), local


def chunks(
    columns: FloatArray, centres: Positions, window: int, at_once: int | None
) -> Iterator[tuple[Order, int, FloatArray, FloatArray]]:
    """Cuts [length, …] into parts that hold whole windows, at most ``at_once`` of them (None: any number).

    Yields the indices of the centres that a part serves, the column at which it begins (it may lie before the first),
    the part, and these centres in its own columns. The windows are strict, so what a part lacks outside of them changes
    nothing.
    """
    if len(centres) and not (centres.min() >= 0 and centres.max() <= len(columns)):
        raise ValueError(f"centres lie outside of the input's {len(columns)} columns")
    margin = -(-(window // 2) // GRID) * GRID
    numbers = (centres // CHUNK).astype(np.int64)
    for number in np.unique(numbers):
        inside = np.flatnonzero(numbers == number)
        for order in np.array_split(inside, -(-len(inside) // at_once) if at_once else 1):
            yield order, *_part(columns, centres[order], margin)


def _part(columns: FloatArray, centres: Positions, margin: int) -> tuple[int, FloatArray, FloatArray]:
    """The columns from ``margin`` before the first centre to ``margin`` after the last: where they begin, they, and the
    centres in them."""
    start = int(centres.min()) // GRID * GRID - margin
    end = -(-int(np.ceil(centres.max())) // GRID) * GRID + margin
    part = columns[max(0, start) : max(0, end)]
    before, after = max(0, -start), end - start - max(0, -start) - len(part)
    padded = np.pad(part, ((before, after), *[(0, 0)] * (part.ndim - 1)))
    return start, padded, (centres - start).astype(np.float32)


def _distinct(ink: Ink) -> Inputs:
    """What is seen, of the lanes that do not show what the one before them shows."""
    lanes = ink.strip
    kept = [i for i in range(len(lanes)) if i == 0 or not np.array_equal(lanes[i], lanes[i - 1])]
    return {"strip": lanes[kept], "heads": ink.heads.ink[:, kept], "begins": ink.heads.begins}


def _session(path: Path) -> Any:
    # From 1.29 on it would report every session to its maker. Said before the import, this stops all of it on Linux and
    # macOS; the call does on Windows.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # 0.1 s: only when something is embedded

    onnxruntime.disable_telemetry_events()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait spinning take the processor from whatever else runs, and from each other.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes differ from version to version
        raise BadInput(path, "is not an ONNX model that can be run", "install the model again") from error


def _read_model_json(path: Path) -> dict[str, Any]:
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(path, "cannot be read as JSON", "install the model again") from error
    if not isinstance(stated, dict) or stated.get("format") != FORMAT:
        raise BadInput(path, f"is not of format {FORMAT}", "update Earmark, or the model")
    return stated


def _check_sha256(path: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(path, "cannot be read", "install the model again") from error
    if found != expected:
        raise BadInput(path, "is damaged (its checksum is not model.json's)", "install the model again")
