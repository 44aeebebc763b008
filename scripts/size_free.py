"""Measure the size-free agent at every side, beside the static schedule that it starts from and what was made for each.

    python scripts/size_free.py [--episodes 10] [--sides 4 6 8 10 12 14 16] [--threads 1]

Rivals at a side: the schedule tuned at side 10 as it stands, and of that side, where they are there, the tuned schedule
(docs/results/tuned-free-SIDE.json) and the agent of the zoo. Writes the zoo entry's evaluation.json and its card; goes
on where it was interrupted. Success is judged at the end of the anneal.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from annealrl import api, evaluation
from annealrl.agents import catalogue
from annealrl.agents.card import EVALUATION, write_card
from annealrl.agents.config import load_config
from annealrl.cli.output import progress_bar
from annealrl.method import Budget
from annealrl.results import write_text

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
NAME, TRAINED_AT, SEED = "ea2d-sizefree", 10, 11


def methods(side: int) -> dict[str, str]:
    """What is measured at a side: text of the method → what to call it."""
    found = {f"agent:{NAME}": f"agent:{NAME}"}
    for at in (TRAINED_AT, side):
        schedule = RESULTS / f"tuned-free-{at}.json"
        if schedule.is_file():
            found[f"schedule:{schedule}"] = schedule.stem
    if f"ea2d-{side}" in catalogue.names():
        found[f"agent:ea2d-{side}"] = f"agent:ea2d-{side}"
    return found


def measured(side: int, episodes: int, threads: int | None, work: Path) -> dict[str, Any]:
    """The rows of one side."""
    names = methods(side)
    with progress_bar(f"cool-{side}") as update:
        table = evaluation.benchmark(
            api.load_instances(f"cool-{side}"),
            list(names),
            episodes=episodes,
            budget=Budget(threads=threads),
            criterion="final",
            seed=SEED,
            out=work / f"cool-{side}",
            progress=update,
        )
    rows = []
    for result, name in zip(table.results, names.values(), strict=True):
        row: dict[str, Any] = {"method": name, "p_final": result.p_final, "p_final_interval": list(result.p_ci)}
        row |= {"p_best": result.p_best, "n99": result.n99, "n99_interval": list(result.n99_ci)}
        if result is not table.results[0]:
            ratio = table.ratio(table.results[0].method, result.method)
            row |= {"n99_ratio_of_agent": ratio.value, "n99_ratio_interval": list(ratio.interval)}
        rows.append(row)
    return {"instances": f"cool-{side}", "methods": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--sides", type=int, nargs="+", default=[4, 6, 8, 10, 12, 14, 16])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/size-free"))
    arguments = parser.parse_args()
    folder = catalogue.directory(NAME)
    sets = [measured(side, arguments.episodes, arguments.threads, arguments.work) for side in arguments.sides]
    shown = {
        "episodes_per_instance": arguments.episodes,
        "replicas": 64,
        "steps": 40,
        "sweeps_per_step": 100,
        "criterion": "final",
        "seed": SEED,
        "sets": sets,
    }
    write_text(folder / EVALUATION, json.dumps(shown, indent=1) + "\n")
    write_card(folder, load_config(folder / catalogue.CONFIG))
    for entry in sets:
        for row in entry["methods"]:
            ratio = row.get("n99_ratio_of_agent")
            print(f"{entry['instances']:8} {row['method']:22} p {row['p_final']:.3f}", "" if ratio is None else ratio)


if __name__ == "__main__":
    main()
