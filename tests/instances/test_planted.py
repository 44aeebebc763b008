"""Planted ground states: proven by the exact solver, and the same conventions as in published files."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import import_npz
from annealrl.instances.formats import read_model
from annealrl.instances.generators import planted_tiles, planted_wishart, planted_xorsat, tile_plaquettes
from annealrl.solvers import solve

DEFAULT = (0.2, 0.5, 0.1, 0.2)
MAKERS = {
    "tiles-4": lambda r: planted_tiles(4, r),
    "tiles-8": lambda r: planted_tiles(8, r, probabilities=(0.1, 0.6, 0.2, 0.1)),
    "tiles-10-c3": lambda r: planted_tiles(10, r, probabilities=(0, 0, 1, 0)),
    "wishart-8": lambda r: planted_wishart(8, 0.5, r),
    "wishart-13": lambda r: planted_wishart(13, 0.75, r),
    "wishart-12-many": lambda r: planted_wishart(12, 2.0, r),
    "xorsat-4": lambda r: planted_xorsat(4, r),
    "xorsat-8": lambda r: planted_xorsat(8, r),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_planted_energies_are_proven(make):
    for seed in range(3):
        planted = make(np.random.default_rng(seed))
        model, energy, spins = planted
        assert spins.dtype == np.int8
        assert model.energy(spins) == pytest.approx(energy, abs=1e-9)
        solution = solve(model)
        assert solution.status == "optimal"
        assert solution.energy == pytest.approx(energy, abs=1e-9 * model.scale)
        again = make(np.random.default_rng(seed))
        np.testing.assert_array_equal(again.model.couplings, model.couplings)
        np.testing.assert_array_equal(again.ground_spins, spins)


def tile_classes(edges, couplings, side):
    """Return (weak bonds, frustrated) of each plaquette, from a model's couplings alone."""
    bond = {tuple(sorted(edge)): J for edge, J in zip(edges.tolist(), couplings.tolist(), strict=True)}
    corners = tile_plaquettes(side).tolist()
    J = np.array([[bond[tuple(sorted((c[k], c[(k + 1) % 4])))] for k in range(4)] for c in corners])
    return (np.abs(J) == 1).sum(axis=1), J.prod(axis=1) < 0, J


def test_tile_plaquettes_hold_every_bond_once():
    corners = tile_plaquettes(6)
    bonds = np.sort(np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    assert len(np.unique(bonds, axis=0)) == len(bonds) == 72
    assert corners[0].tolist() == [0, 1, 7, 6]


def test_tile_classes_have_their_probabilities():
    side = 64
    planted = planted_tiles(side, np.random.default_rng(3), probabilities=DEFAULT)
    weak, frustrated, _ = tile_classes(planted.model.edges, planted.model.couplings, side)
    assert frustrated.all()
    expected = 2048 * np.array(DEFAULT)
    counts = np.bincount(weak, minlength=5)[1:]
    assert ((counts - expected) ** 2 / expected).sum() < 30.7  # three degrees: false alarm below 1e-6
    assert planted.ground_energy == -(counts * np.array([5, 4, 3, 2])).sum()
    assert set(np.abs(planted.model.couplings)) == {1.0, 2.0}


def test_the_gauge_hides_the_planted_state():
    planted = planted_tiles(32, np.random.default_rng(0))
    assert abs(int(planted.ground_spins.sum())) < 6 * 32
    i, j = planted.model.edges.T
    aligned = planted.model.couplings * planted.ground_spins[i] * planted.ground_spins[j]
    assert (aligned < 0).sum() == 512  # one unsatisfied bond in each plaquette
    assert (aligned[aligned < 0] == -1).all()


@pytest.mark.parametrize(
    ("file", "side"), [("tile2d_L8_default", 8), ("tile2d_L16_C3", 16), ("tile2d_L32_default", 32)]
)
def test_published_tilings_are_of_the_same_make(external, file, side):
    published = import_npz(external / f"chook/{file}.npz", sign="dimod", energy_key="E0")
    counts = Counter()
    for model, energy in zip(published.models, published.ground_energies, strict=True):
        weak, frustrated, J = tile_classes(model.edges, model.couplings, side)
        assert frustrated.all()
        assert energy == -(np.abs(J).sum(axis=1) - 2).sum()
        counts.update(weak.tolist())
    if file.endswith("C3"):
        assert set(counts) == {3}
    else:
        share = np.array([counts[k] for k in (1, 2, 3, 4)]) / counts.total()
        assert np.abs(share - DEFAULT).max() < 6 * np.sqrt(0.25 / counts.total())


def test_published_wishart_instances_are_of_the_same_make(external):
    published = import_npz(external / "chook/wishart_N64_a0.75.npz", sign="dimod", energy_key="E0")
    own = [planted_wishart(64, 0.75, np.random.default_rng(seed)) for seed in range(10)]
    theirs = np.array(
        [np.concatenate([[e], m.couplings]) for m, e in zip(published, published.ground_energies, strict=True)]
    )
    ours = np.array([np.concatenate([[p.ground_energy], p.model.couplings]) for p in own])
    for values in (theirs, ours):
        # energies: mean -m/2 = -24, standard deviation √(m/2n)·√(64/63) ≈ 0.62; ten of each
        assert abs(values[:, 0].mean() + 24) < 5 * 0.62 / np.sqrt(10)
        assert values[:, 1:].std() == pytest.approx(np.sqrt(0.75 / 64), rel=0.05)
    for model, energy in zip(published, published.ground_energies, strict=True):
        # the spectral bound: no configuration lies below n/2 times the smallest eigenvalue of -J
        matrix = np.zeros((64, 64))
        matrix[tuple(model.edges.T)] = -model.couplings
        assert energy <= 0
        lowest = np.linalg.eigvalsh(matrix + matrix.T)[0]
        assert energy >= 32 * lowest - 1e-9


def test_wishart_vectors_are_orthogonal_to_the_planted_state():
    n = 40
    model, energy, spins = planted_wishart(n, 0.5, np.random.default_rng(2))
    matrix = np.zeros((n, n))
    matrix[tuple(model.edges.T)] = -model.couplings
    matrix += matrix.T
    # each spin's local field times itself is the diagonal that was left out, so that t is in the null space
    diagonal = -spins * (matrix @ spins)
    assert (diagonal > 0).all()
    values = np.linalg.eigvalsh(matrix + np.diag(diagonal))
    assert values[0] > -1e-12
    assert (values < 1e-12).sum() == n - 20
    assert energy == pytest.approx(-diagonal.sum() / 2)


def test_xorsat_is_of_the_published_make(external):
    own = planted_xorsat(8, np.random.default_rng(901))
    for model in (own.model, read_model(external / "xorsat/instance_3r3x_n16_s901.qh")):
        ancillas = np.abs(model.fields[8:]).tolist()
        assert ancillas == [2] * 8
        assert set(np.abs(model.fields[:8])) <= {1.0, 3.0}
        assert (model.degrees[8:] == 3).all()
        to_ancilla = model.edges[:, 1] >= 8
        assert set(np.abs(model.couplings[to_ancilla])) == {2.0}
        assert (model.couplings[~to_ancilla] < 0).all()
        assert model.couplings[~to_ancilla].sum() == -24
        assert solve(model).energy == -32
    big = planted_xorsat(300, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(big.model.edges[big.model.edges[:, 1] >= 300][:, 0], minlength=300), 3)
    assert big.ground_energy == big.model.energy(big.ground_spins) == -1200


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda r: planted_tiles(5, r), "an even integer is expected"),
        (lambda r: planted_tiles(2, r), "from 4 to"),
        (lambda r: planted_tiles(4, r, probabilities=(1.0, 0, 0)), "four that sum to 1"),
        (lambda r: planted_tiles(4, r, probabilities=(0.5, 0.6, 0, -0.1)), "four that sum to 1"),
        (lambda r: planted_tiles(4, r, probabilities=(0.5, np.nan, 0, 0)), "four that sum to 1"),
        (lambda r: planted_wishart(1, 0.5, r), "number of spins 1"),
        (lambda r: planted_wishart(8, 0.0, r), "ratio alpha"),
        (lambda r: planted_wishart(8, np.inf, r), "ratio alpha"),
        (lambda r: planted_xorsat(3, r), "number of bits 3"),
        (lambda r: planted_xorsat(8.0, r), "number of bits 8.0"),
    ],
)
def test_what_cannot_be_planted(make, message):
    with pytest.raises(InputError, match=message):
        make(np.random.default_rng(0))
