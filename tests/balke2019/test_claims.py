"""Differences by hand, verdicts from intervals, and the table of a made-up corpus."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from earmark.balke2019 import claims
from earmark.balke2019.claims import CLAIMS, Claim, Measured, judge, write_claims
from earmark.balke2019.published import REFINED
from earmark.errors import BadInput
from tests.balke2019.conftest import Attentive

CLAIM = Claim("bl2-sc-at", "bl2-sc", "attention helps")


def measured(*mrr: float) -> Measured:
    """Ten queries a piece, of this MRR each."""
    return Measured(np.full(len(mrr), 10.0), 10 * np.array(mrr))


def test_the_difference_is_of_the_same_pieces() -> None:
    """Pieces differ a lot, the rows by the same 0.1 in each: the interval has no width."""
    found = judge(CLAIM, {"bl2-sc": measured(0.1, 0.5, 0.8), "bl2-sc-at": measured(0.2, 0.6, 0.9)})
    assert found.published == pytest.approx(0.06)
    assert (found.ours, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.verdict == "holds"


def test_what_is_worse_does_not_hold_and_what_may_be_either_cannot_be_told() -> None:
    plain = measured(0.5, 0.5, 0.5, 0.5)
    assert judge(CLAIM, {"bl2-sc": plain, "bl2-sc-at": measured(0.4, 0.3, 0.4, 0.4)}).verdict == "does not hold"
    either = judge(CLAIM, {"bl2-sc": plain, "bl2-sc-at": measured(0.9, 0.3, 0.4, 0.6)})
    assert either.verdict == "cannot be told"
    assert either.ours == pytest.approx(0.05)
    assert either.low is not None
    assert either.high is not None
    assert either.low < 0 < either.high
    missing = judge(CLAIM, {"bl2-sc": plain})
    assert (missing.verdict, missing.ours) == ("cannot be told", None)


def test_the_claims_are_what_the_paper_measured() -> None:
    for claim in CLAIMS:
        assert REFINED[claim.better].mrr >= REFINED[claim.worse].mrr


def test_the_table_of_a_corpus(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENDERING", "one@1")
    one, other = Attentive(), Attentive()
    one.model_id, other.model_id = "bl2-sc-0123", "bl2-sc-at-4567"
    assert [path.name for path in write_claims([one, other], corpus, tmp_path)] == ["claims.md", "claims.json"]
    text = (tmp_path / "claims.md").read_text()
    assert "| BL2-SC + AT > BL2-SC | +0.06 | +0.000 | +0.000 to +0.000 | cannot be told |" in text
    assert "| BL2-LC + AT > BL2-LC | +0.20 | not measured |  | cannot be told |" in text
    assert len(json.loads((tmp_path / "claims.json").read_text())["claims"]) == len(CLAIMS)
    with pytest.raises(BadInput, match="second bl2-sc"):
        write_claims([one, one], corpus, tmp_path)
