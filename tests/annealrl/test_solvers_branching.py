"""Branch and cut where it must branch: few cuts a node, no heuristics, every node against brute force.

A node that is closed wrongly does no harm once the incumbent is optimal, which the heuristics of small models nearly
always are at the root. They are taken away here, so that a ground state has to be found by the search itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray
from annealrl.solvers import branching, heuristics, solve
from annealrl.solvers.branching import BranchAndCut
from annealrl.solvers.cycles import Cut, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from tests.annealrl.solver_models import all_states, assert_consistent, ground_energy

WEIGHTS = ["pm", "integer", "gaussian", "near"]
FIELDS = ["none", "integer", "gaussian"]
MODELS = 18
"""Of each kind of weights and fields."""
CUTS = 6
"""Short cycles added in a round, and as many longer ones."""


def frustrated(seed: int, weights: str, fields: str) -> IsingModel:
    """About a dozen spins, half to all pairs coupled; the first has fifteen and fewer couplings."""
    rng = np.random.default_rng([seed, WEIGHTS.index(weights), FIELDS.index(fields)])
    n, density = (15, 0.45) if seed == 0 else (int(rng.integers(11, 14)), rng.uniform(0.5, 1.0))
    if weights == "near":  # the hardest for cycles
        n, density = n - 2, 0.8 * density
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < density
    m = int(kept.sum())
    J = {
        "pm": rng.choice([-1.0, 1.0], m),
        "integer": rng.integers(-4, 5, m).astype(float),
        "gaussian": rng.normal(size=m),
        "near": -1.0 - 1e-3 * rng.random(m),
    }[weights]
    h = {"none": np.zeros(n), "gaussian": rng.normal(size=n), "integer": rng.integers(-2, 3, n).astype(float)}[fields]
    return IsingModel.from_edges(np.stack([i[kept], j[kept]], axis=1), J, h, n=n)


class Checked(BranchAndCut):
    """Compares every node, before and after its work, with all configurations in its box."""

    seen: Counter[str]

    def __init__(self, graph: SignedGraph, **options: object) -> None:
        super().__init__(graph, **options)  # type: ignore[arg-type]
        # A global flip changes nothing that an edge can tell.
        states = all_states(graph.n - 1)
        states = np.concatenate([states, np.ones((len(states), 1), dtype=np.int8)], axis=1)
        i, j = graph.edges.T
        self._sides = (states[:, i] != states[:, j]) != graph.negative
        self._costs: IntArray = self._sides @ graph.costs

    def _process(self, node: branching._Node) -> bool:
        inside = ((self._sides >= node.lower) & (self._sides <= node.upper)).all(axis=1)
        least = int(self._costs[inside].min(initial=np.iinfo(np.int64).max))
        assert least >= self.incumbent.cost or node.bound <= least
        finished = super()._process(node)
        assert finished
        assert least >= self.incumbent.cost or node.bound <= least
        # What is better than the incumbent must lie in an open node.
        if least < self.incumbent.cost - self.tolerance:
            assert any(
                ((self._sides >= child.lower) & (self._sides <= child.upper)).all(axis=1)[self._costs == least].any()
                for child in self._queue
            )
        self.seen["nodes"] += 1
        self.seen["deepest"] = max(self.seen["deepest"], node.depth)
        return finished


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few cuts a node; configurations only from the relaxation, as it rounds, without descent."""

    def as_it_is(graph: SignedGraph, spins: SpinArray, deadline: float = np.inf) -> SpinArray:
        return spins

    def few(*arguments: Any, limit: int, **options: Any) -> list[Cut]:
        return select_cuts(*arguments, limit=min(limit, CUTS), **options)

    def integral_only(self: Incumbent, u: FloatArray) -> bool:
        return bool(np.minimum(u, 1.0 - u).max() <= 1e-6) and self.offer(self.graph.tree_spins(u > 0.5, u))

    monkeypatch.setattr(branching, "_WINDOW", {True: 0, False: 0})
    monkeypatch.setattr(branching, "_LATE_WINDOW", {True: 0, False: 0})
    monkeypatch.setattr(branching, "_PASSES", {True: 1, False: 1})
    monkeypatch.setattr(branching, "select_cuts", few)
    monkeypatch.setattr(branching, "semidefinite_bound", lambda *_: 0)
    monkeypatch.setattr(heuristics, "descend", as_it_is)
    monkeypatch.setattr(Incumbent, "anneal", lambda *_: False)
    monkeypatch.setattr(Incumbent, "round", integral_only)
    monkeypatch.setattr("annealrl.solvers.exact.BranchAndCut", Checked)


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_forced_branching(weights: str, fields: str) -> None:
    branched = 0
    Checked.seen = Counter()
    for seed in range(MODELS):
        model = frustrated(seed, weights, fields)
        solution = solve(model)
        assert_consistent(solution, model)
        assert solution.status == "optimal", seed
        assert solution.energy == pytest.approx(ground_energy(model), abs=1e-9 * model.scale), seed
        branched += solution.nodes > 1
    assert branched > MODELS / 2
    assert Checked.seen["deepest"] >= 3
