"""Pentagonal inequalities between spins that need not be neighbours.

Of any five signs at least four of the ten pairs agree. Where two signed spins agree, every path between them in the
two-layer graph of the odd cycles that says they do not is at least 1 long, so ten such paths are at least 4 long
together. Shortest paths project the pentagonal inequalities of the complete graph (Barahona and Mahjoub, Math. Prog.
36, 157 (1986)) down to the couplings there are; the aim is that of Bonato, Jünger, Reinelt and Rinaldi (Math. Prog.
146, 351 (2014)), who contract and lift. Odd cycles alone do not imply them: three of these paths are 1 long together,
which allows ten lengths of 1/3.

A cut is coded as in :mod:`annealrl.solvers.cycles`, but an edge may occur in several of its paths.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csgraph

from annealrl.ising import FloatArray, IntArray
from annealrl.solvers.cycles import Cut, CycleSeparator

DEMAND = 4
"""Least length of the ten paths together."""
_SIZE = 5
_SPINS, _TABLE = 256, 1 << 21
"""Spins looked at in one round, all near one another, and entries of their table of distances, about half."""
_STARTS, _CODED, _SHORT = 1024, 256, 0.6
"""Pairs that are grown to five, five that are made a cut, and lengths at which a pair is worth a start."""
_LEAST = 0.02
"""Least violation."""
_BARRED = 9.0


class PentagonSeparator:
    """Finds violated pentagonal inequalities where no odd cycle is violated (by much)."""

    def __init__(self, cycles: CycleSeparator) -> None:
        self.cycles = cycles
        self.graph = cycles.graph

    def violated(self, u: FloatArray) -> tuple[list[Cut], FloatArray]:
        """Violated cuts, which demand ``DEMAND``, and their violations; a heuristic that need not find all kinds."""
        n, spins = self.graph.n, self._near()
        lengths, before = csgraph.dijkstra(
            self.cycles.layers(u), directed=False, indices=spins, limit=1.0, return_predecessors=True
        )
        # Signed spins are numbered 0 … 2k - 1, the second half turned over. A pair that no short path joins is left
        # alone: odd cycles imply every inequality with one length of 1.
        lengths[np.isinf(lengths)] = _BARRED
        equal, turned = lengths[:, spins + n], lengths[:, spins]
        agree = np.block([[equal, turned], [turned, equal]]).astype(np.float32)
        sets, totals = _grow(agree, self.cycles.rng)
        order = np.argsort(totals, kind="stable")[:_CODED]
        order = order[totals[order] < DEMAND - _LEAST]
        return [self._code(chosen, spins, before) for chosen in sets[order]], DEMAND - totals[order]

    def _near(self) -> IntArray:
        """All spins, or so many near one that is drawn."""
        n, most = self.graph.n, min(_SPINS, max(_SIZE, _TABLE // self.graph.n))
        if n <= most:
            return np.arange(n)
        start = int(self.cycles.rng.integers(n))
        order = csgraph.breadth_first_order(self.graph.matrix, start, directed=False, return_predecessors=False)
        return np.asarray(order[:most], dtype=np.int64)

    def _code(self, chosen: IntArray, spins: IntArray, before: npt.NDArray[np.int32]) -> Cut:
        n, k = self.graph.n, len(spins)
        code = []
        for position, a in enumerate(chosen.tolist()):
            for b in chosen[:position].tolist():
                source, node = int(spins[a % k]), int(spins[b % k]) + (n if (a < k) == (b < k) else 0)
                while node != source:
                    previous = int(before[a % k, node])
                    code.append(self.cycles.arc(previous, node))
                    node = previous
        return np.sort(np.array(code, dtype=np.int64))


def _grow(agree: npt.NDArray[np.float32], rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Sets of five signed spins with a small sum of `agree`: grown greedily from pairs, then each exchanged once."""
    half = len(agree) // 2
    pairs = np.argwhere(np.triu(agree < _SHORT, 1)[:half])
    sets = rng.permutation(pairs)[:_STARTS]
    rows = np.arange(len(sets))
    sums = agree[sets].sum(axis=1)
    # A spin with its own mirror image would tempt by their length of 0, but proves no more than triangles do.
    barred = np.zeros_like(sums)
    for column in sets.T:
        barred[rows, column] = barred[rows, (column + half) % (2 * half)] = _BARRED
    for step in range(2 * _SIZE - 2):
        if step >= _SIZE - 2:
            left, sets = sets[:, 0], sets[:, 1:]
            sums -= agree[left]
            barred[rows, left] = barred[rows, (left + half) % (2 * half)] = 0.0
        taken = np.argmin(sums + barred, axis=1)
        sets = np.concatenate([sets, taken[:, None]], axis=1)
        sums += agree[taken]
        barred[rows, taken] = barred[rows, (taken + half) % (2 * half)] = _BARRED
    # Turning all five over changes nothing.
    mirrored = np.sort((sets + half) % (2 * half), axis=1)
    sets = np.sort(sets, axis=1)
    sets = np.unique(np.where((sets[:, 0] < mirrored[:, 0])[:, None], sets, mirrored), axis=0)
    first, second = np.triu_indices(_SIZE, 1)
    return sets, agree[sets[:, first], sets[:, second]].sum(axis=1, dtype=np.float64)
