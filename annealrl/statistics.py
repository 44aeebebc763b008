"""Success probabilities, n99 and their intervals.

An *instance* i is solved in k_i of its n_i episodes. Intervals are 95 % percentile bootstraps over instances, with a
fixed random stream, so that the same counts give the same interval. They need about ten instances or more to hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray

#: Bootstrap resamples and the seed of their stream.
RESAMPLES = 4000
SEED = 99
#: Probability that has to be reached: what the 99 in n99 says.
TARGET = 0.99
#: Ends of a two-sided 95 % interval.
LEVELS = (0.025, 0.975)
#: n beyond which a set counts as out of reach.
_FAR = 1e15

Interval = tuple[float, float]


def n99(p: npt.ArrayLike) -> FloatArray:
    """Episodes until one succeeds with probability .99: ln .01 / ln(1 - p); 0 for p = 1, inf for p = 0.

    Examples
    --------
    >>> n99([0.0, 0.5, 0.99, 1.0]).round(3).tolist()
    [inf, 6.644, 1.0, 0.0]
    """
    probability = np.asarray(p, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(1 - TARGET) / np.log1p(-np.asarray(probability)) + 0.0)


def n99_set(p: npt.ArrayLike) -> FloatArray:
    """Smallest whole n with mean_i[1 - (1 - p_i)^n] ≥ .99 over the last axis; inf where no n reaches it.

    Examples
    --------
    >>> float(n99_set([0.5, 0.5])), float(n99_set([1.0, 0.0]))
    (7.0, inf)
    """
    probability = np.atleast_2d(np.asarray(p, dtype=np.float64))
    with np.errstate(divide="ignore"):
        log_failure = np.log1p(-probability)

    def reached(n: FloatArray) -> npt.NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            failure = np.exp(n[:, None] * log_failure)
        return np.asarray(failure.mean(axis=1) <= 1 - TARGET)

    low = np.zeros(len(probability))
    high = np.ones(len(probability))
    while (open_ := ~reached(high) & (high < _FAR)).any():
        low = np.where(open_, high, low)
        high = np.where(open_, 2 * high, high)
    # Where exactly .01 of the instances are never solved, .99 is the limit and never reached from below.
    never = (probability == 0).mean(axis=1)
    partly = ((probability > 0) & (probability < 1)).any(axis=1)
    far = ~reached(high) | ((never == 0.01) & partly)
    low = np.where(far, high, low)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        inside = reached(middle) & (high - low > 1)
        low, high = np.where(inside | (high - low <= 1), low, middle), np.where(inside, middle, high)
    result = np.where(far, np.inf, high)
    return np.asarray(result[0] if np.ndim(p) == 1 else result)


@dataclass(frozen=True)
class Summary:
    """What counts say about a method on a set; probabilities with 95 % intervals, inf where a number is out of reach.

    Attributes
    ----------
    p, n99 : float
        Pooled over the set: Σk/Σn and its n99.
    n99_set, median_n99 : float
        :func:`n99_set` and the median over instances of the n99 of p_i = k_i/n_i.
    p_ci, n99_ci, n99_set_ci, median_n99_ci : (float, float)
    """

    p: float
    p_ci: Interval
    n99: float
    n99_ci: Interval
    n99_set: float
    n99_set_ci: Interval
    median_n99: float
    median_n99_ci: Interval


def summarize(successes: npt.ArrayLike, episodes: npt.ArrayLike) -> Summary:
    """Estimate everything from the counts (k_i, n_i), each of shape (instances,)."""
    k, n = _counts(successes, episodes)
    p = float(k.sum() / n.sum())
    p_ci = pooled_interval(k, n)
    draws = _per_instance_draws(k, n)
    return Summary(
        p=p,
        p_ci=p_ci,
        n99=float(n99(p)),
        n99_ci=(float(n99(p_ci[1])), float(n99(p_ci[0]))),
        n99_set=float(n99_set(k / n)),
        n99_set_ci=_containing(_interval(n99_set(draws)), float(n99_set(k / n))),
        median_n99=float(_median(n99(k / n))),
        median_n99_ci=_containing(_interval(_median(n99(draws))), float(_median(n99(k / n)))),
    )


def pooled_interval(successes: npt.ArrayLike, episodes: npt.ArrayLike) -> Interval:
    """95 % interval of the pooled p = Σk/Σn.

    The hull of the Bayesian bootstrap over instances (Rubin, Ann. Stat. 9, 130 (1981): Dirichlet weights, which leave
    no instance out, so that a single failure excludes p = 1) and of the quantiles of
    Beta(½ + K, ½ + N - K), K = Σk, N = Σn. Instances that differ only ever add to the binomial spread, so the second is
    a floor; it takes over where the bootstrap has no spread to show: at K = 0, at K = N, and for a single instance. The
    lower end is 0 at K = 0 and the upper end 1 at K = N.
    """
    k, n = _counts(successes, episodes)
    weights = _instance_weights(len(k))
    low, high = _interval((weights @ k) / (weights @ n))
    total, trials = int(k.sum()), int(n.sum())
    beta = stats.beta(0.5 + total, 0.5 + trials - total)
    low = 0.0 if total == 0 else min(low, float(beta.ppf(LEVELS[0])))
    high = 1.0 if total == trials else max(high, float(beta.ppf(LEVELS[1])))
    return low, high


@dataclass(frozen=True)
class Ratio:
    """n99 of one method over n99 of another on the same instances; below 1 the first is better.

    Attributes
    ----------
    value : float
    interval : (float, float)
        95 %.
    """

    value: float
    interval: Interval

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.interval[0]:.3g}, {self.interval[1]:.3g}]"


def paired_ratio(
    successes_a: npt.ArrayLike,
    episodes_a: npt.ArrayLike,
    successes_b: npt.ArrayLike,
    episodes_b: npt.ArrayLike,
    *,
    least: float = 0.0,
) -> Ratio:
    """Ratio of the pooled n99 of two methods, a over b, with instances resampled jointly; an n99 is `least` at least.

    Both p are smoothed to (K + ½)/(N + 1), in the estimate and in every resample, so that a method that always or never
    succeeds has a finite n99. Where the bootstrap over instances has no spread to show for a method (K = 0, K = N, or a
    single instance), its p is drawn from Beta(½ + K, ½ + N - K) instead: two methods that both always succeed have a
    ratio of 1 with a wide interval, not an exact one.

    Raises
    ------
    InputError
        If the numbers of instances differ.
    """
    a, b = _counts(successes_a, episodes_a), _counts(successes_b, episodes_b)
    if len(a[0]) != len(b[0]):
        raise InputError(f"paired ratio: {len(a[0])} and {len(b[0])} instances; the same ones are expected")
    weights = _instance_weights(len(a[0]))
    rng = np.random.default_rng([SEED, 2])
    draws = [_pooled_draws(k, n, weights, rng) for k, n in (a, b)]
    values = [(k.sum() + 0.5) / (n.sum() + 1) for k, n in (a, b)]

    def over(first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
        return np.asarray(np.maximum(n99(first), least) / np.maximum(n99(second), least))

    value = float(over(*values))
    low, high = _containing(_interval(over(*draws)), value)
    if np.ptp(a[0] / a[1]) == 0 and np.ptp(b[0] / b[1]) == 0:
        # All instances alike: the bootstrap shows no spread, but the episodes still have their binomial one.
        free = [_beta_draws(k, n, RESAMPLES, rng) for k, n in (a, b)]
        floor = _interval(over(*free))
        low, high = min(low, floor[0]), max(high, floor[1])
    return Ratio(value, (low, high))


def _pooled_draws(k: IntArray, n: IntArray, weights: FloatArray, rng: np.random.Generator) -> FloatArray:
    if len(k) == 1 or int(k.sum()) in (0, int(n.sum())):
        return _beta_draws(k, n, len(weights), rng)
    return np.asarray(((weights @ k) + 0.5) / ((weights @ n) + 1))


def _beta_draws(k: IntArray, n: IntArray, count: int, rng: np.random.Generator) -> FloatArray:
    total, trials = int(k.sum()), int(n.sum())
    # Clipped where 1 - p would round to 0 and n99 with it.
    return np.clip(rng.beta(0.5 + total, 0.5 + trials - total, size=count), 1e-300, 1 - 1e-15)


def _per_instance_draws(k: IntArray, n: IntArray) -> FloatArray:
    """Resample instances; an instance solved never or always draws its p from Beta(½ + k, ½ + n - k)."""
    rows = _resampled_rows(len(k))
    rng = np.random.default_rng([SEED, 1])
    p = (k / n)[rows]
    extreme = ((k == 0) | (k == n))[rows]
    if len(k) == 1:
        extreme[:] = True
    drawn_k, drawn_n = k[rows][extreme], n[rows][extreme]
    p[extreme] = rng.beta(0.5 + drawn_k, 0.5 + drawn_n - drawn_k)
    return np.asarray(p)


def _instance_weights(instances: int) -> FloatArray:
    """Dirichlet weights of the instances, shape (RESAMPLES, instances); each row sums to their number."""
    rng = np.random.default_rng([SEED, 3])
    return np.asarray(instances * rng.dirichlet(np.ones(instances), size=RESAMPLES))


def _containing(interval: Interval, value: float) -> Interval:
    """The interval, widened to hold its estimate."""
    return min(interval[0], value), max(interval[1], value)


def _resampled_rows(instances: int) -> npt.NDArray[np.intp]:
    rng = np.random.default_rng([SEED, 0])
    return rng.integers(instances, size=(RESAMPLES, instances))


def _median(values: FloatArray) -> FloatArray:
    # np.median averages the two middle values, which is inf - and not nan - where one of them is inf.
    return np.asarray(np.median(values, axis=-1))


def _interval(draws: FloatArray) -> Interval:
    # An order statistic: interpolating next to an infinite draw would give nan.
    low, high = np.quantile(draws, LEVELS, method="inverted_cdf")
    return float(low), float(high)


def _counts(successes: npt.ArrayLike, episodes: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    k, n = np.asarray(successes, dtype=np.int64), np.asarray(episodes, dtype=np.int64)
    if k.ndim != 1 or k.shape != n.shape or len(k) == 0:
        raise InputError(f"counts: shapes {k.shape} and {n.shape}; one count of each for every instance is expected")
    bad = np.flatnonzero((n < 1) | (k < 0) | (k > n))
    if len(bad):
        raise InputError(f"counts: {k[bad[0]]} successes in {n[bad[0]]} episodes at instance {bad[0]}")
    return k, n
