"""Scattering efficiencies of layered spheres by treams, an independent T-matrix library: what a test holds as numbers.

treams 0.4.7 asks for scipy < 1.17 and 0.4.5 cannot be imported beside 1.17, so that it needs an environment of its own:

    python3 -m venv treams && treams/bin/pip install treams==0.4.7 && treams/bin/python scripts/treams_spheres.py
"""

import numpy as np
import treams

WAVELENGTHS = np.arange(400.0, 801.0, 2.0)[::67]
for thickness in ([50, 40, 60, 35], [50, 40, 60, 35, 45, 55, 30, 70]):
    radii, found = np.cumsum(thickness), []
    for wavelength in WAVELENGTHS:
        titania = 5.913 + 0.2441 / ((wavelength / 1e3) ** 2 - 0.0803)
        layers = [treams.Material(eps) for eps in [2.04, titania] * (len(radii) // 2)]
        sphere = treams.TMatrix.sphere(15, 2 * np.pi / wavelength, radii, [*layers, treams.Material(1.77)])
        # Every direction's cross-section, the sphere being round, over the area that it shades.
        found.append(float(sphere.xs_sca_avg / (np.pi * radii[-1] ** 2)))
    print(thickness, WAVELENGTHS.tolist(), found)
