"""The model: energies, constructors, and every way in which input can be wrong."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from annealrl.errors import InputError
from annealrl.ising import IsingModel


def brute_force(model: IsingModel, spins: tuple[int, ...]) -> float:
    energy = model.offset
    for (i, j), J in zip(model.edges, model.couplings, strict=True):
        energy -= J * spins[i] * spins[j]
    return energy - sum(h * s for h, s in zip(model.fields, spins, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_energy_is_the_sum_it_says(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [pair for pair in itertools.combinations(range(n), 2) if rng.random() < 0.6]
    model = IsingModel.from_edges(pairs, rng.normal(size=len(pairs)), rng.normal(size=n), n=n, offset=rng.normal())
    states = list(itertools.product((1, -1), repeat=n))
    expected = [brute_force(model, state) for state in states]
    np.testing.assert_allclose(model.energy(np.array(states)), expected, atol=1e-12)
    assert model.energy(states[0]) == pytest.approx(expected[0])


def test_antiferromagnetic_triangle_shows_the_sign(triangle: IsingModel) -> None:
    assert triangle.energy([1, 1, 1]) == 3.0
    assert triangle.energy([1, 1, -1]) == -1.0


def test_constructors_agree() -> None:
    edges, J, h = [(0, 1), (2, 1), (0, 3)], [0.5, -1.5, 2.0], [0.1, 0.0, -0.3, 0.0]
    model = IsingModel.from_edges(edges, J, h)
    matrix = np.zeros((4, 4))
    for (i, j), value in zip(edges, J, strict=True):
        matrix[i, j] = matrix[j, i] = value
    graph = nx.Graph()
    graph.add_nodes_from((i, {"field": value}) for i, value in enumerate(h))
    graph.add_weighted_edges_from((i, j, value) for (i, j), value in zip(edges, J, strict=True))
    spins = np.array(list(itertools.product((1, -1), repeat=4)))
    for other in (
        IsingModel.from_matrix(matrix, h),
        IsingModel.from_matrix(sp.csr_array(matrix), h),
        IsingModel.from_networkx(graph),
        IsingModel.from_networkx(model.to_networkx()),
    ):
        np.testing.assert_allclose(other.energy(spins), model.energy(spins))
        np.testing.assert_array_equal(other.edges, model.edges)
    np.testing.assert_allclose(IsingModel.from_networkx(graph, sign=-1).energy(spins), -np.asarray(model.energy(spins)))


def test_node_labels_are_kept() -> None:
    graph = nx.Graph([("b", "a"), ("a", "c")])
    model = IsingModel.from_networkx(graph)
    assert model.labels == ("b", "a", "c")
    assert model.couplings.tolist() == [1.0, 1.0]


def test_padded_neighbours() -> None:
    model = IsingModel.from_edges([(0, 1), (0, 2), (1, 2), (2, 3)], [1, 2, 3, 4], n=5)
    neighbours, couplings = model.padded
    assert model.degrees.tolist() == [2, 2, 3, 1, 0]
    for i in range(5):
        real = model.degrees[i]
        found = dict(zip(neighbours[i, :real].tolist(), couplings[i, :real].tolist(), strict=True))
        expected = {}
        for (a, b), J in zip(model.edges.tolist(), model.couplings.tolist(), strict=True):
            if i in (a, b):
                expected[a + b - i] = J
        assert found == expected
        assert (neighbours[i, real:] == i).all()
        assert (couplings[i, real:] == 0).all()


def test_arrays_are_read_only(triangle: IsingModel) -> None:
    with pytest.raises(ValueError, match="read-only"):
        triangle.couplings[0] = 2.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([(0, 0)], 1.0), r"edge \(0, 0\) is a self-loop"),
        (([(0, 1), (1, 0)], 1.0), r"edge \(0, 1\) occurs twice"),
        (([(0, 1)], np.nan), "couplings: entry 0 is nan"),
        (([(0, 1)], [np.inf]), "couplings: entry 0 is inf"),
        (([(0, 1)], 1.0, [0.0, np.nan]), "fields: entry 1 is nan"),
        (([(0, 1)], [1.0, 2.0]), r"couplings have shape \(2,\); \(1,\) is expected"),
        (([(0, 1)], ["x"]), "couplings are not numbers"),
        (([(-1, 1)], 1.0), r"edge \(-1, 1\) leaves the range"),
        (([(0.0, 1.0)], 1.0), "integers are expected"),
        (([(0, 1, 2)], 1.0), r"\(m, 2\) is expected"),
        (([], 1.0), "no spins"),
    ],
)
def test_bad_edge_lists(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        IsingModel.from_edges(*arguments)  # type: ignore[arg-type]


def test_bad_size() -> None:
    with pytest.raises(InputError, match=r"edge \(0, 5\) leaves the range 0 … 2"):
        IsingModel.from_edges([(0, 5)], n=3)
    with pytest.raises(InputError, match="offset is nan"):
        IsingModel.from_edges([(0, 1)], offset=float("nan"))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, 1], [2, 0]], "not symmetric"),
        ([[1, 0], [0, 0]], "diagonal"),
        ([[0, 1, 0], [1, 0, 0]], "not square"),
        ([[0, np.nan], [np.nan, 0]], "finite"),
        ([1, 2], "two-dimensional"),
    ],
)
def test_bad_matrices(matrix: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        IsingModel.from_matrix(matrix)  # type: ignore[arg-type]


def test_bad_graphs() -> None:
    with pytest.raises(InputError, match="undirected"):
        IsingModel.from_networkx(nx.DiGraph([(0, 1)]))
    graph = nx.Graph()
    graph.add_edge("a", "b", weight="heavy")
    with pytest.raises(InputError, match=r"edge \(a, b\), attribute 'weight' is 'heavy'"):
        IsingModel.from_networkx(graph)


@pytest.mark.parametrize(("spins", "message"), [([1, 1], "last axis"), ([1, 0, 1], "must be"), ([1, 2, 1], "must be")])
def test_bad_spins(triangle: IsingModel, spins: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        triangle.energy(spins)
