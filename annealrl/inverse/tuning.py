"""All that is free in the methods of a table of n99: tried on training streams, chosen on validation, then measured.

Every method has as many candidates: ten points of a Latin hypercube, one of which is what the method was before, then
five near the best ones so far; the calls of an episode go through :attr:`Campaign.levels`, so that all methods spend as
many calls. Few episodes tell little by counting successes, so a success counts by how far the error is from the goal.
The best two for every goal, of different lengths, meet again on validation targets, where successes are counted in
about as many calls for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.inverse.stages import Stage, joined, judged, known, played
from annealrl.inverse.tunable import Shape, Tunable
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.results import read_json

#: Streams, each used for nothing else: candidates, the choice among the best, and what is reported of the choice.
TRY, CHOOSE, FRESH = 31, 32, 33
#: Candidates near the best ones: how far they are, of everything's range; the best of each goal that go on.
_NEAR, _FINALISTS = 0.15, 2
#: So much of a decade of error is the standard deviation of what counts as a success.
_WIDTH = 0.3


@dataclass(frozen=True)
class Trial:
    """Instances, and episodes of a candidate on each of them: as many as have `enough` calls, from least to most."""

    source: str
    enough: int = 0
    least: int = 1
    most: int = 1

    @cached_property
    def models(self) -> list[Any]:
        """The instances."""
        return list(api.load_instances(self.source).models)

    def count(self, calls: float) -> int:
        """Episodes on each instance, if one takes so many calls."""
        return max(self.least, min(self.most, int(self.enough // calls)))


def _itself(energies: FloatArray) -> FloatArray:
    return energies


@dataclass(frozen=True)
class Campaign:
    """A table's methods and how they are tuned.

    Attributes
    ----------
    methods : dict of str to Tunable
    n : int
        Coordinates of a design.
    levels : tuple of int
        Calls that an episode may have.
    goals : tuple of float
        What counts as a success: errors.
    training, validation : Trial
    name : str
        What keys of kept results begin with.
    error : callable
        Energies to errors.
    make : callable
        A text to a method.
    """

    methods: Mapping[str, Tunable]
    n: int
    levels: tuple[int, ...]
    goals: tuple[float, ...]
    training: Trial
    validation: Trial
    name: str = ""
    error: Callable[[FloatArray], FloatArray] = _itself
    make: Callable[[str], Any] = parse_method

    def level(self, shape: Sequence[int]) -> int:
        """Which of the levels an episode has."""
        replicas, steps, sweeps = shape
        calls = replicas * (steps * sweeps * self.n + steps + 1)
        return min(self.levels, key=lambda level: abs(math.log(level / calls)))


def tuned(stage: Stage, campaign: Campaign, wanted: Callable[[str], bool] | None = None) -> dict[str, Any]:
    """Tune every method that is wanted; all that was tried, its scores and the choice for every goal, by method."""
    wanted = stage.wanted if wanted is None else wanted
    goals = campaign.goals

    def measure(name: str, text: str, shape: Shape, stream: int) -> dict[str, Any] | None:
        trial = campaign.training if stream == TRY else campaign.validation
        count = trial.count(campaign.level(shape))
        key = f"{campaign.name}{name} {text} {' × '.join(map(str, shape))} stream {stream} × {count}"
        if wanted(name):
            method, budget = campaign.make(text), Budget(*shape, threads=1)
            row = stage.keep(key, lambda: played(method, trial.models, budget, count, stream))
        else:
            row = stage.held().get(key)
        if row is None:
            return None
        errors = campaign.error(np.array(row["energies"], float)).tolist()
        row = dict(row) | {"energies": errors}
        if wanted(name):
            print(key, *(f"{score(row, goal):.3g}" for goal in goals), flush=True)
        return row

    methods: dict[str, Any] = {}
    for number, (name, tunable) in enumerate(campaign.methods.items()):
        if name.startswith("agent") and not known(tunable.at(tunable.begin, campaign.levels[0])[0]):
            continue
        found: list[tuple[list[float], dict[str, Any]]] = []
        for k in range(len(campaign.levels) * (3 if tunable.free else 1)):
            places = _places(campaign, tunable, number, k, found)
            row = measure(name, *tunable.at(places, campaign.levels[k % len(campaign.levels)]), TRY)
            if row is None:
                break
            found.append((places, row))
        else:
            finalists: dict[str, dict[str, Any]] = {}
            for goal in goals:
                best = sorted((row for _, row in found), key=lambda row: score(row, goal))
                lengths = {campaign.level(row["budget"]): row for row in reversed(best)}
                picked = sorted(lengths.values(), key=lambda row: score(row, goal))[:_FINALISTS]
                finalists |= {f"{row['method']} {row['budget']}": row for row in picked}
            met = [measure(name, row["method"], tuple(row["budget"]), CHOOSE) for row in finalists.values()]
            if None not in met:
                methods[name] = _summary(goals, [row for _, row in found], [row for row in met if row])
    return methods


def score(row: Mapping[str, Any], goal: float) -> float:
    """n99 in calls, a success counted by how far the error is from the goal; infinite where nothing comes near it."""
    errors = np.maximum(np.array(row["energies"], float), 1e-30).ravel()
    p = float(np.mean([_near(math.log10(goal) - math.log10(e)) for e in errors]))
    if not p:
        return math.inf
    return float(row["calls"]) * (1.0 if p >= 0.99 else math.log(0.01) / math.log1p(-p))


def _near(decades: float) -> float:
    """What an error counts that is so many decades below the goal; far above it, too, more than nothing."""
    return 0.5 * math.erfc(-decades / (_WIDTH * math.sqrt(2.0)))


def _places(
    campaign: Campaign, tunable: Tunable, number: int, k: int, found: list[tuple[list[float], dict[str, Any]]]
) -> list[float]:
    """Candidate k of a method in the unit cube."""
    from scipy.stats import qmc

    wide, n = 2 * len(campaign.levels), len(tunable.free)
    if not n:
        return []
    if k == len(campaign.levels) // 2:  # of the middle length
        return tunable.begin
    if k < wide:
        return [float(u) for u in qmc.LatinHypercube(n, rng=np.random.default_rng([7, number])).random(wide)[k]]
    goal = campaign.goals[k % len(campaign.goals)]
    best = min(found, key=lambda pair: score(pair[1], goal))[0]
    step = np.random.default_rng([8, number, k]).normal(0.0, _NEAR, n)
    return [float(u) for u in np.clip(np.array(best) + step, 0.0, 1.0)]


def _summary(goals: Sequence[float], tried: list[dict[str, Any]], met: list[dict[str, Any]]) -> dict[str, Any]:
    """What is published of a method."""

    def line(row: dict[str, Any]) -> dict[str, Any]:
        scores = [float(f"{value:.4g}") if math.isfinite(value := score(row, goal)) else None for goal in goals]
        solved = [int((np.array(row["energies"]) <= goal).sum()) for goal in goals]
        kept = {"method": row["method"], "budget": row["budget"], "calls": round(row["calls"], 1)}
        return kept | {"episodes": np.size(row["energies"]), "solved": solved, "score": scores}

    def price(k: int, goal: float) -> tuple[float, float]:
        return judged(met[k], [goal] * len(met[k]["energies"]))["n99"] or math.inf, score(met[k], goal)

    chosen = {f"{goal:g}": min(range(len(met)), key=lambda k: price(k, goal)) for goal in goals}
    return {
        "calls": [round(sum(row["calls"] * np.size(row["energies"]) for row in rows)) for rows in (tried, met)],
        "seconds": [round(sum(row["seconds"] * np.size(row["energies"]) for row in rows)) for rows in (tried, met)],
        "tried": [line(row) for row in tried],
        "validation": [line(row) for row in met],
        "chosen": chosen,
    }


def chosen(stage: Stage, name: str) -> dict[str, Any]:
    """What the stage `name` published.

    Raises
    ------
    InputError
        If it has not been run.
    """
    path = stage.results / f"photonics-{name}.json"
    if not path.exists():
        raise InputError(f"{path} is not there; run the stage {name} first")
    found: dict[str, Any] = read_json(path)
    return found


def picked(found: Mapping[str, Any], goal: float) -> dict[str, Any]:
    """The choice for a goal, of what :func:`tuned` says of a method."""
    pick: dict[str, Any] = found["validation"][found["chosen"][f"{goal:g}"]]
    return pick


def repeated(
    stage: Stage,
    pick: Mapping[str, Any],
    models: list[Any],
    count: int,
    stream: int,
    *,
    measure: bool,
    make: Callable[[str], Any] = parse_method,
    block: int = 1,
    name: str = "",
) -> dict[str, Any] | None:
    """What :func:`~annealrl.inverse.stages.played` says of a choice, in at least `count` episodes on every model.

    Parameters
    ----------
    measure : bool
        Whether to measure what is missing.
    block : int
        Episodes that are kept together.
    name : str
        What keys begin with.

    Returns
    -------
    dict or None
        None where something is missing.
    """
    text, (replicas, steps, sweeps) = pick["method"], pick["budget"]
    method, budget = make(text), Budget(replicas, steps, sweeps, threads=1)
    there = []
    for first in range(0, count, block):
        which = f"episode {first}" if block == 1 else f"episodes {first} to {first + block - 1}"
        key = f"{name}{text} {replicas} × {steps} × {sweeps} {which}"
        if measure:
            stage.keep(key, lambda: played(method, models, budget, block, stream, first=first))  # noqa: B023
        if (row := stage.held().get(key)) is None:
            return None
        there.append(row)
    return joined(there)
