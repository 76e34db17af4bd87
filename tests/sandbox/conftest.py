"""A sandbox of real processes, which can import the tests' own readers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from earmark.sandbox.limits import Limits
from earmark.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root_on_path() -> None:
    """Processes get the tests' path."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))


@pytest.fixture
def sandbox(processes: None, root_on_path: None) -> Iterator[Sandbox]:
    """With little patience."""
    sandbox = Sandbox(Limits(quiet_s=2.0, message_bytes=2_000_000))
    yield sandbox
    sandbox.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "input.txt"
    path.write_text("four")
    return path
