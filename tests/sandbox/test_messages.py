"""Values come back as the types that functions state, and as nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.sandbox.messages import read, returned, write


@dataclass(frozen=True)
class Inner:
    name: str
    box: tuple[float, float]


@dataclass(frozen=True)
class Outer:
    number: int
    image: npt.NDArray[np.uint8]
    inner: tuple[Inner, ...]
    of: dict[str, tuple[int, bool]]
    kind: Literal["a", "b"]
    maybe: Inner | None = None
    content: bytes = b""


def many(path: Path) -> Iterator[Outer | None]:
    yield None


def again(kind: Any, value: Any) -> Any:
    return read(kind, bytearray(write(kind, value)))


def test_what_a_function_states() -> None:
    assert returned(many) == (Outer | None, True)


def test_values_come_back_as_they_were() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    value = Outer(
        np.int64(3),  # type: ignore[arg-type]
        image[:, ::-1],
        (Inner("ä", (0.1, np.float64(1 / 3))),),
        {"x": (1, True)},
        "b",
        None,
        b"\0\1",
    )
    found = again(Outer, value)
    np.testing.assert_array_equal(found.image, image[:, ::-1])
    assert found.image.flags.writeable
    assert (found.number, found.inner, found.of, found.kind) == (3, (Inner("ä", (0.1, 1 / 3)),), {"x": (1, True)}, "b")
    assert (found.maybe, found.content) == (None, b"\0\1")
    assert again(Outer | None, None) is None
    assert again(list[float], [1, 2.5]) == [1.0, 2.5]


@pytest.mark.parametrize(
    ("kind", "other", "value"),
    [
        (int, str, "x"),
        (tuple[int, int], tuple[int, ...], (1, 2, 3)),
        (Inner, tuple[str], ("x",)),
        (Literal["a"], str, "b"),
        (npt.NDArray[np.uint8], list[int], [1, 2, 3]),
        (bytes, int, 7),
        (float, bool, True),
        (dict[str, int], list[int], [1]),
    ],
)
def test_other_values_are_refused(kind: Any, other: Any, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read(kind, bytearray(write(other, value)))


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read(Outer, bytearray(body))


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_changed_byte_gives_a_value_or_is_refused(at: int, change: int) -> None:
    value = Outer(1, np.zeros((2, 3), np.uint8), (Inner("x", (0.0, 1.0)),), {"y": (1, False)}, "a", None, b"12")
    body = bytearray(write(Outer, value))
    body[at % len(body)] ^= change
    with contextlib.suppress(ValueError):
        assert isinstance(read(Outer, body), Outer)
