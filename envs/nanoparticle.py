"""A layered sphere in water, sought from the light that it scatters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from annealrl import register
from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.family import check_positive
from annealrl.films import checked_target
from annealrl.ising import FloatArray
from annealrl.kernels import sphere_designs
from annealrl.materials import SILICA_PERMITTIVITY, WATER_PERMITTIVITY, titania_permittivity
from annealrl.objective import Kernel, Objective
from annealrl.space import Box, Space

#: The published grid of wavelengths, nm, of thicknesses, nm, and the number of partial waves of up to eight layers.
_WAVELENGTHS, _GRID, _ORDERS = np.linspace(400.0, 800.0, 201), 0.1, 15
_THICKEST, _MOST = 70.0, 50
#: A call is a call, with or without its gradient, as published counts have it; it takes 2.2 times as long
#: (scripts/bench_films.py), which seconds show.
_GRADIENT_COST = 1.0


@register("NanoparticleShell-v0")
@dataclass(frozen=True)
class NanoparticleShell(Objective):
    r"""A sphere of silica and titania in water, sought from its scattering (Ren et al., Nanoscale 14, 3958 (2022)).

    .. math:: E = \frac{1}{201} \sum_{w=1}^{201} [Q_\mathrm{sca}(\lambda_w) - Q_\mathrm{hidden}(\lambda_w)]^2

    `layers` layers, a silica core and then TiO2 and silica in turn, each 30 to 70 nm thick, 400 to 800 nm, 15 partial
    waves up to the eight layers that were published, as many as are needed beyond, up to 50 (Bohren and Huffman, 1983,
    chapter 8). A design is the thicknesses, the core's radius first. Hidden ones are drawn on a grid of 0.1 nm, anew
    for each instance, so the lowest energy is 0; two random designs differ by 0.28. Give `target` for a spectrum of
    one's own, whose lowest energy is not known. Success is an energy of `mse` at most: 1e-3 is called loose, 1e-4
    tight.
    """

    example: ClassVar[Mapping[str, Any]] = {"layers": 2}
    optimum_status: ClassVar[str] = "planted"
    gradient_cost: ClassVar[float] = _GRADIENT_COST

    layers: int = 8
    mse: float = 1e-3
    instance: int = 0
    target: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        if whole(self.layers, "layers", 1) > _MOST:
            raise InputError(
                f"layers is {self.layers}; at most {_MOST} are expected: float64 does not hold the partial waves of "
                "larger spheres"
            )
        whole(self.instance, "instance", 0)
        check_positive("mse", self.mse)
        if self.target is not None:
            object.__setattr__(self, "target", tuple(checked_target(self.target, len(_WAVELENGTHS)).tolist()))

    def sample(self, rng: np.random.Generator) -> NanoparticleShell:
        """Hide other thicknesses, unless a target is given."""
        return self if self.target is not None else dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def space(self) -> Space:
        """Thicknesses, nm."""
        return Box(30.0, _THICKEST, self.layers, unit="nm")

    @property
    def orders(self) -> int:
        """Partial waves: those of the benchmark, or what the largest sphere needs by Wiscombe (Appl. Opt. 19, 1505)."""
        if self.layers <= 8:
            return _ORDERS
        size = 2 * np.pi * np.sqrt(WATER_PERMITTIVITY) * _THICKEST * self.layers / _WAVELENGTHS[0]
        return int(np.ceil(size + 4.05 * np.cbrt(size) + 2))

    @property
    def wavelengths(self) -> FloatArray:
        """In vacuum, nm, shape (201,)."""
        return _WAVELENGTHS

    @cached_property
    def hidden(self) -> FloatArray | None:
        """The design that is sought, shape (n,); None beside a target of one's own."""
        if self.target is not None:
            return None
        return np.asarray(30.0 + _GRID * np.random.default_rng(self.instance).integers(401, size=self.layers))

    @cached_property
    def _data(self) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        titania = np.sqrt(titania_permittivity(_WAVELENGTHS))
        silica = np.full_like(titania, np.sqrt(SILICA_PERMITTIVITY))
        water = np.full_like(titania, np.sqrt(WATER_PERMITTIVITY))
        indices = np.stack([*((silica, titania)[k % 2] for k in range(self.layers)), water])
        ints = np.array([self.layers, len(_WAVELENGTHS), self.orders], np.int64)
        floats = np.concatenate([np.zeros_like(titania), 2 * np.pi / _WAVELENGTHS, indices.ravel()])
        if self.hidden is None:
            floats[: len(titania)] = self.target
        else:
            out = np.zeros((1, len(titania)))
            sphere_designs.sphere_spectra(floats, ints, self.hidden[None], out)
            floats[: len(titania)] = out[0]
        return floats, ints

    @property
    def wanted(self) -> FloatArray:
        """The target, shape (201,)."""
        return self._data[0][: len(_WAVELENGTHS)]

    @property
    def known_optimum(self) -> float | None:
        """The hidden design's."""
        return None if self.hidden is None else 0.0

    @property
    def tolerance(self) -> float:
        """`mse`."""
        return self.mse

    @cached_property
    def kernel(self) -> Kernel:
        """Compiled moves; a proposal is one call of the simulator."""
        floats, ints = self._data
        return Kernel(
            sphere_designs.sphere_init,
            sphere_designs.sphere_delta,
            sphere_designs.sphere_apply,
            cache=sphere_designs.cache_size(*(int(k) for k in ints)),
            floats=floats,
            ints=ints,
        )

    def _checked(self, designs: npt.ArrayLike) -> FloatArray:
        return self.parts.space.batch(designs, f"objective {self.name!r}")

    def spectra(self, designs: npt.ArrayLike) -> FloatArray:
        """Scattering efficiencies, shape (R, n) → (R, 201).

        Raises
        ------
        InputError
            Here and in all that is computed from it, if a coordinate leaves its bounds or is NaN.
        """
        x = self._checked(designs)
        out = np.zeros((len(x), len(_WAVELENGTHS)))
        sphere_designs.sphere_spectra(*self._data, x, out)
        return out

    def slopes(self, designs: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Efficiencies and their derivatives by all thicknesses, shapes (R, 201) and (R, 201, n)."""
        x = self._checked(designs)
        out, by = np.zeros((len(x), len(_WAVELENGTHS))), np.zeros((len(x), len(_WAVELENGTHS), self.layers))
        sphere_designs.sphere_slopes(*self._data, x, out, by)
        return out, by

    def energy(self, design: FloatArray) -> FloatArray:
        """Mean squared difference from the target, shape (R, n) → (R,)."""
        return np.asarray(((self.spectra(design) - self.wanted) ** 2).mean(axis=1))

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂E by all thicknesses, shape (R, n) → (R, n)."""
        return self.value_and_gradient(design)[1]

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both by one pass."""
        found, by = self.slopes(designs)
        off = found - self.wanted
        return np.asarray((off**2).mean(axis=1)), 2.0 / off.shape[1] * np.einsum("rw,rwc->rc", off, by)

    def residuals(self, design: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Differences from the target, shape (201,), and their Jacobian, shape (201, n), for least squares."""
        found, by = self.slopes([design])
        return found[0] - self.wanted, by[0]
