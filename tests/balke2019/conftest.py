"""The rows of the paper are tested on the made-up corpus of the training's tests."""

from __future__ import annotations

from tests.training.conftest import corpus

__all__ = ["corpus"]
