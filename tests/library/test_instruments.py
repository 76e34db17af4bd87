"""What is said of music for instruments that a library's model does not know."""

from __future__ import annotations

from earmark.library.instruments import EVERY_INSTRUMENT, PIANO_ONLY, note_on_instruments
from earmark.library.library import DEFAULT_MODEL
from earmark.model.encoders import available


def test_most_pieces_decide() -> None:
    told = (
        "not the two staves of piano music, and earmark-1 knows no other; "
        "for other instruments make the library with --model earmark-2"
    )
    assert note_on_instruments("earmark-1-0123", [1]) == f"it has {told}"
    assert note_on_instruments("earmark-1-0123", [2, 0, 1, 4]) == f"2 of 3 pieces have {told}"
    for staves in ([2, 2, 4, 1], [0], [2], []):
        assert note_on_instruments("earmark-1-0123", staves) == ""
    assert note_on_instruments("earmark-2-0123", [1, 4]) == ""


def test_the_models_are_those_that_ship() -> None:
    assert {PIANO_ONLY, EVERY_INSTRUMENT} == {*available()}
    assert DEFAULT_MODEL == PIANO_ONLY
