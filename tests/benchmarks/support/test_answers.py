from __future__ import annotations

from benchmarks.support.answers import Answer, answers_table, summarise


def test_a_row_counts_what_held_and_leaves_out_what_a_suite_does_not_judge() -> None:
    answers = [
        Answer("tape", "a", 0.0, rank=1, confident=True, page=True, absent=False),
        Answer("tape", "a", 5.0, rank=1, confident=False, page=False, absent=True),
        Answer("tape", "b", 0.0, rank=2, confident=True, page=False, absent=False),
        Answer("tape", "b", 5.0, rank=None, confident=False, page=False, absent=False),
        Answer("another", "b", 5.0, rank=7, confident=False),
    ]
    tape, another = summarise(answers)
    assert tape == {
        "row": "tape",
        "queries": 4,
        "piece_first": 2,
        "among_first": 3,
        "right_page": 1,
        "right_place": None,
        "confident": 2,
        "confidently_wrong": 1,
        "confident_without": 1,
    }
    assert (another["queries"], another["among_first"], another["right_page"]) == (1, 0, None)
    assert "| tape | 4 | 50.0% | 75.0% | 25.0% | – | 50.0% | 25.0% | 25.0% |" in answers_table([tape])
