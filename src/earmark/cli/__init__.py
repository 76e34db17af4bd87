"""The ``earmark`` command: parse, call the library, print one line per error.

Every verb lives in a module of this folder and is imported when it is called, so that ``--help`` is instant.
"""

from __future__ import annotations

import importlib
import sys

import click

from earmark import __version__
from earmark.errors import EarmarkError, Unsure

VERBS = {
    "add": ("earmark.cli.library", "Index sheet music and recordings: files, folders, IIIF."),
    "find": ("earmark.cli.library", "Find the page that a recording is played from, or the other way."),
    "align": ("earmark.cli.library", "Follow a recording through its score, moment by moment."),
    "list": ("earmark.cli.library", "List the pieces of a library."),
    "remove": ("earmark.cli.library", "Remove pieces from a library."),
    "pages": ("earmark.cli.pages", "Show the systems that are found on pages."),
    "serve": ("earmark.cli.serve", "Open a library to a browser: ask, see, follow, listen."),
    "listen": ("earmark.cli.listen", "Say what is played, and where on the page, while it is played."),
    "corpus": ("earmark.cli.corpus", "Build and check aligned corpora."),
    "train": ("earmark.cli.training", "Train encoders as an experiment file says."),
    "refine": ("earmark.cli.training", "Fit a paper row's CCA layer on many training pairs."),
    "export": ("earmark.cli.training", "Write a checkpoint's encoders as weights for searching."),
    "blend": ("earmark.cli.training", "Write the mean of exported weights."),
    "calibrate": ("earmark.cli.training", "Set how sure a search may be, on validation pieces."),
    "models": ("earmark.cli.models", "List the models that can be used."),
    "evaluate": ("earmark.cli.training", "Measure weights under the paper's protocol."),
    "paper": ("earmark.cli.paper", "The paper's tables and figures, from our results."),
}
EXIT_UNSURE = 1
EXIT_BAD_INPUT = 2


class LazyGroup(click.Group):
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
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in VERBS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="earmark")
def earmark() -> None:
    """Hear a recording, find the page of sheet music it is played from.

    \b
    earmark add ~/scores ~/Music/pdf          index a folder of PDFs into the library ~/scores
    earmark find ~/scores clip.m4a            find the page that the clip is played from
    """


def main() -> None:
    """Run the command line; exit code 0 for success, 1 for a negative answer, 2 for bad input or usage."""
    try:
        earmark(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("earmark: stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Unsure as error:
        click.echo(f"earmark: {error}", err=True)
        sys.exit(EXIT_UNSURE)
    except EarmarkError as error:
        click.echo(f"earmark: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)
