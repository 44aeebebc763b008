"""What is written reads back as the same problem, here and in the libraries whose formats these are."""

from __future__ import annotations

import json

import dimod
import networkx as nx
import numpy as np
import pytest
from dimod.serialization import coo

from annealrl.errors import InputError
from annealrl.instances.formats import read_instance
from annealrl.instances.writers import write_bqm, write_coo, write_latfile, write_node_link, write_qubo, write_rudy
from annealrl.ising import IsingModel


@pytest.fixture
def model():
    rng = np.random.default_rng(3)
    edges = [(i, j) for i in range(6) for j in range(i + 1, 6) if (i + j) % 3]
    return IsingModel.from_edges(edges, rng.normal(size=len(edges)), rng.normal(size=6), n=7 - 1, name="m")


def same(a, b):
    return (
        a.n == b.n
        and np.array_equal(a.edges, b.edges)
        and np.array_equal(a.couplings, b.couplings)
        and np.array_equal(a.fields, b.fields)
        and a.offset == b.offset
    )


@pytest.mark.parametrize("sign", ["ising", "dimod"])
def test_coo(tmp_path, model, sign):
    write_coo(tmp_path / "a.txt", model, sign=sign)
    loaded = read_instance(tmp_path / "a.txt", sign=sign)
    assert loaded.format == "coo"
    assert same(loaded.model, model)


def test_coo_keeps_spins_without_bonds_and_zero_couplings(tmp_path):
    lonely = IsingModel.from_edges([(1, 2)], 0.0, n=5)
    for sign in ("ising", "dimod", "maxcut"):
        write_coo(tmp_path / "a", lonely, sign=sign)
        assert same(read_instance(tmp_path / "a", sign=sign).model, lonely)
    single = IsingModel.from_edges([], n=1)
    write_coo(tmp_path / "a", single, sign="ising")
    assert same(read_instance(tmp_path / "a").model, single)


def test_dimod_reads_our_coo(tmp_path, model):
    write_coo(tmp_path / "a.txt", model)
    # dimod's pattern of a number knows no exponents; these have none
    bqm = coo.loads((tmp_path / "a.txt").read_text())
    spins = np.where(np.arange(6) % 2, 1, -1)
    assert bqm.energy(dict(enumerate(spins))) == pytest.approx(model.energy(spins))


@pytest.mark.parametrize("sign", ["ising", "dimod", "maxcut"])
def test_rudy(tmp_path, model, sign):
    graph = IsingModel.from_edges(model.edges, model.couplings, n=8)
    write_rudy(tmp_path / "a.txt", graph, sign=sign)
    assert (tmp_path / "a.txt").read_text().startswith(f"8 {len(model.edges)}\n1 2 ")
    assert same(read_instance(tmp_path / "a.txt", sign=sign).model, graph)
    with pytest.raises(InputError, match="rudy files have no fields"):
        write_rudy(tmp_path / "b.txt", model)


def test_whole_numbers_are_written_without_a_point(tmp_path):
    write_rudy(tmp_path / "a", IsingModel.from_edges([(0, 1), (1, 2)], [-3.0, 0.5]))
    assert (tmp_path / "a").read_text() == "3 2\n1 2 3\n2 3 -0.5\n"


def test_node_link(tmp_path, model):
    named = IsingModel(
        model.n, model.edges, model.couplings, model.fields, offset=1.25, name="n", labels=tuple("abcdef")
    )
    for one in (model, named):
        write_node_link(tmp_path / "a.json", one)
        loaded = read_instance(tmp_path / "a.json")
        assert (loaded.model.labels, loaded.model.name) == (one.labels, one.name)
        assert same(loaded.model, one)
        data = json.loads((tmp_path / "a.json").read_text())
        assert same(IsingModel.from_networkx(nx.node_link_graph(data, edges="edges")), model)  # no offset there
    twins = IsingModel(2, model.edges[:0], model.couplings[:0], model.fields[:2], labels=("x", "x"))
    with pytest.raises(InputError, match="same label"):
        write_node_link(tmp_path / "b.json", twins)


def test_latfile(tmp_path, model):
    for sign in ("ising", "dimod"):
        write_latfile(tmp_path / "a.lat", model, sign=sign)
        loaded = read_instance(tmp_path / "a.lat", sign=sign)
        assert loaded.format == "latfile"
        assert same(loaded.model, model)


def test_qubo(tmp_path):
    (tmp_path / "a.sparse").write_text("4 4\n1 1 -5\n1 2 1.5\n2 3 1\n3 3 -2\n")
    model = read_instance(tmp_path / "a.sparse").model
    write_qubo(tmp_path / "b.sparse", model)
    assert (tmp_path / "b.sparse").read_text() == "4 4\n1 1 -5\n3 3 -2\n1 2 1.5\n2 3 1\n"
    assert same(read_instance(tmp_path / "b.sparse").model, model)
    with pytest.raises(InputError, match=r"c: model '': x'Qx has no offset, .* need -1; write BQM JSON instead"):
        write_qubo(tmp_path / "c", IsingModel.from_edges([(0, 1)]))


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_bqm(tmp_path, model, vartype):
    shifted = IsingModel(model.n, model.edges, model.couplings, model.fields, offset=1.25, labels=tuple("abcdef"))
    for one in (model, shifted):
        write_bqm(tmp_path / "a.json", one, vartype=vartype)
        data = json.loads((tmp_path / "a.json").read_text())
        bqm = dimod.BinaryQuadraticModel.from_serializable(data)
        loaded = read_instance(tmp_path / "a.json")
        assert (loaded.format, loaded.model.labels) == ("bqm", one.labels)
        for spins in (np.ones(6, int), np.where(np.arange(6) % 2, 1, -1)):
            values = spins if vartype == "SPIN" else (spins + 1) // 2
            energy = pytest.approx(one.energy(spins))
            assert loaded.model.energy(spins) == energy
            assert bqm.energy(dict(zip(one.labels or range(6), values.tolist(), strict=True))) == energy
        if vartype == "SPIN":
            assert same(loaded.model, one)
            assert bqm.to_serializable().keys() == data.keys()
    with pytest.raises(InputError, match="vartype 'REAL'"):
        write_bqm(tmp_path / "b.json", model, vartype="REAL")
    twins = IsingModel(2, model.edges[:0], model.couplings[:0], model.fields[:2], labels=("x", "x"))
    with pytest.raises(InputError, match="same label"):
        write_bqm(tmp_path / "b.json", twins)
    assert not (tmp_path / "b.json").exists()


def test_offsets_are_not_lost_silently(tmp_path):
    shifted = IsingModel.from_edges([(0, 1)], offset=2.0)
    for writer in (write_rudy, write_coo, write_latfile, write_qubo):
        with pytest.raises(InputError, match="offset"):
            writer(tmp_path / "a", shifted)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path, triangle):
    write_rudy(tmp_path / "new" / "folder" / "file", triangle)
    with pytest.raises(InputError, match="cannot be written"):
        write_rudy(tmp_path / "new" / "folder" / "file" / "a", triangle)
    with pytest.raises(InputError, match="cannot be written"):
        write_rudy(tmp_path, triangle)
    assert [p.name for p in tmp_path.rglob("*")] == ["new", "folder", "file"]
