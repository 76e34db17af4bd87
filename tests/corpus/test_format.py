"""The names of a corpus on disk, and what a work is; none of it needs an engraver, a synthesiser or torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from earmark.corpus.format import (
    audio_file,
    is_take,
    page_file,
    performance_of,
    read_splits,
    rendering_name,
    renderings_in,
    semitones_of,
    tempo_of,
    timing_file,
    transposed_name,
    work_of,
)
from earmark.errors import BadInput


def test_a_piece_in_another_key_is_named_by_it() -> None:
    name = "BachJS__BWV924a__x-3"
    assert [transposed_name(name, semitones) for semitones in (2, -11)] == [f"{name}@+2", f"{name}@-11"]
    assert [semitones_of(piece) for piece in (name, f"{name}@+2", f"{name}@-11")] == [0, 2, -11]
    assert work_of(f"{name}@+2") == work_of(name)


def test_a_rendering_is_named_by_piano_take_and_tempo() -> None:
    names = [rendering_name("a-0-0", 0.5), rendering_name("a-0-0"), rendering_name("a-0-0", take=7)]
    assert names == ["a-0-0@0.5", "a-0-0@1", "a-0-0~7@1"]
    assert [tempo_of(name) for name in names] == [0.5, 1, 1]
    assert [is_take(name) for name in names] == [False, False, True]
    assert [performance_of(name) for name in names] == ["@0.5", "@1", "~7@1"]
    assert performance_of("b-0-0@1") == "@1"


def test_renderings_are_read_back_from_the_files_of_a_piece() -> None:
    names = ["a-0-0@0.5", "a-0-0~7@1"]
    files = ["score.pdf", page_file(1), *map(audio_file, names), timing_file(names[1])]
    assert renderings_in(files) == names
    assert files[1] == "page-001.png"


def test_a_corpus_without_splits_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"splits\.json: not there; build the corpus with --splits"):
        read_splits(tmp_path)


@pytest.mark.parametrize(
    ("piece", "work"),
    [
        ("ftp/BachJS/BWV924a/x/x.ly", "BachJS/BWV924"),
        ("ftp/BachJS/BWV924/x.ly", "BachJS/BWV924"),
        ("BachJS__BWV924a__x__x", "BachJS/BWV924"),
        ("BachJS__BWV924__x", "BachJS/BWV924"),
        ("ftp/Traditional/dansar.1.2/x/x.ly", "Traditional/dansar.1.2"),
        ("ftp/AscherJ/biga/biga.ly", "AscherJ/biga"),
        ("x.ly", "x.ly"),
        ("made-up-00001", "made-up-00001"),
    ],
)
def test_a_work_is_a_folder_of_the_composer(piece: str, work: str) -> None:
    assert work_of(piece) == work


def test_the_names_need_nothing_that_building_or_training_needs() -> None:
    code = (
        "import sys, earmark.corpus.format; print([n for n in ('torch', 'mido', 'numpy', 'yaml') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
