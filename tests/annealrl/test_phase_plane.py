"""Exact densities of states of tori, and the plane of overlap and energy."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.density_of_states import density_of_states
from annealrl.errors import InputError
from annealrl.exact_torus import torus_levels
from annealrl.instances.generators import ferromagnet_2d
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.phase_plane import gauged, plane_json


def test_four_by_four_is_the_enumeration() -> None:
    energies, counts = torus_levels(4)
    half = {-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568}
    expected = {**half, 0: 20524, **{-energy: count for energy, count in half.items()}}
    assert dict(zip(energies, counts, strict=True)) == expected


def test_eight_by_eight_has_the_published_counts() -> None:
    energies, counts = torus_levels(8)
    assert sum(counts) == 2**64
    assert energies[:6] == [-128, -120, -116, -112, -108, -104]
    assert counts[:6] == [2, 128, 256, 4672, 17920, 145408]
    assert counts[energies.index(0)] == 2627978003957146636


def test_sixteen_by_sixteen_adds_up_to_all_configurations() -> None:
    energies, counts = torus_levels(16)
    assert sum(counts) == 2**256
    assert counts == counts[::-1]
    # One spin turned, two neighbours turned: 256 and 512 ways, twice.
    assert counts[:3] == [2, 512, 1024]
    # Every bond holds or not, and random configurations have energies of variance 2 L².
    variance = sum(count * energy**2 for energy, count in zip(energies, counts, strict=True)) / 2**256
    assert variance == pytest.approx(512, rel=1e-12)


@pytest.mark.parametrize("length", [0, 2, 3, 6, 12])
def test_tori_of_other_sides_are_refused(length: int) -> None:
    with pytest.raises(InputError, match="power of 2"):
        torus_levels(length)


def test_gauging_turns_overlaps_into_magnetisations() -> None:
    rng = np.random.default_rng(1)
    edges = [(i, j) for i in range(7) for j in range(i + 1, 7) if (i + j) % 3]
    model = IsingModel.from_edges(edges, rng.normal(size=len(edges)), rng.normal(size=7), offset=2.5)
    reference = rng.choice(np.array([-1, 1], np.int8), 7)
    turned = gauged(model, reference)
    spins = rng.choice(np.array([-1, 1], np.int8), (20, 7))
    np.testing.assert_allclose(turned.energy(spins * reference), model.energy(spins), atol=1e-12)
    assert turned.energy(np.ones(7, np.int8)) == pytest.approx(model.energy(reference))
    with pytest.raises(InputError, match="7 spins"):
        gauged(model, reference[:3])


@pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")
def test_planes_hold_every_state_once() -> None:
    found = density_of_states(ferromagnet_2d(4), 2_000_000, magnetisation=True, walkers=2)
    for symmetric in (True, False):
        content = plane_json(found, symmetric=symmetric)
        total = 0.0
        for column in content["columns"]:
            states = sum(np.exp(value) for value in column["log_g"] if value is not None)
            total += states * (2 if symmetric and column["m"] else 1)
            last = column["first"] + len(column["log_g"]) - 1
            assert last < len(content["energies"])
        assert total == pytest.approx(2**16, rel=0.02)
    aligned = content["columns"][-1]
    assert (aligned["m"], aligned["first"], len(aligned["log_g"])) == (16, 0, 1)
    with pytest.raises(InputError, match="magnetisation=True"):
        plane_json(density_of_states(ferromagnet_2d(3), 1000), symmetric=True)
