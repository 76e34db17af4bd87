"""Cookies of browsers that were let in: new each time, forgotten when unused, and taken back."""

from __future__ import annotations

import pytest

from earmark.web import visitors
from earmark.web.visitors import Visitors


def test_only_what_was_given_counts_and_until_it_is_taken_back() -> None:
    known = Visitors()
    one, other = known.admit(), known.admit()
    assert (len(one), one != other) == (43, True)
    assert [known.knows(value) for value in (one, other, "", one[:-1], one + "é\udcff")] == [True, True, *[False] * 3]
    known.dismiss(one)
    known.dismiss("nobody's")
    assert [known.knows(value) for value in (one, other)] == [False, True]


def test_who_does_not_come_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MOST", 2)
    known = Visitors()
    values = [known.admit(), known.admit()]
    assert known.knows(values[0])
    values.append(known.admit())
    assert [known.knows(value) for value in values] == [True, False, True]
    monkeypatch.setattr(visitors, "UNUSED_S", 0.0)
    assert not known.knows(values[0])


def test_an_invitation_counts_once_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MOST_INVITED", 2)
    known = Visitors()
    first, second, third = (known.invite() for _ in range(3))
    assert [known.takes(value) for value in (first, second, second, third + "é\udcff")] == [False, True, False, False]
    monkeypatch.setattr(visitors, "INVITED_S", 0.0)
    assert not known.takes(third)
