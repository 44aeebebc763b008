"""Sherrington–Kirkpatrick, random regular, Viana–Bray, max-cut: graphs, moments, seeds, errors."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.generators import (
    gnp_edges,
    max_cut_gnp,
    random_regular,
    sherrington_kirkpatrick,
    viana_bray,
)


def rng(seed=0):
    return np.random.default_rng(seed)


MAKERS = {
    "sk": lambda r: sherrington_kirkpatrick(12, r, name="x"),
    "regular": lambda r: random_regular(12, 3, r, name="x"),
    "viana-bray": lambda r: viana_bray(30, 3.0, r, name="x"),
    "max-cut": lambda r: max_cut_gnp(12, 0.5, r, weights="pm1", name="x"),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_seed_decides_all(make):
    one, two, other = make(rng(3)), make(rng(3)), make(rng(4))
    np.testing.assert_array_equal(one.edges, two.edges)
    np.testing.assert_array_equal(one.couplings, two.couplings)
    assert one.name == "x"
    assert not one.fields.any()
    assert not (np.array_equal(one.edges, other.edges) and np.array_equal(one.couplings, other.couplings))


def test_sherrington_kirkpatrick_moments():
    model = sherrington_kirkpatrick(200, rng())
    assert len(model.edges) == 200 * 199 // 2
    # the variance of 19 900 normal numbers is right to 1 % (one standard deviation)
    assert abs(200 * model.couplings.var() - 1) < 0.05
    assert abs(model.couplings.mean()) < 5 / np.sqrt(200 * len(model.edges))
    signs = sherrington_kirkpatrick(200, rng(), couplings="pm1")
    assert set(signs.couplings) == {-1 / np.sqrt(200), 1 / np.sqrt(200)}
    with pytest.raises(InputError, match="couplings 'uniform' are none of gaussian, pm1"):
        sherrington_kirkpatrick(4, rng(), couplings="uniform")
    for n in (1, 2.0, -3, True):
        with pytest.raises(InputError, match="number of spins"):
            sherrington_kirkpatrick(n, rng())
    with pytest.raises(InputError, match="at most 16777216 are made"):
        sherrington_kirkpatrick(6000, rng())


@pytest.mark.parametrize(("n", "degree"), [(10, 3), (7, 6), (2, 1), (50, 4)])
def test_every_degree_of_a_regular_graph(n, degree):
    model = random_regular(n, degree, rng())
    assert (model.degrees == degree).all()
    assert set(model.couplings) <= {-1.0, 1.0}


def test_regular_graphs_are_drawn_evenly():
    """Three perfect matchings of four nodes, 600 draws: chi-square with two degrees above 27.6 has p = 1e-6."""
    generator = rng(8)
    partner = [int(random_regular(4, 1, generator).edges[0, 1]) for _ in range(600)]
    counts = np.bincount(partner, minlength=4)[1:]
    assert ((counts - 200) ** 2 / 200).sum() < 27.6


@pytest.mark.parametrize(("n", "degree"), [(5, 3), (4, 4), (4, 0), (4, 2.0), (1, 1)])
def test_regular_graphs_that_cannot_be(n, degree):
    with pytest.raises(InputError, match=r"degree|number of spins"):
        random_regular(n, degree, rng())


def test_viana_bray_degrees_are_poisson():
    model = viana_bray(20_000, 3.0, rng(), couplings="gaussian")
    assert abs(model.degrees.mean() - 3) < 5 * np.sqrt(2 * 3 / 20_000)
    assert abs(model.degrees.var() - 3) < 0.2
    assert len(viana_bray(10, 9, rng()).edges) == 45
    assert len(viana_bray(10, 0, rng()).edges) == 0
    for connectivity in (-1, 10, np.nan, "many"):
        with pytest.raises(InputError, match="connectivity"):
            viana_bray(10, connectivity, rng())


def test_every_pair_of_a_random_graph_is_equally_likely():
    """6 pairs, 4000 graphs, p = 0.3: chi-square with six degrees above 40 has p < 1e-6; neighbours are independent."""
    generator = rng(5)
    present = np.zeros((4000, 6))
    order = {(0, 1): 0, (0, 2): 1, (0, 3): 2, (1, 2): 3, (1, 3): 4, (2, 3): 5}
    for row in present:
        for pair in gnp_edges(4, 0.3, generator).tolist():
            row[order[tuple(pair)]] = 1
    counts = present.sum(axis=0)
    assert ((counts - 1200) ** 2 / (4000 * 0.3 * 0.7)).sum() < 40
    correlations = np.corrcoef(present.T)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize(("n", "p"), [(50, 1e-300), (50, 1.0), (50, 0.0), (3, 0.5), (2000, 0.01)])
def test_random_graphs_are_simple(n, p):
    edges = gnp_edges(n, p, rng())
    assert (edges[:, 0] < edges[:, 1]).all()
    assert edges.max(initial=0) < n
    assert len(np.unique(edges, axis=0)) == len(edges)
    if p == 1.0:
        assert len(edges) == n * (n - 1) // 2


def test_max_cut_energies_are_weight_minus_twice_the_cut():
    for weights in ("unit", "pm1"):
        model = max_cut_gnp(9, 0.6, rng(2), weights=weights)
        w = -model.couplings
        assert set(w) <= ({1.0} if weights == "unit" else {-1.0, 1.0})
        spins = np.array([1, 1, -1, 1, -1, -1, 1, -1, 1])
        cut = w[spins[model.edges[:, 0]] != spins[model.edges[:, 1]]].sum()
        assert model.energy(spins) == w.sum() - 2 * cut
    with pytest.raises(InputError, match="weights 'heavy' are none of unit, pm1"):
        max_cut_gnp(9, 0.6, rng(), weights="heavy")
    for p in (-0.1, 1.1, np.nan):
        with pytest.raises(InputError, match="probability p"):
            max_cut_gnp(9, p, rng())
    with pytest.raises(InputError, match="couplings; at most"):
        max_cut_gnp(1 << 20, 0.5, rng())
