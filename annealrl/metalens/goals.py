"""What a lens is wanted to do, as an energy of intensities at a few focal points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annealrl.ising import FloatArray
from annealrl.kernels.lens_designs import DARKEST, LARGEST, LOGARITHM
from annealrl.registry import unknown

GOALS = ("focus", "annulus", "depth")
#: Points on the annulus, and planes of an extended depth of focus, the last at three times the focal length.
_RING, _PLANES = 20, 11


@dataclass(frozen=True, eq=False)
class Goal:
    """An energy of intensities.

    Attributes
    ----------
    points : float64 array, shape (P, 3)
        Focal points above the middle of the lens, nm.
    wavelengths : float64 array, shape (P,)
        In nm; points of one wavelength stand together.
    weights : float64 array, shape (P,)
    form : int
        ``LARGEST``: the larger of -Σ c_p I_p over the points before and from `second` on. ``LOGARITHM``:
        -Σ c_p log I_p.
    second : int
        P where there is one group.
    """

    points: FloatArray
    wavelengths: FloatArray
    weights: FloatArray
    form: int
    second: int

    def energy(self, intensities: FloatArray) -> FloatArray:
        """Shape (R, P) → (R,)."""
        if self.form == LOGARITHM:
            return np.asarray(-np.log(np.maximum(intensities, DARKEST)) @ self.weights)
        return np.asarray(np.max(self._groups(intensities), axis=0))

    def slopes(self, intensities: FloatArray) -> FloatArray:
        """∂E/∂I, shape (R, P) → (R, P); of the larger group alone."""
        if self.form == LOGARITHM:
            lit = intensities > DARKEST
            return np.where(lit, -self.weights / np.maximum(intensities, DARKEST), 0.0)
        larger = np.argmax(self._groups(intensities), axis=0)
        group = (np.arange(len(self.weights)) >= self.second).astype(np.int64)
        return np.where(group == larger[:, None], -self.weights, 0.0)

    def _groups(self, intensities: FloatArray) -> list[FloatArray]:
        seen = -self.weights * intensities
        if not 0 < self.second < len(self.weights):
            return [seen.sum(axis=1)]
        return [seen[:, : self.second].sum(axis=1), seen[:, self.second :].sum(axis=1)]


def make_goal(kind: str, focal: float, ring: float) -> Goal:
    """The goals of Zhelyeznyakov, Brunton and Majumdar, ACS Photonics 8, 481 (2021), and a single focus.

    Parameters
    ----------
    kind : {"focus", "annulus", "depth"}
        ``focus``: -I at one point of the axis, 633 nm. ``annulus``: the larger of the negative sum of I over 20 points
        of a circle at 400 nm and of -20 I on the axis at 633 nm, divided by 20. ``depth``: -Σ log I at eleven points of
        the axis from f to 3f, 633 nm.
    focal, ring : float
        f, and the circle's radius, nm.
    """
    axis = np.array([[0.0, 0.0, focal]])
    if kind == "focus":
        return Goal(axis, np.array([633.0]), np.ones(1), LARGEST, 1)
    if kind == "annulus":
        angle = 2 * np.pi * np.arange(_RING) / _RING
        circle = np.stack([ring * np.cos(angle), ring * np.sin(angle), np.full(_RING, focal)], axis=1)
        wavelengths = np.repeat([400.0, 633.0], [_RING, 1])
        weights = np.append(np.full(_RING, 1 / _RING), 1.0)
        return Goal(np.concatenate([circle, axis]), wavelengths, weights, LARGEST, _RING)
    if kind == "depth":
        z = focal * (1 + np.arange(_PLANES) / 5)
        points = np.stack([np.zeros(_PLANES), np.zeros(_PLANES), z], axis=1)
        return Goal(points, np.full(_PLANES, 633.0), np.ones(_PLANES), LOGARITHM, _PLANES)
    raise unknown("goal", kind, GOALS)
