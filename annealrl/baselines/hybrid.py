"""Anneal, then descend from the annealed replicas: ``hybrid:SCHEDULE[:share=S][:lbfgs|:lsq]``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from annealrl.baselines.gradient import RESTARTED
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.polish import polish
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.method import Budget, Outcome
from annealrl.objective import Objective
from annealrl.registry import unknown


@dataclass
class HybridMethod:
    """A short anneal by a schedule, then a descent from the replicas, the lowest first, all within one budget.

    Attributes
    ----------
    base : ScheduleMethod
    name : str
    share : float
        Of the budget's evaluations for the descent; what the last start leaves is not spent.
    optimizer : "lbfgs" or "lsq"
    """

    base: ScheduleMethod
    name: str
    share: float = 0.5
    optimizer: str = "lbfgs"
    moves: frozenset[str] = frozenset({"flip", "gradient"})

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"hybrid: share is {self.share:g}; a number between 0 and 1 is expected")

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        content = {"hybrid": json.loads(self.base.fingerprint), "share": self.share, "optimizer": self.optimizer}
        return json.dumps(content, sort_keys=True)

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model."""
        began = time.perf_counter()
        for model in models:
            self._check(model)
        short = replace(budget, sweeps_per_step=max(1, int(budget.sweeps_per_step * (1 - self.share))))
        simulator: Any = self.base.anneal(models, short, seeds).simulator
        annealed = simulator.evaluations
        best, designs, spent, gradients = np.empty(len(models)), [], 0.0, 0
        for b, model in enumerate(models):
            low, width = model.space.low, model.space.high - model.space.low
            ends = [(x - low) / width for x in self._ends(simulator, b)]
            kernel = model.parts.kernel
            proposals = (budget.sweeps - short.sweeps) * model.n * (1.0 if kernel is None else kernel.cost)
            calls = int(budget.replicas * proposals / model.gradient_cost)
            energy, design = simulator.lowest(b)
            if calls:
                found = polish(self.optimizer, model, ends, calls, tight=True)
                spent += len(found.values) * model.gradient_cost
                gradients += len(found.values)
                polished = low + found.best * width
                value = model.energy_of(polished)
                if value < energy:
                    energy, design = value, polished
            best[b] = energy
            designs.append(design)
        return Outcome(
            best_energies=best,
            final_energies=best.copy(),
            best_spins=tuple(designs),
            attempted_updates=simulator.attempted,
            seconds=time.perf_counter() - began,
            evaluations=annealed + spent,
            gradients=float(gradients),
        )

    @staticmethod
    def _ends(simulator: Any, b: int) -> Iterator[FloatArray]:
        """The best design of each replica, the lowest first."""
        designs = simulator.best_designs(b)
        for r in simulator.best_energies[b].argsort(kind="stable"):
            yield designs[r]

    def _check(self, model: Any) -> None:
        if not isinstance(model, Objective):
            raise InputError(f"{self.name}: designs are expected, not Ising models such as {model.name!r}")
        if (model.space.levels > 0).any():
            raise InputError(f"{self.name}: {model.name!r} has coordinates on levels; continuous ones are expected")
        wanted = model.residuals if self.optimizer == "lsq" else model.gradient
        if wanted is None:
            what = "residuals" if self.optimizer == "lsq" else "gradient"
            raise InputError(f"{self.name}: {model.name!r} has no {what}, which the descent needs")


def from_text(rest: str) -> HybridMethod:
    """Read ``SCHEDULE[:share=S][:lbfgs|:lsq]``: what stands before the closing words is a single-flip method."""
    words, share, optimizer = rest.split(":"), 0.5, "lbfgs"
    while words and (words[-1] in RESTARTED or words[-1].startswith("share=")):
        word = words.pop()
        if word in RESTARTED:
            optimizer = word
            continue
        try:
            share = float(word.removeprefix("share="))
        except ValueError:
            raise InputError(f"{word!r} holds no number") from None
    if not words or not words[0]:
        raise unknown("method", rest, ("SCHEDULE[:share=S][:lbfgs|:lsq]",))
    base = parse_method(":".join(words))
    if not isinstance(base, ScheduleMethod):
        raise InputError(f"{':'.join(words)!r} is no schedule")
    return HybridMethod(base, f"hybrid:{rest}", share, optimizer)
