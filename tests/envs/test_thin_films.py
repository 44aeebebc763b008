"""Thin-film environments against published optima, spectra of other libraries, and bad input."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import tmm

from annealrl.envs.nanoparticle import NanoparticleShell
from annealrl.envs.thin_films import BraggMirror, ChirpedMirror, Ellipsometry, GrapheneStack, PlantedSpectrum
from annealrl.errors import InputError
from annealrl.films import FilmDesign, FilmStack
from annealrl.materials import gold
from annealrl.testing import check_objective


@pytest.mark.parametrize(
    ("layers", "loss"), [(10, 0.1648557719), (12, 0.1032098901), (20, 0.0144789419), (40, 9.5717e-5)]
)
def test_bragg_mirrors_know_the_published_optimum(layers: int, loss: float) -> None:
    mirror = BraggMirror(layers=layers)
    assert mirror.known_optimum == pytest.approx(loss, rel=3e-6)
    assert np.linalg.norm(mirror.gradient(mirror.quarter_wave[None])) < 1e-12
    # The same mirror with half a wave more in one layer, which lies outside the benchmark's bounds.
    thicker = mirror.quarter_wave.copy()
    thicker[0] += 600 / 3.6
    wide = FilmDesign(mirror.stack, 0.0, 300.0)
    assert wide.energies([thicker])[0] == pytest.approx(mirror.known_optimum, rel=1e-9)


def test_chirped_mirrors_descend_to_the_published_energy() -> None:
    from scipy.optimize import minimize

    mirror = ChirpedMirror()
    rng = np.random.default_rng(0)
    found = [
        minimize(
            lambda x: tuple(part[0] for part in mirror.value_and_gradient(x[None])),
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[mirror.bounds] * mirror.n,
        ).fun
        for start in mirror.space.random(rng, 20)
    ]
    assert min(found) == pytest.approx(0.460878, abs=2e-6)  # 26 % of starts reach it
    assert min(found) >= (mirror.known_optimum or 0) - mirror.tolerance


@pytest.mark.parametrize(
    ("spacers", "absorbed"),
    [
        ((10, 20, 30, 40, 50), (0.33298763, 0.23915126, 0.06273111, 0.06187561)),
        ((5, 5, 5, 5, 5), (0.33367336, 0.26994195, 0.16142091, 0.09968542)),
    ],
)
def test_graphene_stacks_absorb_as_published(spacers: tuple[float, ...], absorbed: tuple[float, ...]) -> None:
    found = GrapheneStack().spectra([spacers])[0]
    np.testing.assert_allclose(found[[0, 64, 128, 255]], absorbed, atol=6e-9)


def test_universal_graphene_absorbs_pi_alpha() -> None:
    stack = GrapheneStack(units=1, graphene="universal", grid="uniform").stack
    alone = FilmDesign(FilmStack(stack.indices[:1], stack.wavelengths), quantity="absorptance")
    sheet = alone.spectra([[0.35]])[0]
    np.testing.assert_allclose(sheet, np.pi / 137.036 * (1 - np.pi / 137.036), rtol=3e-3)


@pytest.mark.parametrize("quantity", ["reflectance", "transmittance", "absorptance"])
@pytest.mark.parametrize("polarisation", ["s", "p"])
def test_own_designs_agree_with_an_independent_library(quantity: Any, polarisation: Any) -> None:
    films = FilmStack([1.5, 2.2 + 0.1j, 1.8], [450.0, 610.0], 1.1, 1.6 + 0.2j, angle=35.0, polarisation=polarisation)
    design = FilmDesign(films, 0.0, 250.0, quantity, wanted=[0.1, 0.2])
    thickness = [120.0, 35.0, 80.0]
    found = design.spectra([thickness])[0]
    for w, wavelength in enumerate(films.wavelengths):
        other = tmm.coh_tmm(
            polarisation, [1.1, 1.5, 2.2 + 0.1j, 1.8, 1.6 + 0.2j], [np.inf, *thickness, np.inf],
            np.radians(35.0), wavelength,
        )  # fmt: skip
        wanted = {"reflectance": other["R"], "transmittance": other["T"]}
        if polarisation == "s" or quantity == "reflectance":  # T into an absorber at an angle is defined in two ways
            assert found[w] == pytest.approx(wanted.get(quantity, 1 - other["R"] - other["T"]), abs=1e-12)
    check_objective(design)


def test_ellipsometry_agrees_with_an_independent_library() -> None:
    film = Ellipsometry()
    ratio = film.ratios(np.array([[1.7, 90.0]]))[0][0]
    for w in (0, 40, 99):
        wavelength = np.linspace(400, 800, 100)[w]
        metal = complex(gold(np.array([wavelength]))[0])
        r = {p: tmm.coh_tmm(p, [1, 1.7, metal], [np.inf, 90.0, np.inf], np.radians(40), wavelength)["r"] for p in "sp"}
        assert ratio[w] == pytest.approx(-r["p"] / r["s"], abs=1e-12)  # the library's sign of p is the other one


def test_gold_is_that_of_the_published_model() -> None:
    # Johnson and Christy's values, which the model follows within a few per cent.
    index = gold(np.array([616.8, 821.1]))
    np.testing.assert_allclose(index, [0.21 + 3.272j, 0.16 + 5.083j], rtol=0.06)


@pytest.mark.parametrize(
    "family",
    [PlantedSpectrum(layers=3, wavelengths=7), GrapheneStack(units=3), Ellipsometry(), ChirpedMirror(layers=5)],
    ids=lambda family: type(family).__name__,
)
def test_hidden_designs_have_the_known_optimum(family: Any) -> None:
    instance = family.sample(np.random.default_rng(5))
    check_objective(instance)
    if instance.optimum_status == "planted":
        assert instance.energy_of(instance.hidden) == pytest.approx(0.0, abs=1e-20 if family.n > 2 else 1e-10)
        assert instance.sample(np.random.default_rng(6)).energy_of(instance.hidden) > instance.tolerance


def test_a_planted_stack_seen_in_a_mirror_is_as_good() -> None:
    instance = PlantedSpectrum(layers=4)
    permittivities, thicknesses = instance.hidden[:4], instance.hidden[4:]
    mirrored = np.concatenate([permittivities[::-1], thicknesses[::-1]])
    assert instance.energy_of(mirrored) < 1e-24


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: FilmStack([], [500.0]), "no layers"),
        (lambda: FilmStack([[1.5, 1.5], [1.5]], [500.0, 600.0]), "indices: an array of numbers"),
        (lambda: FilmStack([1.5], []), "at least one"),
        (lambda: FilmStack([1.5], [600.0, 500.0]), r"wavelengths\[1\] = 500"),
        (lambda: FilmStack([1.5], [600.0, np.nan]), r"wavelengths\[1\] is nan"),
        (lambda: FilmStack([1.5 - 0.1j], [500.0]), "gain"),
        (lambda: FilmStack([np.nan], [500.0]), "indices holds"),
        (lambda: FilmStack([1.5], [500.0], incident=1.5 + 0.1j), "incident"),
        (lambda: FilmStack([1.5], [500.0], angle=90.0), "angle"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), 50.0, 20.0), "thicknesses from 50"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), wanted=[0.1, 0.2]), r"shape \(2,\)"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), wanted=[np.nan]), r"target\[0\] is nan"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), quantity="colour"), "quantity is 'colour'"),  # type: ignore[arg-type]
        (lambda: BraggMirror(layers=0), "layers is 0"),
        (lambda: BraggMirror(layers=2).energy_of([10.0, 300.0]), "coordinate 1 of the design is 300"),
        (lambda: PlantedSpectrum(wavelengths=0), "wavelengths is 0"),
        (lambda: ChirpedMirror(layers=2.5), "layers is 2.5"),  # type: ignore[arg-type]
        (lambda: BraggMirror(layers=True), "layers is True"),
        (lambda: PlantedSpectrum(mse=True), "mse is True"),
        (lambda: FilmStack(["a"], [500.0]), "indices: a where numbers"),
        (lambda: FilmStack([1.5], [500.0 + 1j]), r"wavelengths: \(500\+1j\) where real numbers"),
        (lambda: FilmStack([1.5], [500.0], exit=1.5 - 1j), "exit holds .* gain"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), wanted=[[1.0, 2.0], [3.0]]), "the target: an array"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), low=float("nan")), "thicknesses from nan"),
        (lambda: FilmDesign([1.5]), "a FilmStack is expected"),  # type: ignore[arg-type]
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), optimum=float("nan")), "optimum is nan"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), slack_allowed=-1.0), "slack_allowed is -1"),
        (lambda: FilmDesign(optimum=[1.0, 2.0]), "optimum is"),  # type: ignore[arg-type]
        (lambda: FilmDesign(slack_allowed=[1.0, 2.0]), "slack_allowed is"),  # type: ignore[arg-type]
        (lambda: GrapheneStack(mse=float("nan")), "mse"),
        (lambda: FilmStack([1.5], [500.0], angle=True), "angle: True where real numbers"),
        (lambda: FilmStack([True], [500.0]), "indices: True where numbers"),
        (lambda: FilmStack([1.5], [500.0], exit=True), "exit: True where numbers"),
        (lambda: FilmStack([1.5], [True]), "wavelengths: True where real numbers"),
        (lambda: FilmDesign(FilmStack([1.5], [500.0]), low=False), "thicknesses: False where real numbers"),
        (
            lambda: BraggMirror(10**12),
            "layers is 1000000000000, which .* memory; at most the .* expected",
        ),
        (lambda: PlantedSpectrum(wavelengths=10**12), "layers is 6, which at .* would take .* memory"),
        (lambda: GrapheneStack(units=10**12), "units is 1000000000000, which at 256 .* would take .* memory"),
        (lambda: FilmDesign(FilmStack([0.1 + 4j], [600.0]), 0.0, 2e4), r"wavelength 600 by exp\(-838\)"),
    ],
)
def test_bad_input_is_one_clear_line(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


@pytest.mark.parametrize(
    "model",
    [
        FilmDesign(FilmStack([1.5, 1.8], [500.0, 600.0]), 20.0, 200.0, wanted=[0.1, 0.2]),
        BraggMirror(layers=3),
        ChirpedMirror(layers=3),
        PlantedSpectrum(layers=2, wavelengths=4),
        GrapheneStack(units=2),
        Ellipsometry(),
        NanoparticleShell(layers=3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_everything_that_takes_designs_says_what_is_wrong_with_them(model: Any) -> None:
    good = model.space.random(np.random.default_rng(0), 3)
    last = good.shape[1] - 1
    cases: list[tuple[Any, str]] = []
    for value, shown in ((-50.0, "-50"), (1e4, "10000"), (np.nan, "nan"), (np.inf, "inf")):
        wrong = good.copy()
        wrong[1, last] = value
        cases.append((wrong, f"coordinate {last} of design 1 is {shown};"))
    # Too wide a batch must be refused before compiled code writes beyond its arrays.
    for wrong in (good[:, :-1], np.concatenate([good, good], axis=1), good[0], good[None]):
        cases.append((wrong, "designs of shape"))
    cases.append((good.astype(str), "real numbers are expected"))
    cases.append((good > 0, "True where real numbers are expected"))
    cases.append((np.ma.masked_array(good, good == good[0, 0]), "a masked array lacks values"))
    names = ("energies", "energy", "gradient", "value_and_gradient", "spectra", "slopes", "ratios")
    functions = [getattr(model, name) for name in names if hasattr(model, name)]
    assert len(functions) >= 5
    for (wrong, said), function in itertools.product(cases, functions):
        with pytest.raises(InputError, match=said):
            function(wrong)
    for wrong, _ in cases[:4]:
        with pytest.raises(InputError, match=f"coordinate {last} of the design"):
            model.energy_of(wrong[1])
        if model.residuals is not None and getattr(model, "target", 0) is not None:
            with pytest.raises(InputError, match=f"coordinate {last} of design 0"):
                model.residuals(wrong[1])
