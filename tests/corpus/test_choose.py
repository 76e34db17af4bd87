"""More pieces to train on are keyboard pieces, and never of a work that is held out."""

from pathlib import Path

import pytest

from earmark.corpus.choose import choose
from earmark.corpus.sources import Source
from earmark.errors import BadInput

FILES = {"test-piece": "ftp/BachJS/BWV924/a/a.ly", "train-piece": "ftp/BachJS/BWV847/b/b.ly"}
SPLITS = {"train": ["train-piece"], "test": ["test-piece"]}


def write(root: Path, file: str, instrument: str, text: str = "{ c }") -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    header = f'\\header {{ mutopiainstrument = "{instrument}" }}\n' if instrument else ""
    path.write_text(header + text)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    for file in FILES.values():
        write(tmp_path, file, "Piano")
    return Source(tmp_path, "here", None)


def test_other_editions_of_a_held_out_work_are_left_out(source: Source) -> None:
    write(source.root, "ftp/BachJS/BWV924a/c/c.ly", "Clavier")
    write(source.root, "ftp/BachJS/BWV847/d/d.ly", "Harpsichord, Piano")
    assert choose(source, SPLITS, FILES) == {"BachJS__BWV847__d__d": "ftp/BachJS/BWV847/d/d.ly"}
    assert choose(source, SPLITS, FILES, ["BachJS/BWV847"]) == {}


@pytest.mark.parametrize("instrument", ["2 Guitars", "Voice and Piano", "", "Orchestra"])
def test_other_instruments_are_left_out(source: Source, instrument: str) -> None:
    write(source.root, "ftp/SorF/O1/e/e.ly", instrument)
    assert choose(source, SPLITS, FILES) == {}


def test_an_included_header_counts(source: Source) -> None:
    write(source.root, "ftp/SorF/O1/e/header.ily", "Piano")
    write(source.root, "ftp/SorF/O1/e/e.ly", "", '\\include "header.ily"')
    assert list(choose(source, SPLITS, FILES)) == ["SorF__O1__e__e"]


def test_a_held_out_piece_without_its_file_is_an_error(source: Source) -> None:
    with pytest.raises(BadInput, match="held out"):
        choose(source, SPLITS, {"train-piece": FILES["train-piece"]})
