"""``earmark align``: a recording along its score."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple, fields
from itertools import groupby, pairwise

import click

from earmark.cli.options import JSON, LIBRARY, MODEL, open_library, print_json, print_table, say
from earmark.cli.wording import clock
from earmark.errors import printable
from earmark.results.alignment import STEP_S, Alignment, Mark

HEADER = ("from", "to", "piece", "page", "system", "measure")


@click.command()
@LIBRARY
@click.argument("audio", type=click.Path(readable=False, path_type=str))
@click.option("--piece", default=None, metavar="NAME", help="The piece that is played, instead of the one found.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on standard output: a header, then a line per moment.")
@MODEL
@JSON
def align_command(where: str, audio: str, piece: str | None, as_csv: bool, model: str | None, as_json: bool) -> None:
    """Follow the recording AUDIO through its piece in LIBRARY, or a tape through all its pieces.

    Prints when which system is played; with --json or --csv page, system, place and, of score files, measure and beat
    for every tenth of a second. In repeats the place goes back. Without --piece, the piece is the one that find names.
    Where it is not played, other pieces are followed that surely are. Exits with 1 if none surely is.

    \b
    earmark align ~/scores concert.mp4
    earmark align ~/scores clip.m4a --piece arabesque --csv > clip.csv
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    if as_csv and as_json:
        raise click.UsageError("give --json or --csv, not both")
    columns = (TextColumn("listening"), BarColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with (
        open_library(where, model) as library,
        Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as progress,
    ):
        bar = progress.add_task("", total=1.0)
        alignment = library.align(audio, piece, lambda share: progress.update(bar, completed=share))
        audio_json = {"path": audio, "duration_s": alignment.duration_s}
        library.history.note("align", audio, {"audio": audio_json, "pieces": alignment.played()})
    if not as_json:
        for remark in alignment.remarks:
            say(f"{audio}: {remark}", err=as_csv)
    if as_json:
        print_json(alignment.to_dict())
    elif as_csv:
        _print_csv(alignment)
    else:
        say(_heading(alignment))
        if played := alignment.by_time():
            print_table(HEADER, _visits(played, alignment), optional=("piece", "measure"))


def _heading(alignment: Alignment) -> str:
    duration = clock(alignment.duration_s)
    nothing = "" if alignment.points else f"Nothing of {alignment.piece} was heard."
    if alignment.others:
        return nothing or f"{1 + len(alignment.others)} pieces, {duration}"
    return nothing or f"{alignment.piece}, {duration}"


def _visits(played: list[tuple[str, Mark]], alignment: Alignment) -> list[tuple[str, ...]]:
    """A row per system that is played, in order of time, with its measures; dashes where no piece is."""
    rows: list[tuple[str, ...]] = []
    now_s = 0.0
    for (piece, page, system), visit in groupby(played, lambda one: (one[0], one[1].page, one[1].system)):
        for run in _unbroken([point for _, point in visit]):
            start_s, end_s = run[0].time_s, min(run[-1].time_s + STEP_S, alignment.duration_s)
            if start_s - now_s > STEP_S:
                rows.append((clock(now_s), clock(start_s), "–" if alignment.others else "", "–", "–", ""))
            named = piece if alignment.others else ""
            rows.append((clock(start_s), clock(end_s), named, str(page), str(system), _measures(run)))
            now_s = end_s
    if alignment.duration_s - now_s > STEP_S:
        rows.append((clock(now_s), clock(alignment.duration_s), "–" if alignment.others else "", "–", "–", ""))
    return rows


def _measures(run: list[Mark]) -> str:
    """The first and the last measure that are played: ``1 – 4``."""
    return " – ".join(dict.fromkeys(point.measure for point in (run[0], run[-1]) if point.measure))


def _unbroken(points: list[Mark]) -> list[list[Mark]]:
    """The points of one system, cut where some are missing."""
    cuts = [i for i, (one, other) in enumerate(pairwise(points), start=1) if other.time_s - one.time_s > 1.5 * STEP_S]
    return [points[start:end] for start, end in pairwise([0, *cuts, len(points)])]


def _print_csv(alignment: Alignment) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*(field.name for field in fields(Mark)), "piece"])
    for piece, point in alignment.by_time():
        values = (*astuple(point), piece)
        writer.writerow(printable(value) if isinstance(value, str) else value for value in values)
