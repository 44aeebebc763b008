"""Replicas at their own temperatures, resampling, exchange and cluster moves against exact statistics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import jit, own_beta, own_lanes
from annealrl.simulator import ReplicaSimulator, instance_seeds

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

# One spin glass per table class of the kernels, and one beyond them.
RING = [(i, (i + 1) % 6) for i in range(6)]
STAR = [(0, k) for k in range(1, 8)]
rng = np.random.default_rng(7)
CLASSES = {
    "4: ring": IsingModel.from_edges(RING, rng.normal(size=6)),
    "5: ring with fields": IsingModel.from_edges(RING, rng.normal(size=6), rng.normal(size=6)),
    "6: star of six": IsingModel.from_edges(STAR[:6], rng.normal(size=6)),
    "7: star of six with fields": IsingModel.from_edges(STAR[:6], rng.normal(size=6), rng.normal(size=7)),
    "0: star of seven with fields": IsingModel.from_edges(STAR, rng.normal(size=7), rng.normal(size=8)),
}


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


def boltzmann(model: IsingModel, beta: float) -> npt.NDArray[np.float64]:
    energies = np.asarray(model.energy(all_states(model.n)))
    weights = np.exp(-beta * (energies - energies.min()))
    return np.asarray(weights / weights.sum())


def codes(simulator: ReplicaSimulator, b: int) -> npt.NDArray[np.int64]:
    return np.asarray(((simulator.spins(b) > 0) << np.arange(int(simulator.sizes[b]))).sum(axis=1))


def assert_boltzmann(counts: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], alarm: float) -> None:
    """Chi-square at false-alarm rate `alarm`, states of expectation below 10 pooled."""
    expected = counts.sum() * weights
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.isf(alarm, kept.sum() - 1)


# -- every replica at its own temperature --------------------------------------------------------------------------


def test_exponential_is_right_to_two_in_ten_million() -> None:
    y = np.linspace(own_lanes.LOWEST, own_lanes.HIGHEST_GIBBS, 200_003).astype(np.float32)
    assert np.abs(own_lanes.exp2_32(y) / np.exp2(y.astype(float) + 32) - 1).max() < 2e-7
    assert own_lanes.exp2_32(np.array([own_lanes.HIGHEST_METROPOLIS]))[0] < 2.0**32


@small
@pytest.mark.parametrize(("rule", "order"), [("metropolis", "random"), ("gibbs", "random"), ("gibbs", "sequential")])
@pytest.mark.parametrize("name", CLASSES)
def test_each_replica_samples_at_its_own_temperature(name: str, rule: str, order: str) -> None:
    # Four temperatures in turn over the replicas; 15 × 4 tests at 1e-6 each, and the seeds are fixed.
    model, ladder = CLASSES[name], np.array([0.2, 0.5, 0.8, 1.2])
    simulator = ReplicaSimulator([model] * 10, 256, seed=12, rule=rule, order=order)  # type: ignore[arg-type]
    counts = np.zeros((4, 1 << model.n))
    for _ in range(4):
        simulator.advance(np.resize(ladder, (1, 256)), 300)
        for b in range(10):
            np.add.at(counts, (np.arange(256) % 4, codes(simulator, b)), 1)
    for beta, seen in zip(ladder, counts, strict=True):
        assert_boltzmann(seen, boltzmann(model, beta), 1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_energies_at_own_temperatures(name: str) -> None:
    simulator = ReplicaSimulator([CLASSES[name]] * 2, 70, seed=2)
    lowest = simulator.energies.copy()
    for top in (0.5, 3.0, 0.1):
        simulator.advance(np.linspace(0.0, top, 140).reshape(2, 70), 3, ramp_from=0.1)
        lowest = np.minimum(lowest, simulator.energies)
        for b in range(2):
            np.testing.assert_allclose(simulator.energies[b], CLASSES[name].energy(simulator.spins(b)), atol=1e-12)
    np.testing.assert_array_equal(simulator.best_energies, lowest)
    before = simulator.energies.copy()
    simulator.advance(np.full((1, 70), 1e9), 3)
    assert (simulator.energies <= before + 1e-6).all(), "infinite cold raised an energy"


def test_own_temperatures_do_not_depend_on_threads_or_batches_or_further_replicas() -> None:
    models, seeds = [*CLASSES.values()], instance_seeds(3, 5)
    betas = np.linspace(0.1, 2.0, 100)[None]

    def run(chosen: list[int], threads: int, replicas: int) -> list[npt.NDArray[np.int8]]:
        simulator = ReplicaSimulator(
            [models[i] for i in chosen], replicas, seeds=[seeds[i] for i in chosen], threads=threads
        )
        simulator.advance(betas[:, :replicas], 7)
        simulator.advance(betas[:, :replicas], 3, ramp_from=1.5)
        return [simulator.spins(k)[:40] for k in range(len(chosen))]

    together = run([0, 1, 2, 3, 4], 1, 40)
    for other in (
        run([0, 1, 2, 3, 4], 2, 40),
        run([0, 1, 2, 3, 4], 1, 100),
        run([0, 1], 1, 40) + run([2, 3, 4], 1, 40),
    ):
        assert all((a == b).all() for a, b in zip(together, other, strict=True))


@pytest.mark.parametrize("betas", [np.zeros((1, 3)), np.zeros((3, 4)), np.zeros(3), -np.ones((2, 4))])
def test_bad_temperatures_of_replicas(betas: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InputError, match=r"shape|inverse temperatures"):
        ReplicaSimulator([CLASSES["4: ring"]] * 2, 4).advance(betas, 1)


def test_integer_energies_are_exact_for_integer_couplings() -> None:
    model = IsingModel.from_edges(RING, [1, -1, 1, 1, -1, 3])
    couplings = np.zeros((6, 6))
    couplings[:, :2] = model.padded[1]
    fields, degrees = model.fields.copy(), model.degrees.astype(np.int32)
    scale = own_beta.energy_scale(couplings, fields, degrees, 6)
    assert own_beta.rounding(couplings, fields, degrees, 6, scale) == 0
    assert 2**26 <= scale * 2 * 4 < 2**27
