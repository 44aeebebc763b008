"""The integer-weighted graph that the solver works on, and configurations read off spanning trees."""

from __future__ import annotations

from functools import cached_property
from math import gcd

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse import csgraph

from annealrl.ising import FloatArray, IntArray, SpinArray

BoolArray = npt.NDArray[np.bool_]


class SignedGraph:
    """Couplings ``weights[e]`` (non-zero integers) between the spins ``edges[e]``; ``H = -Σ w s s``.

    A configuration is also described by the edges it leaves unsatisfied, ``unsatisfied[e] = w s s < 0``. Its
    cost ``Σ 2|w| unsatisfied`` is the energy above ``-Σ|w|``; the solver minimises that cost.
    """

    def __init__(self, n: int, edges: IntArray, weights: IntArray) -> None:
        self.n = n
        self.edges = edges
        self.weights = weights
        self.costs = 2 * np.abs(weights)
        self.negative: BoolArray = weights < 0

    @cached_property
    def step(self) -> int:
        """Costs of all configurations are congruent modulo this number.

        Turning spin i over changes the energy by ``2 Σ_j ±w_ij``, which is ``2 Σ_j w_ij`` modulo every ``4 w_ij``.
        """
        sums = np.zeros(self.n, dtype=np.int64)
        np.add.at(sums, self.edges[:, 0], self.weights)
        np.add.at(sums, self.edges[:, 1], self.weights)
        return gcd(int(np.gcd.reduce(4 * self.weights)), int(np.gcd.reduce(2 * sums)))

    @cached_property
    def edge_index(self) -> dict[tuple[int, int], int]:
        """Edge number of each pair, in both orders."""
        index: dict[tuple[int, int], int] = {}
        for e, (i, j) in enumerate(self.edges.tolist()):
            index[i, j] = index[j, i] = e
        return index

    @cached_property
    def matrix(self) -> sp.csr_array:
        """Symmetric sparse matrix of the weights as floats, shape (n, n); all sums over it are exact."""
        i, j = self.edges.T
        values = np.concatenate([self.weights, self.weights]).astype(float)
        return sp.csr_array((values, (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(self.n, self.n))

    def components(self, of: BoolArray) -> IntArray:
        """Number of each spin's component in the graph of the edges `of`."""
        i, j = self.edges[of].T
        joined = sp.csr_array((np.ones(len(i)), (i, j)), shape=(self.n, self.n))
        return csgraph.connected_components(joined, directed=False)[1].astype(np.int64)

    def unsatisfied(self, spins: SpinArray) -> BoolArray:
        """Edges that `spins` leave unsatisfied."""
        apart: BoolArray = spins[self.edges[:, 0]] != spins[self.edges[:, 1]]
        return np.not_equal(apart, self.negative)

    def cost(self, spins: SpinArray) -> int:
        """Energy of `spins` above ``-Σ|w|``."""
        return int(self.costs[self.unsatisfied(spins)].sum())

    def tree_spins(self, unsatisfied: BoolArray, preference: FloatArray) -> SpinArray:
        """Configuration that agrees with `unsatisfied` on a spanning forest of edges of small `preference`.

        If `unsatisfied` belongs to a configuration, it is that one (up to a flip per component).
        """
        weights = preference + 1.0  # scipy drops zero weights
        matrix = sp.csr_array((weights, (self.edges[:, 0], self.edges[:, 1])), shape=(self.n, self.n))
        tree = sp.coo_array(csgraph.minimum_spanning_tree(matrix))
        roots = np.unique(csgraph.connected_components(tree, directed=False)[1], return_index=True)[1]
        rows = np.concatenate([tree.row, np.full(len(roots), self.n)])
        cols = np.concatenate([tree.col, roots])
        rooted = sp.csr_array((np.ones(len(rows)), (rows, cols)), shape=(self.n + 1, self.n + 1))
        order, before = csgraph.breadth_first_order(rooted, self.n, directed=False)
        apart = (unsatisfied != self.negative).tolist()
        spins = [1] * (self.n + 1)
        index = self.edge_index
        for i, j in zip(order.tolist(), before[order].tolist(), strict=True):
            if j >= 0 and j != self.n:
                spins[i] = -spins[j] if apart[index[i, j]] else spins[j]
        return np.array(spins[: self.n], dtype=np.int8)
