"""A flat lens of round pillars, designed on a reduced model of how they scatter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.errors import InputError
from annealrl.family import check_positive
from annealrl.ising import FloatArray, IntArray
from annealrl.kernels import lens_designs
from annealrl.metalens.beam import PILLARS, ComplexArray
from annealrl.metalens.goals import GOALS, make_goal
from annealrl.metalens.records import best_known
from annealrl.metalens.reduced import MODES
from annealrl.metalens.store import SCATTERING, SHIPPED, load_model
from annealrl.objective import Kernel, Objective
from annealrl.registry import unknown
from annealrl.space import Box, Levels, Space

if TYPE_CHECKING:
    from annealrl.metalens.optics import NineCells, Optics

#: Most designs that are all looked at to know the lowest energy.
_ALL = 20_000
#: Most numbers in the tables of a lens.
_MOST_NUMBERS = 2**28
#: Pillars a side beyond which fewer designs tell the energy scale under a network.
_LARGE = 60


@register("Metalens-v0")
@dataclass(frozen=True)
class Metalens(Objective):
    r"""Metalens of round pillars (Zhelyeznyakov, Brunton and Majumdar, ACS Photonics 8, 481 (2021)).

    .. math:: I_p = \Big|\sum_i \sum_{m=1}^{16} G_{pim}\, w_m(r \text{ of pillar } i \text{ and its neighbours})\Big|^2

    `pillars` × `pillars` silicon nitride pillars, 443.1 nm apart and 633 nm high, with radii on `levels` even levels
    from 50 to 215 nm (0: anywhere between). Fields over cells are 16 modes; their weights w follow from nine radii by
    the ``linear`` model (powers of radii), the ``deep`` one, or the ``local`` phase approximation, all fitted to a
    scalar beam-propagation substitute for Maxwell's equations. G is Rayleigh and Sommerfeld's integral. 1 is the
    intensity of a perfect and lossless lens of 633 nm at its focal length (µm; as wide as the lens unless it is said).
    Goals:

    - ``focus``: E = -I at the focus;
    - ``annulus``: E = the larger of -⟨I⟩ on a circle of `ring` µm at 400 nm and -I at the focus at 633 nm;
    - ``depth``: E = -Σ log I at eleven points of the axis from f to 3f.

    The linear and the local model are sums over pillars, and moves are compiled, at a cost of O(points); the deep one
    computes nine cells anew. Success is the share `fraction` of the best known intensity (of its geometric mean for
    ``depth``), or of the optimum where all designs can be looked at. `models` is a folder of one's own models.
    """

    example: ClassVar[Mapping[str, Any]] = {"pillars": 3, "levels": 2}

    pillars: int = 11
    levels: int = 16
    goal: Literal["focus", "annulus", "depth"] = "focus"
    scattering: Literal["linear", "deep", "local"] = "linear"
    focal_length: float | None = None
    ring: float = 1.5
    fraction: float = 0.99
    models: str | None = None

    def __post_init__(self) -> None:
        for key, least in (("pillars", 3), ("levels", 0)):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise InputError(f"{key} is {value!r}; a whole number ≥ {least} is expected")
        if self.levels == 1:
            raise InputError("levels is 1; 0 (any radius) or at least 2 is expected")
        if self.goal not in GOALS:
            raise unknown("goal", self.goal, GOALS)
        if self.scattering not in SCATTERING:
            raise unknown("scattering", self.scattering, SCATTERING)
        for key, number in (("focal_length", self.focus), ("ring", self.ring)):
            check_positive(key, number)
            if not np.isfinite(number):
                raise InputError(f"{key} is {number}; a finite number of µm is expected")
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction is {self.fraction}; a number between 0 and 1 is expected")
        if self.models is not None and not Path(self.models).is_dir():
            raise InputError(f"models: {self.models} is no folder")
        # Complex: what each mode of each cell, and each level of each pillar, gives at the points.
        points = len(make_goal(self.goal, 1.0, 1.0).weights)
        taken = 2 * points * self.pillars**2 * (MODES + (self.levels if self._tabulated else 0)) + self.levels
        if taken > _MOST_NUMBERS:
            raise InputError(
                f"pillars {self.pillars}, levels {self.levels}: the lens would take {taken * 8 / 2**30:.1f} GiB; "
                "fewer are expected"
            )

    @property
    def focus(self) -> float:
        """`focal_length`, or what stands for it, µm."""
        return self.pillars * PILLARS.period / 1e3 if self.focal_length is None else self.focal_length

    @cached_property
    def space(self) -> Space:
        """Radii row by row, nm."""
        if self.levels == 0:
            return Box(PILLARS.smallest, PILLARS.largest, self.pillars**2, unit="nm")
        return Levels(self.levels, self.pillars**2, PILLARS.smallest, PILLARS.largest, unit="nm")

    @cached_property
    def radii(self) -> FloatArray:
        """The levels, nm; none where radii are continuous."""
        return np.linspace(PILLARS.smallest, PILLARS.largest, self.levels)

    def lattice_shape(self, model: Metalens) -> tuple[int, ...] | None:
        """That of the lens."""
        return (model.pillars, model.pillars)

    @cached_property
    def optics(self) -> Optics:
        """Fields, gradients and moves under the model."""
        from annealrl.metalens.optics import Optics

        goal = make_goal(self.goal, 1e3 * self.focus, 1e3 * self.ring)
        folder = SHIPPED if self.models is None else Path(self.models)
        found = [load_model(self.scattering, float(colour), folder) for colour in np.unique(goal.wavelengths)]
        for model in found:
            if not model.smallest <= PILLARS.smallest < PILLARS.largest <= model.largest:
                raise InputError(f"{folder}: models of radii from {model.smallest:g} to {model.largest:g} nm")
        return Optics(self.pillars, goal, found)

    @property
    def scale_designs(self) -> int:
        """Fewer where a network runs over the windows of a large lens."""
        return super().scale_designs if self._tabulated or self.pillars <= _LARGE else 24

    @property
    def _tabulated(self) -> bool:
        return self.scattering != "deep" and self.levels > 0

    @cached_property
    def _table(self) -> tuple[ComplexArray, ComplexArray]:
        return self.optics.table(self.radii)

    def fields(self, designs: FloatArray) -> ComplexArray:
        """Fields at the focal points, shape (R, n) → (R, P).

        Raises
        ------
        InputError
            If radii lie outside the pillars' range, or between levels where energies are those of a table.
        """
        x = self.space.batch(designs, "metalens")
        if not self._tabulated:
            return self.optics.fields(x)
        place = (x - PILLARS.smallest) / self.space.spacing[0]
        nearest = np.rint(place)
        if not (np.abs(place - nearest) < 1e-6).all():
            off = x.flat[np.abs(place - nearest).argmax()]
            raise InputError(f"metalens: a radius of {off:g} nm is none of the {self.levels} levels")
        constant, table = self._table
        index: IntArray = nearest.astype(np.int64)
        return np.asarray(constant + np.stack([table[np.arange(self.space.n), row].sum(axis=0) for row in index]))

    def energy(self, design: FloatArray) -> FloatArray:
        """See above."""
        return self.optics.energies(self.fields(design))

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂E/∂r as if radii were continuous, 1/nm, shape (R, n) → (R, n)."""
        return self.value_and_gradient(design)[1]

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both at once; radii need not be on levels."""
        return self.optics.value_and_gradient(self.space.batch(designs, "metalens"))

    @cached_property
    def kernel(self) -> Kernel | None:
        """Compiled moves of one-body models on levels."""
        if not self._tabulated:
            return None
        constant, table = self._table
        goal = self.optics.goal
        points = len(goal.weights)
        start = [np.array([PILLARS.smallest, self.space.spacing[0]]), goal.weights]
        floats = np.concatenate([*start, constant.view(np.float64), table.reshape(-1).view(np.float64)])
        return Kernel(
            lens_designs.lens_init,
            lens_designs.lens_delta,
            lens_designs.lens_apply,
            cache=2 * points + 1,
            floats=floats,
            ints=np.array([goal.form, self.levels, points, goal.second], np.int64),
            cost=1 / self.space.n,
        )

    def walk(self, designs: FloatArray) -> NineCells:
        """Moves that compute nine cells anew."""
        return self.optics.walk(designs)

    @property
    def move_cost(self) -> float:
        """Nine cells of all."""
        return min(1.0, 9 / self.space.n)

    # -- what is known of the optimum --------------------------------------------------------------------------------

    @property
    def _few(self) -> bool:
        return self.levels > 0 and self.space.n * np.log(self.levels) <= np.log(_ALL)

    @property
    def optimum_status(self) -> str:  # type: ignore[override]
        """``optimal`` where all designs can be looked at."""
        return "optimal" if self._few else "putative"

    @cached_property
    def known_optimum(self) -> float | None:
        """The optimum of a handful of pillars, or the best known energy of a lens with all else as it is shipped."""
        if self._few:
            places = np.arange(self.levels**self.space.n)
            index = np.stack([places // self.levels**i % self.levels for i in range(self.space.n)], axis=1)
            return float(self.energies(self.radii[index]).min())
        return best_known(self)

    @property
    def tolerance(self) -> float:
        """What `fraction` leaves of the best known intensity."""
        if self.known_optimum is None:
            return 1e-9
        if self.goal == "depth":
            return float(-np.log(self.fraction) * self.optics.goal.weights.sum())
        return (1 - self.fraction) * abs(self.known_optimum)
