"""Thin films against published values, an independent library, energy conservation and finite differences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import tmm

from annealrl.kernels import transfer_matrix

Complex = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]


class Films(NamedTuple):
    wave_numbers: Complex
    admittances: Complex
    incident: Complex
    exit: Complex


def films(
    indices: npt.ArrayLike, wavelengths: Floats, outside: tuple[complex, complex], angle: float = 0.0, pol: str = "s"
) -> Films:
    """What the kernels take, from indices of shape (L,) and an angle in radians."""
    n = np.repeat(np.asarray(indices, complex)[:, None], len(wavelengths), 1)
    ends = [np.full(len(wavelengths), complex(index)) for index in outside]
    cosines = [np.sqrt(1 - (outside[0] * np.sin(angle) / index) ** 2) for index in (n, *ends)]
    eta = [index * c if pol == "s" else index / c for index, c in zip((n, *ends), cosines, strict=True)]
    return Films(np.ascontiguousarray(2 * np.pi * n * cosines[0] / wavelengths), np.ascontiguousarray(eta[0]), *eta[1:])


def spectra(thickness: npt.ArrayLike, media: Films) -> tuple[Complex, Floats]:
    designs = np.atleast_2d(np.asarray(thickness, float))
    shape = (len(designs), media.wave_numbers.shape[1])
    r, transmittance = np.zeros(shape, complex), np.zeros(shape)
    transfer_matrix.spectra(designs, *media, r, transmittance)
    return r, transmittance


@pytest.mark.parametrize(
    ("layers", "loss"), [(10, 0.1648557719), (12, 0.1032098901), (20, 0.0144789419), (40, 9.5717e-5)]
)
def test_quarter_wave_mirrors_reach_the_known_reflectance(layers: int, loss: float) -> None:
    n = np.tile([1.8, 1.4], layers // 2)
    r, transmittance = spectra(600 / (4 * n), films(n, np.array([600.0]), (1.0, 1.8)))
    assert 1 - abs(r[0, 0]) ** 2 == pytest.approx(loss, rel=3e-6)
    assert transmittance[0, 0] == pytest.approx(1 - abs(r[0, 0]) ** 2, abs=1e-14)


@pytest.mark.parametrize(
    ("spacers", "absorbed"),
    [
        ((10, 20, 30, 40, 50), (0.33298763, 0.23915126, 0.06273111, 0.06187561)),
        ((5, 5, 5, 5, 5), (0.33367336, 0.26994195, 0.16142091, 0.09968542)),
    ],
)
def test_graphene_stack_absorbs_as_published(spacers: tuple[float, ...], absorbed: tuple[float, ...]) -> None:
    wavelengths = 1120 - 880 * np.cos(np.pi * np.arange(256) / 255)
    media = films(np.tile([3.306459758 + 3.152632723j, 2.0], 5), wavelengths, (1.46, 1.0))
    r, transmittance = spectra(np.ravel([(0.35, t) for t in spacers]), media)
    found = 1 - abs(r[0]) ** 2 - transmittance[0]
    np.testing.assert_allclose(found[[0, 64, 128, 255]], absorbed, atol=6e-9)


@pytest.mark.parametrize("pol", ["s", "p"])
@pytest.mark.parametrize("angle", [0.0, 0.6, 1.3])
def test_oblique_absorbing_films_agree_with_an_independent_library(pol: str, angle: float) -> None:
    rng = np.random.default_rng(3)
    n = rng.uniform(1.3, 3.0, 6) + 1j * rng.choice([0.0, 0.05, 2.0], 6)
    d, wavelengths = rng.uniform(10, 200, 6), np.linspace(400, 800, 7)
    r, transmittance = spectra(d, films(n, wavelengths, (1.0, 1.5), angle, pol))
    for w, wavelength in enumerate(wavelengths):
        other = tmm.coh_tmm(pol, [1.0, *n, 1.5], [np.inf, *d, np.inf], angle, wavelength)
        assert abs(r[0, w]) ** 2 == pytest.approx(other["R"], abs=1e-12)
        # The field's sign convention for p differs between the two: the amplitude is compared up to it.
        assert r[0, w] == pytest.approx(other["r"] * (1 if pol == "s" else -1), abs=1e-12)
        if pol == "s":
            assert transmittance[0, w] == pytest.approx(other["T"], abs=1e-12)
        else:
            assert transmittance[0, w] == pytest.approx(other["T"], rel=1e-9)


def test_lossless_films_conserve_energy_and_absorbing_ones_never_gain() -> None:
    rng = np.random.default_rng(0)
    wavelengths, d = np.linspace(500, 1500, 64), rng.uniform(20, 200, (50, 9))
    r, transmittance = spectra(d, films(rng.uniform(1.4, 2.1, 9), wavelengths, (1.0, 1.0), 0.4, "p"))
    np.testing.assert_allclose(abs(r) ** 2 + transmittance, 1.0, atol=1e-12)
    lossy = rng.uniform(1.4, 2.1, 9) + 1j * rng.uniform(0, 0.3, 9)
    r, transmittance = spectra(d, films(lossy, wavelengths, (1.0, 1.5)))
    assert (abs(r) ** 2 + transmittance < 1).all()


def test_a_layer_may_be_split_and_an_empty_stack_is_one_interface() -> None:
    wavelengths = np.linspace(500, 1500, 16)
    whole = spectra([60.0, 130.0], films([1.5, 2.2 + 0.1j], wavelengths, (1.0, 1.7)))
    split = spectra([60.0, 50.0, 80.0, 0.0], films([1.5, 2.2 + 0.1j, 2.2 + 0.1j, 3.0], wavelengths, (1.0, 1.7)))
    np.testing.assert_allclose(whole[0], split[0], atol=1e-13)
    np.testing.assert_allclose(whole[1], split[1], atol=1e-13)
    bare = spectra([0.0], films([2.0], wavelengths, (1.0, 1.7)))
    np.testing.assert_allclose(bare[0], (1 - 1.7) / (1 + 1.7), atol=1e-14)


@pytest.mark.parametrize("pol", ["s", "p"])
def test_derivatives_and_changes_of_one_layer(pol: str) -> None:
    rng = np.random.default_rng(7)
    layers, wavelengths = 8, np.linspace(400, 900, 11)
    n = rng.uniform(1.3, 3.0, layers) + 1j * rng.choice([0.0, 0.4], layers)
    media, d = films(n, wavelengths, (1.0, 1.5), 0.5, pol), rng.uniform(10, 200, layers)
    table = np.zeros((11, layers, 6), complex)
    r, transmittance = np.zeros(11, complex), np.zeros(11)
    r_by, t_by = np.zeros((11, layers), complex), np.zeros((11, layers))
    transfer_matrix.derivatives(d, *media, table, r, transmittance, r_by, t_by)
    direct = spectra(d, media)
    np.testing.assert_allclose(r, direct[0][0], atol=1e-13)
    np.testing.assert_allclose(transmittance, direct[1][0], atol=1e-13)
    step, changed = 1e-4, np.zeros((11, 2), complex)
    for k in range(layers):
        moved = d + step * np.outer([1, -1], np.eye(layers)[k])
        plus, minus = spectra(moved, media)
        np.testing.assert_allclose(r_by[:, k], (plus[0] - plus[1]) / (2 * step), atol=1e-8)
        np.testing.assert_allclose(t_by[:, k], (minus[0] - minus[1]) / (2 * step), atol=1e-8)
        for w in range(11):
            changed[w] = transfer_matrix.replaced(
                media.wave_numbers[k, w], media.admittances[k, w], d[k] + 33.0, table[w, k]
            )
        np.testing.assert_allclose(
            changed[:, 0] / changed[:, 1], spectra(d + 33.0 * np.eye(layers)[k], media)[0][0], atol=1e-13
        )
