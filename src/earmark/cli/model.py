"""``earmark model``: train, refine, export, calibrate, evaluate and list models."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from earmark.cli.options import EXISTING_FILE, EXISTING_FOLDER, JSON, NEW_FOLDER, Verbs, print_json, progress_bar, say
from earmark.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.balke2019.recipe import Recipe
    from earmark.training.evaluation.confidence import Promise, Trial
    from earmark.training.experiment import Experiment
    from earmark.training.loop import Progress as Step

ENCODED = Path("data/calibration")
"""What calibrating has encoded."""


@click.group("model", cls=Verbs)
def model_command() -> None:
    """Make models and measure them: recipe → checkpoint → weights → calibrated weights → figures."""


@model_command.command("train", short_help="Train as recipe files say.")
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...", type=click.Path(path_type=Path))
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), help="Where the runs' folders go.")
@click.option("--minutes", type=click.FloatRange(min=0), help="Stop after this long, wherever training stands.")
def train_command(recipes: tuple[Path, ...], runs: Path, minutes: float | None) -> None:
    """Train as each RECIPE (a TOML file) says, one after the other; run it again to resume what was stopped.

    It may be stopped at any moment. A file that names a row of the paper trains that row's network. A file with several
    seeds makes one run of each.

    \b
    earmark model train experiments/earmark-2/recipe.toml
    earmark model train experiments/balke2019/*.toml --minutes 25
    """
    _, checkpoints = _train(recipes, runs, minutes)
    say("\n".join(map(str, checkpoints)))


def _train(recipes: Sequence[Path], runs: Path, minutes: float | None) -> tuple[list[Experiment | Recipe], list[Path]]:
    """Train what recipes say. Returns the runs' settings, and the checkpoints of those for which there was time."""
    from earmark.balke2019 import train as rows
    from earmark.balke2019.recipe import Recipe
    from earmark.training import train as own
    from earmark.training.experiment import Experiment, read_settings

    def made(values: Mapping[str, Any]) -> Sequence[Experiment | Recipe]:
        return [Recipe.from_dict(values)] if "row" in values else Experiment.of_each_seed(values)

    deadline = time.monotonic() + 60 * minutes if minutes is not None else math.inf
    every = [settings for path in recipes for settings in read_settings(path, made)]
    twice = {settings.name for settings in every if sum(settings.name == other.name for other in every) > 1}
    if twice:
        raise click.UsageError(f"{min(twice)} is named twice; runs of one name would share a folder")
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(),
    )
    checkpoints = []
    with Progress(*columns, console=console) as bar:

        def report(task: TaskID, step: Step) -> None:
            bar.update(task, completed=step.step, total=step.steps, loss=step.loss)
            if step.validation:
                found = step.validation
                bar.console.print(
                    f"step {step.step}  {step.minutes:.1f} min  {step.pairs} pairs  loss {step.loss:.3f}  "
                    f"validation R@1 {found.recall_at_1:.1f} MRR {found.mrr:.3f} of {found.candidates}"
                )

        for settings in every:
            if time.monotonic() >= deadline:
                break
            reported = partial(report, bar.add_task(settings.name, total=None, loss=float("nan")))
            if isinstance(settings, Recipe):
                checkpoints.append(rows.train(settings, runs / settings.name, reported, deadline))
            else:
                checkpoints.append(own.train(settings, runs / settings.name, reported, deadline))
    return every, checkpoints


@model_command.command("refine", short_help="Fit a paper row's CCA layer on many pairs.")
@click.argument("checkpoints", nargs=-1, required=True, metavar="CHECKPOINT...", type=EXISTING_FILE)
@click.option("--pairs", default=25_000, show_default=True, type=click.IntRange(100), help="How many training pairs.")
def refine_command(checkpoints: tuple[Path, ...], pairs: int) -> None:
    """Fit the CCA layer of each CHECKPOINT, a row of the paper, on many training pairs; writes refined.pt beside it.

    \b
    earmark model refine runs/bl2-lc-at/checkpoint.pt
    """
    from earmark.balke2019.train import refine

    console = Console(stderr=True)
    for checkpoint in checkpoints:
        with console.status(f"encoding pairs for {checkpoint}"):
            refined = refine(checkpoint, pairs)
        say(refined)


@model_command.command("make", short_help="Train, export and calibrate as a recipe says.")
@click.argument("recipe", type=EXISTING_FILE)
@click.argument("out", type=NEW_FOLDER)
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), help="Where the runs' folders are.")
def make_command(recipe: Path, out: Path, runs: Path) -> None:
    """Make the weights OUT as RECIPE says: train what is not trained yet, average its seeds, export, calibrate.

    It may be stopped at any moment and run again.

    \b
    earmark model make experiments/earmark-2/recipe.toml weights/earmark-2
    """
    from earmark.training.experiment import Experiment, ends
    from earmark.training.export import export

    settings, checkpoints = _train([recipe], runs, None)
    made = {of: path for of, path in zip(settings, checkpoints, strict=True) if isinstance(of, Experiment)}
    if not made:
        raise click.UsageError(f"{recipe} is a row of the paper: train, refine and export it")
    last = ends(list(made))
    say(export([made[run] for run in last], out))
    _calibrate(out, last[-1], None)


@model_command.command("export", short_help="Write a checkpoint's encoders as weights.")
@click.argument("checkpoints", nargs=-1, required=True, metavar="CHECKPOINT...", type=EXISTING_FILE)
@click.argument("out", type=NEW_FOLDER)
def export_command(checkpoints: tuple[Path, ...], out: Path) -> None:
    """Write the encoders of CHECKPOINT into the folder OUT as ONNX files that searching uses.

    Of several seeds that share their first steps, the mean is written.

    \b
    earmark model export runs/earmark-2/checkpoint.pt weights/earmark-2
    """
    from earmark.balke2019 import export as rows
    from earmark.balke2019.train import is_row
    from earmark.training import export as own

    if not any(map(is_row, checkpoints)):
        say(own.export(checkpoints, out))
    elif len(checkpoints) == 1:
        say(rows.export(checkpoints[0], out))
    else:
        raise click.UsageError("rows of the paper are exported one by one")


@model_command.command("calibrate", short_help="Set how sure a search may be.")
@click.argument("weights", type=EXISTING_FOLDER)
@click.argument("recipe", type=EXISTING_FILE)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    default=ENCODED,
    show_default=True,
    help="A folder that keeps what has been encoded, so that what was interrupted goes on.",
)
@click.option(
    "--diagram", type=click.Path(dir_okay=False, path_type=Path), help="Draw the reliability diagram: FILE.svg."
)
def calibrate_command(weights: Path, recipe: Path, work: Path, diagram: Path | None) -> None:
    """Set the confidence of the folder WEIGHTS on the validation pieces that RECIPE names.

    Prints what holds of it for pieces that it was not fitted on.

    \b
    earmark model calibrate weights/earmark-2 experiments/earmark-2/recipe.toml
    """
    from earmark.training.experiment import Experiment, read_settings

    _calibrate(weights, read_settings(recipe, Experiment.of_each_seed)[-1], diagram, work)


def _calibrate(weights: Path, recipe: Experiment, diagram: Path | None, work: Path = ENCODED) -> None:
    from earmark.model.encoders import load
    from earmark.training.evaluation.calibrate import calibrate

    draw = _reliability() if diagram else None
    with progress_bar("encoding and searching") as report:
        calibrated = calibrate(weights, load(weights), recipe, work, report=report)
    _print_promises(calibrated.promises)
    if draw and diagram:
        draw(calibrated.trial, diagram)


def _reliability() -> Callable[[Trial, Path], None]:
    try:
        from earmark.training.evaluation.reliability import draw_reliability
    except ImportError as error:
        raise EarmarkError("the diagram needs matplotlib; install it with: pip install 'earmark[figures]'") from error
    return draw_reliability


def _print_promises(promises: Sequence[Promise]) -> None:
    kind = Column("query", no_wrap=True)
    table = Table("library", kind, "queries", "first", "found", "absent", "falsely sure", box=box.MARKDOWN)
    for promise in promises:
        shares = (promise.right, promise.found, promise.falsely_sure)
        right, found, falsely_sure = (f"{share:.1%}" for share in shares)
        table.add_row(
            str(promise.among), promise.kind, str(promise.present), right, found, str(promise.absent), falsely_sure
        )
    Console().print(table)


@model_command.command("evaluate", short_help="Measure weights under the paper's protocol.")
@click.argument("weights")
@click.argument("corpus", type=EXISTING_FOLDER)
@click.option("--split", default="test", show_default=True, help="Which pieces.")
@click.option("--piano", default="musescore-0-0", show_default=True, help="Which rendering: its piano …")
@click.option("--tempo", type=float, default=1.0, show_default=True, help="… and its tempo.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Add the figures to the model's file.")
@click.option("--log", type=EXISTING_FILE, help="Keep the curve of this run's log.jsonl in that file, too.")
def evaluate_command(
    weights: str, corpus: Path, split: str, piano: str, tempo: float, json_path: Path | None, log: Path | None
) -> None:
    """Measure WEIGHTS (a shipped name or a folder) on a split of CORPUS under the paper's protocol.

    \b
    earmark model evaluate earmark-2 data/msmd --split test --tempo 1 --json experiments/results/earmark-2.json
    """
    from earmark.model.encoders import load
    from earmark.training.evaluation.evaluate import evaluate, write_result

    with progress_bar("encoding pieces") as report:
        result = evaluate(load(weights), corpus, split, piano, tempo, report)
    if json_path:
        write_result(json_path, result, log)
    table = Table("", "R@1", "95 %", "R@5", "R@25", "MRR", "95 %", "MR", "of", box=box.SIMPLE, padding=0)
    for direction in ("audio_to_sheet", "sheet_to_audio"):
        row = result[direction]
        within = row["interval_95"]
        table.add_row(
            direction.replace("_to_", " → "),
            f"{row['recall@1']:.2f}",
            "{:.1f}–{:.1f}".format(*within["recall@1"]),
            f"{row['recall@5']:.2f}",
            f"{row['recall@25']:.2f}",
            f"{row['mrr']:.3f}",
            "{:.2f}–{:.2f}".format(*within["mrr"]),
            f"{row['median_rank']:g}",
            str(row["candidates"]),
        )
    console = Console()
    console.print(table)
    for direction in ("audio_to_sheet", "sheet_to_audio"):
        row = result[direction]
        console.print(
            f"{direction.replace('_to_', ' → ')}: R@1 {row['recall@1_within_one_onset']:.2f} when a neighbouring onset "
            f"counts, {row['piece_hit@1']:.2f} when the piece does; "
            f"a perfect system: R@1 {row['ceiling']['recall@1']:.2f}, MRR {row['ceiling']['mrr']:.3f}",
            highlight=False,
        )
        for name, words in (("work_in_training", "with"), ("work_not_in_training", "without")):
            some = row[name]
            if some["queries"]:
                console.print(
                    f"    {some['pieces']} pieces {words} others of their work in training: "
                    f"R@1 {some['recall@1']:.2f}, MRR {some['mrr']:.3f}",
                    highlight=False,
                )


@model_command.command("list", short_help="List the models that ship with Earmark.")
@JSON
def list_command(as_json: bool) -> None:
    """List the models that ship with Earmark; their names can be given wherever a model or weights are asked for.

    \b
    earmark model list
    """
    from earmark.model.encoders import about, available

    rows = [about(name) for name in available()]
    if as_json:
        print_json(rows)
        return
    table = Table("model", "what it is", "dimensions", "MB", "pairs seen", "minutes", "on", box=box.SIMPLE, padding=0)
    for row in rows:
        table.add_row(
            row["name"],
            row["summary"],
            str(row["dimension"]),
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['pairs']:,}".replace(",", " "),
            f"{row['minutes']:.0f}",
            row["hardware"] or "",
        )
    Console().print(table)
