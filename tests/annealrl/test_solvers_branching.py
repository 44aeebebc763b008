"""Branch and cut where it must branch: few cuts a node, no heuristics, every node against brute force.

A node that is closed wrongly does no harm once the incumbent is optimal, which the heuristics of small models nearly
always are at the root. They are taken away here, so that a ground state has to be found by the search itself.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray
from annealrl.solvers import branching, heuristics, nodes, solve
from annealrl.solvers.cycles import Cut, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from annealrl.solvers.nodes import Node, Worker
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


class Checked(Worker):
    """Compares every node, before and after its work, with all configurations in its box."""

    seen: Counter[str]

    def __init__(self, graph: SignedGraph, incumbent: Incumbent, **options: Any) -> None:
        super().__init__(graph, incumbent, **options)
        # A global flip changes nothing that an edge can tell.
        states = all_states(graph.n - 1)
        states = np.concatenate([states, np.ones((len(states), 1), dtype=np.int8)], axis=1)
        i, j = graph.edges.T
        self._sides = (states[:, i] != states[:, j]) != graph.negative
        self._costs: IntArray = self._sides @ graph.costs

    def process(self, node: Node) -> bool:
        inside = ((self._sides >= node.lower) & (self._sides <= node.upper)).all(axis=1)
        least = int(self._costs[inside].min(initial=np.iinfo(np.int64).max))
        assert least >= self.incumbent.cost or node.bound <= least
        finished = super().process(node)
        assert finished
        assert least >= self.incumbent.cost or node.bound <= least
        # What is better than the incumbent must lie in an open node.
        if least < self.incumbent.cost - self.tolerance:
            assert any(
                ((self._sides >= child.lower) & (self._sides <= child.upper)).all(axis=1)[self._costs == least].any()
                for child in self.children
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

    monkeypatch.setattr(nodes, "_WINDOW", {True: 0, False: 0})
    monkeypatch.setattr(nodes, "_LATE_WINDOW", {True: 0, False: 0})
    monkeypatch.setattr(nodes, "_PASSES", {True: 1, False: 1})
    monkeypatch.setattr(nodes, "select_cuts", few)
    monkeypatch.setattr(branching, "semidefinite_bound", lambda *_: 0)
    monkeypatch.setattr(heuristics, "descend", as_it_is)
    monkeypatch.setattr(Incumbent, "anneal", lambda *_: False)
    monkeypatch.setattr(Incumbent, "round", integral_only)


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_forced_branching(weights: str, fields: str, monkeypatch: pytest.MonkeyPatch) -> None:
    branched = 0
    Checked.seen = Counter()
    monkeypatch.setattr(branching, "Worker", Checked)
    for seed in range(MODELS):
        model = frustrated(seed, weights, fields)
        solution = solve(model, threads=1)
        assert_consistent(solution, model)
        assert solution.status == "optimal", seed
        assert solution.energy == pytest.approx(ground_energy(model), abs=1e-9 * model.scale), seed
        branched += solution.nodes > 1
    assert branched > MODELS / 2
    assert Checked.seen["deepest"] >= 3


def course(model: IsingModel, threads: int) -> tuple[list[tuple[float, float]], int, float, float, list[int]]:
    """What a search told on its way, and what came out."""
    told: list[tuple[float, float]] = []
    solution = solve(model, threads=threads, progress=lambda *at: told.append(at))
    return told, solution.nodes, solution.energy, solution.bound, solution.spins.tolist()


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_number_of_threads_changes_nothing(weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the course of the search: the second worker is slowed down, which would let the other one run ahead."""

    class Slow(Worker):
        def process(self, node: Node) -> bool:
            aside.append(threading.current_thread() is not threading.main_thread())
            if not self._anneals:
                time.sleep(0.01)
            return super().process(node)

    aside: list[bool] = []
    searched = 0
    for seed in range(4):
        model = frustrated(seed, weights, "integer")
        alone = course(model, 1)
        with monkeypatch.context() as patch:
            patch.setattr(branching, "Worker", Slow)
            assert course(model, 2) == alone
        searched += alone[1]
    assert searched > 20
    assert sum(aside) > 10


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_raised_below_the_root_ends_the_search(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Worker):
        def process(self, node: Node) -> bool:
            if node.depth == 3:
                raise KeyboardInterrupt
            return super().process(node)

    monkeypatch.setattr(branching, "Worker", Failing)
    with pytest.raises(KeyboardInterrupt):
        solve(frustrated(0, "gaussian", "none"), threads=threads)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "two"])
def test_threads_are_whole_and_positive(threads: Any) -> None:
    with pytest.raises(InputError, match=f"threads is {threads!r}; a whole number of at least 1"):
        solve(frustrated(1, "pm", "none"), threads=threads)
