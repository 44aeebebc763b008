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
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from scipy.sparse import csgraph

from annealrl.ising import FloatArray, IntArray
from annealrl.kernels.odd_walks import closed_walks
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
        """Most violated cuts through up to `max_sources` spins; through all spins where asking each is cheap.

        Before `deadline` they are empty only if no cycle of any length is violated.
        """
        n = self.graph.n
        matrix = self.layers(u)
        # Spins joined by edges of length zero share their shortest cycles: only one of each cluster is asked.
        clusters = csgraph.connected_components(_short_arcs(matrix, 1e-7), directed=False)[1].astype(np.int64)
        if clusters.max() >= n:
            # Hardly any are joined, so that every spin may as well be asked for its walk at once.
            return self._walk(u, self.rng.permutation(n), deadline)
        starts, heads, lengths = _coarse(matrix, clusters)
        mirror = np.empty(len(starts) - 1, dtype=np.int64)
        mirror[clusters] = np.roll(clusters, n)
        pairs = np.stack([clusters[:n], clusters[n:]], axis=1)
        asked, members = np.unique(pairs.min(1), return_inverse=True)
        reach = np.empty(len(asked))
        for part in _parts(len(asked), n):
            if time.perf_counter() > deadline:
                return [], np.empty(0)
            closed_walks(starts, heads, lengths, mirror, asked[part], 1.0, reach[part], *_no_walks(asked[part]))
        violated = np.flatnonzero(reach[members] < 1.0 - MIN_VIOLATION)
        if not len(violated):
            return [], np.empty(0)
        # One spin of each violated cluster first, then others.
        shuffled = self.rng.permutation(violated)
        heads = np.unique(members[shuffled], return_index=True)[1]
        rank = np.ones(len(shuffled))
        rank[heads] = 0
        chosen = shuffled[np.lexsort((reach[members[shuffled]], rank))][:max_sources]
        return self._walk(u, chosen, deadline)

    def _walk(self, u: FloatArray, chosen: IntArray, deadline: float) -> tuple[list[Cut], FloatArray]:
        n = self.graph.n
        arcs, mirror = self.arcs(u), np.roll(np.arange(2 * n), n)
        cuts: dict[bytes, Cut] = {}
        amounts = []
        for part in _parts(len(chosen), n):
            if time.perf_counter() > deadline:
                break
            sources = chosen[part]
            reach, sizes = np.empty(len(sources)), np.empty(len(sources), dtype=np.int64)
            walks = np.empty((len(sources), 4 * n), dtype=np.int64)
            closed_walks(*arcs, mirror, sources, 1.0 - MIN_VIOLATION, reach, walks, sizes)
            for row in np.flatnonzero(sizes).tolist():
                cut = self._code(walks[row, : sizes[row]].tolist())
                key = cut.tobytes()
                if key not in cuts:
                    cuts[key] = cut
                    amounts.append(1.0 - reach[row])
        return list(cuts.values()), np.array(amounts)

    def _code(self, path: list[int]) -> Cut:
        """Code of the first simple cycle that closes along a path from a node to its mirror image, in turned layers."""
        n = self.graph.n
        place: dict[int, int] = {}
        kept: list[int] = []
        for node in path:
            if node % n in place:
                start = place[node % n]
                if kept[start] != node:
                    kept = [*kept[start:], node]
                    break
                # A loop of the right parity, which proves nothing.
                for other in kept[start:]:
                    del place[other % n]
                kept = kept[:start]
            place[node % n] = len(kept)
            kept.append(node)
        return np.sort(np.array([self.arc(one, other) for one, other in pairwise(kept)], dtype=np.int64))

    def arcs(self, u: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Two-layer graph with all arcs in both directions: first arc of each node, heads, and lengths at `u`."""
        starts, heads, codes = self._arcs
        return starts, heads, np.maximum(np.where(codes & 1, 1.0 - u[codes >> 1], u[codes >> 1]), 0.0) + _HOP

    @cached_property
    def _arcs(self) -> tuple[IntArray, IntArray, IntArray]:
        """First arc of each node, heads and codes of the arcs."""
        n, m = self.graph.n, len(self.graph.edges)
        i, j = self.graph.edges.T
        natural = np.where(self.graph.negative, n, 0)
        tails, heads = [], []
        for shift in (natural, n - natural):
            tails += [i, i + n, j + shift, j + n - shift]
            heads += [j + shift, j + n - shift, i, i + n]
        tail, codes = np.concatenate(tails), np.repeat([0, 1], 4 * m) + 2 * np.tile(np.arange(m), 8)
        order = np.argsort(tail, kind="stable")
        starts = np.searchsorted(tail[order], np.arange(2 * n + 1))
        return starts, np.concatenate(heads)[order], codes[order]

    def arc(self, one: int, other: int) -> int:
        """Code of an arc of the two-layer graph: twice its edge, and 1 more if its length is 1 - u."""
        n = self.graph.n
        e = self.graph.edge_index[one % n, other % n]
        crosses = (one < n) != (other < n)
        return 2 * e + (crosses != self._negative[e])

    @cached_property
    def _negative(self) -> list[bool]:
        return list(self.graph.negative.tolist())

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


def _parts(count: int, n: int) -> Iterator[slice]:
    """Sources asked at once: what they return stays small and the clock is looked at."""
    size = max(1, min(256, (1 << 21) // n))
    for start in range(0, count, size):
        yield slice(start, start + size)


def _no_walks(sources: IntArray) -> tuple[IntArray, IntArray]:
    return np.empty((len(sources), 0), dtype=np.int64), np.empty(len(sources), dtype=np.int64)


def _short_arcs(matrix: sp.csr_array, length: float) -> sp.csr_array:
    short = sp.coo_array(matrix)
    keep = short.data <= length + _HOP
    return sp.csr_array((short.data[keep], (short.row[keep], short.col[keep])), shape=short.shape)


def _coarse(matrix: sp.csr_array, clusters: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Graph of clusters, with the shortest arc between each two: first arc of each cluster, heads and lengths."""
    arcs = sp.coo_array(matrix)
    size = int(clusters.max()) + 1
    row, col = clusters[np.concatenate([arcs.row, arcs.col])], clusters[np.concatenate([arcs.col, arcs.row])]
    lengths = np.tile(arcs.data, 2)
    apart = row != col
    row, col, lengths = row[apart], col[apart], lengths[apart]
    order = np.lexsort((lengths, row * size + col))
    row, col, lengths = row[order], col[order], lengths[order]
    first = np.flatnonzero(np.diff(row * size + col, prepend=-1))
    return np.searchsorted(row[first], np.arange(size + 1)), col[first], lengths[first]


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
