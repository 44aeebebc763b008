"""Simulated annealing: a schedule or a heuristic drives the replica simulator by single flips."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from annealrl.baselines.simulated import Annealed, SimulatedMethod, make_simulator, sizing
from annealrl.controllers import Controller, Static
from annealrl.family import Simulator
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.schedules import Schedule
from annealrl.simulator import Order, Rule, Start
from annealrl.step_sizes import StepSize


@dataclass
class ScheduleMethod(SimulatedMethod):
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
    step_size : StepSize, optional
        How the size of moves goes in anneals of designs; :class:`~annealrl.step_sizes.AdaptiveStep` by default.
    """

    control: Schedule | Controller
    name: str
    rule: Rule = "metropolis"
    order: Order = "random"
    initial: Start = "independent"
    ramp: bool = False
    step_size: StepSize | None = None
    moves: frozenset[str] = frozenset({"flip"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does, as a line of JSON; two methods with the same one are the same."""
        content = {
            "control": _describe(self.control),
            "rule": self.rule,
            "order": self.order,
            "initial": self.initial,
            "ramp": self.ramp,
        }
        if self.step_size is not None:
            content["step_size"] = _describe(self.step_size)
        return json.dumps(content, sort_keys=True)

    def anneal(
        self,
        models: Sequence[Any],
        budget: Budget,
        seeds: Sequence[np.random.SeedSequence],
        between: Callable[[Simulator, FloatArray, FloatArray], None] | None = None,
    ) -> Annealed:
        """Run as :meth:`run` does; return the simulator with all replicas at the end.

        Parameters
        ----------
        between : callable, optional
            Called between two steps with the simulator and the β of the one and of the other, each shape (B,).
        """
        control = Static(self.control) if isinstance(self.control, Schedule) else copy.copy(self.control)
        simulator = make_simulator(models, budget, seeds, self.rule, self.order, self.initial)
        sizes = sizing(simulator, self.step_size)
        advance: Callable[..., None] = simulator.advance
        spent = control.begin(simulator, budget, seeds)
        betas = np.empty((budget.steps, len(models)))
        for step in range(budget.steps):
            betas[step] = control.beta(step, simulator)
            if step and between is not None:
                between(simulator, betas[step - 1], betas[step])
            sweeps = max(0, budget.sweeps_per_step - spent)
            spent = max(0, spent - budget.sweeps_per_step)
            ramp_from = betas[max(0, step - 1)] if self.ramp else None
            advance(betas[step], sweeps, ramp_from=ramp_from, **sizes(step, budget.steps, sweeps))
        return Annealed(simulator, betas)


def _describe(control: object) -> dict[str, Any]:
    if isinstance(control, Schedule):
        return control.to_json()
    keys = [entry.name for entry in fields(control) if entry.init] if is_dataclass(control) else []
    return {"kind": type(control).__name__, **{key: getattr(control, key) for key in keys}}
