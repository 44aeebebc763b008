"""``annealrl list``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from annealrl.cli.output import print_table, write_json
from annealrl.errors import InputError


class What(StrEnum):
    """What there is to list."""

    envs = "envs"
    instances = "instances"
    agents = "agents"
    baselines = "baselines"


#: Where the other listings come from: functions that return (name, description).
_SOURCES = {
    What.instances: "annealrl.instances.catalogue:names",
    What.agents: "annealrl.agents.catalogue:zoo",
    What.baselines: "annealrl.baselines.grammar:known_methods",
}


def list_(
    what: Annotated[What, typer.Argument(help="What to list.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table (envs).")] = False,
) -> None:
    """List what there is."""
    from annealrl import listing
    from annealrl.registry import load_object

    if markdown and what is not What.envs:
        raise InputError("list: --markdown goes with envs")
    if what is What.envs:
        rows = listing.rows()
        columns = ["name", "description", "parameters", "reference"]
        cells = [row.cells for row in rows]
        if markdown:
            print(listing.markdown(rows), end="")
            return
    else:
        columns, cells = ["name", "description"], list(load_object(_SOURCES[what])())
    if json:
        write_json([dict(zip(columns, row, strict=True)) for row in cells], "-")
    else:
        print_table(columns, cells, sys.stdout)
