from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak import Addition, broken_words
from earmark.library.library import Library

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders


def test_a_broken_word_of_the_server_is_counted(encoders: FakeEncoders, music: Music, tmp_path: Path) -> None:
    uploads = tmp_path / "library" / "uploads"
    uploads.mkdir(parents=True)
    with Library.open(tmp_path / "library", encoders) as library:
        for number in (1, 2):
            library.add(music.write_pdf(uploads / f"s-{number}.pdf", music.melody(number, 48)))
    kept = [Addition("s-1.pdf", "s-1", None), Addition("s-2.pdf", "s-2", None), Addition("s-3.pdf", None, "507")]
    assert broken_words(tmp_path / "library", kept) == 0
    assert broken_words(tmp_path / "library", [*kept, Addition("s-4.pdf", "s-4", None)]) == 1  # said to be there
    assert broken_words(tmp_path / "library", [*kept[1:], Addition("s-1.pdf", None, "gave_up")]) == 1  # said not to be
    (uploads / "left.pdf").write_bytes(b"x")
    assert broken_words(tmp_path / "library", kept) == 1
    (uploads / "s-1.pdf").unlink()
    assert broken_words(tmp_path / "library", kept) == 2
