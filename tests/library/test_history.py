"""What was asked of a library is kept beside it, the latest first, until it is cleared or switched off."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.library import history as history_module
from earmark.library.history import NAME, History


def queries(history: History) -> list[str]:
    return [entry.query for entry in history.entries()]


def test_the_latest_answer_comes_first_until_all_is_forgotten(tmp_path: Path) -> None:
    history = History(tmp_path / "new")
    assert queries(history) == []
    for number in range(3):
        history.note("find", f"{number}.wav", {"said": "surely", "hits": []})
    assert queries(history) == ["2.wav", "1.wav", "0.wav"]
    (latest, *_) = history.entries()
    assert (latest.asked, latest.answer["said"], latest.asked_at[10]) == ("find", "surely", "T")
    with (tmp_path / "new" / NAME).open("a") as file:
        file.write('{"asked_at": "2026')  # cut short
    assert len(queries(history)) == 3
    history.clear()
    assert queries(history) == []
    history.clear()


def test_nothing_is_kept_while_it_is_off(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.note("find", "a.wav", {})
    history.switch(False)
    history.note("find", "b.wav", {})
    assert (History(tmp_path).is_on, queries(history)) == (False, ["a.wav"])
    history.switch(True)
    history.note("find", "c.wav", {})
    assert queries(history) == ["c.wav", "a.wav"]


def test_the_older_half_goes_when_there_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "MOST_BYTES", 1000)
    history = History(tmp_path)
    for number in range(40):
        history.note("find", str(number), {})
    assert queries(history)[0] == "39"
    assert 5 < len(queries(history)) < 15
    assert (tmp_path / NAME).stat().st_size <= 1000


def test_an_answer_is_not_lost_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    history = History(tmp_path)
    history.note("find", "a.wav", {})
    assert queries(history) == []
