"""Layered spheres against published values, scipy's Bessel functions, a T-matrix library and finite differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import spherical_jn, spherical_yn

from annealrl.kernels import layered_sphere

Floats = npt.NDArray[np.float64]
WAVELENGTHS = np.arange(400.0, 801.0, 2.0)
#: The published problem: silica core, titania and silica in turn, in water.
TITANIA = np.sqrt(5.913 + 0.2441 / ((WAVELENGTHS / 1e3) ** 2 - 0.0803))
SILICA, WATER = (np.full(len(WAVELENGTHS), value**0.5) for value in (2.04, 1.77))
SHELL = np.array([SILICA, TITANIA] * 4 + [WATER])


def scattering(
    thickness: npt.ArrayLike, indices: Floats, wavelengths: Floats, orders: int = 15
) -> tuple[Floats, Floats]:
    radii = np.cumsum(np.asarray(thickness, float))
    states = np.zeros((len(wavelengths), len(radii) + 1, orders, 2, 2))
    out = np.zeros(len(wavelengths))
    layered_sphere.scattering(0, radii, 2 * np.pi / wavelengths, indices, states, states, out)
    return out, states


@pytest.mark.parametrize("x", [1e-2, 0.33, 1.0, np.pi, 2 * np.pi, 7.3, 25.0, 60.0])
def test_riccati_bessel_functions(x: float) -> None:
    orders = np.arange(17)
    psi, psi_by, chi, chi_by = (np.zeros(17) for _ in range(4))
    layered_sphere.riccati_bessel(x, psi, psi_by, chi, chi_by)
    np.testing.assert_allclose(psi, x * spherical_jn(orders, x), rtol=1e-10, atol=1e-14 if x > 1 else 0)
    np.testing.assert_allclose(chi, -x * spherical_yn(orders, x), rtol=1e-11)
    derivative = spherical_jn(orders, x) + x * spherical_jn(orders, x, derivative=True)
    np.testing.assert_allclose(psi_by, derivative, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(psi * chi_by - psi_by * chi, -1.0, rtol=1e-12)


def test_published_spectrum() -> None:
    q, _ = scattering([50, 40, 60, 35, 45, 55, 30, 70], SHELL, WAVELENGTHS)
    np.testing.assert_allclose(q[:3], [2.93802108, 2.71210525, 2.63050033], atol=6e-9)
    np.testing.assert_allclose(q[-3:], [4.04528339, 4.06371458, 4.08362353], atol=6e-9)


def test_small_spheres_scatter_as_rayleigh_says_and_splitting_a_layer_changes_nothing() -> None:
    wavelengths = np.linspace(400, 800, 9)
    one = np.stack([np.full(9, 1.5), np.full(9, 1.0)])
    q, _ = scattering([5.0], one, wavelengths)
    x = 2 * np.pi * 5.0 / wavelengths
    np.testing.assert_allclose(q, 8 / 3 * x**4 * ((1.5**2 - 1) / (1.5**2 + 2)) ** 2, rtol=0.01)
    big, _ = scattering([150.0], one, wavelengths)
    split, _ = scattering([70.0, 30.0, 50.0], np.stack([np.full(9, 1.5)] * 3 + [np.full(9, 1.0)]), wavelengths)
    np.testing.assert_allclose(split, big, rtol=1e-11)


@pytest.mark.parametrize(
    ("thickness", "found"),
    [
        ([50, 40, 60, 35], [4.711269033694011, 3.885003150081906, 2.5251480993019166]),
        ([50, 40, 60, 35, 45, 55, 30, 70], [2.9380210832038274, 2.1019762214283246, 3.1209251069465207]),
    ],
)
def test_a_t_matrix_library_agrees(thickness: list[float], found: list[float]) -> None:
    # By scripts/treams_spheres.py with treams 0.4.7 (MIT), which cannot be installed beside the scipy of this suite.
    at, layers = slice(0, len(WAVELENGTHS), 67), len(thickness)
    q, _ = scattering(thickness, np.ascontiguousarray(SHELL[[*range(layers), 8]][:, at]), WAVELENGTHS[at])
    np.testing.assert_allclose(q, found, rtol=1e-11)


def test_derivatives_and_what_is_computed_anew_from_a_changed_layer() -> None:
    t = np.array([50.0, 40, 60, 35, 45, 55, 30, 70])
    radii, k = np.cumsum(t), 2 * np.pi / WAVELENGTHS
    q, states = scattering(t, SHELL, WAVELENGTHS)
    by = np.zeros((len(WAVELENGTHS), 8))
    layered_sphere.derivatives(radii, k, SHELL, states, q, by)
    trial, found, step = np.zeros_like(states), np.zeros_like(q), 1e-4
    for layer in range(8):
        sides = []
        for sign in (1, -1):
            moved = radii.copy()
            moved[layer] += sign * step
            layered_sphere.scattering(layer, moved, k, SHELL, states, trial, found)
            sides.append(found.copy())
        np.testing.assert_allclose(by[:, layer], (sides[0] - sides[1]) / (2 * step), atol=2e-6)
        thicker = t + 7.0 * np.eye(8)[layer]
        layered_sphere.scattering(layer, np.cumsum(thicker), k, SHELL, states, trial, found)
        np.testing.assert_allclose(found, scattering(thicker, SHELL, WAVELENGTHS)[0], rtol=1e-11)
