"""Errors of Stack and Shell targets against true calls: r_T for T up to 200, and the curve to 100 000."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.search import SearchMethod
from annealrl.cli.output import progress_bar
from annealrl.inverse.judge import Trace, descend_at_random, descend_in_rounds, nearest
from annealrl.inverse.sphere_methods import LAYERS, METHODS
from annealrl.inverse.spheres import GOALS
from annealrl.inverse.stages import Stage, known
from annealrl.inverse.tasks import (
    CALLS,
    SCHEDULE,
    TASKS,
    Contender,
    Learned,
    contenders,
    target_of,
    tuned_task,
)
from annealrl.inverse.tunable import Shape, shape_of
from annealrl.inverse.tuning import chosen, picked
from annealrl.method import Budget
from annealrl.results import write_text

#: Targets that are kept at once.
_CHUNK = 5
#: Points at which curves are kept.
MARKS = np.unique(np.round(np.logspace(0, 5, 51)).astype(int))


def published_task(stage: Stage, task: str) -> None:
    """r_T of every contender on the first so many of the same held-out targets."""
    everyone = contenders(task, stage.runs, lambda: tuned_task(stage, task))
    for contender in everyone:
        if stage.wanted(contender.name):
            count = min(contender.targets, stage.targets or contender.targets)
            models = list(api.load_instances(f"{TASKS[task].source}:{count}").models)
            while (first := sum(row["targets"] for row in _held(stage, contender.name))) < count:
                chunk = models[first : first + _CHUNK]
                stage.keep(f"{contender.name} {first}", lambda: _traces(contender, chunk, first))  # noqa: B023
            row = _joined(_held(stage, contender.name))
            print(task, contender.name, row["targets"], row["r"][0], row["r"][-1], flush=True)
    rows = [_joined(held) for c in everyone if (held := _held(stage, c.name))]
    errors = {row["name"]: row.pop("errors") for row in rows}
    write_text(stage.results / f"photonics-{task}-errors.json", _lines(errors))
    stage.publish({"rows": rows})


def _lines(errors: dict[str, list[float]]) -> str:
    """JSON with a line for each method."""
    lines = (f" {json.dumps(name)}: {json.dumps(values, separators=(',', ':'))}" for name, values in errors.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


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
        "training_seconds": None if training is None else round(training, 1),
        "seconds": round(seconds / count, 3),
    }


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the measurements on several chunks of targets."""
    weights = [chunk["targets"] for chunk in chunks]
    # As they are published, so that intervals can be had from that.
    last = np.array([float(f"{value:.3e}") for chunk in chunks for value in chunk["last"]])
    means = ("true_calls", "gradient_calls", "surrogate_calls", "seconds")
    return (
        {key: chunks[-1][key] for key in ("name", "kind", "training_calls", "training_seconds")}
        | {key: round(float(np.average([chunk[key] for chunk in chunks], weights=weights)), 3) for key in means}
        | {
            "targets": len(last),
            "r": [float(f"{value:.5g}") for value in np.average([c["r"] for c in chunks], axis=0, weights=weights)],
            "errors": last.tolist(),
            "r_ci": interval(last),
            "median": float(np.median(last)),
            "solved": {f"{goal:g}": float((last <= goal).mean()) for goal in (1e-3, 1e-4, 1e-6)},
        }
    )


def interval(last: Any) -> list[float]:
    """95 % of the mean over targets, by bootstrap, from the targets' errors, shape (targets,)."""
    values = np.asarray(last)
    picks = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    return [float(end) for end in np.quantile(values[picks].mean(axis=1), [0.025, 0.975])]


# -- error against true calls ----------------------------------------------------------------------------------------

#: What is annealed by episodes of a given budget, and to how many calls: a text with four replicas and 16 steps (one
#: and eight below 1 000 calls), or a method with the replicas and about the steps that were chosen for it on validation
#: targets. Other streams from one budget to the next would only add noise, so all budgets share theirs.
POINTS = {
    "annealing, by hand": (SCHEDULE, 100_000),
    "tuned annealing": ("annealing", 100_000),
    "tuned annealing and descent": ("annealing and descent", 10_000),
    "agent trained on three layers": ("agent:nanoparticle", 100_000),
}
BUDGETS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
#: What runs once, each of its calls kept, and to how many calls; to an error of :data:`GOAL` at most.
GRADIENTS = {"least squares, random starts": "lsq", "L-BFGS-B, random starts": "lbfgs"}
SEARCHES = {"CMA-ES": "cma", "differential evolution": "de", "random": "random"}
ONWARDS = "nearest designs, then least squares"
FEW = dict.fromkeys((*SEARCHES, "least squares, random starts"), 10_000)
GOAL = 1e-10


def curve(stage: Stage) -> None:
    """Mean lowest error of Shell targets against true calls; publishes what is there of all targets."""
    models = list(api.load_instances(f"{TASKS['shell'].source}:{stage.targets or 2}").models)
    rows = [_pointed(stage, name, models) for name in POINTS]
    learned = Learned("shell", stage.runs)
    for name in (ONWARDS, *GRADIENTS, *SEARCHES):
        for i, model in enumerate(models):
            if stage.wanted(name):
                stage.keep(f"{name} {i} within {stage.calls}", lambda: _whole(name, learned, model, i, stage.calls))  # noqa: B023
        found = [stage.held().get(f"{name} {i} within {stage.calls}") for i in range(len(models))]
        if all(found):
            there: list[dict[str, Any]] = [row for row in found if row]
            shortest = min(len(row["calls"]) for row in there)
            error = np.mean([row["error"][:shortest] for row in there], axis=0)
            rest = {"calls": there[0]["calls"][:shortest]}
            rest |= {"spent": [row["spent"] for row in there], "last": [row["error"][-1] for row in there]}
            label = f"{name} (+ {len(learned.data()):,} training calls)" if name == ONWARDS else name
            rows.append({"name": label, "points": False, "error": error.tolist()} | rest)
    stage.publish({"targets": len(models), "rows": [row for row in rows if row]})


_KEYS = ("calls", "error", "seconds")


def _pointed(stage: Stage, name: str, models: list[Any]) -> dict[str, Any] | None:
    """A curve of episodes, as far as there are such of all targets."""
    text, most = POINTS[name]
    budgets = [calls for calls in BUDGETS if calls <= min(most, stage.calls)]
    shapes = [_by_hand(calls, models[0].n) for calls in budgets]
    if text in METHODS and (found := chosen(stage, "tune-spheres")["methods"].get(text)):
        pick = picked(found, GOALS[0])
        text, (replicas, steps, _) = pick["method"], pick["budget"]
        shapes = [shape_of(LAYERS, replicas, steps, calls) for calls in budgets]
    keys = [[f"{name} {i} at {calls}" for i in range(len(models))] for calls in budgets]
    if stage.wanted(name) and known(text):
        for shape, row in zip(shapes, keys, strict=True):
            for i, (model, key) in enumerate(zip(models, row, strict=True)):
                stage.keep(key, lambda: _at(text, model, i, shape))  # noqa: B023
    held = stage.held()
    there = [[held.get(key) for key in row] for row in keys]
    whole = [[row for row in each if row] for each in there if all(each)]
    if not whole:
        return None
    means = {key: [float(np.mean([row[key] for row in each])) for each in whole] for key in _KEYS}
    return {"name": name, "method": text, "points": True} | means


def _by_hand(calls: int, n: int) -> Shape:
    replicas, steps = (4, 16) if calls >= 1_000 else (1, 8)
    return replicas, steps, max(1, round((calls / replicas - steps - 1) / (steps * n)))


def _at(text: str, model: Any, i: int, shape: Shape) -> dict[str, Any]:
    """The lowest error of one episode on target i."""
    began = time.process_time()
    seed = np.random.SeedSequence(5, spawn_key=(i,))
    outcome = parse_method(text).run([model], Budget(*shape, threads=1), [seed])
    return {
        "calls": float(outcome.evaluations or 0),
        "error": float(outcome.best_energies[0]),
        "seconds": round(time.process_time() - began, 3),
    }


def _whole(name: str, learned: Learned, model: Any, i: int, calls: int) -> dict[str, Any]:
    """One run on target i, its lowest error after some of the calls, and where it stopped."""
    began, most = time.process_time(), min(calls, FEW.get(name, calls))
    with progress_bar(f"{name}, target {i}"):
        if name in GRADIENTS:
            trace = descend_at_random(model, GRADIENTS[name], most, seed=i, goal=GOAL, tight=True)
        elif name in SEARCHES:
            search = SearchMethod(SEARCHES[name], name)
            trace = Trace(search.energies(model, most, np.random.SeedSequence(5, spawn_key=(i,))))
        else:
            starts = nearest(learned.data(), target_of(model), len(learned.data()))
            trace = descend_in_rounds(model, starts, most, block=30, goal=GOAL)
    marks = MARKS[most >= MARKS]
    return {
        "calls": marks.tolist(),
        "error": trace.best(most)[marks - 1].tolist(),
        "spent": len(trace.energies),
        "seconds": round(time.process_time() - began, 3),
    }
