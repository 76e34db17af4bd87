"""Two things at the same time: the encoders know nothing of each other until their embeddings meet in the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

One = TypeVar("One")
Other = TypeVar("Other")

_BESIDE = ThreadPoolExecutor(1, "beside")


def both(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """What both return; ``one`` runs on a thread of its own. What either raises is raised when both have ended."""
    cores = torch.get_num_threads()

    def beside() -> One:
        torch.set_num_threads(cores)  # of this thread: PyTorch keeps a number for each
        return one()

    running = _BESIDE.submit(beside)
    try:
        second = other()
    finally:
        running.exception()
    return running.result(), second


@contextmanager
def half_the_cores() -> Iterator[None]:
    """Within, each of two threads has PyTorch compute on half of the cores that it has now, at least one."""
    cores = torch.get_num_threads()
    torch.set_num_threads(max(1, cores // 2))
    try:
        yield
    finally:
        torch.set_num_threads(cores)
