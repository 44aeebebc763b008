"""Simulated annealing: a schedule or a heuristic drives the replica simulator by single flips."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from annealrl.controllers import Controller, Static
from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget, Outcome
from annealrl.schedules import Schedule
from annealrl.simulator import Order, ReplicaSimulator, Rule, Start


@dataclass
class ScheduleMethod:
    """Anneal by a schedule or controller.

    Attributes
    ----------
    control : Schedule or Controller
    name : str
        How the method grammar spells it, or any other label.
    rule, order, initial : str
        As :class:`~annealrl.simulator.ReplicaSimulator` takes them.
    ramp : bool
        Whether β goes linearly from the last step's value to this one's within a step, instead of being constant.
    """

    control: Schedule | Controller
    name: str
    rule: Rule = "metropolis"
    order: Order = "random"
    initial: Start = "independent"
    ramp: bool = False
    moves: frozenset[str] = frozenset({"flip"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does, as a line of JSON; two methods with the same one are the same."""
        return json.dumps(
            {
                "control": _describe(self.control),
                "rule": self.rule,
                "order": self.order,
                "initial": self.initial,
                "ramp": self.ramp,
            },
            sort_keys=True,
        )

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the lowest energy is taken at step boundaries."""
        began = time.perf_counter()
        simulator, betas = self.anneal(models, budget, seeds)
        lowest = [simulator.lowest(b) for b in range(len(models))]
        return Outcome(
            best_energies=np.array([energy for energy, _ in lowest]),
            final_energies=simulator.energies.min(axis=1),
            best_spins=tuple(spins for _, spins in lowest),
            attempted_updates=simulator.attempted,
            seconds=time.perf_counter() - began,
            betas=betas,
        )

    def anneal(
        self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]
    ) -> tuple[ReplicaSimulator, FloatArray]:
        """Run as :meth:`run` does; return the simulator with all replicas at the end, and β, shape (steps, B)."""
        control = Static(self.control) if isinstance(self.control, Schedule) else copy.copy(self.control)
        simulator = ReplicaSimulator(
            models,
            budget.replicas,
            seeds=seeds,
            rule=self.rule,
            order=self.order,
            initial=self.initial,
            threads=budget.threads,
        )
        spent = control.begin(simulator, budget, seeds)
        betas = np.empty((budget.steps, len(models)))
        for step in range(budget.steps):
            betas[step] = control.beta(step, simulator)
            sweeps = max(0, budget.sweeps_per_step - spent)
            spent = max(0, spent - budget.sweeps_per_step)
            simulator.advance(betas[step], sweeps, ramp_from=betas[max(0, step - 1)] if self.ramp else None)
        return simulator, betas


def _describe(control: object) -> dict[str, Any]:
    if isinstance(control, Schedule):
        return control.to_json()
    keys = [entry.name for entry in fields(control) if entry.init] if is_dataclass(control) else []
    return {"kind": type(control).__name__, **{key: getattr(control, key) for key in keys}}
