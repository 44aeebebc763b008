"""Where designs live: boxes, angles, levels, bits, and mixtures of them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.checks import reals
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray
from annealrl.kernels import designs as codes


class Space:
    """n coordinates with their bounds; a design is a float64 array of shape (n,), whatever the kinds of coordinates.

    Attributes
    ----------
    n : int
    low, high : float64 array, shape (n,)
        Bounds of every coordinate; of an angle `high` is the same as `low`.
    levels : int64 array, shape (n,)
        Number of evenly spaced values that a coordinate takes, `low` among them; 0 where it is continuous.
    kinds : int64 array, shape (n,)
        The codes of :mod:`annealrl.kernels.designs`.
    groups : int64 array, shape (n,)
        Coordinates of one group may swap their values.
    unit : str
    """

    def __init__(
        self,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        n: int,
        kind: int,
        levels: int = 0,
        unit: str = "",
    ) -> None:
        if n < 1:
            raise InputError(f"space: {n} coordinates; at least 1 is expected")
        if levels and levels < 2:
            raise InputError(f"space: {levels} levels; at least 2 are expected")
        try:
            self.low: FloatArray = np.array(np.broadcast_to(np.asarray(low, np.float64), (n,)))
            self.high: FloatArray = np.array(np.broadcast_to(np.asarray(high, np.float64), (n,)))
        except ValueError:
            raise InputError(f"space: bounds do not fit {n} coordinates") from None
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all() and (self.low < self.high).all()):
            raise InputError("space: finite bounds with low < high are expected")
        self.n, self.unit = n, unit
        self.kinds: IntArray = np.full(n, kind, np.int64)
        self.levels: IntArray = np.full(n, levels, np.int64)
        bounds = np.stack([self.low, self.high], axis=1)
        self.groups: IntArray = np.unique(bounds, axis=0, return_inverse=True)[1].reshape(n).astype(np.int64)

    @property
    def arrays(self) -> tuple[IntArray, FloatArray, FloatArray, IntArray, IntArray]:
        """What kernels take."""
        return self.kinds, self.low, self.high, self.levels, self.groups

    @property
    def periodic(self) -> npt.NDArray[np.bool_]:
        """Which coordinates have no ends, shape (n,)."""
        return np.isin(self.kinds, (codes.ANGLE, codes.CLOCK))

    def random(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Uniform designs, shape (count, n); more of them extend fewer."""
        u = rng.random((count, self.n))
        continuous = self.low + u * (self.high - self.low)
        index = np.minimum(np.floor(u * np.maximum(self.levels, 1)), np.maximum(self.levels - 1, 0))
        return np.where(self.levels > 0, self.low + index * self.spacing, continuous)

    @property
    def spacing(self) -> FloatArray:
        """Distance of neighbouring levels, shape (n,); 0 where a coordinate is continuous."""
        gaps = np.where(self.periodic, self.levels, self.levels - 1)
        return np.where(self.levels > 0, (self.high - self.low) / np.maximum(gaps, 1), 0.0)

    def contains(self, designs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether designs, shape (..., n), lie in the space, on its levels up to rounding; shape (...)."""
        x = np.asarray(designs, np.float64)
        if x.shape[-1:] != (self.n,):
            raise InputError(f"designs have shape {x.shape}; (..., {self.n}) is expected")
        slack = 1e-9 * (self.high - self.low)
        index = (x - self.low) / np.where(self.levels > 0, self.spacing, 1.0)
        on_levels = (self.levels == 0) | (np.abs(index - np.round(index)) < 1e-6)
        inside: npt.NDArray[np.bool_] = ((x >= self.low - slack) & (x <= self.high + slack) & on_levels).all(axis=-1)
        return inside

    def check(self, design: FloatArray, where: str) -> None:
        """Say which coordinate of a design leaves its bounds; angles have none.

        Raises
        ------
        InputError
            If one does, holds NaN, or the shape is not (n,).
        """
        if design.shape != (self.n,):
            raise InputError(f"{where}: a design of shape {design.shape}; ({self.n},) is expected")
        self._refuse_outside(design[None], where, "the design")

    @cached_property
    def truth(self) -> bool:
        """Whether truth values are coordinates: where all of them are on levels."""
        return bool((self.levels > 0).all())

    def batch(self, designs: npt.ArrayLike, where: str) -> FloatArray:
        """Designs as a contiguous float64 array, shape (R, n), each of them checked as by :meth:`check`.

        Raises
        ------
        InputError
            If a coordinate leaves its bounds or is NaN, which names the design too, or the shape is another one.
        """
        x = np.ascontiguousarray(reals(designs, f"{where}: designs", truth=self.truth))
        if x.ndim != 2 or x.shape[1] != self.n:
            raise InputError(f"{where}: designs of shape {np.shape(designs)}; (R, {self.n}) is expected")
        self._refuse_outside(x, where, "design")
        return x

    @cached_property
    def _limits(self) -> tuple[FloatArray, FloatArray]:
        """Bounds with room for rounding; of what is periodic, all finite numbers."""
        slack, largest = 1e-9 * (self.high - self.low), np.finfo(np.float64).max
        low = np.where(self.periodic, -largest, self.low - slack)
        return low, np.where(self.periodic, largest, self.high + slack)

    def _refuse_outside(self, designs: FloatArray, where: str, which: str) -> None:
        low, high = self._limits
        inside = (designs >= low) & (designs <= high)
        if not inside.all():
            r, k = (int(at) for at in np.argwhere(~inside)[0])
            which = which if which.startswith("the") else f"{which} {r}"
            bounds = "a finite number" if self.periodic[k] else f"{self.low[k]:g} to {self.high[k]:g}"
            raise InputError(f"{where}: coordinate {k} of {which} is {designs[r, k]:g}; {bounds} is expected")

    def scaled(self, designs: FloatArray) -> FloatArray:
        """Map every coordinate's range to [-1, 1]."""
        return np.clip(2 * (designs - self.low) / (self.high - self.low) - 1, -1.0, 1.0)


class Box(Space):
    """n continuous coordinates between bounds, scalars or shape (n,); proposals are reflected at them."""

    def __init__(self, low: npt.ArrayLike, high: npt.ArrayLike, n: int, unit: str = "") -> None:
        super().__init__(low, high, n, codes.INTERVAL, unit=unit)


class Angles(Space):
    """n continuous periodic coordinates in [low, high); by default angles in [0, 2π)."""

    def __init__(self, n: int, low: float = 0.0, high: float = 2 * np.pi, unit: str = "rad") -> None:
        super().__init__(low, high, n, codes.ANGLE, unit=unit)


class Levels(Space):
    """n coordinates on `count` evenly spaced values from `low` to `high`, by default 0 … count - 1.

    Periodic ones (a clock) wrap around, so that `high` is `low` again and not a value of its own.
    """

    def __init__(
        self,
        count: int,
        n: int,
        low: npt.ArrayLike = 0.0,
        high: npt.ArrayLike | None = None,
        *,
        periodic: bool = False,
        unit: str = "",
    ) -> None:
        if high is None:
            high = np.asarray(low) + (count if periodic else count - 1)
        super().__init__(low, high, n, codes.CLOCK if periodic else codes.LADDER, count, unit)


class Colours(Space):
    """n coordinates on `count` values 0 … count - 1 without order: every other one is as near as any."""

    def __init__(self, count: int, n: int) -> None:
        super().__init__(0.0, count - 1, n, codes.COLOUR, count)


class Binary(Colours):
    """n bits, 0 or 1."""

    def __init__(self, n: int) -> None:
        super().__init__(2, n)


class Mixed(Space):
    """Spaces one after the other; values are swapped within each of them alone."""

    def __init__(self, *spaces: Space) -> None:
        if not spaces:
            raise InputError("space: a mixture of nothing; at least one space is expected")
        self.n, self.unit = sum(space.n for space in spaces), ""
        for key in ("low", "high", "kinds", "levels"):
            joined: Any = np.concatenate([getattr(space, key) for space in spaces])
            setattr(self, key, joined)
        offsets = np.cumsum([0, *(int(space.groups.max()) + 1 for space in spaces[:-1])])
        self.groups = np.concatenate([space.groups + first for space, first in zip(spaces, offsets, strict=True)])
