"""The CUDA backend, under numba's CUDA simulator: every check runs without a device, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from annealrl.cuda_records import encode, pack, unpack
from annealrl.env_options import EnvOptions
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.simulator import ReplicaSimulator, instance_seeds

rng = np.random.default_rng(7)
RING = IsingModel.from_edges([(i, (i + 1) % 4) for i in range(4)], rng.normal(size=4), rng.normal(size=4))
# Degrees 4 (a kernel of its own), 6 (another) and 7 (a loop of variable length), each with fields; 40 spins need two
# words of bits.
MODELS = {
    "ring": RING,
    "star of six": IsingModel.from_edges([(0, k) for k in range(1, 7)], rng.normal(size=6), rng.normal(size=7)),
    "star of seven": IsingModel.from_edges([(0, k) for k in range(1, 8)], rng.normal(size=7), rng.normal(size=8)),
    "long chain": IsingModel.from_edges([(i, i + 1) for i in range(39)], rng.normal(size=39), offset=0.5),
}


def cuda(models: list[IsingModel], replicas: int = 32, **options: object) -> ReplicaSimulator:
    return ReplicaSimulator(models, replicas, backend="cuda", **options)  # type: ignore[arg-type]


def check_energies(simulator: ReplicaSimulator) -> None:
    for b, model in enumerate(simulator.models):
        np.testing.assert_allclose(simulator.energies[b], model.energy(simulator.spins(b)), atol=1e-12)
        np.testing.assert_allclose(simulator.best_energies[b], model.energy(simulator.best_spins(b)), atol=1e-12)


def check_boltzmann(counts: npt.NDArray[np.float64], model: IsingModel, beta: float) -> None:
    """Chi-square over all states; a false alarm has probability 1e-5 (and the seeds are fixed)."""
    weights = np.exp(-beta * np.asarray(model.energy(all_states(model.n))))
    expected = counts.sum() * weights / weights.sum()
    rare = expected < 5
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert kept.sum() > 4
    assert statistic < chi2.isf(1e-5, kept.sum() - 1)


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


def codes(spins: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    return np.asarray(((spins > 0) << np.arange(spins.shape[-1])).sum(axis=-1))


# -- what the process of its own runs ------------------------------------------------------------------------------


def boltzmann() -> None:
    for rule, order in (("metropolis", "random"), ("gibbs", "random"), ("gibbs", "sequential")):
        simulator = cuda([RING] * 8, 64, seed=11, rule=rule, order=order)
        simulator.advance(0.7, 10)
        check_boltzmann(np.bincount(codes(simulator.all_spins()).ravel(), minlength=16), RING, 0.7)


def own_temperatures() -> None:
    # Half of the replicas hot, half cold, reached by a ramp.
    simulator = cuda([RING] * 10, 64, seed=12)
    betas = np.where(np.arange(64) % 2, 0.2, 0.9)
    simulator.advance(betas[None], 12, ramp_from=np.zeros((1, 64)))
    for half, beta in ((0, 0.9), (1, 0.2)):
        chosen = codes(simulator.all_spins())[:, half::2]
        check_boltzmann(np.bincount(chosen.ravel(), minlength=16), RING, beta)


def resampling() -> None:
    # Equilibrium at 0.3, resampled to 0.8: replicas of one instance depend on each other, so instances are counted.
    model, count = RING, 24
    simulator = cuda([model] * count, 32, seed=13)
    simulator.advance(0.3, 8)
    before = [codes(simulator.spins(b)) for b in range(count)]
    simulator.population.resample(0.5)
    for b in range(count):
        assert set(codes(simulator.spins(b))) <= set(before[b])
        assert (codes(simulator.spins(b)) == before[b][simulator.population.families[b]]).all()
    check_energies(simulator)
    # The same decisions as on the processor, from the same energies and stream.
    spins = [simulator.spins(b) for b in range(count)]
    here = ReplicaSimulator([model] * count, 32, seed=13)
    here.load(range(count), [model] * count, instance_seeds(13, count), spins)
    simulator.load(range(count), [model] * count, instance_seeds(13, count), spins)
    np.testing.assert_array_equal(here.energies, simulator.energies)
    np.testing.assert_array_equal(here.population.resample(0.4), simulator.population.resample(0.4))
    np.testing.assert_array_equal(here.population.families, simulator.population.families)
    np.testing.assert_array_equal(here.energies, simulator.energies)
    exact = np.exp(-0.8 * np.asarray(model.energy(all_states(4))))
    mean = exact @ np.asarray(model.energy(all_states(4))) / exact.sum()
    per_instance = np.array([np.asarray(model.energy(s)).mean() for s in spins])
    assert abs(per_instance.mean() - mean) < 4.5 * per_instance.std(ddof=1) / np.sqrt(count)


def books() -> None:
    for name, model in MODELS.items():
        simulator = cuda([model], 40, seed=2)
        lowest = simulator.energies.copy()
        check_energies(simulator)
        for beta in (0.2, 2.0, 0.3):
            simulator.advance(beta, 2)
            lowest = np.minimum(lowest, simulator.energies)
            check_energies(simulator)
        np.testing.assert_array_equal(simulator.best_energies, lowest, err_msg=name)
        for _ in range(2):
            before = simulator.energies.copy()
            simulator.advance(1e9, 1)
            assert (simulator.energies <= before + 1e-6).all()
        before = simulator.spins(0)
        simulator.advance(1.0, 0)
        assert (simulator.spins(0) == before).all()
        assert simulator.accepted[0] == 0
        simulator.advance(1e-12, 2)
        assert simulator.acceptance_ratio(2)[0] == 1.0  # Metropolis accepts all
        assert simulator.attempted == 10 * model.n * 40
        distance = (simulator.spins(0)[:, None] != simulator.spins(0)[None]).sum(axis=2)[np.tril_indices(40, -1)]
        np.testing.assert_array_equal(simulator.overlap_histogram()[0], np.bincount(distance, minlength=model.n + 1))


def energies_of_the_processor() -> None:
    # The same configurations have the same energies, bit by bit, and starts and loads mean the same.
    models = list(MODELS.values())
    seeds = instance_seeds(5, len(models))
    starts = [rng.choice(np.array([-1, 1], np.int8), (40, model.n)) for model in models]
    here, there = ReplicaSimulator(models, 40, seeds=seeds), cuda(models, 40, seeds=seeds)
    for simulator in (here, there):
        simulator.load(range(4), models, seeds, starts)
    np.testing.assert_array_equal(here.energies, there.energies)
    np.testing.assert_array_equal(here.all_spins(), there.all_spins())
    np.testing.assert_array_equal(here.overlap_histogram(), there.overlap_histogram())
    shared = cuda(models[:2], 40, seed=3, initial="shared").all_spins()
    assert (shared == shared[:, :1]).all()
    there.load([1], [models[0]], seeds[:1])
    assert there.sizes[1] == 4
    np.testing.assert_array_equal(there.energies[[0, 2, 3]], here.energies[[0, 2, 3]])
    for other, message in ((IsingModel.from_edges([(0, 1)], n=99), "does not fit"), (RING, r"\(5,\)")):
        with pytest.raises(InputError, match=message):
            there.load([0], [other], seeds[:1], [np.ones(5)])


def batches_and_launches() -> None:
    from annealrl import cuda as backend
    from annealrl.kernels import cuda_sweeps

    models = list(MODELS.values())[:3]
    seeds = instance_seeds(3, 3)

    def run(chosen: list[int], replicas: int = 20) -> list[npt.NDArray[np.int8]]:
        simulator = cuda([models[i] for i in chosen], replicas, seeds=[seeds[i] for i in chosen])
        simulator.advance(np.array([0.3, 0.6, 0.9])[chosen], 3)
        simulator.advance(1.1, 3, ramp_from=0.5)
        return [simulator.spins(k)[:20] for k in range(len(chosen))]

    def same(a: list[npt.NDArray[np.int8]], b: list[npt.NDArray[np.int8]]) -> bool:
        return all((x == y).all() for x, y in zip(a, b, strict=True))

    together = run([0, 1, 2])
    assert same(together, run([0, 1, 2]))
    assert same(together, run([0]) + run([1]) + run([2]))
    assert same(together, run([0, 1, 2], 40))
    assert any((a[0] != a[1]).any() for a in together)
    backend.block_size = lambda replicas: 32
    assert same(together, run([0, 1, 2], 40))
    wanted = cuda_sweeps.shared_bytes
    for memory in (cuda_sweeps.SPINS, cuda_sweeps.GLOBAL):
        # With less shared memory the spins or everything stay in global memory.
        backend.SHARED_MEMORY = wanted(8, 7, 32, memory)
        assert same(together, run([0, 1, 2]))


def environment() -> None:
    from annealrl.testing import check_vector_env
    from annealrl.vector_env import AnnealingVectorEnv

    def make(count: int) -> AnnealingVectorEnv:
        return AnnealingVectorEnv(
            "EdwardsAnderson2D-v0", count, length=3, replicas=8, steps=2, sweeps_per_step=1, observation="features",
            backend="cuda",
        )  # fmt: skip

    check_vector_env(make)
    env = make(1)
    env.reset(seed=1)
    assert type(env.simulator).__name__ == "CudaSimulator"


def methods() -> None:
    from annealrl.baselines.grammar import parse_method
    from annealrl.method import Budget

    budget = Budget(8, 3, 2, backend="cuda")
    for text in ("linear:0:2", "population:linear:0:2"):
        outcome = parse_method(text).run([RING, RING], budget, instance_seeds(1, 2))
        for energy, spins in zip(outcome.best_energies, outcome.best_spins, strict=True):
            assert abs(energy - float(RING.energy(spins))) < 1e-12
    with pytest.raises(InputError, match="no exchange moves"):
        parse_method("tempering:0.1:2:4").run([RING], budget, instance_seeds(1, 1))


def refusals() -> None:
    simulator = cuda([RING], 4)
    with pytest.raises(InputError, match="backend 'cpu' is expected"):
        simulator.tempering([0.1, 0.2], 2)
    with pytest.raises(InputError, match="layout is 'dense'"):
        cuda([RING], 4, layout="dense")
    with pytest.raises(InputError, match="inverse temperatures"):
        simulator.advance(-1.0, 1)


CHECKS: list[Callable[[], None]] = [
    boltzmann,
    own_temperatures,
    resampling,
    books,
    energies_of_the_processor,
    batches_and_launches,
    environment,
    methods,
    refusals,
]


# -- the tests -------------------------------------------------------------------------------------------------------


def test_under_the_simulator() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        env=os.environ | {"NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.split() == [check.__name__ for check in CHECKS]


@pytest.mark.parametrize("replicas", [1, 32, 70])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 100])
def test_bits_keep_spins(replicas: int, n: int) -> None:
    spins = np.random.default_rng(n).choice(np.array([-1, 1], np.int8), (replicas, n))
    threads, words = 32, -(-n // 32)
    packed = pack(spins, -(-replicas // threads), words, threads)
    np.testing.assert_array_equal(unpack(packed, replicas, n, threads), spins)
    np.testing.assert_array_equal(unpack(np.stack([packed] * 2), replicas, n, threads), [spins] * 2)
    # Bit 31 - i % 32 of word i // 32 is site i.
    site, replica = n - 1, replicas - 1
    word = packed[replica // 32].reshape(words, threads)[site // 32, replica % 32]
    assert bool(word >> (31 - site % 32) & 1) == (spins[replica, site] > 0)


def test_units_keep_couplings_in_range() -> None:
    model = IsingModel.from_edges([(0, 1), (1, 2)], [3e-60, 5e-60])
    records = encode(model, 4, 32)
    assert records.unit <= 5e-60 < 2 * records.unit
    couplings = (records.sites >> np.uint64(32)).astype(np.uint32).view(np.float32).astype(float)
    np.testing.assert_allclose(np.sort(couplings[1, 1:3]) * records.unit, [3e-60, 5e-60], rtol=1e-6)


def test_without_a_device() -> None:
    from numba import cuda as numba_cuda

    if numba_cuda.is_available():
        pytest.skip("there is a device")
    with pytest.raises(InputError, match="no CUDA device was found"):
        cuda([RING])


def test_without_numba_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annealrl.cuda.importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"annealrl\[cuda\]"):
        cuda([RING])


def test_training_files_name_the_backend() -> None:
    from annealrl.agents.config import parse_config

    config = parse_config({"env": {"id": "EdwardsAnderson2D-v0", "length": 4, "backend": "cuda"}, "episodes": 1})
    env = config.env.make(2)
    assert env.options.backend == "cuda"
    assert "backend" in env.options.spelled()
    assert "backend" not in config.env.make(2, backend="cpu").options.spelled()


def test_unknown_backend() -> None:
    with pytest.raises(InputError, match="backend"):
        ReplicaSimulator([RING], backend="tpu")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="backend"):
        EnvOptions(backend="tpu")  # type: ignore[arg-type]


if __name__ == "__main__":
    for check in CHECKS:
        check()
        print(check.__name__, flush=True)
