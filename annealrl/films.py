"""Stacks of thin films as objectives: what light meets, and how far its spectrum is from a wanted one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from annealrl.checks import complexes, enough_memory, reals, whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.kernels import film_designs
from annealrl.objective import Kernel, Objective
from annealrl.space import Box, Mixed, Space

Complex = npt.NDArray[np.complex128]
Quantity = Literal["reflectance", "transmittance", "absorptance"]
Polarisation = Literal["s", "p"]
#: Logarithm of the most that fields may fall by; twice as much is near the end of what float64 holds.
_OPAQUE = 340.0


class Media(NamedTuple):
    """What :mod:`annealrl.kernels.transfer_matrix` takes; shapes (L, W) and (W,)."""

    wave_numbers: Complex
    admittances: Complex
    incident: Complex
    exit: Complex


def checked_wavelengths(wavelengths: npt.ArrayLike) -> FloatArray:
    """Wavelengths as float64, shape (W,).

    Raises
    ------
    InputError
        Unless there are some, positive, finite and rising.
    """
    values = np.atleast_1d(reals(wavelengths, "wavelengths"))
    if values.ndim != 1 or not values.size:
        raise InputError(f"wavelengths have shape {values.shape}; (W,) with at least one is expected")
    if not (np.isfinite(values).all() and (values > 0).all()):
        at = int(np.flatnonzero(~(np.isfinite(values) & (values > 0)))[0])
        raise InputError(f"wavelengths[{at}] is {values[at]}; a positive finite number is expected")
    if not (np.diff(values) > 0).all():
        at = int(np.flatnonzero(np.diff(values) <= 0)[0]) + 1
        raise InputError(f"wavelengths[{at}] = {values[at]:g} does not rise beyond {values[at - 1]:g}; sort them")
    return values


def checked_target(target: npt.ArrayLike, count: int) -> FloatArray:
    """A target spectrum as float64, shape (W,).

    Raises
    ------
    InputError
        If it has another length, or a value that is not finite.
    """
    values = reals(target, "the target")
    if values.shape != (count,):
        raise InputError(f"the target has shape {values.shape}; ({count},), a value for each wavelength, is expected")
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"target[{at}] is {values[at]}; finite numbers are expected")
    return values


def checked_layers(layers: int, wavelengths: int = 1, what: str = "layers", each: int = 1) -> None:
    """Raise an InputError unless there is one at least, and memory for what is kept of them at every wavelength.

    Parameters
    ----------
    each : int
        Layers that one of what is counted has.
    """
    whole(layers, what, 1)
    # Index, wave number and admittance of each, and what a move of it needs.
    enough_memory(9 * 16.0 * each * layers * wavelengths, f"{what} is {layers}, which at {wavelengths} wavelengths")


def _checked_indices(indices: npt.ArrayLike, what: str, shape: tuple[int, ...]) -> Complex:
    values = complexes(indices, what)
    try:
        values = np.array(np.broadcast_to(values[:, None] if values.ndim == 1 and len(shape) == 2 else values, shape))
    except ValueError:
        raise InputError(f"{what} has shape {values.shape}, which does not fit {shape}") from None
    if not np.isfinite(values).all() or not (values.real > 0).all():
        wrong = values[~(np.isfinite(values) & (values.real > 0))][0]
        raise InputError(f"{what} holds {wrong}; finite refractive indices with a positive real part are expected")
    if (values.imag < 0).any():
        wrong = values[values.imag < 0][0]
        raise InputError(f"{what} holds {wrong}, which is gain; an imaginary part ≥ 0 is expected (absorption)")
    return values


@dataclass(frozen=True, eq=False)
class FilmStack:
    """Layers between two half-spaces, seen in the order in which light meets them.

    Parameters
    ----------
    indices : array_like
        Refractive indices of the layers, shape (L,) or (L, W); complex where they absorb, n + ik with k ≥ 0.
    wavelengths : array_like
        In vacuum, shape (W,), rising, in the unit of the thicknesses (nm).
    incident, exit : complex or array_like
        Indices of the half-spaces, the first one lossless.
    angle : float
        Of incidence, in degrees.
    polarisation : "s" or "p"

    Raises
    ------
    InputError
        If there is no layer, an index has gain, wavelengths are empty or unsorted, or anything is not finite.
    """

    indices: Any
    wavelengths: Any
    incident: Any = 1.0
    exit: Any = 1.0
    angle: float = 0.0
    polarisation: Polarisation = "s"

    def __post_init__(self) -> None:
        wavelengths = checked_wavelengths(self.wavelengths)
        indices = complexes(self.indices, "indices")
        layers = len(indices) if indices.ndim else 0
        if not layers:
            raise InputError("indices: a stack of no layers; at least one is expected")
        if self.polarisation not in get_args(Polarisation):
            raise InputError(f"polarisation is {self.polarisation!r}; s or p is expected")
        angle = reals(self.angle, "angle")
        if angle.ndim or not 0.0 <= angle < 90.0:
            raise InputError(f"angle is {self.angle}; degrees in [0, 90) are expected")
        count = len(wavelengths)
        object.__setattr__(self, "wavelengths", wavelengths)
        object.__setattr__(self, "indices", _checked_indices(self.indices, "indices", (layers, count)))
        for name in ("incident", "exit"):
            object.__setattr__(self, name, _checked_indices(getattr(self, name), name, (count,)))
        if self.incident.imag.any():
            raise InputError("incident: the medium that light comes from absorbs it; a real index is expected")

    @property
    def layers(self) -> int:
        """L."""
        return len(self.indices)

    @cached_property
    def vacuum(self) -> FloatArray:
        """2π over the wavelengths, shape (W,)."""
        return np.asarray(2 * np.pi / self.wavelengths)

    @cached_property
    def media(self) -> Media:
        """Wave numbers across the films and admittances."""
        along = self.incident * np.sin(np.radians(self.angle))
        cosines = [np.sqrt(1 - (along / n) ** 2) for n in (self.indices, self.incident, self.exit)]
        slow = self.polarisation == "s"
        eta = [
            np.ascontiguousarray(n * c if slow else n / c)
            for n, c in zip((self.indices, self.incident, self.exit), cosines, strict=True)
        ]
        return Media(np.ascontiguousarray(self.vacuum * self.indices * cosines[0]), eta[0], eta[1], eta[2])


class FilmObjective(Objective):
    """An energy of thin films, by the spectrum of one quantity; see :mod:`annealrl.kernels.film_designs`.

    Subclasses say what the stack is, which layers are designed and within which bounds, and what is wanted. Moves are
    compiled and gradients exact. Energies are mean squared differences from :attr:`target`, or 1 - the mean.

    Attributes
    ----------
    stack : FilmStack
    quantity : str
        ``reflectance``, ``transmittance`` or ``absorptance``.
    target : float64 array, shape (W,), or None
        None asks for as much of the quantity as can be.
    designed : int64 array
        The layers whose thicknesses are coordinates.
    permittivities : pair of float, optional
        Bounds of the permittivities, where they are coordinates too: of all layers, before all thicknesses. Layers are
        lossless then and light comes straight.
    """

    #: A call is a call, with or without its gradient, as published counts have it; it takes 3.4 times as long
    #: (scripts/bench_films.py), which seconds show.
    gradient_cost: ClassVar[float] = 1.0
    quantity: Quantity = "reflectance"
    permittivities: ClassVar[tuple[float, float] | None] = None

    @property
    @abstractmethod
    def stack(self) -> FilmStack:
        """The films."""

    @property
    @abstractmethod
    def bounds(self) -> tuple[float, float]:
        """Least and largest thickness of a designed layer."""

    @property
    def target(self) -> FloatArray | None:
        """The wanted spectrum."""
        return None

    @property
    def thickness(self) -> FloatArray:
        """Of all layers, shape (L,), where no coordinate sets it."""
        return np.zeros(self.stack.layers)

    @property
    def designed(self) -> npt.NDArray[np.int64]:
        """All layers."""
        return np.arange(self.stack.layers, dtype=np.int64)

    @cached_property
    def space(self) -> Space:
        """Thicknesses in nm, after permittivities if they are designed."""
        thicknesses = Box(*self.bounds, len(self.designed), unit="nm")
        if self.permittivities is None:
            return thicknesses
        return Mixed(Box(*self.permittivities, self.stack.layers), thicknesses)

    def _refuse_opaque(self) -> None:
        # Fields grow by exp(Im k d) through a film; the square of their product must be a number.
        most = np.array(self.thickness, np.float64)
        most[self.designed] = self.bounds[1]
        depth = self.stack.media.wave_numbers.imag.T @ most
        if depth.max() > _OPAQUE:
            at = float(self.stack.wavelengths[depth.argmax()])
            raise InputError(
                f"objective {self.name!r}: films up to {self.bounds[1]:g} thick weaken light of wavelength {at:g} by "
                f"exp(-{depth.max():.0f}) in all; at most exp(-{_OPAQUE:.0f}) can be computed, so thinner ones are "
                "expected"
            )

    @cached_property
    def _data(self) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        stack, target, free = self.stack, self.target, self.permittivities is not None
        count = len(stack.wavelengths)
        wanted = np.zeros(count) if target is None else checked_target(target, count)
        designed = np.concatenate([np.arange(stack.layers), self.designed]) if free else self.designed
        self._refuse_opaque()
        sizes = [stack.layers, count, len(designed), film_designs.QUANTITIES.index(self.quantity)]
        ints = np.concatenate([sizes, [target is not None, free], designed]).astype(np.int64)
        return film_designs.pack(np.asarray(self.thickness, np.float64), wanted, stack.vacuum, *stack.media), ints

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves; a proposal is one call of the simulator."""
        floats, ints = self._data
        return Kernel(
            film_designs.film_init,
            film_designs.film_delta,
            film_designs.film_apply,
            cache=film_designs.cache_size(int(ints[0]), int(ints[1]), bool(ints[5])),
            floats=floats,
            ints=ints,
        )

    def _checked(self, designs: npt.ArrayLike) -> FloatArray:
        return self.parts.space.batch(designs, f"objective {self.name!r}")

    def spectra(self, designs: npt.ArrayLike) -> FloatArray:
        """The quantity at all wavelengths, shape (R, n) → (R, W).

        Raises
        ------
        InputError
            Here and in all that is computed from it, if a coordinate leaves its bounds or is NaN.
        """
        x = self._checked(designs)
        out = np.zeros((len(x), int(self._data[1][1])))
        film_designs.film_spectra(*self._data, x, out)
        return out

    def energy(self, design: FloatArray) -> FloatArray:
        """Mean squared difference from the target, or 1 - the mean, shape (R, n) → (R,)."""
        return self._judged(self.spectra(design))

    def _judged(self, spectra: FloatArray) -> FloatArray:
        if self.target is None:
            return np.asarray(1.0 - spectra.mean(axis=1))
        return np.asarray(((spectra - self.target) ** 2).mean(axis=1))

    def slopes(self, designs: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Spectra and their derivatives by all coordinates, shapes (R, W) and (R, W, n)."""
        x = self._checked(designs)
        shape = (len(x), int(self._data[1][1]))
        out, by = np.zeros(shape), np.zeros((*shape, x.shape[1]))
        film_designs.film_slopes(*self._data, x, out, by)
        return out, by

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂E by all coordinates, shape (R, n) → (R, n)."""
        return self.value_and_gradient(design)[1]

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both by one pass through the layers."""
        spectra, by = self.slopes(designs)
        if self.target is None:
            return self._judged(spectra), -by.mean(axis=1)
        return self._judged(spectra), 2.0 / spectra.shape[1] * np.einsum("rw,rwc->rc", spectra - self.target, by)

    def residuals(self, design: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What least squares make small, shape (W,), and its Jacobian, shape (W, n); its mean square is the energy.

        Differences from the target; where there is none, the roots of what the quantity lacks to 1.
        """
        spectra, by = self.slopes([design])
        if self.target is not None:
            return spectra[0] - self.target, by[0]
        lack = np.sqrt(np.maximum(1.0 - spectra[0], 0.0))
        # Where nothing is lacking the quantity is at its maximum, and so has no slope.
        return lack, -by[0] / (2 * np.where(lack > 0, lack, np.inf))[:, None]


@dataclass(frozen=True, eq=False)
class FilmDesign(FilmObjective):
    r"""Thin films of one's own: thicknesses whose spectrum comes near a target.

    .. math:: E = \frac{1}{W} \sum_w [q(\lambda_w) - q^*_w]^2 \quad \text{or} \quad
              E = 1 - \frac{1}{W} \sum_w q(\lambda_w)

    Parameters
    ----------
    films : FilmStack
    low, high : float
        Bounds of every thickness, in the unit of the wavelengths.
    quantity : str
        ``reflectance``, ``transmittance`` or ``absorptance``.
    wanted : array_like, optional
        The target, shape (W,); without one the quantity is to be as large as can be.
    optimum : float, optional
        The lowest energy that is known.
    slack_allowed : float
        How far above it success reaches.
    """

    films: FilmStack = field(default_factory=lambda: FilmStack([1.5], [600.0]))
    low: float = 0.0
    high: float = 200.0
    quantity: Quantity = "reflectance"
    wanted: Any = None
    optimum: float | None = None
    slack_allowed: float = 1e-6

    def __post_init__(self) -> None:
        if self.quantity not in film_designs.QUANTITIES:
            raise InputError(f"quantity is {self.quantity!r}; one of {', '.join(film_designs.QUANTITIES)} is expected")
        if not isinstance(self.films, FilmStack):
            raise InputError(f"films is of type {type(self.films).__name__}; a FilmStack is expected")
        low, high = (reals(end, "thicknesses") for end in (self.low, self.high))
        ends = np.array([low, high]) if low.ndim == high.ndim == 0 else np.zeros(0)
        if ends.shape != (2,) or not 0.0 <= ends[0] < ends[1] < np.inf:
            raise InputError(f"thicknesses from {self.low} to {self.high}; 0 ≤ low < high is expected")
        lowest = reals(0.0 if self.optimum is None else self.optimum, "optimum")
        slack = reals(self.slack_allowed, "slack_allowed")
        if lowest.ndim or not np.isfinite(lowest):
            raise InputError(f"optimum is {self.optimum}; a finite number is expected")
        if slack.ndim or not 0.0 <= slack < np.inf:
            raise InputError(f"slack_allowed is {self.slack_allowed}; a finite number of at least 0 is expected")
        if self.wanted is not None:
            object.__setattr__(self, "wanted", checked_target(self.wanted, len(self.films.wavelengths)))
        self._refuse_opaque()

    @property
    def stack(self) -> FilmStack:
        """The films."""
        return self.films

    @property
    def bounds(self) -> tuple[float, float]:
        """Both bounds."""
        return self.low, self.high

    @property
    def target(self) -> FloatArray | None:
        """What is wanted."""
        return None if self.wanted is None else np.asarray(self.wanted)

    @property
    def known_optimum(self) -> float | None:
        """What was given."""
        return self.optimum

    @property
    def tolerance(self) -> float:
        """What was given."""
        return self.slack_allowed
