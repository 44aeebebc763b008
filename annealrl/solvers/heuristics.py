"""Good configurations: rounding of LP solutions, descent, and annealing. All of it proposes, nothing proves."""

from __future__ import annotations

import math
import time
from copy import copy
from functools import cached_property

import numpy as np

from annealrl.ising import FloatArray, IsingModel, SpinArray
from annealrl.simulator import ReplicaSimulator
from annealrl.solvers.graph import SignedGraph

_REPLICAS, _STEPS, _OFFERED = 64, 50, 4
_LEAST_SWEEPS, _MOST_SWEEPS = 20, 1280
"""Sweeps of a step, in the first call and in late ones."""
_CALL = 1 << 24
"""Spins that are looked at between two glances at the clock, about."""
HOT, COLD = 0.2, 5.0
"""Ends of the anneal, linear in β, in units of 1/σ with σ² = Σ J²/N."""


_FEW = 4000
"""Spins up to which every descent takes the best step first; larger graphs turn many at once before that."""


class Incumbent:
    """Best configuration of one graph so far, and ways to improve it."""

    def __init__(
        self,
        graph: SignedGraph,
        rng: np.random.Generator,
        start: SpinArray | None = None,
        deadline: float = math.inf,
    ) -> None:
        self.graph = graph
        self.rng = rng
        self.deadline = deadline
        self.spins: SpinArray = np.ones(graph.n, dtype=np.int8)
        self.cost = graph.cost(self.spins)
        self._sweeps = _LEAST_SWEEPS
        self.offer(self.spins if start is None else start)

    def offer(self, spins: SpinArray) -> bool:
        """Descend from `spins` and keep the result if it is better."""
        if self.graph.n > _FEW:
            spins = settle(self.graph, spins, self.rng, self.deadline)
        spins = descend(self.graph, spins, self.deadline)
        cost = self.graph.cost(spins)
        if cost >= self.cost:
            return False
        self.spins, self.cost = spins, cost
        return True

    def twin(self, rng: np.random.Generator) -> Incumbent:
        """Copy that goes on by itself, with another random stream."""
        twin = copy(self)
        twin.rng = rng
        return twin

    def take(self, other: Incumbent) -> None:
        """Keep the other one's configuration if it is better; only that and its cost are shared."""
        if other.cost < self.cost:
            self.spins, self.cost = other.spins, other.cost

    def round(self, u: FloatArray) -> bool:
        """Configuration that agrees with the LP solution `u` where it is most decided."""
        doubt = np.minimum(u, 1.0 - u) + 0.01 * self.rng.random(len(u))
        return self.offer(self.graph.tree_spins(u > 0.5, doubt))

    def anneal(self, deadline: float) -> bool:
        """Anneal 64 replicas by the package's own simulator and keep the best; every call takes twice the sweeps."""
        if time.perf_counter() > deadline:
            return False
        seed = np.random.SeedSequence(self.rng.integers(2**63, size=2).tolist())
        simulator = ReplicaSimulator([self._model], _REPLICAS, seed=seed, threads=1)
        sigma = float(np.sqrt((self.graph.weights.astype(float) ** 2).sum() / self.graph.n))
        part = max(1, _CALL // (_REPLICAS * self.graph.n))
        for beta in np.linspace(HOT, COLD, _STEPS) / sigma:
            for done in range(0, self._sweeps, part):
                if time.perf_counter() <= deadline:
                    simulator.advance(beta, min(part, self._sweeps - done))
        self._sweeps = min(2 * self._sweeps, _MOST_SWEEPS)
        spins = np.insert(simulator.best_spins(0), self._fixed, 1, axis=1)
        order = np.argsort(simulator.best_energies[0], kind="stable")
        better = False
        for replica in order[:_OFFERED]:
            better |= self.offer(spins[replica])
        return better

    @cached_property
    def _fixed(self) -> int:
        """The spin of most couplings (the ghost, where there is one): fixed to +1, its couplings become fields."""
        return int(np.argmax(np.bincount(self.graph.edges.ravel(), minlength=self.graph.n)))

    @cached_property
    def _model(self) -> IsingModel:
        edges, weights, fixed = self.graph.edges, self.graph.weights.astype(float), self._fixed
        at_fixed = (edges == fixed).any(axis=1)
        others = edges[at_fixed].sum(axis=1) - fixed
        fields = np.zeros(self.graph.n)
        fields[others] = weights[at_fixed]
        rest = edges[~at_fixed]
        return IsingModel.from_edges(
            rest - (rest > fixed), weights[~at_fixed], np.delete(fields, fixed), n=self.graph.n - 1
        )


def settle(graph: SignedGraph, spins: SpinArray, rng: np.random.Generator, deadline: float) -> SpinArray:
    """Turn over many single spins at once, none of them neighbours, until none lowers the energy or time is up."""
    i, j = graph.edges.T
    s = spins.astype(float)
    while True:
        gain = s * (graph.matrix @ s)
        turned = gain < 0
        if not turned.any() or time.perf_counter() > deadline:
            return s.astype(np.int8)
        # Of two neighbours the one that gains more is turned; ties are broken at random.
        rank = np.empty(graph.n, dtype=np.int64)
        rank[np.lexsort((rng.random(graph.n), gain))] = np.arange(graph.n)
        both = turned[i] & turned[j]
        turned[np.where(rank[i] > rank[j], i, j)[both]] = False
        s[turned] *= -1.0


def descend(graph: SignedGraph, spins: SpinArray, deadline: float = math.inf) -> SpinArray:
    """Turn over single spins and then both ends of single edges, the best first, until none lowers the energy.

    When time is up the descent ends where it is.
    """
    starts, neighbours, weights = graph.matrix.indptr, graph.matrix.indices, graph.matrix.data
    i, j = graph.edges.T
    s = spins.astype(float)
    local = graph.matrix @ s
    while time.perf_counter() <= deadline:
        gain = s * local
        site = int(np.argmin(gain))
        turned = [site]
        if gain[site] >= 0:
            # Turning both ends leaves their own coupling as it is.
            pair = gain[i] + gain[j] - 2.0 * graph.weights * s[i] * s[j]
            edge = int(np.argmin(pair))
            if pair[edge] >= 0:
                return s.astype(np.int8)
            turned = [int(i[edge]), int(j[edge])]
        for k in turned:
            s[k] = -s[k]
            around = slice(starts[k], starts[k + 1])
            local[neighbours[around]] += 2.0 * s[k] * weights[around]
    return s.astype(np.int8)
