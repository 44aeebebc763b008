"""Targeted energy sampling: what the two rules hold, and sets with as many configurations of every energy."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.generators import edwards_anderson_2d, ferromagnet_2d
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.targeted_sampling import Chain, energy_dataset

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")


@small
def test_the_repaired_rule_holds_a_target_and_the_printed_one_does_not() -> None:
    model = ferromagnet_2d(8)
    held = Chain(model, "repaired", seed=1).mean_energy(-1.3, 20_000, 0.01)
    assert held == pytest.approx(-1.3, abs=0.05)
    drifted = Chain(model, "printed", seed=1).mean_energy(-1.3, 20_000, 0.01)
    assert drifted == pytest.approx(-0.28, abs=0.06)


@small
def test_the_repaired_chain_has_its_weight() -> None:
    # Levels of the 4×4 ferromagnet by their numbers of configurations, times exp(-(e - t)²/kT).
    model, target, temperature = ferromagnet_2d(4), -0.9, 0.8
    levels = np.array([-32, -24, -20, -16, -12, -8, -4, 0, 4, 8, 12, 16, 20, 24, 32]) / 16
    counts = np.array([2, 32, 64, 424, 1728, 6688, 13568, 20524, 13568, 6688, 1728, 424, 64, 32, 2])
    weights = counts * np.exp(-((levels - target) ** 2) * 16 / temperature)
    expected = float((weights * levels).sum() / weights.sum())
    found = [Chain(model, seed=k).mean_energy(target, 40_000, temperature) for k in range(4)]
    assert np.mean(found) == pytest.approx(expected, abs=5 * np.std(found) / 2 + 1e-3)


@small
def test_every_bin_of_a_glass_is_full_or_empty() -> None:
    model = edwards_anderson_2d(6, np.random.default_rng(0), "gaussian")
    phases: list[str] = []
    found = energy_dataset(model, 24, 900, seed=2, progress=lambda phase, done, all_: phases.append(phase))
    assert phases[0] == "discovery"
    assert {"sweep", "filling"} <= set(phases)
    assert set(found.counts[1:-1].tolist()) == {900}
    energies = np.array([model.energy(spins) for spins in found.spins]) / model.n
    np.testing.assert_allclose(found.energies, energies, atol=1e-9)
    np.testing.assert_array_equal(np.clip(np.digitize(energies, found.edges + 1e-12) - 1, 0, 23), found.bins)
    again = energy_dataset(model, 24, 900, seed=2)
    np.testing.assert_array_equal(found.spins, again.spins)


def test_bad_input_is_one_clear_line() -> None:
    model = IsingModel.from_edges([(0, 1)])
    with pytest.raises(InputError, match="unknown rule"):
        Chain(model, "mended")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="0 bins"):
        energy_dataset(model, 0)
    with pytest.raises(InputError, match="kT 0"):
        Chain(model).seek(0.0, 10, 0.0)
    with pytest.raises(InputError, match="target is nan"):
        Chain(model).seek(np.nan, 10, 1.0)
