"""Generators: layouts, exact energies, seeds, and the published sets from their seeds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import import_npz
from annealrl.instances.generators import (
    COOL_SIDES,
    cool_instance,
    draw_couplings,
    edwards_anderson_2d,
    edwards_anderson_3d,
    ferromagnet_2d,
    lattice_edges,
    weak_strong_clusters,
    weak_strong_local_minimum,
)


def test_lattice_layout():
    assert lattice_edges((3, 4))[:4].tolist() == [[0, 8], [0, 3], [1, 9], [1, 0]]
    assert lattice_edges((2, 2), periodic=False).tolist() == [[1, 0], [2, 0], [3, 1], [3, 2]]
    assert lattice_edges((4,)).tolist() == [[0, 3], [1, 0], [2, 1], [3, 2]]


@pytest.mark.parametrize("shape", [(3, 3), (4, 5), (3, 4, 5), (7,)])
def test_lattices_are_regular(shape):
    n, d = int(np.prod(shape)), len(shape)
    edges = lattice_edges(shape)
    assert len({tuple(sorted(e)) for e in edges.tolist()}) == n * d
    assert (np.bincount(edges.ravel()) == 2 * d).all()
    coordinates = np.stack(np.unravel_index(edges, shape), -1)
    assert (np.abs(coordinates[:, 0] - coordinates[:, 1]).sum(1)[:, None] >= 1).all()
    open_edges = lattice_edges(shape, periodic=False)
    assert len(open_edges) == sum(n // side * (side - 1) for side in shape)
    steps = np.stack(np.unravel_index(open_edges, shape), -1)
    assert (np.abs(steps[:, 0] - steps[:, 1]).sum(1) == 1).all()


@pytest.mark.parametrize("shape", [(), (2, 4), (4, 0), (3, 2), (-3, 3), (5000, 5000)])
def test_lattices_that_cannot_be(shape):
    with pytest.raises(InputError, match="lattice of shape"):
        lattice_edges(shape)
    if shape == (4, 0):
        with pytest.raises(InputError, match="open lattice must be at least 1"):
            lattice_edges(shape, periodic=False)


def test_sides_are_integers():
    with pytest.raises(InputError, match=r"lattice side 4.0 is not an integer"):
        lattice_edges((4.0, 4))
    assert len(lattice_edges((np.int64(4), 4))) == 32


def test_couplings():
    rng = np.random.default_rng(0)
    gauss, signs, flat = (draw_couplings(kind, 20_000, rng) for kind in ("gaussian", "pm1", "uniform"))
    assert abs(gauss.mean()) < 0.04
    assert abs(gauss.std() - 1) < 0.03
    assert set(signs) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.04
    assert -1 <= flat.min() < -0.99
    assert 0.99 < flat.max() < 1
    with pytest.raises(InputError, match="couplings 'levy' are none of gaussian, pm1, uniform"):
        draw_couplings("levy", 3, rng)


def test_edwards_anderson():
    model = edwards_anderson_2d(5, np.random.default_rng(4), name="x")
    again = edwards_anderson_2d(5, np.random.default_rng(4))
    assert (model.n, len(model.edges), model.name) == (25, 50, "x")
    np.testing.assert_array_equal(model.couplings, again.couplings)
    assert not model.fields.any()
    assert len(edwards_anderson_2d(5, np.random.default_rng(4), "pm1", periodic=False).edges) == 40
    cube = edwards_anderson_3d(4, np.random.default_rng(4), "uniform")
    assert (cube.n, len(cube.edges)) == (64, 192)
    assert len(edwards_anderson_3d(2, np.random.default_rng(4), periodic=False).edges) == 12


@pytest.mark.parametrize("length", [2, 1, 0, -4])
def test_short_sides_would_double_bonds(length):
    for make in (edwards_anderson_2d, edwards_anderson_3d):
        with pytest.raises(InputError, match="must be at least 3"):
            make(length, np.random.default_rng(0))
    with pytest.raises(InputError):
        ferromagnet_2d(length)
    if length < 2:
        with pytest.raises(InputError, match="at least 2"):
            edwards_anderson_2d(length, np.random.default_rng(0), periodic=False)


def test_ferromagnet():
    assert ferromagnet_2d(4).energy(np.ones(16)) == -32
    assert ferromagnet_2d(3, J=-2.0).energy(np.ones(9)) == 36


def test_weak_strong_clusters_by_enumeration():
    model = weak_strong_clusters()
    assert (model.n, len(model.edges)) == (16, 36)
    states = np.array(list(itertools.product([-1, 1], repeat=16)), dtype=np.int8)
    energies = model.energy(states)
    order = np.argsort(energies)
    assert energies[order[0]] == pytest.approx(-40.48)
    assert (states[order[0]] == 1).all()
    trap = weak_strong_local_minimum()
    assert model.energy(trap) == pytest.approx(-39.52)
    for i in range(16):
        flipped = trap.copy()
        flipped[i] *= -1
        assert model.energy(flipped) > model.energy(trap) + 1


def test_published_instances_come_from_their_seeds():
    model = cool_instance(4, 0)
    # published couplings of E = +Σ J s s: -1.76405235 for (0, 12), -0.40015721 for (0, 3), -0.97873798 for (1, 13)
    known = {(0, 12): 1.764052345967664, (0, 3): 0.4001572083672233, (1, 13): 0.9787379841057392}
    couplings = {tuple(edge): J for edge, J in zip(model.edges.tolist(), model.couplings, strict=True)}
    for edge, J in known.items():
        assert couplings[edge] == pytest.approx(J, abs=1e-15)
    for side, index in ((5, 0), (4, 100), (4, -1)):
        with pytest.raises(InputError, match=r"sides 4|instances 0"):
            cool_instance(side, index)


def test_all_published_instances_come_from_their_seeds(external):
    for side in COOL_SIDES:
        published = import_npz(external / f"cool/RND_J_{side}x{side}.npz", sign="dimod")
        assert len(published) == 100
        for i, model in enumerate(published):
            made = cool_instance(side, i)
            np.testing.assert_array_equal(made.edges, model.edges)
            np.testing.assert_allclose(made.couplings, model.couplings, rtol=0, atol=1e-15)
