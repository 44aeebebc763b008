"""The beam-propagation substitute: a scalar split-step run through pillars, in place of a full-wave solver.

Feit and Fleck, Appl. Opt. 17, 3990 (1978). No polarisation, no reflections, one reference index for diffraction: fields
have the character of those of a full-wave solver (guiding, coupling of neighbours, grating orders), not their values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from annealrl.errors import InputError
from annealrl.ising import FloatArray

ComplexArray = npt.NDArray[np.complex128]

#: Samples along a side of a cell in the data, and windows that one call of the FFT takes.
SAMPLES, _BLOCK = 10, 256


@dataclass(frozen=True)
class Pillars:
    """Round pillars on a square lattice, lit from below by a plane wave of amplitude 1; lengths in nm.

    Silicon nitride at visible wavelengths, as in Zhelyeznyakov, Brunton and Majumdar, ACS Photonics 8, 481 (2021).

    Attributes
    ----------
    period, height : float
    index : float
        Of the pillars, in air.
    smallest, largest : float
        The radii that data are drawn between and designs may have.
    """

    period: float = 443.1
    height: float = 633.0
    index: float = 2.0
    smallest: float = 50.0
    largest: float = 215.0

    def __post_init__(self) -> None:
        if not 0 < self.smallest < self.largest < self.period / 2:
            raise InputError(
                f"pillars: radii from {self.smallest:g} to {self.largest:g} nm; "
                f"an increasing range between 0 and half the period, {self.period / 2:g} nm, is expected"
            )


PILLARS = Pillars()


@dataclass(frozen=True)
class Beam:
    """The substitute's settings.

    Attributes
    ----------
    wavelength : float
        In air, nm.
    samples : int
        Along a side of a cell.
    steps : int
        Through the height of the pillars.
    pillars : Pillars
    """

    wavelength: float = 633.0
    samples: int = SAMPLES
    steps: int = 24
    pillars: Pillars = PILLARS

    def __post_init__(self) -> None:
        if not self.wavelength > 0 or self.samples < 2 or self.steps < 1:
            raise InputError(
                f"beam: wavelength {self.wavelength:g} nm, {self.samples} samples, {self.steps} steps; "
                "a positive wavelength, at least 2 samples and at least 1 step are expected"
            )

    @property
    def reference(self) -> float:
        """The index that diffraction is reckoned in: half way between air and pillar."""
        return (1.0 + self.pillars.index) / 2

    def fill(self, radii: FloatArray) -> FloatArray:
        """Share of pillar in every sample of a cell, shape (...) → (..., samples, samples).

        The edge is a ramp as wide as a sample, so that fields change smoothly with radii.
        """
        spacing = self.pillars.period / self.samples
        offset = (np.arange(self.samples) + 0.5) * spacing - self.pillars.period / 2
        distance = np.hypot(offset[:, None], offset)
        return np.asarray(np.clip((np.asarray(radii)[..., None, None] - distance) / spacing + 0.5, 0.0, 1.0))

    def propagate(self, radii: FloatArray) -> ComplexArray:
        """Field half a wavelength above the pillars of a periodic array.

        Parameters
        ----------
        radii : float64 array, shape (..., rows, columns)

        Returns
        -------
        complex128 array, shape (..., rows·samples, columns·samples)
        """
        if np.ndim(radii) < 2 or not np.isfinite(radii).all():
            raise InputError(f"beam: radii of shape {np.shape(radii)}; finite ones, (..., rows, columns), are expected")
        share = np.moveaxis(self.fill(radii), -2, -3)
        rows, columns = (side * self.samples for side in np.shape(radii)[-2:])
        share = share.reshape(*share.shape[:-4], rows, columns)
        wave = 2 * np.pi / self.wavelength
        thickness = self.pillars.height / self.steps
        pillar = 1.0 + (self.pillars.index - 1.0) * share
        screen = np.exp(1j * wave * thickness * (pillar - self.reference))
        half, whole = (self._diffraction(rows, columns, self.reference, part * thickness) for part in (0.5, 1.0))
        above = self._diffraction(rows, columns, 1.0, self.wavelength / 2)
        # Strang's splitting; half steps of diffraction that follow each other are one. A plane wave passes the first.
        field: ComplexArray = screen * half[0, 0]
        for step in range(1, self.steps + 1):
            last = step == self.steps
            field = _filtered(field, half * above if last else whole)
            if not last:
                field *= screen
        return field

    def _diffraction(self, rows: int, columns: int, index: float, length: float) -> ComplexArray:
        spacing = self.pillars.period / self.samples
        across = 2 * np.pi * scipy.fft.fftfreq(rows, spacing)[:, None], 2 * np.pi * scipy.fft.fftfreq(columns, spacing)
        along = np.sqrt((2 * np.pi * index / self.wavelength) ** 2 - across[0] ** 2 - across[1] ** 2 + 0j)
        return np.asarray(np.exp(1j * along * length))

    def cells(self, windows: FloatArray) -> ComplexArray:
        """Field over the central cell of windows of 3×3 pillars, periodic as a whole.

        Parameters
        ----------
        windows : float64 array, shape (m, 9)
            Radii row by row.

        Returns
        -------
        complex128 array, shape (m, samples²)
        """
        if np.ndim(windows) != 2 or np.shape(windows)[1] != 9:
            raise InputError(f"beam: windows of shape {np.shape(windows)}; (m, 9) is expected")
        inner = slice(self.samples, 2 * self.samples)
        out = np.zeros((len(windows), self.samples**2), np.complex128)
        for first in range(0, len(windows), _BLOCK):
            block = windows[first : first + _BLOCK].reshape(-1, 3, 3)
            out[first : first + _BLOCK] = self.propagate(block)[:, inner, inner].reshape(len(block), -1)
        return out

    def transmission(self, radii: FloatArray) -> ComplexArray:
        """What the local phase approximation knows: mean field above equal pillars, shape (m,) → (m,)."""
        return np.asarray(self.propagate(np.asarray(radii, np.float64)[:, None, None]).mean(axis=(-2, -1)))

    def aperture(self, radii: FloatArray, margin: int = 4) -> ComplexArray:
        """Field above a whole lens, inside a stop of its size.

        Outside, the outermost pillars are repeated for `margin` cells; the run is periodic beyond.

        Parameters
        ----------
        radii : float64 array, shape (side, side)

        Returns
        -------
        complex128 array, shape (side·samples, side·samples)
        """
        inner = slice(margin * self.samples, -margin * self.samples or None)
        return np.ascontiguousarray(self.propagate(np.pad(radii, margin, mode="edge"))[inner, inner])


def _filtered(field: ComplexArray, transfer: ComplexArray) -> ComplexArray:
    spectrum = scipy.fft.fft2(field)
    spectrum *= transfer
    return np.asarray(scipy.fft.ifft2(spectrum, overwrite_x=True))
