"""``earmark identify``: what is on each recording of a shelf, as a report."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from earmark.cli.options import JSON, LIBRARY, MODEL, NEW_FOLDER, open_library, print_json, say
from earmark.exports.recordings import FORMS

EXIT_SOME_FAILED = 2


@click.command()
@LIBRARY
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(readable=False, path_type=str))
@click.option("--report", "out", required=True, metavar="OUT", type=NEW_FOLDER, help="The folder for the report.")
@click.option(
    "--also", multiple=True, type=click.Choice(list(FORMS)), help="Another form for each recording; repeat it."
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Recordings read at a time.  [default: all cores]")
@MODEL
@JSON
def identify_command(
    where: str,
    paths: tuple[str, ...],
    out: Path,
    also: tuple[str, ...],
    jobs: int | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Say what is on the recordings at PATH..., files, folders and ZIP archives: each piece of LIBRARY, from when to
    when, and where in the score.

    A recording may hold many pieces, with talking, applause and other music between. What archives hold is unpacked
    into OUT. It gets report.html, which a
    browser opens as it is, stretches.csv, and answers.jsonl, by which a second run goes on where the first one was
    stopped: what was answered is asked again only if the file or LIBRARY has changed. Exits with 2 if something could
    not be read; the rest is answered.

    \b
    earmark identify ~/scores ~/tapes --report ~/tapes-report
    earmark identify ~/scores ~/tapes --report ~/tapes-report --also cue --also labels
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from earmark.exports.report import clock
    from earmark.library.shelf import REPORT, Answer, Shelf

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with (
        open_library(where, model) as library,
        Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("", total=None)

        def report(answer: Answer, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=Path(answer.source).name)
            if answer.identified is None:
                bar.console.print(f"failed: {answer.source}: {answer.reason}", markup=False, soft_wrap=True)
                return
            library.history.note("identify", answer.source, answer.identified.to_dict())
            if not as_json:
                say(answer.source)
                for one in answer.identified.stretches:
                    say(f"  {clock(one.start_s):>8} – {clock(one.end_s):>8}  {one.called}")

        shelf = Shelf(library, out)
        answers = shelf.ask(paths, jobs or os.cpu_count() or 1, report)
        shelf.write(answers, also)
    if as_json:
        print_json([answer.identified.to_dict() for answer in answers if answer.identified])
    else:
        say(out / REPORT)
    if any(answer.identified is None for answer in answers):
        sys.exit(EXIT_SOME_FAILED)
