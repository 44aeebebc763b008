"""The headline comparison at one side: tuned schedules and the learned one on all 100 test instances.

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--candidates", type=int, default=150)
    parser.add_argument("--training", type=int, default=100)
    parser.add_argument("--criterion", choices=["final", "best"], default="final")
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
    agent = arguments.agent or f"ea2d-{side}"
    methods.append(f"agent:{agent}")
    test = api.load_instances(f"cool-{side}")
    # Both rules are counted in one run: p_best and p_final stand in every record, the interval is for the one chosen.
    with progress_bar(test.name) as update:
        table = evaluation.benchmark(
            test,
            methods,  # type: ignore[arg-type]
            episodes=arguments.episodes,
            criterion=arguments.criterion,
            seed=1,
            out=arguments.work / f"{test.name}-{arguments.criterion}",
            progress=update,
        )
    print(table.to_text())
    ratios = {}
    for a in ("free", "geometric", f"agent:{agent}"):
        for b in ("linear", "free"):
            if a != b:
                ratio = table.ratio(a, b)
                ratios[f"{a} / {b}"] = {"ratio": ratio.value, "interval": list(ratio.interval)}
                print(f"n99 {a} / {b}: {ratio.value:.3f} [{ratio.interval[0]:.3f}, {ratio.interval[1]:.3f}]")
    content = {"ratios": ratios, **table.to_json()}
    write_text(arguments.out / f"{test.name}.json", json.dumps(content, indent=1) + "\n")
    n99_plot(table, arguments.out / f"{test.name}.png")


if __name__ == "__main__":
    main()
