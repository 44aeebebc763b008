"""What is measured: models of each kind, and how long and over which temperatures they are annealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import networkx as nx
import numpy as np

from annealrl.ising import FloatArray, IsingModel
from annealrl.layouts import Layout
from annealrl.registry import load_object

#: Seed of all instances.
SEED = 20240


@dataclass(frozen=True)
class Case:
    """One model, annealed by all contenders alike.

    Attributes
    ----------
    name : str
    make : callable
        Makes the model from a generator.
    replicas, sweeps : int
    betas : (float, float)
        First and last inverse temperature of a linear schedule.
    steps : int
        Temperatures of the schedule, each for ``sweeps / steps`` sweeps.
    layouts : tuple of str
        Our kernels.
    """

    name: str
    make: Callable[[np.random.Generator], IsingModel]
    replicas: int
    sweeps: int
    betas: tuple[float, float]
    steps: int
    layouts: tuple[Layout, ...] = ("auto",)

    def model(self) -> IsingModel:
        """Make the instance, always the same."""
        return self.make(np.random.default_rng(SEED))

    def schedule(self) -> FloatArray:
        """Inverse temperatures, shape (steps,)."""
        return np.linspace(*self.betas, self.steps)


def _generator(name: str) -> Callable[..., IsingModel]:
    found: Callable[..., IsingModel] = load_object(f"annealrl.instances.generators:{name}")
    return found


def lattice(dimension: int, length: int, couplings: str) -> Callable[[np.random.Generator], IsingModel]:
    """Return the maker of a periodic Edwards-Anderson glass in two or three dimensions."""
    return lambda rng: _generator(f"edwards_anderson_{dimension}d")(length, rng, couplings)


def hubs(n: int, rng: np.random.Generator) -> IsingModel:
    """Draw a Gaussian glass of mean degree 4 whose largest degrees are of the order of √n (Barabási and Albert)."""
    graph = nx.barabasi_albert_graph(n, 2, seed=int(rng.integers(2**31)))
    edges = np.array(graph.edges, dtype=np.int64)
    return IsingModel.from_edges(edges, rng.normal(size=len(edges)), n=n)


def cases(*, quick: bool = False) -> list[Case]:
    """All rows of the table; `quick` ones take a moment and measure nothing well."""
    if quick:
        return [
            Case("2D Gaussian 8×8", lattice(2, 8, "gaussian"), 64, 40, (0.05, 5.0), 4),
            Case("SK 40", lambda rng: _generator("sherrington_kirkpatrick")(40, rng), 64, 10, (0.1, 3.0), 10),
        ]
    both: tuple[Layout, ...] = ("multispin", "packed")
    return [
        Case("2D Gaussian 16×16", lattice(2, 16, "gaussian"), 64, 2000, (0.05, 5.0), 40),
        Case("3D Gaussian 8×8×8", lattice(3, 8, "gaussian"), 64, 1000, (0.05, 3.0), 40),
        Case("Chimera C8, Gaussian", lambda rng: _generator("chimera_glass")(8, rng, couplings="gaussian"), 64, 1000,
             (0.05, 3.0), 40),
        Case("3-regular 512, Gaussian", lambda rng: _generator("random_regular")(512, 3, rng, couplings="gaussian"), 64,
             1000, (0.05, 5.0), 40),
        Case("hubs 1000, degree 4 to √n", lambda rng: hubs(1000, rng), 64, 480, (0.05, 5.0), 40),
        Case("max-cut 800, degree 48", lambda rng: _generator("max_cut_gnp")(800, 0.06, rng), 64, 200,
             (0.02, 0.6), 200),
        Case("SK 1000", lambda rng: _generator("sherrington_kirkpatrick")(1000, rng), 64, 100, (0.1, 3.0), 100,
             ("dense", "summed")),
        Case("±J 16×16", lattice(2, 16, "pm1"), 64, 2000, (0.05, 3.0), 40, both),
        Case("±J 16×16, β anew each sweep", lattice(2, 16, "pm1"), 64, 1000, (0.05, 3.0), 1000, both),
        Case("±J 16×16, 512 replicas", lattice(2, 16, "pm1"), 512, 480, (0.05, 3.0), 10, both),
    ]  # fmt: skip


#: Sides of the square lattices on which cost is measured against size.
SIDES = (4, 10, 32, 100, 316)
QUICK_SIDES = (4, 8)
