"""The nearest designs of a training set as starts of least squares, a method like others."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.inverse.dataset import Designs
from annealrl.inverse.judge import in_rounds, nearest
from annealrl.inverse.tasks import target_of
from annealrl.method import Budget, Outcome


@dataclass
class NearestMethod:
    """Least squares in two rounds from the designs whose spectra are nearest to the target.

    An episode looks at a random quarter of the training set, so that episodes on one target differ and their successes
    can be counted. Their calls are those on the target; what the training set took is not among them.

    Attributes
    ----------
    designs : callable
        The training set, when it is asked for.
    share : int
        One in so many of its designs is looked at.
    starts, first, each : int
        Designs that are begun with, calls from each of them in the first round, and in the second.
    """

    designs: Callable[[], Designs]
    share: int = 4
    starts: int = 30
    first: int = 4
    each: int = 30
    name: str = "nearest designs, then least squares in two rounds"
    moves: frozenset[str] = frozenset({"gradient"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does, but for the training set."""
        return json.dumps({"nearest": [self.share, self.starts, self.first, self.each]})

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model, of as many calls as the budget has proposals."""
        began = time.perf_counter()
        data, best, points, spent = self.designs(), np.empty(len(models)), [], 0
        for e, (model, seed) in enumerate(zip(models, seeds, strict=True)):
            rows = np.random.default_rng(seed).choice(len(data), len(data) // self.share, replace=False)
            part = Designs(data.points[rows], data.spectra[rows], 0.0)
            calls = math.prod((budget.replicas, budget.steps, budget.sweeps_per_step)) * model.n
            starts = nearest(part, target_of(model), self.starts)
            found = in_rounds(model, starts, calls, first=self.first, each=self.each, goal=-np.inf)
            best[e], spent = found.values.min(), spent + len(found.values)
            points.append(model.space.low + found.best * (model.space.high - model.space.low))
        return Outcome(
            best_energies=best,
            final_energies=best.copy(),
            best_spins=tuple(points),
            attempted_updates=spent,
            seconds=time.perf_counter() - began,
            evaluations=float(spent),
            gradients=float(spent),
        )


def from_text(text: str, designs: Callable[[], Designs]) -> NearestMethod:
    """Read ``nearest:STARTS:FIRST:EACH``."""
    try:
        starts, first, each = (int(word) for word in text.split(":")[1:])
    except ValueError:
        raise InputError(f"{text!r}: nearest:STARTS:FIRST:EACH is expected") from None
    return NearestMethod(designs, starts=starts, first=first, each=each, name=text)
