"""The beam-propagation substitute, reduced models, propagation and lenses, against independent truths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from annealrl.envs.metalens import Metalens
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instance_set import InstanceSet
from annealrl.metalens import records
from annealrl.metalens.beam import PILLARS, SAMPLES, Beam, Pillars
from annealrl.metalens.dataset import KINDS, PIECE, Windows, draw_windows, load_windows
from annealrl.metalens.design import adam, anneal, on_levels, starts, substitute_energy
from annealrl.metalens.drawing import draw_lens
from annealrl.metalens.fitting import errors, fit_models, split
from annealrl.metalens.forward import centres, forward_lens, lens_phase, nearest_radii
from annealrl.metalens.goals import make_goal
from annealrl.metalens.propagation import angular_spectrum, axial_section, rayleigh_sommerfeld
from annealrl.metalens.reduced import PUBLISHED, dense_network, fit_linear, modes_of
from annealrl.metalens.store import SCATTERING, SHIPPED, load_model, model_path, save_models
from annealrl.metalens.training import fit_deep, symmetries
from annealrl.method import Budget
from annealrl.testing import check_objective

RNG = np.random.default_rng(0)
SPACING = PILLARS.period / SAMPLES


# -- the substitute ----------------------------------------------------------------------------------------------------


def test_a_uniform_film_only_delays() -> None:
    # Without contrast a plane wave gains its phase in the film and half a wave in air, whatever the radii.
    beam = Beam(633.0, pillars=Pillars(index=1.0))
    found = beam.propagate(RNG.uniform(50, 215, (2, 3)))
    phase = 2 * np.pi * (633.0 / 633.0 + 0.5)
    np.testing.assert_allclose(found, np.exp(1j * phase), atol=1e-12)


def test_thin_pillars_are_phase_screens() -> None:
    # A millionth of the height: the field is 1 + i k (n - 1) h · share, before diffraction in air.
    height = 633.0e-6
    beam = Beam(633.0, steps=1, pillars=Pillars(height=height))
    radii = RNG.uniform(50, 215, (3, 3))
    share = beam.fill(radii).swapaxes(1, 2).reshape(30, 30)
    screen = np.exp(2j * np.pi / 633.0 * height * share) * np.exp(2j * np.pi / 633.0 * height)
    frequency = np.fft.fftfreq(30, SPACING)
    along = np.sqrt(1 / 633.0**2 - frequency[:, None] ** 2 - frequency**2 + 0j)
    expected = np.fft.ifft2(np.fft.fft2(screen) * np.exp(2j * np.pi * along * 633.0 / 2))
    np.testing.assert_allclose(beam.propagate(radii), expected, atol=1e-9)


def test_pillars_fill_their_area_and_no_power_is_made() -> None:
    beam = Beam(400.0)
    radii = np.linspace(60.0, 215.0, 8)
    area = beam.fill(radii).mean(axis=(-2, -1)) * PILLARS.period**2
    np.testing.assert_allclose(area, np.pi * radii**2, atol=1500)
    fields = beam.propagate(RNG.uniform(50, 215, (4, 3, 3)))
    assert ((np.abs(fields) ** 2).mean(axis=(1, 2)) <= 1 + 1e-9).all()


def test_windows_cells_and_equal_pillars_agree() -> None:
    beam = Beam(633.0)
    equal = np.full((1, 9), 140.0)
    assert beam.cells(equal)[0].mean() == pytest.approx(beam.transmission(np.array([140.0]))[0])
    # A periodic lens is its own margin: the whole run has the fields of the window.
    np.testing.assert_allclose(beam.aperture(np.full((2, 2), 140.0), 1)[:10, :10].ravel(), beam.cells(equal)[0])
    radii = RNG.uniform(50, 215, (1, 9))
    turned = beam.cells(radii[:, symmetries(3)[1]])
    np.testing.assert_allclose(turned, beam.cells(radii)[:, symmetries(SAMPLES)[1]], atol=1e-12)


# -- propagation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wavelength", [400.0, 633.0])
def test_angular_spectrum_agrees_with_the_integral(wavelength: float) -> None:
    field = Beam(wavelength).aperture(forward_lens(11, 4874.1, Beam(633.0)))
    x = (np.arange(110) - 54.5) * SPACING
    chosen = np.arange(30, 80, 12)
    points = np.array([(x[i], x[j], 4874.1) for j in chosen for i in chosen])
    exact = rayleigh_sommerfeld(field, SPACING, points, wavelength).reshape(len(chosen), -1)
    off = []
    for padding in (2, 8):
        found = angular_spectrum(field, SPACING, 4874.1, wavelength, padding)[np.ix_(chosen, chosen)]
        off.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert off[1] < 0.02
    assert off[1] < off[0] < 0.2
    line = rayleigh_sommerfeld(field, SPACING, np.stack([x, 0 * x, np.full(110, 4874.1)], 1), wavelength)
    found = axial_section(field, SPACING, np.array([4874.1]), wavelength, 8)[0]
    assert np.linalg.norm(found - line) < 0.02 * np.linalg.norm(line)


def test_on_axis_field_of_a_square_aperture_in_the_far_field() -> None:
    # Fraunhofer: |E| = area / (λ z).
    found = rayleigh_sommerfeld(np.ones((20, 20), complex), 50.0, np.array([[0, 0, 1e6]]), 500.0)
    assert np.abs(found[0]) == pytest.approx(1e6 / (500.0 * 1e6), rel=1e-3)


# -- forward design ----------------------------------------------------------------------------------------------------


def test_forward_design_takes_the_nearest_phase() -> None:
    beam, levels = Beam(633.0), np.linspace(50, 215, 16)
    phase = RNG.uniform(-10, 10, 50)
    angles = np.angle(beam.transmission(levels))
    distance = np.abs(np.angle(np.exp(1j * (phase[:, None] - angles))))
    np.testing.assert_array_equal(nearest_radii(phase, beam, levels), levels[distance.argmin(axis=1)])
    assert lens_phase(np.array([3.0]), 4.0, 1.0)[0] == pytest.approx(-2 * np.pi)
    assert centres(3, 2.0).tolist() == [-2.0, 0.0, 2.0]


# -- data and models ---------------------------------------------------------------------------------------------------


def small_data(count: int = 300) -> Windows:
    radii, kinds = draw_windows(np.random.default_rng(3), count, Beam(633.0))
    return Windows(radii, Beam(633.0).cells(radii), kinds)


def test_data_are_kept_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annealrl.metalens.dataset.PIECE", 6)
    whole = load_windows(tmp_path / "whole", 3, seed=1)
    load_windows(tmp_path / "parts", 1, seed=1)
    first = next((tmp_path / "parts").iterdir())
    stamp = first.stat().st_mtime_ns
    resumed = load_windows(tmp_path / "parts", 3, seed=1)
    assert first.stat().st_mtime_ns == stamp
    for colour in (633.0, 400.0):
        np.testing.assert_array_equal(whole[colour].fields, resumed[colour].fields)
        assert whole[colour].kinds.tolist() == [0, 1, 2] * 6
    assert len(whole[400.0]) == 18 < PIECE
    first.write_bytes(b"no archive")
    with pytest.raises(InputError, match="no piece of metalens data"):
        load_windows(tmp_path / "parts", 3, seed=1)
    with pytest.raises(InputError, match="pieces"):
        load_windows(tmp_path, 0)


def test_linear_model_recovers_a_one_body_field() -> None:
    data = small_data(200)
    basis = np.linalg.qr(RNG.normal(size=(100, 4)) + 1j * RNG.normal(size=(100, 4)))[0]
    x = (data.radii - 132.5) / 82.5
    weights = 0.3j + (x[:, :, None] ** np.arange(1, 4) @ RNG.normal(size=(3, 4))).sum(axis=1)
    made = Windows(data.radii, weights @ basis.T, data.kinds)
    model = fit_linear(made, basis, Beam(633.0), order=4)
    assert model.error(made) < 1e-9
    fields = (model.terms(data.radii[0])[np.arange(9), np.arange(9)].sum(axis=0) + model.constant) @ basis.T
    np.testing.assert_allclose(fields, made.fields[0], atol=1e-9)


def test_models_are_fitted_saved_and_read(tmp_path: Path) -> None:
    data = small_data()
    fitted = fit_models(data, 633.0, hidden=(16, 16), epochs=2, batch=64, checkpoint=tmp_path / "c.pt")
    assert 0.99 < fitted.share <= 1
    again = fit_models(data, 633.0, hidden=(16, 16), epochs=2, batch=64)
    test = split(data).test
    found = errors(fitted.models, test)
    assert errors(again.models, test) == found, "the same seed gives the same model"
    assert set(found["deep"]) == {*KINDS, "all"}
    assert found["linear"]["all"] < found["local"]["all"]
    save_models(fitted.models, model_path(tmp_path, 633.0))
    for name in SCATTERING:
        assert load_model(name, 633.0, tmp_path).error(test) == pytest.approx(found[name]["all"], rel=1e-4)
    with pytest.raises(InputError, match="a checkpoint of another training"):
        fit_models(data, 633.0, hidden=(8,), epochs=2, checkpoint=tmp_path / "c.pt")
    model_path(tmp_path, 400.0).write_bytes(b"nothing")
    with pytest.raises(InputError, match="no deep model of a metalens"):
        load_model("deep", 400.0, tmp_path)
    with pytest.raises(InputError, match="no such file"):
        load_model("deep", 500.0, tmp_path)


def test_training_resumes_where_it_stopped(tmp_path: Path) -> None:
    data = small_data(120)
    basis, _ = modes_of(data.fields)
    parts = split(data)

    class StopError(Exception):
        pass

    def stop(done: int, total: int, error: float) -> None:
        if done == 2:
            raise StopError

    given = (parts.fitted, parts.check, basis, Beam(633.0))
    with pytest.raises(StopError):
        fit_deep(*given, hidden=(16,), epochs=4, batch=64, checkpoint=tmp_path / "c.pt", progress=stop)
    resumed = fit_deep(*given, hidden=(16,), epochs=4, batch=64, checkpoint=tmp_path / "c.pt")
    undisturbed = fit_deep(*given, hidden=(16,), epochs=4, batch=64)
    np.testing.assert_array_equal(resumed.fields(data.radii[:9]), undisturbed.fields(data.radii[:9]))


def test_the_published_network() -> None:
    sizes = [
        tuple(value.shape) for key, value in dense_network(PUBLISHED, 16, 0).state_dict().items() if "weight" in key
    ]
    assert [shape[1] for shape in sizes] == [9, 100, 200, 400, 800, 1600, 800, 400, 200, 100]
    assert sizes[-1] == (32, 100)


def test_shipped_models_hold_on_fresh_windows() -> None:
    # Windows of another seed than any that was trained on; bounds are a little above what docs/metalens.md says.
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 2e6
    radii, kinds = draw_windows(np.random.default_rng(77), 300, Beam(633.0))
    for colour, linear, deep in ((633.0, 0.17, 0.05), (400.0, 0.27, 0.15)):
        test = Windows(radii, Beam(colour).cells(radii), kinds)
        found = [load_model(name, colour).error(test) for name in SCATTERING]
        assert found[2] < deep < found[1] < linear < 0.6 < found[0]


# -- lenses ------------------------------------------------------------------------------------------------------------

MEMBERS = [
    {"pillars": 4, "levels": 5, "goal": "annulus"},
    {"pillars": 4, "levels": 3, "goal": "depth", "scattering": "local"},
    {"pillars": 4, "levels": 0},
    {"pillars": 3, "levels": 4, "goal": "annulus", "scattering": "deep"},
    {"pillars": 3, "levels": 0, "goal": "depth", "scattering": "deep"},
]


@pytest.mark.parametrize("options", MEMBERS, ids=lambda options: "-".join(map(str, options.values())))
def test_members_keep_the_contract(options: dict[str, object]) -> None:
    check_objective(Metalens(**options), designs=6, proposals=60)  # type: ignore[arg-type]


@pytest.mark.parametrize("goal", ["focus", "annulus", "depth"])
@pytest.mark.parametrize("scattering", SCATTERING)
def test_energies_are_those_of_the_fields_over_all_cells(goal: str, scattering: str) -> None:
    lens = Metalens(pillars=5, levels=4, goal=goal, scattering=scattering)  # type: ignore[arg-type]
    x = lens.space.random(np.random.default_rng(1), 2)
    wanted = make_goal(goal, 1e3 * lens.focus, 1500.0)
    for design, energy in zip(x, lens.energy(x), strict=True):
        around = np.pad(design.reshape(5, 5), 1, mode="edge")
        intensity = np.zeros(len(wanted.points))
        for colour in np.unique(wanted.wavelengths):
            model, field = load_model(scattering, float(colour)), np.zeros((50, 50), complex)
            for i in range(5):
                for j in range(5):
                    cell = model.fields(around[i : i + 3, j : j + 3].reshape(1, 9)).reshape(10, 10)
                    field[10 * i : 10 * i + 10, 10 * j : 10 * j + 10] = cell
            chosen = wanted.wavelengths == colour
            seen = rayleigh_sommerfeld(field, SPACING, wanted.points[chosen], float(colour))
            intensity[chosen] = np.abs(seen / lens.optics.unit) ** 2
        if goal == "depth":
            expected = -np.log(intensity).sum()
        elif goal == "focus":
            expected = -intensity[0]
        else:
            expected = max(-intensity[:20].mean(), -intensity[20])
        assert energy == pytest.approx(expected, rel=1e-9)


def test_a_perfect_lens_has_intensity_one() -> None:
    lens = Metalens(pillars=5)
    x = centres(50, SPACING)
    distance = np.sqrt(x[:, None] ** 2 + x**2 + (1e3 * lens.focus) ** 2)
    # exp(-ikr), with the phase of Rayleigh and Sommerfeld's factor 1/r - ik taken away too.
    wave = 2 * np.pi / 633.0
    field = np.exp(-1j * wave * distance) / np.exp(1j * np.angle(1 / distance - 1j * wave))
    found = rayleigh_sommerfeld(field, SPACING, lens.optics.goal.points, 633.0) / lens.optics.unit
    assert np.abs(found[0]) == pytest.approx(1.0)


def test_success_at_a_handful_of_pillars_is_the_exhaustive_optimum() -> None:
    for options in ({"levels": 2}, {"levels": 2, "goal": "annulus"}, {"levels": 2, "scattering": "deep"}):
        lens = Metalens(pillars=3, **options)  # type: ignore[arg-type]
        values = np.array([[50.0, 215.0][bit] for k in range(512) for bit in map(int, f"{k:09b}")]).reshape(512, 9)
        lowest = lens.energy(values).min()
        assert lens.optimum_status == "optimal"
        assert lens.known_optimum == pytest.approx(lowest)
        assert lens.tolerance == pytest.approx(0.01 * abs(lowest))
    lens = Metalens(pillars=3, levels=2)
    known = np.array([lens.known_optimum])
    one = InstanceSet("one", (lens,), known, (None,), np.array([np.nan]), ("optimal",))
    assert evaluate("geometric:1:300:sigma", one, episodes=4, budget=Budget(8, 10, 5)).p == 1.0


def test_records_tell_success_of_larger_lenses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lens = Metalens()
    assert lens.optimum_status == "putative"
    assert lens.known_optimum is not None, "the default lens has a record"
    start = starts(lens, 8)
    assert lens.known_optimum < lens.energy(start).min()
    assert lens.tolerance == pytest.approx(0.01 * abs(lens.known_optimum))
    depth = Metalens(goal="depth", fraction=0.9)
    assert depth.tolerance == pytest.approx(-11 * np.log(0.9))
    assert Metalens(models=str(SHIPPED)).known_optimum is None
    path = tmp_path / "best.json"
    monkeypatch.setattr(records, "RECORDS", path)
    assert Metalens().known_optimum is None
    key = records.record_key(lens)
    records.keep_best({key: -0.5}, path)
    records.keep_best({key: -0.4}, path)
    assert Metalens().known_optimum == -0.5
    path.write_text(json.dumps({"models": "other", "energies": {key: -0.7}}))
    records._read.cache_clear()
    assert Metalens().known_optimum is None


def test_methods_improve_on_forward_design() -> None:
    lens = Metalens(pillars=7, scattering="deep", levels=12)
    start = starts(lens, 2)
    assert lens.space.contains(start).all()
    before = lens.energy(start)
    descended = adam(lens, start, 30)
    assert (descended.energies.min(axis=0) < before).all()
    assert lens.space.contains(on_levels(lens, descended.designs)).all()
    cold = anneal(lens, start, hot=300.0, cold=3000.0, step=0.3, steps=3, sweeps=2)
    assert (cold.energies < before).all()
    np.testing.assert_allclose(cold.energies, lens.energy(cold.designs))
    linear = Metalens(pillars=7, levels=12)
    found = anneal(linear, start, hot=300.0, cold=3000.0, step=0.3, steps=5, sweeps=10)
    assert (found.energies < linear.energy(start)).all()
    assert -1 < substitute_energy(lens, start[0]) < 0


def test_radii_between_levels_have_gradients_everywhere() -> None:
    lens = Metalens(pillars=4, scattering="deep", goal="annulus")
    x = lens.space.random(np.random.default_rng(5), 2) + 3.3
    x = np.clip(x, 60, 210)
    energies, gradients = lens.value_and_gradient(x)
    free = Metalens(pillars=4, scattering="deep", goal="annulus", levels=0)
    np.testing.assert_allclose(energies, free.energy(x))
    for i in (0, 5, 15):
        up, down = x.copy(), x.copy()
        up[:, i] += 1e-3
        down[:, i] -= 1e-3
        np.testing.assert_allclose(gradients[:, i], (free.energy(up) - free.energy(down)) / 2e-3, rtol=1e-3, atol=1e-9)


def test_pictures_are_drawn(tmp_path: Path) -> None:
    lens = Metalens(pillars=5, goal="annulus")
    seen = draw_lens(lens, starts(lens, 1)[0], tmp_path / "lens.png", "lens")
    assert (tmp_path / "lens.png").stat().st_size > 10_000
    assert [view.wavelength for view in seen] == [633.0, 400.0]
    middle = len(seen[0].plane) // 2
    around = seen[0].plane[middle - 1 : middle + 1, middle - 1 : middle + 1].mean()
    exact = lens.optics.fields(starts(lens, 1))[0, -1]
    assert around == pytest.approx(np.abs(exact) ** 2, rel=0.5), "the focal plane shows the focus"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pillars": 2}, "pillars is 2"),
        ({"pillars": 3.5}, "pillars is 3.5; a whole number"),
        ({"levels": 1}, "levels is 1"),
        ({"levels": -3}, "levels is -3"),
        ({"goal": "fog"}, "goal"),
        ({"scattering": "magic"}, "scattering"),
        ({"focal_length": -1.0}, "focal_length is -1"),
        ({"focal_length": float("inf")}, "focal_length is inf"),
        ({"ring": 0.0}, "ring is 0"),
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"models": "/nowhere"}, "models: /nowhere is no folder"),
        ({"pillars": 10**5}, "pillars 100000, levels 16: the lens would take .* GiB; fewer are expected"),
        ({"levels": 10**9}, "the lens would take .* GiB"),
        ({"levels": 10**9, "scattering": "deep"}, "the lens would take .* GiB"),
    ],
)
def test_bad_parameters(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Metalens(**options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scattering", ["linear", "deep"])
def test_radii_that_no_pillar_has(scattering: str) -> None:
    # Below the smallest radius a table would be read from its other end.
    lens = Metalens(pillars=3, levels=4, scattering=scattering)  # type: ignore[arg-type]
    for radius in (35.0, 300.0):
        with pytest.raises(InputError, match=r"metalens: coordinate 0 of design 0 is .*; 50 to 215 is expected"):
            lens.energies(np.full((1, 9), radius))
        with pytest.raises(InputError, match="metalens: coordinate 0 of design 0"):
            lens.gradient(np.full((1, 9), radius))
    with pytest.raises(InputError, match=r"\(1, 8\); \(R, 9\) is expected"):
        lens.energy(np.full((1, 8), 50.0))
    if scattering == "linear":
        with pytest.raises(InputError, match="a radius of 60 nm is none of the 4 levels"):
            lens.energies(np.full((1, 9), 60.0))


def test_bad_optics() -> None:
    with pytest.raises(InputError, match="half the period"):
        Pillars(largest=230.0)
    with pytest.raises(InputError, match="beam: wavelength"):
        Beam(-1.0)
    with pytest.raises(InputError, match="padding is 1"):
        angular_spectrum(np.ones((4, 4), complex), 1.0, 1.0, 1.0, 1)
    with pytest.raises(InputError, match="above the lens"):
        rayleigh_sommerfeld(np.ones((4, 4), complex), 1.0, np.array([[0.0, 0.0, -1.0]]), 1.0)
    with pytest.raises(InputError, match="wavelength is -1 nm"):
        rayleigh_sommerfeld(np.ones((4, 4), complex), 1.0, np.array([[0.0, 0.0, 1.0]]), -1.0)
    with pytest.raises(InputError, match=r"points of shape \(3,\)"):
        rayleigh_sommerfeld(np.ones((4, 4), complex), 1.0, np.array([0.0, 0.0, 1.0]), 1.0)
    for shape, height, wavelength in (((4, 4), -1.0, 1.0), ((4, 4), 1.0, 0.0), ((4,), 1.0, 1.0)):
        with pytest.raises(InputError, match="angular spectrum: "):
            angular_spectrum(np.ones(shape, complex), 1.0, height, wavelength)
    with pytest.raises(InputError, match="beam: radii"):
        Beam(633.0).aperture(np.full((3, 3), np.nan))
    with pytest.raises(InputError, match="beam: windows"):
        Beam(633.0).cells(np.full((3, 8), 100.0))
    with pytest.raises(InputError, match="metalens: starts is 0"):
        starts(Metalens(), 0)
