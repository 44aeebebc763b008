"""Three ways to design a lens: forward, by Adam through a model, and by annealing from the same starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from annealrl.baselines.gradient import descend
from annealrl.checks import whole
from annealrl.ising import FloatArray
from annealrl.metalens.beam import PILLARS, SAMPLES, Beam
from annealrl.metalens.forward import forward_lens
from annealrl.metalens.goals import Goal
from annealrl.metalens.propagation import rayleigh_sommerfeld
from annealrl.objective import Objective
from annealrl.objective_simulator import ObjectiveSimulator

#: Iterations of Adam, as published, and its rate in fractions of the range of radii.
ITERATIONS, RATE = 100, 0.02


def starts(lens: Any, count: int) -> FloatArray:
    """Forward-designed lenses for 633 nm on the levels, shape (count, n); each has another phase at its middle.

    Their focal length is the lens's own; twice that for ``depth``, as published.
    """
    count = whole(count, "metalens: starts", 1)
    focal = 1e3 * lens.focus * (2 if lens.goal == "depth" else 1)
    levels = lens.radii if lens.levels else None
    phases = 2 * np.pi * np.arange(count) / count
    return np.stack([forward_lens(lens.pillars, focal, Beam(633.0), levels, phase).ravel() for phase in phases])


class Descended(NamedTuple):
    """Designs and energies of Adam.

    Attributes
    ----------
    designs : float64 array, shape (R, n)
        Continuous, where the energy was lowest.
    energies : float64 array, shape (iterations + 1, R)
    """

    designs: FloatArray
    energies: FloatArray


def adam(
    lens: Objective,
    start: FloatArray,
    iterations: int = ITERATIONS,
    rate: float = RATE,
    progress: Callable[[int], None] | None = None,
) -> Descended:
    """Descend by Adam from R starts, radii being kept in their range."""
    low, width = PILLARS.smallest, PILLARS.largest - PILLARS.smallest

    def value(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        energies, gradients = lens.value_and_gradient(low + z * width)
        return energies, gradients * width

    found = descend(
        "adam",
        (start - low) / width,
        value,
        np.full(iterations, rate),
        project=lambda z: np.clip(z, 0.0, 1.0),
        watch=None if progress is None else lambda step, x, values: progress(step),
    )
    return Descended(low + found.best * width, found.values)


def on_levels(lens: Any, designs: FloatArray) -> FloatArray:
    """Nearest levels; the designs themselves where radii are continuous."""
    if not lens.levels:
        return designs
    return np.asarray(lens.radii[np.rint((designs - PILLARS.smallest) / lens.space.spacing).astype(np.int64)])


class Annealed(NamedTuple):
    """Designs of an anneal.

    Attributes
    ----------
    designs : float64 array, shape (R, n)
        Each replica's best at a step boundary.
    energies : float64 array, shape (R,)
    course : float64 array, shape (steps + 1,)
        Lowest energy so far.
    """

    designs: FloatArray
    energies: FloatArray
    course: FloatArray


def anneal(
    lens: Objective,
    start: FloatArray,
    *,
    hot: float,
    cold: float,
    step: float,
    steps: int,
    sweeps: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Annealed:
    """Anneal a replica from each start; β goes geometrically from `hot` to `cold`, in units of 1/σ."""
    simulator = ObjectiveSimulator([lens], len(start), seed=seed)
    simulator.load([0], [lens], [np.random.SeedSequence(seed)], [start])
    course = [float(simulator.best_energies.min())]
    for k in range(steps):
        beta = hot * (cold / hot) ** (k / max(1, steps - 1)) / lens.energy_spread
        simulator.advance(beta, sweeps, step_size=step)
        course.append(float(simulator.best_energies.min()))
        if progress is not None:
            progress(k + 1)
    return Annealed(simulator.best_designs(0), simulator.best_energies[0].copy(), np.array(course))


def substitute_fields(goal: Goal, radii: FloatArray) -> Any:
    """Fields at the goal's points by the substitute's run through the whole lens, shape (side, side) → (P,)."""
    found = np.zeros(len(goal.weights), np.complex128)
    for colour in np.unique(goal.wavelengths):
        chosen = goal.wavelengths == colour
        above = Beam(float(colour)).aperture(radii)
        found[chosen] = rayleigh_sommerfeld(above, PILLARS.period / SAMPLES, goal.points[chosen], float(colour))
    return found


def substitute_energy(lens: Any, design: FloatArray) -> float:
    """The energy of a design by the substitute's run through the whole lens."""
    fields = substitute_fields(lens.optics.goal, design.reshape(lens.pillars, lens.pillars)) / lens.optics.unit
    return float(lens.optics.energies(fields[None])[0])
