"""The parts of the solver: scaling, presolve, cuts, relaxation, semidefinite bound, incumbents."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from annealrl.ising import IsingModel
from annealrl.solvers.cycles import CycleSeparator, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent, descend
from annealrl.solvers.nodes import Worker
from annealrl.solvers.pentagons import DEMAND, PentagonSeparator
from annealrl.solvers.probing import Prober
from annealrl.solvers.reduction import reduce_graph
from annealrl.solvers.relaxation import Relaxation
from annealrl.solvers.scaled import ScaledModel
from annealrl.solvers.semidefinite import _proven_total, semidefinite_bound
from tests.annealrl.solver_models import all_states, exact_energy, small_model, torus


@pytest.mark.parametrize("values", [[1.0, -2.0, 3.0], [0.1, -0.44, 1e-30], [1e300, -1e280, 1e-300]])
def test_scaling_accounts_for_every_rounding_error(values: list[float]) -> None:
    model = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], values, offset=0.5)
    scaled = ScaledModel.from_model(model)
    unit = Fraction(2) ** -scaled.exponent
    for s in all_states(3):
        rounded = -sum(
            w * int(s[i]) * int(s[j]) for (i, j), w in zip(scaled.edges.tolist(), scaled.weights.tolist(), strict=True)
        )
        assert abs(exact_energy(model, s) - Fraction(model.offset) - rounded * unit) <= scaled.slack * unit
        assert Fraction(scaled.model_bound(rounded, model.offset)) <= exact_energy(model, s)


@pytest.mark.parametrize("seed", range(20))
def test_reduction_keeps_the_optimum(seed: int) -> None:
    model = small_model(seed, "gaussian", "gaussian")
    scaled = ScaledModel.from_model(model)
    whole = SignedGraph(scaled.n, scaled.edges, scaled.weights)
    reduction = reduce_graph(scaled.n, scaled.edges, scaled.weights)
    parts = []
    for block in reduction.blocks:
        states = all_states(block.graph.n)
        parts.append(states[np.argmin([block.graph.cost(s) for s in states])])
    expanded = reduction.expand(parts)
    assert set(np.unique(expanded)) <= {-1, 1}
    assert whole.cost(expanded) == min(whole.cost(s) for s in all_states(scaled.n))


def test_energy_step_divides_all_differences() -> None:
    for seed in range(10):
        model = small_model(seed, "integer", "none")
        kept = model.couplings != 0
        if not kept.any():
            continue
        graph = SignedGraph(model.n, model.edges[kept], model.couplings[kept].astype(np.int64))
        costs = np.array([graph.cost(s) for s in all_states(model.n)])
        assert not ((costs - costs[0]) % graph.step).any()


@pytest.mark.parametrize("seed", range(5))
def test_cuts_hold_for_every_configuration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(9, 1)
    kept = rng.random(len(i)) < 0.5
    weights = rng.choice([-2, -1, 1, 2], kept.sum())
    graph = SignedGraph(9, np.stack([i[kept], j[kept]], axis=1), weights)
    separator = CycleSeparator(graph, rng)
    u = rng.random(len(weights)).round()
    for cuts, amounts in (separator.violated_short(u), separator.violated_any(u, 100)):
        assert len(cuts) == len(amounts)
        for cut, amount in zip(cuts, amounts, strict=True):
            signs, rhs = 1 - 2 * (cut & 1), 1 - (cut & 1).sum()
            assert rhs - signs @ u[cut >> 1] >= 1e-4
            assert amount > 0
            assert min(signs @ graph.unsatisfied(s)[cut >> 1] for s in all_states(9)) >= rhs
        chosen = select_cuts(cuts, amounts, edges=len(u), limit=5, per_edge=2)
        assert len(chosen) <= 5
        assert max(np.bincount(np.concatenate([cut >> 1 for cut in chosen]))) <= 2


@pytest.mark.parametrize("density", [0.7, 0.85, 1.0])
def test_pentagons_hold_for_every_configuration(density: float) -> None:
    """What is violated by an LP solution that satisfies all odd cycles, paths over other spins included."""
    rng = np.random.default_rng(7)
    i, j = np.triu_indices(11, 1)
    found: Counter[str] = Counter()
    for _ in range(8):
        kept = rng.random(len(i)) < density
        graph = SignedGraph(11, np.stack([i, j], axis=1)[kept], -rng.integers(90, 110, kept.sum()))
        states = np.array([graph.unsatisfied(s) for s in all_states(11)])
        lp, separator = Relaxation(graph.costs), CycleSeparator(graph, rng)
        assert lp.solve(math.inf)
        while lp.add(separator.violated_any(lp.u, 100)[0]):
            assert lp.solve(math.inf)
        cuts, amounts = PentagonSeparator(separator).violated(lp.u)
        for cut, amount in zip(cuts, amounts, strict=True):
            edges, turned = cut >> 1, cut & 1
            assert DEMAND - np.where(turned, 1.0 - lp.u[edges], lp.u[edges]).sum() == pytest.approx(amount, abs=1e-3)
            assert (states[:, edges] != turned).sum(axis=1).min() >= DEMAND
        found["cuts"] += len(cuts)
        before = lp.exact_bound()[0]
        if lp.add(cuts, DEMAND):
            assert lp.solve(math.inf)
            assert before <= lp.exact_bound()[0] <= (states @ graph.costs).min()
            found["better"] += lp.exact_bound()[0] > before
    assert found["cuts"] > 5
    assert found["better"] > 1


def test_edges_may_repeat_in_a_cut() -> None:
    """Twice u₀, and u₁ with 1 - u₁, demand 3: that leaves u₀ = 1."""
    lp = Relaxation(np.array([10, 20, 30]))
    assert lp.add([np.array([0, 0, 2, 3])], 3) == 1
    assert lp.solve(math.inf)
    assert lp.u.tolist() == [1.0, 0.0, 0.0]
    assert lp.exact_bound()[0] == 10


@pytest.mark.parametrize("length", [1, 2])
def test_pentagons_prove_what_odd_cycles_cannot(length: int) -> None:
    """Five spins, every two joined by a chain that wants them apart: odd cycles prove 10/3, the truth is 4."""
    pairs = np.array(np.triu_indices(5, 1)).T
    if length == 2:
        middle = np.arange(5, 15)
        edges = np.concatenate([np.stack([pairs[:, 0], middle], axis=1), np.stack([middle, pairs[:, 1]], axis=1)])
        graph = SignedGraph(15, edges, np.repeat([1, -1], 10) * 10**6)
    else:
        graph = SignedGraph(5, pairs, np.full(10, -(10**6)))
    rng = np.random.default_rng(0)
    lp, separator = Relaxation(graph.costs), CycleSeparator(graph, rng)
    assert lp.solve(math.inf)
    while lp.add(separator.violated_any(lp.u, 100)[0]):
        assert lp.solve(math.inf)
    unit = int(graph.costs[0])
    assert lp.exact_bound()[0] / unit == pytest.approx(10 / 3, abs=1e-4)
    assert lp.add(PentagonSeparator(separator).violated(lp.u)[0], DEMAND)
    assert lp.solve(math.inf)
    assert lp.exact_bound()[0] / unit == pytest.approx(4, abs=1e-4)


def test_configurations_violate_nothing() -> None:
    graph = SignedGraph(25, torus(5, 0).edges, np.rint(1000 * torus(5, 0).couplings).astype(np.int64))
    rng = np.random.default_rng(0)
    separator = CycleSeparator(graph, rng)
    u = graph.unsatisfied(rng.choice([-1, 1], 25).astype(np.int8)).astype(float)
    assert not separator.violated_short(u)[0]
    assert not separator.violated_any(u, 100)[0]


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3, 1e12, 1e40])
def test_any_multipliers_prove_a_bound(scale: float) -> None:
    """The bound never trusts the LP: arbitrary multipliers, however large, stay below the optimum."""
    rng = np.random.default_rng(1)
    i, j = np.triu_indices(8, 1)
    graph = SignedGraph(8, np.stack([i, j], axis=1), rng.integers(1, 2**40, len(i)) * rng.choice([-1, 1], len(i)))
    lp = Relaxation(graph.costs)
    assert lp.add(CycleSeparator(graph, rng).violated_short(np.zeros(len(i)))[0]) > 0
    best = min(graph.cost(s) for s in all_states(8))
    for _ in range(20):
        lp.duals = rng.exponential(size=len(lp.cuts)) * scale
        assert lp.exact_bound()[0] <= best


def test_probing_proves_a_bound_and_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    i, j = np.triu_indices(7, 1)
    graph = SignedGraph(7, np.stack([i, j], axis=1), np.full(21, -(2**40)))
    lp = Relaxation(graph.costs)
    lp.add(CycleSeparator(graph, rng).violated_short(np.zeros(21))[0])
    assert lp.solve(math.inf)
    before = lp.exact_bound()[0]
    states = all_states(7)
    for side in (0, 1):
        best = min(graph.cost(s) for s in states if graph.unsatisfied(s)[3] == side)
        # Multipliers are rounded to integers, which costs less than one unit per cut.
        assert before - len(lp.cuts) <= lp.probe(3, side, 100) <= best
    assert lp.exact_bound()[0] == before
    assert lp.solve(math.inf)
    assert lp.exact_bound()[0] == before


def test_choices_are_proven_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    i, j = np.triu_indices(8, 1)
    graph = SignedGraph(8, np.stack([i, j], axis=1), -rng.integers(2**30, 2**31, 28))
    lp = Relaxation(graph.costs)
    lp.add(CycleSeparator(graph, rng).violated_short(np.zeros(28))[0])
    assert lp.solve(math.inf)
    value = lp.exact_bound()[0]
    costs = np.array([graph.cost(s) for s in all_states(8)])
    sides = np.array([graph.unsatisfied(s) for s in all_states(8)])
    best = int(costs.min())
    assert value < best
    prober, probe = Prober(graph.costs), lp.probe
    probes: list[tuple[int, ...]] = []

    def counted(*arguments: int) -> int:
        probes.append(arguments)
        return probe(*arguments)

    monkeypatch.setattr(lp, "probe", counted)
    lp.solves = 1000
    for level in range(6):
        choice = prober.choose(lp, value, level, lambda bound: bound >= best, math.inf)
        assert value <= choice.bound <= best
        for edge, side, bound in [(choice.edge, side, choice.bounds[side]) for side in (0, 1)] + choice.closed:
            assert bound <= costs[sides[:, edge] == side].min()
        assert all(bound >= best for _, _, bound in choice.closed)
        assert lp.exact_bound()[0] == value
    # Four probes of an edge are believed, and few are made for few relaxations.
    assert max(Counter(probes).values()) == 4
    lp.solves, before = 1, len(probes)
    Prober(graph.costs).choose(lp, value, 0, lambda bound: bound >= best, math.inf)
    assert 0 < len(probes) - before <= 8


@pytest.mark.parametrize("seed", range(4))
def test_fixed_edges_decide_those_that_close_cycles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = SignedGraph(16, torus(4, 0).edges, rng.choice([-3, -1, 1, 3], 32))
    search = Worker(graph, Incumbent(graph, rng), deadline=math.inf)
    truth = graph.unsatisfied(rng.choice([-1, 1], 16).astype(np.int8)).astype(np.int64)
    fixed = rng.permutation(32)[:14]
    lower, upper = np.zeros(32, dtype=np.int64), np.ones(32, dtype=np.int64)
    lower[fixed] = upper[fixed] = truth[fixed]
    before = lower == upper
    assert search._imply(lower, upper)
    decided = lower == upper
    assert (lower[decided] == truth[decided]).all()
    # A spin's component of fixed edges has one value up to a flip: just the edges inside are decided.
    group = graph.components(before)
    i, j = graph.edges.T
    assert (decided == (group[i] == group[j])).all()
    assert decided.sum() > before.sum()
    wrong = int(np.flatnonzero(decided & ~before)[0])
    lower[fixed] = upper[fixed] = truth[fixed]
    lower[wrong] = upper[wrong] = 1 - truth[wrong]
    assert not search._imply(lower, upper)


def test_purged_cuts_can_return() -> None:
    rng = np.random.default_rng(1)
    graph = SignedGraph(16, torus(4, 0).edges, rng.choice([-1, 1], 32) * rng.integers(1, 99, 32))
    lp = Relaxation(graph.costs)
    cuts = CycleSeparator(graph, rng).violated_short(np.zeros(32))[0]
    assert lp.add(cuts) == len(cuts)
    assert lp.add(cuts) == 0
    assert lp.solve(math.inf)
    value = lp.exact_bound()[0]
    lp.idle[:3] = 10
    lp.purge(10)
    assert len(lp.cuts) == len(cuts) - 3
    assert lp.add(cuts) == 3
    assert lp.solve(math.inf)
    assert lp.exact_bound()[0] == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("size", [1, 3, 2**20, 2**40])
@pytest.mark.parametrize("seed", range(10))
def test_semidefinite_bound_never_exceeds_the_optimum(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 11))
    i, j = np.triu_indices(n, 1)
    weights = rng.integers(1, size + 1, len(i)) * rng.choice([-1, 1], len(i))
    graph = SignedGraph(n, np.stack([i, j], axis=1), weights)
    best = min(graph.cost(s) for s in all_states(n))
    bound = semidefinite_bound(graph, rng, math.inf)
    assert 0 <= bound <= best
    # The relaxation's value is at least 0.878 of the best cut; in terms of the cost:
    assert best == 0 or bound >= best - 0.15 * np.abs(weights).sum() * 2


def test_semidefinite_bound_of_the_pentagon() -> None:
    """Its relaxation is known: unit vectors at angles of 144 degrees, ``E = 5 cos(4π/5)`` (Lovász)."""
    weight = 10**9
    graph = SignedGraph(5, np.array([(i, (i + 1) % 5) for i in range(5)]), np.full(5, -weight))
    bound = semidefinite_bound(graph, np.random.default_rng(0), math.inf)
    exact = 5 * weight * (1 + math.cos(4 * math.pi / 5))
    assert exact * (1 - 5e-3) <= bound <= exact + 1


@pytest.mark.parametrize("multipliers", ["zero", "random", "huge"])
def test_poor_multipliers_prove_less_and_never_too_much(multipliers: str) -> None:
    rng = np.random.default_rng(4)
    n = 9
    matrix = np.triu(rng.integers(-50, 51, (n, n)), 1).astype(float)
    matrix += matrix.T
    y = {"zero": np.zeros(n), "random": 300 * rng.random(n), "huge": np.full(n, 2.0**45)}[multipliers]
    total = _proven_total(matrix, y)
    assert total is not None
    best = max(float(s @ matrix @ s) for s in all_states(n).astype(float))
    assert total >= best
    assert _proven_total(matrix, np.full(n, 2.0**53)) is None


# Seed 5 draws no coupling.
@pytest.mark.parametrize("fields", ["none", "gaussian"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 6, 7, 8])
def test_annealing_finds_the_optimum_of_small_graphs(seed: int, fields: str) -> None:
    scaled = ScaledModel.from_model(small_model(seed, "gaussian", fields))
    graph = SignedGraph(scaled.n, scaled.edges, scaled.weights)
    incumbent = Incumbent(graph, np.random.default_rng(seed))
    incumbent.anneal(math.inf)
    assert incumbent.cost == graph.cost(incumbent.spins) == min(graph.cost(s) for s in all_states(graph.n))
    again = Incumbent(graph, np.random.default_rng(seed))
    assert not again.anneal(-math.inf)


def test_descent_ends_where_no_spin_and_no_pair_gains() -> None:
    rng = np.random.default_rng(5)
    model = torus(4, 6)
    graph = SignedGraph(16, model.edges, np.rint(1000 * model.couplings).astype(np.int64))
    spins = descend(graph, rng.choice([-1, 1], 16).astype(np.int8))
    cost = graph.cost(spins)
    for turned in [[i] for i in range(16)] + graph.edges.tolist():
        other = spins.copy()
        other[turned] *= -1
        assert graph.cost(other) >= cost
