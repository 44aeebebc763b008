"""Errors of Stack and Shell targets against true calls: r_T for T up to 200, and the curve to 100 000."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import numpy as np

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.cli.output import progress_bar
from annealrl.inverse.judge import descend_at_random
from annealrl.inverse.stages import Stage, known
from annealrl.inverse.tasks import CALLS, NEAREST, SCHEDULE, TASKS, Contender, contenders
from annealrl.method import Budget

#: Targets that are kept at once.
_CHUNK = 5
#: Points at which curves are kept.
MARKS = np.unique(np.round(np.logspace(0, 5, 51)).astype(int))


def published_task(stage: Stage, task: str) -> None:
    """r_T of every contender on the first so many of the same held-out targets."""
    everyone = contenders(task, stage.runs)
    for contender in everyone:
        if stage.wanted(contender.name):
            count = min(contender.targets, stage.targets or contender.targets)
            models = list(api.load_instances(f"{TASKS[task].source}:{count}").models)
            while (first := sum(row["targets"] for row in _held(stage, contender.name))) < count:
                chunk = models[first : first + _CHUNK]
                stage.keep(f"{contender.name} {first}", lambda: _traces(contender, chunk, first))  # noqa: B023
            row = _joined(_held(stage, contender.name))
            print(task, contender.name, row["targets"], row["r"][0], row["r"][-1], flush=True)
    stage.publish({"rows": [_joined(held) for c in everyone if (held := _held(stage, c.name))]})


def _held(stage: Stage, name: str) -> list[dict[str, Any]]:
    """Chunks of a contender's targets, which follow on each other from the first one."""
    return [row for key, row in stage.held().items() if key.rpartition(" ")[0] == name]


def _traces(contender: Contender, models: list[Any], first: int) -> dict[str, Any]:
    """What a contender does on targets from `first` on."""
    curves, calls, gradients, surrogate, seconds = [], 0, 0, 0, 0.0
    training = contender.training_seconds()  # made before the clock of the first target starts
    with progress_bar(f"{contender.name}, targets from {first} on") as bar:
        for i, model in enumerate(models):
            began = time.process_time()
            trace, learned = contender.run(model, first + i)
            seconds += time.process_time() - began
            curves.append(trace.best(CALLS))
            calls, gradients = calls + min(CALLS, len(trace.energies)), gradients + trace.gradients
            surrogate += learned
            bar(i + 1, len(models))
    found, count = np.array(curves), len(models)
    return {
        "name": contender.name,
        "kind": contender.kind,
        "r": found.mean(axis=0).tolist(),
        "last": found[:, -1].tolist(),
        "targets": count,
        "true_calls": calls / count,
        "gradient_calls": gradients / count,
        "surrogate_calls": surrogate / count,
        "training_calls": contender.training(),
        "training_seconds": round(training, 1),
        "seconds": round(seconds / count, 3),
    }


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the measurements on several chunks of targets."""
    weights = [chunk["targets"] for chunk in chunks]
    last = np.concatenate([chunk["last"] for chunk in chunks])
    means = ("true_calls", "gradient_calls", "surrogate_calls", "seconds")
    return (
        {key: chunks[-1][key] for key in ("name", "kind", "training_calls", "training_seconds")}
        | {key: round(float(np.average([chunk[key] for chunk in chunks], weights=weights)), 3) for key in means}
        | {
            "targets": len(last),
            "r": [float(f"{value:.5g}") for value in np.average([c["r"] for c in chunks], axis=0, weights=weights)],
            "r_ci": _interval(last),
            "median": float(np.median(last)),
            "solved": {f"{goal:g}": float((last <= goal).mean()) for goal in (1e-3, 1e-4, 1e-6)},
        }
    )


def _interval(last: Any) -> list[float]:
    """95 % of the mean over targets, by bootstrap."""
    values = np.asarray(last)
    picks = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    return [float(end) for end in np.quantile(values[picks].mean(axis=1), [0.025, 0.975])]


# -- error against true calls ----------------------------------------------------------------------------------------

#: What is searched by episodes of a given budget, and to how many calls; other streams from one budget to the next
#: would only add noise, so all budgets share theirs.
POINTS = {
    "annealing": (SCHEDULE, 100_000),
    "annealing, then least squares": (f"hybrid:{SCHEDULE}:lsq", 30_000),
    "agent trained on three layers": ("agent:nanoparticle", 100_000),
    "CMA-ES": ("search:cma", 10_000),
    "differential evolution": ("search:de", 10_000),
    "random": ("search:random", 10_000),
}
GRADIENTS = {"least squares, random starts": "lsq", "L-BFGS-B, random starts": "lbfgs"}
BUDGETS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)


def curve(stage: Stage) -> None:
    """Mean lowest error of Shell targets against true calls; publishes what is there of all targets."""
    models = list(api.load_instances(f"{TASKS['shell'].source}:{stage.targets or 4}").models)
    rows: list[dict[str, Any]] = []
    for name, (text, most) in POINTS.items():
        budgets = [calls for calls in BUDGETS if calls <= min(most, stage.calls)]
        if stage.wanted(name) and known(text):
            for calls, (i, model) in product(budgets, enumerate(models)):
                stage.keep(_key(name, i, calls), lambda: _at(text, model, i, calls))  # noqa: B023
        held = stage.held()
        found = [[held.get(_key(name, i, calls)) for i in range(len(models))] for calls in budgets]
        whole = [[row for row in each if row] for each in found if all(each)]
        if whole:
            means = {key: [float(np.mean([row[key] for row in each])) for each in whole] for key in _KEYS}
            rows.append({"name": name, "method": text, "points": True} | means)
    for name, kind in GRADIENTS.items():
        key = f"{name} {len(models)} {stage.calls}"
        if stage.wanted(name):
            stage.keep(key, lambda: _whole(kind, models, stage.calls))  # noqa: B023
        if (there := stage.held().get(key)) is not None:
            rows.append({"name": name, "points": False} | there)
    contender = next(c for c in contenders("shell", stage.runs) if c.name == NEAREST)
    key = f"{NEAREST} {len(models)}"
    if stage.wanted(NEAREST):
        stage.keep(key, lambda: _traces(contender, models, 0))
    if (there := stage.held().get(key)) is not None:
        name = f"{NEAREST} (+ {there['training_calls']:,} training calls)"
        rows.append({"name": name, "points": False, "calls": list(range(1, CALLS + 1)), "error": there["r"]})
    stage.publish({"targets": len(models), "rows": rows})


_KEYS = ("calls", "error", "seconds")


def _key(name: str, i: int, calls: int) -> str:
    return f"{name} {i} at {calls}"


def _at(text: str, model: Any, i: int, calls: int) -> dict[str, Any]:
    """The lowest error of one episode of about so many calls on target i: four replicas and 16 steps, or one and 8."""
    replicas, steps = (4, 16) if calls >= 1_000 else (1, 8)
    sweeps = max(1, round((calls / replicas - steps - 1) / (steps * model.n)))
    began = time.process_time()
    seed = np.random.SeedSequence(5, spawn_key=(i,))
    outcome = parse_method(text).run([model], Budget(replicas, steps, sweeps, threads=1), [seed])
    return {
        "calls": float(outcome.evaluations or 0),
        "error": float(outcome.best_energies[0]),
        "seconds": round(time.process_time() - began, 3),
    }


def _whole(kind: str, models: list[Any], calls: int) -> dict[str, Any]:
    """Descents from random starts, every call kept."""
    traces = [descend_at_random(model, kind, calls, seed=i, goal=1e-10, tight=True) for i, model in enumerate(models)]
    marks = MARKS[calls >= MARKS]
    error = np.mean([trace.best(calls)[marks - 1] for trace in traces], axis=0)
    return {"calls": marks.tolist(), "error": error.tolist(), "spent": [len(trace.energies) for trace in traces]}
