"""Learned energies: a small network summed over the tiles of a lattice, with updates of the tiles that a move touches.

Extensive deep neural networks: Mills, Ryczko, Luchak, Domurad, Beeler and Tamblyn, Chem. Sci. 10, 4129 (2019). An L×L
lattice is cut into tiles of f×f sites, each seen with c sites of context on every side; the energy is the sum of one
network over all tiles. For nearest-neighbour bonds c = 1 is enough in principle. Besides the configuration the network
sees fixed channels of every site, without which it could not know couplings that depend on the place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray
from annealrl.objective import Objective
from annealrl.space import Space


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep Torch to one thread: faster for networks as small as these, and the same bits wherever it runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class TileNetwork(nn.Module):
    """Two dense tanh layers from a tile's sites × channels to its energy, in float64."""

    def __init__(self, tile: int, context: int, channels: int, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            inputs = (tile + 2 * context) ** 2 * channels
            self.layers = nn.Sequential(
                nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
            ).double()

    def forward(self, patches: Tensor) -> Tensor:
        """Energies of tiles, shape (N, sites, channels) → (N,)."""
        energies: Tensor = self.layers(patches.flatten(1)).squeeze(-1)
        return energies


class Tiles:
    """Which sites each tile of an L×L torus sees, and which tiles see each site.

    Attributes
    ----------
    patches : int64 array, shape (tiles, (f + 2c)²)
    touched : int64 array, shape (L², k)
        Padded with the number of tiles.
    """

    def __init__(self, length: int, tile: int, context: int) -> None:
        if tile < 1 or context < 0 or length % tile:
            raise InputError(
                f"tiles of side {tile}, context {context}: a divisor of {length} and a number ≥ 0 expected"
            )
        if tile + 2 * context > length:
            raise InputError(f"tiles of side {tile} with context {context} see more than the lattice's {length} sites")
        window = np.arange(-context, tile + context)
        corners = np.arange(0, length, tile)
        rows = (corners[:, None] + window) % length
        self.patches: IntArray = (
            (rows[:, None, :, None] * length + rows[None, :, None, :]).reshape(-1, len(window) ** 2).astype(np.int64)
        )
        seen = [np.flatnonzero((self.patches == site).any(axis=1)) for site in range(length**2)]
        self.touched: IntArray = np.full((length**2, max(map(len, seen))), len(self.patches), np.int64)
        for site, tiles in enumerate(seen):
            self.touched[site, : len(tiles)] = tiles


@dataclass(frozen=True, eq=False)
class TileEnergy(Objective):
    """The mean, over an ensemble of modules, of their sums over all tiles; what drives moves, never what judges them.

    Attributes
    ----------
    where : Space
    tiles : Tiles
    channels : float64 array, shape (n, C)
        What the modules see of each site besides its value.
    modules : sequence of torch.nn.Module
        Each maps (N, sites, 1 + C) to (N,), in float64.
    """

    where: Space
    tiles: Tiles
    channels: FloatArray
    modules: Sequence[nn.Module]

    @property
    def space(self) -> Space:
        """That of the objective that it stands for."""
        return self.where

    @cached_property
    def _channels(self) -> FloatArray:
        return self.channels[self.tiles.patches]

    def _sums(self, values: FloatArray, channels: FloatArray) -> FloatArray:
        """Energies of tiles by each module: values (R, T, S) with channels (R, T, S, C) → (modules, R, T)."""
        seen = np.concatenate([values[..., None], np.broadcast_to(channels, (*values.shape, channels.shape[-1]))], -1)
        patches = torch.from_numpy(np.ascontiguousarray(seen.reshape(-1, *seen.shape[2:])))
        with torch.no_grad(), one_thread():
            found = [module(patches).numpy().reshape(values.shape[:2]) for module in self.modules]
        return np.stack(found)

    def members(self, design: FloatArray) -> FloatArray:
        """Energies by each module of the ensemble, shape (R, n) → (modules, R)."""
        return np.asarray(self._sums(design[:, self.tiles.patches], self._channels).sum(axis=-1))

    def energy(self, design: FloatArray) -> FloatArray:
        """Sum over tiles, mean over modules, shape (R, n) → (R,)."""
        return np.asarray(self.members(design).mean(axis=0))

    def delta(self, designs: FloatArray, at: IntArray, values: FloatArray) -> FloatArray:
        """Change of the energy by the tiles that see the changed site, shapes (R, n), (R,), (R,) → (R,)."""
        tiles = self.tiles.touched[at]
        real = tiles < len(self.tiles.patches)
        tiles = np.minimum(tiles, len(self.tiles.patches) - 1)
        sites = self.tiles.patches[tiles]
        before = designs[np.arange(len(designs))[:, None, None], sites]
        after = np.where(sites == at[:, None, None], values[:, None, None], before)
        channels = self._channels[tiles]
        change = self._sums(np.concatenate([after, before]), np.concatenate([channels, channels])).mean(axis=0)
        return np.asarray(((change[: len(at)] - change[len(at) :]) * real).sum(axis=1))


def fit(
    module: nn.Module,
    surrogate: TileEnergy,
    designs: FloatArray,
    energies: FloatArray,
    *,
    epochs: int = 200,
    batch: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> float:
    """Train a tile module on total energies by Adam with a cosine learning rate; returns the last epoch's RMS error.

    Parameters
    ----------
    surrogate : TileEnergy
        Says what the module sees; its own modules are not looked at.
    designs, energies : float64 arrays, shapes (N, n) and (N,)
    """
    optimizer = torch.optim.Adam(module.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    order = np.random.default_rng(seed)
    channels = surrogate.channels[surrogate.tiles.patches]
    values = designs[:, surrogate.tiles.patches]
    seen = np.concatenate([values[..., None], np.broadcast_to(channels, (*values.shape, channels.shape[-1]))], -1)
    inputs, targets = torch.from_numpy(np.ascontiguousarray(seen)), torch.from_numpy(np.asarray(energies))
    error = float("nan")
    with one_thread():
        for _ in range(epochs):
            squares = 0.0
            for rows in np.array_split(order.permutation(len(designs)), max(1, len(designs) // batch)):
                part = inputs[rows]
                found = module(part.flatten(0, 1)).view(len(rows), -1).sum(dim=1)
                loss: Any = ((found - targets[rows]) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                squares += float(loss.detach()) * len(rows)
            schedule.step()
            error = (squares / len(designs)) ** 0.5
    return error
