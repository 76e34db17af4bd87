"""How much there is to read is told before, and how far reading is while it goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.library.library import Library
from earmark.sandbox.sandbox import Sandbox
from earmark.sources.extent import SECONDS_A_PAGE, Extent, extent
from earmark.sources.on_disk import Score, find_scores

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


class Watched:
    def __init__(self) -> None:
        self.whole: dict[str, Extent] = {}
        self.read: dict[str, list[Extent]] = defaultdict(list)

    def begins(self, extents: Mapping[str, Extent]) -> None:
        self.whole = {Path(source).name: extent for source, extent in extents.items()}

    def reads(self, source: str, done: Extent) -> None:
        self.read[Path(source).name].append(done)


def test_pages_and_seconds_are_told(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    music.write_pdf(folder / "a.pdf", music.melody(1, 100))
    music.write_recording(folder / "b.wav", music.melody(1, 40))
    (folder / "damaged.pdf").write_bytes(b"%PDF-1.4 nothing")
    watched = Watched()
    with Library.open(tmp_path / "lib", encoders) as library:
        library.add(folder, watcher=watched)
        assert watched.whole == {
            "a.pdf": Extent(pages=2),
            "b.wav": Extent(seconds=20.0),
            "damaged.pdf": Extent(pages=1),
        }
        assert watched.read["a.pdf"] == [Extent(pages=1), Extent(pages=2)]
        assert watched.read["b.wav"][-1] == Extent(seconds=20.0)
        again = Watched()
        library.add(folder, watcher=again)
        assert list(again.whole) == ["damaged.pdf"]


def test_images_and_scores_are_pages_and_sound_is_worth_some(music: Music, kern: str, tmp_path: Path) -> None:
    music.write_images(tmp_path / "book", music.melody(1, 200), ["1.png", "2.png", "3.png"])
    (tmp_path / "book" / "a.krn").write_text(kern)
    found = [one for one in find_scores([tmp_path / "book"], Sandbox()) if isinstance(one, Score)]
    assert [extent(score, Sandbox()).pages for score in found] == [1, 3]
    assert Extent(seconds=2 * SECONDS_A_PAGE).work == Extent(pages=2).work
