"""Searching and sorting pieces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earmark.store.names import having, in_order, initial, natural, plain
from earmark.store.store import Piece


def piece(name: str, title: str = "", composer: str = "") -> Piece:
    return Piece(1, name, f"/{name}", "", "", 1, 1, 1, title=title, composer=composer)


PIECES = [
    piece("op-10", "Étude", "Frédéric Chopin"),
    piece("op-2", "Größe", "Antonín Dvořák"),
    piece("Op-1"),
    piece("mazurka", "Żal", "chopin"),
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("chopin", ["op-10", "mazurka"]),
        ("DVORAK", ["op-2"]),
        ("Grosse", ["op-2"]),
        ("etude frederic", ["op-10"]),
        ("étude", ["op-10"]),
        ("zal", ["mazurka"]),
        ("etude dvorak", []),
        ("", ["op-10", "op-2", "Op-1", "mazurka"]),
    ],
)
def test_accents_and_case_do_not_count_and_all_words_do(search: str, found: list[str]) -> None:
    assert [one.name for one in having(PIECES, search)] == found


def test_pieces_are_sorted_as_people_do() -> None:
    assert [one.name for one in in_order(PIECES, "name")] == ["mazurka", "Op-1", "op-2", "op-10"]
    assert [one.title for one in in_order(PIECES, "title")] == ["Étude", "Größe", "", "Żal"]
    assert [one.name for one in in_order(PIECES, "composer")] == ["op-2", "mazurka", "op-10", "Op-1"]


def test_pieces_stand_under_the_letter_that_they_are_sorted_by() -> None:
    assert [initial(one, "title") for one in PIECES] == ["E", "G", "O", "Z"]
    assert [initial(one, "composer") for one in PIECES] == ["F", "A", "", "C"]
    assert [initial(piece(name), "name") for name in ("24 Preludes", "“Ach”", "Ой", "…")] == ["0", "A", "О", ""]


def test_tags_and_notes_are_searched_and_the_latest_comes_first() -> None:
    noted = replace(PIECES[2], note="Fingering of 1912", tags=("To Do", "piano"), added_at="2026-02-01")
    pieces = [*PIECES[:2], noted]
    assert having(pieces, "1912 do") == having(pieces, "", ["to do", "Piano"]) == [noted]
    assert having(pieces, "", ["to"]) == []
    assert [one.name for one in in_order(pieces, "added")] == ["Op-1", "op-2", "op-10"]


def test_letters_that_are_no_accents_are_plain_too() -> None:
    assert plain("Łódź, Ångström, Œuvre, ﬁn") == "lodz, angstrom, oeuvre, fin"
    assert natural("²") == natural("2")
