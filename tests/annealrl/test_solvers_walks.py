"""Shortest walks of the cut separation against scipy's Dijkstra, and returns to earlier corners of the relaxation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csgraph

from annealrl.ising import FloatArray
from annealrl.kernels.odd_walks import closed_walks, distances, grow
from annealrl.solvers.cycles import CycleSeparator
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.relaxation import Relaxation
from tests.annealrl.solver_models import all_states, torus


def fractional(seed: int) -> tuple[SignedGraph, FloatArray]:
    """A small torus, and values that are fractional, zero or one."""
    rng = np.random.default_rng(seed)
    edges = torus(5, 0).edges
    graph = SignedGraph(25, edges, rng.choice([-1, 1], len(edges)))
    zero, one = (rng.random(len(edges)) < share for share in (0.2, 0.1))
    return graph, np.where(zero, 0.0, np.where(one, 1.0, 0.6 * rng.random(len(edges))))


def from_scipy(separator: CycleSeparator, u: FloatArray) -> FloatArray:
    lengths: FloatArray = csgraph.dijkstra(separator.layers(u), directed=False)
    return lengths


@pytest.mark.parametrize("seed", range(8))
def test_walks_to_the_mirror_image_are_shortest(seed: int) -> None:
    graph, u = fractional(seed)
    n, separator = graph.n, CycleSeparator(graph, np.random.default_rng(0))
    starts, heads, lengths = separator.arcs(u)
    mirror = np.roll(np.arange(2 * n), n)
    true = from_scipy(separator, u)[np.arange(n), np.arange(n) + n]
    for limit in (0.4, 0.9):
        reach, sizes = np.empty(n), np.empty(n, dtype=np.int64)
        walks = np.empty((n, 4 * n), dtype=np.int64)
        closed_walks(starts, heads, lengths, mirror, np.arange(n), limit, reach, walks, sizes)
        np.testing.assert_allclose(reach, np.where(true < limit, true, np.inf), rtol=1e-12)
        for spin in np.flatnonzero(np.isfinite(reach)):
            path = walks[spin, : sizes[spin]].tolist()
            assert path[0] == spin
            assert path[-1] == spin + n
            total = 0.0
            for one, other in pairwise(path):
                arcs = np.arange(starts[one], starts[one + 1])
                total += lengths[arcs[heads[arcs] == other]].min()
            assert total == pytest.approx(reach[spin], rel=1e-12)
    assert np.isfinite(reach).any()


@pytest.mark.parametrize("seed", range(3))
def test_distances_are_shortest(seed: int) -> None:
    graph, u = fractional(seed)
    separator = CycleSeparator(graph, np.random.default_rng(0))
    true = from_scipy(separator, u)
    found = np.full((3, 2 * graph.n), 9.0, dtype=np.float32)
    before = np.full(found.shape, -1, dtype=np.int32)
    distances(*separator.arcs(u), np.array([0, 7, 30]), 0.8, found, before)
    true = true[[0, 7, 30]]
    np.testing.assert_allclose(found, np.where(true < 0.8, true, 9.0), rtol=1e-5)


def test_loops_of_the_right_parity_are_left_out() -> None:
    """A walk around an even loop and then an odd one codes the odd one alone."""
    edges = np.array([[0, 1], [1, 2], [2, 0], [0, 3], [3, 4], [4, 0]])
    graph = SignedGraph(5, edges, np.array([-1, 1, 1, 1, 1, 1]))
    separator = CycleSeparator(graph, np.random.default_rng(0))
    # Edges by their natural arcs change layers at the negative coupling alone, between the spins 0 and 1.
    assert separator._code([0, 3, 4, 0, 6, 7, 5]).tolist() == [0, 2, 4]


def test_fives_grow_to_the_least_sum() -> None:
    """Five items are near one another, all else is far; mirror images never meet."""
    lengths = np.full((16, 16), 0.9, dtype=np.float32)
    near = [0, 2, 5, 6, 9]  # item 9 is the mirror image of item 1
    lengths[np.ix_(near, near)] = 0.1
    lengths[np.arange(16), (np.arange(16) + 8) % 16] = 0.0
    np.fill_diagonal(lengths, 0.0)
    sets = np.array([[0, 2, 0, 0, 0], [0, 3, 0, 0, 0]])
    grow(lengths, sets, 8)
    for row in sets.tolist():
        assert sorted(row) == near


@pytest.mark.parametrize("seed", range(5))
def test_corners_come_back_with_their_cuts(seed: int) -> None:
    graph, _ = fractional(seed)
    separator = CycleSeparator(graph, np.random.default_rng(0))
    lp = Relaxation(graph.costs * 2**30)
    for _ in range(5):
        assert lp.solve(math.inf)
        lp.add(separator.violated_any(lp.u, 100)[0])
    assert lp.solve(math.inf)
    value, corner, rows = lp.exact_bound()[0], lp.corner(), len(lp.cuts)
    upper = lp.upper.copy()
    # Elsewhere the cuts of the corner are lost, and others come.
    side = int(np.argmax(np.minimum(lp.u, 1 - lp.u)))
    lp.set_box(lp.lower, np.where(np.arange(len(upper)) == side, 0, upper))
    assert lp.solve(math.inf)
    lp.idle[::2] = 99
    lp.purge(10)
    lp.add(separator.violated_any(lp.u, 100)[0])
    assert lp.solve(math.inf)
    lp.go_to(corner)
    lp.set_box(lp.lower, upper)
    assert len(lp.cuts) == len(corner.cuts) <= rows
    assert lp.solve(math.inf)
    assert lp._lp.getInfo().simplex_iteration_count == 0
    assert lp.exact_bound()[0] == pytest.approx(value, rel=1e-9)


def test_a_bound_that_is_enough_ends_the_solve() -> None:
    i, j = np.triu_indices(9, 1)
    graph = SignedGraph(9, np.stack([i, j], axis=1), -np.random.default_rng(4).integers(2**30, 2**31, 36))
    cuts = CycleSeparator(graph, np.random.default_rng(0)).violated_short(np.zeros(36))[0]
    truth = min(graph.cost(s) for s in all_states(9))
    lp = Relaxation(graph.costs)
    lp.add(cuts)
    assert lp.solve(math.inf)
    best = lp.exact_bound()[0]
    assert best <= truth
    for share in (0.5, 0.9):
        early = Relaxation(graph.costs)
        early.add(cuts)
        assert early.solve(math.inf, int(share * best))
        assert early.feasible
        assert int(share * best) <= early.exact_bound()[0] <= truth
        assert early._lp.getModelStatus() == early._highspy.HighsModelStatus.kObjectiveBound
    # More than can be proven is solved to the end.
    assert lp.solve(math.inf, 2 * best)
    assert lp.exact_bound()[0] == pytest.approx(best, rel=1e-9)
