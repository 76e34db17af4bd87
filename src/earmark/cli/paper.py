"""``earmark paper tables``, ``claims``, ``curves`` and ``figures``."""

from __future__ import annotations

from pathlib import Path

import click

from earmark.cli.options import EXISTING_FOLDER, NEW_FOLDER, Verbs, progress_bar, say


@click.group("paper", cls=Verbs)
def paper_command() -> None:
    """The paper's tables and figures (Balke et al., ISMIR 2019), made anew from our results."""


@paper_command.command("tables", short_help="Write Tables 2 and 3.")
@click.argument("results", type=EXISTING_FOLDER)
@click.argument("out", type=NEW_FOLDER)
def tables_command(results: Path, out: Path) -> None:
    """Write Tables 2 and 3 into OUT as tables.md and tables.json.

    RESULTS is a folder of files that `earmark model evaluate --json` wrote, one a model. Every cell holds the published
    number and ours. A row is known by its weights' name: bl2-lc-at is the refined row, bl2-lc-at-unrefined the other.

    \b
    earmark paper tables experiments/results experiments/balke2019
    """
    from earmark.balke2019.tables import write_tables

    for path in write_tables(results, out):
        say(path)


@paper_command.command("claims", short_help="Write which of the paper's claims hold.")
@click.argument("corpus", type=EXISTING_FOLDER)
@click.argument("out", type=NEW_FOLDER)
@click.argument("weights", nargs=-1, required=True, metavar="WEIGHTS...")
def claims_command(corpus: Path, out: Path, weights: tuple[str, ...]) -> None:
    """Measure the rows in WEIGHTS on the test pieces of CORPUS; write claims.md and claims.json into OUT.

    Each claim compares two rows: the difference of their MRR, published and here, its 95 % bootstrap interval over
    pieces, and whether it holds.

    \b
    earmark paper claims data/msmd experiments experiments/balke2019/weights/*
    """
    from earmark.balke2019.claims import write_claims
    from earmark.model.encoders import load

    with progress_bar("encoding pieces") as report:
        paths = write_claims([load(name) for name in weights], corpus, out, report)
    for path in paths:
        say(path)


@paper_command.command("curves", short_help="Draw how the rows were trained.")
@click.argument("results", type=EXISTING_FOLDER)
@click.argument("out", type=NEW_FOLDER)
def curves_command(results: Path, out: Path) -> None:
    """Draw the validation MRR of the paper's rows against the pairs seen: OUT/curves.png and OUT/curves.svg.

    RESULTS is a folder of files that `earmark model evaluate --json FILE --log LOG` wrote, one a model.

    \b
    earmark paper curves experiments/results experiments/figures
    """
    from earmark.balke2019.curves import write_curves

    for path in write_curves(results, out):
        say(path)


@paper_command.command("figures", short_help="Write figures 1b, 2, 3 and 4.")
@click.argument("weights")
@click.argument("corpus", type=EXISTING_FOLDER)
@click.argument("out", type=NEW_FOLDER)
@click.option("--map", "pieces", multiple=True, metavar="PIECE", help="A piece in the map of figure 1b; repeat it.")
def figures_command(weights: str, corpus: Path, out: Path, pieces: tuple[str, ...]) -> None:
    """Write figures 1b, 2, 3 and 4 into OUT as PNG and SVG, for WEIGHTS with attention, on the test pieces of CORPUS.

    Prints the rank correlation between the attention's entropy and the number of onsets (figure 4).

    \b
    earmark paper figures experiments/balke2019/weights/bl2-lc-at data/msmd figures
    earmark paper figures earmark-2 data/msmd figures --map MozartWA__KV331__KV331_1_1_var1
    """
    from earmark.balke2019.figures import write_figures
    from earmark.model.encoders import load

    with progress_bar("encoding pieces") as report:
        paths, correlation = write_figures(load(weights), corpus, out, pieces, report)
    for path in paths:
        say(path)
    say(f"rank correlation of entropy and onsets: {correlation:.3f}")
