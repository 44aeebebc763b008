"""What each family of Ising models claims, against independent truths: enumeration, closed forms, other libraries."""

from __future__ import annotations

import itertools
from typing import Any

import dimod
import gymnasium as gym
import networkx as nx
import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.ising import IsingModel
from annealrl.registry import env_ids, family
from annealrl.solvers import solve
from annealrl.testing.hamiltonian import brute_force

ISING = [env_id for env_id in env_ids() if issubclass(family(env_id), Hamiltonian)]


def member(env_id: str, **options: Any) -> Hamiltonian:
    made = family(env_id)(**options)
    assert isinstance(made, Hamiltonian)
    return made


def draw(env_id: str, seed: int = 0, **options: Any) -> IsingModel:
    return member(env_id, **options).sample(np.random.default_rng(seed))


@pytest.mark.parametrize("env_id", ISING)
def test_solver_and_claims_agree_with_enumeration(env_id: str) -> None:
    hamiltonian = member(env_id, **family(env_id).example)
    for seed in range(3):
        model = hamiltonian.sample(np.random.default_rng(seed))
        assert model.n <= 20, "the example is small enough to enumerate"
        lowest = brute_force(model).min()
        assert solve(model).energy == pytest.approx(lowest, abs=1e-9 * model.scale)
        claimed = hamiltonian.ground_energy(model)
        if claimed is not None:
            assert claimed == pytest.approx(lowest, abs=1e-9 * model.scale)


@pytest.mark.parametrize(
    ("env_id", "options", "ground"),
    [  # of seed 0, by enumeration of all configurations
        ("EdwardsAnderson2D-v0", {"length": 4}, -16.218394848),
        ("EdwardsAnderson3D-v0", {"length": 2, "periodic": False}, -6.059790034),
        ("SK-v0", {"n": 16}, -9.959442832),
        ("RandomRegular-v0", {"n": 16}, -22.0),
        ("VianaBray-v0", {"n": 16}, -21.0),
        ("Chimera-v0", {"m": 1, "couplings": "gaussian", "fields": "uniform"}, -10.194376556),
    ],
)
def test_known_values(env_id: str, options: dict[str, Any], ground: float) -> None:
    model = draw(env_id, **options)
    assert brute_force(model).min() == pytest.approx(ground, abs=5e-7)
    assert solve(model).energy == pytest.approx(ground, abs=5e-7)


def test_couplings_of_the_other_sign() -> None:
    for J in (-1.0, 0.0):
        with pytest.raises(InputError, match=r"J is .*; a positive number is expected"):
            member("Ferromagnet2D-v0", J=J)
    for length in (3, 4):
        for J in (-1.0, 0.0):
            hamiltonian = member("ScreenedCoulomb-v0", length=length, J=J, cutoff=12.0)
            model = hamiltonian.sample(np.random.default_rng(0))
            lowest = brute_force(model).min()
            assert hamiltonian.ground_energy(model) == pytest.approx(lowest, abs=1e-9 * max(1.0, model.scale))


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("kind", ["gaussian", "pm1", "uniform"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_edwards_anderson_kinds(dimension: int, kind: str, periodic: bool) -> None:
    model = draw(f"EdwardsAnderson{dimension}D-v0", length=4, couplings=kind, periodic=periodic)
    bonds = dimension * (4**dimension if periodic else 3 * 4 ** (dimension - 1))
    assert (model.n, len(model.edges)) == (4**dimension, bonds)
    assert not model.fields.any()
    if kind == "pm1":
        assert set(model.couplings) == {-1.0, 1.0}
    if kind == "uniform":
        assert (np.abs(model.couplings) <= 1).all()


def test_sk_ground_energy_is_that_of_the_literature() -> None:
    # Finite sizes: e_n = -0.76317 + 0.70 n^(-2/3) (Boettcher, Eur. Phys. J. B 46, 501 (2005)), spread 0.3 n^(-3/4).
    n, count = 12, 60
    mean = np.mean([brute_force(draw("SK-v0", seed, n=n)).min() / n for seed in range(count)])
    assert mean == pytest.approx(-0.76317 + 0.70 * n ** (-2 / 3), abs=0.05)


@pytest.mark.parametrize("weights", ["unit", "pm1"])
def test_max_cut_energy_is_the_weight_less_twice_the_cut(weights: str) -> None:
    model = draw("MaxCut-v0", n=14, p=0.4, weights=weights)
    graph = nx.Graph()
    graph.add_nodes_from(range(model.n))
    graph.add_weighted_edges_from((int(i), int(j), -w) for (i, j), w in zip(model.edges, model.couplings, strict=True))
    spins = np.random.default_rng(1).choice([-1, 1], model.n)
    side = {i for i in range(model.n) if spins[i] > 0}
    total = graph.size(weight="weight")
    assert model.energy(spins) == pytest.approx(total - 2 * nx.cut_size(graph, side, weight="weight"))


def test_qubo_energy_is_that_of_its_matrix() -> None:
    model = draw("QUBO-v0", n=12, density=0.7, largest=50)
    bqm = dimod.BinaryQuadraticModel(
        {i: -h for i, h in enumerate(model.fields)},
        {(int(i), int(j)): -J for (i, j), J in zip(model.edges, model.couplings, strict=True)},
        model.offset,
        dimod.SPIN,
    )
    q, offset = bqm.to_qubo()
    assert offset == pytest.approx(0.0, abs=1e-9), "E(x = 0) = 0"
    entries = np.array([value if i == j else value / 2 for (i, j), value in q.items()])
    np.testing.assert_allclose(entries, np.round(entries), atol=1e-9, err_msg="q_ij are whole numbers")
    assert np.abs(entries).max() <= 50 + 1e-9
    best = dimod.ExactSolver().sample(bqm).first.energy
    assert solve(model).energy == pytest.approx(best)


def test_number_partitioning_energy_is_the_squared_difference() -> None:
    hamiltonian = member("NumberPartitioning-v0", n=11, bits=8)
    for seed in range(20):
        model = hamiltonian.sample(np.random.default_rng(seed))
        numbers = np.random.default_rng(seed).integers(1, 256, 11, endpoint=True)
        spins = np.random.default_rng(seed + 1).choice([-1, 1], 11)
        assert model.energy(spins) == pytest.approx((numbers @ spins / 256) ** 2, abs=1e-12)
        differences = {abs(sum(s * k for s, k in zip(signs, numbers, strict=True))) for signs in _signs(11)}
        assert hamiltonian.ground_energy(model) == pytest.approx((min(differences) / 256) ** 2, abs=1e-12)


def _signs(n: int) -> Any:
    return itertools.product((-1, 1), repeat=n)


def test_number_partitioning_refuses_what_it_cannot_tell_apart() -> None:
    with pytest.raises(InputError, match="could not be told apart"):
        member("NumberPartitioning-v0", n=40, bits=30)


def test_screened_coulomb_ground_states() -> None:
    for J, odd in ((1.0, False), (-1.0, True)):
        hamiltonian = member("ScreenedCoulomb-v0", length=4, cutoff=12.0, J=J)
        model = hamiltonian.sample(np.random.default_rng(0))
        board = np.where(np.indices((4, 4)).sum(axis=0).ravel() % 2, 1, -1)
        assert hamiltonian.ground_energy(model) == model.energy(np.ones(16) if odd else board)
        assert brute_force(model).min() == pytest.approx(hamiltonian.ground_energy(model))
    assert member("ScreenedCoulomb-v0", length=5).ground_energy(draw("ScreenedCoulomb-v0", length=5)) is None


def test_coulomb_table_is_the_sum_over_images() -> None:
    model = draw("SinusoidalCoulomb-v0", length=4, screening=0.5, cutoff=9.0, J=2.0)
    images = range(-4, 5)
    for (i, j), J in zip(model.edges[:30], model.couplings[:30], strict=True):
        dy, dx = divmod(int(j), 4)[0] - divmod(int(i), 4)[0], int(j) % 4 - int(i) % 4
        r = np.array([np.hypot(dy + 4 * a, dx + 4 * b) for a in images for b in images])
        r = r[r <= 9.0]
        assert -2.0 * (np.exp(-0.5 * r) * np.sin(r) / r).sum() == pytest.approx(J, abs=1e-12)


@pytest.mark.parametrize(
    ("env_id", "options"),
    [("PlantedTiles-v0", {"length": 6}), ("Wishart-v0", {"n": 14, "alpha": 0.5}), ("XORSAT-v0", {"bits": 12})],
)
def test_planted_states_are_optimal(env_id: str, options: dict[str, Any]) -> None:
    hamiltonian = member(env_id, **options)
    for seed in range(3):
        model = hamiltonian.sample(np.random.default_rng(seed))
        assert model.ground_spins is not None
        assert hamiltonian.ground_energy(model) == pytest.approx(model.energy(model.ground_spins))
        lowest = brute_force(model).min() if model.n <= 16 else solve(model).energy
        assert lowest == pytest.approx(hamiltonian.ground_energy(model), abs=1e-9 * model.scale)
    if env_id == "XORSAT-v0":
        assert hamiltonian.ground_energy(model) == -48.0
        assert model.fields.any()


def test_planted_ground_energies_reach_the_environment() -> None:
    env = gym.make_vec("XORSAT-v0", num_envs=3, bits=10, steps=2, sweeps_per_step=1, replicas=4)
    _, info = env.reset(seed=0)
    assert info["ground_energy"].tolist() == [-40.0] * 3


# -- a problem that is there already ----------------------------------------------------------------------------------

RING = [(i, (i + 1) % 5) for i in range(5)]


def _graph() -> nx.Graph:
    graph = nx.Graph()
    graph.add_weighted_edges_from((i, j, -1.0) for i, j in RING)
    return graph


def _bqm() -> dimod.BinaryQuadraticModel:
    return dimod.BinaryQuadraticModel({}, dict.fromkeys(RING, 1.0), 0.0, dimod.SPIN)


@pytest.mark.parametrize("kind", ["model", "graph", "bqm", "path"])
@pytest.mark.parametrize("batched", [False, True])
def test_a_given_problem_needs_no_family(kind: str, batched: bool, tmp_path: Any) -> None:
    path = tmp_path / "ring.txt"
    path.write_text("5 5\n" + "".join(f"{i + 1} {j + 1} 1\n" for i, j in RING))
    given: Any = {
        "model": IsingModel.from_edges(RING, -1.0),
        "graph": _graph(),
        "bqm": _bqm(),
        "path": str(path),
    }[kind]
    options = {"model": given, "steps": 3, "sweeps_per_step": 20, "certify": True, "replicas": 16}
    if batched:
        env = gym.make_vec("Annealing-v0", num_envs=2, **options)
        _, info = env.reset(seed=0)
        assert info["ground_energy"].tolist() == [-3.0, -3.0]
        info = env.step(np.full((2, 1), 1.0))[-1]
        assert info["energy"].tolist() == [-3.0, -3.0]
    else:
        one = gym.make("Annealing-v0", **options)
        assert one.reset(seed=0)[1]["ground_energy"] == -3.0


def test_an_agent_of_a_problem_in_memory_cannot_be_kept() -> None:
    from annealrl.agents.config import EnvConfig, TrainConfig, dump_config

    for given in (IsingModel.from_edges(RING, -1.0), _graph()):
        with pytest.raises(InputError, match="cannot be kept in a file; give it as the path of one"):
            dump_config(TrainConfig(EnvConfig("Annealing-v0", options={"model": given}), episodes=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "model is missing; an IsingModel"),
        ({"model": 7}, "problem of type int"),
        ({"model": "cool-4"}, "it holds 100 instances"),
        ({"model": "nowhere.txt"}, "neither a known name nor a file"),
    ],
)
def test_what_is_no_problem_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make("Annealing-v0", **options)


@pytest.mark.parametrize(
    ("env_id", "options", "message"),
    [
        ("QUBO-v0", {"density": 1.5}, "density"),
        ("PlantedTiles-v0", {"length": 5}, "even"),
        ("RandomRegular-v0", {"n": 5, "degree": 3}, "even"),
        ("MaxCut-v0", {"weights": "two"}, "weights"),
        ("SK-v0", {"n": 1}, "number of spins"),
        ("EdwardsAnderson3D-v0", {"length": 2}, "at least 3"),
    ],
)
def test_wrong_parameters_are_named(env_id: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make(env_id, **options)
