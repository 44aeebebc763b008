"""Designs that are not Ising models: a space, an energy, and what makes moves cheap."""

from __future__ import annotations

import copy
import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from annealrl.backends import Backend
from annealrl.checks import reals
from annealrl.errors import InputError
from annealrl.family import Family
from annealrl.ising import FloatArray, IntArray
from annealrl.schedules import Geometric
from annealrl.space import Space

if TYPE_CHECKING:
    from annealrl.objective_simulator import ObjectiveSimulator

#: How many random designs measure an objective's energy scale, and how many tell one objective from another.
_SCALE_DESIGNS, _CONTENT_DESIGNS = 256, 8


@dataclass(frozen=True)
class Kernel:
    """Compiled moves of an objective; see :mod:`annealrl.kernels.designs` for the three functions.

    Attributes
    ----------
    init, delta, apply : compiled functions
        With the signatures ``INIT``, ``DELTA`` and ``APPLY`` of that module, or users' own ``@njit``.
    cache : int
        Numbers that a replica's cache holds.
    history : int
        How many of them, at its end, depend on the way to the design, not on the design alone.
    floats, ints : float64 and int64 arrays, one-dimensional
        The instance's data, handed to all three.
    cost : float
        What a proposal costs, in evaluations of the whole energy.
    """

    init: Callable[..., float]
    delta: Callable[..., float]
    apply: Callable[..., None]
    cache: int = 0
    history: int = 0
    floats: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(0))
    ints: IntArray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))
    cost: float = 1.0


class Parts(NamedTuple):
    """What a simulator asks for again and again: the driving objective, its space, and its compiled moves."""

    driving: Objective
    space: Space
    kernel: Kernel | None


class Objective(Family):
    """An energy of designs to be minimised.

    Subclasses are frozen dataclasses with a docstring that states the energy and its source. They need :attr:`space`
    and :meth:`energy`; decorated with :func:`annealrl.register` they are environments. An objective without disorder is
    its own instance; one with disorder overrides :meth:`sample` to return another objective.

    Moves are Metropolis moves of single coordinates. Their energy change comes, in this order, from :attr:`kernel`
    (compiled), from what :attr:`walk` returns (batched over replicas, with a memory), from a method
    ``delta(designs, coordinates, values)`` (batched, without one: shapes (R, n), (R,), (R,) → (R,)), or from
    :meth:`energy` of the whole design.

    Attributes
    ----------
    space : Space
    kernel : Kernel, optional
    known_optimum : float, optional
        The lowest energy, or the lowest known one.
    optimum_status : str
        One of :data:`annealrl.instance_set.STATUSES`: what is known of `known_optimum`.
    tolerance : float
        An energy this far above `known_optimum` is a success.
    extent : float
        What features and rewards divide energies by: 1, or n for energies that grow with n.
    moves : mapping
        Probabilities of the kinds of moves: ``step`` (a change of the size that the annealing controls), ``redraw`` (a
        coordinate anywhere in its range) and ``swap`` (two coordinates of one kind exchange their values).
    default_step : float
        Step size where nothing sets it, as a fraction of a coordinate's range.
    driving : Objective, optional
        The energy that the moves look at, if it is not this one (a surrogate); success is judged by this one.
    gradient : callable, optional
        ``gradient(designs)``, shape (R, n) → (R, n). Where energies come along, override :meth:`value_and_gradient`.
    gradient_cost : float
        What energies with their gradients cost, in evaluations of energies.
    residuals : callable, optional
        ``residuals(design)``, shape (n,): the differences whose mean square is the energy, shape (W,), and their
        Jacobian, shape (W, n); for least squares.
    uncertainty : callable, optional
        ``uncertainty(designs)``, shape (R, n) → (R,): how far the driving energy may be off.
    walk : callable, optional
        ``walk(designs)``, shape (R, n), returns an object that keeps what makes moves from these designs cheap. Its
        ``change(coordinates, values)``, shapes (R,), gives energy changes, shape (R,); ``take(rows)``, a mask of shape
        (R,), is called for the replicas that take the moves proposed last, before `designs` itself is changed.
    move_cost : float
        What a proposal costs without a kernel, in evaluations of energies.
    """

    observations: ClassVar[tuple[str, ...]] = ("designs", "features")
    feature_groups: ClassVar[tuple[str, ...]] = ("time", "temperature", "step_size", "energy", "spread", "acceptance")
    start_option: ClassVar[str] = "initial_designs"
    step_size: ClassVar[bool] = True

    optimum_status: ClassVar[str] = "putative"
    moves: ClassVar[Mapping[str, float]] = {"step": 1.0}
    default_step: ClassVar[float] = 0.1
    delta: ClassVar[Any] = None
    gradient: ClassVar[Any] = None
    gradient_cost: ClassVar[float] = 2.0
    residuals: ClassVar[Any] = None
    uncertainty: ClassVar[Any] = None
    walk: ClassVar[Any] = None

    @property
    @abstractmethod
    def space(self) -> Space:
        """Where designs live."""

    @abstractmethod
    def energy(self, design: FloatArray) -> FloatArray:
        """True energies of designs, float64, shape (R, n) → (R,)."""

    @property
    def kernel(self) -> Kernel | None:
        """Compiled moves."""
        return None

    @property
    def move_cost(self) -> float:
        """What a proposal costs without a kernel."""
        return 1.0

    @property
    def known_optimum(self) -> float | None:
        """The lowest energy that is known."""
        return None

    @property
    def tolerance(self) -> float:
        """How far above the known optimum success reaches."""
        return 1e-9 * max(1.0, abs(self.known_optimum or 0.0))

    @property
    def extent(self) -> float:
        """What features and rewards divide energies by."""
        return 1.0

    @property
    def driving(self) -> Objective:
        """The energy that the moves look at."""
        return self

    # -- as an instance (annealrl.family.Problem) ------------------------------------------------------------------

    @cached_property
    def parts(self) -> Parts:
        """Driving objective, space and kernel, made once."""
        driving = self.driving
        return Parts(driving, self.space, driving.kernel)

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return self.parts.space.n

    @property
    def name(self) -> str:
        """What to call the instance in results."""
        return str(vars(self).get("_name", type(self).__name__))

    def named(self, name: str) -> Objective:
        """The same objective under another name."""
        named = copy.copy(self)
        # Parts that are known already would name the original as what drives the moves.
        vars(named).pop("parts", None)
        object.__setattr__(named, "_name", name)
        return named

    @property
    def scale_designs(self) -> int:
        """How many random designs tell the energy scale; fewer where an energy takes long."""
        return _SCALE_DESIGNS

    @cached_property
    def energy_scale(self) -> float:
        """σ/√extent, σ being the standard deviation of the driving energy over random designs, always the same ones."""
        energies = self.parts.driving.energies(self.parts.space.random(np.random.default_rng(0), self.scale_designs))
        scale = float(energies.std())
        if not scale > 0:
            raise InputError(f"objective {self.name!r}: its energy is the same for all random designs")
        return scale / float(np.sqrt(self.extent))

    @property
    def energy_spread(self) -> float:
        """σ itself."""
        return self.energy_scale * float(np.sqrt(self.extent))

    @property
    def yardstick(self) -> float:
        """σ·√extent, which grows with the instance as its lowest energy does."""
        return self.energy_scale * self.extent

    @property
    def slack(self) -> float:
        """The same as the tolerance."""
        return self.tolerance

    @property
    def rounding(self) -> float:
        """How much energies of one design, computed in batches of different size, may differ."""
        return 1e-9 * max(1.0, self.energy_spread, abs(self.known_optimum or 0.0))

    @property
    def content(self) -> Sequence[bytes]:
        """Class, parameters, the kernel's data, and what the code of the class says.

        A class that is edited keeps its name, so energies of a few random designs (always the same ones, true and
        driving, to nine digits), the success rule and the kinds of moves are there too: what was measured on another
        energy is not taken for a measurement of this one.
        """
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        parts = [type(self).__module__.encode(), type(self).__qualname__.encode()]
        for value in (getattr(self, field.name) for field in fields):
            parts.append(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        designs = self.parts.space.random(np.random.default_rng(0), _CONTENT_DESIGNS)
        parts += [_nine_digits(objective.energies(designs)) for objective in (self, self.parts.driving)]
        rule = (self.known_optimum, self.tolerance, sorted(self.moves.items()), self.default_step)
        parts.append(repr(rule).encode())
        kernel = self.kernel
        return parts if kernel is None else [*parts, kernel.floats.tobytes(), kernel.ints.tobytes()]

    def energies(self, designs: npt.ArrayLike) -> FloatArray:
        """Energies of designs, shape (R, n) → (R,), checked.

        Raises
        ------
        InputError
            If the designs have another shape or hold what is not finite, or if :meth:`energy` returns such.
        """
        x = reals(designs, f"objective {self.name!r}: designs", truth=self.parts.space.truth)
        if x.shape[-1:] != (self.space.n,):
            raise InputError(f"objective {self.name!r}: designs of shape {x.shape}; (R, {self.space.n}) is expected")
        if not np.isfinite(x).all():
            r, k = (int(at) for at in np.argwhere(~np.isfinite(x.reshape(-1, self.space.n)))[0])
            shown = x.reshape(-1, self.space.n)[r, k]
            raise InputError(
                f"objective {self.name!r}: coordinate {k} of design {r} is {shown}; a finite number is expected"
            )
        values = np.asarray(self.energy(x), np.float64)
        if values.shape != x.shape[:-1]:
            raise InputError(
                f"objective {self.name!r}: energy() returned shape {values.shape} for {len(x)} designs; "
                f"{x.shape[:-1]} is expected"
            )
        if not np.isfinite(values).all():
            at = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(f"objective {self.name!r}: the energy of design {x[at].tolist()} is {values[at]}")
        return values

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energies and gradients, shapes (R,) and (R, n); what gradient methods call.

        Raises
        ------
        InputError
            If the objective has no gradient.
        """
        if self.gradient is None:
            raise InputError(f"objective {self.name!r} has no gradient")
        return self.energies(designs), np.asarray(self.gradient(designs), np.float64)

    def energy_of(self, design: npt.ArrayLike) -> float:
        """The energy of one design, shape (n,).

        Raises
        ------
        InputError
            If the design has another shape, or lies outside the space.
        """
        x = reals(design, f"objective {self.name!r}: the design", truth=self.parts.space.truth)
        self.space.check(x, f"objective {self.name!r}")
        return float(self.energies(x[None])[0])

    # -- as a family -----------------------------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> Objective:
        """Draw one instance: itself, unless there is disorder."""
        return self

    def start(self, model: Objective) -> FloatArray | None:
        """Random designs."""
        return None

    def ground_energy(self, model: Objective) -> float | None:
        """What is known of the instance."""
        return model.known_optimum

    def defaults(self) -> Mapping[str, Any]:
        """Temperatures in units of the energy scale, from hot to cold."""
        scale = self.sample(np.random.default_rng(0)).energy_scale
        general = {
            "action": "delta_log_temperature",
            "beta_start": 1.0 / scale,
            "beta_max": 1e6 / scale,
            "step_start": self.default_step,
            "reference": Geometric(1.0, 300.0, sigma_units=True),
        }
        return {**general, **self.env_defaults}

    def simulator(
        self,
        models: Sequence[Any],
        replicas: int,
        *,
        seeds: Sequence[np.random.SeedSequence],
        initial: str,
        threads: int | None,
        largest: int,
        backend: Backend = "cpu",
    ) -> ObjectiveSimulator:
        """An :class:`~annealrl.objective_simulator.ObjectiveSimulator`."""
        from annealrl.objective_simulator import ObjectiveSimulator

        if backend != "cpu":
            raise InputError(f"backend {backend!r}: {type(self).__name__} is no Ising model; 'cpu' is expected")
        return ObjectiveSimulator(models, replicas, seeds=seeds, initial=initial, threads=threads, largest=largest)


def _nine_digits(energies: FloatArray) -> bytes:
    # Rounded, as the last bits depend on the machine; + 0.0 turns -0 into 0.
    largest = float(np.abs(energies).max())
    shares = np.round(energies / (largest or 1.0), 9) + 0.0
    return f"{largest:.9g}".encode() + shares.tobytes()


Objective.model_type = Objective
