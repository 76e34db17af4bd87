"""``earmark verify``, ``backup`` and ``copy``: keeping a library whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earmark.cli.options import JSON, LIBRARY, print_json, say
from earmark.errors import BadInput, printable

if TYPE_CHECKING:
    from earmark.store.store import Piece
    from earmark.store.verify import Problem

EXIT_WRONG = 1


@click.command()
@LIBRARY
@click.option("--repair", "is_repaired", is_flag=True, help="Mend what can be mended.")
@click.option("--yes", "is_agreed", is_flag=True, help="With --repair: do not ask before something is removed.")
@JSON
def verify_command(where: str, is_repaired: bool, is_agreed: bool, as_json: bool) -> None:
    """Say whether LIBRARY is whole, and whether the files of its pieces are there and as they were.

    With --repair, files of equal content are noted in place of those that are gone, if they lie in or beside folders
    of the library's files. What belongs to no piece, and pieces that are damaged, are removed from LIBRARY after
    asking; your own files are never touched. Exits with 0 if all is well in the end, with 1 if something is wrong.

    \b
    earmark verify ~/scores
    earmark verify ~/scores --repair
    """
    from earmark.store.location import folder_of
    from earmark.store.verify import repair, verify

    folder = folder_of(where, "verified")
    report = verify(folder)
    if not as_json:
        for problem in report.problems:
            say(f"{problem.fault}: {_message(problem)}")
    mended = []
    if is_repaired:
        mended = repair(
            folder, [problem for problem in report.problems if problem.can_be_mended and _agreed(problem, is_agreed)]
        )
    left = [problem for problem in report.problems if problem not in mended]
    if as_json:
        told = [_problem_json(problem, problem in mended) for problem in report.problems]
        print_json({"library": where, "pieces": report.pieces, "files": report.files, "problems": told})
    else:
        for problem in mended:
            say(f"mended: {problem.subject}: {DONE[problem.fault]}")
        say(_summary(len(left)) if left else f"whole: {report.pieces} pieces, {report.files} files")
    if left:
        sys.exit(EXIT_WRONG)


@click.command()
@LIBRARY
@click.argument("to", metavar="TO", type=click.Path(path_type=Path))
def backup_command(where: str, to: Path) -> None:
    """Copy LIBRARY to TO, a new folder, also while others read and write it.

    What was fetched or uploaded for it is copied, too; files that pieces were read from elsewhere are not. The copy
    appears whole or not at all, and is a library like any other.

    \b
    earmark backup ~/scores /mnt/backup/scores
    """
    from earmark.store.backup import back_up
    from earmark.store.location import folder_of

    pieces = back_up(folder_of(where, "backed up"), to.expanduser())
    say(f"copied: {pieces} pieces to {to}")


@click.command()
@LIBRARY
@click.argument("to", metavar="TO", type=click.Path(path_type=str))
def copy_command(where: str, to: str) -> None:
    """Put the pieces of LIBRARY into the library TO, without reading any file anew.

    Either may be a folder or an address in Milvus. TO is made if need be. What it has already is not copied again, so
    that a copy that was stopped goes on. Files stay where they are; with EARMARK_FILES=s3://… they are put there, too.

    \b
    earmark copy ~/scores milvus://db.example.org:19530/scores
    earmark copy milvus://db.example.org:19530/scores ~/copy
    """
    from earmark.cli.options import open_library, progress_bar
    from earmark.store.whole import copy_pieces

    if where == to:
        raise BadInput(to, "is the library itself", "name another one")
    copied = there = 0
    with open_library(where) as source, open_library(to, create=True) as copy, progress_bar("copying") as bar:

        def report(piece: Piece, is_new: bool, done: int, total: int) -> None:
            nonlocal copied, there
            copied, there = copied + is_new, there + (not is_new)
            bar(done, total)

        copy_pieces(source.store, copy.store, report)
    say(f"copied: {copied} pieces to {to}" + (f"; {there} were there already" if there else ""))


DONE = {
    "moved": "noted where it is",
    "damaged": "taken out",
    "orphan": "removed",
    "scratch": "removed",
    "index": "removed",
}


def _agreed(problem: Problem, is_agreed: bool) -> bool:
    """Whether something may be mended: asked of what would be removed."""
    if is_agreed or problem.fault in ("moved", "scratch", "index"):
        return True
    return click.confirm(f"Remove {printable(problem.subject)}, which {WHY[problem.fault]}?", err=True)


WHY = {"damaged": "is damaged", "orphan": "belongs to no piece"}


def _message(problem: Problem) -> str:
    return f"{problem.subject}: {problem.what}; {problem.remedy}"


def _summary(left: int) -> str:
    return f"wrong: {left} thing{'s' * (left > 1)}"


def _problem_json(problem: Problem, is_mended: bool) -> dict[str, Any]:
    told = {"problem": problem.fault, "subject": problem.subject, "what": problem.what, "remedy": problem.remedy}
    return {**told, "mended": is_mended}
