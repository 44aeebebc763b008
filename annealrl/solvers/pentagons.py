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
from annealrl.kernels.odd_walks import distances, grow
from annealrl.solvers.cycles import Cut, CycleSeparator

DEMAND = 4
"""Least length of the ten paths together."""
_SIZE = 5
_SPINS, _TABLE = 256, 1 << 21
"""Spins looked at in one round, all near one another, and entries of their table of distances, about half."""
_STARTS, _TIMES, _SHORT = 1024, 8, 0.6
"""Pairs that are grown to five, fives that may have a spin in common, and lengths at which a pair is worth a start."""
_FAR = 0.8
"""Length of the longest paths that are looked for."""
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
        if n < _SIZE:
            return [], np.empty(0)
        # A pair that no short path joins is left alone: odd cycles imply every inequality with one length of 1, and
        # hardly any with one beyond 0.8 are violated.
        lengths = np.full((len(spins), 2 * n), _BARRED, dtype=np.float32)
        before = np.empty(lengths.shape, dtype=np.int32)
        distances(*self.cycles.arcs(u), spins, _FAR, lengths, before)
        # Signed spins are numbered 0 … 2k - 1, the second half turned over.
        equal, turned = lengths[:, spins + n], lengths[:, spins]
        agree = np.ascontiguousarray(np.block([[equal, turned], [turned, equal]]))
        sets, totals = _grow(agree, self.cycles.rng)
        # The best ones often are all in one place.
        used, order = np.zeros(len(spins), dtype=np.int64), []
        for row in np.argsort(totals, kind="stable")[: int((totals < DEMAND - _LEAST).sum())].tolist():
            if used[sets[row] % len(spins)].max() < _TIMES:
                used[sets[row] % len(spins)] += 1
                order.append(row)
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
    starts = rng.permutation(pairs)[:_STARTS]
    sets = np.empty((len(starts), _SIZE), dtype=np.int64)
    sets[:, :2] = starts
    # Five new ones: each member is exchanged once.
    grow(agree, sets, 2 * _SIZE - 2)
    # Turning all five over changes nothing.
    mirrored = np.sort((sets + half) % (2 * half), axis=1)
    sets = np.sort(sets, axis=1)
    sets = np.unique(np.where((sets[:, 0] < mirrored[:, 0])[:, None], sets, mirrored), axis=0)
    first, second = np.triu_indices(_SIZE, 1)
    return sets, agree[sets[:, first], sets[:, second]].sum(axis=1, dtype=np.float64)
