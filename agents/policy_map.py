"""What a policy does where: its mean action and value over energy and overlap, and the ways that episodes take there.

After the policy analysis of Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), Fig. 6: an observation is one
of R replicas, so it counts R times, at each replica's place, with the one action and the one value that it led to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.agents.storage import Agent
from annealrl.agents.traces import Judgement, has_critic, has_memory, trace
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel

#: Episodes that are played together.
_BATCH = 100
#: Episodes whose ways are kept, of the first replica.
TRAJECTORIES = 3


class _Cells:
    """Sums over the cells of a grid."""

    def __init__(self, shape: tuple[int, int], columns: int) -> None:
        self.count = np.zeros(shape)
        self.sums = np.zeros((columns, *shape))

    def add(self, x: IntArray, y: IntArray, values: FloatArray) -> None:
        """Add states at (x, y), shapes (K,), with `values`, shape (columns, K)."""
        np.add.at(self.count, (x, y), 1.0)
        for sums, row in zip(self.sums, values, strict=True):
            np.add.at(sums, (x, y), row)


def policy_map(
    agent: Agent,
    model: Any,
    *,
    reference: npt.NDArray[Any] | None = None,
    ground_energy: float | None = None,
    episodes: int = 200,
    cells: int = 65,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Map a policy over energy per spin and overlap with a reference, or over the energy alone.

    The states are those that episodes of the agent, by its mean actions and from its own distribution of starts, come
    through. A policy with a memory is mapped twice: with the memory that it had there, from zero at the start of the
    episode, and with the memory at zero, which is what the observation alone makes it do.

    Parameters
    ----------
    model : IsingModel or Objective
        One instance.
    reference : array of ±1, shape (n,), optional
        As a rule a ground state; of a ferromagnet the overlap with it is the magnetisation. Without it: energy alone.
    ground_energy : float, optional
        Where given, the grid begins there.
    cells : int
        At most, along each axis.

    Returns
    -------
    dict
        JSON: ``cells`` holds a row for each cell that was visited, with ``columns`` as names; ``trajectories`` are of
        the first replicas of three episodes.
    """
    if episodes < 1 or cells < 2:
        raise InputError(f"policy map: {episodes} episodes, {cells} cells; at least 1 and 2 are expected")
    extent = float(model.extent)
    traces = []
    for first in range(0, episodes, _BATCH):
        numbers = range(first, min(first + _BATCH, episodes))
        seeds = [np.random.SeedSequence(seed, spawn_key=(number,)) for number in numbers]
        traces.append(trace(agent, [model] * len(seeds), seeds, reference=reference))
        if progress is not None:
            progress(numbers[-1] + 1, episodes)
    energies = np.concatenate([each.energies for each in traces], axis=1) / extent
    low = energies.min() if ground_energy is None else min(ground_energy / extent, energies.min())
    high = max(float(energies.max()), low + 1e-9)
    y_centres = np.linspace(low, high, cells)
    sites = model.n if isinstance(model, IsingModel) else 0
    x_centres = np.linspace(-1.0, 1.0, min(cells, sites + 1)) if reference is not None else np.zeros(1)

    critic, memory = has_critic(agent), has_memory(agent)
    components = len(agent.config.env.make(1).action.components)
    names = _names(components, critic)
    grid = _Cells((len(x_centres), cells), len(names) * (2 if memory else 1))
    for each in traces:
        y = _nearest(each.energies[:-1] / extent, y_centres)
        x = np.zeros_like(y) if each.overlaps is None else _nearest(each.overlaps[:-1], x_centres)
        values = _columns(each.judged)
        if each.forgetful is not None:
            values = np.concatenate([values, _columns(each.forgetful)])
        spread = np.broadcast_to(values[..., None], (*values.shape, each.energies.shape[2]))
        grid.add(x.ravel(), y.ravel(), spread.reshape(len(values), -1))

    visited = np.argwhere(grid.count > 0)
    rows = []
    for i, j in visited:
        means = grid.sums[:, i, j] / grid.count[i, j]
        shown = _finish(means[: len(names)], components)
        if memory:
            shown += _finish(means[len(names) :], components)
        rows.append([int(i), int(j), int(grid.count[i, j]), *(round(float(value), 5) for value in shown)])
    columns = ["x", "y", "count", *names]
    if memory:
        columns += [f"{name}, memory at zero" for name in names]
    return {
        "agent": agent.name,
        "fingerprint": agent.fingerprint,
        "env": agent.config.env.id,
        "episodes": episodes,
        "seed": seed,
        "replicas": int(energies.shape[2]),
        "steps": int(energies.shape[0]) - 1,
        "critic": "trained" if critic else "none: the policy was trained without a value function of what it sees",
        "memory": (
            "as it was at the step, from zero at the start of the episode; beside it, at zero at every step"
            if memory
            else "none: the policy carries no state"
        ),
        "actions": list(agent.config.env.make(1).action.meaning.split("; ")),
        "x": "overlap with the reference configuration" if reference is not None else None,
        "y": "energy per spin" if sites else "energy over extent",
        "x_centres": x_centres.round(6).tolist(),
        "y_centres": y_centres.round(6).tolist(),
        "columns": columns,
        "cells": rows,
        "solved": None
        if ground_energy is None
        else float((energies[-1].min(axis=1) * extent <= ground_energy + model.slack).mean()),
        "trajectories": [_trajectory(traces[0], e, extent) for e in range(min(TRAJECTORIES, episodes))],
    }


def _names(components: int, critic: bool) -> list[str]:
    actions = [name for d in range(components) for name in (f"action {d}", f"standard deviation of action {d}")]
    return [*actions, *(["value"] if critic else [])]


def _columns(judged: Judgement) -> FloatArray:
    """What is summed, shape (columns, T, E): each component of the action and its square, and the value."""
    rows: list[FloatArray] = []
    for d in range(judged.actions.shape[2]):
        action = judged.actions[..., d].astype(np.float64)
        rows += [action, action**2]
    if judged.values is not None:
        rows.append(judged.values.astype(np.float64))
    return np.stack(rows)


def _finish(means: FloatArray, components: int) -> list[float]:
    """Mean squares become standard deviations."""
    found = [float(value) for value in means]
    for d in range(components):
        found[2 * d + 1] = float(np.sqrt(max(0.0, found[2 * d + 1] - found[2 * d] ** 2)))
    return found


def _nearest(values: FloatArray, centres: FloatArray) -> IntArray:
    width = centres[1] - centres[0]
    return np.asarray(np.clip(np.rint((values - centres[0]) / width), 0, len(centres) - 1), np.int64)


def _trajectory(each: Any, e: int, extent: float) -> dict[str, Any]:
    return {
        "energy": (each.energies[:, e, 0] / extent).round(5).tolist(),
        "overlap": None if each.overlaps is None else each.overlaps[:, e, 0].round(5).tolist(),
        "beta": each.betas[:, e].round(4).tolist(),
    }
