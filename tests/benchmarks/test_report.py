"""Tables in documents are those of the results files."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import report
from earmark.balke2019.tables import write_tables

ROOT = Path(__file__).parents[2]


def test_every_table_in_the_documents_is_what_the_results_files_say() -> None:
    assert [str(path.relative_to(report.ROOT)) for path, _ in report.outdated()] == []
    text = (report.ROOT / "benchmarks" / "README.md").read_text()
    assert len(report.BLOCK.findall(text)) >= 10
    changed = text.replace("%", "‰", 1)
    assert report.filled(changed) == text


def test_figures_in_short_are_those_of_the_results() -> None:
    """Tables that also hold what others measured, or that are shorter than a results file's."""
    results = json.loads((ROOT / "experiments" / "results" / "earmark-2.json").read_text())
    own = results["tempi"]["1"]["audio_to_sheet"]
    readme = (ROOT / "README.md").read_text()
    for figures in (own, own["ceiling"]):
        assert f"| {figures['recall@1']:.2f} | {figures['mrr']:.3f} |" in readme

    def first(suite: str, name: str) -> tuple[int, int]:
        rows = json.loads((ROOT / "benchmarks" / "results" / f"identify-{suite}.json").read_text())["rows"]
        (found,) = (row for row in rows if row["row"] == name)
        return found["piece_first"], found["queries"]

    said = (ROOT / "docs" / "model.md").read_text()
    assert (
        "20 s of each of the 94 test pieces | the corpus' PDFs | {} of {} |".format(
            *first("pieces", "20 s of a test piece")
        )
        in said
    )
    for suite, name, words in (
        ("real", "as recorded, 10 s", "10 s clips of five real recordings | 477 pieces, nine of them real scans"),
        ("real", "as recorded, 20 s", "20 s clips of the same | the same"),
        ("real", "café at 10 dB, 20 s", "in a café's babble at 10 dB | the same"),
        ("scans", "the scan alone", "played by synthesis | the same, without their engraved edition"),
        ("instruments", "all, dry", "test pieces for other instruments | 1 000 pieces"),
        ("instruments", "all, recorded", "the same, recorded in rooms | the same"),
        ("instruments", "all, in another key", "the same, 1 to 9 semitones lower than printed | the same"),
    ):
        right, queries = first(suite, name)
        share = f"{100 * right / queries:.1f}".removesuffix(".0")
        assert f"{words} | {share} % |" in said, name


def test_every_results_file_stands_in_a_document() -> None:
    shown = {block["name"] for path in report.documents() for block in report.BLOCK.finditer(path.read_text())}
    kept = {path.stem for folder in report.FOLDERS.values() for path in folder.glob("*.json")}
    assert kept <= shown


def test_the_papers_tables_are_those_of_the_results(tmp_path: Path) -> None:
    for path in write_tables(ROOT / "experiments" / "results", tmp_path):
        assert path.read_text() == (ROOT / "experiments" / "balke2019" / path.name).read_text(), path.name
