"""What is left where nothing can be searched: models beyond the size limit, or no time for the presolve.

Memory stays proportional to the model: no dictionaries of neighbours, no linear programs.
"""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from annealrl.ising import IsingModel, SpinArray
from annealrl.simulator import ReplicaSimulator
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import COLD, HOT, descend, settle

MAX_COUPLINGS = 200_000
"""Most couplings (fields counted) that presolve and branch and cut take on."""

_REPLICAS, _REPLICA_SPINS = 64, 1 << 22
"""Replicas, and the spins that all of them may have together."""
_STEPS, _LONGEST = 50, 32
"""Temperatures of an anneal, and sweeps of each in the last one; the first has one, each later one twice as many."""
_GRACE, _DENSE = 0.5, 16
"""Seconds that the final descent may take when time is up; couplings a spin from which it turns one at a time."""


def unfrustrated_spins(graph: SignedGraph) -> SpinArray | None:
    """Configuration that satisfies every coupling, or None if there is none.

    There is one just where no spin is connected to its own copy in the two-layer graph whose antiferromagnetic
    couplings change the layer.
    """
    n = graph.n
    i, j = graph.edges.T
    across = np.where(graph.negative, n, 0)
    rows, cols = np.concatenate([i, i + n]), np.concatenate([j + across, j + n - across])
    layers = sp.csr_array((np.ones(len(rows), dtype=np.int8), (rows, cols)), shape=(2 * n, 2 * n))
    label = csgraph.connected_components(layers, directed=False)[1]
    if (label[:n] == label[n:]).any():
        return None
    return np.where(label[:n] < label[n:], 1, -1).astype(np.int8)


def annealed_spins(model: IsingModel, rng: np.random.Generator, deadline: float) -> SpinArray | None:
    """Best configuration of anneals that take twice as long each time; None without time for any.

    Under a time limit they cool the faster the less time is left, so that the last one is cold when it ends.
    """
    started = time.perf_counter()
    if started >= deadline or not len(model.edges):
        return None
    seed = np.random.SeedSequence(rng.integers(2**63, size=2).tolist())
    replicas = max(1, min(_REPLICAS, _REPLICA_SPINS // model.n))
    simulator = ReplicaSimulator([model], replicas, seed=seed, threads=1)
    values = np.concatenate([model.couplings, model.fields])
    largest = float(np.abs(values).max())
    sigma = largest * float(np.sqrt(((values / largest) ** 2).sum() / model.n)) if largest else 1.0
    sweeps = 1
    while sweeps <= _LONGEST:
        for step in range(_STEPS * sweeps):
            now = time.perf_counter()
            if now >= deadline:
                return simulator.lowest(0)[1]
            part = max(step / (_STEPS * sweeps - 1), (now - started) / (deadline - started))
            simulator.advance((HOT + (COLD - HOT) * part) / sigma, 1)
        sweeps *= 2
    return simulator.lowest(0)[1]


def settled(graph: SignedGraph, spins: SpinArray, rng: np.random.Generator, deadline: float) -> SpinArray:
    """Descent with a short grace beyond the deadline."""
    _ = graph.matrix  # takes its time, which is not the descent's
    end = max(deadline, time.perf_counter() + _GRACE)
    # In a dense graph hardly any two spins can be turned at once, but there are few of them.
    return descend(graph, spins, end) if len(graph.edges) > _DENSE * graph.n else settle(graph, spins, rng, end)
