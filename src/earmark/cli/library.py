"""``earmark add`` and ``find``: what is put into a library, and what is asked of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earmark.cli.options import JSON, LIBRARY, MODEL, open_library, print_json, print_table, say
from earmark.cli.pieces import piece_json
from earmark.cli.wording import became, clock, likely, page_of, sentence, summary
from earmark.errors import BadInput
from earmark.results.findings import Findings, Hit, RecordingHit

if TYPE_CHECKING:
    from earmark.library.add import Outcome
    from earmark.library.library import Library

EXIT_SOME_FAILED = 2


@click.command()
@LIBRARY
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(readable=False, path_type=str))
@click.option("--split", is_flag=True, help="Make a file of several titles as many pieces.")
@click.option(
    "--jobs",
    default=None,
    metavar="N",
    show_default="all cores",
    type=click.IntRange(min=1),
    help="How many pieces to read at a time.",
)
@click.option("--ray", default=None, metavar="ADDRESS", help="Read them on the Ray cluster there, on all its cores.")
@MODEL
@JSON
def add_command(
    where: str, paths: tuple[str, ...], split: bool, jobs: int | None, ray: str | None, model: str | None, as_json: bool
) -> None:
    """Index the sheet music and recordings at PATH... into LIBRARY, which is made if need be.

    LIBRARY is a folder, or an address in Milvus. A PDF, a multi-page TIFF, a score file (MusicXML, MXL, MEI, **kern,
    ABC) or a recording is one piece. The images of one folder are the pages of one piece, in natural order. Folders are
    searched recursively. PATH can also be the address of such a file or of a IIIF manifest, which is downloaded into
    LIBRARY. What is there already is not read again; a changed file replaces its piece. Exits with 2 if something could
    not be added; the rest is.

    \b
    earmark add ~/scores ~/Music/pdf
    earmark add ~/scores --split collected-sonatas.pdf
    earmark add ~/scores https://example.org/iiif/book1/manifest.json
    """
    from earmark.cli.add_progress import AddProgress
    from earmark.sources.on_disk import whole_file

    with open_library(where, model, create=True) as library, AddProgress() as progress:

        def report(outcome: Outcome, done: int, total: int) -> None:
            progress.done(whole_file(outcome.source), done, total)
            if outcome.status == "failed":
                progress.warn(became(outcome))
            elif outcome.piece and not as_json:
                say(became(outcome))

        outcomes = library.add(paths, report, split, jobs, progress if progress.is_shown else None, ray)
        stored = library.store.model_id
    if as_json:
        print_json({"library": where, "model": stored, "pieces": [_outcome_json(outcome) for outcome in outcomes]})
    else:
        for line in summary(outcomes, where):
            say(line)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        tried = sum(outcome.status != "skipped" for outcome in outcomes)
        say(f"earmark: {failed} of {tried} could not be added", err=True)
        sys.exit(EXIT_SOME_FAILED)


@click.command()
@LIBRARY
@click.argument("query", type=click.Path(readable=False, path_type=str))
@click.option("--top", default=5, show_default=True, type=click.IntRange(min=1), help="How many pieces to print.")
@click.option("--start", default=0.0, metavar="S", type=click.FloatRange(min=0), help="Listen from this second on.")
@click.option("--end", default=None, metavar="S", type=click.FloatRange(min=0), help="Listen up to this second.")
@click.option(
    "--draw",
    default=None,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the best hit's page, with the place marked, to DIR/<name of QUERY>.png.",
)
@click.option(
    "--annotations",
    default=None,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the hits to FILE as W3C Web Annotations.",
)
@MODEL
@JSON
def find_command(
    where: str,
    query: str,
    top: int,
    start: float,
    end: float | None,
    draw: Path | None,
    annotations: Path | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Find the page in LIBRARY that the recording QUERY is played from.

    QUERY is any audio file, a video with sound, or a MIDI file. It can also be sheet music, a page or a whole
    piece, and is then looked up among other editions and among the library's recordings. Says where it is and how
    surely, or that nothing is likely, and lists the likely pieces with the best place in each; --json has all.
    Page images of a folder or a ZIP archive are one piece; of its other files, each is asked about.
    Exits with 0 whenever it has an answer, also that one; with 2 if something could not be read.

    \b
    earmark find ~/scores clip.m4a
    earmark find ~/scores concert.mp4 --start 65 --end 90 --top 1 --json
    earmark find ~/scores clip.m4a --draw .
    earmark find ~/scores page.jpg
    earmark find ~/scores pages.zip
    """
    answers = []
    failed = 0
    with open_library(where, model) as library:
        for number, found in enumerate(library.find_all(query, top, start, end)):
            if isinstance(found, BadInput):
                say(f"earmark: {found}", err=True)
                failed += 1
                continue
            answers.append(found)
            library.history.note("find", found.query_path, found.to_dict())
            if not as_json:  # before what may fail because a page has moved
                if number or found.query_path != query:
                    say(f"{found.query_path}:")
                _say_findings(found)
            drawn = _draw(library, found, draw) if draw else None
            if drawn and not as_json:
                say(f"drawn: {drawn}")
        if annotations:
            _annotate(library, answers, annotations)
    if as_json and answers:
        told = [found.to_dict() for found in answers]
        print_json(told[0] if len(told) + failed == 1 else told)
    if failed:
        sys.exit(EXIT_SOME_FAILED)


def _draw(library: Library, findings: Findings, folder: Path) -> Path | None:
    """Writes the best hit's page; None if there is no hit."""
    from earmark.files import replacing
    from earmark.sheet.draw import mark_place
    from earmark.sources.reading import read_page

    if not findings.hits:
        return None
    hit = findings.hits[0]
    files = library.files(library.store.piece(hit.piece_id))
    image = mark_place(read_page(files, hit.page, library.sandbox), hit.box)
    path = folder / f"{Path(findings.query_path).stem}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            image.save(file, "PNG")
    except OSError as error:
        raise BadInput(path, f"cannot be written ({error.strerror})", "give another --draw folder") from error
    return path


def _annotate(library: Library, answers: Iterable[Findings], path: Path) -> None:
    from earmark.exports.annotations import annotation_page
    from earmark.files import write_json

    def files(hit: Hit) -> list[Path]:
        return library.files(library.store.piece(hit.piece_id))

    try:
        asked = [(found, [files(hit) for hit in found.hits]) for found in answers]
        write_json(path, annotation_page(asked, library.sandbox))
    except OSError as error:
        raise BadInput(path, f"cannot be written ({error.strerror})", "give another --annotations file") from error


def _say_findings(findings: Findings) -> None:
    for remark in findings.remarks:
        say(f"{findings.query_path}: {remark}")
    say(sentence(findings))
    if findings.why and (findings.hits or findings.recordings):
        say(findings.why)
    most_like = "most like" if findings.query_pages is None else "seen on"
    pages = [
        (*_row_start(hit), page_of(hit), str(hit.system), hit.measure or "", *_row_end(hit))
        for hit in likely(findings.hits)
    ]
    if pages:
        header = ("", "piece", "title", "page", "system", "measure", "heard", most_like, "confidence")
        print_table(header, pages, optional=("title", "measure", "heard"))
    recordings = [(*_row_start(hit), f"{hit.time_s:.1f} s", *_row_end(hit)) for hit in likely(findings.recordings)]
    if recordings:
        columns = ("", "recording", "title", "at", "heard", most_like, "confidence")
        print_table(columns, recordings, optional=("title", "heard"))


def _row_start(hit: Hit | RecordingHit) -> tuple[str, str, str]:
    from earmark.store.names import plain

    return str(hit.rank), hit.piece, hit.title if plain(hit.title) != plain(hit.piece) else ""


def _row_end(hit: Hit | RecordingHit) -> tuple[str, str, str]:
    """From when to when a recording plays the piece, what of the query is most like the hit, and how sure that is."""
    place = hit.query_place
    heard = " – ".join(map(clock, hit.heard_s)) if hit.heard_s else ""
    where = f"{hit.query_time_s:.1f} s" if place is None else f"page {place.page}, system {place.system}"
    return heard, where, f"{hit.confidence:.2f}"


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    told = {"status": outcome.status, "reason": outcome.reason, "remarks": list(outcome.remarks)}
    return {"source": outcome.source, **told, **(piece_json(outcome.piece) if outcome.piece else {})}
