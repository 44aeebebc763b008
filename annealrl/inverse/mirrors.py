"""n99 of Bragg mirrors of 10, 20 and 40 layers in true calls, of every method with its own best budget."""

from __future__ import annotations

from itertools import product
from typing import Any

from annealrl import api
from annealrl.inverse.stages import Stage, best_budget, known, tuned_steps, with_ratios
from annealrl.method import Budget

#: What every ratio is over.
RIVAL = "gradient:lbfgs"
#: Found by hand on other streams: cold enough for 0.1 %, and steps so large that one move in eight is taken.
LARGE_STEPS = "geometric:30:100000000:sigma:accept=0.12"
#: By kind of method and layers: (replicas, steps, sweeps a step) that are tried.
GRIDS: dict[str, dict[int, tuple[tuple[int, int, int], ...]]] = {
    "anneal": {
        10: ((1, 40, 2), (1, 40, 8), (1, 40, 32)),
        20: ((1, 40, 2), (1, 40, 8), (1, 40, 16), (1, 40, 32)),
        40: ((1, 40, 8), (1, 40, 25), (1, 40, 100)),
    },
    "gradient": {10: ((1, 40, 1), (1, 40, 4)), 20: ((1, 40, 1), (1, 40, 4)), 40: ((1, 40, 2), (1, 40, 8))},
    "search": {
        10: ((1, 40, 4), (1, 40, 25)),
        20: ((1, 40, 4), (1, 40, 25), (1, 40, 100)),
        40: ((1, 40, 25),),
    },
    "agent": {
        10: ((2, 40, 1), (2, 40, 2), (2, 40, 8)),
        20: ((2, 40, 2), (2, 40, 4), (2, 40, 8)),
        40: ((2, 40, 8), (2, 40, 32), (2, 40, 64)),
    },
}
#: The most calls that one measurement takes; those that pass through Python are dearer.
MOST_CALLS = {"anneal": 1_600_000, "gradient": 80_000, "search": 100_000, "agent": 1_600_000}
#: Where temperature and step size are tuned, too.
TUNED = (10, 20, 40)
METHODS = (
    RIVAL,
    LARGE_STEPS,
    f"hybrid:{LARGE_STEPS}:share=0.1",
    "tuned",
    "agent:bragg-mirror",
    "adaptive",
    "search:cma",
    "search:de",
    "gradient:adam:rate=0.03",
    "search:random",
)


def bragg(stage: Stage) -> None:
    """Measure what is missing, publish all of it with the ratios to L-BFGS-B."""
    for name, layers in product(METHODS, stage.layers):
        if not stage.wanted(name) or not (layers in TUNED if name == "tuned" else known(name)):
            continue
        source, text = f"env:BraggMirror-v0,layers={layers}", name
        if name == "tuned":
            budget = Budget(*GRIDS["anneal"][layers][1])
            text = tuned_steps(stage, f"{source},split=train:4", budget, f"bragg-{layers}", 100)
        models = list(api.load_instances(f"{source}:1").models)
        found = stage.keep(f"{layers} {name}", lambda: _measured(stage, text, models, layers))  # noqa: B023
        print(layers, text, found["p"], found["calls"], found["n99"], flush=True)
    stage.publish(with_ratios(stage.held(), RIVAL))


def _measured(stage: Stage, text: str, models: list[Any], layers: int) -> dict[str, Any]:
    """With the best budget of the grid; there is one mirror of a size, so that only streams differ."""
    kind = text.split(":", maxsplit=1)[0]
    # Part of a hybrid passes through Python, but most of its calls do not.
    kind = kind if kind in GRIDS else "anneal"
    most = MOST_CALLS[kind]
    return best_budget(text, GRIDS[kind][layers], models, models, most=most, episodes=(4, stage.episodes))
