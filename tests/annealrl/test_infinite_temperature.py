"""At β = 0 replicas become independent and uniform; couplings of too many decades are refused where rounded."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.generators import edwards_anderson_2d, ferromagnet_2d, sherrington_kirkpatrick
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.layouts import Layout
from annealrl.simulator import ReplicaSimulator, instance_seeds


@pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")
@pytest.mark.parametrize("layout", ["packed", "multispin", "summed", "dense"])
def test_replicas_part_from_a_common_start(layout: Layout) -> None:
    rng = np.random.default_rng(3)
    model = edwards_anderson_2d(6, rng, "pm1") if layout == "multispin" else sherrington_kirkpatrick(36, rng)
    if layout == "packed":
        model = edwards_anderson_2d(6, rng)
    simulator = ReplicaSimulator([model], 640, seed=1, initial="shared", layout=layout)
    simulator.advance(0.0, 30)
    spins = simulator.spins(0).astype(float)
    overlaps = (spins @ spins.T / model.n)[np.triu_indices(640, 1)]
    # Independent uniform configurations have <q²> = 1/n; 204 480 pairs of 640 draws leave an error below 1 %.
    assert (overlaps**2).mean() * model.n == pytest.approx(1.0, abs=0.05)
    assert simulator.acceptance_ratio(30)[0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")
def test_free_energy_after_sweeps_at_infinite_temperature() -> None:
    model = ferromagnet_2d(3)
    spins = 1 - 2 * ((np.arange(1 << 9)[:, None] >> np.arange(9)) & 1).astype(np.int8)
    exact = -np.log(np.exp(-0.2 * model.energy(spins)).sum()) / 0.2
    simulator = ReplicaSimulator([model] * 200, 64, seeds=instance_seeds(5, 200))
    simulator.advance(0.0, 20)
    simulator.population.resample(0.2)
    found = simulator.population.free_energy(0.2)
    # The mean of Z is unbiased over independent populations; its error follows from their spread.
    ratio = np.exp(-0.2 * (found - exact))
    assert abs(ratio.mean() - 1.0) < 4 * ratio.std() / np.sqrt(200)
    assert ratio.std() / np.sqrt(200) < 0.02


def chain(strong: float) -> IsingModel:
    return IsingModel.from_edges([(0, 1), (1, 2), (2, 3)], [strong, 0.6, 0.6], name="chain")


def test_couplings_of_too_many_decades_are_refused_where_they_are_rounded() -> None:
    for strong, fine in ((1e4, True), (1e9, False)):
        for layout in ("packed", "summed", "dense"):
            simulator = ReplicaSimulator([chain(strong)], 64, layout=layout)
            if fine or layout == "packed":
                simulator.advance(1.0, 2)
            else:
                with pytest.raises(InputError, match=r"instance chain: its couplings span too many decades"):
                    simulator.advance(1.0, 2)
        simulator = ReplicaSimulator([chain(strong)], 64)
        tempering = simulator.tempering(np.geomspace(0.1, 1.0, 8), 8)
        if fine:
            simulator.advance(np.full((1, 64), 1.0), 2)
            tempering.advance(2)
        else:
            with pytest.raises(InputError, match="too many decades"):
                simulator.advance(np.full((1, 64), 1.0), 2)
            with pytest.raises(InputError, match="too many decades"):
                tempering.advance(2)
        simulator.load([0], [chain(1.0)], instance_seeds(1, 1))
        tempering.advance(2)


def test_integers_are_never_too_coarse() -> None:
    model = IsingModel.from_edges([(i, i + 1) for i in range(9)], [1e6, 1, 1, 2, -3, 5, 1, 1, 1])
    simulator = ReplicaSimulator([model], 64, layout="dense")
    simulator.advance(5.0, 2)
