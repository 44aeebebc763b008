"""Optical constants in closed form; lengths in nm, indices with a positive imaginary part where light is absorbed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray

Complex = npt.NDArray[np.complex128]

_SPEED_OF_LIGHT, _VACUUM_PERMITTIVITY = 299792458.0, 8.8541878128e-12
_UNIVERSAL_CONDUCTIVITY = 1.602176634e-19**2 / (4 * 1.054571817e-34)

#: What the table of Ren et al.'s published benchmark (2022) amounts to at all its wavelengths.
BENCHMARK_GRAPHENE = 3.306459758 + 3.152632723j
SILICA_PERMITTIVITY, WATER_PERMITTIVITY = 2.04, 1.77


def universal_graphene(wavelengths: FloatArray, thickness: float = 0.35) -> Complex:
    """Index of graphene of the universal conductivity e²/4ħ, spread over `thickness` (nm).

    K. F. Mak et al., Phys. Rev. Lett. 101, 196405 (2008).
    """
    frequency = 2e9 * np.pi * _SPEED_OF_LIGHT / wavelengths
    loss = _UNIVERSAL_CONDUCTIVITY / (frequency * _VACUUM_PERMITTIVITY * thickness * 1e-9)
    return np.asarray(np.sqrt(1 + 1j * loss), np.complex128)


def titania_permittivity(wavelengths: FloatArray) -> FloatArray:
    """TiO2 (J. R. DeVore, J. Opt. Soc. Am. 41, 416 (1951), ordinary ray)."""
    return np.asarray(5.913 + 0.2441 / ((wavelengths / 1000) ** 2 - 0.0803))


def gold(wavelengths: FloatArray) -> Complex:
    """Index of gold from 200 to 1000 nm (P. G. Etchegoin, E. C. Le Ru, M. Meyer, J. Chem. Phys. 125, 164705 (2006)).

    A Drude term and two critical points, constants of the erratum (127, 189901 (2007)).
    """
    inverse = 1.0 / wavelengths
    permittivity = 1.54 - 1.0 / (143.0**2 * (inverse**2 + 1j * inverse / 14500.0))
    turn = np.exp(-0.25j * np.pi)
    for amplitude, centre, width in ((1.27, 470.0, 1900.0), (1.1, 325.0, 1060.0)):
        permittivity = permittivity + amplitude / centre * (
            turn / (1 / centre - inverse - 1j / width) + turn.conjugate() / (1 / centre + inverse + 1j / width)
        )
    return np.asarray(np.sqrt(permittivity), np.complex128)
