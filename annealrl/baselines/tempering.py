"""Parallel tempering, with isoenergetic cluster moves between copies of the ladder if wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annealrl.baselines.grammar import split
from annealrl.baselines.simulated import Annealed, SimulatedMethod, make_simulator
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel, ising_models
from annealrl.method import Budget
from annealrl.schedules import coupling_scale
from annealrl.simulator import Order, ReplicaSimulator, Rule, Start

GRAMMAR = "tempering:LO:HI:K[:copies=C][:icm][:every=S][:low_from=LO0][:high_from=HI0][:sigma]"


@dataclass
class TemperingMethod(SimulatedMethod):
    """Replica exchange on a geometric ladder; the replicas of the budget are temperatures × copies.

    Attributes
    ----------
    low, high : float
        β of the ladder's ends, 0 < low < high.
    temperatures : int
        K ≥ 2.
    name : str
    copies : int, optional
        Copies of the ladder; as many as the budget's replicas allow by default.
    clusters : bool
        Isoenergetic moves in random pairs of copies, before the exchanges of every round.
    every : int
        Sweeps between two rounds.
    low_from, high_from : float, optional
        Ends of the ladder in the first step, from which they go geometrically to `low` and `high` in the last: the
        ladder is annealed. By default it stands still.
    sigma_units : bool
        Whether β is in units of 1/σ, see :func:`~annealrl.schedules.coupling_scale`.
    rule, order, initial : str
        As :class:`~annealrl.simulator.ReplicaSimulator` takes them.
    """

    low: float
    high: float
    temperatures: int
    name: str
    copies: int | None = None
    clusters: bool = False
    every: int = 1
    low_from: float | None = None
    high_from: float | None = None
    sigma_units: bool = False
    rule: Rule = "metropolis"
    order: Order = "random"
    initial: Start = "independent"

    def __post_init__(self) -> None:
        for which, (low, high) in (("ladder", self._ends(1.0)), ("first ladder", self._ends(0.0))):
            if not 0 < low < high < np.inf:
                raise InputError(f"tempering: the {which} goes from {low:g} to {high:g}; 0 < LO < HI is expected")
        if self.temperatures < 2:
            raise InputError(f"tempering: {self.temperatures} temperatures; at least 2 are expected")
        if self.every < 1 or (self.copies is not None and self.copies < 1 + self.clusters):
            raise InputError(
                f"tempering: every is {self.every} and copies {self.copies}; at least 1 is expected, and 2 copies for "
                "cluster moves"
            )

    @property
    def moves(self) -> frozenset[str]:  # type: ignore[override]
        """What it may do."""
        return frozenset({"flip", "exchange", "cluster"} if self.clusters else {"flip", "exchange"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        return json.dumps({"tempering": {**vars(self), "name": ""}}, sort_keys=True)

    @property
    def moving(self) -> bool:
        """Whether the ladder is annealed."""
        return self.low_from is not None or self.high_from is not None

    def _ends(self, progress: float) -> tuple[float, float]:
        low, high = (
            end if first is None else end * (first / end) ** (1.0 - progress)
            for end, first in ((self.low, self.low_from), (self.high, self.high_from))
        )
        return low, high

    def ladder(self, models: Sequence[IsingModel], progress: float = 1.0) -> FloatArray:
        """β of each rung for each instance, shape (B, K), when the part `progress` of an episode's steps is over."""
        rungs = np.geomspace(*self._ends(progress), self.temperatures)
        scales = np.array([coupling_scale(model) if self.sigma_units else 1.0 for model in models])
        return np.asarray(rungs / scales[:, None])

    def anneal(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Annealed:
        """Run as :meth:`run` does; return the simulator with all replicas at the end.

        Raises
        ------
        InputError
            If temperatures × copies are not the budget's replicas, or a model is no Ising model.
        """
        models = ising_models(models, f"method {self.name!r}")
        copies = self.copies if self.copies is not None else budget.replicas // self.temperatures
        if copies * self.temperatures != budget.replicas:
            raise InputError(
                f"method {self.name!r}: {self.temperatures} temperatures × {copies} copies are not the budget's "
                f"{budget.replicas} replicas"
            )
        if copies < 2 and self.clusters:
            raise InputError(f"method {self.name!r}: cluster moves need two copies, but the budget leaves room for one")
        simulator = make_simulator(models, budget, seeds, self.rule, self.order, self.initial)
        assert isinstance(simulator, ReplicaSimulator)
        tempering = simulator.tempering(self.ladder(models, 0.0), copies, every=self.every, clusters=self.clusters)
        for step in range(budget.steps):
            if self.moving and step:
                tempering.betas = self.ladder(models, step / (budget.steps - 1))
            tempering.advance(budget.sweeps_per_step)
        return Annealed(simulator, None, tempering.attempted)


def from_text(rest: str) -> TemperingMethod:
    """Read what :data:`GRAMMAR` says behind ``tempering:``."""
    words, options = split(rest, {"copies": None, "every": 1.0, "low_from": None, "high_from": None})
    flags = set(words[3:])
    if len(words) < 3 or flags - {"icm", "sigma"}:
        raise InputError(f"{rest!r} is malformed; {GRAMMAR} is expected")
    try:
        low, high = float(words[0]), float(words[1])
        temperatures = int(words[2])
    except ValueError:
        raise InputError(f"{rest!r} is malformed; {GRAMMAR} is expected") from None
    copies, every = options["copies"], options["every"]
    for key, value in (("copies", copies), ("every", every)):
        if value is not None and not value.is_integer():
            raise InputError(f"{key} is {value:g}; a whole number is expected")
    return TemperingMethod(
        low,
        high,
        temperatures,
        f"tempering:{rest}",
        copies=None if copies is None else int(copies),
        clusters="icm" in flags,
        every=int(every or 0),
        low_from=options["low_from"],
        high_from=options["high_from"],
        sigma_units="sigma" in flags,
    )
