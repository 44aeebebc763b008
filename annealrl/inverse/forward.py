"""A forward surrogate, and what searches through it: the neural adjoint and a genetic algorithm.

Ren, Mahendra, Padilla, Malof and Deng, "Inverse deep learning methods and benchmarks for artificial electromagnetic
material design" (Nanoscale, 2022); the neural adjoint with its boundary loss is from Ren, Padilla and Malof (2020).
Whatever is proposed counts only when the true simulator has judged it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from annealrl.inverse.dataset import Designs
from annealrl.inverse.networks import Scaling, Sizes, dense, train
from annealrl.ising import FloatArray
from annealrl.surrogate import one_thread


@dataclass(frozen=True, eq=False)
class Proposals:
    """Designs for one target, the most promising first, and what they cost without the true simulator.

    Attributes
    ----------
    points : float64 array, shape (T, n)
        In fractions of ranges.
    surrogate_calls : int
        Spectra that a network has computed, with or without gradients.
    seconds : float
        Processor seconds.
    """

    points: FloatArray
    surrogate_calls: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A network from designs (fractions of ranges) to spectra, with the seconds of its training."""

    network: nn.Module
    scaling: Scaling
    coordinates: int
    seconds: float

    def spectra(self, points: FloatArray) -> FloatArray:
        """What the network expects, shape (R, n) → (R, W)."""
        with torch.no_grad(), one_thread():
            found = self.network(torch.from_numpy(np.asarray(points * 2 - 1, np.float32))).numpy()
        return np.asarray(found * self.scaling.deviation + self.scaling.mean)


def fit_forward(
    data: Designs, sizes: Sizes, *, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Surrogate:
    """Train a surrogate on the mean squared error of spectra."""
    scaling = Scaling.of(data.spectra)
    network = dense(data.points.shape[1], sizes.forward, data.spectra.shape[1], seed)
    inputs = torch.from_numpy((data.points * 2 - 1).astype(np.float32))

    def loss(designs: Tensor, spectra: Tensor) -> Tensor:
        off: Tensor = ((network(designs) - spectra) ** 2).mean()
        return off

    seconds = train(network, loss, inputs, scaling.scaled(data.spectra), sizes, seed=seed, progress=progress)
    return Surrogate(network, scaling, data.points.shape[1], seconds)


def neural_adjoint(
    surrogate: Surrogate,
    target: FloatArray,
    *,
    proposals: int = 200,
    starts: int = 2048,
    steps: int = 300,
    rate: float = 0.01,
    seed: int = 0,
) -> Proposals:
    """Descend the frozen surrogate from random starts by Adam; the lowest by the surrogate come first.

    Loss: mean squared error + 0.1 Σ ReLU(|g - μ| - R/2), g in [-1, 1] inside the box (μ = 0, R = 2); the rate is
    multiplied by 0.9 where the mean loss has not fallen for ten steps. Starts, steps and rate are the published ones.
    """
    began = time.process_time()
    rng = np.random.default_rng(seed)
    for parameter in surrogate.network.parameters():
        parameter.requires_grad_(False)
    wanted = surrogate.scaling.scaled(target)
    g = torch.from_numpy((rng.random((starts, surrogate.coordinates)) * 2 - 1).astype(np.float32)).requires_grad_(True)
    optimizer = torch.optim.Adam([g], lr=rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.9, patience=10)
    with one_thread():
        for _ in range(steps):
            off = ((surrogate.network(g) - wanted) ** 2).mean(dim=1)
            outside = torch.relu(g.abs() - 1.0).sum(dim=1)
            loss = (off + 0.1 * outside).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            plateau.step(float(loss.detach()))
        with torch.no_grad():
            inside = g.detach().clamp(-1.0, 1.0)
            off = ((surrogate.network(inside) - wanted) ** 2).mean(dim=1)
    order = off.argsort()[:proposals]
    points = (inside[order].numpy().astype(np.float64) + 1) / 2
    return Proposals(points, starts * (steps + 1), time.process_time() - began)


def genetic(
    surrogate: Surrogate,
    target: FloatArray,
    *,
    proposals: int = 200,
    population: int = 2048,
    generations: int = 300,
    elite: int = 500,
    crossover: float = 0.8,
    mutation: float = 0.05,
    seed: int = 0,
) -> Proposals:
    """A genetic algorithm on the surrogate: elitism, roulette by 1/MSE, uniform crossover, genes drawn anew.

    Numbers are the published ones.
    """
    began = time.process_time()
    rng = np.random.default_rng(seed)
    wanted = (target - surrogate.scaling.mean) / surrogate.scaling.deviation

    def errors(points: FloatArray) -> FloatArray:
        with torch.no_grad(), one_thread():
            found = surrogate.network(torch.from_numpy((points * 2 - 1).astype(np.float32))).numpy()
        return np.asarray(((found - wanted) ** 2).mean(axis=1), np.float64)

    n = surrogate.coordinates
    points = rng.random((population, n))
    off, calls = errors(points), population
    for _ in range(generations):
        order = off.argsort()
        points, off = points[order], off[order]
        chance = 1 / np.maximum(off, 1e-12)
        parents = points[rng.choice(population, (2, population - elite), p=chance / chance.sum())]
        mixed = rng.random((population - elite, n)) < 0.5
        crossed = (rng.random(population - elite) < crossover)[:, None]
        children = np.where(mixed & crossed, parents[1], parents[0])
        children = np.where(rng.random(children.shape) < mutation, rng.random(children.shape), children)
        points = np.concatenate([points[:elite], children])
        off = np.concatenate([off[:elite], errors(children)])
        calls += len(children)
    order = off.argsort()
    distinct = np.sort(np.unique(points[order], axis=0, return_index=True)[1])[:proposals]
    return Proposals(points[order][distinct], calls, time.process_time() - began)
