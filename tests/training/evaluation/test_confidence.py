"""Confidence fitted on made-up answers: it is true, it keeps its promise, and it is tried on other pieces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.model.calibration import Signs
from earmark.training.evaluation.confidence import (
    FALSE_ACCEPTS,
    NAMES,
    Answer,
    calibration_error,
    fit,
    promises,
    try_out,
)

KINDS = ("5 s", "20 s", "whole")
WEIGHTS = {"lead": 3.0, "heard": 4.0, "focus": 3.0}
PIECES = 12


def made_up(count: int, pieces: int = PIECES, seed: int = 9) -> list[Answer]:
    """Answers that are right by chance, as a logistic function of their signs."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        signs = Signs(rng.uniform(-2, 4), rng.uniform(0, 1), rng.uniform(0, 1))
        chance = 1 / (1 + np.exp(-(-6 + sum(WEIGHTS[name] * value for name, value in vars(signs).items()))))
        right = bool(rng.random() < chance)
        among, kind = (20, 400)[number % 2], KINDS[number // 2 % len(KINDS)]
        answers.append(Answer(signs, number // 2 % pieces, right or number % 4 > 1, right, among, kind))
    return answers


def test_the_fitted_confidence_is_true_and_its_threshold_keeps_the_promise() -> None:
    answers = made_up(8000)
    fitted = fit(answers)
    assert fitted.weights == pytest.approx(WEIGHTS, rel=0.2)
    right = np.array([answer.right for answer in answers])
    confidence = np.array([fitted.of(answer.signs) for answer in answers])
    for low in np.arange(0, 1, 0.2):
        within = (confidence >= low) & (confidence < low + 0.2)
        assert right[within].mean() == pytest.approx(confidence[within].mean(), abs=0.07)
    sizes = np.array([answer.among for answer in answers])
    reached = [(confidence[~right & (sizes == size)] >= fitted.sure).mean() for size in (20, 400)]
    assert 0 < max(reached) <= FALSE_ACCEPTS
    assert fitted.sure >= 0.5


def test_signs_that_are_left_out_weigh_nothing() -> None:
    fitted = fit(made_up(500), [name for name in NAMES if name != "focus"])
    assert fitted.weights["focus"] == 0.0
    assert fitted.weights["lead"] > 1.0


def test_both_kinds_of_answers_are_needed() -> None:
    right = [answer for answer in made_up(100) if answer.right]
    with pytest.raises(ValueError, match="right answers and wrong ones"):
        fit(right)


def test_a_trial_judges_every_answer_by_other_pieces() -> None:
    answers = made_up(600)
    odd = [answer for answer in answers if answer.own == 3]
    others = [answer for answer in answers if answer.own != 3]
    # Of piece 3 the answers are now wrong though the search seems sure, which only a fit with this piece could know.
    spoilt = [Answer(Signs(4.0, 1.0, 1.0), 3, False, False, 20, "5 s") for _ in odd]
    trial = try_out([*others, *spoilt])
    assert trial.confidences[len(others) :].mean() > 0.9
    assert trial.sure[len(others) :].mean() > 0.9


def test_the_calibration_error_is_small_where_what_is_said_holds_and_large_where_not() -> None:
    trial = try_out(made_up(4000))
    assert calibration_error(trial, 20) < 0.05
    doubtful = replace(trial, confidences=np.full(trial.confidences.shape, 0.99))
    wrong = np.mean([not answer.right for answer in trial.answers if answer.among == 20])
    assert calibration_error(doubtful, 20) == pytest.approx(wrong - 0.01, abs=1e-9)


def test_promises_count_per_library_and_length() -> None:
    answers = made_up(1200)
    said = promises(try_out(answers))
    assert [(promise.among, promise.kind) for promise in said] == [(n, k) for n in (400, 20) for k in (*KINDS, "all")]
    said = said[:4]
    everything = said[-1]
    assert everything.present + everything.absent == len(answers) / 2
    assert everything.present == sum(promise.present for promise in said[:-1])
    assert everything.right == sum(answer.right for answer in answers if answer.among == 400) / everything.present
    assert 0 < everything.found < everything.right
    assert everything.falsely_sure <= 2 * FALSE_ACCEPTS


def test_the_reliability_diagram_is_a_small_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the diagram needs the [figures] extra")
    from earmark.training.evaluation.reliability import draw_reliability

    trial = try_out(made_up(600))
    for name in ("one.svg", "two.svg"):
        draw_reliability(trial, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_bytes()
    assert b"share of right answers" in drawn
    assert len(drawn) < 100_000
    assert drawn == (tmp_path / "two.svg").read_bytes()
