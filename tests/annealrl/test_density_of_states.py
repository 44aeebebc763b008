"""Wang-Landau against counting: 4×4 by enumeration, 8×8 by transfer matrix, and small disordered models."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from annealrl.density_of_states import density_of_states
from annealrl.errors import InputError
from annealrl.instances.generators import ferromagnet_2d
from annealrl.ising import IsingModel
from annealrl.kernels import jit

pytestmark = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")


def torus_levels(length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Energies of the ferromagnet on a torus and how many configurations have them, by transfer matrix.

    Rows are joined one by one; what is kept for every last row is the number of ways to each number of broken bonds.
    """
    states, most = 1 << length, 2 * length * length
    row = np.arange(states)
    broken = np.bitwise_count(row ^ (((row << 1) | (row >> (length - 1))) & (states - 1)))
    total = np.zeros(most + 1, np.uint64)
    for start in range(states):
        ways = np.zeros((states, most + 1), np.uint64)
        ways[start, broken[start]] = 1
        for step in range(length):
            for bit in range(length):
                flipped = ways[row ^ (1 << bit)]
                ways[:, 1:] += flipped[:, :-1]
            if step < length - 1:
                shifted = np.zeros_like(ways)
                for count in range(length + 1):
                    at = broken == count
                    shifted[at, count:] = ways[at, : most + 1 - count]
                ways = shifted
        total += ways[start]
    levels = np.flatnonzero(total)
    return 2 * levels - most, total[levels]


def test_the_counting_itself() -> None:
    energies, counts = torus_levels(4)
    assert dict(zip(energies.tolist(), counts.tolist(), strict=True)) == {
        **{-32: 2, -24: 32, -20: 64, -16: 424, -12: 1728, -8: 6688, -4: 13568, 0: 20524},
        **{32: 2, 24: 32, 20: 64, 16: 424, 12: 1728, 8: 6688, 4: 13568},
    }


def test_eight_by_eight_within_two_hundredths() -> None:
    energies, counts = torus_levels(8)
    assert counts[energies == -104].tolist() == [145408]
    assert counts[energies == 0].tolist() == [2627978003957146636]
    # At a quarter of the steps the error is about 0.018, and one seed in three fails.
    found = density_of_states(ferromagnet_2d(8), 40_000_000, walkers=4, seed=1)
    assert found.energies.tolist() == energies.tolist()
    wrong = found.log_g - np.log(counts.astype(np.float64))
    assert np.sqrt((wrong**2).mean()) < 0.02
    # The walkers know how wrong they are.
    assert 0.3 < np.sqrt((found.error**2).mean()) / np.sqrt((wrong**2).mean()) < 3.0
    # Internal energy at the critical temperature, from the tables of the exact solution.
    assert found.average(found.energies, 1 / 2.269185) / 64 == pytest.approx(-1.49159, abs=0.01)


def test_magnetisation_is_resolved() -> None:
    model = ferromagnet_2d(4)
    found = density_of_states(model, 4_000_000, magnetisation=True, walkers=2)
    assert found.magnetisations is not None
    exact = enumerate_cells(model)
    cells = {
        (round(e), int(m)): found.log_g[i, k]
        for i, e in enumerate(found.energies)
        for k, m in enumerate(found.magnetisations)
        if np.isfinite(found.log_g[i, k])
    }
    assert cells.keys() == exact.keys()
    wrong = np.array([cells[key] - np.log(exact[key]) for key in exact])
    assert np.sqrt((wrong**2).mean()) < 0.05
    squares = found.magnetisations[None, :] ** 2 / 256.0
    assert found.average(np.repeat(squares, len(found.energies), 0), 1 / 2.5) == pytest.approx(0.65483, abs=0.01)


def enumerate_cells(model: IsingModel) -> dict[tuple[int, int], int]:
    spins = 1 - 2 * ((np.arange(1 << model.n)[:, None] >> np.arange(model.n)) & 1).astype(np.int8)
    energies = np.round(model.energy(spins)).astype(int)
    pairs, counts = np.unique(np.stack([energies, spins.sum(axis=1)]), axis=1, return_counts=True)
    return {(int(e), int(m)): int(count) for (e, m), count in zip(pairs.T, counts, strict=True)}


def test_fields_offsets_and_bins_of_disordered_models() -> None:
    rng = np.random.default_rng(3)
    edges = [(i, (i + 1) % 10) for i in range(10)] + [(i, (i + 3) % 10) for i in range(10)]
    spins = 1 - 2 * ((np.arange(1 << 10)[:, None] >> np.arange(10)) & 1).astype(np.int8)
    halves = IsingModel.from_edges(edges, rng.choice([-1.5, 0.5, 1.0], 20), rng.choice([0.0, 0.5], 10), offset=7.0)
    levels, counts = np.unique(np.round(halves.energy(spins), 9), return_counts=True)
    found = density_of_states(halves, 2_000_000, walkers=2)
    np.testing.assert_allclose(found.energies, levels, atol=1e-9)
    np.testing.assert_allclose(found.log_g, np.log(counts), atol=0.1)
    smooth = IsingModel.from_edges(edges, rng.normal(size=20))
    with pytest.raises(InputError, match="give the width"):
        density_of_states(smooth, 1000)
    binned = density_of_states(smooth, 2_000_000, width=2.0, walkers=2)
    direct = smooth.energy(spins)
    for energy, log_g in zip(binned.energies, binned.log_g, strict=True):
        inside = (np.abs(direct - energy) <= 1.0).sum()
        assert log_g == pytest.approx(np.log(inside), abs=0.1)


def test_results_do_not_depend_on_threads_or_chunks() -> None:
    calls: list[tuple[int, int]] = []
    model = ferromagnet_2d(3)
    one = density_of_states(model, 30_000, threads=1, progress=lambda *at: calls.append(at))
    two = density_of_states(model, 30_000, threads=2)
    assert one.log_g.tolist() == two.log_g.tolist()
    assert calls == [(30_000, 30_000)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"steps": 0}, "steps 0"),
        ({"walkers": 0}, "walkers 0"),
        ({"width": -1.0}, "width is -1.0"),
        ({"width": 1e-7}, "cells"),
    ],
)
def test_wrong_options(options: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        density_of_states(ferromagnet_2d(3), **options)  # type: ignore[arg-type]
