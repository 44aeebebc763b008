"""Branch and cut against brute force, known optima, and its promises about bounds and time limits."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import highspy
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.solvers import Solution, solve
from annealrl.solvers.cycles import CycleSeparator, select_cuts
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.reduction import reduce_graph
from annealrl.solvers.relaxation import Relaxation
from annealrl.solvers.scaled import ScaledModel

COUPLINGS = ["gaussian", "pm", "integer", "antiferromagnetic"]
FIELDS = ["none", "gaussian", "integer"]


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


def ground_energy(model: IsingModel) -> float:
    return float(model.energy(all_states(model.n)).min())


def exact_energy(model: IsingModel, spins: npt.NDArray[np.int8]) -> Fraction:
    """Energy in rational arithmetic: every float64 is a rational number."""
    s = spins.tolist()
    energy = Fraction(model.offset)
    for (i, j), J in zip(model.edges.tolist(), model.couplings.tolist(), strict=True):
        energy -= Fraction(J) * s[i] * s[j]
    for i, h in enumerate(model.fields.tolist()):
        energy -= Fraction(h) * s[i]
    return energy


def small_model(seed: int, couplings: str, fields: str) -> IsingModel:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 11))
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < rng.random()
    edges = np.stack([i[kept], j[kept]], axis=1)
    m = len(edges)
    J = {
        "gaussian": rng.normal(size=m),
        "pm": rng.choice([-1.0, 1.0], m),
        "integer": rng.integers(-3, 4, m).astype(float),
        "antiferromagnetic": -np.ones(m),
    }[couplings]
    h = {"none": np.zeros(n), "gaussian": rng.normal(size=n), "integer": rng.integers(-1, 2, n).astype(float)}[fields]
    return IsingModel.from_edges(edges, J, h, n=n, offset=0.25 * (seed % 3), name=f"{couplings}-{fields}-{seed}")


def torus(side: int, seed: int, *, dimension: int = 2, pm: bool = False) -> IsingModel:
    rng = np.random.default_rng(seed)
    index = np.arange(side**dimension).reshape((side,) * dimension)
    edges = np.concatenate(
        [np.stack([index.ravel(), np.roll(index, -1, axis).ravel()], axis=1) for axis in range(dimension)]
    )
    J = rng.choice([-1.0, 1.0], len(edges)) if pm else rng.normal(size=len(edges))
    return IsingModel.from_edges(edges, J, n=index.size)


def dense(n: int, seed: int = 0) -> IsingModel:
    rng = np.random.default_rng(seed)
    edges = np.stack(np.triu_indices(n, 1), axis=1)
    return IsingModel.from_edges(edges, rng.normal(size=len(edges)))


def weak_strong_cluster() -> IsingModel:
    cells = [(c + a, c + 4 + b) for c in (0, 8) for a in range(4) for b in range(4)]
    return IsingModel.from_edges([*cells, *((4 + a, 8 + a) for a in range(4))], 1.0, [1.0] * 8 + [-0.44] * 8)


def assert_consistent(solution: Solution, model: IsingModel) -> None:
    assert solution.spins.shape == (model.n,)
    assert solution.spins.dtype == np.int8
    assert solution.energy == model.energy(solution.spins)
    assert solution.bound <= solution.energy
    assert solution.gap == solution.energy - solution.bound
    assert (solution.status == "optimal") == (solution.gap <= 1e-9 * model.scale)


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("couplings", COUPLINGS)
@pytest.mark.parametrize("seed", range(12))
def test_brute_force(seed: int, couplings: str, fields: str) -> None:
    model = small_model(seed, couplings, fields)
    solution = solve(model)
    assert_consistent(solution, model)
    assert solution.status == "optimal"
    assert solution.energy == pytest.approx(ground_energy(model), abs=1e-9)


@given(seed=st.integers(0, 2**32 - 1), couplings=st.sampled_from(COUPLINGS), fields=st.sampled_from(FIELDS))
@settings(max_examples=60, deadline=None)
def test_bound_never_exceeds_the_exact_optimum(seed: int, couplings: str, fields: str) -> None:
    model = small_model(seed, couplings, fields)
    limited = solve(model, time_limit=0.0)
    proven = solve(model)
    states = all_states(model.n)
    energies = model.energy(states)
    lowest = min(exact_energy(model, s) for s in states[energies <= energies.min() + 1e-9])
    assert Fraction(limited.bound) <= lowest
    # Bounds are clipped at the float64 energy, so a rounding error of the energy is the only excess there could be.
    assert Fraction(proven.bound) <= max(lowest, Fraction(proven.energy))
    assert proven.status == "optimal"


@pytest.mark.parametrize(
    ("model", "energy"),
    [
        (IsingModel.from_edges([], n=1), 0.0),
        (IsingModel.from_edges([], n=5, offset=-2.5), -2.5),
        (IsingModel.from_edges([], fields=[0.5, -2.0, 0.0]), -2.5),
        (IsingModel.from_edges([(0, 1), (1, 2)], 0.0), 0.0),
        (IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1.0), -1.0),
        (IsingModel.from_edges([(0, 1), (1, 2), (0, 2), (5, 6), (6, 7), (5, 7)], -1.0, n=9), -2.0),
        (IsingModel.from_edges([(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (4, 5)], [-1, 2, 3, 4, 5, -6]), -19.0),
        (IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1.0, [0.0, 0.0, 10.0]), -11.0),
        (weak_strong_cluster(), -40.48),
    ],
)
def test_small_cases(model: IsingModel, energy: float) -> None:
    solution = solve(model)
    assert_consistent(solution, model)
    assert solution.status == "optimal"
    assert solution.energy == pytest.approx(energy, abs=1e-12)


def test_two_triangles_that_share_a_spin() -> None:
    """Two blocks meet in one spin; gluing them must keep both optimal."""
    edges = [(0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4)]
    model = IsingModel.from_edges(edges, [-1.0, -1.1, -1.2, -1.3, 1.4, 1.5])
    assert solve(model).energy == pytest.approx(ground_energy(model), abs=1e-12)


def test_unsatisfied_ring_costs_its_weakest_coupling() -> None:
    rng = np.random.default_rng(3)
    J = rng.normal(size=50)
    J[0] *= -np.prod(np.sign(J))
    model = IsingModel.from_edges([(i, (i + 1) % 50) for i in range(50)], J)
    assert solve(model).energy == pytest.approx(2 * np.abs(J).min() - np.abs(J).sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_gauge_and_permutation_invariance(seed: int) -> None:
    model = torus(8, seed)
    rng = np.random.default_rng(seed)
    gauge, place = rng.choice([-1.0, 1.0], model.n), rng.permutation(model.n)
    i, j = model.edges.T
    other = IsingModel.from_edges(place[model.edges], model.couplings * gauge[i] * gauge[j])
    assert solve(other).energy == pytest.approx(solve(model).energy, abs=1e-9)


@pytest.mark.parametrize("pm", [False, True])
@pytest.mark.parametrize(("side", "dimension"), [(4, 2), (10, 2), (4, 3)])
def test_tori_are_proven(side: int, dimension: int, pm: bool) -> None:
    model = torus(side, 11, dimension=dimension, pm=pm)
    solution = solve(model)
    assert_consistent(solution, model)
    assert solution.status == "optimal"
    if pm:
        assert solution.gap == 0.0
    if side == 4 and dimension == 2:
        assert solution.energy == pytest.approx(ground_energy(model), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_branching(seed: int) -> None:
    """Antiferromagnets on complete graphs have a wide gap between the odd-cycle bound and the optimum."""
    rng = np.random.default_rng(seed)
    edges = np.stack(np.triu_indices(9 + seed, 1), axis=1)
    model = IsingModel.from_edges(edges, -1.0 - (seed > 0) * 0.1 * rng.random(len(edges)))
    solution = solve(model)
    assert solution.nodes > 2
    assert solution.status == "optimal"
    assert solution.energy == pytest.approx(ground_energy(model), abs=1e-12)


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1.0, 1e9, 1e290])
def test_any_magnitude(factor: float) -> None:
    model = torus(4, 2)
    scaled = IsingModel.from_edges(model.edges, model.couplings * factor)
    solution = solve(scaled)
    assert solution.status == "optimal"
    assert solution.energy == pytest.approx(ground_energy(model) * factor, rel=1e-9)


def test_mixed_magnitudes() -> None:
    """Couplings too small to be seen in the scaled model widen the gap; they never spoil the bound."""
    model = IsingModel.from_edges([(0, 1), (1, 2), (0, 2), (2, 3)], [-1.0, -1.0, -1.0, 1e-200])
    solution = solve(model)
    assert solution.status == "optimal"
    assert solution.bound < -1.0
    assert Fraction(solution.bound) <= min(exact_energy(model, s) for s in all_states(4))


def test_time_limit_returns_a_valid_bound() -> None:
    model = dense(60)
    solution = solve(model, time_limit=0.5)
    assert_consistent(solution, model)
    assert solution.status == "feasible"
    assert solution.bound < solution.energy < 0
    assert solution.bound > -0.9 * model.scale
    lowest = solve(model, time_limit=0.0)
    assert_consistent(lowest, model)
    assert lowest.bound <= solution.bound


def test_same_seed_same_answer() -> None:
    model = torus(8, 5, pm=True)
    one, two = solve(model, seed=4), solve(model, seed=4)
    assert np.array_equal(one.spins, two.spins)
    assert (one.energy, one.bound, one.nodes) == (two.energy, two.bound, two.nodes)


def test_initial_configuration_is_used() -> None:
    model = dense(40)
    good = solve(model, time_limit=1.0)
    again = solve(model, time_limit=0.0, initial=good.spins)
    assert again.energy <= good.energy + 1e-12


def test_initial_configuration_with_fields() -> None:
    model = small_model(1, "gaussian", "gaussian")
    ground = solve(model)
    assert solve(model, initial=ground.spins, time_limit=0.0).energy == ground.energy


def test_progress_reports_and_interruption() -> None:
    model = torus(10, 1)
    seen: list[tuple[float, float]] = []
    solution = solve(model, progress=lambda energy, bound: seen.append((energy, bound)))
    assert seen
    assert all(bound <= solution.energy <= energy + 1e-9 for energy, bound in seen)

    def interrupt(energy: float, bound: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve(model, progress=interrupt)
    assert solve(model).energy == solution.energy


def test_other_threads_of_the_lp_library_do_not_disturb() -> None:
    """HiGHS keeps one pool of threads per process and refuses a run that asks for another number."""
    other = highspy.Highs()
    other.setOptionValue("output_flag", False)
    other.setOptionValue("threads", 2)
    other.addVars(1, np.zeros(1), np.ones(1))
    other.run()
    try:
        assert solve(torus(6, 1)).status == "optimal"
    finally:
        highspy.Highs.resetGlobalScheduler(True)


@pytest.mark.parametrize("limit", [-1.0, math.nan])
def test_bad_time_limit(limit: float, triangle: IsingModel) -> None:
    with pytest.raises(InputError, match="time limit"):
        solve(triangle, time_limit=limit)


@pytest.mark.parametrize("spins", [[1, 1], [1, 0, 1], [[1, 1, 1]]])
def test_bad_initial_configuration(spins: list[int], triangle: IsingModel) -> None:
    with pytest.raises(InputError, match="spins"):
        solve(triangle, initial=spins)


def test_overflowing_scale() -> None:
    with pytest.raises(InputError, match="overflows"):
        solve(IsingModel.from_edges([(0, 1), (1, 2)], 1.7e308))


# ---- parts


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


# ---- published instances, where they lie beside the checkout


def max_cut_file(path: Path) -> IsingModel:
    """Weights w of ``E = Σ w s s``, 1-based."""
    rows = [line.split() for line in path.read_text().splitlines()]
    pairs = [(int(i) - 1, int(j) - 1) for i, j, _ in rows[1:]]
    return IsingModel.from_edges(pairs, [-float(w) for _, _, w in rows[1:]], n=int(rows[0][0]), name=path.name)


@pytest.mark.parametrize(
    ("file", "energy"),
    [
        ("biqmac_ising/t2g10_5555", -12933724),
        ("biqmac_ising/t2g15_5555", -29546455),
        ("biqmac_ising/t3g5_5555", -21430078),
        ("biqmac_ising/t3g6_5555", -36845231),
        ("biqmac_rudy/pm1s_80.0", -166),
    ],
)
def test_published_optima(external: Path, file: str, energy: int) -> None:
    solution = solve(max_cut_file(external / file))
    assert solution.energy == energy
    assert solution.bound == energy


def test_published_energies_per_spin(external: Path) -> None:
    for side in (4, 10):
        with np.load(external / "cool" / f"RND_J_{side}x{side}.npz") as data:
            for J, energy in zip(data["J"][:20], data["gs_energy_per_spin"], strict=False):
                model = IsingModel.from_edges(data["edges"].astype(np.int64), -J)
                solution = solve(model)
                assert solution.status == "optimal"
                assert solution.energy / side**2 == pytest.approx(energy, abs=2e-6)
