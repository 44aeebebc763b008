"""Published optima are reproduced and never beaten, where the instances lie beside the checkout."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from annealrl import api
from annealrl.instances import import_npz
from annealrl.ising import IsingModel
from annealrl.solvers import solve
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from annealrl.solvers.reference import reference
from annealrl.solvers.semidefinite import semidefinite_bound


def max_cut_file(path: Path) -> IsingModel:
    """Weights w of ``E = Σ w s s``, 1-based."""
    rows = [line.split() for line in path.read_text().splitlines()]
    pairs = [(int(i) - 1, int(j) - 1) for i, j, _ in rows[1:]]
    return IsingModel.from_edges(pairs, [-float(w) for _, _, w in rows[1:]], n=int(rows[0][0]), name=path.name)


@pytest.mark.parametrize(
    ("file", "energy"),
    [
        ("biqmac_ising/t2g10_5555", -12933724),
        ("biqmac_ising/t2g15_5555", -29546455),
        ("biqmac_ising/t3g5_5555", -21430078),
        ("biqmac_ising/t3g6_5555", -36845231),
        ("biqmac_rudy/pm1s_80.0", -166),
        ("gset/G11.txt", -1094),
        ("gset/G48.txt", -6000),
    ],
)
def test_published_optima(external: Path, file: str, energy: int) -> None:
    solution = solve(max_cut_file(external / file))
    assert solution.energy == energy
    assert solution.bound == energy


def test_published_energies_per_spin(external: Path) -> None:
    for side in (4, 10):
        with np.load(external / "cool" / f"RND_J_{side}x{side}.npz") as data:
            for J, energy in zip(data["J"][:20], data["gs_energy_per_spin"], strict=False):
                model = IsingModel.from_edges(data["edges"].astype(np.int64), -J)
                solution = solve(model)
                assert solution.status == "optimal"
                assert solution.energy / side**2 == pytest.approx(energy, abs=2e-6)


@pytest.mark.parametrize(("file", "optimum"), [("bqp50-1", -2098), ("bqp100-1", -7970), ("gka1a", -3414)])
def test_sparse_qubo(external: Path, file: str, optimum: int) -> None:
    solution = api.solve(external / "biqmac_qubo" / f"{file}.sparse")
    assert solution.energy == solution.bound == optimum


@pytest.mark.parametrize(
    ("file", "energy"), [("g05_60.0", -187), ("pw05_100.0", -2579), ("pm1d_100.0", -709), ("w09_100.0", -4247)]
)
def test_dense_graphs_get_the_optimum_and_a_sound_bound(external: Path, file: str, energy: int) -> None:
    """The incumbent is the annealer's, the bound the semidefinite one: what is there when the time limit strikes."""
    model = max_cut_file(external / "biqmac_rudy" / file)
    graph = SignedGraph(model.n, model.edges, model.couplings.astype(np.int64))
    base = int(np.abs(graph.weights).sum())
    incumbent = Incumbent(graph, np.random.default_rng(0))
    incumbent.anneal(math.inf)
    assert incumbent.cost - base == energy
    bound = semidefinite_bound(graph, np.random.default_rng(0), math.inf) - base
    assert 1.2 * energy < bound <= energy
    assert reference(model, sweeps=300, threads=1).energy == energy


def test_chimera_reference(external: Path) -> None:
    """Dense ±1 Chimera problems with fields, of which the optimum is proven elsewhere."""
    file = external / "selby_chimera439" / "weightmode5_439.npz"
    instances = import_npz(file, sign="dimod", energy_key="E0")
    for model, energy in zip(instances.models[:8], instances.ground_energies, strict=False):
        assert reference(model, sweeps=1000, runs=2, threads=1).energy == energy


def test_three_dimensional_reference(external: Path) -> None:
    model = max_cut_file(external / "dimacs_torus" / "toruspm3-8-50.dat")
    assert reference(model, sweeps=4000, threads=1).energy == -916
