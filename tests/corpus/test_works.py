"""Scores are told from parts, headers and books, and works are never in two splits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from earmark.cli.corpus import corpus_command
from earmark.corpus.choose import choose_instruments
from earmark.corpus.sources import Source
from earmark.corpus.works import find_pieces, group_works, kind_of, works_of

NOTES = "{ c'4 d'4 e'4 f'4 g'4 a'4 }"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "source", "here", None)


def write(source: Source, file: str, text: str) -> None:
    path = source.root / "ftp" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def header(instrument: str, composer: str = "", opus: str = "", title: str = "") -> str:
    fields = {"instrument": instrument, "composer": composer, "opus": opus, "title": title}
    lines = "\n".join(f'  mutopia{name} = "{value}"' for name, value in fields.items() if value)
    return f"\\header {{\n{lines}\n}}\n"


def test_parts_headers_and_books_are_left_out(source: Source) -> None:
    folder = "HaydnFJ/O1/q1/q1-lys"
    parts = ("violinOne", "cello")
    includes = [f'\\include "{part}.ily"\n' for part in parts]
    for part, line in zip(parts, includes, strict=True):
        write(source, f"{folder}/{part}.ily", f"{part} = {NOTES}")
        write(source, f"{folder}/{part}-part.ly", f"{line}\\score {{ \\{part} }}")
    write(source, f"{folder}/Cello.ly", f"{includes[1]}\\score {{ \\cello }}")
    write(source, f"{folder}/score.ly", f"{''.join(includes)}\\score {{ << \\violinOne \\cello >> }}")
    write(source, f"{folder}/score-let.ly", f"{''.join(includes)}\\score {{ << \\violinOne \\cello >> }}")
    write(source, f"{folder}/score-midi.ly", "\\score { { c4 } \\midi { } }")
    write(source, f"{folder}/q1-header.ly", header("String Quartet"))
    pieces, left_out = find_pieces(source)
    assert [one.file for one in pieces.values()] == [f"ftp/{folder}/score-let.ly"]
    reasons = {Path(file).name: reason.partition(" ftp")[0] for file, reason in left_out.items()}
    assert reasons == {
        "violinOne-part.ly": "a part of",
        "cello-part.ly": "a part of",
        "Cello.ly": "a part of",
        "score.ly": "the same on other paper as",
        "score-midi.ly": "for MIDI only",
        "q1-header.ly": "prints nothing: a header or notes",
    }


@pytest.mark.parametrize(
    ("instruments", "score", "parts"),
    [
        ("Harpsichord, Strings", "score", ("cello-score", "violinscore", "violin2score", "Viola_Score")),
        ("Violin and Piano", "rieding_piano_score", ("rieding_violin_score",)),
        ("S.S.A.A.T.T.B.B.", "sweet-music", ("sweet-S1", "sweet-B2")),
    ],
)
def test_the_score_of_one_player_is_a_part(
    source: Source, instruments: str, score: str, parts: tuple[str, ...]
) -> None:
    for name in (score, *parts):
        write(source, f"BachJS/BWV1050/b/b-lys/{name}.ly", f"{header(instruments)}\\score {NOTES}")
    pieces, left_out = find_pieces(source)
    assert [Path(one.file).stem for one in pieces.values()] == [score]
    assert {reason.partition(" ftp")[0] for reason in left_out.values()} == {"a part of"}


def test_letters_and_numbers_are_singers_in_a_choir_alone(source: Source) -> None:
    for name in ("suite", "suite-A1", "suite-B2"):
        write(source, f"AnnB/O1/b/{name}.ly", f"{header('Guitar')}\\score {NOTES}")
    assert len(find_pieces(source)[0]) == 3


def test_a_book_of_pieces_gives_way_to_them(source: Source) -> None:
    folder = "SorF/O2/book/book-lys"
    for number in (1, 2):
        write(source, f"{folder}/music-{number}.ily", f"etude = {NOTES}")
        write(source, f"{folder}/etude-{number}.ly", f'\\include "music-{number}.ily"\n\\score {{ \\etude }}')
    write(source, f"{folder}/all.ly", '\\include "music-1.ily"\n\\include "music-2.ily"\n\\score { \\etude }')
    pieces, left_out = find_pieces(source)
    assert sorted(Path(one.file).stem for one in pieces.values()) == ["etude-1", "etude-2"]
    assert left_out[f"ftp/{folder}/all.ly"].startswith("a book of 2 pieces")


def test_a_part_without_a_score_is_a_piece(source: Source) -> None:
    write(source, "BachJS/BWV1002/cello/cello.ly", f"\\score {NOTES}")
    assert len(find_pieces(source)[0]) == 1


@pytest.mark.parametrize(
    ("instruments", "kind"),
    [
        ("Guitar", "guitar"),
        ("Voice (SATB)", "choir"),
        ("Voice and Piano", "songs"),
        ("Violin, Piano", "chamber with piano"),
        ("String Quartet: Two Violins, Viola, 'Cello", "strings"),
        ("Violin", "solo strings"),
        ("Clarinet", "winds"),
        ("Orgue - Organ", "organ"),
        ("Harpsichord, Piano", "keyboard"),
        ("Horn, Orchestra", "orchestra"),
    ],
)
def test_kinds(instruments: str, kind: str) -> None:
    assert kind_of(instruments) == kind


def test_works_are_known_by_their_headers_too(source: Source) -> None:
    write(source, "BachJS/BWV1007/a/a.ly", header("Cello", "BachJS", "BWV 1007") + NOTES)
    write(source, "BachJS/Suite-for-guitar/b/b.ly", header("Guitar", "BachJS", "BWV 1007a") + NOTES)
    write(source, "SchubertF/Ave/c/c.ly", header("Voice", "SchubertF", "Op. 52 No. 6") + NOTES)
    assert works_of("ftp/BachJS/BWV1007/a/a.ly", source.root) == {"BachJS/BWV1007"}
    assert "SchubertF/O52" in works_of("ftp/SchubertF/Ave/c/c.ly", source.root)
    groups = group_works(find_pieces(source)[0])
    assert groups["BachJS__BWV1007__a__a"] == groups["BachJS__Suite-for-guitar__b__b"]
    assert len(set(groups.values())) == 2


def test_no_work_is_in_two_splits(source: Source, tmp_path: Path) -> None:
    files = {"test-piece": "ftp/BachJS/BWV924/a/a.ly", "train-piece": "ftp/BachJS/BWV847/b/b.ly"}
    for file in files.values():
        write(source, file.removeprefix("ftp/"), header("Piano") + NOTES)
    write(source, "TarregaF/Arrangement/c/c.ly", header("Guitar", "BachJS", "BWV 924") + NOTES)
    write(source, "BachJS/BWV847/d/d.ly", header("String Quartet") + NOTES)
    write(source, "BachJS/BWV900/e/e.ly", header("Piano") + NOTES)
    for number in range(60):
        for edition in "xy":
            write(source, f"SorF/O{number}/{edition}/{edition}.ly", header("Guitar") + NOTES)
    choice = choose_instruments(source, {"train": ["train-piece"], "test": ["test-piece"]}, files)
    assert choice.left_out["ftp/TarregaF/Arrangement/c/c.ly"] == "of a work that is held out"
    assert choice.left_out["ftp/BachJS/BWV900/e/e.ly"] == "for keyboard"
    assert "BachJS__BWV847__d__d" in choice.splits["instruments"]
    works = {split: {piece.split("__")[1] for piece in pieces} for split, pieces in choice.splits.items()}
    assert all(works.values())
    assert sum(map(len, works.values())) == 61, "every work is in one split"

    (tmp_path / "splits.json").write_text(json.dumps({"train": ["train-piece"], "test": ["test-piece"]}))
    (tmp_path / "pieces.json").write_text(json.dumps(files))
    command = ["choose", str(tmp_path / "out"), "--source", str(source.root), "--instruments"]
    command += ["--pieces", str(tmp_path / "pieces.json"), "--splits", str(tmp_path / "splits.json")]
    done = CliRunner().invoke(corpus_command, command)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "out/pieces.json").read_text()) == choice.files
    assert json.loads((tmp_path / "out/left-out.json").read_text()) == choice.left_out
    assert set(json.loads((tmp_path / "out/splits.json").read_text())) == {"train", "test", *choice.splits}


def test_no_kind_crowds_out_the_others(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("earmark.corpus.choose.MOST_OF_A_KIND", 5)
    for number in range(20):
        write(source, f"SorF/O{number}/x/x.ly", header("Guitar") + NOTES)
    for number in range(3):
        write(source, f"HaydnFJ/O{number}/x/x.ly", header("String Quartet") + NOTES)
    choice = choose_instruments(source, {}, {})
    composers = [piece.split("__")[0] for piece in choice.splits["instruments"]]
    assert composers.count("SorF") == 5
    others = sum(composer != "SorF" for composer in composers)
    assert (
        others
        + sum("HaydnFJ" in piece for split in ("valid", "test") for piece in choice.splits[f"instruments-{split}"])
        == 3
    )
    assert "there are 5 of its kind" in choice.left_out.values()
