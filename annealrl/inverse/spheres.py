"""n99 in true calls on the published spheres of eight layers, of every method with the best budget of a short grid."""

from __future__ import annotations

from annealrl import api
from annealrl.inverse.stages import Stage, best_budget, known, with_ratios
from annealrl.inverse.tasks import SCHEDULE, TASKS

#: What every ratio is over.
RIVAL = "gradient:lbfgs"
#: Held-out targets, and training instances on which budgets are chosen.
TARGETS, TRAINING = 10, 6
#: By method or kind of method: (replicas, steps, sweeps a step) that are tried, and the most calls that a row takes.
GRIDS = {
    "gradient": (((1, 16, 2), (1, 16, 6)), 6_000),
    "hybrid": (((1, 16, 4), (4, 16, 6)), 8_000),
    "gradient:adam:rate=0.03": (((1, 16, 6),), 8_000),
    "geometric": (((2, 16, 8),), 21_000),
    "adaptive": (((2, 16, 8),), 21_000),
    "agent": (((2, 16, 8),), 21_000),
    "search": (((1, 16, 16),), 21_000),
}
METHODS = (
    RIVAL,
    "gradient:lsq",
    f"hybrid:{SCHEDULE}:lsq",
    SCHEDULE,
    "adaptive",
    "agent:nanoparticle",
    "search:cma",
    "search:de",
    "search:random",
    "gradient:adam:rate=0.03",
)


def spheres(stage: Stage) -> None:
    """Measure what is missing on the first held-out targets, publish all of it with the ratios to L-BFGS-B's."""
    source = TASKS["shell"].source
    models = list(api.load_instances(f"{source}:{stage.targets or TARGETS}").models)
    others = list(api.load_instances(f"{source},split=train:{TRAINING}").models)
    for name in METHODS:
        if not stage.wanted(name) or not known(name):
            continue
        grid, most = GRIDS.get(name) or GRIDS[name.split(":", maxsplit=1)[0]]
        found = stage.keep(
            f"8 {name}",
            lambda: best_budget(name, grid, others, models, most=most, episodes=(1, stage.episodes)),  # noqa: B023
        )
        print(name, found["budget"], found["p"], found["calls"], found["n99"], flush=True)
    stage.publish(with_ratios(stage.held(), RIVAL))
