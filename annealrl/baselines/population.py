"""Population annealing: a schedule, and resampling of the replicas from one temperature to the next."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.controllers import Controller, Static
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.method import Budget, Outcome
from annealrl.schedules import Schedule
from annealrl.simulator import ReplicaSimulator


@dataclass
class PopulationMethod:
    r"""Anneal by a schedule or heuristic with replicas that are resampled before every step but the first.

    From β to β' replicas are copied in proportion to exp(-α (β' - β) E); α = 1 is population annealing proper (Machta,
    Phys. Rev. E 82, 026704 (2010)), a larger α selects harder than equilibrium asks for.

    Attributes
    ----------
    base : ScheduleMethod
        The schedule and the dynamics between resamplings.
    name : str
    alpha : float
    """

    base: ScheduleMethod
    name: str
    alpha: float = 1.0
    moves: frozenset[str] = frozenset({"flip", "resample"})

    def __post_init__(self) -> None:
        if not np.isfinite(self.alpha) or self.alpha < 0:
            raise InputError(f"population annealing: alpha is {self.alpha:g}; a finite number ≥ 0 is expected")

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        return json.dumps({"population": json.loads(self.base.fingerprint), "alpha": self.alpha}, sort_keys=True)

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the lowest energy is taken at step boundaries."""
        began = time.perf_counter()
        base = self.base
        control: Controller = Static(base.control) if isinstance(base.control, Schedule) else copy.copy(base.control)
        simulator = ReplicaSimulator(
            models,
            budget.replicas,
            seeds=seeds,
            rule=base.rule,
            order=base.order,
            initial=base.initial,
            threads=budget.threads,
        )
        spent = control.begin(simulator, budget, seeds)
        betas = np.empty((budget.steps, len(models)))
        for step in range(budget.steps):
            betas[step] = control.beta(step, simulator)
            if step:
                simulator.population.resample(betas[step] - betas[step - 1], self.alpha)
            sweeps = max(0, budget.sweeps_per_step - spent)
            spent = max(0, spent - budget.sweeps_per_step)
            simulator.advance(betas[step], sweeps, ramp_from=betas[max(0, step - 1)] if base.ramp else None)
        lowest = [simulator.lowest(b) for b in range(len(models))]
        return Outcome(
            best_energies=np.array([energy for energy, _ in lowest]),
            final_energies=simulator.energies.min(axis=1),
            best_spins=tuple(spins for _, spins in lowest),
            attempted_updates=simulator.attempted + simulator.population.weighed,
            seconds=time.perf_counter() - began,
            betas=betas,
        )


def from_text(rest: str) -> PopulationMethod:
    """Read ``SCHEDULE[:alpha=A]``: what stands before a closing ``alpha=`` is the text of a single-flip method."""
    schedule, _, last = rest.rpartition(":")
    alpha = 1.0
    if last.startswith("alpha="):
        try:
            alpha = float(last.removeprefix("alpha="))
        except ValueError:
            raise InputError(f"{last!r} holds no number") from None
    else:
        schedule = rest
    if not schedule:
        raise InputError("no schedule given; population:SCHEDULE[:alpha=A] is expected")
    base = parse_method(schedule)
    if not isinstance(base, ScheduleMethod):
        raise InputError(f"{schedule!r} is no schedule")
    return PopulationMethod(base, f"population:{rest}", alpha)
