"""n99 in true calls on the published spheres of eight layers, of methods as they were chosen on validation targets."""

from __future__ import annotations

from functools import cache
from typing import Any

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.inverse.nearest import from_text
from annealrl.inverse.sphere_tuning import GOALS
from annealrl.inverse.stages import REPORT, Stage, joined, judged, known, played, with_ratios
from annealrl.inverse.tasks import TARGETS, TASKS, Learned
from annealrl.method import Budget
from annealrl.results import read_json

#: What every ratio is over.
RIVAL = "L-BFGS-B"
#: Held-out targets: those that follow on the ones of the tables of r_T, which nothing has seen.
FIRST, COUNT = TARGETS, 10
#: Calls on all targets together, about, and the most episodes on one of them.
_CALLS, _EPISODES = 16_000, 6


def chosen(stage: Stage) -> dict[str, Any]:
    """What tuning published.

    Raises
    ------
    InputError
        If it has not been run.
    """
    path = stage.results / "photonics-tune-spheres.json"
    if not path.exists():
        raise InputError(f"{path} is not there; run the stage tune-spheres first")
    methods: dict[str, Any] = read_json(path)["methods"]
    return methods


def spheres(stage: Stage) -> None:
    """Measure what is missing on the held-out targets, publish all of it with the ratios to L-BFGS-B's."""
    models = list(api.load_instances(f"{TASKS['shell'].source}:{FIRST + COUNT}").models)[FIRST:]
    designs = cache(Learned("shell", stage.runs).data)
    rows: dict[str, Any] = {}
    for name, found in chosen(stage).items():
        for goal in GOALS:
            pick = found["validation"][found["chosen"][f"{goal:g}"]]
            text, (replicas, steps, sweeps) = pick["method"], pick["budget"]
            budget = Budget(replicas, steps, sweeps, threads=1)
            if not text.startswith("nearest:") and not known(text):
                continue
            method: Any = from_text(text, designs) if text.startswith("nearest:") else parse_method(text)
            count = max(1, min(_EPISODES, round(_CALLS / (pick["calls"] * len(models)))))
            keys = [f"{text} {replicas} × {steps} × {sweeps} episode {e}" for e in range(count)]
            if stage.wanted(name):
                for e, key in enumerate(keys):
                    stage.keep(key, lambda: played(method, models, budget, 1, REPORT, first=e))  # noqa: B023
            held = stage.held()
            there = [held[key] for key in keys if key in held]
            if len(there) == count:
                rows[f"{goal:g} {name}"] = row = judged(joined(there), [goal] * len(models))
                print(goal, text, row["budget"], row["p"], row["calls"], row["n99"], flush=True)
    stage.publish(with_ratios(rows, RIVAL))
