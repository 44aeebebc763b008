"""Population annealing: a schedule, and resampling of the replicas from one temperature to the next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.baselines.simulated import Annealed, SimulatedMethod
from annealrl.errors import InputError
from annealrl.family import Simulator
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.schedules import Knots, Schedule


@dataclass
class PopulationMethod(SimulatedMethod):
    r"""Anneal by a schedule or heuristic with replicas that are resampled before every step but the first.

    From β to β' replicas are copied in proportion to exp(-α (β' - β) E); α = 1 is population annealing proper (Machta,
    Phys. Rev. E 82, 026704 (2010)), a larger α selects harder than equilibrium asks for.

    Attributes
    ----------
    base : ScheduleMethod
        The schedule and the dynamics between resamplings.
    name : str
    alpha : float
    selection : Schedule, optional
        Takes the place of β' - β: how hard replicas are selected before each step, whatever β does there.
    """

    base: ScheduleMethod
    name: str
    alpha: float = 1.0
    selection: Schedule | None = None
    moves: frozenset[str] = frozenset({"flip", "resample"})

    def __post_init__(self) -> None:
        if not np.isfinite(self.alpha) or self.alpha < 0:
            raise InputError(f"population annealing: alpha is {self.alpha:g}; a finite number ≥ 0 is expected")

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        content = {"population": json.loads(self.base.fingerprint), "alpha": self.alpha}
        if self.selection is not None:
            content["selection"] = self.selection.to_json()
        return json.dumps(content, sort_keys=True)

    def anneal(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Annealed:
        """Run as :meth:`run` does; return the simulator with all replicas at the end."""
        fixed = None if self.selection is None else iter(self.selection.table(models, budget.steps)[1:])

        def resample(simulator: Simulator, before: FloatArray, after: FloatArray) -> None:
            simulator.population.resample(after - before if fixed is None else next(fixed), self.alpha)

        simulator, betas, _ = self.base.anneal(models, budget, seeds, resample)
        return Annealed(simulator, betas, simulator.population.weighed)


def from_text(rest: str) -> PopulationMethod:
    """Read ``SCHEDULE[:alpha=A|:select=S1,S2,…]``: before the option stands the text of a single-flip method."""
    schedule, _, last = rest.rpartition(":")
    alpha, strengths = 1.0, None
    key, _, value = last.partition("=")
    if key in ("alpha", "select"):
        try:
            numbers = tuple(map(float, value.split(",") if key == "select" else [value]))
        except ValueError:
            raise InputError(f"{last!r} holds no {'numbers' if key == 'select' else 'number'}") from None
        if key == "alpha":
            alpha = numbers[0]
        else:
            strengths = numbers
    else:
        schedule = rest
    if not schedule:
        raise InputError("no schedule given; population:SCHEDULE[:alpha=A] is expected")
    base = parse_method(schedule)
    if not isinstance(base, ScheduleMethod):
        raise InputError(f"{schedule!r} is no schedule")
    selection = None
    if strengths is not None:
        sigma = isinstance(base.control, Schedule) and base.control.sigma_units
        try:
            selection = Knots(strengths, sigma_units=sigma)
        except InputError as error:
            raise InputError(f"select: {error}") from None
    return PopulationMethod(base, f"population:{rest}", alpha, selection)
