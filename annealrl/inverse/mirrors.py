"""n99 of Bragg mirrors of 10, 20 and 40 layers in true calls, every method as it was chosen on other streams."""

from __future__ import annotations

from typing import Any

import numpy as np

from annealrl.inverse import tunable
from annealrl.inverse.stages import Stage, judged, known, with_ratios
from annealrl.inverse.tunable import Choice, Range, Tunable
from annealrl.inverse.tuning import FRESH, Campaign, Trial, chosen, picked, repeated, tuned

#: What every ratio is over.
RIVAL = "L-BFGS-B"
#: A success: so far above the best known energy, of which the error is a share.
GOAL = 1e-3
#: By layers: calls that an episode may have.
LEVELS = {
    10: (150, 400, 1_200, 3_500, 10_000),
    20: (400, 1_200, 4_000, 12_000, 36_000),
    40: (3_000, 8_000, 20_000, 55_000, 150_000),
}
#: By layers: calls of a candidate, of one of the best, and of what is reported, about; episodes from least to most.
EFFORTS = {
    10: ((20_000, 3, 20), (100_000, 10, 100), (1_000_000, 30, 200)),
    20: ((40_000, 3, 20), (200_000, 10, 100), (2_400_000, 30, 200)),
    40: ((80_000, 2, 20), (300_000, 5, 60), (1_000_000, 30, 100)),
}
#: Episodes that are kept together.
_BLOCK = 10
#: Found by hand on other streams: cold enough for 0.1 %, and steps so large that one move in eight is taken. It is a
#: candidate of what is tuned, at one length, and a row of its own with its own lengths.
BY_HAND = "geometric:30:1e+08:sigma:accept=0.12"
_BY_HAND = {
    "replicas": 1,
    "first": 30.0,
    "last": 1e8,
    "sizes": "accept",
    "step": 1.0,
    "to": 0.02,
    "accept": 0.12,
    "steps": 40,
}


def methods(n: int) -> dict[str, Tunable]:
    """By name, for n layers. Adam descends no logarithm here: it would have to be told the lowest energy."""
    cold: dict[str, Range | Choice] = {
        "first": Range(1.0, 300.0),
        "last": Range(1e4, 1e9),
        "step": Range(0.1, 1.0),
        "to": Range(0.003, 0.5),
        "accept": Range(0.05, 0.5),
    }
    sizes = Choice(tuple(k * n for k in (1, 2, 4, 8, 15)))  # SciPy's populations are multiples of the coordinates
    return {
        "L-BFGS-B": tunable.lbfgs(n),
        "least squares": tunable.fixed(n, "gradient:lsq"),
        "Adam": tunable.adam(n, {}, flags=Choice(("", ":cosine"))),
        "annealing": tunable.annealing(n, _BY_HAND, **cold, steps=Choice((20, 40, 80, 160))),
        "annealing and descent": tunable.hybrid(
            n,
            _BY_HAND | {"share": 0.1, "descent": "lbfgs"},
            **cold,
            steps=Choice((5, 10, 20, 40)),
            share=Range(0.05, 0.9),
            descent=Choice(("lbfgs", "lsq")),
        ),
        "adaptive annealing": tunable.adaptive(
            n,
            {"replicas": 1, "steps": 40},
            replicas=Choice((1, 2, 4)),
            steps=Choice((20, 40, 80, 160)),
            end=Range(1e-4, 1.0),
            accept=Range(0.05, 0.5),
        ),
        "agent of twenty layers": tunable.agent(n, "bragg-mirror", 40),
        "CMA-ES": tunable.cma(n, {"size": 4 + int(3 * np.log(n))}, size=Range(6, 120)),
        "differential evolution": tunable.evolution(n, {"size": 15 * n}, size=sizes),
        "random designs": tunable.fixed(n, "search:random"),
        "annealing by hand": Tunable(
            lambda v, calls: (BY_HAND, tunable.shape_of(n, v["replicas"], v["steps"], calls)),
            {"replicas": Choice((1, 2, 4, 8)), "steps": Choice((20, 40, 80, 160))},
            _BY_HAND,
        ),
    }


def campaign(layers: int) -> Campaign:
    """There is one mirror of a size, so that only streams differ."""
    source = f"env:BraggMirror-v0,layers={layers}:1"
    training, validation = (Trial(source, *effort) for effort in EFFORTS[layers][:2])
    lowest = training.models[0].known_optimum
    return Campaign(methods(layers), layers, LEVELS[layers], (GOAL,), training, validation, f"{layers} ",
                    lambda energies: energies / lowest - 1)  # fmt: skip


def tune_bragg(stage: Stage) -> None:
    """Tune every method on every size, publish what was tried, its scores and the choice."""
    sizes = {
        str(layers): tuned(stage, campaign(layers), lambda name: layers in stage.layers and stage.wanted(name))  # noqa: B023
        for layers in LEVELS
    }
    stage.publish({"goal": GOAL, "layers": sizes})


def bragg(stage: Stage) -> None:
    """Measure what is missing, publish all of it with the ratios to L-BFGS-B's."""
    rows: dict[str, Any] = {}
    for layers, found in chosen(stage, "tune-bragg")["layers"].items():
        reported = Trial(f"env:BraggMirror-v0,layers={layers}:1", *EFFORTS[int(layers)][2])
        goals = [model.known_optimum + model.tolerance for model in reported.models]
        for name, tries in found.items():
            pick = picked(tries, GOAL)
            if not known(pick["method"]):
                continue
            measure = int(layers) in stage.layers and stage.wanted(name)
            row = repeated(stage, pick, reported.models, reported.count(pick["calls"]), FRESH, measure=measure,
                           block=_BLOCK, name=f"{layers} ")  # fmt: skip
            if row is not None:
                rows[f"{layers} {name}"] = found_row = judged(row, goals)
                print(layers, *(found_row[key] for key in ("method", "budget", "p", "calls", "n99")), flush=True)
    stage.publish(with_ratios(rows, RIVAL))
