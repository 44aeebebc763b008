"""Replica exchange whose sweeps are D-Wave's.

The scheme is that of ``ParallelTempering`` in dwave-hybrid: every replica runs a while at its own fixed β by
``dwave.samplers.SimulatedAnnealingSampler``, then neighbouring pairs are proposed for exchange from hot to cold. That
package is not needed for it (it brings a client of D-Wave's cloud), and it compares the best of several reads, where
here every copy of the ladder exchanges on its own, which keeps detailed balance.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from annealrl.baselines.grammar import split
from annealrl.baselines.peers import EXTRA, common_starts, dwave_anneal, lowest, own_numbers, to_bqm
from annealrl.errors import InputError
from annealrl.extras import require
from annealrl.ising import IsingModel, SpinArray, ising_models
from annealrl.method import Budget, Outcome

GRAMMAR = "dwave-tempering:LO:HI:K[:copies=C][:every=S][:random]"


@dataclass
class DwaveTemperingMethod:
    """Parallel tempering by D-Wave's sampler on a geometric ladder; temperatures × copies are the budget's replicas.

    Attributes
    ----------
    low, high : float
        β of the ladder's ends, 0 < low < high.
    temperatures : int
        K ≥ 2.
    name : str
    copies : int, optional
        Copies of the ladder; as many as the budget's replicas allow by default.
    every : int, optional
        Sweeps between two rounds of exchange; those of a step by default.
    random_order : bool
        Sites at random instead of in order.
    """

    low: float
    high: float
    temperatures: int
    name: str
    copies: int | None = None
    every: int | None = None
    random_order: bool = False
    moves: frozenset[str] = frozenset({"flip", "exchange"})

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < np.inf:
            raise InputError(f"the ladder goes from {self.low:g} to {self.high:g}; 0 < LO < HI is expected")
        if self.temperatures < 2:
            raise InputError(f"{self.temperatures} temperatures; at least 2 are expected")
        for key in ("copies", "every"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise InputError(f"{key} is {value}; at least 1 is expected")

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        settings = [self.low, self.high, self.temperatures, self.copies, self.every, self.random_order]
        return json.dumps({"dwave-tempering": settings})

    @cached_property
    def _sampler(self) -> Any:
        return require("dwave.samplers", EXTRA).SimulatedAnnealingSampler()

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the lowest energy is taken at every round of exchanges.

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
        best: list[tuple[float, SpinArray]] = []
        final, seconds, attempted = np.empty(len(models)), 0.0, 0
        for place, start in enumerate(common_starts(models, budget, seeds)):
            model, numbers = models[place], own_numbers(seeds[place])
            bqm = to_bqm(model)
            spins = start.reshape(self.temperatures, copies, model.n)
            found = lowest(model, start)
            every = self.every or budget.sweeps_per_step
            left = budget.sweeps
            while left:
                sweeps = min(every, left)
                left -= sweeps
                spins, spent = self._sweep(bqm, spins, sweeps, numbers)
                seconds += spent
                found = min(found, lowest(model, spins.reshape(-1, model.n)), key=lambda one: one[0])
                self._exchange(model.energy(spins), spins, numbers)
                attempted += model.n * budget.replicas * sweeps + (self.temperatures - 1) * copies
            best.append(found)
            final[place] = float(model.energy(spins).min())
        return Outcome(
            best_energies=np.array([energy for energy, _ in best]),
            final_energies=final,
            best_spins=tuple(spins for _, spins in best),
            attempted_updates=attempted,
            seconds=seconds,
        )

    def _sweep(self, bqm: Any, spins: SpinArray, sweeps: int, numbers: np.random.Generator) -> tuple[SpinArray, float]:
        """Run all copies of each rung, shape (K, C, n), at its β."""
        swept, seconds = np.empty_like(spins), 0.0
        for rung, beta in enumerate(np.geomspace(self.low, self.high, self.temperatures).tolist()):
            swept[rung], spent = dwave_anneal(
                self._sampler,
                bqm,
                spins[rung],
                beta_range=(beta, beta),
                beta_schedule_type="linear",
                num_sweeps=sweeps,
                randomize_order=self.random_order,
                seed=int(numbers.integers(2**31)),
            )
            seconds += spent
        return swept, seconds

    def _exchange(self, energies: np.ndarray, spins: SpinArray, numbers: np.random.Generator) -> None:
        """Propose all neighbouring pairs from hot to cold, in place; acceptance min(1, exp(Δβ ΔE))."""
        betas = np.geomspace(self.low, self.high, self.temperatures)
        for rung in range(self.temperatures - 1):
            gain = (betas[rung] - betas[rung + 1]) * (energies[rung] - energies[rung + 1])
            accepted = np.log(numbers.random(len(gain))) < gain
            pair = np.ix_([rung, rung + 1], accepted)
            turned = np.ix_([rung + 1, rung], accepted)
            spins[pair], energies[pair] = spins[turned], energies[turned]


def from_text(rest: str) -> DwaveTemperingMethod:
    """Read ``LO:HI:K[:copies=C][:every=S][:random]``."""
    require("dwave.samplers", EXTRA)
    words, options = split(rest, {"copies": None, "every": None})
    try:
        low, high, temperatures = float(words[0]), float(words[1]), int(words[2])
    except (IndexError, ValueError):
        raise InputError(f"{rest!r} is malformed; {GRAMMAR} is expected") from None
    if words[3:] not in ([], ["random"]):
        raise InputError(f"{rest!r} is malformed; {GRAMMAR} is expected")
    whole: dict[str, Any] = {}
    for key, value in options.items():
        if value is not None and not value.is_integer():
            raise InputError(f"{key} is {value:g}; a whole number is expected")
        whole[key] = None if value is None else int(value)
    return DwaveTemperingMethod(
        low, high, temperatures, f"dwave-tempering:{rest}", random_order=words[3:] == ["random"], **whole
    )
