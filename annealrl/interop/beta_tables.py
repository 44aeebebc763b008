"""β at every temperature of an anneal and the sweeps there, from the arguments that D-Wave's samplers take too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.beta_range import default_beta_range
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel

#: What ``beta_schedule_type`` may say.
SCHEDULE_TYPES = ("linear", "geometric", "custom")
DEFAULT_SWEEPS = 1000
#: Temperatures of an anneal where `num_sweeps_per_beta` is not given; a change of β costs the time of a few sweeps.
TEMPERATURES = 100


@dataclass(frozen=True)
class BetaTable:
    """An anneal: ``sweeps[k]`` sweeps at ``betas[k]``.

    Attributes
    ----------
    betas : float64 array, shape (K,)
    sweeps : int64 array, shape (K,)
    kind : str
        One of :data:`SCHEDULE_TYPES`.
    """

    betas: FloatArray
    sweeps: IntArray
    kind: str

    def to_info(self) -> dict[str, Any]:
        """What a sample set says of it; the range is None without sweeps."""
        ends = [float(self.betas[0]), float(self.betas[-1])] if len(self.betas) else None
        return {
            "beta_range": ends,
            "beta_schedule_type": self.kind,
            "beta_schedule": self.betas.tolist(),
            "sweeps": self.sweeps.tolist(),
        }


def interpolate(kind: str, low: float, high: float, count: int) -> FloatArray:
    """`count` inverse temperatures from `low` to `high`; a single one is `high`.

    Raises
    ------
    InputError
        If the kind is neither ``linear`` nor ``geometric``, or an end is negative, infinite or, for ``geometric``, 0.
    """
    if not (np.isfinite([low, high]).all() and min(low, high) >= 0):
        raise InputError(f"beta_range is ({low:g}, {high:g}); two finite numbers ≥ 0 are expected")
    if kind == "geometric" and min(low, high) == 0:
        raise InputError(f"beta_range is ({low:g}, {high:g}); a geometric schedule needs two numbers > 0")
    if kind not in ("linear", "geometric"):
        raise InputError(f"beta_schedule_type is {kind!r}; one of {', '.join(SCHEDULE_TYPES)} is expected")
    space = np.linspace if kind == "linear" else np.geomspace
    return np.asarray(space(low, high, count) if count != 1 else [high], dtype=np.float64)


def beta_table(
    model: IsingModel,
    *,
    beta_range: Sequence[float] | None,
    num_sweeps: int | None,
    num_sweeps_per_beta: int | None,
    beta_schedule_type: str,
    beta_schedule: npt.ArrayLike | None,
) -> BetaTable:
    """Make the table that the arguments of :meth:`annealrl.interop.AnnealRLSampler.sample` describe.

    Raises
    ------
    InputError
        If they are malformed or contradict each other; names the argument.
    """
    for key, value, least in (("num_sweeps", num_sweeps, 0), ("num_sweeps_per_beta", num_sweeps_per_beta, 1)):
        if value is not None and not (_whole(value) and value >= least):
            raise InputError(f"{key} is {value!r}; a whole number ≥ {least} is expected")
    if beta_schedule_type == "custom":
        return _custom(beta_range, num_sweeps, num_sweeps_per_beta or 1, beta_schedule)
    if beta_schedule is not None:
        raise InputError(f"beta_schedule is given, but beta_schedule_type is {beta_schedule_type!r}, not 'custom'")
    low, high = default_beta_range(model) if beta_range is None else _pair(beta_range)
    sweeps = DEFAULT_SWEEPS if num_sweeps is None else int(num_sweeps)
    if num_sweeps_per_beta is None:
        count = min(sweeps, TEMPERATURES)
        shares = np.diff(sweeps * np.arange(count + 1) // max(1, count))
    elif sweeps % num_sweeps_per_beta:
        raise InputError(
            f"num_sweeps is {sweeps}; a multiple of num_sweeps_per_beta, {num_sweeps_per_beta}, is expected"
        )
    else:
        shares = np.full(sweeps // num_sweeps_per_beta, num_sweeps_per_beta)
    return BetaTable(interpolate(beta_schedule_type, low, high, len(shares)), shares, beta_schedule_type)


def _custom(
    beta_range: Sequence[float] | None, num_sweeps: int | None, per_beta: int, beta_schedule: npt.ArrayLike | None
) -> BetaTable:
    try:
        betas = np.array(beta_schedule, dtype=np.float64)
    except (TypeError, ValueError):
        betas = np.array(np.nan)
    if betas.ndim != 1 or not (np.isfinite(betas) & (betas >= 0)).all():
        raise InputError("beta_schedule: a sequence of finite numbers ≥ 0 is expected with beta_schedule_type='custom'")
    if num_sweeps is not None and num_sweeps != len(betas) * per_beta:
        raise InputError(f"num_sweeps is {num_sweeps}, but beta_schedule makes {len(betas)} × {per_beta} sweeps")
    if beta_range is not None and (not len(betas) or _pair(beta_range) != (betas[0], betas[-1])):
        raise InputError("beta_range: the ends of beta_schedule, or None, are expected")
    return BetaTable(betas, np.full(len(betas), per_beta), "custom")


def _pair(beta_range: Sequence[float]) -> tuple[float, float]:
    try:
        low, high = (float(beta) for beta in beta_range)
    except (TypeError, ValueError):
        raise InputError(f"beta_range is {beta_range!r}; two numbers are expected") from None
    return low, high


def _whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
