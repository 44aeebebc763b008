"""What the measurements behind docs/photonics.md share: kept results, successes in episodes, tuned schedules."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl import api, statistics
from annealrl.baselines.grammar import parse_method
from annealrl.checks import pattern
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.method import Budget
from annealrl.results import read_json, write_text
from annealrl.tuning import tune

#: Stream of what is reported.
REPORT = 2


@dataclass(frozen=True)
class Stage:
    """What the command line asks of a stage; what is in its file of `runs` is not measured again."""

    name: str
    runs: Path
    results: Path
    targets: int | None
    layers: tuple[int, ...]
    calls: int
    only: str | None

    def __post_init__(self) -> None:
        if self.only is not None:
            pattern(self.only, "--only")

    def wanted(self, method: str) -> bool:
        """Whether `only`, a regular expression, is None or matches a method's whole name."""
        return self.only is None or re.fullmatch(self.only, method) is not None

    def held(self) -> dict[str, Any]:
        """All that has been measured."""
        path = self.runs / f"{self.name}.json"
        held = read_json(path) if path.exists() else {}
        if not isinstance(held, dict):
            raise InputError(f"{path}: it holds no results; remove it to start afresh")
        return held

    def keep(self, key: str, measure: Callable[[], Any]) -> Any:
        """What the stage's file holds under a key, measured first where it holds nothing."""
        held = self.held()
        if key not in held:
            held = {key: measure()}
            write_text(self.runs / f"{self.name}.json", json.dumps(self.held() | held) + "\n")
        return held[key]

    def publish(self, content: Any) -> None:
        """Write docs/results/photonics-NAME.json."""
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_text(self.results / f"photonics-{self.name}.json", text + "\n")


def known(text: str) -> bool:
    """Whether a method can be made; an agent that nobody has trained yet is left out, and said so."""
    try:
        parse_method(text)
    except InputError as error:
        print(f"left out: {error}", flush=True)
        return False
    return True


def played(method: Any, models: list[Any], budget: Budget, count: int, seed: int, *, first: int = 0) -> dict[str, Any]:
    """The lowest energies of `count` episodes from `first` on, shape (models, count); mean calls, processor seconds."""
    calls, gradients, began, energies = 0.0, 0.0, time.process_time(), []
    with progress_bar(method.name) as bar:
        for e in range(count):
            seeds = [np.random.SeedSequence(seed, spawn_key=(i, first + e)) for i in range(len(models))]
            outcome = method.run(models, budget, seeds)
            calls, gradients = calls + float(outcome.evaluations or 0), gradients + outcome.gradients
            energies.append(outcome.best_energies)
            bar(e + 1, count)
    attempts = count * len(models)
    return {
        "method": method.name,
        "fingerprint": method.fingerprint,
        "budget": [budget.replicas, budget.steps, budget.sweeps_per_step],
        "energies": np.transpose(energies).tolist(),
        "calls": calls / attempts,
        "gradients": round(gradients / attempts, 1),
        "seconds": round((time.process_time() - began) / attempts, 5),
    }


def joined(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What :func:`played` returns, of as many episodes as several rows of it have."""
    weights = [len(row["energies"][0]) for row in rows]
    means = {
        key: float(np.average([row[key] for row in rows], weights=weights)) for key in ("calls", "gradients", "seconds")
    }
    energies = np.concatenate([row["energies"] for row in rows], axis=1)
    return dict(rows[0]) | {key: round(value, 5) for key, value in means.items()} | {"energies": energies.tolist()}


def judged(row: Mapping[str, Any], goals: npt.ArrayLike) -> dict[str, Any]:
    """Successes of what :func:`played` returns, by an energy for each model, and n99 in calls."""
    energies = np.array(row["energies"])
    solved = (energies <= np.reshape(goals, (-1, 1))).sum(axis=1)
    summary = statistics.summarize(solved, np.full(len(energies), energies.shape[1]))

    def cost(n: float) -> float | None:
        return round(row["calls"] * max(1.0, n), 1) if math.isfinite(n) else None

    return {
        "method": row["method"],
        "fingerprint": row["fingerprint"],
        "budget": row["budget"],
        "episodes": energies.size,
        "successes": solved.tolist(),
        "p": summary.p,
        "calls": round(row["calls"], 1),
        "gradients": round(row["gradients"], 1),
        "n99": cost(summary.n99),
        "n99_ci": [cost(n) for n in summary.n99_ci],
        "best": float(energies.min()),
        "seconds": row["seconds"],
    }


def ratio(row: Mapping[str, Any], rival: Mapping[str, Any] | None) -> list[float] | None:
    """n99 in calls of a row over a rival's on the same instances, with its 95 % interval: [value, low, high].

    Nobody runs less than one episode, so that an n99 in episodes counts one at least. There is none over a row itself,
    or over a rival that is missing or never succeeded.
    """
    if rival is None or rival["method"] == row["method"] or not sum(rival["successes"]):
        return None
    counts = [np.full(len(r["successes"]), r["episodes"] // len(r["successes"])) for r in (row, rival)]
    found = statistics.paired_ratio(row["successes"], counts[0], rival["successes"], counts[1], least=1.0)
    return [value * row["calls"] / rival["calls"] for value in (found.value, *found.interval)]


def with_ratios(held: Mapping[str, Any], rival: str) -> dict[str, Any]:
    """Rows under keys such as ``INSTANCES METHOD``, each with its ratio over the rival's on the same instances."""
    rows = {key: row for key, row in held.items() if not key.startswith("tuned")}
    return {key: row | {"ratio": ratio(row, rows.get(f"{key.split()[0]} {rival}"))} for key, row in rows.items()}


def tuned_steps(stage: Stage, source: str, budget: Budget, name: str, candidates: int) -> str:
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
