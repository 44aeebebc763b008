"""Pictures of a lens: its radii, and intensities in the focal plane and along the axis."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from annealrl.ising import FloatArray
from annealrl.metalens.beam import PILLARS, SAMPLES, Beam, ComplexArray
from annealrl.metalens.propagation import angular_spectrum, axial_section

#: Heights of a picture along the axis, and half the side of one of the focal plane, in µm.
_HEIGHTS, _HALF = 321, 4.0


class Views(NamedTuple):
    """Intensities of one wavelength above a lens, in the unit of its energies.

    Attributes
    ----------
    wavelength : float
    plane : float64 array, shape (k, k)
        At the focal length, on the samples of cells around the axis.
    section : float64 array, shape (heights, k)
        In the plane y = 0.
    heights : float64 array, shape (heights,)
        In µm.
    """

    wavelength: float
    plane: FloatArray
    section: FloatArray
    heights: FloatArray


def views(lens: Any, field: ComplexArray, wavelength: float, highest: float, heights: int = _HEIGHTS) -> Views:
    """What a field above a lens becomes: by angular spectra, in the focal plane and along the axis.

    Parameters
    ----------
    field : complex128 array, shape (side·samples, side·samples)
    highest : float
        Where the section ends, µm.
    """
    spacing = PILLARS.period / SAMPLES
    far = angular_spectrum(field, spacing, 1e3 * lens.focus, wavelength) / lens.optics.unit
    half = min(len(far) // 2, round(_HALF * 1e3 / spacing))
    middle = slice(len(far) // 2 - half, len(far) // 2 + half)
    z = np.linspace(0.1 * lens.focus, highest, heights)
    along = axial_section(field, spacing, 1e3 * z, wavelength)[:, middle] / lens.optics.unit
    return Views(wavelength, np.abs(far[middle, middle]) ** 2, np.abs(along) ** 2, z)


def draw_lens(lens: Any, design: FloatArray, path: str | Path, title: str = "") -> list[Views]:
    """Draw radii, and intensities by the substitute's run through the whole lens; returns what was drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    radii = design.reshape(lens.pillars, lens.pillars)
    highest = lens.focus * (3.5 if lens.goal == "depth" else 2.0)
    colours = np.unique(lens.optics.goal.wavelengths)[::-1]
    found = [views(lens, Beam(float(c)).aperture(radii), float(c), highest) for c in colours]
    figure = Figure(figsize=(15, 3.6 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    names: Any = [["radii", f"plane {k}", f"section {k}", f"axis {k}"] for k in range(len(found))]
    axes = figure.subplot_mosaic(names, width_ratios=(1.0, 1.0, 1.5, 1.1))
    extent = lens.pillars * PILLARS.period / 2e3
    image = axes["radii"].imshow(radii, extent=(-extent, extent, -extent, extent), origin="lower", cmap="viridis")
    figure.colorbar(image, ax=axes["radii"], label="radius (nm)", shrink=0.8 / len(found))
    axes["radii"].set(title="pillars", xlabel="x (µm)", ylabel="y (µm)")
    for k, seen in enumerate(found):
        plane, section, axis = (axes[f"{name} {k}"] for name in ("plane", "section", "axis"))
        half = len(seen.plane) * PILLARS.period / SAMPLES / 2e3
        image = plane.imshow(seen.plane, extent=(-half, half, -half, half), origin="lower", cmap="inferno")
        figure.colorbar(image, ax=plane, shrink=0.8)
        plane.set(title=f"{seen.wavelength:g} nm, z = {lens.focus:.3g} µm", xlabel="x (µm)", ylabel="y (µm)")
        box = (seen.heights[0], seen.heights[-1], -half, half)
        image = section.imshow(seen.section.T, extent=box, origin="lower", aspect="auto", cmap="inferno")
        figure.colorbar(image, ax=section, label="intensity (perfect lens: 1)", shrink=0.8)
        section.axvline(lens.focus, color="white", lw=0.6, ls=":")
        section.set(title=f"{seen.wavelength:g} nm, y = 0", xlabel="z (µm)", ylabel="x (µm)")
        # The two samples beside the axis are alike up to the lens's asymmetry.
        middle = seen.section.shape[1] // 2
        axis.plot(seen.heights, seen.section[:, middle - 1 : middle + 1].mean(axis=1), lw=1.0)
        axis.axvline(lens.focus, color="grey", lw=0.6, ls=":")
        axis.set(title=f"{seen.wavelength:g} nm, on the axis", xlabel="z (µm)", ylabel="intensity", ylim=(0, None))
    if title:
        figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)
    return found
