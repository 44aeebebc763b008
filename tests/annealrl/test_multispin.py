"""Multi-spin coding against exact statistics, and its promises about seeds, batches and threads."""

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
from annealrl.kernels import configurations, dynamics, jit, multispin, streams, words
from annealrl.kernels.lanes import LANES

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

rng = np.random.default_rng(7)


def signed(edges: npt.ArrayLike, n: int, fields: bool = False, J: float = 1.0) -> IsingModel:
    pairs = np.asarray(edges)
    signs = rng.choice([-1.0, 1.0], len(pairs)), rng.choice([-1.0, 0.0, 1.0], n)
    return IsingModel.from_edges(pairs, J * signs[0], J * signs[1] if fields else 0.0, n=n, offset=0.25)


RING = [(i, (i + 1) % 6) for i in range(6)]
STAR = [(0, k) for k in range(1, 7)]
# By the largest number of bonds of a spin, a field included.
MODELS = {
    "2: ring": signed(RING, 6),
    "3: ring with fields": signed(RING, 6, True, 0.7),
    "4: complete": signed(np.stack(np.triu_indices(5, 1), 1), 5),
    "5: complete with fields": IsingModel.from_edges(np.stack(np.triu_indices(5, 1), 1), -1.0, 1.0),
    "6: star": signed(STAR, 7, J=0.9),
    "7: complete with fields": IsingModel.from_edges(
        np.stack(np.triu_indices(7, 1), 1), np.tile([1.0, -1.0, -1.0], 7), [1, -1, 1, 1, -1, 1, -1]
    ),
    "1: fields alone": IsingModel.from_edges([], fields=[1.0, -1.0, 0.0]),
}
DYNAMICS = [
    (dynamics.METROPOLIS, dynamics.RANDOM),
    (dynamics.GIBBS, dynamics.RANDOM),
    (dynamics.GIBBS, dynamics.SEQUENTIAL),
]


class Runner:
    """Copies of a model in one batch."""

    def __init__(self, model: IsingModel, replicas: int = 64, seed: int = 0, batch: range = range(1)) -> None:
        bonds = multispin.encode(model)
        assert bonds is not None
        b, n, count = len(batch), model.n, -(-replicas // LANES)
        self.model, self.replicas = model, replicas
        self.bonds = tuple(np.array(np.broadcast_to(a, (b, *np.shape(a))), order="C") for a in bonds)
        self.sizes = np.full(b, n)
        self.spins = np.zeros((b, n, count), np.uint64)
        self.streams = np.zeros((b, 2, count), np.uint64)
        self.site_states = np.zeros((b, 1), np.uint64)
        self.accepted = np.zeros(b, np.int64)
        for k, instance in enumerate(batch):
            key = np.random.SeedSequence(seed, spawn_key=(instance,)).generate_state(2, np.uint64)
            lanes = np.zeros((count, 2, LANES), np.uint32)
            configurations.seed_lanes(key[0], lanes)
            configurations.random_spins(self.spins[k], lanes, n, False)
            streams.seed_words(key[0], self.streams[k])
            self.site_states[k, 0] = key[1]

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
        betas = np.full(b, beta if ramp_from is None else ramp_from), np.full(b, beta)
        state = (self.spins, self.streams, self.site_states, self.accepted)
        with ThreadPoolExecutor(threads) as pool:
            list(
                pool.map(
                    lambda k: multispin.advance(*self.bonds, self.sizes, *betas, sweeps, rule, order, *state, k, k + 1),
                    range(b),
                )
            )

    def energies(self) -> npt.NDArray[np.float64]:
        return np.stack([self.model.energy(self.configurations(k)) for k in range(len(self.sizes))])

    def configurations(self, k: int = 0) -> npt.NDArray[np.int8]:
        out = np.zeros((self.replicas, self.model.n), np.int8)
        configurations.unpack(self.spins[k], out)
        return out


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


@small
@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
@pytest.mark.parametrize("name", MODELS)
def test_samples_the_boltzmann_distribution(name: str, rule: int, order: int) -> None:
    # Chi-square over all states; a false alarm has probability 3e-6 for each of the 21 cases, 7e-5 in all, and the
    # seeds are fixed. Nine words: eight by one path and one by the other, compared with the exact weights together.
    # Replicas are independent, and 300 sweeps separate the samples taken from one.
    model, beta = MODELS[name], 0.6
    weights = np.exp(-beta * np.asarray(model.energy(all_states(model.n))))
    weights /= weights.sum()
    runner = Runner(model, 9 * LANES, seed=11, batch=range(10))
    counts = np.zeros(len(weights))
    for _ in range(4):
        runner.advance(beta, 300, rule, order)
        for k in range(10):
            code = ((runner.configurations(k) > 0) << np.arange(model.n)).sum(axis=1)
            counts += np.bincount(code, minlength=len(weights))
    expected = counts.sum() * weights
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.isf(3e-6, kept.sum() - 1)


@small
@pytest.mark.parametrize("count", [1, 8])
def test_acceptance_bits_are_independent(count: int) -> None:
    # Two spins, one bond: at β the spins' product is +1 with probability 1 / (1 + exp(-2β)). Heat bath in sequence
    # makes successive products of a replica independent. The frequency, the correlation of neighbouring replicas and
    # that of successive sweeps lie within five standard errors (6e-7 each, six in all).
    runner = Runner(IsingModel.from_edges([(0, 1)]), count * LANES, seed=1)
    beta, samples = 0.4, []
    for _ in range(8000 // count):
        runner.advance(beta, 1, dynamics.GIBBS, dynamics.SEQUENTIAL)
        samples.append(runner.configurations().prod(axis=1))
    x = (np.array(samples) - np.tanh(beta)) * np.cosh(beta)  # mean 0, variance 1
    for values in (x, x * np.roll(x, 1, axis=1), x[1:] * x[:-1]):
        assert abs(values.mean()) < 5 / np.sqrt(values.size)


def test_thresholds_are_exact() -> None:
    present = np.ones(words.COUNTS, np.bool_)
    table = np.zeros(words.COUNTS * words.ROW, np.uint64)
    powers = 2.0 ** -np.arange(1, words.LEVELS + 1)
    for rule in (dynamics.METROPOLIS, dynamics.GIBBS):
        for step in (0.0, 0.3, 2.0, 30.0):
            multispin.fill_rows(present, step, rule, table)
            for bonds in range(words.COUNTS):
                row = table[bonds * words.ROW : (bonds + 1) * words.ROW]
                for u in range(bonds + 1):
                    chance = dynamics.acceptance(step * (bonds - 2 * u), 1.0, rule)
                    bits = row[words.NATURAL + words.LEVELS * u :][: words.LEVELS] != 0
                    drawn = (bits * powers).sum() if row[u] else 1.0
                    assert drawn == pytest.approx(chance, rel=2**-50, abs=2**-64)
                    early = row[words.PERMUTED + words.EARLY * u :][: words.EARLY] != 0
                    assert (early[list(words.REVERSED)] == bits[: words.EARLY]).all()


def test_words_are_those_of_splitmix64() -> None:
    # First outputs for the seed 1234567, as printed by Vigna's splitmix64.c.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    with np.errstate(over="ignore"):
        got = [streams.mix(np.uint64(1234567) + np.uint64(k) * streams.GOLDEN) for k in range(1, 5)]
        gammas = np.array([streams.mix_gamma(np.uint64(k) * streams.GOLDEN) for k in range(1, 200)], dtype=np.uint64)
    assert [int(word) for word in got] == expected
    assert (gammas & np.uint64(1)).all()
    assert len(set(gammas.tolist())) == len(gammas)


@pytest.mark.parametrize("name", ["3: ring with fields", "6: star"])
def test_results_do_not_depend_on_threads_or_batches_or_further_replicas(name: str) -> None:
    def run(batch: range, replicas: int, threads: int) -> npt.NDArray[np.int8]:
        runner = Runner(MODELS[name], replicas, seed=8, batch=batch)
        runner.advance(0.6, 5, threads=threads)
        runner.advance(1.1, 3, ramp_from=0.5, threads=threads)
        runner.advance(0.6, 2, dynamics.GIBBS, dynamics.SEQUENTIAL)
        return np.stack([runner.configurations(k)[:100] for k in range(len(batch))])

    together = run(range(4), 100, 1)
    np.testing.assert_array_equal(together, run(range(4), 100, 2))
    np.testing.assert_array_equal(together, run(range(4), 9 * LANES, 1))  # two words alone, or among eight
    np.testing.assert_array_equal(together, np.concatenate([run(range(1), 100, 1), run(range(1, 4), 100, 2)]))
    assert (together[0] != together[1]).any()
    assert len(np.unique(together[0], axis=0)) > 10


@pytest.mark.parametrize("name", MODELS)
def test_infinite_cold_never_raises_the_energy(name: str) -> None:
    runner = Runner(MODELS[name], 64, seed=4)
    before = runner.energies()
    for rule in (dynamics.METROPOLIS, dynamics.METROPOLIS, dynamics.GIBBS):
        runner.advance(1e9, 2, rule)
        after = runner.energies()
        assert (after <= before + 1e-12).all()
        before = after


@pytest.mark.parametrize(("rule", "order"), DYNAMICS)
def test_infinite_heat_does_not_lock(rule: int, order: int) -> None:
    # An ordered Metropolis sweep at β = 0 flips every spin, for ever: all spins of a replica would turn together.
    runner = Runner(MODELS["2: ring"], 64, seed=9)
    together = []
    for _ in range(10):
        before = runner.configurations()
        runner.advance(0.0, 1, rule, order)
        together.append(np.abs((before * runner.configurations()).sum(axis=1)) == 6)
    assert np.mean(together) < 0.5
    assert abs(runner.accepted[0] - 3 * 64) < 5 * np.sqrt(6 * 64 / 4)  # by heat bath, whatever the rule
    if rule == dynamics.METROPOLIS:
        runner.advance(1e-15, 1, rule, order)
        assert runner.accepted[0] == 6 * 64  # Metropolis accepts all


def test_accepted_flips_are_counted() -> None:
    runner = Runner(IsingModel.from_edges([], fields=[1.0]), 9 * LANES, seed=3)
    for _ in range(5):  # one sweep of one site, so that every accepted flip is seen
        before = runner.configurations()
        runner.advance(0.3, 1)
        assert runner.accepted[0] == (before != runner.configurations()).sum() > 0
    runner.advance(0.3, 0)
    assert runner.accepted[0] == 0


@pytest.mark.parametrize(
    "model",
    [
        IsingModel.from_edges([(0, 1), (1, 2)], [1.0, 2.0]),
        IsingModel.from_edges([(0, 1), (1, 2)], 1.0, [0.5, 0, 0]),
        IsingModel.from_edges([(0, k) for k in range(1, 9)]),
        IsingModel.from_edges([(0, k) for k in range(1, 8)], 1.0, 1.0),
        IsingModel.from_edges([(0, 1), (1, 2)], [1.0, 0.0]),
    ],
    ids=["two couplings", "other field", "eight bonds", "seven bonds and a field", "a zero"],
)
def test_other_models_are_refused(model: IsingModel) -> None:
    assert multispin.encode(model) is None


def digest() -> str:
    """Hash of a few short runs."""
    out = hashlib.sha256()
    for name in ("3: ring with fields", "6: star", "7: complete with fields"):
        for rule, order in DYNAMICS:
            runner = Runner(MODELS[name], 9 * LANES, seed=3)
            runner.advance(0.8, 2, rule, order)
            runner.advance(1.2, 2, rule, order, ramp_from=0.8)
            for array in (runner.spins, runner.streams, runner.accepted, runner.energies()):
                out.update(array.tobytes())
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
