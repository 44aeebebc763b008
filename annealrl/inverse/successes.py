"""n99 in true calls of agents and their rivals on planted films and spheres of three layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annealrl.inverse import tunable
from annealrl.inverse.stages import Stage, judged, known, with_ratios
from annealrl.inverse.tunable import Tunable
from annealrl.inverse.tuning import FRESH, Campaign, Trial, chosen, picked, repeated, tuned

#: What every ratio is over: it has the agents' moves.
RIVAL = "annealing"
#: Held-out targets: those that follow on fifty that earlier tables have seen.
FIRST, COUNT = 50, 50


@dataclass(frozen=True)
class _Setting:
    """An environment, its agent and how much is measured.

    Attributes
    ----------
    agent : str
    steps : int
        Of an episode, as the agent was trained.
    n : int
        Coordinates.
    levels : tuple of int
        Calls that an episode may have.
    training : int
        Targets of candidates, each with one episode.
    validation : tuple of int
        Targets of the best of them, and calls on each.
    reported : int
        Calls on each held-out target, four episodes at most.
    before : dict
        A schedule that an earlier search had found.
    """

    agent: str
    steps: int
    n: int
    levels: tuple[int, ...]
    training: int
    validation: tuple[int, int]
    reported: int
    before: dict[str, Any]


SETTINGS = {
    "PlantedSpectrum-v0,layers=3": _Setting(
        "planted-spectrum", 16, 6, (100, 250, 600, 1500, 4000), 10, (20, 2000), 4000,
        {"replicas": 4, "first": 0.394, "last": 686.0, "step": 0.65, "to": 0.0176},
    ),
    "NanoparticleShell-v0,layers=3": _Setting(
        "nanoparticle", 12, 3, (40, 80, 160, 320, 640), 8, (16, 640), 1000,
        {"replicas": 2, "first": 7.18, "last": 1940.0, "step": 0.543, "to": 0.0490},
    ),
}  # fmt: skip


def methods(setting: _Setting) -> dict[str, Tunable]:
    """By name."""
    n = setting.n
    before = {"sizes": "geometric", "accept": 0.44, "steps": 16} | setting.before
    return {
        "L-BFGS-B": tunable.lbfgs(n),
        "least squares": tunable.fixed(n, "gradient:lsq"),
        "Adam": tunable.adam(n, {}),
        "annealing": tunable.annealing(n, before),
        "annealing and descent": tunable.hybrid(n, before | {"steps": 8, "share": 0.25, "descent": "lsq"}),
        "adaptive annealing": tunable.adaptive(n, {}),
        "agent": tunable.agent(n, setting.agent, setting.steps),
        "CMA-ES": tunable.cma(n, {"size": 8}),
        "differential evolution": tunable.evolution(n, {"size": 24}),
        "random designs": tunable.fixed(n, "search:random"),
    }


def campaign(env: str) -> Campaign:
    """Targets of training and validation; success is by the environment's own tolerance, its optimum being 0."""
    setting = SETTINGS[env]
    targets, enough = setting.validation
    training = Trial(f"env:{env},split=train:{setting.training}")
    validation = Trial(f"env:{env},split=val:{targets}", enough, most=enough)
    goal = float(training.models[0].tolerance)
    return Campaign(methods(setting), setting.n, setting.levels, (goal,), training, validation, f"{env} ")


def tune_agents(stage: Stage) -> None:
    """Tune every method in either environment, publish what was tried, its scores and the choice."""
    stage.publish({
        env: tuned(stage, campaign(env), lambda name: stage.wanted(f"{env} {name}"))  # noqa: B023
        for env in SETTINGS
    })  # fmt: skip


def successes(stage: Stage) -> None:
    """Measure what is missing on held-out targets; ratios are over the tuned schedule."""
    rows: dict[str, Any] = {}
    for env, found in chosen(stage, "tune-agents").items():
        models = Trial(f"env:{env}:{FIRST + COUNT}").models[FIRST:]
        goals = [model.known_optimum + model.tolerance for model in models]
        for name, tries in found.items():
            (goal,) = tries["chosen"]
            pick = picked(tries, float(goal))
            if not known(pick["method"]):
                continue
            count = max(1, min(4, round(SETTINGS[env].reported / pick["calls"])))
            measure = stage.wanted(f"{env} {name}")
            row = repeated(stage, pick, models, count, FRESH, measure=measure, name=f"{env} ")
            if row is not None:
                rows[f"{env} {name}"] = found_row = judged(row, goals)
                print(env, *(found_row[key] for key in ("method", "budget", "p", "calls", "n99")), flush=True)
    stage.publish(with_ratios(rows, RIVAL))
