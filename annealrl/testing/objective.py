"""Conformance checks of objectives."""

from __future__ import annotations

from typing import Any

import numpy as np

from annealrl.ising import FloatArray
from annealrl.objective import Kernel, Objective
from annealrl.objective_simulator import ObjectiveSimulator


def check_objective(objective: Objective, seed: int = 0, *, designs: int = 16, proposals: int = 200) -> None:
    """Check an objective: energies, moves, gradient, bounds and seeds.

    - Seeds reproduce the instance; the class has a docstring of its own.
    - :meth:`energy` gives a float64 energy for each design whatever the batch, finite inside the space.
    - Compiled and batched changes are those of the energy, along random walks that also reject and take back; caches
      stay those of a fresh start.
    - The gradient, where there is one, is that of central differences.
    - Designs stay in the space, also for the largest steps; no energy found lies below a certified optimum.
    - The simulator's energies are those of its designs; seeds decide, threads and the batch do not.

    Parameters
    ----------
    designs, proposals : int
        Random designs and moves that are tried.

    Raises
    ------
    AssertionError
        With what was expected.
    """
    assert (type(objective).__doc__ or "").strip(), "the class has no docstring; it should state the energy, its source"
    instance = objective.sample(np.random.default_rng(seed))
    again = objective.sample(np.random.default_rng(seed))
    assert isinstance(instance, Objective), f"sample() returned {type(instance).__name__}; an Objective is expected"
    assert list(instance.content) == list(again.content), "sample() gave another instance for the same seed"
    rng = np.random.default_rng(seed)
    x = instance.space.random(rng, designs)
    assert instance.space.contains(x).all(), "random designs lie outside the space"
    scale = max(instance.energy_spread, 1e-12)
    _check_energies(instance, x, scale)
    driving = instance.driving
    assert driving.space.n == instance.space.n, "the driving objective has another space"
    if driving.kernel is not None:
        _check_kernel(driving, driving.kernel, x[0], rng, proposals, scale)
    if driving.delta is not None:
        _check_delta(driving, x, rng, scale)
    if driving.walk is not None:
        _check_walk(driving, x.copy(), rng, scale)
    if instance.gradient is not None:
        _check_gradient(instance, x, scale)
    _check_simulator(instance, seed, scale)


def _check_energies(instance: Objective, x: FloatArray, scale: float) -> None:
    kept = x.copy()
    energies = instance.energies(x)
    np.testing.assert_array_equal(x, kept, "energy() changed the designs that it was given")
    one = np.array([instance.energy_of(design) for design in x])
    np.testing.assert_allclose(energies, one, rtol=0, atol=1e-9 * scale, err_msg="energies depend on the batch")
    optimum = instance.known_optimum
    if optimum is not None and instance.optimum_status in ("optimal", "planted"):
        assert energies.min() >= optimum - instance.slack, "a random design lies below the known optimum"


def _proposal(instance: Objective, x: FloatArray, rng: np.random.Generator) -> tuple[int, float]:
    i = int(rng.integers(instance.space.n))
    return i, float(instance.space.random(rng, 1)[0, i])


def _check_kernel(
    instance: Objective, kernel: Kernel, start: FloatArray, rng: np.random.Generator, proposals: int, scale: float
) -> None:
    x, cache = start.copy(), np.zeros(kernel.cache)
    energy = kernel.init(kernel.floats, kernel.ints, x, cache)
    assert abs(energy - instance.energy_of(x)) <= 1e-8 * scale, "init() gives another energy than energy()"
    for k in range(proposals):
        i, value = _proposal(instance, x, rng)
        held, before = x.copy(), cache.copy()
        change = kernel.delta(kernel.floats, kernel.ints, x, cache, i, value)
        np.testing.assert_array_equal(x, held, "delta() changed the design")
        np.testing.assert_array_equal(cache, before, "delta() changed the cache")
        moved = x.copy()
        moved[i] = value
        true = instance.energy_of(moved) - instance.energy_of(x)
        assert abs(change - true) <= 1e-7 * max(scale, abs(true)), f"delta() is {change}, the energy changes by {true}"
        if k % 3:
            kernel.apply(kernel.floats, kernel.ints, x, cache, i, value)
            x[i] = value
    fresh = np.zeros(kernel.cache)
    kernel.init(kernel.floats, kernel.ints, x, fresh)
    present = slice(kernel.cache - kernel.history)
    np.testing.assert_allclose(
        cache[present], fresh[present], rtol=1e-6, atol=1e-9, err_msg="apply() leaves a cache that is not init()'s"
    )


def _check_delta(instance: Objective, x: FloatArray, rng: np.random.Generator, scale: float) -> None:
    for _ in range(5):
        picks = [_proposal(instance, row, rng) for row in x]
        at, values = np.array([i for i, _ in picks]), np.array([value for _, value in picks])
        moved = x.copy()
        moved[np.arange(len(x)), at] = values
        true = instance.energies(moved) - instance.energies(x)
        found = np.asarray(instance.delta(x, at, values))
        np.testing.assert_allclose(found, true, rtol=1e-5, atol=1e-5 * scale, err_msg="delta() is no energy change")


def _check_walk(instance: Objective, x: FloatArray, rng: np.random.Generator, scale: float) -> None:
    walk = instance.walk(x)
    for k in range(12):
        picks = [_proposal(instance, row, rng) for row in x]
        at, values = np.array([i for i, _ in picks]), np.array([value for _, value in picks])
        moved = x.copy()
        moved[np.arange(len(x)), at] = values
        true = instance.energies(moved) - instance.energies(x)
        found = np.asarray(walk.change(at, values))
        np.testing.assert_allclose(found, true, rtol=1e-5, atol=1e-5 * scale, err_msg="change() is no energy change")
        taken = (np.arange(len(x)) + k) % 3 > 0
        walk.take(taken)
        x[taken] = moved[taken]


def _check_gradient(instance: Objective, x: FloatArray, scale: float) -> None:
    found = np.asarray(instance.gradient(x))
    assert found.shape == x.shape, f"gradient() has shape {found.shape}; {x.shape} is expected"
    energies, again = instance.value_and_gradient(x)
    np.testing.assert_allclose(energies, instance.energies(x), rtol=0, atol=1e-9 * scale, err_msg="another energy")
    np.testing.assert_allclose(again, found, rtol=1e-6, atol=1e-9 * scale, err_msg="two different gradients")
    space, width = instance.space, instance.space.high - instance.space.low
    # Differences stay inside the bounds: beyond them an energy may refuse to be asked.
    room = np.where(space.levels == 0, 2e-6 * width, 0.0)
    x = np.where(space.periodic, x, np.clip(x, space.low + room, space.high - room))
    found = np.asarray(instance.gradient(x))
    for i in np.flatnonzero(instance.space.levels == 0)[:8]:
        step = 1e-6 * width[i]
        up, down = x.copy(), x.copy()
        up[:, i] += step
        down[:, i] -= step
        central = (instance.energies(up) - instance.energies(down)) / (2 * step)
        tolerance = 1e-4 * max(scale / width[i], float(np.abs(central).max()))
        np.testing.assert_allclose(found[:, i], central, rtol=0, atol=tolerance, err_msg="gradient() is wrong")


def _check_simulator(instance: Objective, seed: int, scale: float) -> None:
    def run(batch: list[Objective], threads: int, first: int) -> list[Any]:
        seeds = [np.random.SeedSequence(seed, spawn_key=(first + b,)) for b in range(len(batch))]
        simulator = ObjectiveSimulator(batch, 10, seeds=seeds, threads=threads)
        for beta, size in ((0.0, 1.0), (1.0 / scale, 0.3), (30.0 / scale, 0.01)):
            simulator.advance(beta, 2, step_size=size)
            for b, model in enumerate(batch):
                designs = simulator.designs(b)
                assert model.space.contains(designs).all(), "a move left the space"
                np.testing.assert_array_equal(simulator.energies[b], model.energies(designs))
            assert (simulator.best_energies <= simulator.energies).all()
        return [simulator.designs(b) for b in range(len(batch))]

    both, alone = run([instance, instance], 2, 0), run([instance], 1, 1)
    np.testing.assert_array_equal(both[1], alone[0], "an episode depends on its batch or on threads")
    assert not np.array_equal(both[0], both[1]), "other seeds give the same designs"
