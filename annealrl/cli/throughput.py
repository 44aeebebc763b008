"""``annealrl throughput``: attempted updates per second, side by side in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import STDOUT, human, print_table, progress_bar, write_json
from annealrl.errors import InputError


def throughput(
    against: Annotated[
        str | None, typer.Option("--against", metavar="dwave,openjij", help="Packages to measure beside ours.")
    ] = None,
    json: opt.Json = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="PNG", help="Picture; by default beside the JSON file.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Put the tables between this file's markers.")
    ] = None,
    read: Annotated[
        Path | None, typer.Option("--read", metavar="JSON", help="Show what was measured before; measure nothing.")
    ] = None,
    only: Annotated[str, typer.Option("--only", metavar="TEXT", help="Only models whose name contains it.")] = "",
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Rounds in which the contenders take turns.")] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="A moment's run on small models, to see that it works.")
    ] = False,
) -> None:
    """Measure attempted updates per second, by model and kernel, beside other packages (two to three minutes)."""
    from annealrl import throughput as engine
    from annealrl.results import read_json
    from annealrl.throughput.report import around_markers, check

    if markdown is not None:
        around_markers(markdown)  # refused now, not after minutes of measuring
    if read is not None:
        if against or only or quick:
            raise InputError("--read shows what was measured before; it goes with no --against, --only or --quick")
        report = check(read_json(read), str(read))
    else:
        names = [] if against is None else [name.strip() for name in against.split(",")]
        with progress_bar("throughput") as update:
            report = engine.measure(names, rounds=rounds, only=only, quick=quick, progress=update)
    for section in engine.to_tables(report):
        print(f"\n{section.title}", file=human(json))
        print_table(section.columns, section.rows, human(json))
    write_json(report, json)
    if plot is None and json is not None and json != STDOUT:
        plot = Path(json).with_suffix(".png")
    if plot is not None:
        engine.draw(report, plot)
    if markdown is not None:
        engine.update_markdown(markdown, report)
