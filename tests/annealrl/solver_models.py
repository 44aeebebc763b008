"""Models and truths that the tests of the solver share."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from annealrl.ising import IsingModel
from annealrl.solvers import Solution

COUPLINGS = ["gaussian", "pm", "integer", "antiferromagnetic"]
FIELDS = ["none", "gaussian", "integer"]


def all_states(n: int) -> npt.NDArray[np.int8]:
    return (((np.arange(1 << n)[:, None] >> np.arange(n)) & 1) * 2 - 1).astype(np.int8)


def ground_energy(model: IsingModel) -> float:
    return float(model.energy(all_states(model.n)).min())


def exact_energy(model: IsingModel, spins: npt.NDArray[np.int8]) -> Fraction:
    """Energy in rational arithmetic: every float64 is a rational number."""
    s = spins.tolist()
    energy = Fraction(model.offset)
    for (i, j), J in zip(model.edges.tolist(), model.couplings.tolist(), strict=True):
        energy -= Fraction(J) * s[i] * s[j]
    for i, h in enumerate(model.fields.tolist()):
        energy -= Fraction(h) * s[i]
    return energy


def small_model(seed: int, couplings: str, fields: str) -> IsingModel:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 11))
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < rng.random()
    edges = np.stack([i[kept], j[kept]], axis=1)
    m = len(edges)
    J = {
        "gaussian": rng.normal(size=m),
        "pm": rng.choice([-1.0, 1.0], m),
        "integer": rng.integers(-3, 4, m).astype(float),
        "antiferromagnetic": -np.ones(m),
    }[couplings]
    h = {"none": np.zeros(n), "gaussian": rng.normal(size=n), "integer": rng.integers(-1, 2, n).astype(float)}[fields]
    return IsingModel.from_edges(edges, J, h, n=n, offset=0.25 * (seed % 3), name=f"{couplings}-{fields}-{seed}")


def torus(side: int, seed: int, *, dimension: int = 2, pm: bool = False) -> IsingModel:
    rng = np.random.default_rng(seed)
    index = np.arange(side**dimension).reshape((side,) * dimension)
    edges = np.concatenate(
        [np.stack([index.ravel(), np.roll(index, -1, axis).ravel()], axis=1) for axis in range(dimension)]
    )
    J = rng.choice([-1.0, 1.0], len(edges)) if pm else rng.normal(size=len(edges))
    return IsingModel.from_edges(edges, J, n=index.size)


def dense(n: int, seed: int = 0) -> IsingModel:
    rng = np.random.default_rng(seed)
    edges = np.stack(np.triu_indices(n, 1), axis=1)
    return IsingModel.from_edges(edges, rng.normal(size=len(edges)))


def assert_consistent(solution: Solution, model: IsingModel) -> None:
    assert solution.spins.shape == (model.n,)
    assert solution.spins.dtype == np.int8
    assert solution.energy == model.energy(solution.spins)
    assert solution.bound <= solution.energy
    assert solution.gap == solution.energy - solution.bound
    assert (solution.status == "optimal") == (solution.gap <= 1e-9 * model.scale)
