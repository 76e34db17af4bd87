"""What several verbs share: groups, arguments and options, opening a library, printing JSON, tables and progress."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earmark.errors import printable

if TYPE_CHECKING:
    from earmark.library.library import Library

EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
LIBRARY = click.argument("where", metavar="LIBRARY", type=click.Path(path_type=str))
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
MODEL = click.option(
    "--model",
    metavar="NAME",
    show_default="the one that ships",
    help="A shipped model's name or a model's folder.",
)


class Verbs(click.Group):
    """A group that lists its verbs in the order in which they are defined, and suggests one for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def known(self, ctx: click.Context) -> dict[str, str]:
        """Words that somebody may mean → what they should type."""
        return {verb: verb for verb in self.list_commands(ctx)}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.list_commands(ctx) and not ctx.resilient_parsing:  # completion asks with half a word
            from difflib import get_close_matches

            known = self.known(ctx)
            meant = get_close_matches(args[0], known, n=1)
            suggestion = f" Did you mean: {ctx.command_path} {known[meant[0]]}" if meant else ""
            raise click.UsageError(f"there is no command {args[0]!r}.{suggestion}", ctx)
        return super().resolve_command(ctx, args)


def open_library(where: str, model: str | None = None, create: bool = False) -> Library:
    """See `Library.open`."""
    from earmark.library.library import Library

    return Library.open(where, model, create)


def say(line: object, err: bool = False) -> None:
    """Print a line, or several, of which a terminal obeys nothing."""
    click.echo(printable(str(line), keep="\n"), err=err)


def print_json(value: object, indent: int | None = 2) -> None:
    """Print a JSON value, indented; what a terminal would obey is escaped as JSON does."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    click.echo(
        re.sub(r"[^\n -~]", lambda one: one[0] if printable(one[0]) == one[0] else json.dumps(one[0])[1:-1], text)
    )


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], optional: tuple[str, ...] = ()) -> None:
    """Print rows under their header, without the ``optional`` columns in which no row has anything."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [i for i, name in enumerate(header) if name not in optional or any(row[i] for row in rows)]
    table = Table(*(header[i] for i in shown), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(printable(row[i])) for i in shown))
    width = None if sys.stdout.isatty() else 10_000  # never wrapped in a file or pipe
    Console(width=width).print(table)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], Any]]:
    """A bar on standard error; call what it yields with how many are done and how many there are."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
