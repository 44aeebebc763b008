"""A spin glass that is annealed on a learned energy and judged by the true one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.errors import InputError
from annealrl.instances.lattices import edwards_anderson_2d, ferromagnet_2d
from annealrl.ising import FloatArray, IsingModel
from annealrl.objective import Objective
from annealrl.space import Levels, Space

if TYPE_CHECKING:
    from annealrl.surrogate import TileEnergy


@register("SurrogateIsing-v0")
@dataclass(frozen=True)
class SurrogateIsing(Objective):
    r"""Ising model on a torus whose moves see a network summed over tiles (Mills et al., Chem. Sci. 10, 4129 (2019)).

    .. math:: H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j, \qquad
              \tilde H = \sum_t \mathcal N(s, J \text{ on tile } t \text{ and its context})

    Moves are accepted by the change of H̃, which takes the tiles alone that see the flipped spin; energies at step
    boundaries, reward and success are those of H. `module` is a ``torch.nn.Module`` in float64, or a sequence of them
    (an ensemble, whose disagreement is told as ``uncertainty``), from tiles of shape (N, (tile + 2·context)², 3) to
    (N,): a spin and its couplings to the right and downwards. :func:`annealrl.surrogate.fit` trains one. Without a
    module the tiles are summed exactly. ``info["distrusted"]`` is true where the uncertainty exceeds `distrust`.
    """

    example: ClassVar[Mapping[str, Any]] = {"length": 4, "tile": 2}

    length: int = 8
    couplings: Literal["ferromagnet", "gaussian", "pm1"] = "gaussian"
    tile: int = 2
    context: int = 1
    module: Any = None
    instance: int = 0
    distrust: float = float("inf")

    def __post_init__(self) -> None:
        if self.couplings not in ("ferromagnet", "gaussian", "pm1"):
            raise InputError(f"couplings are {self.couplings!r}; one of ferromagnet, gaussian, pm1 is expected")
        if self.module is None and self.context < 1:
            raise InputError("context is 0: tiles that do not see their neighbours have no exact energy; give a module")

        if not self.distrust >= 0:
            raise InputError(f"distrust is {self.distrust}; a number ≥ 0 is expected")

    def sample(self, rng: np.random.Generator) -> SurrogateIsing:
        """Draw couplings if there is disorder."""
        return self if self.couplings == "ferromagnet" else dataclasses.replace(self, instance=int(rng.integers(2**62)))

    @cached_property
    def model(self) -> IsingModel:
        """The true Hamiltonian."""
        if self.couplings == "ferromagnet":
            return ferromagnet_2d(self.length)
        return edwards_anderson_2d(self.length, np.random.default_rng(self.instance), self.couplings)

    @cached_property
    def space(self) -> Space:
        """Spins ±1."""
        return Levels(2, self.length**2, -1.0, 1.0)

    @property
    def extent(self) -> float:
        """The number of spins."""
        return float(self.length**2)

    @property
    def tolerance(self) -> float:
        """That of the true model."""
        return self.model.slack

    @property
    def known_optimum(self) -> float | None:
        """-2L² of the ferromagnet."""
        return -2.0 * self.length**2 if self.couplings == "ferromagnet" else None

    def certify(self, model: SurrogateIsing) -> float:
        """The true ground energy by the exact solver."""
        from annealrl.solvers import solve

        return float(solve(model.model).energy)

    def energy(self, design: FloatArray) -> FloatArray:
        """H."""
        return np.asarray(self.model.energy(np.rint(design).astype(np.int8)))

    @cached_property
    def driving(self) -> TileEnergy:
        """H̃."""
        from annealrl.surrogate import TileEnergy, Tiles

        modules = (ExactTile(self.tile, self.context),) if self.module is None else self.module
        members = tuple(modules) if isinstance(modules, list | tuple) else (modules,)
        return TileEnergy(self.space, Tiles(self.length, self.tile, self.context), self.site_couplings, members)

    @cached_property
    def site_couplings(self) -> FloatArray:
        """Each site's couplings to the right and downwards, shape (n, 2)."""
        side = self.length
        table = np.zeros((side * side, side * side))
        i, j = self.model.edges.T
        table[i, j] = table[j, i] = self.model.couplings
        sites = np.arange(side * side).reshape(side, side)
        right, down = np.roll(sites, -1, 1).ravel(), np.roll(sites, -1, 0).ravel()
        return np.stack([table[sites.ravel(), right], table[sites.ravel(), down]], axis=1)

    def uncertainty(self, design: FloatArray) -> FloatArray:
        """Standard deviation of H̃ over the ensemble, shape (R, n) → (R,); 0 for a single module."""
        return np.asarray(self.driving.members(design).std(axis=0))


class ExactTile:
    """The bonds of a tile's sites to the right and downwards: the network that a perfect training would find."""

    def __init__(self, tile: int, context: int) -> None:
        self.side, self.inner = tile + 2 * context, slice(context, context + tile)
        self.next = slice(context + 1, context + tile + 1)

    def __call__(self, patches: Any) -> Any:
        """Energies of tiles, shape (N, sites, 3) → (N,)."""
        spins, right, down = patches.view(-1, self.side, self.side, 3).unbind(-1)
        core = spins[:, self.inner, self.inner]
        bonds = right[:, self.inner, self.inner] * spins[:, self.inner, self.next]
        bonds = bonds + down[:, self.inner, self.inner] * spins[:, self.next, self.inner]
        return -(core * bonds).sum(dim=(1, 2))
