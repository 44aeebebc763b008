"""Chimera and Pegasus: the same graphs as dwave-networkx makes, and glasses on them."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import import_npz
from annealrl.instances.generators import chimera_edges, chimera_glass, pegasus_edges, pegasus_glass

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import dwave_networkx as dnx


def as_set(pairs):
    return {tuple(sorted(map(int, pair))) for pair in pairs}


@pytest.mark.parametrize(("m", "n", "t"), [(1, 1, 4), (2, 2, 4), (3, 2, 4), (2, 3, 1), (1, 4, 3), (16, 16, 4)])
def test_chimera_is_that_of_dwave_networkx(m, n, t):
    edges = chimera_edges(m, n, t)
    graph = dnx.chimera_graph(m, n, t)
    assert as_set(edges) == as_set(graph.edges)
    assert len(edges) == graph.number_of_edges() == m * n * t * t + (m - 1) * n * t + m * (n - 1) * t
    assert (edges[:, 0] < edges[:, 1]).all()


def test_chimera_is_the_graph_of_published_instances(external):
    published = import_npz(external / "selby_chimera439/weightmode5_439.npz", sign="dimod", energy_key="E0")
    numbers = np.load(external / "selby_chimera439/weightmode5_439.npz")["chimera_node"].astype(int)
    row, column, rest = numbers // 64, numbers // 8 % 8, numbers % 8  # it counts cells by columns
    edges = (column * 64 + row * 8 + rest)[published.models[0].edges]
    assert as_set(edges) == as_set(chimera_edges(8))


def test_chimera_glass():
    model = chimera_glass(2, np.random.default_rng(1), name="x")
    again = chimera_glass(2, np.random.default_rng(1), name="x")
    assert (model.n, len(model.edges), model.name) == (32, 80, "x")
    np.testing.assert_array_equal(model.couplings, again.couplings)
    assert set(model.couplings) == {-1.0, 1.0}
    assert not model.fields.any()
    biased = chimera_glass(1, np.random.default_rng(1), columns=2, shore=2, couplings="uniform", fields="pm1")
    assert (biased.n, len(biased.edges)) == (8, 10)
    assert set(biased.fields) == {-1.0, 1.0}
    assert np.abs(biased.couplings).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "rows"), ((2, 0), "columns"), ((2, 2, 0), "shore"), ((2.0,), "rows"), ((4000, 4000), "at most")],
)
def test_chimera_that_cannot_be(arguments, message):
    with pytest.raises(InputError, match=message):
        chimera_edges(*arguments)


def test_pegasus():
    n, edges, labels = pegasus_edges(2)
    graph = dnx.pegasus_graph(2)
    assert n == graph.number_of_nodes() == 40
    assert {(int(labels[a]), int(labels[b])) for a, b in edges.tolist()} == as_set(graph.edges)
    model = pegasus_glass(2, np.random.default_rng(1), couplings="gaussian", fields="gaussian")
    assert (model.n, len(model.edges)) == (40, graph.number_of_edges())
    assert np.count_nonzero(model.fields) == 40
    with pytest.raises(InputError, match="Pegasus size m 1"):
        pegasus_edges(1)


def test_pegasus_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "dwave_networkx", None)
    with pytest.raises(InputError, match=r"annealrl\[interop\]"):
        pegasus_edges(2)
