"""All that is free in the methods of the table of eight-layer spheres: tried on training targets, chosen on validation.

Every method has as many candidates: ten points of a Latin hypercube, one of which is what the method was before, then
five near the best ones so far; the calls of an episode go through :data:`LEVELS`, so that all methods spend as many
calls. Few episodes tell little by counting successes, so a success counts by how far the error is from the goal. The
best two for either goal, of different lengths, meet again on validation targets, where successes are counted in about
as many calls for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.inverse.nearest import from_text
from annealrl.inverse.sphere_methods import LAYERS, METHODS, Shape, Tunable
from annealrl.inverse.stages import Stage, judged, known, played
from annealrl.inverse.tasks import TASKS, Learned
from annealrl.method import Budget

#: What counts as a success, mean squared errors.
GOALS = (1e-3, 1e-2)
#: Calls that an episode may have, at most.
LEVELS = (200, 400, 800, 1600, 3200)
#: Targets, each with one episode of every candidate.
TRAINING, VALIDATION = 4, 6
#: Candidates near the best ones: how far they are, of everything's range; the best of each goal that go on, and about
#: how many calls each of them has on one validation target (the longest have one episode).
_NEAR, _FINALISTS, _ENOUGH = 0.15, 2, 1600
#: Streams, others than those of reports.
_TRY, _CHOOSE = 31, 32
#: So much of a decade of error is the standard deviation of what counts as a success.
_WIDTH = 0.3


def tune_spheres(stage: Stage) -> None:
    """Tune every method, publish what was tried, its scores and the choice for either goal."""
    source = TASKS["shell"].source
    models = {
        _TRY: list(api.load_instances(f"{source},split=train:{TRAINING}").models),
        _CHOOSE: list(api.load_instances(f"{source},split=val:{VALIDATION}").models),
    }
    designs = cache(Learned("shell", stage.runs).data)

    def measure(name: str, text: str, shape: Shape, stream: int) -> dict[str, Any] | None:
        count = max(1, _ENOUGH // _level(shape)) if stream == _CHOOSE else 1
        key = f"{name} {text} {' × '.join(map(str, shape))} stream {stream} × {count}"
        if not stage.wanted(name):
            return stage.held().get(key)
        method: Any = from_text(text, designs) if text.startswith("nearest:") else parse_method(text)
        budget = Budget(*shape, threads=1)
        row: dict[str, Any] = stage.keep(key, lambda: played(method, models[stream], budget, count, stream))
        print(key, *(f"{score(row, goal):.3g}" for goal in GOALS), flush=True)
        return row

    methods: dict[str, Any] = {}
    for number, (name, tunable) in enumerate(METHODS.items()):
        if not known("agent:nanoparticle") and name.startswith("agent"):
            continue
        tried: list[tuple[list[float], dict[str, Any]]] = []
        for k in range(len(LEVELS) * (3 if tunable.free else 1)):
            places = _places(tunable, number, k, tried)
            row = measure(name, *tunable.at(places, LEVELS[k % len(LEVELS)]), _TRY)
            if row is None:
                break
            tried.append((places, row))
        else:
            finalists: dict[str, dict[str, Any]] = {}
            for goal in GOALS:
                best = sorted((row for _, row in tried), key=lambda row: score(row, goal))
                lengths = {_level(row["budget"]): row for row in reversed(best)}
                picked = sorted(lengths.values(), key=lambda row: score(row, goal))[:_FINALISTS]
                finalists |= {f"{row['method']} {row['budget']}": row for row in picked}
            met = [measure(name, row["method"], tuple(row["budget"]), _CHOOSE) for row in finalists.values()]
            if None not in met:
                methods[name] = _summary([row for _, row in tried], [row for row in met if row])
    stage.publish({
        "goals": GOALS, "training targets": TRAINING, "validation targets": VALIDATION, "methods": methods
    })  # fmt: skip


def _level(shape: Sequence[int]) -> int:
    """Which of :data:`LEVELS` an episode has."""
    replicas, steps, sweeps = shape
    calls = replicas * steps * sweeps * LAYERS
    return min(LEVELS, key=lambda level: abs(math.log(level / calls)))


def score(row: dict[str, Any], goal: float) -> float:
    """n99 in calls, a success counted by how far the error is from the goal; infinite where nothing comes near it."""
    errors = np.maximum(np.array(row["energies"], float), 1e-30).ravel()
    normal = NormalDist()
    p = float(np.mean([normal.cdf((math.log10(goal) - math.log10(e)) / _WIDTH) for e in errors]))
    if not p:
        return math.inf
    return float(row["calls"]) * (1.0 if p >= 0.99 else math.log(0.01) / math.log1p(-p))


def _places(tunable: Tunable, number: int, k: int, tried: list[tuple[list[float], dict[str, Any]]]) -> list[float]:
    """Candidate k of a method in the unit cube."""
    from scipy.stats import qmc

    wide, n = 2 * len(LEVELS), len(tunable.free)
    if not n:
        return []
    if k == len(LEVELS) // 2:  # 800 calls
        return tunable.begin
    if k < wide:
        return [float(u) for u in qmc.LatinHypercube(n, rng=np.random.default_rng([7, number])).random(wide)[k]]
    goal = GOALS[k % len(GOALS)]
    best = min(tried, key=lambda pair: score(pair[1], goal))[0]
    step = np.random.default_rng([8, number, k]).normal(0.0, _NEAR, n)
    return [float(u) for u in np.clip(np.array(best) + step, 0.0, 1.0)]


def _summary(tried: list[dict[str, Any]], met: list[dict[str, Any]]) -> dict[str, Any]:
    """What is published of a method."""

    def line(row: dict[str, Any]) -> dict[str, Any]:
        scores = [float(f"{value:.4g}") if math.isfinite(value := score(row, goal)) else None for goal in GOALS]
        solved = [int((np.array(row["energies"]) <= goal).sum()) for goal in GOALS]
        kept = {"method": row["method"], "budget": row["budget"], "calls": round(row["calls"], 1)}
        return kept | {"episodes": np.size(row["energies"]), "solved": solved, "score": scores}

    def price(k: int, goal: float) -> tuple[float, float]:
        return judged(met[k], [goal] * len(met[k]["energies"]))["n99"] or math.inf, score(met[k], goal)

    chosen = {f"{goal:g}": min(range(len(met)), key=lambda k: price(k, goal)) for goal in GOALS}
    return {
        "calls": [round(sum(row["calls"] * np.size(row["energies"]) for row in rows)) for rows in (tried, met)],
        "seconds": [round(sum(row["seconds"] * np.size(row["energies"]) for row in rows)) for rows in (tried, met)],
        "tried": [line(row) for row in tried],
        "validation": [line(row) for row in met],
        "chosen": chosen,
    }
