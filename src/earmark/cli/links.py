"""``earmark links``: which pieces of a library belong together."""

from __future__ import annotations

import sys

import click

from earmark.cli.options import JSON, LIBRARY, MODEL, open_library, print_json, print_table, say
from earmark.results.links import Link


@click.command()
@LIBRARY
@MODEL
@JSON
def links_command(where: str, model: str | None, as_json: bool) -> None:
    """Say which pieces of LIBRARY belong together.

    That is: which recordings are of which scores, which scores are editions of one work or parts of it, and which
    recordings are of one take or of the same music.

    No file is read again. What was found is kept in LIBRARY, so that a second run looks only at what has been added
    since. With --json also the works that follow.

    \b
    earmark links ~/scores
    earmark links ~/scores --json
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("comparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        open_library(where, model) as library,
        Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as bar,
    ):
        task = bar.add_task("", total=None)
        found = library.links(lambda done, total: bar.update(task, completed=done, total=total))
        stored = library.store.model_id
    if as_json:
        print_json({"library": where, "model": stored, **found.to_dict()})
    elif found.links:
        header = ("piece", "", "piece", "heard", "confidence")
        print_table(header, [_row(one) for one in found.links], optional=("heard",))
    else:
        say("No two pieces belong together.")


def _row(one: Link) -> tuple[str, ...]:
    from earmark.exports.report import clock

    heard = ", ".join(f"{clock(start_s)} – {clock(end_s)}" for start_s, end_s in one.heard_s)
    return one.piece, one.told, one.other, heard, f"{one.confidence:.2f}"
