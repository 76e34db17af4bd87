"""The loop that every training run goes through: step, validate, log, save, report; resume where the folder stands."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from earmark.files import replacing
from earmark.training.evaluation import metrics


@dataclass
class Progress:
    """What the loop reports after a step.

    ``steps`` is the length as far as it is known. Who looks at ``loss`` waits for the device. ``validation`` is there
    only when one was made.
    """

    step: int
    steps: int
    minutes: float
    pairs: int
    loss: Tensor
    validation: metrics.Scores | None = None


CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
RECORD = ("step", "pairs", "minutes", "hardware", "revision")
"""The attributes of a run that go into its checkpoint, its weights and every result measured with them."""


class Run(Protocol):
    """A training run between two steps: its record, and a state that can be saved and loaded whole."""

    step: int
    pairs: int
    minutes: float
    hardware: str
    revision: str

    @property
    def steps(self) -> int: ...

    @property
    def due(self) -> bool:
        """Whether it is time to validate and save."""
        ...

    def save(self, path: Path) -> None: ...

    def load(self, path: Path) -> None: ...


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def bfloat16_is_fast(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32: on GPUs and with AVX-512; on other processors it is ten times slower."""
    return device.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"


def hardware(device: torch.device) -> str:
    """What is trained on: ``NVIDIA H100``, or ``2 cores x86_64``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{os.cpu_count()} cores {platform.machine()}"


def revision() -> str:
    """The commit of the code that runs, ``unknown`` outside of a clone; ``+`` says that files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")


def drive(
    run: Run,
    train_step: Callable[[], Tensor],
    validate: Callable[[], metrics.Scores],
    folder: Path,
    report: Callable[[Progress], None],
    deadline: float = math.inf,
) -> Path:
    """Train until ``run.steps`` or the ``deadline`` (of `time.monotonic`), whichever comes first.

    ``folder`` gets ``checkpoint.pt`` and ``log.jsonl``; returns the checkpoint's path. It may be cut off at any moment:
    called again, it goes on from the last checkpoint, and the log has every validation once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        run.load(checkpoint)
    saved = run.step
    _forget_after(folder / LOG, saved)
    with (folder / LOG).open("a") as log:
        while run.step < run.steps and time.monotonic() < deadline:
            loss = train_step()
            progress = Progress(run.step, run.steps, run.minutes, run.pairs, loss)
            if run.due:
                progress.validation = validate()
                found = {"loss": float(loss), "validation": progress.validation.to_dict()}
                log.write(json.dumps({**vars(progress), **found}) + "\n")
                log.flush()
                run.save(checkpoint)
                saved = run.step
            report(progress)
    if run.step > saved:
        run.save(checkpoint)
    return checkpoint


def _forget_after(log: Path, step: int) -> None:
    """Drop what a log says of later steps, which are done again, and a last line that was cut off."""
    if not log.exists():
        return
    lines = log.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    if kept != lines:
        with replacing(log) as file:
            file.write("".join(kept).encode())
