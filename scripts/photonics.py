"""Inverse design of thin films and layered spheres: every table and figure of docs/photonics.md.

Stages write RUNS/*.json piece by piece and go on from there when they are started again; each publishes
docs/results/photonics-STAGE.json. `tables` and `figures` come from those files alone. `--only REGEX` measures the
methods whose whole names match, and publishes what else there is: `--only random`, `--only '.*least squares.*'`.

    python scripts/photonics.py tune-bragg [--layers 10 20 40]     # what is free in the methods of the next table
    python scripts/photonics.py bragg [--layers 10 20 40]          # n99 on mirrors
    python scripts/photonics.py shell|stack [--targets 500]        # r_T: networks, searches, gradients, nearest designs
    python scripts/photonics.py tune-spheres spheres               # n99 on the published spheres, blind
    python scripts/photonics.py curve [--targets 2] [--calls 100000]
    python scripts/photonics.py tune-agents agents                 # n99 on planted films and spheres of three layers
    python scripts/photonics.py tables figures
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from annealrl.errors import InputError
from annealrl.inverse.mirrors import LEVELS, bragg, tune_bragg
from annealrl.inverse.report import figures, tables
from annealrl.inverse.spectra import curve, published_task
from annealrl.inverse.spheres import spheres, tune_spheres
from annealrl.inverse.stages import Stage
from annealrl.inverse.successes import successes, tune_agents

STAGES: dict[str, Callable[[Stage], None]] = {
    "tune-bragg": tune_bragg,
    "bragg": bragg,
    "shell": lambda stage: published_task(stage, "shell"),
    "stack": lambda stage: published_task(stage, "stack"),
    "tune-spheres": tune_spheres,
    "spheres": spheres,
    "curve": curve,
    "tune-agents": tune_agents,
    "agents": successes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="+", choices=[*STAGES, "tables", "figures"])
    parser.add_argument("--targets", type=int)
    parser.add_argument("--layers", type=int, nargs="+", choices=list(LEVELS), default=list(LEVELS))
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--only", metavar="REGEX", help="methods whose whole names match")
    parser.add_argument("--runs", type=Path, default=Path("runs/photonics"))
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    given = parser.parse_args()
    for name in given.stages:
        stage = Stage(
            name, given.runs, given.docs / "results", given.targets, tuple(given.layers), given.calls, given.only
        )
        if name in STAGES:
            STAGES[name](stage)
        else:
            {"tables": tables, "figures": figures}[name](given.docs)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(f"photonics: {error}", file=sys.stderr)
        raise SystemExit(2) from None
