"""A source folder with scores of our own, and the reasons to skip where LilyPond or FluidSynth is not installed."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

PIANO = "timgm6mb-0-0"
TWO_BARS = r"""
\version "2.24.0"
\include "header.ily"
\score {
  \new PianoStaff <<
    \new Staff { \tempo 4 = 120 \repeat volta 2 { c''4 <e' g'>4 a'4~ a'8 b'8 } c''2 \grace d''16 e''2 }
    \new Staff { \clef bass \repeat volta 2 { c1 } c,2 c2 }
  >>
}
"""
HEADER = r"""
\header { title = \markup { Two \bold Bars } composer = "Earmark" license = "CC0" }
"""
ONE_BAR = r"""
\version "2.24.0"
\score { \new Staff { \tempo 4 = 60 c'4 d' e' f' } \layout { } \midi { } }
"""
BROKEN = r"""
\version "2.24.0"
\score { \new Staff { c'4
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder laid out like Mutopia's with two good pieces, one of two bars, and a broken one."""
    return write_source(tmp_path / "mutopia")


def write_source(root: Path) -> Path:
    """A new folder ``root`` of the scores above."""
    files = {
        "ftp/Own/bars/two.ly": TWO_BARS,
        "ftp/Own/bars/header.ily": HEADER,
        "ftp/Own/one/one.ly": ONE_BAR,
        "ftp/Own/broken/broken.ly": BROKEN,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def lilypond() -> None:
    """Skips the test where LilyPond is not installed."""
    pytest.importorskip("lilypond", reason="LilyPond is not installed (pip install earmark[corpus])")


@pytest.fixture
def piano() -> str:
    """The name of a piano that can be rendered; skips the test where FluidSynth or the soundfont is missing."""
    try:
        importlib.import_module("fluidsynth")
    except ImportError as error:
        pytest.skip(f"FluidSynth is not installed (apt-get install libfluidsynth3): {error}")
    from earmark.corpus.render import PIANOS

    if not PIANOS[PIANO].soundfont.is_file():
        pytest.skip(f"no soundfont {PIANOS[PIANO].soundfont} (apt-get install {PIANOS[PIANO].package})")
    return PIANO
