"""Several weights → one: the mean of their audio encoders and the mean of their sheet encoders.

Encoders that descend from the same weights err differently but stay in one valley of the loss: the mean of their
weights errs less than any of them and costs no more to search with (Wortsman et al. 2022, "Model soups"). An ear and
an eye go together when either learned while the other stayed (`earmark.training.data.locked_tower`).

The mean is that of exported weights, whose normalisations are folded into the layers: there are no statistics left
that belong to the batches of one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from earmark.errors import Mismatch
from earmark.model.encoders import OnnxModel
from earmark.model.networks import DualEncoder, Encoder, NetworkConfig
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.from_onnx import folded


def blend(audio: Sequence[Path], sheet: Sequence[Path]) -> tuple[DualEncoder, dict[str, Any]]:
    """The mean of the audio encoders in the folders ``audio``, of the sheet encoders in ``sheet``, and a record.

    A folder that is named twice counts twice. The record says what was blended, and how many pairs and minutes the
    weights in it took together, those of what they began with not counted. Raises BadInput when a folder holds no
    weights, Mismatch when they are none of an experiment's, or when the networks of one side differ.
    """
    ears, eyes = ([_weights(folder) for folder in folders] for folders in (audio, sheet))
    ear, eye = (NetworkConfig.from_dict(side[0].training["experiment"]["network"]) for side in (ears, eyes))
    config = NetworkConfig(ear.dimension, ear.audio, eye.sheet, ear.pitches)
    encoders = DualEncoder(AudioSpec(), SheetSpec(), config).eval()
    _take_mean(encoders.audio, [folder / "audio.onnx" for folder in audio])
    _take_mean(encoders.sheet, [folder / "sheet.onnx" for folder in sheet])
    made = list({weights.model_id: weights.training for weights in ears + eyes}.values())
    record = {
        "mean_of": {"audio": [weights.model_id for weights in ears], "sheet": [weights.model_id for weights in eyes]},
        "experiment": {"network": config.to_dict()},
        "seeds": [seed for of in made for seed in of.get("seeds") or [of["experiment"].get("seed")]],
        "hardware": ", ".join(sorted({of["hardware"] for of in made})),
        **{key: sum(of[key] for of in made) for key in ("pairs", "minutes")},
    }
    return encoders, record


def _weights(folder: Path) -> OnnxModel:
    weights = OnnxModel(folder)
    if not {"experiment", "pairs", "minutes", "hardware"} <= weights.training.keys():
        raise Mismatch(f"{folder}: not weights of an experiment; only such are blended")
    return weights


@torch.no_grad()
def _take_mean(encoder: Encoder, files: Sequence[Path]) -> None:
    """Give one encoder the mean of its exported weights."""
    states = []
    for file in files:
        folded(encoder, file)
        states.append({name: value.clone() for name, value in encoder.state_dict().items()})
    encoder.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
            for name, value in states[0].items()
        }
    )
