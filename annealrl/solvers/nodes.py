"""The work on one node of the branch and cut: cuts, bounds, and branching where the relaxation stays fractional.

Follows the scheme of Barahona, Grötschel, Jünger and Reinelt (Oper. Res. 36, 493 (1988)) and Liers, Jünger, Reinelt
and Rinaldi (in: New Optimization Algorithms in Physics, Wiley 2004, chapter 4). Every bound used to close a node or to
fix a variable is an exact integer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from annealrl.ising import FloatArray, IntArray, SpinArray
from annealrl.solvers.cycles import CycleSeparator, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from annealrl.solvers.pentagons import DEMAND, PentagonSeparator
from annealrl.solvers.probing import Prober
from annealrl.solvers.relaxation import Corner, Relaxation

Report = Callable[[int, int], None]

_INTEGRAL = 1e-6
_PATIENCE = 6
"""Rounds at the root after which annealing comes in, where the relaxation stays fractional."""
_WINDOW, _LEAST_GAIN = {True: 6, False: 2}, {True: 0.05, False: 0.1}
"""Rounds (at the root, elsewhere) that must gain this share of what closes the node, or odd cycles are stuck."""
_LATE_WINDOW, _LATE_GAIN = {True: 6, False: 2}, {True: 0.01, False: 0.3}
"""The same once inequalities of five spins come in as well: then the node branches."""
_PASSES = {True: 40, False: 6}
"""How many rounds of them there are at most."""


@dataclass(eq=False)
class Node:
    """Part of the search space, a box of edge values; `bound` holds for all of it but what holds nothing better."""

    bound: int
    depth: int
    lower: SpinArray
    upper: SpinArray
    corner: Corner | None = None


class Worker:
    """Takes up nodes one after another, with a relaxation, an incumbent and a random stream of its own.

    Parameters
    ----------
    graph : SignedGraph
        A connected graph.
    incumbent : Incumbent
        This worker's alone, its random stream too.
    deadline : float
        Time by ``time.perf_counter`` at which to stop.
    tolerance : int
        Nodes whose bound is within this cost of the incumbent are closed; their bound is reported truly.
    anneals : bool
        Whether to anneal where the nodes number 1, 2, 4, 8 … branch.

    Attributes
    ----------
    report : callable or None
        Called with (cost, bound) after every relaxation.
    children : list of Node
        What the last node was split into.
    closed : int or None
        Least bound of what was closed in the last node.
    bounds : list of int
        What was proven of the last node after each of its relaxations.
    """

    def __init__(
        self,
        graph: SignedGraph,
        incumbent: Incumbent,
        *,
        deadline: float,
        tolerance: int = 0,
        anneals: bool = True,
    ) -> None:
        self.graph = graph
        self.deadline = deadline
        self.tolerance = tolerance
        self.report: Report | None = None
        self.incumbent = incumbent
        self.prober = Prober(graph.costs)
        self.children: list[Node] = []
        self.closed: int | None = None
        self.bounds: list[int] = []
        self._separator = CycleSeparator(graph, incumbent.rng)
        self._pentagons = PentagonSeparator(self._separator)
        self._lp = Relaxation(graph.costs)
        self._anneals = anneals
        self._nodes = self._annealed = 0
        self._corner: Corner | None = None

    @property
    def work(self) -> int:
        """What was done so far, in dual simplex steps; the same on every machine and under every load."""
        return self._lp.work + self._nodes

    def ready_for(self, node: Node) -> bool:
        """Whether the relaxation stands where the node begins."""
        return node.corner is not None and node.corner is self._corner

    def lift(self, bound: int) -> int:
        """Least possible cost that is not below `bound`."""
        return bound + (self.incumbent.cost - bound) % self.graph.step

    def done(self, bound: int) -> bool:
        """Whether nothing below that bound needs a search."""
        return bound >= self.incumbent.cost - self.tolerance

    def _enough(self) -> int:
        """Bound that closes a node."""
        return self.incumbent.cost - max(self.graph.step - 1, self.tolerance)

    def _late(self) -> bool:
        return time.perf_counter() > self.deadline

    def _close(self, bound: int) -> None:
        self.closed = bound if self.closed is None else min(self.closed, bound)

    def process(self, node: Node) -> bool:
        """Cut until the node is closed or has branched; False when time ran out first."""
        self.children, self.closed, self.bounds = [], None, []
        self._nodes += 1
        lower, upper = node.lower.astype(np.int64), node.upper.astype(np.int64)
        # What contradicts the parity of a cycle leaves nothing better than the incumbent.
        if not self._imply(lower, upper):
            return True
        if node.corner is not None and not self.ready_for(node):
            self._lp.go_to(node.corner)
        self._lp.set_box(lower, upper)
        self._corner = None
        root = node.depth == 0
        history: list[int] = []
        passes, fresh = 0, False
        while True:
            if not self._lp.solve(self.deadline, self._enough()):
                node.bound = max(node.bound, self.lift(self._lp.exact_bound()[0]))
                return False
            value, reduced = self._lp.exact_bound()
            node.bound = max(node.bound, self.lift(value))
            history.append(value)
            self.bounds.append(node.bound)
            if self.report:
                self.report(self.incumbent.cost, min(self.incumbent.cost, node.bound))
            if self.done(node.bound):
                self._close(node.bound)
                return True
            if not self._lp.feasible:
                # Infeasible, but the ray did not prove it to the last digit: keep the bound that is proven.
                self._close(node.bound)
                return True
            u = self._lp.u
            self._improve(u, len(history) if root else 0)
            if self.done(node.bound):
                self._close(node.bound)
                return True
            if self._late():
                return False
            self._fix(value, reduced, lower, upper)
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
        if rounds == _PATIENCE and np.count_nonzero(_doubt(u) > _INTEGRAL) > 0.1 * len(u):
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

    def _strengthen(self, u: FloatArray, node: Node, passes: int) -> bool:
        """Add violated inequalities of five spins; False if there are none, or there were enough."""
        if _doubt(u).max() <= _INTEGRAL or passes >= _PASSES[node.depth == 0]:
            return False
        cuts, amounts = self._pentagons.violated(u)
        chosen = select_cuts(cuts, amounts, edges=len(u), limit=150, per_edge=12, deadline=self.deadline)
        return self._lp.add(chosen, DEMAND) > 0

    def _tailing_off(self, history: list[int], root: bool, late: bool) -> bool:
        window, least = (_LATE_WINDOW[root], _LATE_GAIN[root]) if late else (_WINDOW[root], _LEAST_GAIN[root])
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

    def _branch(self, node: Node, lower: IntArray, upper: IntArray, value: int) -> bool:
        """Split the node, or close it; False if edges could be fixed instead, so that its relaxation goes on."""
        u = self._lp.u
        if _doubt(u).max() <= _INTEGRAL:
            # The relaxation's optimum is a configuration, so nothing is left to decide: the rounding has offered it.
            self._close(node.bound)
            return True
        if self._anneals and self._nodes & (self._nodes - 1) == 0 and self._annealed < self._nodes:
            self._annealed = self._nodes
            self.incumbent.anneal(self.deadline)
            if self.done(node.bound):
                self._close(node.bound)
                return True
        choice = self.prober.choose(
            self._lp, value, node.depth, lambda bound: self.done(self.lift(bound)), self.deadline
        )
        node.bound = max(node.bound, self.lift(choice.bound))
        if self.done(node.bound):
            self._close(node.bound)
            return True
        if choice.closed:
            for edge, side, bound in choice.closed:
                self._close(self.lift(bound))
                lower[edge] = upper[edge] = 1 - side
            if not self._imply(lower, upper):
                return True
            self._lp.set_box(lower, upper)
            return False
        self._corner = self._lp.corner()
        for side in (0, 1):
            low, high = lower.astype(np.int8), upper.astype(np.int8)
            low[choice.edge] = high[choice.edge] = side
            bound = max(node.bound, self.lift(choice.bounds[side]))
            self.children.append(Node(bound, node.depth + 1, low, high, self._corner))
        return True


def _doubt(u: FloatArray) -> FloatArray:
    """Distance of every value from the nearer integer."""
    return np.minimum(u, 1.0 - u)
