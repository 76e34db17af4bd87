"""What a terminal shows while files are added."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from earmark.cli.add_progress import AddProgress, describe
from earmark.sources.extent import Extent


@pytest.mark.parametrize(
    ("source", "done", "whole", "said"),
    [
        ("/m/concerto.pdf", Extent(pages=3), Extent(pages=12), "concerto.pdf, page 3 of 12"),
        ("/m/a.krn", Extent(pages=2), Extent(pages=1), "a.krn, page 2"),
        ("/m/tape.mp3", Extent(seconds=80), Extent(seconds=300), "tape.mp3, 1:20 of 5:00"),
        ("/m/tape.aac", Extent(seconds=80), None, "tape.aac, 1:20"),
        ("/m/\x1b[1m" + "x" * 60, Extent(pages=1), None, "\\x1b[1m" + "x" * 32 + "…, page 1"),
    ],
)
def test_a_file_at_work_is_named_with_how_far_it_is(source: str, done: Extent, whole: Extent | None, said: str) -> None:
    assert describe(source, done, whole) == said


def test_the_bar_counts_files_and_shows_what_is_read() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    with AddProgress(console) as progress:
        progress.begins({"/m/a.pdf": Extent(pages=3), "/m/b.mp3": Extent(seconds=60)})
        progress.reads("/m/a.pdf", Extent(pages=2))
        progress.reads("/m/b.mp3", Extent(seconds=30))
        console.print(progress.view)
        progress.done("/m/a.pdf", 1, 2)
        progress.warn("failed: /m/c.pdf: is empty")
        progress.done("/m/b.mp3", 2, 2)
    shown = screen.getvalue()
    for said in ("a.pdf, page 2 of 3; b.mp3, 0:30 of 1:00", "2 of 2 files", "failed: /m/c.pdf: is empty"):
        assert said in shown
