"""The random numbers of the kernels: published outputs, and a battery along and across lanes, words and instances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2, kstest, norm, poisson

from annealrl.kernels import configurations, dynamics, jit, streams
from annealrl.kernels.lanes import LANES, _python_random

U32 = npt.NDArray[np.uint32]


def test_a_lane_is_xoroshiro64_star() -> None:
    # From the state (1, 2): the first outputs of Blackman and Vigna's xoroshiro64star.c, as other implementations test
    # them too (crate rand_xoshiro).
    state = np.zeros(2 * LANES, np.uint32)
    state[5], state[LANES + 5] = 1, 2
    got = [int(_python_random(state, 0)[5]) for _ in range(10)]
    assert got == [
        2654435771, 327208753, 4063491769, 4259754937, 261922412, 168123673, 552743735, 1672597395, 1031040050,
        2755315674,
    ]  # fmt: skip


def test_lanes_start_where_splitmix64_says() -> None:
    # The first outputs for the seed 1234567, as printed by Vigna's splitmix64.c, are the states of the first lanes.
    lanes = np.zeros((1, 2, LANES), np.uint32)
    configurations.seed_lanes(np.uint64(1234567), lanes)
    states = lanes[0, 0].astype(np.uint64) | lanes[0, 1].astype(np.uint64) << np.uint64(32)
    assert states[:4].tolist() == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
    ]  # fmt: skip


# -- a battery: each test gives a p-value ----------------------------------------------------------------------------


def _chi_square(counts: npt.NDArray[np.int64], expected: npt.ArrayLike) -> float:
    e = np.broadcast_to(np.asarray(expected, float), counts.shape)
    return float(chi2.sf(((counts - e) ** 2 / e).sum(), counts.size - 1))


def single_bits(x: U32) -> float:
    ones = np.array([int(((x >> np.uint32(b)) & np.uint32(1)).sum()) for b in range(32)])
    return float(chi2.sf(((2 * ones - len(x)) ** 2 / len(x)).sum(), 32))


def bytes_(x: U32) -> float:
    return _chi_square(np.bincount(x.view(np.uint8), minlength=256), 4 * len(x) / 256)


def pairs(x: U32) -> float:
    top = (x >> np.uint32(28)).astype(np.int64)
    half = len(top) // 2
    return _chi_square(np.bincount(16 * top[0 : 2 * half : 2] + top[1 : 2 * half : 2], minlength=256), half / 256)


def uniformity(x: U32) -> float:
    return float(kstest((x + 0.5) * 2.0**-32, "uniform").pvalue)


def weights_of_successors(x: U32) -> float:
    """Numbers of set bits of successive words, centred: their products have mean 0 and variance 8²."""
    weight = np.bitwise_count(x).astype(float) - 16.0
    return float(2 * norm.sf(abs((weight[1:] * weight[:-1]).mean()) / 8.0 * np.sqrt(len(x) - 1)))


def ranks(x: U32) -> float:
    """Ranks over GF(2) of 32 × 32 matrices of successive words (Marsaglia and Tsay, Linear Algebra Appl. 67 (1985))."""
    matrices = x[: len(x) // 32 * 32].reshape(-1, 32).copy()
    rank = np.zeros(len(matrices), np.int64)
    for bit in range(32):
        has = (matrices >> np.uint32(bit)) & np.uint32(1)
        free = np.arange(32)[None, :] >= rank[:, None]
        found = (has.astype(bool) & free).any(axis=1)
        pivot = (has.astype(bool) & free).argmax(axis=1)
        rows = np.flatnonzero(found)
        at, place = pivot[rows], rank[rows]
        matrices[rows, at], matrices[rows, place] = matrices[rows, place], matrices[rows, at]
        line = matrices[rows, place]
        others = ((matrices[rows] >> np.uint32(bit)) & np.uint32(1)).astype(bool) & (
            np.arange(32)[None, :] > place[:, None]
        )
        matrices[rows] ^= np.where(others, line[:, None], np.uint32(0))
        rank[rows] += 1
    counts = np.array([(rank == 32).sum(), (rank == 31).sum(), (rank == 30).sum(), (rank < 30).sum()])
    return _chi_square(counts, len(rank) * np.array([0.2887880952, 0.5775761902, 0.1283502644, 0.0052854502]))


def birthdays(x: U32) -> float:
    """Equal spacings among 512 birthdays in a year of 2**24 days: Poisson of mean 2 (Marsaglia)."""
    days = np.sort((x[: len(x) // 512 * 512] >> np.uint32(8)).reshape(-1, 512).astype(np.int64), axis=1)
    spacings = np.sort(np.diff(days, axis=1), axis=1)
    equal = (np.diff(spacings, axis=1) == 0).sum(axis=1)
    bins = np.bincount(np.minimum(equal, 6), minlength=7)
    return _chi_square(bins, len(equal) * np.append(poisson.pmf(np.arange(6), 2.0), poisson.sf(5, 2.0)))


BATTERY = (single_bits, bytes_, pairs, uniformity, weights_of_successors, ranks, birthdays)


@pytest.fixture(scope="module")
def lanes() -> U32:
    """Outputs of 64 lanes, shape (steps, 64)."""
    state = np.zeros((1, 2, LANES), np.uint32)
    configurations.seed_lanes(np.random.SeedSequence(5).generate_state(1, np.uint64)[0], state)
    return np.array([_python_random(state.reshape(-1), 0) for _ in range(40_000)])


def splitmix(counters: npt.NDArray[np.uint64]) -> U32:
    """Outputs of the stream of words, both halves; the compiled finaliser is compared with this one below."""
    with np.errstate(over="ignore"):
        z = (counters ^ (counters >> np.uint64(30))) * np.uint64(streams.MIX_1)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(streams.MIX_2)
        return np.asarray((z ^ (z >> np.uint64(31))).view(np.uint32))


def of_many(kind: str, lanes: U32) -> U32:
    rng = np.random.default_rng(3)
    if kind == "one lane":
        return lanes[:, 17].copy()
    if kind == "across lanes":
        return lanes[:8000].ravel()
    if kind == "neighbouring lanes, one minus the other":
        return np.asarray(lanes[:, 30] - lanes[:, 31])
    if kind == "first draws of many instances":  # seeded one by one, as the simulator does it
        firsts = []
        for key in np.random.SeedSequence(1).generate_state(2000, np.uint64):
            state = np.zeros((1, 2, LANES), np.uint32)
            configurations.seed_lanes(key, state)
            firsts.append(_python_random(state.reshape(-1), 0))
        return np.concatenate(firsts)
    if kind == "sites":
        with np.errstate(over="ignore"):
            return splitmix(np.uint64(rng.integers(2**63)) + np.arange(1, 65_537, dtype=np.uint64) * streams.GOLDEN)
    words = np.zeros((2, 64), np.uint64)  # "words of multi-spin coding": 64 streams, 2000 words of each, side by side
    streams.seed_words(np.uint64(rng.integers(2**63)), words)
    with np.errstate(over="ignore"):
        return splitmix((words[0] + np.arange(2000, dtype=np.uint64)[:, None] * words[1]).ravel())


KINDS = (
    "one lane",
    "across lanes",
    "neighbouring lanes, one minus the other",
    "first draws of many instances",
    "sites",
    "words of multi-spin coding",
)


@pytest.mark.skipif(jit.INTERPRETED, reason="too many draws for the interpreted kernels")
@pytest.mark.parametrize("kind", KINDS)
def test_battery(kind: str, lanes: U32) -> None:
    # 42 p-values, each below 1e-6 by chance once in a million: a false alarm has 4e-5, and the seeds are fixed.
    x = of_many(kind, lanes)
    found = {test.__name__: test(x) for test in BATTERY}
    assert min(found.values()) > 1e-6, found


@pytest.mark.parametrize(
    ("bad", "caught_by"),
    [
        (lambda k: k * np.uint32(2654435769), (pairs, weights_of_successors, ranks)),  # a Weyl sequence
        (lambda k: _lcg(len(k)), (birthdays, ranks)),  # the low bits of a linear congruential generator
        (
            lambda k: np.random.default_rng(1).integers(2**32, size=len(k), dtype=np.uint32) | np.uint32(4),
            (single_bits,),
        ),
    ],
    ids=["counter", "congruential", "stuck bit"],
)
def test_the_battery_catches_bad_generators(bad: object, caught_by: tuple[object, ...]) -> None:
    x = bad(np.arange(40_000, dtype=np.uint32))  # type: ignore[operator]
    assert min(test(x) for test in caught_by) < 1e-6  # type: ignore[operator]


def _lcg(count: int) -> U32:
    value, out = 1, np.empty(count, np.uint32)
    for k in range(count):
        value = (1103515245 * value + 12345) % 2**31
        out[k] = value << 1 & 0xFFFFFFFF
    return out


def test_compiled_finaliser_and_sites() -> None:
    counters = np.random.default_rng(2).integers(2**63, size=50, dtype=np.uint64)
    mixed = np.array([streams.mix(z) for z in counters], np.uint64)
    np.testing.assert_array_equal(mixed.view(np.uint32), splitmix(counters))
    expected = [(int(z) >> 32) * 1000 >> 32 for z in mixed]
    assert [streams.site_of(z, np.uint64(1000)) for z in counters] == expected


@pytest.mark.parametrize("n", [5, 64, 1000])
def test_sites_are_drawn_one_by_one_whatever_the_block(n: int) -> None:
    start = np.array([77], np.uint64)
    single, block = start.copy(), start.copy()
    ordered, drawn = [], []
    for first, count in ((0, 64), (64, 64), (128, 9)):
        sites = np.empty(dynamics.BLOCK, np.int64)
        dynamics.draw_sites(count, first, n, block, dynamics.RANDOM, sites)
        drawn += sites[:count].tolist()
        dynamics.draw_sites(count, first, n, block, dynamics.SEQUENTIAL, sites)
        ordered += sites[:count].tolist()
    assert ordered == [k % n for k in range(137)]
    expected = []
    with np.errstate(over="ignore"):
        for _ in range(137):
            single += streams.GOLDEN
            expected.append(streams.site_of(single[0], np.uint64(n)))
    assert drawn == expected
    np.testing.assert_array_equal(single, block)
    assert set(drawn) <= set(range(n))
