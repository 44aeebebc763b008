"""Quantum wires as designs: every kind keeps the contract, targets are what they say, fast moves do not drift."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from annealrl.envs.quantum_wire import QuantumWire
from annealrl.envs.quantum_wire_curves import CURVES
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instances.sampled import sampled_set
from annealrl.kernels import jit, wire_designs
from annealrl.method import Budget
from annealrl.quantum_wire import Wire
from annealrl.testing import check_objective


@pytest.mark.parametrize(
    "options",
    [
        {"design": "levels", "levels": 4},
        {"design": "sites"},
        {"design": "sites", "target": "skyline"},
        {"design": "antidots", "antidots": 2},
    ],
    ids=str,
)
def test_every_kind_of_design(options: dict[str, Any]) -> None:
    check_objective(QuantumWire(**{**QuantumWire.example, **options}), designs=6, proposals=60)


@pytest.mark.skipif(jit.INTERPRETED, reason="too much arithmetic for interpreted kernels")
def test_the_published_antidot() -> None:
    # Kwant's values to nine decimals, see the tests of the kernels; 30×30 sites, every tenth of the published fields.
    known = (
        *(8.770934974, 8.716931575, 8.184588429, 6.918645560, 5.283873620, 4.995560714),
        *(4.012491738, 3.999995949, 3.0, 3.0, 3.0),
    )
    for options in ({"design": "antidots", "antidots": 2}, {"design": "sites", "strength": 10.0}):
        model = QuantumWire(length=30, width=30, fields=11, target="antidot", **options)
        assert model.highest_field == pytest.approx(0.12)
        np.testing.assert_allclose(model.target_conductance, known, atol=1e-8)
        assert model.hidden is not None
        assert model.known_optimum == 0.0
        assert model.energy_of(model.hidden) < 1e-20
    far = QuantumWire(design="sites", target="antidot")
    assert far.hidden is None, "an antidot of 10 is outside [-2, 2]"
    assert far.known_optimum is None


@pytest.mark.parametrize("options", [{"design": "antidots", "antidots": 2}, {"design": "sites"}])
def test_residuals_make_the_energy_and_its_gradient(options: dict[str, Any]) -> None:
    model = QuantumWire(length=4, width=4, fields=3, **options).sample(np.random.default_rng(1))
    x = model.space.random(np.random.default_rng(2), 1)
    off, jacobian = model.residuals(x[0])
    assert (off**2).mean() == pytest.approx(float(model.energy(x)[0]))
    np.testing.assert_allclose(2 / 3 * off @ jacobian, model.gradient(x)[0], rtol=1e-9, atol=1e-12)


def test_planted_targets_have_optimum_zero() -> None:
    models = [QuantumWire(fields=3).sample(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    for model in models:
        assert model.hidden is not None
        assert model.energy_of(model.hidden) == 0.0
        assert model.optimum_status == "planted"
    assert models[0] == models[1] != models[2]
    made = sampled_set("env:QuantumWire-v0,fields=3", range(2), most_spins=200)
    assert made.statuses == ("planted", "planted")
    assert made.ground_energies.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", CURVES)
def test_drawn_curves_lie_below_what_a_clean_wire_lets_through(name: str) -> None:
    model = QuantumWire(length=2, width=30, fields=26, target=name)  # type: ignore[arg-type]
    clean = model.conductances_of(np.full((1, 2, 30), 4.0))[0]
    assert (model.target_conductance > 0).all()
    assert (model.target_conductance < clean).all()
    assert model.sample(np.random.default_rng(0)) is model


def test_threads_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    model = QuantumWire(length=12, width=12, fields=7, design="sites")
    h = 4.0 + rng.normal(0.0, 1.0, (3, 12, 12))
    for method in (model.wire.transmissions, model.wire.sensitivities):
        one, three = method(h, 1), method(h, 3)
        np.testing.assert_array_equal(np.hstack([np.ravel(a) for a in one]), np.hstack([np.ravel(a) for a in three]))


def test_fast_moves_do_not_drift() -> None:
    # With these defects and no check of the running transmission, a walk of 32 changes is off by up to 4e-7.
    model = QuantumWire().sample(np.random.default_rng(5))
    kernel = model.kernel
    assert kernel is not None
    worst = 0.0
    for walk in range(4):
        rng = np.random.default_rng(walk)
        x, cache = model.space.random(rng, 1)[0], np.zeros(kernel.cache)
        energy = wire_designs.wire_init(kernel.floats, kernel.ints, x, cache)
        for i in rng.integers(0, 64, 70):
            value = model.height - x[i]
            energy += wire_designs.wire_delta(kernel.floats, kernel.ints, x, cache, i, value)
            wire_designs.wire_apply(kernel.floats, kernel.ints, x, cache, i, value)
            x[i] = value
            true = model.conductances(x[None])[0]
            worst = max(worst, float(np.abs(cache[: model.fields] - true).max()))
        assert energy == pytest.approx(model.energy_of(x), abs=1e-7)
    assert worst <= 1e-8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "width is 1; at least 2"),
        ({"levels": 1}, "levels is 1; at least 2"),
        ({"design": "walls"}, "design is 'walls'; one of defects"),
        ({"target": "face"}, "target is 'face'; one of planted"),
        ({"strength": -1.0}, "strength is -1.0; a positive number"),
        ({"accuracy": 0.0}, "accuracy is 0.0; a positive number"),
        ({"field_max": float("inf")}, "a finite number is expected"),
        ({"fermi_energy": -3.0}, "no mode of a wire of width 8 is open"),
        ({"length": 400, "width": 100}, "a replica would keep .* GiB"),
        ({"design": "antidots", "antidots": 10**9}, "a design would take .* GiB; .* fewer antidots"),
        ({"design": "antidots", "width": 2000}, "a design would take .* GiB"),
    ],
)
def test_bad_input_takes_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        gym.make("QuantumWire-v0", **options)
    assert "\n" not in str(caught.value)


def test_designs_and_wires_that_are_none() -> None:
    model = QuantumWire(length=3, width=3, fields=2)
    for wrong in (np.zeros((2, 8)), np.zeros((3, 3, 3))):
        with pytest.raises(InputError, match=r"objective 'QuantumWire': designs of shape .*; \(R, 9\) is expected"):
            model.energies(wrong)
    with pytest.raises(InputError, match="coordinate 0 of design 0 is nan; a finite number is expected"):
        model.energies(np.full((1, 9), np.nan))
    with pytest.raises(InputError, match=r"quantum wire: designs of shape \(1, 8\); \(R, 9\) is expected"):
        model.conductances(np.zeros((1, 8)))
    with pytest.raises(InputError, match="wire: a potential is not finite"):
        model.wire.transmissions(np.full((1, 3, 3), np.inf))
    for width, fields, energy in ((0, [0.0], 1.2), (3.5, [0.0], 1.2), (3, [np.nan], 1.2), (3, 0.1, 1.2), (3, [], 1.2)):
        with pytest.raises(InputError, match="wire: "):
            Wire(width, fields, energy)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a finite energy"):
        Wire(3, [0.0], np.nan)


def test_annealing_and_gradients_find_an_antidot() -> None:
    one = sampled_set("env:QuantumWire-v0,length=6,width=6,fields=5,design=antidots", range(1), most_spins=99)
    for method in ("geometric:3:3000:sigma", "gradient:lbfgs", "gradient:lsq"):
        assert evaluate(method, one, episodes=6, budget=Budget(16, 16, 16)).p > 0.4, method
    sites = sampled_set("env:QuantumWire-v0,length=4,width=4,fields=3", range(1), most_spins=99)
    with pytest.raises(InputError, match="has coordinates on levels; continuous ones are expected"):
        evaluate("gradient:adam", sites, episodes=1, budget=Budget(2, 2, 2))
