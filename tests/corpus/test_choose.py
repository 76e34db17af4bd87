"""More pieces to train on are keyboard pieces, and never of a work that is held out."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from earmark.cli.corpus import corpus_command
from earmark.corpus.choose import TRANSPOSITIONS, choose, choose_keys
from earmark.corpus.format import semitones_of
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


def test_only_what_is_trained_on_is_given_other_keys() -> None:
    chosen = choose_keys({**SPLITS, "keys": ["train-piece@+1"]}, FILES, 3)
    assert set(chosen.values()) == {FILES["train-piece"]}
    semitones = [semitones_of(piece) for piece in chosen]
    assert len(set(semitones)) == 3
    assert set(semitones) <= set(TRANSPOSITIONS)


def test_more_keys_keep_those_of_fewer() -> None:
    fewer, more = (choose_keys(SPLITS, FILES, keys) for keys in (2, 5))
    assert fewer.items() <= more.items()


def test_a_work_that_is_left_out_is_given_no_other_key() -> None:
    assert choose_keys(SPLITS, FILES, 2, ["BachJS/BWV847"]) == {}


def test_other_keys_of_several_lists_come_together(source: Source, tmp_path: Path) -> None:
    splits = {"train": ["train-piece"], "more": ["other"], "test": ["test-piece"], "keys": ["old@+1"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    (tmp_path / "pieces.json").write_text(json.dumps(FILES))
    (tmp_path / "more.json").write_text(json.dumps({"other": FILES["train-piece"]}))
    command = ["choose", str(tmp_path / "out"), "--source", str(source.root), "--splits", str(tmp_path / "splits.json")]
    command += ["--pieces", str(tmp_path / "pieces.json"), "--pieces", str(tmp_path / "more.json"), "--keys", "2"]
    done = CliRunner().invoke(corpus_command, command)
    assert done.exit_code == 0, done.output
    chosen = json.loads((tmp_path / "out/pieces.json").read_text())
    assert sorted(piece.split("@")[0] for piece in chosen) == ["other", "other", "train-piece", "train-piece"]
    assert json.loads((tmp_path / "out/splits.json").read_text()) == {**splits, "keys": sorted([*chosen, "old@+1"])}
    assert CliRunner().invoke(corpus_command, [*command, "--instruments"]).exit_code == 2
    command[1] = str(tmp_path / "without")
    assert CliRunner().invoke(corpus_command, [*command, "--without", "BachJS/BWV847"]).exit_code == 0
    assert json.loads((tmp_path / "without/pieces.json").read_text()) == {}
