"""Every sign on an antiferromagnetic triangle, where a wrong one is 3 instead of 1; binary models by enumeration."""

from __future__ import annotations

import itertools

import dimod
import networkx as nx
import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import conventions
from annealrl.ising import IsingModel

TRIANGLE = [(0, 1), (1, 2), (0, 2)]
STATES = np.array(list(itertools.product([-1, 1], repeat=3)))


def lowest(model: IsingModel) -> float:
    return float(model.energy(STATES).min())


@pytest.mark.parametrize(("sign", "antiferromagnet"), [("ising", -1.0), ("dimod", 1.0), ("maxcut", 1.0)])
def test_signs_on_a_triangle(sign, antiferromagnet):
    assert lowest(conventions.from_spin(3, TRIANGLE, [antiferromagnet] * 3, sign=sign)) == -1
    assert lowest(conventions.from_spin(3, TRIANGLE, [-antiferromagnet] * 3, sign=sign)) == -3


@pytest.mark.parametrize(("sign", "factor"), [("ising", -1), ("dimod", 1)])
def test_the_energy_is_that_of_the_source(sign, factor):
    w, h = np.array([1.0, -2.0, 0.5]), np.array([0.25, 0.0, -3.0])
    model = conventions.from_spin(3, TRIANGLE, w, h, sign=sign, offset=7.0)
    bonds = np.array([[s[i] * s[j] for i, j in TRIANGLE] for s in STATES])
    np.testing.assert_allclose(model.energy(STATES), factor * (bonds @ w + STATES @ h) + 7)
    back = conventions.to_spin(model, sign)
    np.testing.assert_array_equal(back[0], w[[0, 2, 1]])  # a model's edges are sorted
    np.testing.assert_array_equal(back[1], h)


def test_maxcut_energy_is_total_weight_minus_twice_the_cut():
    w = np.array([3.0, 5.0, -2.0])
    model = conventions.from_spin(3, TRIANGLE, w, sign="maxcut")
    for s in STATES:
        cut = sum(weight for (i, j), weight in zip(TRIANGLE, w, strict=True) if s[i] != s[j])
        assert model.energy(s) == w.sum() - 2 * cut


def test_no_negative_zeros():
    model = conventions.from_spin(2, [(0, 1)], [0.0], [0.0, 1.0], sign="dimod")
    assert not np.signbit(model.couplings).any()
    assert np.signbit(model.fields).tolist() == [False, True]


def test_maxcut_has_no_fields(triangle):
    with pytest.raises(InputError, match="has no fields"):
        conventions.from_spin(2, [(0, 1)], [1.0], [1.0, 0.0], sign="maxcut")
    biased = IsingModel.from_edges([(0, 1)], 1.0, 1.0)
    with pytest.raises(InputError, match="has no fields"):
        conventions.to_spin(biased, "maxcut")
    np.testing.assert_array_equal(conventions.to_spin(triangle, "maxcut")[0], [1, 1, 1])


def test_networkx_graphs():
    graph = nx.Graph([("a", "b"), ("b", "c"), ("a", "c")], name="tri", offset=2.0)
    graph.nodes["b"]["field"] = 1.5
    for sign, factor in (("ising", -1), ("dimod", 1)):
        model = conventions.from_networkx(graph, sign=sign)
        assert (model.name, model.labels) == ("tri", ("a", "b", "c"))
        for s in STATES:
            assert model.energy(s) == 2 + factor * (s[0] * s[1] + s[1] * s[2] + s[0] * s[2] + 1.5 * s[1])
        again = conventions.from_networkx(model.to_networkx())
        assert (again.name, again.energy(STATES).tolist()) == ("tri", model.energy(STATES).tolist())
    with pytest.raises(InputError, match="sign maxcut has no fields"):
        conventions.from_networkx(graph, sign="maxcut")
    with pytest.raises(InputError, match="sign 'plus' is none of"):
        conventions.from_networkx(graph, sign="plus")
    graph.graph["offset"] = "much"
    with pytest.raises(InputError, match="offset 'much' is not a number"):
        conventions.from_networkx(graph)
    for several in (nx.MultiGraph([(0, 1), (0, 1)]), nx.DiGraph([(0, 1)])):
        with pytest.raises(InputError, match="undirected graph without parallel edges"):
            conventions.from_networkx(several)


def test_binary_and_back():
    rng = np.random.default_rng(0)
    model = IsingModel.from_edges(TRIANGLE, rng.normal(size=3), rng.normal(size=3), offset=0.75)
    linear, quadratic, offset = conventions.to_binary(model)
    for s in STATES:
        x = (s + 1) // 2
        pairs = sum(b * x[i] * x[j] for b, (i, j) in zip(quadratic, model.edges, strict=True))
        assert model.energy(s) == pytest.approx(linear @ x + pairs + offset)
    again = conventions.from_binary(linear, model.edges, quadratic, offset=offset)
    np.testing.assert_allclose(again.energy(STATES), model.energy(STATES))


def test_biqmac_qubo_counts_pairs_twice():
    model = conventions.from_biqmac_qubo([1.0, -4.0, 2.0], [(0, 1), (1, 2)], [3.0, -1.0])
    Q = np.array([[1, 3, 0], [3, -4, -1], [0, -1, 2]])
    for s in STATES:
        x = (s + 1) // 2
        assert model.energy(s) == x @ Q @ x


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_bqm_energies_are_dimods(vartype):
    bqm = dimod.BinaryQuadraticModel({"a": 1.5, "b": -2.0, 7: 0.0}, {("a", "b"): 3.0, (7, "a"): -1.0}, 0.25, vartype)
    model = conventions.from_dimod(bqm, name="x")
    assert model.labels == ("a", "b", "7")
    for s in STATES:
        values = s if vartype == "SPIN" else (s + 1) // 2
        assert model.energy(s) == bqm.energy(dict(zip(bqm.variables, values, strict=True)))


def test_to_dimod_keeps_energies(triangle):
    model = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], [1.0, -2.0, 3.0], [0.5, 0.0, -1.0], offset=2.0)
    bqm = conventions.to_dimod(model)
    for s in STATES:
        assert bqm.energy(s) == model.energy(s)


def test_unknown_vartype():
    with pytest.raises(InputError, match="neither SPIN nor BINARY"):
        conventions.from_bqm("INTEGER", [0.0], [], [])


def test_what_signs_and_bases_may_be():
    assert conventions.check_index_base("1") == 1
    assert conventions.resolve_index_base(0, "auto") == 0
    assert conventions.resolve_index_base(5, "auto") == 1
    assert conventions.resolve_index_base(5, 0) == 0
    with pytest.raises(InputError, match="sign 'max' is none of ising, dimod, maxcut"):
        conventions.check_sign("max")
    for wrong in (2, "x", True):
        with pytest.raises(InputError, match="none of auto, 0, 1"):
            conventions.check_index_base(wrong)
