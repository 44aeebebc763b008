"""Probabilities that the kernels accept, exchange and copy by, against the formulas in float64.

Samples cannot tell a probability from one that is wrong by a fraction of a per cent; these tests look at the numbers
that draws are compared with, or draw so many that such an error shows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, logsumexp

from annealrl.ising import IsingModel
from annealrl.kernels import jit, lanes, moves, packed
from annealrl.kernels.dynamics import GIBBS, METROPOLIS
from annealrl.simulator import ReplicaSimulator

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many draws for the interpreted kernels")

BETAS = [0.0, 0.003, 0.2, 1.0, 5.0, 40.0]


def exact(delta: npt.NDArray[np.float64], beta: float, rule: int) -> npt.NDArray[np.float64]:
    """Metropolis or heat bath, for energy changes `delta`."""
    return np.asarray(expit(-beta * delta) if rule == GIBBS else np.exp(-beta * np.maximum(delta, 0.0)))


# -- tables of the packed layout -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [METROPOLIS, GIBBS], ids=["metropolis", "gibbs"])
@pytest.mark.parametrize("beta", BETAS)
def test_thresholds_are_right_to_two_to_the_minus_31(beta: float, rule: int) -> None:
    # Sites of degree 0 to 6 without and with a field; an index has bit k where neighbour k differs from the site, and
    # the highest bit, where there is a field, where the site points down.
    rng = np.random.default_rng(3)
    degrees = np.tile(np.arange(7, dtype=np.int32), 2)
    fields = np.where(np.arange(14) < 7, 0.0, rng.normal(size=14))
    couplings = np.where(np.arange(6) < degrees[:, None], rng.normal(size=(14, 6)), 0.0)
    bits, rows = np.zeros(14, np.int32), np.zeros(14, np.int64)
    table = np.zeros(packed.table_rows(couplings, fields, degrees, bits, rows, 14), np.uint32)
    packed.fill_table(couplings, fields, bits, rows, 14, beta, rule, table)
    for i in range(14):
        width = int(bits[i])
        assert width == (4 if degrees[i] <= 4 else 6) + (fields[i] != 0.0)
        sign = 1.0 - 2.0 * ((np.arange(1 << width)[:, None] >> np.arange(width)) & 1)
        terms = np.append(couplings[i, : width - width % 2], [fields[i]] if width % 2 else [])
        chances = table[rows[i] : rows[i] + (1 << width)] * 2.0**-32
        np.testing.assert_allclose(chances, exact(2.0 * sign @ terms, beta, rule), rtol=0, atol=2.0**-31)


# -- sites beyond the tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [METROPOLIS, GIBBS], ids=["metropolis", "gibbs"])
@pytest.mark.parametrize("beta", [0.05, 1.0, 5.0])
def test_chances_of_a_field_are_right_to_five_in_ten_million(beta: float, rule: int) -> None:
    # y = 2 β · field covers both sides of 0 and everything that a 24-bit draw can see.
    chances = np.empty(64, np.float32)
    for part in (np.linspace(-20.0, 20.0, 64 * 200) / (2.0 * beta)).reshape(-1, 64):
        packed.field_chances(part, beta, rule, chances)
        np.testing.assert_allclose(chances, exact(2.0 * part, beta, rule), rtol=0, atol=5e-7)


@pytest.mark.parametrize("beta", [0.05, 5.0])
def test_chances_at_hubs_are_right_to_one_in_a_million(beta: float) -> None:
    # 95 Gaussian couplings, summed as the kernel does; any rounding of the sum counts 2 β times.
    rng = np.random.default_rng(4)
    chances = np.empty(64, np.float32)
    for _ in range(200):
        couplings, differ = rng.normal(size=95), rng.integers(2**64, size=95, dtype=np.uint64)
        field = np.zeros(64)
        for coupling, word in zip(couplings, differ, strict=True):
            lanes._python_accumulate(field, 0, word, -coupling)
        packed.field_chances(field, beta, METROPOLIS, chances)
        signs = 1.0 - 2.0 * np.unpackbits(differ[:, None].astype("<u8").view(np.uint8), axis=1, bitorder="little")
        np.testing.assert_allclose(chances, exact(2.0 * couplings @ signs, beta, METROPOLIS), rtol=0, atol=1e-6)


# -- exchange ------------------------------------------------------------------------------------------------------


@small
@pytest.mark.parametrize("gains", [(-0.03, -0.02, -0.01), (-0.3, 0.0, -1.0), (-3.0, -0.1, 0.5)])
def test_exchanges_are_accepted_by_their_gain(gains: tuple[float, float, float]) -> None:
    # Three pairs of neighbours on a ladder of unequal steps; 5 standard errors of 64 000 proposals each.
    betas, scale, copies = np.array([0.2, 0.5, 0.6, 1.4]), 2.0**30, 64_000
    differences = np.round(np.array(gains) / np.diff(betas) * scale).astype(np.int64)
    for parity in (0, 1):
        rung_energies = np.concatenate([[-7], -7 + np.cumsum(differences)])
        energies, walkers = np.tile(rung_energies, copies), np.arange(4 * copies)
        spins = np.zeros((1, copies // 16), np.uint64)
        tried, swapped = np.zeros(3, np.int64), np.zeros(3, np.int64)
        stream = np.array([parity + 1], np.uint64)
        moves.exchange(betas, copies, scale, parity, energies, walkers, spins, 1, stream, tried, swapped)
        np.testing.assert_array_equal(tried, [0 if k % 2 != parity else copies for k in range(3)])
        for k in range(parity, 3, 2):
            chance = min(1.0, np.exp(gains[k]))
            error = np.sqrt(chance * (1.0 - chance) / copies)
            assert abs(swapped[k] / copies - chance) <= 5.0 * error
            moved = (walkers.reshape(copies, 4)[:, k] % 4 == k + 1).sum()
            assert moved == swapped[k]


# -- resampling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicas", [5, 64, 70])
@pytest.mark.parametrize(("delta_beta", "alpha"), [(0.3, 1.0), (-0.2, 1.0), (0.4, 2.5), (400.0, 1.0)])
def test_log_mean_weight_is_that_of_the_energies(replicas: int, delta_beta: float, alpha: float) -> None:
    rng = np.random.default_rng(2)
    models = [IsingModel.from_edges([(i, (i + 1) % n) for i in range(n)], rng.normal(size=n)) for n in (6, 40)]
    simulator = ReplicaSimulator(models, replicas, seed=5)
    population, total = simulator.population, np.zeros(2)
    for _ in range(3):
        wanted = logsumexp(-delta_beta * alpha * simulator.energies, axis=1) - np.log(replicas)
        np.testing.assert_allclose(population.resample(delta_beta, alpha), wanted, rtol=1e-12, atol=1e-12)
        total += wanted
        np.testing.assert_allclose(population.log_weight, total, rtol=1e-12, atol=1e-12)
        simulator.advance(0.5, 2)


@small
def test_copies_have_their_expectation() -> None:
    # Systematic resampling gives the whole part of R·w or one more; the mean is R·w, to 5 standard errors.
    energies, draws = np.random.default_rng(6).normal(scale=2.0, size=70), 20_000
    weights = np.exp(-0.7 * energies)
    wanted = 70 * weights / weights.sum()
    stream, sources, mean = np.array([9], np.uint64), np.arange(128), np.zeros(70)
    for _ in range(draws):
        moves.systematic(energies, 0.7, stream, sources)
        copies = np.bincount(sources[:70], minlength=70)
        assert (np.abs(copies - wanted) < 1.0).all()
        mean += copies / draws
    part = wanted % 1.0
    assert (np.abs(mean - wanted) <= 5.0 * np.sqrt(part * (1.0 - part) / draws)).all()
