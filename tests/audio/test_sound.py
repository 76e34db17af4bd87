"""Every kind of file that sounds is heard, and the document's table says what comes of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.audio.endings import SOUND_ENDINGS
from earmark.audio.sound import read_sound
from earmark.errors import BadInput
from earmark.schema import FloatArray
from earmark.sheet.formats import kind
from tests.audio.kinds import ODD, PLAIN, SECONDS, plain

RATE = 22_050
DOCUMENT = Path(__file__).parents[2] / "docs" / "sound.md"


def pitch_hz(samples: FloatArray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_of_any_kind_is_known_and_heard(tmp_path: Path, name: str) -> None:
    path = plain(name, tmp_path)
    assert kind(path) == "recording"
    assert kind(path.rename(tmp_path / "untold")) == "recording"
    remarks: list[str] = []
    heard = np.concatenate(list(read_sound(tmp_path / "untold", remark=remarks.append)))
    assert len(heard) == pytest.approx(SECONDS * RATE, abs=0.2 * RATE)
    assert pitch_hz(heard[RATE : 3 * RATE]) == pytest.approx(440, abs=2)
    assert remarks == []


@pytest.mark.parametrize("row", ODD)
def test_what_comes_of_an_odd_file_is_what_the_document_says(tmp_path: Path, row: str) -> None:
    make, said = ODD[row]
    path = make(tmp_path)
    remarks: list[str] = []
    if said.startswith("heard"):
        heard = np.concatenate(list(read_sound(path, remark=remarks.append)))
        assert said.endswith("; ".join(remarks))
        assert pitch_hz(heard[-RATE:]) == pytest.approx(440, abs=2)
        assert np.argmax(np.abs(heard) > 0.05) / RATE == pytest.approx(3 if "3.0 s" in said else 0, abs=0.1)
    else:
        with pytest.raises(BadInput) as error:
            list(read_sound(path))
        assert error.value.what == said
    assert f"| {row} | {said} |" in DOCUMENT.read_text()


def test_the_document_names_every_ending() -> None:
    text = DOCUMENT.read_text()
    assert [ending for ending in SOUND_ENDINGS if f"`{ending}`" not in text] == []
