"""n99 in true calls on the published spheres of eight layers, of methods as they were chosen on validation targets."""

from __future__ import annotations

from functools import cache
from typing import Any

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.inverse.nearest import from_text
from annealrl.inverse.sphere_methods import LAYERS, METHODS
from annealrl.inverse.stages import REPORT, Stage, judged, known, with_ratios
from annealrl.inverse.tasks import TARGETS, TASKS, Learned
from annealrl.inverse.tuning import Campaign, Trial, chosen, picked, repeated, tuned

#: What every ratio is over.
RIVAL = "L-BFGS-B"
#: What counts as a success, mean squared errors.
GOALS = (1e-3, 1e-2)
#: Calls that an episode may have, at most.
LEVELS = (200, 400, 800, 1600, 3200)
#: Targets of candidates, each with one episode, and of the best of them, each with about so many calls.
TRAINING, VALIDATION, ENOUGH = 4, 6, 1600
#: Held-out targets: those that follow on the ones of the tables of r_T, which nothing has seen.
FIRST, COUNT = TARGETS, 10
#: Calls on all targets together, about, and the most episodes on one of them.
_CALLS, _EPISODES = 16_000, 6


def campaign(stage: Stage) -> Campaign:
    """All methods, on training and validation targets."""
    source, designs = TASKS["shell"].source, cache(Learned("shell", stage.runs).data)

    def make(text: str) -> Any:
        return from_text(text, designs) if text.startswith("nearest:") else parse_method(text)

    trials = Trial(f"{source},split=train:{TRAINING}"), Trial(f"{source},split=val:{VALIDATION}", ENOUGH, most=ENOUGH)
    return Campaign(METHODS, LAYERS, LEVELS, GOALS, *trials, make=make)


def tune_spheres(stage: Stage) -> None:
    """Tune every method, publish what was tried, its scores and the choice for either goal."""
    stage.publish({
        "goals": GOALS,
        "training targets": TRAINING,
        "validation targets": VALIDATION,
        "methods": tuned(stage, campaign(stage)),
    })  # fmt: skip


def spheres(stage: Stage) -> None:
    """Measure what is missing on the held-out targets, publish all of it with the ratios to L-BFGS-B's."""
    found = chosen(stage, "tune-spheres")["methods"]
    models = list(api.load_instances(f"{TASKS['shell'].source}:{FIRST + COUNT}").models)[FIRST:]
    make, rows = campaign(stage).make, dict[str, Any]()
    for name, goal in ((name, goal) for name in found for goal in GOALS):
        pick = picked(found[name], goal)
        if not pick["method"].startswith("nearest:") and not known(pick["method"]):
            continue
        count = max(1, min(_EPISODES, round(_CALLS / (pick["calls"] * len(models)))))
        row = repeated(stage, pick, models, count, REPORT, measure=stage.wanted(name), make=make)
        if row is not None:
            rows[f"{goal:g} {name}"] = judged(row, [goal] * len(models))
    stage.publish(with_ratios(rows, RIVAL))
