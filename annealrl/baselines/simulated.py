"""What every baseline on the replica simulator shares: anneal, then read off the outcome."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget, Outcome
from annealrl.simulator import ReplicaSimulator


class Annealed(NamedTuple):
    """The replicas at the end of a batch of episodes.

    Attributes
    ----------
    simulator : ReplicaSimulator
    betas : float64 array, shape (steps, B), or None
        The inverse temperature at which each step ran, where there was one.
    further : int
        Proposals other than single flips: exchanges, spins turned in clusters, replicas weighed.
    """

    simulator: ReplicaSimulator
    betas: FloatArray | None
    further: int = 0


class SimulatedMethod(ABC):
    """A :class:`~annealrl.method.Method` whose episodes are replicas of a :class:`ReplicaSimulator`."""

    name: str
    moves: frozenset[str]

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """All that decides what the method does, as a line of JSON; two methods with the same one are the same."""

    @abstractmethod
    def anneal(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Annealed:
        """Run as :meth:`run` does; return the simulator with all replicas at the end."""

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the lowest energy is taken at step boundaries and rounds of moves."""
        began = time.perf_counter()
        simulator, betas, further = self.anneal(models, budget, seeds)
        lowest = [simulator.lowest(b) for b in range(len(models))]
        return Outcome(
            best_energies=np.array([energy for energy, _ in lowest]),
            final_energies=simulator.energies.min(axis=1),
            best_spins=tuple(spins for _, spins in lowest),
            attempted_updates=simulator.attempted + further,
            seconds=time.perf_counter() - began,
            betas=betas,
        )
