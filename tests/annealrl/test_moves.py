"""Replicas at their own temperatures, resampling, exchange and cluster moves against exact statistics."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import jit, ladder, moves, own_beta, own_lanes
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


# -- resampling ----------------------------------------------------------------------------------------------------

SITE = np.arange(9).reshape(3, 3)
TORUS = np.concatenate([np.stack([SITE.ravel(), np.roll(SITE, -1, axis).ravel()], 1) for axis in (0, 1)])
GLASS = IsingModel.from_edges(TORUS, rng.normal(size=18), offset=0.7)
GLASS_IN_FIELD = IsingModel.from_edges(TORUS, rng.normal(size=18), 0.5 * rng.normal(size=9))


@small
@pytest.mark.parametrize("model", [GLASS, GLASS_IN_FIELD], ids=["no field", "field"])
def test_population_annealing_gives_free_energy_and_energy(model: IsingModel) -> None:
    # 60 independent populations of 512. Σ over states of exp(-βE) is estimated without bias by 2^n times the product
    # of the mean weights, and so is the energy weighted by it: four standard errors, 1.3e-4 in all for four numbers.
    betas = np.linspace(0, 2.0, 11)
    simulator = ReplicaSimulator([model] * 60, 512, seed=21)
    simulator.advance(0.0, 20)
    for before, beta in pairwise(betas):
        simulator.population.resample(beta - before)
        simulator.advance(beta, 4)
    energies = np.asarray(model.energy(all_states(9)))
    log_z = np.log(np.exp(-betas[-1] * energies).sum())
    ratio = np.exp(simulator.population.log_weight + 9 * np.log(2) - log_z)
    assert abs(ratio.mean() - 1) < 4 * ratio.std(ddof=1) / np.sqrt(60)
    assert ratio.std() < 0.5, "the estimate is of no use"
    exact = boltzmann(model, betas[-1]) @ energies
    deviation = ratio * (simulator.energies.mean(axis=1) - exact)
    assert abs(deviation.mean()) < 4 * deviation.std(ddof=1) / np.sqrt(60)
    np.testing.assert_allclose(simulator.population.free_energy(2.0), -(np.log(ratio) + log_z) / 2.0)
    rho, entropy = simulator.population.rho_t(), simulator.population.family_entropy()
    assert ((rho > 1) & (rho < 512)).all()
    assert (512 / np.exp(entropy) <= rho + 1e-9).all(), "ρ_s ≤ ρ_t"


@pytest.mark.parametrize("replicas", [64, 70, 150])
def test_resampling_copies_replicas_by_their_weights(replicas: int) -> None:
    models = [GLASS, IsingModel.from_edges(STAR, rng.normal(size=7), n=70), GLASS_IN_FIELD]
    simulator = ReplicaSimulator(models, replicas, seed=4)
    before = [simulator.spins(b) for b in range(3)]
    energies, best = simulator.energies.copy(), simulator.best_energies.copy()
    log_means = simulator.population.resample([0.8, 0.5, 0.0], [1.0, 2.0, 1.0])
    assert simulator.population.weighed == 2 * replicas
    for b, model in enumerate(models):
        sources = simulator.population.families[b]
        np.testing.assert_array_equal(simulator.spins(b), before[b][sources])
        np.testing.assert_allclose(simulator.energies[b], model.energy(simulator.spins(b)), atol=1e-12)
        weights = np.exp(-[0.8, 1.0, 0.0][b] * energies[b])
        copies = np.bincount(sources, minlength=replicas)
        assert (np.abs(copies - replicas * weights / weights.sum()) < 1 + 1e-9).all()
        assert (sources[copies > 0] == np.flatnonzero(copies)).all(), "survivors keep their places"
        assert log_means[b] == pytest.approx(np.log(weights.mean()))
    np.testing.assert_array_equal(simulator.best_energies, np.minimum(best, simulator.energies))
    for b, model in enumerate(models):
        np.testing.assert_allclose(simulator.best_energies[b], model.energy(simulator.best_spins(b)), atol=1e-12)


def test_resampling_at_the_extremes() -> None:
    simulator = ReplicaSimulator([GLASS], 64, seed=4)
    lowest = simulator.energies.min()
    simulator.population.resample(1e12)
    assert (simulator.energies == lowest).all()
    assert simulator.population.rho_t()[0] == 64
    assert simulator.population.family_entropy()[0] == 0
    simulator.load([0], [GLASS], instance_seeds(1, 1))
    assert simulator.population.rho_t()[0] == pytest.approx(1)
    assert simulator.population.family_entropy()[0] == pytest.approx(np.log(64))
    for bad in (np.nan, [1.0, 2.0]):
        with pytest.raises(InputError, match="finite numbers"):
            simulator.population.resample(bad)


# -- tempering -----------------------------------------------------------------------------------------------------


@small
@pytest.mark.parametrize("clusters", [False, True], ids=["exchange", "exchange and clusters"])
@pytest.mark.parametrize("model", [GLASS, GLASS_IN_FIELD], ids=["no field", "field"])
def test_tempering_samples_at_every_temperature(model: IsingModel, clusters: bool) -> None:
    # 512 states at five temperatures in four cases: a false alarm at 2e-6 each, and the seeds are fixed. Copies are
    # independent in equilibrium, and 40 rounds separate the samples.
    betas = np.array([0.3, 0.5, 0.8, 1.1, 1.5])
    simulator = ReplicaSimulator([model] * 50, 30, seed=31)
    tempering = simulator.tempering(betas, 6, clusters=clusters)
    tempering.advance(200)
    counts = np.zeros((5, 512))
    for _ in range(100):
        tempering.advance(40)
        for b in range(50):
            np.add.at(counts, (np.arange(30) % 5, codes(simulator, b)), 1)
    for beta, seen in zip(betas, counts, strict=True):
        assert_boltzmann(seen, boltzmann(model, beta), 2e-6)
    assert (tempering.exchange_rates() > 0.2).all()
    assert (tempering.tried == 6 * 4200 // 2).all()
    assert (tempering.round_trips.sum(axis=1) > 200).all()
    if clusters:
        assert tempering.attempted > tempering.tried.sum()


@pytest.mark.parametrize(("rungs", "copies"), [(4, 3), (9, 8), (65, 2), (64, 1)])
def test_exchange_moves_configurations_between_neighbours(rungs: int, copies: int) -> None:
    replicas = rungs * copies
    simulator = ReplicaSimulator([GLASS, GLASS_IN_FIELD], replicas, seed=5)
    tempering = simulator.tempering(np.linspace(0.1, 0.3, rungs), copies)
    for parity in (0, 1, 0):
        tempering.reset()
        tempering._rounds[:, 0] = parity
        before, energies = [simulator.spins(b) for b in range(2)], simulator.energies.copy()
        tempering.exchange()
        assert tempering.swapped.sum() > 0
        for b in range(2):
            origin = tempering.walkers[b]
            np.testing.assert_array_equal(simulator.spins(b), before[b][origin])
            np.testing.assert_allclose(simulator.energies[b], energies[b][origin], atol=1e-12)
            moved = np.flatnonzero(origin != np.arange(replicas))
            rung = moved % rungs
            assert (np.abs(origin[moved] - moved) == 1).all()
            assert (np.minimum(rung, origin[moved] % rungs) % 2 == parity).all()
            assert (origin[moved] // rungs == moved // rungs).all()


@pytest.mark.parametrize("model", [GLASS, GLASS_IN_FIELD, CLASSES["0: star of seven with fields"]])
def test_cluster_moves_keep_the_energy_of_rungs(model: IsingModel) -> None:
    simulator = ReplicaSimulator([model] * 3, 72, seed=6)
    tempering = simulator.tempering(np.linspace(0.2, 0.6, 9), 8)
    changed = 0
    for _ in range(5):
        tempering.advance(1)
        spins, energies = simulator.spins(1), simulator.energies.copy()
        tempering.cluster()
        np.testing.assert_allclose(
            simulator.energies.reshape(3, 8, 9).sum(axis=1), energies.reshape(3, 8, 9).sum(axis=1), atol=1e-9
        )
        np.testing.assert_allclose(simulator.energies[1], model.energy(simulator.spins(1)), atol=1e-12)
        # In each pair the overlap of every site stays, so a turned site is turned in exactly two copies of a rung.
        turned = (simulator.spins(1) != spins).reshape(8, 9, -1)
        assert set(turned.any(axis=2).sum(axis=0)) <= {0, 2, 4, 6, 8}
        assert (turned.sum(axis=0) % 2 == 0).all()
        changed += int(turned.sum())
    assert changed > 0


def test_a_cluster_is_connected_and_of_one_overlap() -> None:
    # Two copies at one rung: the turned sites are one connected cluster of equal q.
    simulator = ReplicaSimulator([GLASS_IN_FIELD] * 20, 2, seed=8)
    tempering = simulator.tempering([0.5], 2)
    neighbours = GLASS_IN_FIELD.padded[0]
    sizes = set()
    before = [simulator.spins(b) for b in range(20)]
    tempering.cluster()
    for b in range(20):
        turned = (simulator.spins(b) != before[b])[0]
        q = before[b][0] * before[b][1]
        assert (q[turned] == -1).all()
        wanted = np.zeros(9, bool)
        wanted[np.flatnonzero(turned)[:1]] = True
        for _ in range(9):
            wanted |= wanted[neighbours].any(axis=1) & (q == -1)
        np.testing.assert_array_equal(turned, wanted)
        sizes.add(int(turned.sum()))
    assert len(sizes) > 3


def test_lowest_energies_of_tempering() -> None:
    model = IsingModel.from_edges([(i, (i + 1) % 40) for i in range(40)], rng.normal(size=40), rng.normal(size=40))
    simulator = ReplicaSimulator([model] * 2, 70, seed=9)
    tempering = simulator.tempering(np.geomspace(0.3, 4.0, 7), 10, every=2)
    lowest = simulator.energies.min(axis=1)
    for sweeps in (2, 2, 1, 1, 2, 2, 0, 2):
        before = simulator.best_energies.copy()
        tempering.advance(sweeps)
        lowest = np.minimum(lowest, simulator.energies.min(axis=1))
        assert (simulator.best_energies <= before).all()
        for b in range(2):
            np.testing.assert_allclose(simulator.best_energies[b], model.energy(simulator.best_spins(b)), atol=1e-12)
    np.testing.assert_allclose(simulator.best_energies.min(axis=1), lowest, atol=1e-12)
    assert (tempering.tried[:, 0] == 3 * 10).all(), "even pairs in rounds 0, 2 and 4 of 6"
    # Several rounds in one call see what single ones see.
    tempering.betas = np.geomspace(0.5, 5.0, 7)
    tempering.advance(40)
    assert (simulator.best_energies.min(axis=1) <= lowest).all()


def test_moves_do_not_depend_on_threads_or_batches() -> None:
    models = [GLASS, GLASS_IN_FIELD, *CLASSES.values()]
    seeds = instance_seeds(3, len(models))

    def run(chosen: list[int], threads: int) -> list[npt.NDArray[np.int8]]:
        simulator = ReplicaSimulator([models[i] for i in chosen], 80, seeds=[seeds[i] for i in chosen], threads=threads)
        tempering = simulator.tempering(np.geomspace(0.2, 2.0, 10), 8, clusters=True, every=2)
        for sweeps in (5, 4):
            tempering.advance(sweeps)
            simulator.population.resample(0.3)
        return [simulator.spins(k) for k in range(len(chosen))]

    together = run([*range(7)], 1)
    for other in (run([*range(7)], 2), run([0, 1, 2], 1) + run([3], 1) + run([4, 5, 6], 2)):
        assert all((a == b).all() for a, b in zip(together, other, strict=True))


@pytest.mark.parametrize(
    ("betas", "options", "message"),
    [
        ([1.0, 2.0, 3.0], {}, "3 temperatures × 1 copies are 3 replicas, but there are 8"),
        (np.ones((3, 8)), {}, "the ladder has shape"),
        (np.full(8, -1.0), {}, "finite inverse temperatures"),
        (np.ones(8), {"every": 0}, "at least 1"),
        (np.ones(8), {"clusters": True}, "two copies"),
    ],
)
def test_bad_ladders(betas: npt.ArrayLike, options: dict[str, int], message: str) -> None:
    simulator = ReplicaSimulator([GLASS] * 2, 8)
    with pytest.raises(InputError, match=message):
        simulator.tempering(betas, **options)  # type: ignore[arg-type]


def test_bad_calls_of_tempering() -> None:
    tempering = ReplicaSimulator([GLASS], 8).tempering(np.linspace(0.1, 1, 8))
    with pytest.raises(InputError, match="sweeps is -1"):
        tempering.advance(-1)
    with pytest.raises(InputError, match="two copies"):
        tempering.cluster()


@small
def test_moves_compile_nothing() -> None:
    kernels = [
        value for module in (own_beta, moves, ladder) for value in vars(module).values() if hasattr(value, "signatures")
    ]
    assert len(kernels) >= 15
    simulator = ReplicaSimulator([GLASS_IN_FIELD], 66, seed=1)
    simulator.advance(np.ones((1, 66)), 2, ramp_from=0.2)
    simulator.population.resample(0.1)
    simulator.tempering(np.ones(11), 6, clusters=True).advance(3)
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)


PRINT_STATE = """
import hashlib, numpy as np
from annealrl.simulator import ReplicaSimulator
from annealrl.ising import IsingModel
digest = hashlib.sha256()
rng = np.random.default_rng(7)
for star, fields in ((4, False), (4, True), (6, False), (6, True), (7, True)):
    edges = [(0, k) for k in range(1, star + 1)]
    model = IsingModel.from_edges(edges, rng.normal(size=star), rng.normal(size=star + 1) if fields else 0.0)
    for rule, order in (("metropolis", "random"), ("gibbs", "sequential")):
        simulator = ReplicaSimulator([model], 70, seed=3, rule=rule, order=order)
        simulator.advance(np.linspace(0.1, 2.0, 70)[None], 10)
        simulator.advance(1.2, 5, ramp_from=np.linspace(0.1, 2.0, 70)[None])
        simulator.population.resample(0.4)
        simulator.tempering(np.geomspace(0.3, 3.0, 10), 7, clusters=True).advance(4)
        for array in (simulator.spins(0), simulator.energies, simulator.population.families):
            digest.update(array.tobytes())
print(digest.hexdigest())
"""


@small
@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_BOUNDSCHECK": "1"}, {"NUMBA_DISABLE_JIT": "1"}],
    ids=["plain processor, bounds checked", "interpreted"],
)
def test_same_bits_without_vector_instructions_or_compiler(environment: dict[str, str], tmp_path: object) -> None:
    def digest(extra: dict[str, str]) -> str:
        variables = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), **extra} if extra else dict(os.environ)
        done = subprocess.run(
            [sys.executable, "-c", PRINT_STATE], env=variables, check=True, capture_output=True, text=True
        )
        return done.stdout

    assert digest(environment) == digest({})
