"""How much two stretches of time, each from one second to another, have in common."""

from __future__ import annotations

Stretch = tuple[float, float]


def shared_s(one: Stretch, other: Stretch) -> float:
    """The seconds that both have."""
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def is_same(one: Stretch, other: Stretch) -> bool:
    """Whether they share more than half of their union."""
    return shared_s(one, other) > 0.5 * (max(one[1], other[1]) - min(one[0], other[0]))
