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
from annealrl.solvers.pentagons import DEMAND, PentagonSeparator
from annealrl.solvers.probing import Prober
from annealrl.solvers.relaxation import Corner, Relaxation
from annealrl.solvers.semidefinite import semidefinite_bound

Report = Callable[[int, int], None]

_INTEGRAL = 1e-6
_DENSE, _PATIENCE = 5, 6
"""Edges a spin beyond which annealing and the semidefinite bound come first; else it comes after so many rounds."""
_WINDOW, _LEAST_GAIN = {True: 6, False: 2}, 0.05
"""Rounds (at the root, elsewhere) that must gain this share of what closes the node, or odd cycles are stuck."""
_LATE_WINDOW, _LATE_GAIN = {True: 6, False: 2}, {True: 0.01, False: 0.05}
"""The same once inequalities of five spins come in as well: then the node branches."""
_PASSES = {True: 40, False: 6}
"""How many rounds of them there are at most."""


@dataclass(order=True)
class _Node:
    """Part of the search space, a box of edge values; `bound` holds for all of it but what holds nothing better."""

    bound: int
    tie: int
    depth: int = field(compare=False)
    lower: SpinArray = field(compare=False)
    upper: SpinArray = field(compare=False)
    corner: Corner | None = field(compare=False, default=None)


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
        self._pentagons = PentagonSeparator(self._separator)
        self._lp = Relaxation(graph.costs)
        self._lower = np.zeros(len(graph.costs), dtype=np.int64)
        self._upper = np.ones(len(graph.costs), dtype=np.int64)
        self._prober = Prober(graph.costs)
        self._queue: list[_Node] = []
        self._closed: int | None = None
        self._ties = 0
        self._annealed = 0
        self._corner: Corner | None = None

    def run(self) -> tuple[SpinArray, int]:
        """Search until proven or out of time; returns the best configuration and a lower bound on the cost of any."""
        bound = 0
        if len(self.graph.costs) > _DENSE * self.graph.n:
            self.incumbent.anneal(self.deadline)
            bound = semidefinite_bound(self.graph, self._rng, self.deadline)
        m = len(self.graph.costs)
        self._queue = [_Node(self._lift(bound), 0, 0, np.zeros(m, dtype=np.int8), np.ones(m, dtype=np.int8))]
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

    def _enough(self) -> int:
        """Bound that closes a node."""
        return self.incumbent.cost - max(self.graph.step - 1, self.tolerance)

    def _late(self) -> bool:
        return time.perf_counter() > self.deadline

    def _close(self, bound: int) -> None:
        self._closed = bound if self._closed is None else min(self._closed, bound)

    def _process(self, node: _Node) -> bool:
        """Cut until the node is closed or has branched; False when time ran out first."""
        self.nodes += 1
        lower, upper = np.maximum(self._lower, node.lower), np.minimum(self._upper, node.upper)
        # What contradicts a fixing made since, or the parity of a cycle, leaves nothing better than the incumbent.
        if (lower > upper).any() or not self._imply(lower, upper):
            return True
        if node.corner is not None and node.corner is not self._corner:
            self._lp.go_to(node.corner)
        self._lp.set_box(lower, upper)
        self._corner = None
        root = node.depth == 0
        history: list[int] = []
        passes, fresh = 0, False
        while True:
            if not self._lp.solve(self.deadline, self._enough()):
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
            self._fix(value, reduced, lower, upper)
            if root:
                self._lower, self._upper = lower.copy(), upper.copy()
            stuck = self._tailing_off(history, root, passes > 0) and _doubt(u).max() > _INTEGRAL
            more = not stuck and self._cut(u)
            if self._late():
                return False
            # Five spins come in once odd cycles gain no more. Then the two alternate: after fives the next odd cycles
            # gain more than the next fives would.
            due = passes > 0 and not fresh
            fresh = (due or stuck or not more) and not (stuck and passes) and self._strengthen(u, node, passes)
            if fresh:
                if not passes:
                    history.clear()
                passes += 1
                more = True
            if not more and self._branch(node, lower, upper, value):
                return True
            if len(self._lp.cuts) > 2 * len(u) + 200:
                self._lp.purge(10)

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

    def _strengthen(self, u: FloatArray, node: _Node, passes: int) -> bool:
        """Add violated inequalities of five spins; False if there are none, or there were enough."""
        if _doubt(u).max() <= _INTEGRAL or passes >= _PASSES[node.depth == 0]:
            return False
        cuts, amounts = self._pentagons.violated(u)
        chosen = select_cuts(cuts, amounts, edges=len(u), limit=150, per_edge=12, deadline=self.deadline)
        return self._lp.add(chosen, DEMAND) > 0

    def _tailing_off(self, history: list[int], root: bool, late: bool) -> bool:
        window, least = (_LATE_WINDOW[root], _LATE_GAIN[root]) if late else (_WINDOW[root], _LEAST_GAIN)
        if len(history) <= window:
            return False
        gained = history[-1] - history[-1 - window]
        # A bound above the last energy but one closes the node.
        return gained < least * (self.incumbent.cost - self.graph.step - history[-1])

    def _fix(self, value: int, reduced: IntArray, lower: IntArray, upper: IntArray) -> None:
        """Fix edges whose other value proves, by reduced cost, nothing cheaper than the incumbent."""
        beyond = self.incumbent.cost - value - self.graph.step + 1
        upper[(reduced >= beyond) & (lower == 0)] = 0
        lower[(-reduced >= beyond) & (upper == 1)] = 1
        self._lp.set_box(lower, upper)

    def _imply(self, lower: IntArray, upper: IntArray) -> bool:
        """Fix the edges that close a cycle of fixed ones; False if that contradicts itself."""
        fixed = lower == upper
        if not fixed.any():
            return True
        groups = self.graph.components(fixed)
        i, j = self.graph.edges.T
        inside = groups[i] == groups[j]
        spins = self.graph.tree_spins(lower == 1, np.where(fixed, 0.0, 1.0))
        value = self.graph.unsatisfied(spins)[inside].astype(np.int64)
        if (value < lower[inside]).any() or (value > upper[inside]).any():
            return False
        lower[inside] = upper[inside] = value
        return True

    def _branch(self, node: _Node, lower: IntArray, upper: IntArray, value: int) -> bool:
        """Split the node, or close it; False if edges could be fixed instead, so that its relaxation goes on."""
        u = self._lp.u
        if _doubt(u).max() <= _INTEGRAL:
            # The relaxation's optimum is a configuration, so nothing is left to decide: the rounding has offered it.
            self._close(node.bound)
            return True
        if self.nodes & (self.nodes - 1) == 0 and self._annealed < self.nodes:
            self._annealed = self.nodes
            self.incumbent.anneal(self.deadline)
            if self._done(node.bound):
                self._close(node.bound)
                return True
        choice = self._prober.choose(
            self._lp, value, node.depth, lambda bound: self._done(self._lift(bound)), self.deadline
        )
        node.bound = max(node.bound, self._lift(choice.bound))
        if self._done(node.bound):
            self._close(node.bound)
            return True
        if choice.closed:
            for edge, side, bound in choice.closed:
                self._close(self._lift(bound))
                lower[edge] = upper[edge] = 1 - side
            if not self._imply(lower, upper):
                return True
            self._lp.set_box(lower, upper)
            return False
        self._corner = self._lp.corner()
        for side in (0, 1):
            self._ties -= 1
            low, high = lower.astype(np.int8), upper.astype(np.int8)
            low[choice.edge] = high[choice.edge] = side
            bound = max(node.bound, self._lift(choice.bounds[side]))
            heapq.heappush(self._queue, _Node(bound, self._ties, node.depth + 1, low, high, self._corner))
        return True


def _doubt(u: FloatArray) -> FloatArray:
    """Distance of every value from the nearer integer."""
    return np.minimum(u, 1.0 - u)
