"""Odd-cycle inequalities of the cut polytope and their separation.

Going once around a cycle, the number of unsatisfied couplings has a fixed parity. For a set A of the cycle's edges
whose size has the wrong parity, ``Σ_{C∖A} u + Σ_A (1 - u) ≥ 1`` therefore holds for every configuration's
``u = unsatisfied`` (Barahona and Mahjoub, Math. Prog. 36, 157 (1986), in gauge-invariant form). Violated ones are
shortest paths between the two copies of a spin in a graph of two layers.

A cut is coded as a sorted int64 array of ``2 * edge + (edge in A)``.
"""

from __future__ import annotations

import math
import time
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from annealrl.ising import FloatArray, IntArray
from annealrl.solvers.graph import SignedGraph

Cut = IntArray

MIN_VIOLATION = 1e-4
_HOP = 1e-6
"""Added to each edge's length, so that of equally violated cycles the one with fewest edges is found."""
_MAX_TWO_PATHS = 1_000_000
_MAX_FOUR_CYCLES = 400_000


class CycleSeparator:
    """Finds violated cycles of one graph."""

    def __init__(self, graph: SignedGraph, rng: np.random.Generator) -> None:
        self.graph = graph
        self.rng = rng

    @cached_property
    def short_cycles(self) -> list[IntArray]:
        """Triangles (k, 3) and four-cycles (k, 4) as edge numbers, where there are not too many of them."""
        n, edges = self.graph.n, self.graph.edges
        ends = np.concatenate([edges, edges[:, ::-1]])
        numbers = np.tile(np.arange(len(edges)), 2)
        order = np.argsort(ends[:, 0], kind="stable")
        ends, numbers = ends[order], numbers[order]
        degrees = np.bincount(ends[:, 0], minlength=n)
        if (degrees * (degrees - 1)).sum() > 2 * _MAX_TWO_PATHS:
            return []
        first, second = _pairs_within_groups(ends[:, 0])
        # A two-path a - b - c: middle b, outer spins a and c, edges p and q.
        a, b, c = ends[first, 1], ends[first, 0], ends[second, 1]
        p, q = numbers[first], numbers[second]
        swap = a > c
        a, c, p, q = np.where(swap, c, a), np.where(swap, a, c), np.where(swap, q, p), np.where(swap, p, q)
        keys = edges.min(1) * n + edges.max(1)
        by_key = np.argsort(keys)
        place = np.searchsorted(keys[by_key], a * n + c).clip(max=len(keys) - 1)
        closing = by_key[place]
        triangle = (keys[closing] == a * n + c) & (b > c)
        found = [np.stack([p, q, closing], axis=1)[triangle]]
        order = np.argsort(a * n + c, kind="stable")
        a, b, c, p, q = a[order], b[order], c[order], p[order], q[order]
        if _pair_count(a * n + c) <= 2 * _MAX_FOUR_CYCLES:
            first, second = _pairs_within_groups(a * n + c)
            once = (a[first] < b[first]) & (a[first] < b[second])
            first, second = first[once], second[once]
            found.append(np.stack([p[first], q[first], p[second], q[second]], axis=1))
        return [cycles for cycles in found if len(cycles)]

    def violated_short(self, u: FloatArray) -> tuple[list[Cut], FloatArray]:
        """Most violated cut of every violated triangle and four-cycle, with its violation."""
        cuts: list[Cut] = []
        amounts = [np.empty(0)]
        for cycles in self.short_cycles:
            values = u[cycles]
            flipped = values > 0.5
            frustrated = self.graph.negative[cycles].sum(1) % 2 == 1
            wrong = (flipped.sum(1) % 2 == 1) == frustrated
            cheapest = np.argmin(np.abs(values - 0.5), axis=1)
            rows = np.flatnonzero(wrong)
            flipped[rows, cheapest[rows]] ^= True
            violation = 1.0 - np.where(flipped, 1.0 - values, values).sum(1)
            bad = np.flatnonzero(violation > MIN_VIOLATION)
            cuts.extend(np.sort(2 * cycles[bad] + flipped[bad], axis=1))
            amounts.append(violation[bad])
        return cuts, np.concatenate(amounts)

    def violated_any(self, u: FloatArray, max_sources: int, deadline: float = math.inf) -> tuple[list[Cut], FloatArray]:
        """Most violated cuts through up to `max_sources` spins.

        Before `deadline` they are empty only if no cycle of any length is violated.
        """
        n = self.graph.n
        matrix = self.layers(u)
        # Spins joined by edges of length zero share their shortest cycles: only one of each cluster is asked.
        clusters = csgraph.connected_components(_short_arcs(matrix, 1e-7), directed=False)[1].astype(np.int64)
        coarse = _coarse(matrix, clusters)
        twins = np.stack([clusters[:n], clusters[n:]], axis=1)
        asked, members = np.unique(twins.min(1) * (2 * n) + twins.max(1), return_inverse=True)
        sources, targets = asked // (2 * n), asked % (2 * n)
        reach = np.empty(len(asked))
        batch = _batch(n)
        for start in range(0, len(asked), batch):
            if time.perf_counter() > deadline:
                return [], np.empty(0)
            part = slice(start, start + batch)
            lengths = csgraph.dijkstra(coarse, directed=False, indices=sources[part], limit=1.0)
            reach[part] = lengths[np.arange(len(lengths)), targets[part]]
        violated = np.flatnonzero(reach[members] < 1.0 - MIN_VIOLATION)
        if not len(violated):
            return [], np.empty(0)
        # One spin of each violated cluster first, then others.
        shuffled = self.rng.permutation(violated)
        heads = np.unique(members[shuffled], return_index=True)[1]
        rank = np.ones(len(shuffled))
        rank[heads] = 0
        chosen = shuffled[np.lexsort((reach[members[shuffled]], rank))][:max_sources]
        return self._walk(matrix, chosen, deadline)

    def _walk(self, matrix: sp.csr_array, chosen: IntArray, deadline: float) -> tuple[list[Cut], FloatArray]:
        n = self.graph.n
        cuts: dict[bytes, Cut] = {}
        amounts = []
        batch = _batch(n)
        for start in range(0, len(chosen), batch):
            if time.perf_counter() > deadline:
                break
            sources = chosen[start : start + batch]
            lengths, before = csgraph.dijkstra(
                matrix, directed=False, indices=sources, limit=1.0, return_predecessors=True
            )
            for row, source in enumerate(sources.tolist()):
                if not lengths[row, source + n] < 1.0:
                    continue
                path = [source + n]
                previous = before[row]
                while path[-1] != source:
                    path.append(int(previous[path[-1]]))
                cut = self._code(path)
                key = cut.tobytes()
                if key not in cuts:
                    cuts[key] = cut
                    amounts.append(1.0 - lengths[row, source + n])
        return list(cuts.values()), np.array(amounts)

    def _code(self, path: list[int]) -> Cut:
        """Code of the first simple cycle that closes along a two-layer path; it starts and ends in opposite layers."""
        n = self.graph.n
        seen: dict[int, int] = {}
        for position, node in enumerate(path):
            if node % n in seen:
                path = path[seen[node % n] : position + 1]
                break
            seen[node % n] = position
        return np.sort(np.array([self.arc(one, other) for one, other in pairwise(path)], dtype=np.int64))

    def arc(self, one: int, other: int) -> int:
        """Code of an arc of the two-layer graph: twice its edge, and 1 more if its length is 1 - u."""
        n = self.graph.n
        e = self.graph.edge_index[one % n, other % n]
        crosses = (one < n) != (other < n)
        return 2 * e + (crosses != bool(self.graph.negative[e]))

    def layers(self, u: FloatArray) -> sp.csr_array:
        """Two-layer graph: an edge's natural arc costs u, the other one 1 - u.

        The natural arc changes layer where the coupling is negative; a closed walk that changes layer an odd number of
        times has the wrong parity.
        """
        n = self.graph.n
        i, j = self.graph.edges.T
        natural = np.where(self.graph.negative, n, 0)
        rows, cols, lengths = [], [], []
        for shift, length in ((natural, u), (n - natural, 1.0 - u)):
            use = np.flatnonzero(length < 1.0 - MIN_VIOLATION / 2)
            rows += [i[use], i[use] + n]
            cols += [j[use] + shift[use], j[use] + n - shift[use]]
            lengths += [np.maximum(length[use], 0.0) + _HOP] * 2
        data, where = np.concatenate(lengths), (np.concatenate(rows), np.concatenate(cols))
        return sp.csr_array((data, where), shape=(2 * n, 2 * n))


def _batch(n: int) -> int:
    """Sources asked at once: their tables of distances stay small and the clock is looked at."""
    return max(1, min(256, (1 << 21) // n))


def _short_arcs(matrix: sp.csr_array, length: float) -> sp.csr_array:
    short = sp.coo_array(matrix)
    keep = short.data <= length + _HOP
    return sp.csr_array((short.data[keep], (short.row[keep], short.col[keep])), shape=short.shape)


def _coarse(matrix: sp.csr_array, clusters: IntArray) -> sp.csr_array:
    """Graph of clusters, with the shortest arc between each two."""
    arcs = sp.coo_array(matrix)
    row, col = clusters[arcs.row], clusters[arcs.col]
    row, col, size = np.minimum(row, col), np.maximum(row, col), int(clusters.max()) + 1
    key = row.astype(np.int64) * size + col
    order = np.lexsort((arcs.data, key))
    first = order[np.unique(key[order], return_index=True)[1]]
    first = first[row[first] != col[first]]
    return sp.csr_array((arcs.data[first], (row[first], col[first])), shape=(size, size))


def _group_sizes(keys: IntArray) -> IntArray:
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, np.int64)
    return np.diff(np.append(starts, len(keys)))


def _pair_count(keys: IntArray) -> int:
    sizes = _group_sizes(keys)
    return int((sizes * (sizes - 1) // 2).sum())


def _pairs_within_groups(keys: IntArray) -> tuple[IntArray, IntArray]:
    """All index pairs with equal keys; `keys` is sorted."""
    firsts, seconds = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for shift in range(1, int(_group_sizes(keys).max(initial=1))):
        first = np.flatnonzero(keys[shift:] == keys[:-shift])
        firsts.append(first)
        seconds.append(first + shift)
    return np.concatenate(firsts), np.concatenate(seconds)


def select_cuts(
    cuts: list[Cut], amounts: FloatArray, *, edges: int, limit: int, per_edge: int, deadline: float = math.inf
) -> list[Cut]:
    """Most violated cuts, spread so that in one round no edge occurs in more than `per_edge` of them."""
    used = np.zeros(edges, dtype=np.int64)
    chosen = []
    for position in np.argsort(-amounts, kind="stable").tolist():
        numbers = cuts[position] >> 1
        if used[numbers].max() >= per_edge:
            continue
        if time.perf_counter() > deadline:
            break
        used[numbers] += 1
        chosen.append(cuts[position])
        if len(chosen) >= limit:
            break
    return chosen
