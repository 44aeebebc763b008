"""Which edge to branch on: strong branching with memory.

Candidates are tried by some dual simplex steps on each side ("probes"), the most promising first, until several in
a row are no better than the best. What the probes of an edge gained is remembered: it ranks the candidates of later
nodes, and after a few probes its mean is believed without another (reliability branching: Achterberg, Koch and Martin,
Oper. Res. Lett. 33, 42 (2005)). Near the root, where a choice decides most, more candidates are
tried, but in all no more than relaxations were solved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annealrl.ising import FloatArray, IntArray
from annealrl.solvers.relaxation import Relaxation

_STEPS = 100
"""Dual simplex steps of a probe."""
_TRIED_AT_ROOT, _TRIED = 64, 8
"""Candidates in a row without improvement that end the search, at the root (halved by every level) and deep down."""
_RELIABLE = 4
"""Probes of an edge after which their mean is believed."""
_LEAST = 4
"""Candidates tried in any case; others only while there were no more probes than twice the solved relaxations."""
_UNDECIDED = 1e-6


@dataclass(frozen=True)
class Choice:
    """What was found out about a node.

    Attributes
    ----------
    edge : int
        To branch on; -1 if all are decided.
    bounds : (int, int)
        Lower bounds on the cost where that edge is 0, and where it is 1.
    bound : int
        Lower bound of the whole node: some edge has both its values at least there.
    closed : list of (edge, value, bound)
        Edges of which one value needs no search, as it proved this bound.
    """

    edge: int
    bounds: tuple[int, int]
    bound: int
    closed: list[tuple[int, int, int]]


class Prober:
    """Chooses edges, and remembers what their two values gained per distance from the LP solution."""

    def __init__(self, costs: IntArray) -> None:
        self._weight: FloatArray = np.sqrt(costs / costs.mean())
        self._gains = np.zeros((2, len(costs)))
        self._probes = np.zeros(len(costs), dtype=np.int64)
        self._made = 0
        self._news: list[tuple[int, FloatArray]] = []

    def remember(self, edge: int, gained: FloatArray) -> None:
        """Take to memory what the two values of an edge gained in a probe, per distance from the LP solution."""
        self._gains[:, edge] += gained
        self._probes[edge] += 1

    def news(self) -> list[tuple[int, FloatArray]]:
        """What was probed since the last call, for other probers to remember."""
        news, self._news = self._news, []
        return news

    def recall(self, other: Prober) -> None:
        """Replace the memory by another one's."""
        self._gains, self._probes = other._gains.copy(), other._probes.copy()

    def choose(self, lp: Relaxation, bound: int, depth: int, closes: Callable[[int], bool], deadline: float) -> Choice:
        """Choose among the undecided edges of `lp`, whose solution proved `bound`.

        Parameters
        ----------
        lp : Relaxation
            Solved; it is left as it was.
        bound : int
            What its multipliers prove.
        depth : int
            Branchings above this node.
        closes : callable
            Says whether a bound makes a search needless.
        deadline : float
            Time by ``time.perf_counter`` at which to take the best so far.
        """
        distances = np.stack([lp.u, 1.0 - lp.u])
        doubt = distances.min(axis=0)
        patience = max(_TRIED, _TRIED_AT_ROOT >> depth)
        best, best_score, best_bounds, proven = -1, -1.0, (bound, bound), bound
        closed: list[tuple[int, int, int]] = []
        waited = tried = 0
        for edge in np.argsort(-self._promise(distances), kind="stable").tolist():
            if doubt[edge] <= _UNDECIDED:
                continue
            if waited >= patience or time.perf_counter() > deadline:
                break
            if tried >= _LEAST and self._made > lp.solves:
                break
            waited += 1
            tried += 1
            bounds = (bound, bound)
            if self._probes[edge] < _RELIABLE:
                bounds = (lp.probe(edge, 0, _STEPS), lp.probe(edge, 1, _STEPS))
                gains = np.maximum(np.array(bounds) - bound, 1).astype(float)
                self.remember(edge, gains / distances[:, edge])
                self._news.append((edge, gains / distances[:, edge]))
                self._made += 1
                proven = max(proven, min(bounds))
                if closes(min(bounds)):
                    return Choice(edge, bounds, proven, closed)
                closed += [(edge, side, bounds[side]) for side in (0, 1) if closes(bounds[side])]
            else:
                gains = self._gains[:, edge] / self._probes[edge] * distances[:, edge]
            score = float(gains.prod())
            if score > best_score:
                best, best_score, best_bounds, waited = edge, score, bounds, 0
        if best < 0 and doubt.max() > _UNDECIDED:
            best = int(np.argmax(doubt * self._weight))
        return Choice(best, best_bounds, proven, closed)

    def _promise(self, distances: FloatArray) -> FloatArray:
        """Product of the gains expected of both values; edges never probed are expected to be as good as the others."""
        known = self._probes > 0
        if not known.any():
            return np.asarray(distances.min(axis=0) * self._weight)
        mean = self._gains / np.maximum(self._probes, 1)
        expected = np.where(known, mean, mean[:, known].mean() * self._weight) * distances
        product: FloatArray = expected[0] * expected[1]
        return product
