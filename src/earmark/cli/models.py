"""``earmark models``: the encoders that ship with Earmark."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def models_command(as_json: bool) -> None:
    """List the models that ship with Earmark: give a name to add, evaluate or paper figures.

    \b
    earmark models
    earmark add ~/scores ~/Music/pdf --model bl2-lc-at
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from earmark.model.encoders import about, available

    rows: list[dict[str, Any]] = [about(name) for name in available()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
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
