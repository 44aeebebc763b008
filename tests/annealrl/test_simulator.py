"""The simulator against exact statistics, and its promises about seeds, batches and threads."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import configurations, dynamics, jit, observables, packed
from annealrl.simulator import ReplicaSimulator, instance_seeds

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

# One spin glass per table class of the kernels, and one beyond them: (name, model).
STAR = [(0, k) for k in range(1, 8)]
rng = np.random.default_rng(7)
CLASSES = {
    "4: ring": IsingModel.from_edges([(i, (i + 1) % 6) for i in range(6)], rng.normal(size=6)),
    "5: ring with fields": IsingModel.from_edges(
        [(i, (i + 1) % 6) for i in range(6)], rng.normal(size=6), rng.normal(size=6)
    ),
    "6: star of six": IsingModel.from_edges(STAR[:6], rng.normal(size=6)),
    "7: star of six with fields": IsingModel.from_edges(STAR[:6], rng.normal(size=6), rng.normal(size=7)),
    "0: star of seven with fields": IsingModel.from_edges(STAR, rng.normal(size=7), rng.normal(size=8)),
}
DYNAMICS = [("metropolis", "random"), ("gibbs", "random"), ("gibbs", "sequential")]


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


@small
@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
@pytest.mark.parametrize("name", CLASSES)
def test_samples_the_boltzmann_distribution(name: str, rule: str, order: str) -> None:
    # Chi-square over all states; a false alarm has probability 1e-5 for each of the 15 cases (1.5e-4 in all, and the
    # seeds are fixed). Replicas are independent, and 300 sweeps separate the samples taken from one.
    model, beta = CLASSES[name], 0.7
    states = all_states(model.n)
    weights = np.exp(-beta * np.asarray(model.energy(states)))
    weights /= weights.sum()
    simulator = ReplicaSimulator([model] * 20, 256, seed=11, rule=rule, order=order)  # type: ignore[arg-type]
    counts = np.zeros(len(states))
    for _ in range(4):
        simulator.advance(beta, 300)
        for b in range(20):
            code = ((simulator.spins(b) > 0) << np.arange(model.n)).sum(axis=1)
            counts += np.bincount(code, minlength=len(states))
    expected = counts.sum() * weights
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.isf(1e-5, kept.sum() - 1)


@small
@pytest.mark.parametrize("temperature", [1.5, 2.0, 2.269185, 2.5, 3.0, 4.0])
def test_energy_and_magnetisation_of_the_4x4_ferromagnet(temperature: float) -> None:
    # Exact by enumeration of all 65 536 states; four standard errors, six temperatures, three quantities: 1e-3 in all.
    site = np.arange(16).reshape(4, 4)
    edges = np.concatenate([np.stack([site.ravel(), np.roll(site, -1, axis).ravel()], 1) for axis in (0, 1)])
    model = IsingModel.from_edges(edges)
    states = all_states(16)
    energies = np.asarray(model.energy(states))
    weights = np.exp(-(energies - energies.min()) / temperature)
    weights /= weights.sum()
    magnetisation = np.abs(states.mean(axis=1))
    simulator = ReplicaSimulator([model] * 32, 64, seed=5)
    simulator.advance(1 / temperature, 300)
    samples = []
    for _ in range(20):
        simulator.advance(1 / temperature, 50)
        m = np.abs(np.stack([simulator.spins(b).mean(axis=1) for b in range(32)]))
        samples.append([simulator.energies / 16, m, m**2])
    per_chain = np.mean(samples, axis=0).reshape(3, -1)  # average over time first: chains are independent
    exact = np.array([weights @ energies / 16, weights @ magnetisation, weights @ magnetisation**2])
    errors = per_chain.std(axis=1, ddof=1) / np.sqrt(per_chain.shape[1])
    assert (np.abs(per_chain.mean(axis=1) - exact) < 4 * errors).all()


def test_results_do_not_depend_on_threads_or_batches_or_further_replicas() -> None:
    models = [*CLASSES.values()]
    seeds = instance_seeds(3, len(models))

    def run(chosen: list[int], threads: int, replicas: int) -> list[npt.NDArray[np.int8]]:
        simulator = ReplicaSimulator(
            [models[i] for i in chosen], replicas, seeds=[seeds[i] for i in chosen], threads=threads
        )
        simulator.advance(np.linspace(0.3, 0.9, len(models))[chosen], 7)
        simulator.advance(1.1, 3, ramp_from=0.5)
        return [simulator.spins(k)[:40] for k in range(len(chosen))]

    together = run([0, 1, 2, 3, 4], 1, 40)
    for other in (run([0, 1, 2, 3, 4], 2, 40), run([0, 1, 2, 3, 4], 1, 100)):
        assert all((a == b).all() for a, b in zip(together, other, strict=True))
    split = run([0, 1], 1, 40) + run([2], 1, 40) + run([3, 4], 2, 40)
    assert all((a == b).all() for a, b in zip(together, split, strict=True))
    assert any((a[0] != a[1]).any() for a in together), "replicas must differ"


@pytest.mark.parametrize("name", CLASSES)
def test_energies_are_those_of_the_configurations(name: str) -> None:
    simulator = ReplicaSimulator([CLASSES[name]], 70, seed=2)
    lowest = simulator.energies.copy()
    for beta in (0.2, 0.5, 0.1, 2.0, 0.3):
        simulator.advance(beta, 3)
        lowest = np.minimum(lowest, simulator.energies)
        np.testing.assert_allclose(simulator.energies[0], simulator.models[0].energy(simulator.spins(0)), atol=1e-12)
    np.testing.assert_array_equal(simulator.best_energies, lowest)
    np.testing.assert_allclose(lowest[0], simulator.models[0].energy(simulator.best_spins(0)), atol=1e-12)
    energy, spins = simulator.lowest(0)
    assert energy == lowest.min() == pytest.approx(simulator.models[0].energy(spins))


@pytest.mark.parametrize("name", CLASSES)
def test_infinite_cold_never_raises_the_energy(name: str) -> None:
    simulator = ReplicaSimulator([CLASSES[name]], 64, seed=4)
    for _ in range(5):
        before = simulator.energies.copy()
        simulator.advance(1e9, 2)
        assert (simulator.energies <= before + 1e-12).all()


@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
def test_infinite_heat_does_not_lock(rule: str, order: str) -> None:
    # An ordered Metropolis sweep at β = 0 flips every spin, for ever: each sweep would turn every replica over.
    simulator = ReplicaSimulator([CLASSES["4: ring"]] * 8, 64, seed=9, rule=rule, order=order)  # type: ignore[arg-type]
    before, together = simulator.all_spins(), []
    for _ in range(10):
        simulator.advance(0.0, 1)
        after = simulator.all_spins()
        together.append(np.abs((after * before).sum(axis=2)) == 6)
        before = after
    # All six spins move alike with probability 2⁻⁵ under heat bath, and seldom when sites are drawn.
    assert np.mean(together) < 0.1


def test_zero_sweeps_change_nothing() -> None:
    simulator = ReplicaSimulator([CLASSES["5: ring with fields"]], 64, seed=1)
    before = simulator.spins(0)
    simulator.advance(1.0, 0)
    assert (simulator.spins(0) == before).all()
    assert simulator.attempted == 0
    assert simulator.accepted[0] == 0


def test_gauge_invariance() -> None:
    # s_i → g_i s_i with J_ij → g_i g_j J_ij and h_i → g_i h_i leaves all energies and so every decision unchanged.
    model = CLASSES["7: star of six with fields"]
    gauge = np.array([1, -1, -1, 1, 1, -1, 1], np.int8)
    turned = IsingModel.from_edges(
        model.edges, model.couplings * gauge[model.edges].prod(axis=1), model.fields * gauge, n=model.n
    )
    start = np.ones((64, model.n), np.int8)
    plain, gauged = ReplicaSimulator([model], 64, seed=6), ReplicaSimulator([turned], 64, seed=6)
    seeds = instance_seeds(6, 1)
    plain.load([0], [model], seeds, [start])
    gauged.load([0], [turned], seeds, [start * gauge])
    for simulator in (plain, gauged):
        simulator.advance(0.8, 50)
    assert (plain.spins(0) * gauge == gauged.spins(0)).all()


def test_acceptance_counts_flips() -> None:
    simulator = ReplicaSimulator([CLASSES["4: ring"]], 64, seed=8)
    before = simulator.spins(0)
    simulator.advance(0.0, 0)
    simulator.advance(1e9, 1)
    assert simulator.accepted[0] >= (simulator.spins(0) != before).sum()
    simulator.advance(1e-12, 10)
    assert simulator.acceptance_ratio(10)[0] == pytest.approx(1.0)  # Metropolis accepts all (but 2**-32)
    simulator.advance(0.0, 10)
    assert simulator.acceptance_ratio(10)[0] == pytest.approx(0.5, abs=0.05)  # by heat bath


def test_starts() -> None:
    model = CLASSES["4: ring"]
    shared = ReplicaSimulator([model], 100, seed=3, initial="shared").spins(0)
    assert (shared == shared[0]).all()
    many = ReplicaSimulator([IsingModel.from_edges([(0, 1)], n=400)], 256, seed=3).spins(0).mean(axis=1)
    # Each replica's up-probability is uniform on [0, 1], so mean magnetisations are uniform on [-1, 1].
    assert np.abs(np.sort(many) - np.linspace(-1, 1, 256)).max() < 0.3  # a false alarm: 2e-5


def test_mixed_sizes_share_a_batch() -> None:
    models = [CLASSES["4: ring"], CLASSES["0: star of seven with fields"]]
    simulator = ReplicaSimulator(models, 64, seed=1)
    assert simulator.all_spins().shape == (2, 64, 8)
    assert (simulator.all_spins()[0, :, 6:] == 0).all()
    histogram = simulator.overlap_histogram()
    assert (histogram.sum(axis=1) == 64 * 63 // 2).all()
    for b, model in enumerate(models):
        s = simulator.spins(b)
        distance = (s[:, None, :] != s[None, :, :]).sum(axis=2)[np.tril_indices(64, -1)]
        np.testing.assert_array_equal(histogram[b, : model.n + 1], np.bincount(distance, minlength=model.n + 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"replicas": 0}, "replicas is 0"),
        ({"rule": "glauber"}, "rule is 'glauber'"),
        ({"order": "checkerboard"}, "order is 'checkerboard'"),
        ({"rule": "metropolis", "order": "sequential"}, "lock at β = 0"),
        ({"threads": 0}, "threads is 0"),
        ({"seeds": []}, "0 seeds for 1 instances"),
        ({"initial": "up"}, "initial is 'up'"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ReplicaSimulator([CLASSES["4: ring"]], **{"replicas": 4, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize("beta", [-0.1, np.nan, np.inf])
def test_bad_temperatures(beta: float) -> None:
    with pytest.raises(InputError, match="inverse temperatures"):
        ReplicaSimulator([CLASSES["4: ring"]], 4).advance(beta, 1)


def test_bad_starts() -> None:
    model = CLASSES["4: ring"]
    simulator = ReplicaSimulator([model], 4)
    with pytest.raises(InputError, match=r"shape \(5,\)"):
        simulator.load([0], [model], instance_seeds(0, 1), [np.ones(5)])
    with pytest.raises(InputError, match="must be"):
        simulator.load([0], [model], instance_seeds(0, 1), [np.zeros(6)])
    with pytest.raises(InputError, match="does not fit"):
        simulator.load([0], [CLASSES["0: star of seven with fields"]], instance_seeds(0, 1))


@small
def test_a_rollout_compiles_nothing() -> None:
    modules = (configurations, dynamics, observables, packed)
    kernels = [value for module in modules for value in vars(module).values() if hasattr(value, "signatures")]
    assert len(kernels) >= 10
    simulator = ReplicaSimulator([CLASSES["7: star of six with fields"]], 65, seed=1)
    simulator.advance(1.0, 2, ramp_from=0.2)
    simulator.overlap_histogram()
    simulator.best_spins(0)
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)


PRINT_STATE = """
import hashlib, numpy as np
from annealrl.simulator import ReplicaSimulator
from annealrl.ising import IsingModel
digest = hashlib.sha256()
rng = np.random.default_rng(7)
for star, fields in ((4, False), (4, True), (6, False), (6, True)):
    edges = [(0, k) for k in range(1, star + 1)]
    model = IsingModel.from_edges(edges, rng.normal(size=star), rng.normal(size=star + 1) if fields else 0.0)
    for rule, order in (("metropolis", "random"), ("gibbs", "sequential")):
        simulator = ReplicaSimulator([model], 70, seed=3, rule=rule, order=order)
        simulator.advance(0.8, 3)
        simulator.advance(1.2, 2, ramp_from=0.8)
        for array in (simulator.spins(0), simulator.energies, simulator.overlap_histogram()):
            digest.update(array.tobytes())
print(digest.hexdigest())
"""


@small
@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        {"NUMBA_DISABLE_JIT": "1"},
        {"NUMBA_BOUNDSCHECK": "1"},
    ],
    ids=["plain processor", "interpreted", "bounds checked"],
)
def test_same_bits_without_vector_instructions_or_compiler(environment: dict[str, str], tmp_path: object) -> None:
    def digest(extra: dict[str, str]) -> str:
        variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **extra} if extra else dict(os.environ)
        done = subprocess.run(
            [sys.executable, "-c", PRINT_STATE], env=variables, check=True, capture_output=True, text=True
        )
        return done.stdout

    assert digest(environment) == digest({})
