"""Thin films with known optima: mirrors, ellipsometry, planted spectra, absorbing graphene stacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from annealrl import register
from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.family import check_positive
from annealrl.films import FilmDesign, FilmObjective, FilmStack, Quantity, checked_layers
from annealrl.ising import FloatArray
from annealrl.materials import BENCHMARK_GRAPHENE, gold, universal_graphene
from annealrl.objective import Objective
from annealrl.space import Box, Mixed, Space

#: Lowest 1 - mean R found for chirped mirrors, by layers (not proven).
_CHIRPED = {16: 0.460878, 30: 0.265987, 80: 0.035190}


@register("BraggMirror-v0")
@dataclass(frozen=True)
class BraggMirror(FilmObjective):
    r"""Bragg mirror: as much reflectance as can be at 600 nm (Bennet et al., J. Opt. Soc. Am. B 41, A126 (2024)).

    .. math:: E = 1 - R(600\,\mathrm{nm})

    Layers of index 1.8 and 1.4 in turn, the first one 1.8, on a substrate of 1.8, light straight from n = 1; each
    thickness lies in [0, 214.29] nm. The lowest known energy is the quarter-wave stack's (not proven). Success is
    within 0.1 % of it, by energy: R has period λ/2n in every thickness, so equal minima are many.
    """

    example: ClassVar[Mapping[str, Any]] = {"layers": 4}
    optimum_status: ClassVar[str] = "putative"

    layers: int = 10

    def __post_init__(self) -> None:
        checked_layers(self.layers)

    @cached_property
    def stack(self) -> FilmStack:
        """High, low, high, … on the high index."""
        return FilmStack(np.resize([1.8, 1.4], self.layers), [600.0], exit=1.8)

    @property
    def bounds(self) -> tuple[float, float]:
        """Up to half a wave in the low index."""
        return 0.0, 600.0 / 2.8

    @property
    def quarter_wave(self) -> FloatArray:
        """The best known design, shape (n,)."""
        return np.asarray(600.0 / (4 * self.stack.indices[:, 0].real))

    @cached_property
    def known_optimum(self) -> float:
        """The quarter-wave stack's."""
        return self.energy_of(self.quarter_wave)

    @property
    def tolerance(self) -> float:
        """0.1 %."""
        return 1e-3 * self.known_optimum


@register("ChirpedMirror-v0")
@dataclass(frozen=True)
class ChirpedMirror(FilmObjective):
    r"""Chirped mirror: reflectance from 500 to 800 nm (Bennet et al., J. Opt. Soc. Am. B 41, A126 (2024)).

    .. math:: E = 1 - \frac{1}{50} \sum_{w=1}^{50} R(\lambda_w)

    Layers of index √3 and √2 in turn on a substrate of √3, light straight from n = 1; each thickness lies in [30, 180]
    nm. Lowest known energies (not proven): 0.460878 (16 layers), 0.265987 (30), 0.035190 (80); none elsewhere. Success
    is within 0.1 % of it.
    """

    example: ClassVar[Mapping[str, Any]] = {"layers": 4}
    optimum_status: ClassVar[str] = "putative"

    layers: int = 16

    def __post_init__(self) -> None:
        checked_layers(self.layers, 50)

    @cached_property
    def stack(self) -> FilmStack:
        """√3, √2, √3, … on √3."""
        return FilmStack(np.sqrt(np.resize([3.0, 2.0], self.layers)), np.linspace(500, 800, 50), exit=np.sqrt(3.0))

    @property
    def bounds(self) -> tuple[float, float]:
        """Of the benchmark."""
        return 30.0, 180.0

    @property
    def known_optimum(self) -> float | None:
        """The lowest that was found."""
        return _CHIRPED.get(self.layers)

    @property
    def tolerance(self) -> float:
        """0.1 %, and the digits that are known."""
        return 1e-3 * (self.known_optimum or 0.0) + 1e-6


@register("PlantedSpectrum-v0")
@dataclass(frozen=True)
class PlantedSpectrum(FilmObjective):
    r"""A hidden stack of films, sought from its reflectance (Khaireh-Walieh et al., Nanophotonics 12, 4387 (2023)).

    Permittivities and thicknesses of all layers are designed.

    .. math:: E = \frac{1}{W} \sum_{w=1}^{W} [R(\lambda_w) - R_\mathrm{hidden}(\lambda_w)]^2

    `layers` layers between vacua, `wavelengths` wavelengths from 500 to 1500 nm, permittivities in [2, 4.5] and
    thicknesses in [20, 200] nm; a design is all permittivities, then all thicknesses. The hidden stack is drawn anew
    for each instance, so the lowest energy is 0; the stack seen in a mirror has it too. Success is an energy of `mse`
    at most. The ranges are ours: the guide states none.
    """

    example: ClassVar[Mapping[str, Any]] = {"layers": 2, "wavelengths": 4}
    optimum_status: ClassVar[str] = "planted"
    permittivities: ClassVar[tuple[float, float] | None] = (2.0, 4.5)

    layers: int = 6
    wavelengths: int = 64
    mse: float = 1e-4
    instance: int = 0

    def __post_init__(self) -> None:
        whole(self.wavelengths, "wavelengths", 2)
        checked_layers(self.layers, self.wavelengths)
        whole(self.instance, "instance", 0)
        check_positive("mse", self.mse)

    def sample(self, rng: np.random.Generator) -> PlantedSpectrum:
        """Hide another stack."""
        return dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def stack(self) -> FilmStack:
        """Indices are placeholders: they are designed."""
        return FilmStack(np.full(self.layers, 1.5), np.linspace(500, 1500, self.wavelengths))

    @property
    def bounds(self) -> tuple[float, float]:
        """Of thicknesses."""
        return 20.0, 200.0

    @cached_property
    def hidden(self) -> FloatArray:
        """The design that is sought, shape (n,)."""
        return np.asarray(self.space.random(np.random.default_rng(self.instance), 1)[0])

    @cached_property
    def target(self) -> FloatArray:
        """The hidden stack's reflectance, shape (W,)."""
        films = FilmStack(np.sqrt(self.hidden[: self.layers]), self.stack.wavelengths)
        return np.asarray(FilmDesign(films).spectra(self.hidden[None, self.layers :])[0])

    @property
    def known_optimum(self) -> float:
        """The hidden stack's."""
        return 0.0

    @property
    def tolerance(self) -> float:
        """`mse`."""
        return self.mse


@register("GrapheneStack-v0")
@dataclass(frozen=True)
class GrapheneStack(FilmObjective):
    r"""Graphene and silicon nitride in turn, sought from what they absorb (Ren et al., Nanoscale 14, 3958 (2022)).

    .. math:: E = \frac{1}{256} \sum_{w=1}^{256} [A(\lambda_w) - A_\mathrm{hidden}(\lambda_w)]^2

    `units` pairs of graphene (0.35 nm) and Si3N4 (n = 2, thickness designed, 5 to 50 nm), light from n = 1.46 to n = 1,
    256 wavelengths from 240 to 2000 nm: Chebyshev nodes as in the published code, or ``uniform`` as in its text.
    Graphene has the constant index of the published table (``benchmark``) or the universal conductivity
    (``universal``). Hidden thicknesses are drawn anew for each instance. Success is an energy of `mse` at most.
    """

    example: ClassVar[Mapping[str, Any]] = {"units": 2}
    optimum_status: ClassVar[str] = "planted"
    quantity: ClassVar[Quantity] = "absorptance"  # type: ignore[misc]

    units: int = 5
    graphene: Literal["benchmark", "universal"] = "benchmark"
    grid: Literal["chebyshev", "uniform"] = "chebyshev"
    mse: float = 1e-6
    instance: int = 0

    def __post_init__(self) -> None:
        checked_layers(self.units, 256, "units", each=2)
        whole(self.instance, "instance", 0)
        check_positive("mse", self.mse)
        for key, known in (("graphene", ("benchmark", "universal")), ("grid", ("chebyshev", "uniform"))):
            if getattr(self, key) not in known:
                raise InputError(f"{key} is {getattr(self, key)!r}; one of {', '.join(known)} is expected")

    def sample(self, rng: np.random.Generator) -> GrapheneStack:
        """Hide other thicknesses."""
        return dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def stack(self) -> FilmStack:
        """Graphene first."""
        step = np.arange(256) / 255
        wavelengths = 1120 - 880 * np.cos(np.pi * step) if self.grid == "chebyshev" else 240 + 1760 * step
        constant = np.full(256, BENCHMARK_GRAPHENE)
        sheet = constant if self.graphene == "benchmark" else universal_graphene(wavelengths)
        nitride = np.full(256, 2.0 + 0j)
        return FilmStack(np.stack([sheet, nitride] * self.units), wavelengths, incident=1.46, exit=1.0)

    @property
    def bounds(self) -> tuple[float, float]:
        """Of the nitride."""
        return 5.0, 50.0

    @property
    def thickness(self) -> FloatArray:
        """That of graphene, which is not designed."""
        return np.resize([0.35, 0.0], 2 * self.units)

    @property
    def designed(self) -> npt.NDArray[np.int64]:
        """The nitride layers."""
        return np.arange(1, 2 * self.units, 2, dtype=np.int64)

    @cached_property
    def hidden(self) -> FloatArray:
        """The thicknesses that are sought, shape (units,)."""
        return np.asarray(self.space.random(np.random.default_rng(self.instance), 1)[0])

    @cached_property
    def target(self) -> FloatArray:
        """What the hidden stack absorbs, shape (256,)."""
        films = np.asarray(self.thickness)
        films[1::2] = self.hidden
        return np.asarray(FilmDesign(self.stack, quantity="absorptance").spectra(films[None])[0])

    @property
    def known_optimum(self) -> float:
        """The hidden stack's."""
        return 0.0

    @property
    def tolerance(self) -> float:
        """`mse`."""
        return self.mse


@register("Ellipsometry-v0")
@dataclass(frozen=True)
class Ellipsometry(Objective):
    r"""Ellipsometry of one film on gold: its index and thickness (Bennet et al., J. Opt. Soc. Am. B 41, A126 (2024)).

    .. math:: E = \sum_{w=1}^{100} |\rho(\lambda_w) - \rho_\mathrm{hidden}(\lambda_w)|, \qquad \rho = r_p / r_s

    Light comes at 40°, 100 wavelengths from 400 to 800 nm. A design is n in [1.1, 3] and d in [50, 150] nm; hidden ones
    are drawn anew for each instance. Success is an energy of `error` at most (1e-3 a wavelength). Gold has the closed
    form of :func:`annealrl.materials.gold`.
    """

    example: ClassVar[Mapping[str, Any]] = {}
    optimum_status: ClassVar[str] = "planted"
    gradient_cost: ClassVar[float] = 1.0

    error: float = 0.1
    instance: int = 0

    def __post_init__(self) -> None:
        check_positive("error", self.error)
        whole(self.instance, "instance", 0)

    def sample(self, rng: np.random.Generator) -> Ellipsometry:
        """Hide another film."""
        return dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def space(self) -> Space:
        """Index, then thickness in nm."""
        return Mixed(Box(1.1, 3.0, 1), Box(50.0, 150.0, 1, unit="nm"))

    @cached_property
    def hidden(self) -> FloatArray:
        """The film that is sought, shape (2,)."""
        return np.asarray(self.space.random(np.random.default_rng(self.instance), 1)[0])

    @cached_property
    def target(self) -> npt.NDArray[np.complex128]:
        """ρ of the hidden film, shape (100,)."""
        return np.asarray(self.ratios(self.hidden[None])[0][0])

    @property
    def known_optimum(self) -> float:
        """The hidden film's."""
        return 0.0

    @property
    def tolerance(self) -> float:
        """`error`."""
        return self.error

    def ratios(self, designs: FloatArray) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
        """ρ and its derivatives by n and d, shapes (R, 100) and (R, 100, 2).

        Raises
        ------
        InputError
            Here and in all that is computed from it, if a coordinate leaves its bounds or is NaN.
        """
        x = self.parts.space.batch(designs, f"objective {self.name!r}")
        wavelengths = np.linspace(400, 800, 100)
        index, thickness = x[:, :1], x[:, 1:]
        along = np.sin(np.radians(40.0))
        down, metal = np.cos(np.radians(40.0)), gold(wavelengths)
        across, below = np.sqrt(index**2 - along**2), np.sqrt(metal**2 - along**2)
        vacuum = 2 * np.pi / wavelengths
        phase = vacuum * across * thickness
        cosine, sine = np.cos(phase), np.sin(phase)
        # Phase and admittances change by n through √(n² - sin²θ) = n cos θ in the film.
        phase_by = (vacuum * thickness * index / across, vacuum * across)
        found = []
        for inside, film, film_by, exit in (
            (down, across, index / across, below),
            (1 / down, index**2 / across, 2 * index / across - (index / across) ** 3, metal**2 / below),
        ):
            first = cosine - 1j * sine / film * exit
            second = exit * cosine - 1j * film * sine
            sum_ = inside * first + second
            slopes = []
            for by_phase, by_film in ((phase_by[0], film_by), (phase_by[1], 0.0)):
                first_by = (-sine - 1j * cosine / film * exit) * by_phase + 1j * sine / film**2 * exit * by_film
                second_by = (-exit * sine - 1j * film * cosine) * by_phase - 1j * sine * by_film
                slopes.append(2 * inside * (first_by * second - first * second_by) / sum_**2)
            found.append(((inside * first - second) / sum_, np.stack(slopes, axis=-1)))
        (r_s, s_by), (r_p, p_by) = found
        return r_p / r_s, (p_by - (r_p / r_s)[..., None] * s_by) / r_s[..., None]

    def energy(self, design: FloatArray) -> FloatArray:
        """Sum of distances, shape (R, 2) → (R,)."""
        return np.asarray(abs(self.ratios(design)[0] - self.target).sum(axis=1))

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂E, shape (R, 2) → (R, 2); 0 at the hidden film itself, where there is none."""
        ratios, by = self.ratios(design)
        off = ratios - self.target
        size = abs(off)
        turned = np.where(size > 0, off.conj() / np.where(size > 0, size, 1.0), 0.0)
        return np.asarray((turned[..., None] * by).real.sum(axis=1))
