"""Magneto-conductances drawn by hand as targets: fractions of the clean wire's conductance without a field."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from annealrl.ising import FloatArray

#: Drawn for this package on even fields from 0 to the highest one. A clean wire falls from 1 to about 0.27 there, and
#: nothing lies above it.
CURVES: Mapping[str, tuple[float, ...]] = {
    # Three arches of falling height on four piers.
    "bridge": (
        *(0.62, 0.62, 0.40, 0.47, 0.52, 0.54, 0.52, 0.47, 0.40, 0.56, 0.56, 0.30, 0.36, 0.40, 0.42, 0.40, 0.36, 0.30),
        *(0.33, 0.33, 0.20, 0.24, 0.26, 0.24, 0.20, 0.26),
    ),
    # Houses of a street, a tower among them.
    "skyline": (
        *(0.45, 0.45, 0.45, 0.80, 0.82, 0.80, 0.50, 0.50, 0.36, 0.36, 0.52, 0.52, 0.52, 0.36, 0.36, 0.42, 0.28, 0.28),
        *(0.33, 0.33, 0.20, 0.20, 0.25, 0.25, 0.25, 0.16),
    ),
}


def drawn(name: str, fields: int) -> FloatArray:
    """One of :data:`CURVES` at `fields` even fields, by straight lines between its points."""
    points = np.array(CURVES[name])
    return np.asarray(np.interp(np.linspace(0, 1, fields), np.linspace(0, 1, len(points)), points))
