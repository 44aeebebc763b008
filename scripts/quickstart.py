"""The main job in small: n99 of a learned schedule beside tuned annealing, on held-out instances with proven optima.

Linear and free schedules are tuned here on training instances; the agents come from the zoo. All methods then run on
the same test instances and starts. Results go to runs/quickstart/, and a second run only measures what is missing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console

from annealrl import api, evaluation, tuning
from annealrl.cli.output import progress_bar
from annealrl.method import Budget
from annealrl.plots import n99_plot
from annealrl.results import write_text

SIDES = (8, 10)


def tuned(side: int, family: str, evaluations: int, count: int, out: Path) -> tuning.TuneResult:
    """Tune a family on training instances, or read what an earlier run found."""
    training = api.load_instances(f"ea2d-{side}-train:{count}", certify=True)
    with progress_bar(f"tune {family} at side {side}") as update:
        return tuning.tune(
            training,
            family,
            evaluations=evaluations,
            budget=Budget(),
            criterion="final",
            seed=1,
            out=out / f"{family}-{side}.json",
            progress=update,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--instances", type=int, default=50)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=70, help="schedules tried by each tuning, the same for all")
    parser.add_argument("--training", type=int, default=50, help="training instances of each side")
    arguments = parser.parse_args()
    console = Console()
    arguments.out.mkdir(parents=True, exist_ok=True)
    tables = {}
    for side in SIDES:
        methods = [
            "cool-published",
            tuned(side, "linear", arguments.candidates, arguments.training, arguments.out),
            tuned(side, "free", arguments.candidates, arguments.training, arguments.out),
            f"agent:ea2d-{side}",
        ]
        test = api.load_instances(f"cool-{side}:{arguments.instances}")
        with progress_bar(f"evaluate on {test.name}") as update:
            table = evaluation.benchmark(
                test,
                methods,
                episodes=arguments.episodes,
                criterion="final",
                seed=1,
                out=arguments.out / test.name.replace(":", "-"),
                progress=update,
            )
        console.print(
            f"\n{test.name}: {len(test)} instances × {arguments.episodes} episodes, 64 replicas × 40 × 100 sweeps"
        )
        print(table.to_text())
        tables[test.name] = table
    write_text(arguments.out / "results.json", json.dumps({k: v.to_json() for k, v in tables.items()}, indent=2) + "\n")
    n99_plot([result for table in tables.values() for result in table.results], arguments.out / "n99.png")
    console.print(f"JSON, plot and reports: {arguments.out}/")


if __name__ == "__main__":
    main()
