"""Diagnostics against exact enumeration of small systems."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from annealrl.diagnostics import link_overlap, link_overlap_test, overlap_distribution
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.simulator import ReplicaSimulator, instance_seeds

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

SITE = np.arange(9).reshape(3, 3)
TORUS = np.concatenate([np.stack([SITE.ravel(), np.roll(SITE, -1, axis).ravel()], 1) for axis in (0, 1)])
GLASS = IsingModel.from_edges(TORUS, np.random.default_rng(7).normal(size=18))
STATES = (((np.arange(512)[:, None] >> np.arange(9)) & 1) * 2 - 1).astype(np.int8)


def boltzmann(model: IsingModel, beta: float) -> npt.NDArray[np.float64]:
    energies = np.asarray(model.energy(STATES))
    weights = np.exp(-beta * (energies - energies.min()))
    return np.asarray(weights / weights.sum())


def sampled(beta: float, copies: int, replicas: int) -> ReplicaSimulator:
    simulator = ReplicaSimulator([GLASS] * copies, replicas, seed=12)
    simulator.advance(beta, 400)
    return simulator


@small
def test_overlaps_are_distributed_as_by_enumeration() -> None:
    # 200 independent sets of 40 replicas; four standard errors for ten values of P(q) and for q_l: 7e-4 in all.
    beta = 0.8
    weights = boltzmann(GLASS, beta)
    distance = (9 - STATES.astype(int) @ STATES.T) // 2
    exact = np.bincount(distance.ravel(), (weights[:, None] * weights).ravel(), minlength=10)[::-1]
    bonds = STATES[:, TORUS].prod(axis=2)
    exact_link = ((weights @ bonds) ** 2).mean()
    simulator = sampled(beta, 200, 40)
    found = [overlap_distribution(simulator, b) for b in range(200)]
    np.testing.assert_allclose(found[0].q, np.linspace(-1, 1, 10))
    P = np.array([one.probability for one in found])
    np.testing.assert_allclose(P.sum(axis=1), 1.0)
    assert (np.abs(P.mean(axis=0) - exact) < 4 * P.std(axis=0, ddof=1) / np.sqrt(200)).all()
    links = np.array([link_overlap(simulator, b) for b in range(200)])
    assert abs(links.mean() - exact_link) < 4 * links.std(ddof=1) / np.sqrt(200)
    assert links.std(ddof=1) / np.sqrt(200) < 0.01, "an error that hides nothing"


def test_overlaps_are_those_of_all_pairs() -> None:
    simulator = ReplicaSimulator([GLASS, IsingModel.from_edges([(0, 1), (1, 2)])], 20, seed=3)
    for b, model in enumerate(simulator.models):
        for chosen in (None, [3, 5, 11, 0]):
            spins = simulator.spins(b) if chosen is None else simulator.spins(b)[chosen]
            pairs = [(r, t) for r in range(len(spins)) for t in range(r)]
            expected = np.mean([(spins[r] * spins[t])[model.edges].prod(axis=1).mean() for r, t in pairs])
            assert link_overlap(simulator, b, chosen) == pytest.approx(expected)
            found = overlap_distribution(simulator, b, chosen)
            q = [float((spins[r] * spins[t].astype(int)).mean()) for r, t in pairs]
            assert found.q @ found.probability == pytest.approx(np.mean(q))
            assert found.q**2 @ found.probability == pytest.approx(np.mean(np.square(q)))
    histogram = simulator.overlap_histogram()[0, :10]
    np.testing.assert_allclose(overlap_distribution(simulator).probability, histogram[::-1] / histogram.sum())


def test_energy_and_link_overlap_belong_together_exactly() -> None:
    # The relation itself, without sampling: 4000 draws of the couplings are enumerated, with fields; 5 standard errors.
    rng = np.random.default_rng(5)
    beta, sigma, differences = 1.3, 0.7, []
    fields = rng.normal(size=4)
    edges = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])
    states = STATES[:16, :4]
    for _ in range(4000):
        J = sigma * rng.normal(size=5)
        model = IsingModel.from_edges(edges, J, fields)
        weights = np.exp(-beta * np.asarray(model.energy(states)))
        correlations = weights @ states[:, edges].prod(axis=2) / weights.sum()
        differences.append(1 - (J @ correlations) / (beta * sigma**2 * 5) - (correlations**2).mean())
    assert abs(np.mean(differences)) < 5 * np.std(differences) / np.sqrt(4000)
    assert np.std(differences) / np.sqrt(4000) < 0.02


@small
def test_link_overlap_test_tells_equilibrium_from_a_quench() -> None:
    rng = np.random.default_rng(9)
    models = [IsingModel.from_edges(TORUS, rng.normal(size=18)) for _ in range(400)]
    simulator = ReplicaSimulator(models, 32, seed=2)
    simulator.advance(1.2, 1)
    early = link_overlap_test(simulator, 1.2)
    assert early.difference > 5 * early.error, "the link overlap starts too small, the energy too high"
    simulator.advance(1.2, 1000)
    late = link_overlap_test(simulator, 1.2)
    assert abs(late.difference) < 4 * late.error  # a false alarm: 6e-5
    assert late.difference == pytest.approx(late.from_energy - late.link_overlap)
    # Against enumeration: the same mean over the same couplings.
    bonds = STATES[:, TORUS].prod(axis=2)
    exact = np.array([((boltzmann(model, 1.2) @ bonds) ** 2).mean() for model in models])
    assert late.link_overlap == pytest.approx(exact.mean(), abs=0.02)


@small
def test_rungs_of_a_ladder_have_the_overlaps_of_their_temperatures() -> None:
    betas = np.array([0.4, 0.7, 1.0])
    simulator = ReplicaSimulator([GLASS] * 100, 30, seed=6)
    simulator.tempering(betas, 10).advance(300)
    bonds = STATES[:, TORUS].prod(axis=2)
    for k, beta in enumerate(betas):  # four standard errors, three temperatures: 2e-4
        links = np.array([link_overlap(simulator, b, range(k, 30, 3)) for b in range(100)])
        exact = ((boltzmann(GLASS, beta) @ bonds) ** 2).mean()
        assert abs(links.mean() - exact) < 4 * links.std(ddof=1) / 10


@small
def test_exchange_rates_are_those_of_enumeration() -> None:
    # [min(1, exp(Δβ ΔE))] over independent states at both temperatures; 100 independent ladders, four standard errors
    # for three pairs: 2e-4 in all.
    betas = np.array([0.3, 0.7, 1.1, 1.6])
    simulator = ReplicaSimulator([GLASS] * 100, 32, seed=8)
    tempering = simulator.tempering(betas, 8)
    tempering.advance(200)
    tempering.reset()
    tempering.advance(200)
    energies = np.asarray(GLASS.energy(STATES))
    rates = tempering.exchange_rates()
    for k, (low, high) in enumerate(pairwise(betas)):
        # Accepted with min(1, exp((β' - β)(E' - E))), E at β and E' at β'.
        chance = np.minimum(1.0, np.exp((high - low) * (energies[None, :] - energies[:, None])))
        exact = boltzmann(GLASS, low) @ chance @ boltzmann(GLASS, high)
        error = rates[:, k].std(ddof=1) / 10
        assert abs(rates[:, k].mean() - exact) < 4 * error
        assert error < 0.01


def test_round_trips_are_those_of_the_walkers_history() -> None:
    simulator = ReplicaSimulator([GLASS] * 3, 12, seed=4)
    tempering = simulator.tempering(np.linspace(0.2, 0.6, 4), 3)
    history = []
    for _ in range(200):
        tempering.advance(1)
        history.append(tempering.walkers.copy())
    expected = np.zeros((3, 12), int)
    for b in range(3):
        for walker in range(12):
            visits = [int(np.flatnonzero(now[b] == walker)[0]) % 4 for now in history]
            ends = [v for v in visits if v in (0, 3)]
            runs = [e for e, before in zip(ends, [None, *ends], strict=False) if e != before]
            first = runs.index(0) if 0 in runs else len(runs)
            expected[b, walker] = max(0, len([e for e in runs[first:] if e == 0]) - 1)
    np.testing.assert_array_equal(tempering.round_trips, expected)
    assert expected.sum() > 20


def test_families_after_one_resampling_are_those_of_enumeration() -> None:
    # A replica in state s gets w = exp(-Δβ E)/[exp(-Δβ E)] copies, rounded up with the chance of the fraction. 4096
    # replicas from the uniform distribution; the tolerance is five times the spread over 200 seeds, which was measured.
    delta, replicas = 0.45, 4096
    energies = np.asarray(GLASS.energy(STATES))
    w = np.exp(-delta * energies)
    w /= w.mean()
    low, fraction = np.floor(w), w - np.floor(w)
    square = ((1 - fraction) * low**2 + fraction * (low + 1) ** 2).mean()
    each = [(1 - fraction) * low * np.log(np.maximum(low, 1)), fraction * (low + 1) * np.log(low + 1)]
    entropy = np.log(replicas) - sum(part.mean() for part in each)
    starts = STATES[np.random.default_rng(3).integers(512, size=replicas)]
    simulator = ReplicaSimulator([GLASS], replicas, seed=3)
    simulator.load([0], [GLASS], instance_seeds(3, 1), [starts])
    simulator.population.resample(delta)
    assert simulator.population.rho_t()[0] == pytest.approx(square, abs=0.66)
    assert simulator.population.family_entropy()[0] == pytest.approx(entropy, abs=0.11)
    log_z = np.log(np.exp(-delta * energies).sum())
    assert simulator.population.free_energy(delta)[0] == pytest.approx(-log_z / delta, abs=0.28)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: overlap_distribution(s, 5), "instance 5 is out of range"),
        (lambda s: overlap_distribution(s, 0, [1]), "two replicas"),
        (lambda s: overlap_distribution(s, 0, [1, 1]), "different numbers from 0 to 3"),
        (lambda s: link_overlap(s, 0, [0, 4]), "different numbers from 0 to 3"),
        (lambda s: link_overlap(s, 1), "has no bonds"),
        (lambda s: link_overlap_test(s, 0.0), "positive numbers"),
        (lambda s: link_overlap_test(ReplicaSimulator([GLASS], 4), 1.0), "two instances"),
    ],
)
def test_bad_calls(call: object, message: str) -> None:
    simulator = ReplicaSimulator([GLASS, IsingModel.from_edges([], n=9)], 4)
    with pytest.raises(InputError, match=message):
        call(simulator)  # type: ignore[operator]
