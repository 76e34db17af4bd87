"""What is developed with is what is asked for: the versions in constraints.txt meet pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.lstrip().startswith("#")]
# A new major of these may read or compute otherwise than what was tested.
FORMATS = "av faiss-cpu numpy onnxruntime opencv-python-headless pillow pypdfium2 resvg-py verovio"


def requirements() -> list[Requirement]:
    extras = [name for extra in PROJECT["optional-dependencies"].values() for name in extra]
    return [Requirement(name) for name in [*PROJECT["dependencies"], *extras]]


def test_a_version_is_all_that_a_line_says() -> None:
    """No hosts, no paths and no options: any index will do."""
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9.-]+==[0-9a-z.]+", line)] == []


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_requirement_is_locked_within_its_bounds(requirement: Requirement) -> None:
    locked = dict(line.split("==") for line in LINES)
    name = canonicalize_name(requirement.name)
    assert name in locked, "run `make lock`"
    assert locked[name] in requirement.specifier, "run `make lock`"


@pytest.mark.parametrize("name", FORMATS.split())
def test_what_reads_formats_has_an_upper_bound(name: str) -> None:
    (requirement,) = (made for made in requirements() if made.name == name)
    assert any(specifier.operator == "<" for specifier in requirement.specifier)
