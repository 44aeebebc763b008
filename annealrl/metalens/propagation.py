"""From the field above a lens to the fields far from it: Rayleigh and Sommerfeld's integral, and angular spectra."""

from __future__ import annotations

import numpy as np
import scipy.fft

from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.metalens.beam import ComplexArray


def impulse(x: FloatArray, y: FloatArray, point: FloatArray, wavelength: float) -> ComplexArray:
    """Field at a point, for one of amplitude 1 on a unit of area at (x, y, 0), shape (len(y), len(x)).

    Rayleigh and Sommerfeld's first integral (Goodman, Introduction to Fourier Optics, 3rd ed., eq. 3-40).

    Raises
    ------
    InputError
        If the point does not lie above the lens, or the wavelength is not positive.
    """
    if not point[2] > 0:
        raise InputError(f"a focal point lies at z = {point[2]:g} nm; above the lens, z > 0, is expected")
    if not wavelength > 0:
        raise InputError(f"wavelength is {wavelength:g} nm; a positive number is expected")
    wave = 2 * np.pi / wavelength
    distance = np.sqrt((x - point[0]) ** 2 + (y[:, None] - point[1]) ** 2 + point[2] ** 2)
    return np.asarray(np.exp(1j * wave * distance) * (1 / distance - 1j * wave) * point[2] / (2 * np.pi * distance**2))


def rayleigh_sommerfeld(field: ComplexArray, spacing: float, points: FloatArray, wavelength: float) -> ComplexArray:
    """Fields at points, shape (P, 3), of a sampled field, shape (rows, columns), around the origin; lengths in nm."""
    if np.ndim(field) != 2 or np.ndim(points) != 2 or np.shape(points)[1] != 3:
        raise InputError(
            f"a field of shape {np.shape(field)} and points of shape {np.shape(points)}; "
            "(rows, columns) and (P, 3) are expected"
        )
    y, x = (((np.arange(count) - (count - 1) / 2) * spacing) for count in field.shape)
    found = [np.vdot(impulse(x, y, point, wavelength).conj(), field) for point in points]
    return np.array(found, np.complex128) * spacing**2


def angular_spectrum(
    field: ComplexArray, spacing: float, height: float, wavelength: float, padding: int = 2
) -> ComplexArray:
    """Field in a plane at `height`, on the samples of the given one, of shape (rows, columns).

    The field is surrounded by zeros to `padding` times its sides, and frequencies are left out that the padded grid
    cannot follow over that height (Matsushima and Shimobaba, Opt. Express 17, 19662 (2009)).

    Raises
    ------
    InputError
        If `padding` is less than 2: what leaves one side of the grid would come back at the other; if height or
        wavelength are not positive.
    """
    waves = _Waves(field, spacing, wavelength, padding)
    return np.ascontiguousarray(scipy.fft.ifft2(waves.at(height))[: field.shape[0], : field.shape[1]])


def axial_section(
    field: ComplexArray, spacing: float, heights: FloatArray, wavelength: float, padding: int = 2
) -> ComplexArray:
    """Fields in the plane y = 0 through the middle of a sampled field, shape (len(heights), columns).

    By angular spectra as in :func:`angular_spectrum`, each summed over the frequencies across the plane.
    """
    waves = _Waves(field, spacing, wavelength, padding, lowest=float(np.min(heights)))
    middle = np.exp(1j * np.pi * waves.up.ravel() * (field.shape[0] - 1) * spacing) / waves.sides[0]
    found = np.zeros((len(heights), waves.sides[1]), np.complex128)
    for row, height in zip(found, heights, strict=True):
        row[waves.columns] = middle @ waves.at(float(height))
    return np.ascontiguousarray(scipy.fft.ifft(found)[:, : field.shape[1]])


class _Waves:
    """The spectrum of a padded field, at any height from `lowest` on.

    Where `lowest` is given, rows and columns are left out whose waves have decayed to 1e-12 there: nearly all, as
    samples are much finer than a wavelength.
    """

    def __init__(
        self, field: ComplexArray, spacing: float, wavelength: float, padding: int, lowest: float = 0.0
    ) -> None:
        padding = whole(padding, "angular spectrum: padding", 2)
        if not (wavelength > 0 and np.ndim(field) == 2):
            raise InputError(
                f"angular spectrum: wavelength {wavelength:g} nm, a field of shape {np.shape(field)}; "
                "a positive wavelength and (rows, columns) are expected"
            )
        self.sides = rows, columns = padding * field.shape[0], padding * field.shape[1]
        up, across = scipy.fft.fftfreq(rows, spacing), scipy.fft.fftfreq(columns, spacing)
        highest = np.hypot(1 / wavelength, np.log(1e12) / (2 * np.pi * lowest)) if lowest > 0 else np.inf
        seen, self.columns = np.abs(up) <= highest, np.flatnonzero(np.abs(across) <= highest)
        self.up, self.across = up[seen, None], across[self.columns]
        self._along = np.sqrt(1 / wavelength**2 - self.up**2 - self.across**2 + 0j)
        self._spectrum = scipy.fft.fft2(field, s=(rows, columns))[seen][:, self.columns]
        self._spacing, self._wavelength = spacing, wavelength

    def at(self, height: float) -> ComplexArray:
        if not height > 0:
            raise InputError(f"angular spectrum: height is {height:g} nm; above the field, z > 0, is expected")
        found = self._spectrum * np.exp(2j * np.pi * height * self._along)
        for frequency, side in zip((self.up, self.across), self.sides, strict=True):
            limit = 1 / (self._wavelength * np.sqrt((2 * height / (side * self._spacing)) ** 2 + 1))
            found *= np.abs(frequency) <= limit
        return np.asarray(found)
