"""The headline comparison at one side: tuned schedules and the learned one on all 100 test instances, both rules.

Tuning sees training instances alone, with the same number of candidates for every family. Writes docs/results/ (JSON)
and resumes: what has been measured is not measured again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from annealrl import api, evaluation, tuning
from annealrl.cli.output import progress_bar
from annealrl.method import Budget
from annealrl.plots import n99_plot
from annealrl.results import write_text
from annealrl.tables import Table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=400)
    parser.add_argument("--training", type=int, default=200)
    parser.add_argument("--agent", default=None)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--work", type=Path, default=Path("runs/results"))
    arguments = parser.parse_args()
    side = arguments.side
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    training = api.load_instances(f"ea2d-{side}-train:{arguments.training}", certify=True)
    methods: list[object] = ["cool-published", "kirkpatrick"]
    for family in ("linear", "geometric", "free", "adaptive", "adaptive-speed"):
        with progress_bar(f"tune {family}") as update:
            found = tuning.tune(
                training,
                family,
                evaluations=arguments.candidates,
                budget=Budget(),
                criterion="final",
                seed=2,
                out=arguments.work / f"{family}-{side}.json",
                progress=update,
            )
        found.save(arguments.out / f"tuned-{family}-{side}.json")
        methods.append(found)
    methods.append(f"agent:{arguments.agent or f'ea2d-{side}'}")
    test = api.load_instances(f"cool-{side}")
    tables: dict[str, Table] = {}
    for criterion in ("final", "best"):
        with progress_bar(f"{test.name}, rule {criterion}") as update:
            tables[criterion] = evaluation.benchmark(
                test,
                methods,  # type: ignore[arg-type]
                episodes=arguments.episodes,
                criterion=criterion,  # type: ignore[arg-type]
                seed=1,
                out=arguments.work / f"{test.name}-{criterion}",
                progress=update,
            )
        print(f"\n{test.name}, rule {criterion}")
        print(tables[criterion].to_text())
    content = {criterion: table.to_json() for criterion, table in tables.items()}
    write_text(arguments.out / f"{test.name}.json", json.dumps(content, indent=1) + "\n")
    n99_plot(tables["final"], arguments.out / f"{test.name}.png")


if __name__ == "__main__":
    main()
