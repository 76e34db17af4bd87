"""``earmark list``, ``edit`` and ``remove``: the pieces of a library."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from earmark.cli.options import JSON, LIBRARY, open_library, print_json, print_table, say
from earmark.exports.report import counted

if TYPE_CHECKING:
    from earmark.store.names import Order
    from earmark.store.store import Piece

HEADER = ("piece", "title", "composer", "pages", "systems", "tags", "file", "source")
OPTIONAL = ("title", "composer", "tags", "file")


@click.command()
@LIBRARY
@click.option("--search", default="", metavar="WORDS", help="List only pieces that have all these words.")
@click.option(
    "--by",
    default="name",
    show_default=True,
    type=click.Choice(["name", "title", "composer", "added"]),
    help="What to sort by; added: the latest first.",
)
@click.option("--tag", "tags", multiple=True, help="List only pieces that have this tag; repeat it.")
@click.option("--missing", "only_missing", is_flag=True, help="List only pieces whose files are gone.")
@JSON
def list_command(where: str, search: str, by: Order, tags: tuple[str, ...], only_missing: bool, as_json: bool) -> None:
    """List the pieces of LIBRARY.

    WORDS are looked for in names, titles, composers, tags and notes. Accents and case do not count, and numbers sort as
    numbers. A piece whose file is gone is marked: it is still found, but its pages cannot be shown. earmark verify
    --repair looks for such files by their content and notes where they are.

    \b
    earmark list ~/scores
    earmark list ~/scores --search dvorak --by title
    earmark list ~/scores --tag "to do"
    earmark list ~/scores --missing
    """
    from earmark.store.names import having, in_order

    with open_library(where) as library:
        found = in_order(having(library.pieces(), search, tags), by)
        gone = {piece.id for piece in found if library.missing(piece)}
        pieces, model = [piece for piece in found if not only_missing or piece.id in gone], library.store.model_id
    if as_json:
        told = [piece_json(piece) | {"is_missing": piece.id in gone} for piece in pieces]
        print_json({"library": where, "model": model, "pieces": told})
        return
    print_table(HEADER, [_row(piece, piece.id in gone) for piece in pieces], optional=OPTIONAL)
    if some := [piece for piece in pieces if piece.id in gone]:
        say(
            f"{counted(len(some), 'piece')} with files gone; to find them: earmark verify {shlex.quote(where)} --repair"
        )


@click.command()
@LIBRARY
@click.argument("piece", metavar="PIECE")
@click.option("--name", default=None, help="What the piece is to be called.")
@click.option("--title", default=None, help='Its title; "" for none.')
@click.option("--composer", default=None, help='Who composed it; "" for none.')
@click.option("--note", default=None, help='What there is to say of it; "" for nothing.')
@click.option("--tag", "tags", multiple=True, help="Add a tag; repeat it.")
@click.option("--untag", "untags", multiple=True, help="Take a tag away; repeat it.")
def edit_command(
    where: str,
    piece: str,
    name: str | None,
    title: str | None,
    composer: str | None,
    note: str | None,
    tags: tuple[str, ...],
    untags: tuple[str, ...],
) -> None:
    """Set the name, title, composer, note or tags of PIECE in LIBRARY, sheet music or a recording.

    They stay when the piece's file is added again, also when it has changed.

    \b
    earmark edit ~/scores take-3 --title "Für Elise" --composer Beethoven
    earmark edit ~/scores take-3 --name elise
    earmark edit ~/scores elise --tag "to do" --note "Fingering of 1912."
    """
    if {name, title, composer, note} == {None} and not (tags or untags):
        raise click.UsageError("say what to set: --name, --title, --composer, --note, --tag or --untag")
    with open_library(where) as library:
        now = library.store.named(piece)
        kept = [tag for tag in (*now.tags, *tags) if tag not in untags] if now and (tags or untags) else None
        edited = library.edit(piece, name or None, title, composer, note, kept)
    told = ": ".join(filter(None, (edited.composer, edited.title)))
    say(f"edited: {edited.name}" + (f" ({told})" if told else ""))


@click.command()
@LIBRARY
@click.argument("pieces", metavar="PIECE...", nargs=-1, required=True)
def remove_command(where: str, pieces: tuple[str, ...]) -> None:
    """Remove the pieces of these names from LIBRARY.

    The files that they were added from stay, but for those that came through the browser.

    \b
    earmark remove ~/scores invention-1 arabesque
    """
    with open_library(where) as library:
        library.remove(*pieces)
    for piece in pieces:
        say(f"removed: {piece}")


def piece_json(piece: Piece) -> dict[str, Any]:
    """A piece as ``add --json`` and ``list --json`` print it."""
    return {
        "piece": piece.name,
        "source": piece.source,
        "kind": piece.kind,
        "title": piece.title,
        "composer": piece.composer,
        "pages": piece.pages,
        "systems": piece.systems,
        "places": piece.places,
        "added_at": piece.added_at,
        "note": piece.note,
        "tags": list(piece.tags),
        "bookmarks": [asdict(one) for one in piece.bookmarks],
    }


def _row(piece: Piece, is_missing: bool) -> tuple[str, ...]:
    counts = (str(piece.pages or ""), str(piece.systems or ""))
    told = (", ".join(piece.tags), "gone" if is_missing else "", piece.source)
    return piece.name, piece.title, piece.composer, *counts, *told
