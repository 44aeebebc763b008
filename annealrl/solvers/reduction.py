"""Presolve: spins whose state follows from a neighbour are merged away, the rest is cut into independent blocks.

A coupling at least as strong as all others of one of its spins together can be satisfied in some ground state, so that
spin follows its neighbour. Leaves, chains of degree-two spins and dominating couplings are all this one rule (the
simplest of the dominating-edge rules of Rehfeldt, Koch and Shinano, Math. Prog. Comp. 15, 445 (2023), section 3). The
cut polytope of what is left is the product over its biconnected blocks (Barahona and Mahjoub, Math. Prog. 36, 157
(1986)), so each block is solved alone.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import networkx as nx
import numpy as np

from annealrl.ising import IntArray, SpinArray
from annealrl.solvers.graph import SignedGraph

_BLOCK_SECONDS, _GRACE = 1e-5, 0.5
"""Time that the search for blocks takes for each coupling, about, and by how much it may overrun."""


@dataclass(frozen=True, eq=False)
class Block:
    """One biconnected block: its graph on spins 0 … k - 1 and the reduced spins they stand for."""

    graph: SignedGraph
    spins: IntArray


@dataclass(frozen=True, eq=False)
class Reduction:
    """Blocks to solve, and how to get back.

    Attributes
    ----------
    blocks : list of Block
        Independent subproblems, at least three spins each.
    followers : list of (int, int, int)
        ``(i, j, sign)``: spin i equals ``sign`` times spin j, in the order of merging.
    n : int
        Number of spins of the graph that was reduced.
    """

    blocks: list[Block]
    followers: list[tuple[int, int, int]]
    n: int

    def expand(self, block_spins: list[SpinArray]) -> SpinArray:
        """Glue the blocks' configurations together at shared spins and give followers their values."""
        spins = np.zeros(self.n, dtype=np.int8)
        holders: dict[int, list[int]] = {}
        for b, block in enumerate(self.blocks):
            for i in block.spins.tolist():
                holders.setdefault(i, []).append(b)
        done = [False] * len(self.blocks)
        for first in range(len(self.blocks)):
            stack = [] if done[first] else [first]
            while stack:
                b = stack.pop()
                if done[b]:
                    continue
                done[b] = True
                sites = self.blocks[b].spins
                # Blocks form a tree, so at most one of the spins has its value already.
                fixed = np.flatnonzero(spins[sites])
                turn = int(spins[sites[fixed[0]]] * block_spins[b][fixed[0]]) if len(fixed) else 1
                spins[sites] = turn * block_spins[b]
                stack.extend(c for i in sites.tolist() for c in holders[i] if not done[c])
        spins[spins == 0] = 1
        for i, j, sign in reversed(self.followers):
            spins[i] = sign * spins[j]
        return spins

    def restrict(self, spins: SpinArray) -> list[SpinArray]:
        """Configurations of the blocks that `spins` of the full graph contain."""
        return [spins[block.spins] for block in self.blocks]


class OutOfTimeError(Exception):
    """The presolve did not end before the deadline."""


def reduce_graph(n: int, edges: IntArray, weights: IntArray, deadline: float = math.inf) -> Reduction:
    """Merge dominated spins until none is left, then split into blocks.

    Energies of the full graph are those of the blocks, minus Σ|w| of what was merged: the cost above all couplings
    satisfied changes by a constant which :func:`annealrl.solvers.exact.solve` takes from one configuration.

    Raises
    ------
    OutOfTimeError
        If `deadline` (by ``time.perf_counter``) passes, or would in the search for blocks.
    """
    adjacency: list[dict[int, int]] = [{} for _ in range(n)]
    for (i, j), w in zip(edges.tolist(), weights.tolist(), strict=True):
        adjacency[i][j] = adjacency[j][i] = w
    followers = []
    pending = list(range(n))
    steps = 0
    while pending:
        steps += 1
        if steps % 256 == 0 and time.perf_counter() > deadline:
            raise OutOfTimeError
        i = pending.pop()
        around = adjacency[i]
        if not around:
            continue
        j, strongest = max(around.items(), key=lambda item: abs(item[1]))
        if 2 * abs(strongest) < sum(map(abs, around.values())):
            continue
        sign = 1 if strongest > 0 else -1
        followers.append((i, j, sign))
        del adjacency[j][i]
        for k, w in around.items():
            if k == j:
                continue
            del adjacency[k][i]
            merged = adjacency[j].get(k, 0) + sign * w
            if merged:
                adjacency[j][k] = adjacency[k][j] = merged
            else:
                del adjacency[j][k], adjacency[k][j]
            pending.append(k)
        around.clear()
        pending.append(j)
    # networkx cannot be interrupted.
    if time.perf_counter() + _BLOCK_SECONDS * sum(map(len, adjacency)) / 2 > deadline + _GRACE:
        raise OutOfTimeError
    return Reduction(_blocks(adjacency), followers, n)


def _blocks(adjacency: list[dict[int, int]]) -> list[Block]:
    graph = nx.Graph((i, j) for i, around in enumerate(adjacency) for j in around if i < j)
    blocks = []
    for members in nx.biconnected_components(graph):
        sites = sorted(members)
        local = {i: k for k, i in enumerate(sites)}
        pairs = [(local[i], local[j], w) for i in sites for j, w in adjacency[i].items() if i < j and j in local]
        table = np.array(pairs, dtype=np.int64).reshape(-1, 3)
        blocks.append(Block(SignedGraph(len(sites), table[:, :2], table[:, 2]), np.array(sites, dtype=np.int64)))
    return blocks
