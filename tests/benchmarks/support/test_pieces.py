from __future__ import annotations

from pathlib import Path

from benchmarks.support.pieces import Piece, evenly


def test_pieces_are_taken_evenly() -> None:
    pieces = [Piece(f"{i}", Path(f"{i}"), 2) for i in range(10)]
    assert [piece.name for piece in evenly(pieces, 4)] == ["0", "5"]
    assert evenly(pieces, 99) == pieces
