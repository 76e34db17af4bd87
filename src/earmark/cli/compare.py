"""``earmark compare``: several performances of a piece, side by side."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import click

from earmark.cli.options import JSON, LIBRARY, MODEL, NEW_FOLDER, open_library, print_json, print_table, say
from earmark.cli.wording import clock
from earmark.errors import BadInput
from earmark.results.comparison import Comparison, Performance


@click.command()
@LIBRARY
@click.argument("piece", metavar="PIECE")
@click.argument("recordings", metavar="[RECORDING]...", nargs=-1, type=click.Path(readable=False, path_type=str))
@click.option("--report", "out", default=None, metavar="OUT", type=NEW_FOLDER, help="Write picture and tables there.")
@MODEL
@JSON
def compare_command(
    where: str, piece: str, recordings: tuple[str, ...], out: Path | None, model: str | None, as_json: bool
) -> None:
    """Compare performances of PIECE in LIBRARY: how fast each goes, measure by measure.

    They are the files RECORDING..., or without any the library's own recordings of PIECE that earmark links has found.
    OUT gets tempo.svg, a picture, tempo.csv for spreadsheets, and for each performance a curve that Sonic Visualiser
    imports as a layer of time values.

    \b
    earmark compare ~/scores arabesque
    earmark compare ~/scores arabesque take-1.wav take-2.wav --report ~/arabesque
    """
    from earmark.exports.charts import PICTURE, write

    with open_library(where, model) as library:
        comparison = library.compare(piece, recordings)
    if out:
        try:
            write(comparison, out)
        except OSError as error:
            raise BadInput(out, f"cannot be written ({error.strerror})", "give another --report folder") from error
    if as_json:
        print_json(comparison.to_dict())
        return
    rows = [
        _row(performance, relative, comparison)
        for performance, relative in zip(comparison.performances, comparison.relative(), strict=True)
    ]
    header = ("recording", "from", "to", "heard", comparison.unit, "against the mean")
    print_table(header, rows, optional=("against the mean",))
    if out:
        say(out / PICTURE)


def _row(performance: Performance, relative: list[float | None], comparison: Comparison) -> tuple[str, ...]:
    """From when to when it plays the piece, how much of it, and how fast, in the median."""
    times_s = [time_s for time_s in performance.times_s if time_s is not None]
    tempi = [tempo for tempo in performance.tempi if tempo is not None]
    against = [value for value in relative if value is not None]
    heard = f"{round(100 * len(times_s) / len(comparison.positions))} %"
    when = (clock(min(times_s)), clock(max(times_s))) if times_s else ("–", "–")
    fast = f"{median(tempi):.1f}" if tempi else "–"
    return performance.recording, *when, heard, fast, f"{100 * (median(against) - 1):+.0f} %" if against else ""
