"""``earmark history``: what was asked of a library."""

from __future__ import annotations

from dataclasses import asdict

import click

from earmark.cli.options import JSON, LIBRARY, open_library, print_json, print_table, say
from earmark.errors import BadInput
from earmark.library.history import Entry


@click.command()
@LIBRARY
@click.option("--most", default=20, show_default=True, type=click.IntRange(min=1), help="How many to print.")
@click.option("--clear", "is_cleared", is_flag=True, help="Forget all of it.")
@click.option("--on", "is_on", is_flag=True, help="Keep answers from now on.")
@click.option("--off", "is_off", is_flag=True, help="Keep no more answers.")
@JSON
def history_command(where: str, most: int, is_cleared: bool, is_on: bool, is_off: bool, as_json: bool) -> None:
    """Tell what was asked of LIBRARY and answered, the latest first.

    Answers of find, align and identify are kept beside the library, and those of earmark serve while only this machine
    can reach it. --json has them whole.

    \b
    earmark history ~/scores
    earmark history ~/scores --clear --off
    """
    if is_on and is_off:
        raise click.UsageError("give --on or --off, not both")
    with open_library(where) as library:
        history = library.history
    try:
        if is_cleared:
            history.clear()
        if is_on or is_off:
            history.switch(is_on)
    except OSError as error:
        raise BadInput(where, f"cannot be written ({error.strerror})", "give yourself permission") from error
    if is_cleared or is_on or is_off:
        state = "kept" if history.is_on else "not kept"
        say(f"{'forgotten; ' if is_cleared else ''}answers are {state} from now on")
        return
    entries = [entry for _, entry in zip(range(most), history.entries(), strict=False)]
    if as_json:
        print_json({"library": where, "is_on": history.is_on, "entries": [asdict(entry) for entry in entries]})
    elif entries:
        print_table(("asked at", "", "of", "answer"), [_row(entry) for entry in entries])
    else:
        say("Nothing is kept.")


def _row(entry: Entry) -> tuple[str, ...]:
    answer = entry.answer
    if entry.asked == "find":
        hits = sorted((*answer["hits"], *answer["recordings"]), key=lambda hit: -float(hit["confidence"]))
        told = f"{answer['said']}: {hits[0]['piece']}" if hits else str(answer["said"])
    elif entry.asked == "align":
        told = ", ".join(one["piece"] for one in answer["pieces"])
    else:
        told = ", ".join(dict.fromkeys(one["piece"] for one in answer["stretches"] if one["piece"]))
    return entry.asked_at, entry.asked, entry.query, told
