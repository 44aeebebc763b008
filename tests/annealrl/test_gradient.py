"""Descents of designs: the optimisers are the published ones, budgets are kept, and wrong texts are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from annealrl.baselines.gradient import GradientMethod, cosine_rates, descend, stepped_rates
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.legs import descend_in_legs
from annealrl.envs.rotor import PlanarRotor, XYModel
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget

SEED = [np.random.SeedSequence(3)]


def bowl(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = np.array([1.0, 25.0])
    return (scale * x**2).sum(axis=1), 2 * scale * x


def test_rates_are_cut_where_the_paper_cuts_them() -> None:
    rates = stepped_rates(0.01, 20_000)
    assert rates[[0, 1_999]].tolist() == [0.01, 0.01]
    np.testing.assert_allclose(rates[[2_000, 5_000, 10_000, 15_000]], [9e-3, 4.5e-3, 4.5e-4, 4.5e-5])
    assert cosine_rates(1.0, 2).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adabelief"])
def test_optimisers_by_their_formulas(optimizer: str) -> None:
    rates, x = np.full(5, 0.1), np.array([[1.0, -0.3], [0.2, 0.4]])
    found = descend(optimizer, x, bowl, rates)
    first, second = np.zeros_like(x), np.zeros_like(x)
    for step, rate in enumerate(rates, start=1):
        gradient = bowl(x)[1]
        if optimizer == "rmsprop":
            second = 0.9 * second + 0.1 * gradient**2
            x = x - rate * gradient / (np.sqrt(second) + 1e-8)
        else:
            first = 0.9 * first + 0.1 * gradient
            off = gradient - first if optimizer == "adabelief" else gradient
            second = 0.999 * second + 0.001 * off**2 + (1e-16 if optimizer == "adabelief" else 0.0)
            spread = np.sqrt(second / (1 - 0.999**step)) + (1e-16 if optimizer == "adabelief" else 1e-8)
            x = x - rate * first / (1 - 0.9**step) / spread
    np.testing.assert_allclose(found.last, x, rtol=1e-6)
    np.testing.assert_allclose(bowl(found.best)[0], found.values.min(axis=0))
    leg = descend(optimizer, np.array([[1.0, -0.3], [0.2, 0.4]]), bowl, rates[:2])
    np.testing.assert_array_equal(descend(optimizer, leg.last, bowl, rates[2:], state=leg.state).last, found.last)


def test_a_descent_in_legs_is_one_descent_and_goes_on(tmp_path: Path) -> None:
    rates, x, calls = np.full(7, 0.1), np.array([[1.0, -0.3], [0.2, 0.4]]), 0

    def interrupted(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return bowl(z)

    path = tmp_path / "a.legs"
    with pytest.raises(KeyboardInterrupt):
        descend_in_legs("adabelief", x, interrupted, rates, path, 3)
    calls = 10
    found = descend_in_legs("adabelief", x, interrupted, rates, path, 3)
    assert calls == 10 + 4 + 2, "the first leg was kept"
    whole = descend("adabelief", x, bowl, rates)
    np.testing.assert_array_equal(found["values"], whole.values)
    np.testing.assert_array_equal(found["best"], whole.best)
    np.testing.assert_array_equal(found["kept"][-1], whole.last)
    assert found["kept"].shape == (4, 2, 2)


class _Runs:
    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize("content", [b"", b"nothing", _Runs(), {"kept": []}])
def test_files_that_hold_no_legs_are_refused_and_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.legs"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"a\.legs: no legs of a descent \(\w+\); delete it"):
        descend_in_legs("adabelief", np.zeros((1, 2)), bowl, np.full(3, 0.1), path, 3)
    assert not (tmp_path / "touched").exists()


def test_designs_stay_in_their_ranges_and_budgets_are_kept() -> None:
    budget = Budget(replicas=3, steps=5, sweeps_per_step=18)
    for text in ("gradient:rmsprop:rate=0.3", "gradient:lbfgs"):
        for model in (PlanarRotor(length=4), XYModel(length=3)):
            outcome = parse_method(text).run([model], budget, SEED)
            assert model.space.contains(outcome.best_spins[0])
            # 90 sweeps of n moves that cost 1/n each, 6 whole energies; a gradient costs 2.
            assert outcome.attempted_updates == 3 * 48
            assert outcome.evaluations == 3 * (48 * 2.0 + 3)
    ground = PlanarRotor(length=4).known_optimum
    assert ground is not None
    free = parse_method("gradient:adam:rate=0.02:iterations=200").run([PlanarRotor(length=4)], Budget(8, 1, 1), SEED)
    # Random designs have 0.4 J a bond on average; descents end in local minima, every other bond satisfied or better.
    assert free.best_energies[0] <= 0.45 * ground


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gradient:newton", "optimizer"),
        ("gradient:adam:fast", "flag"),
        ("gradient:adam:rate=0", "rate is 0.0; a positive number"),
        ("gradient:adam:iterations=1.5", "iterations is 1.5; a whole number"),
        ("gradient:adam:rat=1", "unknown option 'rat'"),
        ("gradient:adam:tight", "tight is for lbfgs alone"),
        ("gradient:lsq:memory=5", "memory is for lbfgs alone"),
        ("gradient:lbfgs:memory=0", "memory is 0; a whole number"),
        ("gradient:lbfgs:memory=inf", "memory is inf; a whole number from 1 to 1,000"),
        ("gradient:lbfgs:memory=1e9", "memory is 1e[+]09; a whole number from 1 to 1,000"),
        ("gradient:lbfgs:iterations=inf", "iterations is inf; a whole number"),
        ("gradient:lbfgs:memory=5:memory=6", "memory is given twice"),
        ("gradient:lbfgs:tight:tight", "tight is given twice"),
        ("gradient:lbfgs:rate=0.3", "rate is for .* alone, not for lbfgs"),
        ("gradient:lsq:cosine", "cosine is for .* alone, not for lsq"),
        ("gradient:lsq:log", "log is for .* alone, not for lsq"),
        ("search:cma:size=inf", "size is inf; a whole number from 2 to 1,000,000"),
        ("search:de:size=nan", "size is nan; a whole number"),
    ],
)
def test_wrong_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_method(text)


def test_what_has_no_gradient_is_refused() -> None:
    method = GradientMethod("adam", 0.1, "gradient:adam")
    with pytest.raises(InputError, match="designs are expected, not Ising models"):
        method.run([IsingModel.from_edges([(0, 1)], 1.0)], Budget(2, 2, 2), SEED)
