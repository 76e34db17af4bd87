"""``earmark corpus``: build and check aligned corpora."""

from __future__ import annotations

import math
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import click

from earmark.cli.options import EXISTING_FILE, EXISTING_FOLDER, JSON, NEW_FOLDER, Verbs, print_json, progress_bar, say
from earmark.errors import printable

EXIT_NOT_OK = 1


@click.group("corpus", cls=Verbs)
def corpus_command() -> None:
    """Build and check aligned corpora: LilyPond or score files → pages, noteheads with onsets, audio features."""


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _tempos(context: click.Context, parameter: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        tempos = tuple(float(part) for part in _names(context, parameter, value))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} are no numbers") from error
    if not all(0.1 <= tempo <= 10 for tempo in tempos):
        raise click.BadParameter("tempos are factors from 0.1 to 10")
    return tempos


@corpus_command.command("build", short_help="Build a corpus, or add what is missing.")
@click.argument("out", type=NEW_FOLDER)
@click.option("--source", required=True, help="Folder of LilyPond or score files, or URL#COMMIT of one.")
@click.option(
    "--pieces",
    type=EXISTING_FILE,
    help="What to build: JSON {piece: path} or a path a line.  [default: every score, but what others include]",
)
@click.option(
    "--splits",
    type=EXISTING_FILE,
    help="Which pieces train, validate and test: YAML or JSON {split: [piece, …]}.",
)
@click.option("--pianos", default="fluidr3-0-0", show_default=True, callback=_names, help="Names, with commas.")
@click.option("--tempos", default="1", show_default=True, callback=_tempos, help="Factors, with commas.")
@click.option("--takes", default=0, show_default=True, type=click.IntRange(0), help="Recorded performances, per piano.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=os.cpu_count, help="Processes.  [default: all cores]")
def build_command(
    out: Path,
    source: str,
    pieces: Path | None,
    splits: Path | None,
    pianos: tuple[str, ...],
    tempos: tuple[float, ...],
    takes: int,
    jobs: int,
) -> None:
    """Build the corpus OUT, or add to it what is missing.

    Exit code 1 when a piece failed; the manifest says why.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from earmark.corpus.build import build
    from earmark.corpus.piece import Renderings
    from earmark.corpus.sources import list_pieces, open_source
    from earmark.corpus.splits import keep_splits

    opened = open_source(source, out / "source")
    wanted = list_pieces(opened, pieces)
    if splits:
        keep_splits(splits, out)
    console = Console()
    engraving_s = rendering_s = 0.0
    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, console=console))
        task = progress.add_task("building", total=len(wanted))
        builds = stack.enter_context(closing(build(out, opened, wanted, Renderings(pianos, tempos, takes), jobs)))
        for built in builds:
            engraving_s += built.engraving_s
            rendering_s += built.rendering_s
            if built.entry["status"] == "failed":
                failed += 1
                said = printable(f"failed: {built.entry['piece']}: {built.entry['reason']}")
                progress.console.print(said, markup=False)
            progress.advance(task)
    console.print(
        f"{len(wanted) - failed} of {len(wanted)} pieces in {out}; "
        f"engraving took {engraving_s:.0f} s of work, rendering {rendering_s:.0f} s, on {jobs} processes"
    )
    sys.exit(EXIT_NOT_OK if failed else 0)


@corpus_command.command("choose", short_help="Find more pieces to train on.")
@click.argument("out", type=NEW_FOLDER)
@click.option("--source", required=True, help="Folder of LilyPond files, or URL#COMMIT of one.")
@click.option(
    "--pieces",
    required=True,
    multiple=True,
    type=EXISTING_FILE,
    help="Where the pieces of the splits are: JSON {piece: path}; repeat it.",
)
@click.option(
    "--splits",
    required=True,
    type=EXISTING_FILE,
    help="Which pieces train, validate and test: YAML or JSON.",
)
@click.option("--without", multiple=True, metavar="WORK", help="Another work to leave out; repeat it.")
@click.option("--instruments", is_flag=True, help="All that is not for keyboard, in place of what is.")
@click.option("--keys", type=click.IntRange(1, 11), help="What is trained on in so many other keys, in place of more.")
def choose_command(
    out: Path,
    source: str,
    pieces: tuple[Path, ...],
    splits: Path,
    without: tuple[str, ...],
    instruments: bool,
    keys: int | None,
) -> None:
    """Find more keyboard pieces to train on, of works that no held-out piece is of.

    Writes OUT/pieces.json and OUT/splits.json, the given splits with one named "more", for ``earmark corpus build``.
    With --instruments, these are "instruments", "instruments-valid" and "instruments-test", no work in two of them,
    and OUT/left-out.json says why which file is in none. With --keys, "keys" has every listed piece that is trained on
    in other keys, drawn from its name.

    \b
    earmark corpus choose more --source mutopia --pieces pieces.json --splits splits.yaml --without BachJS/BWV846
    """
    from earmark.corpus.choose import KEYS, MORE, choose, choose_instruments, choose_keys
    from earmark.corpus.sources import list_pieces, open_source
    from earmark.corpus.splits import read_split_file, write_splits
    from earmark.files import write_json

    opened, given = open_source(source, out / "source"), read_split_file(splits)
    files = {piece: file for path in pieces for piece, file in list_pieces(opened, path).items()}
    if instruments and keys:
        raise click.UsageError("give either --instruments or --keys")
    if keys:
        chosen = choose_keys(given, files, keys, without)
        more = {KEYS: sorted({*given.get(KEYS, []), *chosen})}
    elif instruments:
        choice = choose_instruments(opened, given, files, without)
        chosen, more = choice.files, choice.splits
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "left-out.json", dict(sorted(choice.left_out.items())))
    else:
        chosen = choose(opened, given, files, without)
        more = {MORE: list(chosen)}
    write_splits({**given, **more}, out)
    write_json(out / "pieces.json", chosen)
    say(f"{len(chosen)} pieces in {out}")


@corpus_command.command("compose", short_help="Write made-up pieces to build from.")
@click.argument("folder", type=NEW_FOLDER)
@click.option("-n", "--pieces", default=100, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=1, show_default=True, help="Number of the first; each number is a piece.")
def compose_command(folder: Path, pieces: int, seed: int) -> None:
    """Write made-up piano pieces into FOLDER as MEI: a source for ``earmark corpus build``, engraved by Verovio."""
    from earmark.corpus.compose import compose

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(seed, seed + pieces):
        (folder / f"made-up-{number:05}.mei").write_text(compose(number), encoding="utf-8")
    say(f"{pieces} pieces in {folder}")


@corpus_command.command("check", short_help="Prove that a corpus is whole.")
@click.argument("out", type=EXISTING_FOLDER)
@JSON
def check_command(out: Path, as_json: bool) -> None:
    """Prove that the corpus OUT is whole and that every onset is a note of its MIDI file.

    Exit code 1 when something is wrong.
    """
    from earmark.corpus.check import check

    report = check(out)
    if as_json:
        print_json(report.to_dict())
    else:
        for problem in report.problems:
            say(problem)
        say(f"pieces      {report.ok} of {report.pieces}, {report.failed} failed")
        say(f"aligned     {report.well_aligned} with at least 99 % matched, worst {report.lowest_matched_fraction:.4f}")
        say(f"noteheads   {report.noteheads}, {report.matched} of {report.sounding} sounding ones matched")
        say(f"onsets      {report.onsets} in {report.duration_s / 3600:.2f} h")
        say(f"pages       {report.pages} with {report.systems} systems")
        for rendering, pieces in report.renderings.items():
            say(f"audio       {rendering}: {pieces} pieces")
        for one in report.shared:
            say(f"held out    {one.held_out}: {100 * one.share:.0f} % of it is in {one.trained}; are they one work?")
        say("all files as the manifest says" if not report.problems else f"{len(report.problems)} problems")
    sys.exit(EXIT_NOT_OK if report.problems else 0)


def _renderings(_context: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, list[str]]:
    chosen = {}
    for text in value:
        split, sign, names = text.partition("=")
        if not sign or not names:
            raise click.BadParameter(f"{text!r} is not SPLIT=RENDERING,RENDERING…")
        chosen[split] = names.split(",")
    return chosen


@corpus_command.command("pack", short_help="Pack a corpus into parts.")
@click.argument("corpus", type=EXISTING_FOLDER)
@click.argument("out", type=NEW_FOLDER)
@click.option(
    "--split",
    "renderings",
    multiple=True,
    required=True,
    metavar="SPLIT=RENDERING,…",
    callback=_renderings,
    help="A split and its renderings; repeat it.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Only the beginning of each piece.")
@click.option("--part-mb", default=44, show_default=True, type=click.IntRange(1), help="The size of a part.")
def pack_command(
    corpus: Path, out: Path, renderings: dict[str, list[str]], minutes: float | None, part_mb: int
) -> None:
    """Pack what training reads of CORPUS into parts in OUT, small enough to send to another machine.

    Of a piece are packed those of the renderings that it has.

    \b
    earmark corpus pack data/msmd parts --split train=fluidr3-0-0@1,timgm6mb-0-0@1 --split valid=timgm6mb-0-2@1
    """
    from earmark.training.data.pack import pack

    with progress_bar("packing") as report:
        most = math.inf if minutes is None else minutes
        parts = pack(corpus, out, renderings, part_bytes=part_mb * 1_000_000, minutes=most, report=report)
    for path in parts:
        say(f"{path} {path.stat().st_size / 1e6:.1f} MB")


@corpus_command.command("unpack", short_help="Make a corpus of parts.")
@click.argument("corpus", type=NEW_FOLDER)
@click.argument("parts", nargs=-1, required=True, type=EXISTING_FILE)
def unpack_command(corpus: Path, parts: tuple[Path, ...]) -> None:
    """Make the folder CORPUS of PARTS, or add to it: training reads it in place of the whole corpus.

    \b
    earmark corpus unpack data/msmd parts/part-00.zip parts/part-01.zip
    """
    from earmark.training.data.pack import unpack

    say(unpack(parts, corpus))
