"""Formulas by hand, coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from annealrl.errors import InputError
from annealrl.statistics import n99, n99_set, paired_ratio, pooled_interval, summarize

INF = float("inf")


def test_n99_by_hand() -> None:
    assert n99([0.0, 1.0]).tolist() == [INF, 0.0]
    # 0.9² = .99 short by nothing: two episodes at p = .9.
    assert n99([0.9, 0.99, 0.5]) == pytest.approx([2, 1, np.log(0.01) / np.log(0.5)])
    # The COOL paper's own pairs of p and n99.
    assert n99([0.498, 0.254, 0.015]) == pytest.approx([6.68, 15.7, 304.7], rel=5e-3)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([1.0, 1.0], 1),
        ([0.9], 2),
        ([0.99, 1.0], 1),
        ([0.5, 0.5], 7),
        ([1.0, 0.5], 6),  # 1 - 0.5^n / 2 ≥ .99 from n = log2(50) = 5.6
        ([1.0] * 99 + [0.0], 1),  # exactly .99
        ([1.0] * 98 + [0.0, 0.5], INF),  # .99 is never quite reached
        ([1.0, 0.0], INF),
        ([0.0], INF),
        ([1e-6], 4605168),
    ],
)
def test_n99_set_by_hand(p: list[float], expected: float) -> None:
    assert float(n99_set(p)) == expected


def test_n99_set_is_the_smallest_such_number_and_vectorises() -> None:
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 0.5, size=(30, 8)).clip(0.01, 1)
    found = n99_set(p)
    for row, n in zip(p, found, strict=True):
        assert 1 - ((1 - row) ** n).mean() >= 0.99
        assert n == 1 or 1 - ((1 - row) ** (n - 1)).mean() < 0.99
        assert float(n99_set(row)) == n


def test_summary_of_a_hand_made_set() -> None:
    summary = summarize([10, 5, 1], [10, 10, 10])
    assert summary.p == pytest.approx(16 / 30)
    assert summary.n99 == pytest.approx(np.log(0.01) / np.log(14 / 30))
    assert summary.median_n99 == pytest.approx(np.log(0.01) / np.log(0.5))
    # 1 - (0.5^n + 0.9^n)/3 ≥ .99: 0.9^n ≤ .03 from n = 33.3.
    assert summary.n99_set == 34
    assert summary.p_ci[0] < summary.p < summary.p_ci[1]
    assert summary.n99_ci[0] < summary.n99 < summary.n99_ci[1]
    assert summary == summarize([10, 5, 1], [10, 10, 10])


def test_never_and_always_solved() -> None:
    never, always = summarize([0] * 5, [20] * 5), summarize([20] * 5, [20] * 5)
    upper = stats.beta.ppf(0.975, 0.5, 100.5)
    assert never.p == 0
    assert never.p_ci == pytest.approx((0.0, upper))
    assert never.n99 == INF
    assert never.n99_ci == pytest.approx((np.log(0.01) / np.log1p(-upper), INF))
    assert never.n99_set == INF
    assert never.median_n99 == INF
    assert np.isfinite(never.n99_set_ci[0])
    assert np.isfinite(never.median_n99_ci[0])
    assert always.p == 1
    assert always.p_ci == pytest.approx((1 - upper, 1.0))
    assert always.n99 == 0
    assert always.n99_ci[0] == 0
    assert always.n99_ci[1] == pytest.approx(np.log(0.01) / np.log(upper))
    assert always.n99_set == 1


def test_one_instance_has_the_binomial_interval() -> None:
    low, high = pooled_interval([7], [20])
    assert stats.beta(7.5, 13.5).cdf([low, high]) == pytest.approx([0.025, 0.975])


def test_pooled_interval_covers_the_population_p() -> None:
    rng = np.random.default_rng(1)
    truth = float((1 / (1 + np.exp(-rng.normal(-1, 2.0, size=10**6)))).mean())
    hits, naive = 0, 0
    trials = 300
    for _ in range(trials):
        k = rng.binomial(10, 1 / (1 + np.exp(-rng.normal(-1, 2.0, size=40))))
        low, high = pooled_interval(k, np.full(40, 10))
        hits += low <= truth <= high
        beta = stats.beta(0.5 + k.sum(), 0.5 + 400 - k.sum())
        naive += 0.025 <= beta.cdf(truth) <= 0.975
    # A true coverage of .95 gives 285 ± 3.8; an interval that forgets that instances differ covers far less.
    assert 268 <= hits <= 299
    assert naive < 225


def test_a_ratio_of_what_nobody_can_run_less_of_than_once() -> None:
    always, often = ([200], [200]), ([150], [200])
    free, floored = paired_ratio(*often, *always), paired_ratio(*often, *always, least=1.0)
    assert floored.value == pytest.approx(float(n99(150.5 / 201)))
    assert free.value > floored.value
    assert floored.interval[0] < floored.value < floored.interval[1]


def test_paired_ratio_by_hand() -> None:
    ratio = paired_ratio([8, 8, 9], [10, 10, 10], [2, 3, 2], [10, 10, 10])
    a, b = 25.5 / 31, 7.5 / 31
    assert ratio.value == pytest.approx(np.log(1 - b) / np.log(1 - a))
    assert ratio.interval[0] < ratio.value < ratio.interval[1] < 1
    other = paired_ratio([2, 3, 2], [10, 10, 10], [8, 8, 9], [10, 10, 10])
    assert other.value == pytest.approx(1 / ratio.value)
    assert other.interval == pytest.approx((1 / ratio.interval[1], 1 / ratio.interval[0]), rel=0.02)


def test_pairing_removes_what_instances_have_in_common() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(0.4, 0.4, size=60)
    n = np.full(60, 50)
    a, b = rng.binomial(n, p), rng.binomial(n, p)
    paired, shuffled = paired_ratio(a, n, b, n), paired_ratio(a, n, rng.permutation(b), n)
    assert paired.interval[1] - paired.interval[0] < 0.5 * (shuffled.interval[1] - shuffled.interval[0])
    assert paired.interval[0] < 1 < paired.interval[1]


def test_paired_ratio_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2.0, size=10**6)
    p = [(1 / (1 + np.exp(-(logits + shift)))).mean() for shift in (0.7, 0.0)]
    truth = float(n99(p[0]) / n99(p[1]))
    hits = 0
    for _ in range(200):
        common = rng.normal(0, 2.0, size=50)
        counts = [rng.binomial(10, 1 / (1 + np.exp(-(common + shift)))) for shift in (0.7, 0.0)]
        n = np.full(50, 10)
        low, high = paired_ratio(counts[0], n, counts[1], n).interval
        hits += low <= truth <= high
    # .95 gives 190 ± 3.1.
    assert hits >= 178


def test_ratios_of_methods_that_always_or_never_succeed_are_finite_and_wide() -> None:
    n = [10] * 10
    both = paired_ratio(n, n, n, n)
    assert both.value == 1
    assert both.interval[0] < 0.6
    assert both.interval[1] > 1.6
    lost = paired_ratio([0] * 10, n, [9] * 10, n)
    assert np.isfinite([lost.value, *lost.interval]).all()
    assert lost.interval[0] > 10
    single = paired_ratio([5], [10], [5], [10])
    assert single.interval[0] < 0.7
    assert single.interval[1] > 1.4


@pytest.mark.parametrize(
    ("k", "n", "message"),
    [
        ([1, 2], [3], "shapes"),
        ([], [], "shapes"),
        ([4], [3], "4 successes in 3 episodes at instance 0"),
        ([0, -1], [3, 3], "at instance 1"),
        ([0], [0], "0 successes in 0 episodes"),
    ],
)
def test_bad_counts_are_refused(k: list[int], n: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        summarize(k, n)


def test_ratios_of_different_sets_are_refused() -> None:
    with pytest.raises(InputError, match="2 and 3 instances"):
        paired_ratio([1, 1], [2, 2], [1, 1, 1], [2, 2, 2])
