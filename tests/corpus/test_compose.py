"""Made-up compositions are music: every bar is full."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from earmark.corpus.compose import compose

MEI = {"mei": "http://www.music-encoding.org/ns/mei"}


@pytest.mark.parametrize("seed", range(12))
def test_every_bar_of_a_composition_is_full(seed: int) -> None:
    root = ET.fromstring(compose(seed))
    definition = root.find(".//mei:scoreDef", MEI)
    assert definition is not None
    bar = 16 * int(definition.get("meter.count", "0")) // int(definition.get("meter.unit", "1"))
    for layer in root.iterfind(".//mei:layer", MEI):
        events = [event for event in layer.iter() if event.get("dur")]
        lengths = [16 // int(event.get("dur", "0")) * (3 if event.get("dots") else 2) // 2 for event in events]
        assert sum(lengths) == bar
    assert compose(seed) == compose(seed) != compose(seed + 1)
