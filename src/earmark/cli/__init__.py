"""The ``earmark`` command: parse, call the library, print one line per error.

Every verb lives in a module of this folder and is imported when it is called, so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import io
import sys

import click

from earmark import __version__
from earmark.cli.options import Verbs, say
from earmark.errors import EarmarkError, Unsure

FIND_MUSIC = {
    "add": ("earmark.cli.library", "Index sheet music and recordings: files, folders, IIIF."),
    "find": ("earmark.cli.library", "Find the page that a recording is played from, or the other way."),
    "list": ("earmark.cli.pieces", "List the pieces of a library."),
    "edit": ("earmark.cli.pieces", "Set a piece's name, title, composer, note and tags."),
    "remove": ("earmark.cli.pieces", "Remove pieces from a library."),
    "verify": ("earmark.cli.upkeep", "Say whether a library and its files are whole, and mend them."),
    "backup": ("earmark.cli.upkeep", "Copy a library, also while it is used."),
    "copy": ("earmark.cli.upkeep", "Put a library's pieces into another, a folder's or in Milvus."),
    "identify": ("earmark.cli.identify", "Say what is on a shelf of recordings, as a report."),
    "links": ("earmark.cli.links", "Say which recordings and scores of a library belong together."),
    "compare": ("earmark.cli.compare", "Compare performances of a piece: tempo, measure by measure."),
    "align": ("earmark.cli.align", "Follow a recording through its score, moment by moment."),
    "history": ("earmark.cli.history", "Tell what was asked of a library, and forget it."),
    "pages": ("earmark.cli.pages", "Show the systems that are found on pages."),
    "serve": ("earmark.cli.serve", "Open a library to a browser: ask, see, follow, listen."),
    "listen": ("earmark.cli.listen", "Say what is played, and where on the page, while it is played."),
    "doctor": ("earmark.cli.doctor", "Say whether Earmark works here, and how well it is protected."),
}
MAKE_MODELS = {
    "model": ("earmark.cli.model", "Train, export, calibrate, measure and list models."),
    "corpus": ("earmark.cli.corpus", "Build and check aligned corpora to train on."),
    "paper": ("earmark.cli.paper", "The paper's tables and figures, from our results."),
}
HEADINGS = {"Find music": FIND_MUSIC, "Make models": MAKE_MODELS}
VERBS = {**FIND_MUSIC, **MAKE_MODELS}
"""What each verb's module is, and what it does, in the order of ``earmark --help``."""
EXIT_UNSURE = 1
EXIT_BAD_INPUT = 2


class LazyVerbs(Verbs):
    """A group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(VERBS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, VERBS))
        for heading, verbs in HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in verbs.items()])

    def known(self, ctx: click.Context) -> dict[str, str]:
        groups = {name: self.get_command(ctx, name) for name in MAKE_MODELS}
        inner = {verb: f"{name} {verb}" for name, group in groups.items() for verb in getattr(group, "commands", ())}
        return inner | super().known(ctx)


COMPLETION = """\b
Completion in the shell, by a line in its start file:
  bash  eval "$(_EARMARK_COMPLETE=bash_source earmark)"
  zsh   eval "$(_EARMARK_COMPLETE=zsh_source earmark)"
  fish  _EARMARK_COMPLETE=fish_source earmark | source
"""


@click.group(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=COMPLETION)
@click.version_option(__version__, prog_name="earmark")
def earmark() -> None:
    """Find the page of sheet music that a recording is played from.

    \b
    earmark add ~/scores ~/Music/pdf          index a folder of PDFs into the library ~/scores
    earmark find ~/scores clip.m4a            find the page that the clip is played from
    """


def main() -> None:
    """Run the command line; exit code 0 for success, 1 for a negative answer, 2 for bad input or usage."""
    try:
        earmark(prog_name="earmark", standalone_mode=False)
    except click.exceptions.Abort:
        say("earmark: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        shown = io.StringIO()  # it may name a file
        error.show(shown)
        say(shown.getvalue().rstrip("\n"), err=True)
        sys.exit(error.exit_code)
    except Unsure as error:
        say(f"earmark: {error}", err=True)
        sys.exit(EXIT_UNSURE)
    except EarmarkError as error:
        say(f"earmark: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
