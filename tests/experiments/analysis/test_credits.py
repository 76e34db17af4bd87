"""Who is to be named for the music of a training."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.corpus.sources import open_source
from experiments.analysis.credits import PUBLIC, UNTOLD, attribution, credit, licence_of


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("Public Domain", PUBLIC),
        ("Creative Commons Attribution 2.5", "CC BY 2.5"),
        ("Creative Commons Attribution-ShareAlike 4.0", "CC BY-SA 4.0"),
        ("© 2014 Ann. Licensed under the Creative Commons Attribution 4.0 International License.", "CC BY 4.0"),
        ("cc-by-sa", "CC BY-SA"),
        ("Ann, 2014", UNTOLD),
    ],
)
def test_licences_are_known_however_they_are_written(text: str, licence: str) -> None:
    assert licence_of(["", text]) == licence


def test_pieces_that_are_not_in_the_public_domain_are_named(tmp_path: Path) -> None:
    headers = {
        "a/free.ly": 'title = "Free" composer = "Ann" license = "Public Domain"',
        "b/owned.ly": 'title = "Owned"\ncomposer = "Ben"\nmaintainer = "Cid"\nlicense = "cc-by 3.0"',
        "c/score.ly": "",
        "c/header.ly": 'title = "Beside"\ncopyright = "Creative Commons Attribution-ShareAlike 3.0"',
    }
    for name, header in headers.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"\\header {{\n{header}\n}}")
    source = open_source(str(tmp_path), tmp_path)
    told = attribution([credit(source, name) for name in ("a/free.ly", "b/owned.ly", "c/score.ly")])
    assert "| Ben | Owned | Cid | CC BY 3.0 | b/owned.ly |" in told
    assert "| Beside |  | CC BY-SA 3.0 | c/score.ly |" in told
    assert "Free" not in told
    assert f"| {PUBLIC} | 1 |" in told
    assert "| all | 3 |" in told
