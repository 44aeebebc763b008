"""Measurements behind docs/photonics.md, each resumable: what is in its file of runs is not measured again."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import api, statistics
from annealrl.baselines.grammar import parse_method
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.inverse.judge import descend_at_random
from annealrl.inverse.tasks import TASKS, Contender, contenders
from annealrl.method import Budget
from annealrl.results import read_json, write_text
from annealrl.tuning import tune

#: Calls a target in the tables of r_T.
CALLS = 200
#: Points at which curves are kept.
MARKS = np.unique(np.round(np.logspace(0, 5, 51)).astype(int))
#: Streams: the choice of budgets, and what is reported.
CHOOSE, REPORT = 1, 2


@dataclass(frozen=True)
class Stage:
    """What the command line asks of a stage."""

    name: str
    runs: Path
    results: Path
    targets: int | None
    episodes: int
    layers: tuple[int, ...]
    calls: int
    only: str | None

    def wanted(self, method: str) -> bool:
        """Whether `only` leaves a method in."""
        return self.only is None or self.only in method

    def keep(self, key: str, measure: Callable[[], Any]) -> Any:
        """What the stage's file holds under a key, measured first where it holds nothing."""
        path = self.runs / f"{self.name}.json"
        held = read_json(path) if path.exists() else {}
        if not isinstance(held, dict):
            raise InputError(f"{path}: it holds no results; remove it to start afresh")
        if key not in held:
            found = measure()
            held = (read_json(path) if path.exists() else {}) | {key: found}
            write_text(path, json.dumps(held) + "\n")
            return found
        return held[key]

    def publish(self, content: Any, name: str | None = None) -> None:
        """Write docs/results/photonics-NAME.json."""
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_text(self.results / f"photonics-{name or self.name}.json", text + "\n")


def episodes(text: str, models: list[Any], budget: Budget, count: int, seed: int) -> dict[str, Any]:
    """Successes of a method on each model in `count` episodes, true calls of an episode, processor seconds."""
    method = parse_method(text)
    goals = np.array([model.known_optimum + model.tolerance for model in models])
    solved, calls, began, attempts = np.zeros(len(models), int), 0.0, time.process_time(), 0
    lowest = np.full(len(models), np.inf)
    with progress_bar(text) as bar:
        for e in range(count):
            seeds = [np.random.SeedSequence(seed, spawn_key=(i, e)) for i in range(len(models))]
            outcome = method.run(models, budget, seeds)
            solved += outcome.best_energies <= goals
            lowest = np.minimum(lowest, outcome.best_energies)
            calls, attempts = calls + float(outcome.evaluations or 0), attempts + len(models)
            bar(e + 1, count)
    counts = np.full(len(models), count)
    summary = statistics.summarize(solved, counts)
    each = calls / attempts

    def cost(n: float) -> float | None:
        return round(each * max(1.0, n), 1) if math.isfinite(n) else None

    return {
        "method": text,
        "budget": [budget.replicas, budget.steps, budget.sweeps_per_step],
        "episodes": attempts,
        "successes": solved.tolist(),
        "p": summary.p,
        "calls": round(each, 1),
        "n99": cost(summary.n99),
        "n99_ci": [cost(n) for n in summary.n99_ci],
        "best": float(lowest.min()),
        "seconds": round((time.process_time() - began) / attempts, 5),
    }


# -- Bragg mirrors ---------------------------------------------------------------------------------------------------

#: By layers: sweeps a step that are tried, forty steps, one replica: of compiled anneals, and of methods whose every
#: call passes through Python; and how many calls one measurement takes.
GRIDS = {
    "compiled": {10: (2, 8, 32), 20: (8, 32, 100), 40: (50, 100)},
    "python": {10: (1, 4), 20: (1, 4), 40: (2,)},
}
MOST_CALLS = {"compiled": {10: 200_000, 20: 400_000, 40: 1_600_000}, "python": {10: 6_000, 20: 8_000, 40: 6_000}}
#: Where temperature and step size are tuned, too.
TUNED = (10, 20)
#: Found by hand on other streams: cold enough for 0.1 %, and steps so large that one move in eight is taken.
LARGE_STEPS = "geometric:30:100000000:sigma:accept=0.12"


def bragg(stage: Stage) -> None:
    """n99 in true calls of mirrors of 10, 20 and 40 layers."""
    methods = [
        LARGE_STEPS,
        "gradient:lbfgs",
        "tuned",
        "search:random",
        "adaptive",
        "search:cma",
        f"hybrid:{LARGE_STEPS}:share=0.1",
        "gradient:adam:rate=0.03",
        "search:de",
    ]
    for name, layers in product(methods, stage.layers):
        if not stage.wanted(name) or (name == "tuned" and layers not in TUNED):
            continue
        source, text = f"env:BraggMirror-v0,layers={layers}", name
        if name == "tuned":
            budget = Budget(4, 40, GRIDS["compiled"][layers][0])
            text = tuned_steps(stage, f"{source},split=train:1", budget, f"bragg-{layers}", 16)
        kind = "python" if text.split(":")[0] in ("gradient", "search") else "compiled"
        models = list(api.load_instances(f"{source}:1").models)
        found = stage.keep(f"{layers} {text}", lambda: _best_budget(stage, text, models, layers, kind))  # noqa: B023
        print(layers, text, found["p"], found["calls"], found["n99"], flush=True)
        held = read_json(stage.runs / f"{stage.name}.json")
        assert isinstance(held, dict)
        stage.publish({key: value for key, value in held.items() if not key.startswith("tuned")})


def _best_budget(stage: Stage, text: str, models: list[Any], layers: int, kind: str) -> dict[str, Any]:
    """The best budget of the grid on streams of its own, measured on others."""
    tried = []
    for sweeps in GRIDS[kind][layers]:
        budget = Budget(1, 40, sweeps, threads=1)
        count = max(4, min(stage.episodes, MOST_CALLS[kind][layers] // (40 * sweeps * layers)))
        tried.append((episodes(text, models, budget, max(2, count // 2), CHOOSE), budget, count))
    _, budget, count = min(tried, key=lambda row: (row[0]["n99"] or math.inf, row[0]["best"]))
    return episodes(text, models, budget, count, REPORT) | {
        "grid": [{key: row[0][key] for key in ("budget", "p", "calls", "n99", "best")} for row in tried]
    }


def tuned_steps(stage: Stage, source: str, budget: Budget, name: str, candidates: int = 40) -> str:
    """The text of a geometric schedule of temperature and step size that is tuned on training instances."""

    def search() -> str:
        with progress_bar(f"tune {name}") as bar:
            found = tune(
                api.load_instances(source),
                "geometric-step",
                evaluations=candidates,
                budget=Budget(budget.replicas, budget.steps, budget.sweeps_per_step, threads=1),
                sigma_units=True,
                seed=3,
                out=stage.runs / f"tuned-{name}.json",
                progress=bar,
            )
        return found.method.name

    return str(stage.keep(f"tuned {name}", search))


# -- r_T -------------------------------------------------------------------------------------------------------------


def published_task(stage: Stage, task: str) -> None:
    """r_T of every contender on the same held-out targets."""
    models = list(api.load_instances(f"{TASKS[task].source}:{stage.targets or TASKS[task].targets}").models)
    rows = []
    for contender in contenders(task, stage.runs):
        if stage.wanted(contender.name):
            key = f"{contender.name} {len(models)}"
            rows.append(stage.keep(key, lambda: _traces(contender, models)))  # noqa: B023
            print(task, contender.name, rows[-1]["r"][0], rows[-1]["r"][-1], flush=True)
            if stage.only is None:
                stage.publish({"targets": len(models), "rows": rows})


def _traces(contender: Contender, models: list[Any]) -> dict[str, Any]:
    curves, calls, gradients, surrogate, seconds = [], 0, 0, 0, 0.0
    with progress_bar(contender.name) as bar:
        for i, model in enumerate(models):
            began = time.process_time()
            trace, learned = contender.run(model, i)
            seconds += time.process_time() - began
            curves.append(trace.best(CALLS))
            calls, gradients = calls + min(CALLS, len(trace.energies)), gradients + trace.gradients
            surrogate += learned
            bar(i + 1, len(models))
    found, count = np.array(curves), len(models)
    return {
        "name": contender.name,
        "r": [float(value) for value in found.mean(axis=0)],
        "r_ci": _interval(found[:, -1]),
        "last": found[:, -1].tolist(),
        "median": float(np.median(found[:, -1])),
        "targets": count,
        "solved": _shares(found[:, -1]),
        "true_calls": calls / count,
        "gradient_calls": gradients / count,
        "surrogate_calls": surrogate / count,
        "training_calls": contender.training(),
        "training_seconds": round(contender.training_seconds(), 1),
        "seconds": round(seconds / count, 3),
    }


def nearest_designs(stage: Stage) -> None:
    """r_T of the nearest simulated designs, polished, on as many targets as the published methods had."""
    models = list(api.load_instances(f"{TASKS['shell'].source}:{stage.targets or 500}").models)
    contender = next(c for c in contenders("shell", stage.runs) if c.name == "nearest designs, then least squares")
    chunks = [models[k : k + 20] for k in range(0, len(models), 20)]
    rows = []
    for k, chunk in enumerate(chunks):
        rows.append(stage.keep(f"targets from {20 * k} on, {len(chunk)}", lambda: _traces(contender, chunk)))  # noqa: B023
        weights = [row["targets"] for row in rows]
        last = np.concatenate([row["last"] for row in rows])
        content = {"targets": len(last), "r": np.average([row["r"] for row in rows], axis=0, weights=weights).tolist()}
        content |= {"r_ci": _interval(last), "solved": _shares(last), "training_calls": rows[-1]["training_calls"]}
        content |= {
            key: float(np.average([row[key] for row in rows], weights=weights)) for key in ("true_calls", "seconds")
        }
        stage.publish(content)
        print(len(last), content["r"][-1], flush=True)


def _interval(last: Any) -> list[float]:
    """95 % of the mean over targets, by bootstrap."""
    values = np.asarray(last)
    picks = np.random.default_rng(0).integers(len(values), size=(2000, len(values)))
    return [float(end) for end in np.quantile(values[picks].mean(axis=1), [0.025, 0.975])]


def _shares(last: Any) -> dict[str, float]:
    """Shares of targets within each tolerance."""
    return {f"{goal:g}": float((np.asarray(last) <= goal).mean()) for goal in (1e-3, 1e-4, 1e-6)}


# -- error against true calls ----------------------------------------------------------------------------------------


def curve(stage: Stage) -> None:
    """Mean lowest error of Shell targets against true calls."""
    models = list(api.load_instances(f"{TASKS['shell'].source}:{stage.targets or 4}").models)
    tuned = "geometric:3:3000:sigma:step=0.4:to=0.01"
    budgets = [calls for calls in (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000) if calls <= stage.calls]
    points = {
        "annealing": tuned,
        "annealing, then least squares": f"hybrid:{tuned}:lsq",
        "agent of three layers": "agent:nanoparticle",
        "CMA-ES": "search:cma",
        "differential evolution": "search:de",
        "random": "search:random",
    }
    rows = []
    for name, text in points.items():
        if stage.wanted(name) and _known(text):
            held = [stage.keep(f"{name} {len(models)} {calls}", lambda: _at(text, models, calls)) for calls in budgets]  # noqa: B023
            errors = [row["error"] for row in held]
            rows.append({"name": name, "method": text, "points": True, "calls": [row["calls"] for row in held]})
            rows[-1] |= {"error": errors, "seconds": [row["seconds"] for row in held]}
            print(name, errors, flush=True)
    gradients = {"least squares, random starts": "lsq", "L-BFGS-B, random starts": "lbfgs"}
    for name, kind in gradients.items():
        if stage.wanted(name):
            found = stage.keep(f"{name} {len(models)} {stage.calls}", lambda: _whole(kind, models, stage.calls))  # noqa: B023
            rows.append({"name": name, "points": False} | found)
            print(name, found["error"][-1], flush=True)
    contender = next(c for c in contenders("shell", stage.runs) if c.name == "nearest designs, then least squares")
    if stage.wanted(contender.name):
        found = stage.keep(f"{contender.name} {len(models)}", lambda: _traces(contender, models))
        rows.append({"name": f"{contender.name} (+ {found['training_calls']:,} training calls)", "points": False,
                     "calls": list(range(1, CALLS + 1)), "error": found["r"]})  # fmt: skip
    if stage.only is None:
        stage.publish({"targets": len(models), "rows": rows})


def _known(text: str) -> bool:
    """Whether a method can be made; an agent that nobody has trained yet is left out, and said so."""
    try:
        parse_method(text)
    except InputError as error:
        print(f"left out: {error}", flush=True)
        return False
    return True


def _at(text: str, models: list[Any], calls: int) -> dict[str, Any]:
    """The lowest error of one episode of about so many calls: four replicas, sixteen steps."""
    replicas, steps = (4, 16) if calls >= 1_000 else (1, 8)
    sweeps = max(1, round((calls / replicas - steps - 1) / (steps * models[0].n)))
    began, method, best, spent = time.process_time(), parse_method(text), [], 0.0
    for i, model in enumerate(models):
        seed = np.random.SeedSequence(5, spawn_key=(i,))
        outcome = method.run([model], Budget(replicas, steps, sweeps, threads=1), [seed])
        best.append(float(outcome.best_energies[0]))
        spent += float(outcome.evaluations or 0)
    seconds = (time.process_time() - began) / len(models)
    return {"calls": spent / len(models), "error": float(np.mean(best)), "each": best, "seconds": round(seconds, 3)}


def _whole(kind: str, models: list[Any], calls: int) -> dict[str, Any]:
    traces = [descend_at_random(model, kind, calls, seed=i, goal=1e-12) for i, model in enumerate(models)]
    marks = MARKS[calls >= MARKS]
    error = np.mean([trace.best(calls)[marks - 1] for trace in traces], axis=0)
    return {"calls": marks.tolist(), "error": error.tolist(), "spent": [len(trace.energies) for trace in traces]}


# -- agents ----------------------------------------------------------------------------------------------------------

#: Environment, its parameters, the zoo's agent, and the budget of an episode that the agent was trained at.
AGENTS = (
    ("PlantedSpectrum-v0,layers=3", "planted-spectrum", (4, 16, 4)),
    ("NanoparticleShell-v0,layers=3", "nanoparticle", (2, 12, 4)),
)


def agents(stage: Stage) -> None:
    """n99 in true calls of agents and rivals on held-out targets, one episode on each and stream."""
    for env, agent, shape in AGENTS:
        budget = Budget(*shape, threads=1)
        tuned = tuned_steps(stage, f"env:{env},split=train:24", budget, agent, 40)
        models = list(api.load_instances(f"env:{env}:{stage.targets or 50}").models)
        methods = [f"agent:{agent}", tuned, "adaptive", f"hybrid:{tuned}:lsq", "gradient:lsq", "gradient:lbfgs"]
        for text in methods:
            if stage.wanted(text) and _known(text):
                found = stage.keep(f"{env} {text} {len(models)}", lambda: episodes(text, models, budget, 2, REPORT))  # noqa: B023
                print(env, text, found["p"], found["n99"], flush=True)
    path = stage.runs / f"{stage.name}.json"
    held = read_json(path)
    assert isinstance(held, dict)
    stage.publish({key: value for key, value in held.items() if not key.startswith("tuned")})
