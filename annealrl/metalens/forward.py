"""Forward design: every pillar takes the radius whose local phase is nearest to an ideal lens's."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray
from annealrl.metalens.beam import Beam, ComplexArray

#: Radii that forward design chooses between where no levels are given.
_CHOICES = 166


def lens_phase(distance: FloatArray, focal: npt.ArrayLike, wavelength: float) -> FloatArray:
    """Phase of an ideal lens at a distance from its axis, nm (Arbabi et al., Nat. Commun. 6, 7069 (2015), eq. 1)."""
    length = np.asarray(focal, np.float64)
    return np.asarray(-2 * np.pi / wavelength * (np.sqrt(distance**2 + length**2) - length))


@lru_cache(maxsize=32)
def _table(beam: Beam, levels: tuple[float, ...]) -> tuple[FloatArray, ComplexArray]:
    radii = np.array(levels) if levels else np.linspace(beam.pillars.smallest, beam.pillars.largest, _CHOICES)
    return radii, beam.transmission(radii)


def nearest_radii(phase: FloatArray, beam: Beam, levels: FloatArray | None = None) -> FloatArray:
    """Radii of nearest local phase, of the same shape; from `levels` if these are given."""
    radii, transmission = _table(beam, () if levels is None else tuple(levels.tolist()))
    order = np.argsort(np.angle(transmission))
    angles = np.angle(transmission)[order]
    wanted = np.angle(np.exp(1j * phase))
    around = np.concatenate([[angles[-1] - 2 * np.pi], angles, [angles[0] + 2 * np.pi]])
    index = np.searchsorted(around, wanted).clip(1, len(around) - 1)
    index -= wanted - around[index - 1] < around[index] - wanted
    return np.asarray(radii[order[(index - 1) % len(radii)]])


def centres(side: int, period: float) -> FloatArray:
    """Coordinates of the middles of cells of a lens around the origin, shape (side,)."""
    return np.asarray((np.arange(side) - (side - 1) / 2) * period)


def forward_lens(
    side: int, focal: float, beam: Beam, levels: FloatArray | None = None, phase: float = 0.0
) -> FloatArray:
    """Radii of a lens of side × side pillars for the beam's wavelength, shape (side, side); `phase` shifts all."""
    x = centres(side, beam.pillars.period)
    return nearest_radii(lens_phase(np.hypot(x[:, None], x), focal, beam.wavelength) + phase, beam, levels)
