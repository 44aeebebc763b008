"""Branch and cut against brute force, and its promises about bounds and time limits."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.solvers import nodes, solve
from tests.annealrl.solver_models import (
    COUPLINGS,
    FIELDS,
    all_states,
    assert_consistent,
    dense,
    exact_energy,
    ground_energy,
    small_model,
    torus,
)


def weak_strong_cluster() -> IsingModel:
    cells = [(c + a, c + 4 + b) for c in (0, 8) for a in range(4) for b in range(4)]
    return IsingModel.from_edges([*cells, *((4 + a, 8 + a) for a in range(4))], 1.0, [1.0] * 8 + [-0.44] * 8)


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
def test_branching(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Antiferromagnets on complete graphs have a wide gap between the odd-cycle bound and the optimum."""
    monkeypatch.setattr(nodes, "_PASSES", {True: 0, False: 0})
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


def circulant(n: int, rng: np.random.Generator) -> IsingModel:
    sites = np.arange(n)
    edges = np.concatenate([np.stack([sites, (sites + step) % n], axis=1) for step in (1, 7, 449)])
    return IsingModel.from_edges(edges, rng.choice([-1.0, 1.0], len(edges)), n=n)


@pytest.mark.parametrize(("n", "limit"), [(80_000, 0.5), (80_000, 0.0), (20_000, 0.5), (20_000, 0.0)])
def test_time_limit_holds_beyond_what_can_be_solved(n: int, limit: float) -> None:
    model = circulant(n, np.random.default_rng(0))
    started = time.process_time()
    solution = solve(model, time_limit=limit)
    # Processor time: loading compiled code is included, other processes are not. It took minutes before.
    assert time.process_time() - started < limit + 5
    assert solution.status == "feasible"
    assert solution.energy == model.energy(solution.spins) < -n  # below any random configuration, by descent
    assert -3 * n <= solution.bound <= solution.energy


def test_time_limit_holds_between_blocks() -> None:
    # Complete graphs of five spins: 2 against 3 satisfy six of ten couplings, as any descent finds.
    pairs = np.stack(np.triu_indices(5, 1), axis=1)
    model = IsingModel.from_edges(np.concatenate([pairs + 5 * k for k in range(40)]), -1.0, n=200)
    cut_short, whole = solve(model, time_limit=0), solve(model)
    assert (cut_short.energy, cut_short.bound, cut_short.status) == (-80, -400, "feasible")
    assert (whole.energy, whole.bound, whole.status) == (-80, -80, "optimal")


def test_dense_beyond_the_size_limit() -> None:
    rng = np.random.default_rng(4)
    pairs = np.stack(np.triu_indices(700, 1), axis=1)
    model = IsingModel.from_edges(pairs, rng.choice([-1.0, 1.0], len(pairs)))
    solution = solve(model, time_limit=1)
    assert solution.status == "feasible"
    # Parisi's energy is -0.763 n^1.5; any descent is well below half of it.
    assert -0.8 * 700**1.5 < solution.energy < -0.6 * 700**1.5
    assert solution.bound == -len(pairs)


def test_unfrustrated_models_of_any_size_are_proven() -> None:
    rng = np.random.default_rng(3)
    model = circulant(80_000, rng)
    hidden = rng.choice([-1, 1], model.n)
    i, j = model.edges.T
    fields = np.where(rng.random(model.n) < 0.1, hidden, 0)
    gauged = IsingModel(model.n, model.edges, (hidden[i] * hidden[j]).astype(float), fields.astype(float))
    solution = solve(gauged)
    assert solution.status == "optimal"
    assert solution.energy == -gauged.scale
    assert np.array_equal(solution.spins, hidden)


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
