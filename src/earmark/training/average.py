"""Exported weights of several runs → one model: the mean of the audio encoders and the mean of the sheet encoders.

Encoders that descend from the same weights err differently but stay in one valley of the loss. The mean of their
weights errs less than any of them and costs no more to search with (Wortsman et al. 2022, "Model soups"). An audio
encoder and a sheet encoder go together when either learned while the other stayed.

The mean is that of exported weights, whose normalisations are folded into the layers: no statistics are left that
belong to the batches of one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from earmark.errors import Mismatch
from earmark.model.encoders import OnnxModel
from earmark.model.networks import DualEncoder, Encoder, NetworkConfig
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.from_onnx import load_exported


def average(audio: Sequence[Path], sheet: Sequence[Path]) -> tuple[DualEncoder, dict[str, Any]]:
    """The mean of the audio encoders in the folders ``audio``, of the sheet encoders in ``sheet``, and a record.

    A folder that is named twice counts twice. The record says what was averaged, and how many pairs and minutes the
    weights in it took together, those of what they began with not counted. Raises BadInput when a folder holds no
    weights, Mismatch when they are none of an experiment's, or when networks to be averaged differ.
    """
    audio_models, sheet_models = ([_read(folder) for folder in folders] for folders in (audio, sheet))
    configs = [_config(model) for model in audio_models]
    for folder, config in zip(audio, configs, strict=True):
        if _settings(config) != _settings(configs[0]):
            raise Mismatch(f"{folder}: {_settings(config)} of its audio encoder differ from {_settings(configs[0])}")
    config = replace(configs[0], sheet=_config(sheet_models[0]).sheet)
    dual = DualEncoder(AudioSpec(), SheetSpec(), config).eval()
    _take_mean(dual.audio, [folder / "audio.onnx" for folder in audio])
    _take_mean(dual.sheet, [folder / "sheet.onnx" for folder in sheet])
    made = list({model.model_id: model.training for model in audio_models + sheet_models}.values())
    record = {
        "mean_of": {
            "audio": [model.model_id for model in audio_models],
            "sheet": [model.model_id for model in sheet_models],
        },
        "experiment": {"network": config.to_dict()},
        "seeds": [seed for of in made for seed in of.get("seeds") or [of["experiment"].get("seed")]],
        "hardware": ", ".join(sorted({of["hardware"] for of in made})),
        **{key: sum(of[key] for of in made) for key in ("pairs", "minutes")},
    }
    return dual, record


def _read(folder: Path) -> OnnxModel:
    model = OnnxModel(folder)
    if not {"experiment", "pairs", "minutes", "hardware"} <= model.training.keys():
        raise Mismatch(f"{folder}: not weights of an experiment; only such can be averaged")
    return model


def _config(model: OnnxModel) -> NetworkConfig:
    return NetworkConfig.from_dict(model.training["experiment"]["network"])


def _settings(config: NetworkConfig) -> dict[str, float]:
    """What an audio encoder's graph computes with besides its parameters."""
    return {name: getattr(config, name) for name in ("audio_gain", "compression", "compressed_level")}


@torch.no_grad()
def _take_mean(encoder: Encoder, files: Sequence[Path]) -> None:
    """Give one encoder the mean of its exported weights."""
    states = []
    for file in files:
        load_exported(encoder, file)
        states.append({name: value.clone() for name, value in encoder.state_dict().items()})
    encoder.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
            for name, value in states[0].items()
        }
    )
