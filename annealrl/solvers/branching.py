"""Branch and cut for one block: cuts at every node, branching on an edge where the relaxation stays fractional.

Follows the scheme of Barahona, Grötschel, Jünger and Reinelt (Oper. Res. 36, 493 (1988)) and Liers, Jünger, Reinelt
and Rinaldi (in: New Optimization Algorithms in Physics, Wiley 2004, chapter 4). Every bound used to close a node or to
fix a variable is an exact integer.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from annealrl.ising import FloatArray, IntArray, SpinArray
from annealrl.solvers.cycles import CycleSeparator, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from annealrl.solvers.relaxation import Relaxation
from annealrl.solvers.semidefinite import semidefinite_bound

Report = Callable[[int, int], None]

_INTEGRAL = 1e-6
_PROBES, _PROBE_STEPS = 4, 40
"""Candidates of strong branching, and dual simplex steps spent on each value of each."""
_DENSE, _PATIENCE = 5, 6
"""Edges a spin beyond which annealing and the semidefinite bound come first; else it comes after so many rounds."""
_WINDOW, _LEAST_GAIN = {True: 6, False: 3}, 0.05
"""Rounds (at the root, elsewhere) that must close this share of the gap, or the node branches."""


@dataclass(order=True)
class _Node:
    """Part of the search space in which some edges are fixed; `bound` holds for all of it."""

    bound: int
    tie: int
    fixings: tuple[tuple[int, int], ...] = field(compare=False)


class BranchAndCut:
    """Search for the cheapest configuration of a block.

    Parameters
    ----------
    graph : SignedGraph
        A connected graph.
    start : int8 array, optional
        Configuration to start from.
    deadline : float
        Time by ``time.perf_counter`` at which to stop.
    tolerance : int
        Nodes whose bound is within this cost of the incumbent are closed; their bound is reported truly.
    report : callable
        Called with (cost, bound) after every relaxation.
    """

    def __init__(
        self,
        graph: SignedGraph,
        *,
        rng: np.random.Generator,
        deadline: float,
        tolerance: int = 0,
        start: SpinArray | None = None,
        report: Report | None = None,
    ) -> None:
        self.graph = graph
        self.deadline = deadline
        self.tolerance = tolerance
        self.report = report
        self.nodes = 0
        self._rng = rng
        self.incumbent = Incumbent(graph, rng, start, deadline)
        self._separator = CycleSeparator(graph, rng)
        self._lp = Relaxation(graph.costs)
        self._lower = np.zeros(len(graph.costs), dtype=np.int64)
        self._upper = np.ones(len(graph.costs), dtype=np.int64)
        self._queue: list[_Node] = []
        self._closed: int | None = None
        self._ties = 0

    def run(self) -> tuple[SpinArray, int]:
        """Search until proven or out of time; returns the best configuration and a lower bound on the cost of any."""
        bound = 0
        if len(self.graph.costs) > _DENSE * self.graph.n:
            self.incumbent.anneal(self.deadline)
            bound = semidefinite_bound(self.graph, self._rng, self.deadline)
        self._queue = [_Node(self._lift(bound), 0, ())]
        while self._queue:
            node = heapq.heappop(self._queue)
            if self._done(node.bound):
                self._close(node.bound)
            elif not self._process(node):
                self._close(node.bound)
                break
        return self.incumbent.spins, self.bound

    @property
    def bound(self) -> int:
        """Lower bound on the cost of every configuration: the least of the closed and the open nodes'."""
        bounds = [self.incumbent.cost, *(node.bound for node in self._queue[:1])]
        return min(bounds if self._closed is None else [*bounds, self._closed])

    def _lift(self, bound: int) -> int:
        """Least possible cost that is not below `bound`."""
        return bound + (self.incumbent.cost - bound) % self.graph.step

    def _done(self, bound: int) -> bool:
        return bound >= self.incumbent.cost - self.tolerance

    def _late(self) -> bool:
        return time.perf_counter() > self.deadline

    def _close(self, bound: int) -> None:
        self._closed = bound if self._closed is None else min(self._closed, bound)

    def _process(self, node: _Node) -> bool:
        """Cut until the node is closed or has branched; False when time ran out first."""
        self.nodes += 1
        lower, upper = self._lower.copy(), self._upper.copy()
        for edge, value in node.fixings:
            # A fixing against one made at the root leaves nothing better than the incumbent.
            if not self._lower[edge] <= value <= self._upper[edge]:
                return True
            lower[edge] = upper[edge] = value
        self._lp.set_box(lower, upper)
        root = not node.fixings
        history: list[int] = []
        while True:
            if not self._lp.solve(self.deadline):
                node.bound = max(node.bound, self._lift(self._lp.exact_bound()[0]))
                return False
            value, reduced = self._lp.exact_bound()
            node.bound = max(node.bound, self._lift(value))
            history.append(value)
            if self.report:
                self.report(self.incumbent.cost, min(self.bound, node.bound))
            if self._done(node.bound):
                self._close(node.bound)
                return True
            if not self._lp.feasible:
                # Infeasible, but the ray did not prove it to the last digit: keep the bound that is proven.
                self._close(node.bound)
                return True
            u = self._lp.u
            self._improve(u, len(history))
            if self._done(node.bound):
                self._close(node.bound)
                return True
            if self._late():
                return False
            if root:
                self._fix(value, reduced)
            if self._tailing_off(history, root) and _doubt(u).max() > _INTEGRAL:
                break
            more = self._cut(u)
            if self._late():
                return False
            if not more:
                break
            if len(self._lp.cuts) > 2 * len(u) + 200:
                self._lp.purge(10)
        self._branch(node, u, history[-1])
        return True

    def _improve(self, u: FloatArray, rounds: int) -> None:
        self.incumbent.round(u)
        # Where the relaxation stays fractional for long, rounding it is not good enough for fixing and pruning.
        if self.nodes == 1 and rounds == _PATIENCE and np.count_nonzero(_doubt(u) > _INTEGRAL) > 0.1 * len(u):
            self.incumbent.anneal(self.deadline)

    def _cut(self, u: FloatArray) -> bool:
        """Add violated cuts; False if there is none."""
        m = len(u)
        cuts, amounts = self._separator.violated_short(u)
        chosen = select_cuts(cuts, amounts, edges=m, limit=2 * m, per_edge=8, deadline=self.deadline)
        if len(chosen) < 0.03 * m:
            cuts, amounts = self._separator.violated_any(u, max(100, self.graph.n // 10), self.deadline)
            chosen += select_cuts(cuts, amounts, edges=m, limit=m, per_edge=8, deadline=self.deadline)
        return self._lp.add(chosen) > 0

    def _tailing_off(self, history: list[int], root: bool) -> bool:
        window = _WINDOW[root]
        if len(history) <= window:
            return False
        gained = history[-1] - history[-1 - window]
        return gained < _LEAST_GAIN * (self.incumbent.cost - history[-1])

    def _fix(self, value: int, reduced: IntArray) -> None:
        """Fix edges at the root whose other value proves, by reduced cost, nothing cheaper than the incumbent."""
        beyond = self.incumbent.cost - value - self.graph.step + 1
        self._upper[(reduced >= beyond) & (self._lower == 0)] = 0
        self._lower[(-reduced >= beyond) & (self._upper == 1)] = 1
        self._lp.set_box(self._lower, self._upper)

    def _branch(self, node: _Node, u: FloatArray, value: int) -> None:
        doubt = _doubt(u)
        if doubt.max() <= _INTEGRAL:
            # The relaxation's optimum is a configuration, so nothing is left to decide: the rounding has offered it.
            self._close(node.bound)
            return
        if self.nodes & (self.nodes - 1) == 0:
            self.incumbent.anneal(self.deadline)
            if self._done(node.bound):
                self._close(node.bound)
                return
        edge, bounds = self._strong_branching(doubt, value)
        for side in (0, 1):
            self._ties -= 1
            child = _Node(max(node.bound, self._lift(bounds[side])), self._ties, (*node.fixings, (edge, side)))
            heapq.heappush(self._queue, child)

    def _strong_branching(self, doubt: FloatArray, bound: int) -> tuple[int, tuple[int, int]]:
        """Edge whose two values both raise the bound, judged by a few simplex steps, and the bounds they prove."""
        promise = doubt * np.sqrt(self.graph.costs / self.graph.costs.mean())
        best, best_score, best_bounds = -1, -1.0, (bound, bound)
        for edge in np.argsort(-promise, kind="stable")[:_PROBES].tolist():
            if doubt[edge] <= _INTEGRAL or time.perf_counter() > self.deadline:
                break
            bounds = (self._lp.probe(edge, 0, _PROBE_STEPS), self._lp.probe(edge, 1, _PROBE_STEPS))
            gains = [float(max(b - bound, 1)) for b in bounds]
            score = min(gains) * max(gains)
            if score > best_score:
                best, best_score, best_bounds = edge, score, bounds
        return (best, best_bounds) if best >= 0 else (int(np.argmax(promise)), best_bounds)


def _doubt(u: FloatArray) -> FloatArray:
    """Distance of every value from the nearer integer."""
    return np.minimum(u, 1.0 - u)
