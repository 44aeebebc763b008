"""The layered sphere against published values and bad input."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.envs.nanoparticle import NanoparticleShell
from annealrl.errors import InputError
from annealrl.kernels import sphere_designs
from annealrl.testing import check_objective


def test_the_published_sphere_scatters_as_published() -> None:
    found = NanoparticleShell().spectra([[50, 40, 60, 35, 45, 55, 30, 70]])[0]
    np.testing.assert_allclose(found[:3], [2.93802108, 2.71210525, 2.63050033], atol=6e-9)
    np.testing.assert_allclose(found[-3:], [4.04528339, 4.06371458, 4.08362353], atol=6e-9)


def test_random_designs_differ_as_published() -> None:
    instance = NanoparticleShell().sample(np.random.default_rng(1))
    spectra = instance.spectra(instance.space.random(np.random.default_rng(0), 400))
    assert ((spectra[:200] - spectra[200:]) ** 2).mean() == pytest.approx(0.28, rel=0.1)
    assert ((spectra - spectra.mean(axis=0)) ** 2).mean() == pytest.approx(0.147, rel=0.1)  # the mean predictor


def test_the_hidden_design_lies_on_the_grid_and_is_found_by_its_spectrum() -> None:
    instance = NanoparticleShell(layers=4).sample(np.random.default_rng(2))
    hidden = instance.hidden
    assert hidden is not None
    np.testing.assert_allclose(hidden * 10, np.round(hidden * 10), atol=1e-9)
    assert instance.energy_of(hidden) < 1e-25
    check_objective(instance, proposals=60)
    own = NanoparticleShell(layers=4, target=instance.wanted)
    assert own.known_optimum is None
    assert own.energy_of(hidden) < 1e-25


@pytest.mark.parametrize("layers", [9, 20, 50])
def test_larger_spheres_have_as_many_partial_waves_as_they_need(layers: int) -> None:
    shell = NanoparticleShell(layers=layers)
    floats, ints = (part.copy() for part in shell._data)
    thickness = np.random.default_rng(3).uniform(30.0, 70.0, (1, layers))
    found = shell.spectra(thickness)
    more = np.zeros_like(found)
    ints[2] += 15
    sphere_designs.sphere_spectra(floats, ints, thickness, more)
    np.testing.assert_allclose(found, more, rtol=1e-12)
    # All of one index, the layers are one sphere.
    floats[402:].reshape(layers + 1, 201)[1:layers] = floats[402:603]
    sphere_designs.sphere_spectra(floats, ints, thickness, more)
    whole, one = np.zeros_like(found), np.array([1, 201, ints[2]])
    homogeneous = np.concatenate([floats[:603], floats[-201:]])
    sphere_designs.sphere_spectra(homogeneous, one, thickness.sum(axis=1, keepdims=True), whole)
    np.testing.assert_allclose(more, whole, rtol=1e-11)


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="layers is 0"):
        NanoparticleShell(layers=0)
    with pytest.raises(InputError, match="layers is 51; at most 50"):
        NanoparticleShell(layers=51)
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        NanoparticleShell(target=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"target\[0\] is nan"):
        NanoparticleShell(target=[np.nan] * 201)
