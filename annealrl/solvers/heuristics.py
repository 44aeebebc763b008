"""Good configurations: rounding of LP solutions, descent, and a small annealer. All of it proposes, nothing proves."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray, IntArray, SpinArray
from annealrl.solvers.graph import SignedGraph


class Incumbent:
    """Best configuration of one graph so far, and ways to improve it."""

    def __init__(self, graph: SignedGraph, rng: np.random.Generator, start: SpinArray | None = None) -> None:
        self.graph = graph
        self.rng = rng
        self.spins: SpinArray = np.ones(graph.n, dtype=np.int8)
        self.cost = graph.cost(self.spins)
        self.offer(self.spins if start is None else start)

    def offer(self, spins: SpinArray) -> bool:
        """Descend from `spins` and keep the result if it is better."""
        spins = descend(self.graph, spins)
        cost = self.graph.cost(spins)
        if cost >= self.cost:
            return False
        self.spins, self.cost = spins, cost
        return True

    def round(self, u: FloatArray, tries: int = 1) -> bool:
        """Configurations that agree with the LP solution `u` where it is most decided."""
        better = False
        doubt = np.minimum(u, 1.0 - u)
        for attempt in range(tries):
            noise = self.rng.random(len(u)) * (0.01 if attempt == 0 else 0.3)
            better |= self.offer(self.graph.tree_spins(u + (noise if attempt else 0.0) > 0.5, doubt + noise))
        return better

    def anneal(self, deadline: float) -> bool:
        """Heat-bath annealing of many replicas, one colour class of the graph at a time."""
        neighbours, weights = self.graph.padded
        classes = [(sites, neighbours[sites], weights[sites]) for sites in colour_classes(neighbours)]
        # Few sweeps where a sweep has many steps, few replicas where a step is long.
        sweeps, replicas = 50 + 4000 // (8 + len(classes)), min(48, max(8, 40_000 // weights.size))
        typical = float(np.sqrt((weights**2).sum(1)).mean())
        spins = self.rng.choice(np.array([-1.0, 1.0]), size=(self.graph.n, replicas))
        for beta in np.linspace(0.2, 4.0, sweeps) / typical:
            if time.perf_counter() > deadline:
                break
            for sites, around, w in classes:
                local = np.einsum("ik,ikr->ir", w, spins[around])
                up = self.rng.random(local.shape) < 0.5 + 0.5 * np.tanh(beta * local)
                spins[sites] = np.where(up, 1.0, -1.0)
        better = False
        for replica in range(replicas):
            better |= self.offer(spins[:, replica].astype(np.int8))
        return better


def descend(graph: SignedGraph, spins: SpinArray) -> SpinArray:
    """Turn over single spins and then both ends of single edges, the best first, until none lowers the energy."""
    neighbours, weights = graph.padded
    i, j = graph.edges.T
    s = spins.astype(float)
    local = np.einsum("ik,ik->i", weights, s[neighbours])
    while True:
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
            np.add.at(local, neighbours[k], 2.0 * s[k] * weights[k])


def colour_classes(neighbours: IntArray) -> list[npt.NDArray[np.int64]]:
    """Greedy colouring: sets of spins no two of which are coupled."""
    colours = np.full(len(neighbours), -1)
    for site, around in enumerate(neighbours):
        taken = set(colours[around].tolist())
        colour = 0
        while colour in taken:
            colour += 1
        colours[site] = colour
    return [np.flatnonzero(colours == colour) for colour in range(int(colours.max()) + 1)]
