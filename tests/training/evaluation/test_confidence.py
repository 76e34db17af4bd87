"""Confidence fitted on made-up answers: it is true, it keeps its promise, and it is tried on other pieces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.search.rank import Ranked
from earmark.training.evaluation.confidence import FALSE_ACCEPTS, Answer, fit, promises, try_out

FLOOR = 0.3
KINDS = ("5 s", "20 s", "whole")


def made_up(count: int, pieces: int = 12, seed: int = 9) -> list[Answer]:
    """Answers that are right by chance, as a logistic function of what the search said."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        score, margin, agreement = rng.uniform(0, 0.4), rng.uniform(0, 0.2), rng.uniform()
        matched, present = int(rng.integers(12, 240)), bool(number % 2)
        excerpts = matched + int(rng.integers(400))
        lengths = 0.8 * np.log(matched) - 0.3 * np.log(excerpts)
        chance = 1 / (1 + np.exp(-(-7 + 15 * score + 20 * margin + 3 * agreement + lengths)))
        own = number // 2 % pieces
        found = own if rng.random() < chance else pieces
        first = Ranked(found, 0, 0, 0, matched, score, margin, agreement, 0.0)
        kind = KINDS[number // 2 % len(KINDS)]
        answers.append(Answer(first, excerpts, own, found == own or present, pieces + 1, kind))
    return answers


def test_the_fitted_confidence_is_true_and_its_threshold_keeps_the_promise() -> None:
    answers = made_up(4000)
    fitted = fit(answers, FLOOR)
    assert fitted.floor == FLOOR
    assert fitted.score_weight == pytest.approx(15, rel=0.2)
    assert fitted.margin_weight == pytest.approx(20, rel=0.2)
    assert fitted.agreement_weight == pytest.approx(3, rel=0.2)
    right = np.array([answer.right for answer in answers])
    confidence = np.array([answer.confidence(fitted) for answer in answers])
    for low in np.arange(0, 1, 0.2):
        within = (confidence >= low) & (confidence < low + 0.2)
        assert right[within].mean() == pytest.approx(confidence[within].mean(), abs=0.07)
    reached = confidence[~right] >= fitted.threshold
    assert 0 < reached.mean() <= FALSE_ACCEPTS
    assert fitted.threshold >= 0.5


def test_both_kinds_of_answers_are_needed() -> None:
    right = [answer for answer in made_up(100) if answer.right]
    with pytest.raises(ValueError, match="right answers and wrong ones"):
        fit(right, FLOOR)


def test_a_trial_judges_every_answer_by_other_pieces() -> None:
    answers = made_up(600)
    odd = [answer for answer in answers if answer.own == 3]
    others = [answer for answer in answers if answer.own != 3]
    # Of piece 3 the answers are now wrong though the search seems sure, which only a fit with this piece could know.
    sure = Ranked(12, 0, 0, 0, 100, 0.4, 0.2, 1.0, 0.0)
    spoilt = [Answer(sure, 100, 3, False, 13, "5 s") for _ in odd]
    trial = try_out([*others, *spoilt], FLOOR)
    assert trial.confidences[len(others) :].mean() > 0.9
    assert trial.sure[len(others) :].mean() > 0.9


def test_promises_count_per_library_and_length() -> None:
    answers = made_up(1200)
    said = promises(try_out(answers, FLOOR))
    assert [promise.kind for promise in said] == [*KINDS, "all"]
    everything = said[-1]
    assert everything.present + everything.absent == len(answers)
    assert everything.present == sum(promise.present for promise in said[:-1])
    assert everything.right == sum(answer.right for answer in answers) / everything.present
    assert 0 < everything.found < everything.right
    assert everything.falsely_sure <= 2 * FALSE_ACCEPTS


def test_the_reliability_diagram_is_a_small_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the diagram needs the [figures] extra")
    from earmark.training.evaluation.reliability import draw_reliability

    trial = try_out(made_up(600), FLOOR)
    for name in ("one.svg", "two.svg"):
        draw_reliability(trial, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_bytes()
    assert b"share of right answers" in drawn
    assert len(drawn) < 100_000
    assert drawn == (tmp_path / "two.svg").read_bytes()
