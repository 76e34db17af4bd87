"""A packed corpus trains as the whole one does, in parts that are no larger than asked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from earmark.cli.corpus import corpus_command
from earmark.corpus.format import read_splits
from earmark.errors import BadInput
from earmark.schema import AudioSpec, SheetSpec
from earmark.training.data.dataset import read_pieces
from earmark.training.data.pack import pack, unpack

SPECS = (AudioSpec(), SheetSpec())


def test_a_packed_corpus_is_read_as_the_whole_one(corpus: Path, tmp_path: Path) -> None:
    parts = pack(corpus, tmp_path / "parts", {"train": ["one@1", "two@1"], "valid": ["third@1"]}, part_bytes=60_000)
    assert len(parts) > 2
    assert max(path.stat().st_size for path in parts) < 150_000
    folder = unpack(parts, tmp_path / "there")
    assert read_splits(folder) == read_splits(corpus)
    for split, renderings in (("train", ["one@1", "two@1"]), ("valid", ["third@1"])):
        names = read_splits(corpus)[split]
        for whole, packed in zip(*(read_pieces(at, names, renderings, *SPECS) for at in (corpus, folder)), strict=True):
            assert packed.name == whole.name
            np.testing.assert_array_equal(packed.notes.pitch, whole.notes.pitch)
            np.testing.assert_array_equal(packed.notes.time_s, whole.notes.time_s)
            np.testing.assert_array_equal(packed.onsets.x_px, whole.onsets.x_px)
            assert np.abs(packed.strip.astype(int) - whole.strip).max() <= 16
            assert packed.timings == whole.timings
            assert packed.begins.tolist() == whole.begins.tolist()
            for name in renderings:
                np.testing.assert_allclose(packed.audio[name], whole.audio[name], atol=0.01)


def test_what_is_packed_comes_in_any_order(corpus: Path, tmp_path: Path) -> None:
    (part,) = pack(corpus, tmp_path / "parts", {"train": ["one@1"]})
    with zipfile.ZipFile(part) as together:
        alone = list[Path]()
        # What needs a folder that something else makes comes first.
        for name in sorted(together.namelist(), key=lambda name: Path(name).suffix not in (".npz", ".png")):
            alone.append(tmp_path / f"{len(alone)}.zip")
            with zipfile.ZipFile(alone[-1], "w") as of_one:
                of_one.writestr(name, together.read(name))
    names = read_splits(corpus)["train"]
    assert len(read_pieces(unpack(alone, tmp_path / "there"), names, ["one@1"], *SPECS)) == len(names)


def test_of_long_pieces_the_beginning_is_packed(corpus: Path, tmp_path: Path) -> None:
    """Ten seconds: onsets are 0.4 s apart from second 2 on, and the strip ends half way to the next."""
    (part,) = pack(corpus, tmp_path / "parts", {"train": ["one@1"]}, minutes=10 / 60)
    folder = unpack([part], tmp_path / "there")
    names = read_splits(corpus)["train"][:1]
    (whole,), (packed,) = (read_pieces(at, names, ["one@1"], *SPECS) for at in (corpus, folder))
    kept = len(packed.onsets)
    assert packed.onsets.time_s[-1] < 10 <= whole.onsets.time_s[kept]
    np.testing.assert_array_equal(packed.onsets.time_s, whole.onsets.time_s[:kept])
    assert packed.onsets.x_px[-1] < packed.strip.shape[2] <= whole.onsets.x_px[kept]
    assert len(packed.audio["one@1"]) == pytest.approx(20 * (packed.onsets.time_s[-1] + 0.2), abs=1)
    (everything,) = pack(corpus, tmp_path / "all", {"train": ["one@1"]}, minutes=5)
    (unshortened,) = read_pieces(unpack([everything], tmp_path / "whole"), names, ["one@1"], *SPECS)
    assert unshortened.strip.shape == whole.strip.shape


@pytest.mark.parametrize(
    ("wanted", "message"), [({"more": ["one@1"]}, "no split 'more'"), ({"train": ["harp@1"]}, "harp@1")]
)
def test_what_a_corpus_lacks_cannot_be_packed(
    corpus: Path, tmp_path: Path, wanted: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        pack(corpus, tmp_path / "parts", wanted)


def test_what_is_no_part_is_named(corpus: Path, tmp_path: Path) -> None:
    broken = tmp_path / "part-00.zip"
    broken.write_bytes(b"PK nothing")
    with pytest.raises(BadInput, match=r"part-00\.zip: is no part of a packed corpus"):
        unpack([broken], tmp_path / "there")


def test_the_command_packs_and_unpacks(corpus: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    made = runner.invoke(
        corpus_command,
        ["pack", str(corpus), str(tmp_path / "parts"), "--split", "train=one@1,two@1", "--split", "valid=third@1"],
    )
    assert made.exit_code == 0, made.output
    (part,) = sorted((tmp_path / "parts").glob("*.zip"))
    assert f"{part} " in made.output
    made = runner.invoke(corpus_command, ["unpack", str(tmp_path / "there"), str(part)])
    assert made.exit_code == 0, made.output
    assert len(read_pieces(tmp_path / "there", ["piece0"], ["two@1"], *SPECS)) == 1
    wrong = runner.invoke(corpus_command, ["pack", str(corpus), str(tmp_path / "parts"), "--split", "train"])
    assert wrong.exit_code == 2
    assert "is not SPLIT=RENDERING" in wrong.output


def test_what_does_not_say_where_systems_begin_is_to_be_packed_again(corpus: Path, tmp_path: Path) -> None:
    (part,) = pack(corpus, tmp_path / "parts", {"train": ["one@1"]})
    folder, names = unpack([part], tmp_path / "there"), read_splits(corpus)["train"]
    about = folder / "pieces" / names[0] / "piece.json"
    about.write_text(json.dumps({"piece": names[0]}))
    with pytest.raises(BadInput, match=f"{names[0]}.*: does not say where systems begin; pack the corpus again"):
        read_pieces(folder, names, ["one@1"], *SPECS)
