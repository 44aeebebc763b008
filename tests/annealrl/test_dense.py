"""The kernels of dense models and of models of high degree against exact statistics and against each other."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2

from annealrl.ising import IsingModel
from annealrl.kernels import configurations, dense, dynamics, jit, summed
from annealrl.kernels.aligned import aligned
from annealrl.kernels.lanes import LANES

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

rng = np.random.default_rng(7)
STAR = [(0, k) for k in range(1, 8)]


def complete(n: int, couplings: npt.ArrayLike | None = None, fields: npt.ArrayLike = 0.0) -> IsingModel:
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    return IsingModel.from_edges(
        pairs, rng.normal(size=len(pairs)) / np.sqrt(n) if couplings is None else couplings, fields, n=n, offset=0.25
    )


MODELS = {
    "complete": complete(6),
    "complete with fields": complete(6, fields=rng.normal(size=6)),
    "integers": complete(7, rng.integers(-1, 2, size=21), rng.integers(-1, 2, size=7)),
    "star of seven with fields": IsingModel.from_edges(STAR, rng.normal(size=7), rng.normal(size=8)),
}
DYNAMICS = [
    (dynamics.METROPOLIS, dynamics.RANDOM),
    (dynamics.GIBBS, dynamics.RANDOM),
    (dynamics.GIBBS, dynamics.SEQUENTIAL),
]
KERNELS = ["dense", "summed"]


class Runner:
    """Copies of a model in one batch, advanced by either kernel."""

    def __init__(
        self, kernel: str, model: IsingModel, replicas: int = 64, seed: int = 0, batch: range = range(1)
    ) -> None:
        self.kernel, self.model, self.replicas, b, n = kernel, model, replicas, len(batch), model.n
        words, width = -(-replicas // LANES), dense.stride(n)
        q = dense.unit(model)
        self.sizes, self.units = np.full(b, n), np.full(b, q)
        self.spins = np.zeros((b, n, words), np.uint64)
        self.lanes = np.zeros((b, words, 2, LANES), np.uint32)
        self.site_states = np.zeros((b, 1), np.uint64)
        self.accepted = np.zeros(b, np.int64)
        self.matrix = aligned((b, n, width), np.int32)
        self.whole = np.zeros((b, n), np.int32)
        self.local = aligned((b, words * LANES, width), np.int32)
        doubled, bases = summed.encode(model, q)
        self.sparse = [
            np.array(np.broadcast_to(a, (b, *a.shape)), order="C")
            for a in (model.padded[0], doubled, bases, model.degrees.astype(np.int32))
        ]
        for k, instance in enumerate(batch):
            key = np.random.SeedSequence(seed, spawn_key=(instance,)).generate_state(2, np.uint64)
            configurations.seed_lanes(key[0], self.lanes[k])
            self.site_states[k, 0] = key[1]
            configurations.random_spins(self.spins[k], self.lanes[k], n, False)
            dense.encode(model, q, self.matrix[k], self.whole[k])
            dense.local_fields(self.matrix[k], self.whole[k], n, self.spins[k], self.local[k])

    def advance(
        self,
        beta: float,
        sweeps: int,
        rule: int = 0,
        order: int = 0,
        *,
        ramp_from: float | None = None,
        threads: int = 1,
    ) -> None:
        b = len(self.sizes)
        start, end = np.full(b, beta if ramp_from is None else ramp_from), np.full(b, beta)
        both = (self.units, self.sizes, start, end, sweeps, rule, order, self.spins)
        state = (self.lanes, self.site_states, self.accepted)

        def work(k: int) -> None:
            if self.kernel == "dense":
                dense.advance(self.matrix, *both, self.local, *state, k, k + 1)
            else:
                summed.advance(*self.sparse, *both, *state, k, k + 1)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(b)))

    def configurations(self, k: int = 0) -> npt.NDArray[np.int8]:
        out = np.zeros((self.replicas, self.model.n), np.int8)
        configurations.unpack(self.spins[k], out)
        return out


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


@small
@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_samples_the_boltzmann_distribution(kernel: str, name: str, rule: int, order: int) -> None:
    # Chi-square over all states; a false alarm has probability 3e-6 for each of the 24 cases, 7e-5 in all, and the
    # seeds are fixed. Replicas are independent, and 300 sweeps separate the samples taken from one.
    model, beta = MODELS[name], 0.7
    weights = np.exp(-beta * np.asarray(model.energy(all_states(model.n))))
    weights /= weights.sum()
    runner = Runner(kernel, model, 256, seed=11, batch=range(20))
    counts = np.zeros(len(weights))
    for _ in range(4):
        runner.advance(beta, 300, rule, order)
        for k in range(20):
            code = ((runner.configurations(k) > 0) << np.arange(model.n)).sum(axis=1)
            counts += np.bincount(code, minlength=len(weights))
    expected = counts.sum() * weights
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.isf(3e-6, kept.sum() - 1)


@pytest.mark.parametrize("size", [3, 40])
def test_both_kernels_make_the_same_decisions(size: int) -> None:
    # One caches fields and delays its updates by blocks, the other sums at every proposal; integers leave no room.
    if jit.INTERPRETED and size > 3:
        pytest.skip("too many updates for the interpreted kernels")
    model = complete(size, fields=0.3)
    for rule, order in DYNAMICS:
        cached, plain = (Runner(kernel, model, 130, seed=5, batch=range(2)) for kernel in KERNELS)
        for runner in (cached, plain):
            runner.advance(1.1, 7, rule, order)
            runner.advance(2.0, 3, rule, order, ramp_from=0.4)
        np.testing.assert_array_equal(cached.spins, plain.spins)
        np.testing.assert_array_equal(cached.accepted, plain.accepted)
        np.testing.assert_array_equal(cached.site_states, plain.site_states)


@small
def test_fields_do_not_drift() -> None:
    # Local fields of a thousand sweeps (millions of flips) equal recomputed ones exactly; two strips and three tiles.
    runner = Runner("dense", complete(300), 64, seed=3)
    runner.advance(0.3, 1000)
    assert runner.accepted[0] > 5e6
    kept = runner.local.copy()
    dense.local_fields(runner.matrix[0], runner.whole[0], 300, runner.spins[0], runner.local[0])
    np.testing.assert_array_equal(kept[:, :, :300], runner.local[:, :, :300])


@pytest.mark.parametrize("name", MODELS)
def test_local_fields_are_those_of_the_configurations(name: str) -> None:
    model = MODELS[name]
    runner = Runner("dense", model, 70, seed=2)
    J = np.zeros((model.n, model.n))
    J[model.edges[:, 0], model.edges[:, 1]] = model.couplings
    for beta in (0.2, 0.5, 2.0):
        runner.advance(beta, 2)
        expected = runner.configurations() @ (J + J.T) + model.fields
        found = runner.units[0] * runner.local[0, :70, : model.n]
        np.testing.assert_allclose(found, expected, rtol=0, atol=runner.units[0] * model.n)


@pytest.mark.parametrize("kernel", KERNELS)
def test_results_do_not_depend_on_threads_or_batches_or_further_replicas(kernel: str) -> None:
    def run(batch: range, replicas: int, threads: int) -> npt.NDArray[np.int8]:
        runner = Runner(kernel, MODELS["complete with fields"], replicas, seed=8, batch=batch)
        runner.advance(0.6, 5, threads=threads)
        runner.advance(1.1, 3, ramp_from=0.5, threads=threads)
        return np.stack([runner.configurations(k)[:40] for k in range(len(batch))])

    together = run(range(4), 40, 1)
    np.testing.assert_array_equal(together, run(range(4), 40, 2))
    np.testing.assert_array_equal(together, run(range(4), 140, 1))
    np.testing.assert_array_equal(together, np.concatenate([run(range(1), 40, 1), run(range(1, 4), 40, 2)]))
    assert (together[0] != together[1]).any()
    assert (together[0, 0] != together[0, 1]).any() or (together[0, 0] != together[0, 2]).any()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", MODELS)
def test_infinite_cold_never_raises_the_energy(name: str, kernel: str) -> None:
    runner = Runner(kernel, MODELS[name], 64, seed=4)
    before = np.asarray(runner.model.energy(runner.configurations()))
    for _ in range(4):
        runner.advance(1e9, 2)
        after = np.asarray(runner.model.energy(runner.configurations()))
        assert (after <= before + 1e-9).all()  # couplings are rounded by up to 1e-9 of the largest
        before = after


@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_infinite_heat_does_not_lock(kernel: str, rule: int, order: int) -> None:
    # An ordered Metropolis sweep at β = 0 flips every spin, for ever: all spins of a replica would turn together.
    runner = Runner(kernel, MODELS["complete"], 64, seed=9)
    together = []
    for _ in range(10):
        before = runner.configurations()
        runner.advance(0.0, 1, rule, order)
        together.append(np.abs((before * runner.configurations()).sum(axis=1)) == 6)
    assert np.mean(together) < 0.5


def test_zero_sweeps_change_nothing() -> None:
    for kernel in KERNELS:
        runner = Runner(kernel, MODELS["complete"])
        before = runner.spins.copy()
        runner.advance(1.0, 0)
        assert (runner.spins == before).all()
        assert runner.accepted[0] == 0


def test_units() -> None:
    assert dense.unit(complete(5, 2.0**30 / 4)) == 1.0
    assert dense.unit(complete(5, 2.0**30 / 4, 1.0)) == 2.0
    assert dense.unit(IsingModel.from_edges([], n=3)) == 1.0
    model = complete(2, 0.3)  # one coupling is the whole range, so twice it leaves 31 bits and wraps around
    runner = Runner("dense", model, 64, seed=1)
    runner.advance(0.5, 20)
    expected = 0.3 * runner.configurations()[:, ::-1]
    np.testing.assert_allclose(runner.units[0] * runner.local[0, :, :2], expected, atol=2 * runner.units[0])


def digest() -> str:
    """Hash of a few short runs of both kernels."""
    out = hashlib.sha256()
    for kernel in KERNELS:
        for rule, order in DYNAMICS:
            runner = Runner(kernel, complete(5, np.linspace(-1, 1, 10), 0.2), 70, seed=3)
            runner.advance(0.8, 3, rule, order)
            runner.advance(1.2, 2, rule, order, ramp_from=0.8)
            for array in (runner.spins, runner.lanes, runner.accepted):
                out.update(array.tobytes())
            if kernel == "dense":
                out.update(runner.local[:, :, :5].tobytes())
    return out.hexdigest()


@small
@pytest.mark.parametrize(
    "environment",
    [
        {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_BOUNDSCHECK": "1"},
        {"NUMBA_DISABLE_JIT": "1"},
    ],
    ids=["plain processor and bounds checked", "interpreted"],
)
def test_same_bits_without_vector_instructions_or_compiler(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    code = f"import runpy; print(runpy.run_path({__file__!r})['digest']())"
    cache = tmp_path_factory.getbasetemp() / "kernels of a plain processor"  # what test files share compiles once
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    done = subprocess.run([sys.executable, "-c", code], env=variables, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digest()
