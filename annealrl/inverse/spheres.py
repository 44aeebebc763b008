"""n99 in true calls on the published spheres of eight layers, of every method with the best budget of a short grid."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.inverse.nearest import NearestMethod
from annealrl.inverse.stages import CHOOSE, REPORT, Stage, joined, judged, known, played, with_ratios
from annealrl.inverse.tasks import CALLS, TASKS, Learned, tuned_task
from annealrl.method import Budget

#: What every ratio is over.
RIVAL = "gradient:lbfgs"
#: What counts as a success, mean squared errors.
GOALS = (1e-3, 1e-2)
#: Held-out targets, and validation instances on which budgets are chosen.
TARGETS, CHOOSING = 10, 6
NEAREST = "nearest designs, then least squares"
#: The shape that the agent of three layers was trained at.
TRAINED = (2, 12, 4)
#: By method: (replicas, steps, sweeps a step) that are tried, and episodes on each held-out target. Budgets of methods
#: that start anew when they have converged matter little, so that one that some episodes solve will do; all annealing
#: has the agent's, and random search as many calls.
METHODS: dict[str, tuple[tuple[tuple[int, int, int], ...], int]] = {
    RIVAL: (((1, 16, 2), (1, 16, 6)), 3),
    "tuned": ((TRAINED,), 2),
    "agent:nanoparticle": ((TRAINED,), 2),
    "adaptive": ((TRAINED,), 2),
    "hybrid:tuned:lsq": (((4, 12, 2),), 2),
    NEAREST: (((1, 5, 5), (1, 15, 5)), 6),
    "gradient:lsq": (((1, 16, 6),), 2),
    "search:cma": (((1, 16, 6), (1, 16, 24)), 2),
    "search:de:size=16": (((1, 16, 6),), 2),
    "search:random": (((1, 16, 6),), 2),
    "gradient:adam:rate=0.03": (((4, 12, 2),), 2),
}


def spheres(stage: Stage) -> None:
    """Measure what is missing on the first held-out targets, publish all of it with the ratios to L-BFGS-B's.

    Both goals are judged on the same episodes, each with the budget that is best for it on validation instances.
    """
    source = TASKS["shell"].source
    models = list(api.load_instances(f"{source}:{stage.targets or TARGETS}").models)
    others = list(api.load_instances(f"{source},split=val:{CHOOSING}").models)
    designs = cache(Learned("shell", stage.runs).data)
    rows: dict[str, Any] = {}
    for name, (grid, count) in METHODS.items():
        if "tuned" in name and not stage.wanted(name) and f"tuned shell-{CALLS}" not in stage.held():
            continue
        text = name.replace("tuned", tuned_task(stage, "shell")[0]) if "tuned" in name else name
        if name != NEAREST and not known(text):
            continue
        method: Any = NearestMethod(designs) if name == NEAREST else parse_method(text)
        shapes = [Budget(*shape, threads=1) for shape in grid]
        tried = [_episodes(stage, name, method, others, shape, 1, CHOOSE) for shape in shapes if len(shapes) > 1]
        if None in tried:
            continue
        for goal in GOALS:
            choices = [judged(found, [goal] * CHOOSING) for found in tried if found is not None]
            order = sorted(range(len(choices)), key=lambda k: (choices[k]["n99"] or math.inf, choices[k]["best"]))
            budget = shapes[order[0] if order else 0]
            found = _episodes(stage, name, method, models, budget, min(count, stage.episodes), REPORT)
            if found is not None:
                kept = [{key: row[key] for key in ("budget", "p", "calls", "n99", "best")} for row in choices]
                rows[f"{goal:g} {name}"] = row = judged(found, [goal] * len(models)) | {"grid": kept}
                print(goal, text, row["budget"], row["p"], row["calls"], row["n99"], flush=True)
    stage.publish(with_ratios(rows, RIVAL))


def _episodes(
    stage: Stage, name: str, method: Any, models: list[Any], budget: Budget, count: int, seed: int
) -> dict[str, Any] | None:
    """Episodes that the stage's file holds, played first if they are wanted; None if they are neither."""
    shape = " × ".join(str(k) for k in (budget.replicas, budget.steps, budget.sweeps_per_step))
    keys = [f"{name} {shape} stream {seed} episode {e}" for e in range(count)]
    if stage.wanted(name):
        for e, key in enumerate(keys):
            stage.keep(key, lambda: played(method, models, budget, 1, seed, first=e))  # noqa: B023
    held = stage.held()
    there = [held[key] for key in keys if key in held]
    return joined(there) if len(there) == count else None
