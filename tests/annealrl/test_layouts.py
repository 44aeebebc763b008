"""The choice of kernels, and that every layout keeps the simulator's promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.layouts import LAYOUTS, choose
from annealrl.simulator import ReplicaSimulator, instance_seeds

rng = np.random.default_rng(3)


def complete(n: int, couplings: object = None) -> IsingModel:
    edges = np.stack(np.triu_indices(n, 1), axis=1)
    J = rng.normal(size=len(edges)) if couplings is None else couplings
    return IsingModel.from_edges(edges, J, rng.normal(size=n), n=n)  # type: ignore[arg-type]


RING = [(i, (i + 1) % 6) for i in range(6)]
PM = IsingModel.from_edges(RING, [2, -2, 2, 2, -2, 2], [2, 0, -2, 0, 0, 2])
GLASS = IsingModel.from_edges(RING, rng.normal(size=6))
EIGHT = complete(8)
FORCED = {"multispin": PM, "summed": EIGHT, "dense": EIGHT, "packed": PM}


def test_every_instance_gets_the_layout_of_its_own() -> None:
    assert choose(PM) == "multispin"
    assert choose(GLASS) == "packed"
    assert choose(EIGHT) == "summed"
    assert choose(complete(300)) == "dense"
    assert choose(complete(9, 1.0)) == "summed", "±J, but with more than seven bonds"
    assert choose(IsingModel.from_edges(RING, 1.0, 0.5)) == "packed", "a field that is not ±J"
    assert choose(IsingModel.from_edges([], fields=[1.0])) == "packed"


@pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")
@pytest.mark.parametrize(("rule", "order"), [("metropolis", "random"), ("gibbs", "sequential")])
@pytest.mark.parametrize("layout", FORCED)
def test_samples_the_boltzmann_distribution(layout: str, rule: str, order: str) -> None:
    # Chi-square over all states, false-alarm probability 1e-5 each; seeds are fixed.
    model, beta = FORCED[layout], 0.4
    states = (((np.arange(1 << model.n)[:, None] >> np.arange(model.n)) & 1) * 2 - 1).astype(np.int8)
    weights = np.exp(-beta * np.asarray(model.energy(states)))
    weights /= weights.sum()
    simulator = ReplicaSimulator([model] * 10, 256, seed=2, rule=rule, order=order, layout=layout)  # type: ignore[arg-type]
    counts = np.zeros(len(states))
    for _ in range(4):
        simulator.advance(beta, 100)
        for b in range(10):
            code = ((simulator.spins(b) > 0) << np.arange(model.n)).sum(axis=1)
            counts += np.bincount(code, minlength=len(states))
    expected = counts.sum() * weights
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    kept = expected > 1
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.isf(1e-5, kept.sum() - 1)


def test_a_mixed_batch_runs_as_its_parts_would() -> None:
    models = [PM, GLASS, EIGHT, GLASS, PM]
    seeds = instance_seeds(4, len(models))

    def run(chosen: list[int], threads: int, replicas: int) -> list[np.ndarray]:
        simulator = ReplicaSimulator(
            [models[i] for i in chosen], replicas, seeds=[seeds[i] for i in chosen], threads=threads
        )
        simulator.advance(0.7, 5)
        simulator.advance(1.0, 3, ramp_from=0.2)
        for k, i in enumerate(chosen):
            np.testing.assert_allclose(simulator.energies[k], models[i].energy(simulator.spins(k)), atol=1e-12)
        return [simulator.spins(k)[:30] for k in range(len(chosen))]

    together = run([0, 1, 2, 3, 4], 1, 30)
    others = [run([0, 1, 2, 3, 4], 2, 30), run([0, 1, 2, 3, 4], 1, 130), run([0, 1], 1, 30) + run([2, 3, 4], 2, 30)]
    for other in others:
        assert all((a == b).all() for a, b in zip(together, other, strict=True))


def test_dense_and_summed_run_the_same_trajectory() -> None:
    runs = []
    for layout in ("dense", "summed"):
        simulator = ReplicaSimulator([EIGHT], 64, seed=1, layout=layout)  # type: ignore[arg-type]
        simulator.advance(0.5, 20)
        runs.append(simulator.spins(0))
    np.testing.assert_array_equal(*runs)


def test_moves_between_replicas_leave_no_stale_fields() -> None:
    simulator = ReplicaSimulator([EIGHT], 64, seed=1, layout="dense")
    simulator.advance(0.5, 5)
    simulator.population.resample(0.7)
    before = simulator.energies.copy()
    simulator.advance(1e9, 5)
    assert (simulator.energies <= before + 1e-9).all()


def test_a_place_takes_the_next_models_layout() -> None:
    simulator = ReplicaSimulator([EIGHT], 64, seed=1)
    for model in (PM, GLASS, EIGHT):
        simulator.load([0], [model], instance_seeds(5, 1))
        simulator.advance(1e9, 20)
        assert simulator.energies.min() == pytest.approx(simulator.models[0].energy(simulator.lowest(0)[1]))


def test_bad_layouts() -> None:
    assert "auto" in LAYOUTS
    with pytest.raises(InputError, match="unknown layout 'bits'"):
        ReplicaSimulator([PM], 4, layout="bits")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layout 'multispin'"):
        ReplicaSimulator([GLASS], 4, layout="multispin")
