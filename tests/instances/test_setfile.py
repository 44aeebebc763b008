"""Set files: both forms and back, and one line for everything that can be wrong with one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import load, setfile
from annealrl.instances.generators import edwards_anderson_2d
from annealrl.instances.setfile import read_set, write_set
from annealrl.ising import IsingModel

EDGES = np.array([[0, 1], [1, 2], [0, 2]])


def example(shared: bool) -> InstanceSet:
    rng = np.random.default_rng(1)
    models = [edwards_anderson_2d(4 if shared else 3 + i, rng, name=f"é{i}") for i in range(3)]
    if not shared:
        models[1] = IsingModel(16, models[1].edges, models[1].couplings, rng.normal(size=16), name="")
    spins = [np.where(rng.random(m.n) < 0.5, 1, -1).astype(np.int8) for m in models]
    energies = np.array([m.energy(s) for m, s in zip(models, spins, strict=True)])
    energies[2] = np.nan
    bounds = energies - [0.0, 1.0, 0.0]
    return InstanceSet(
        "example", tuple(models), energies, (spins[0], spins[1], None), bounds, ("optimal", "putative", "unknown")
    )


@pytest.mark.parametrize("shared", [True, False])
def test_round_trip(tmp_path, shared):
    path = tmp_path / "example.npz"
    before = example(shared)
    write_set(path, before)
    first = path.read_bytes()
    after = read_set(path)
    assert (after.name, after.statuses, after.hash) == (before.name, before.statuses, before.hash)
    assert [m.name for m in after] == [m.name for m in before]
    np.testing.assert_array_equal(after.ground_energies, before.ground_energies)
    np.testing.assert_array_equal(after.bounds, before.bounds)
    for a, b in zip(after.ground_spins, before.ground_spins, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == np.int8
            np.testing.assert_array_equal(a, b)
    write_set(path, after)
    assert path.read_bytes() == first
    with np.load(path, allow_pickle=False) as arrays:
        ragged = {"edge_ptr", "node_ptr", "h"}
        common = {"edges", "J", "ground_energy", "ground_spins", "bound", "status", "names"}
        assert set(arrays) == common | ({"n"} if shared else ragged)
        assert arrays["J"].shape == ((3, 32) if shared else (18 + 32 + 50,))
        assert arrays["ground_spins"].shape == ((3, 16) if shared else (50,))
        assert arrays["ground_spins"].dtype == np.int8


def test_the_least_that_a_set_file_may_be(tmp_path):
    np.savez(tmp_path / "x.npz", edges=EDGES, J=-np.ones((2, 3)), n=3)
    found = read_set(tmp_path / "x.npz")
    assert (len(found), found.statuses) == (2, ("unknown", "unknown"))
    assert np.isnan(found.ground_energies).all()
    assert found.models[0].energy([1, 1, 1]) == 3  # H = -Σ J s s: J = -1 is antiferromagnetic
    np.savez(tmp_path / "y.npz", edges=np.zeros((0, 2), int), J=np.zeros((1, 0)), n=2, h=[[1.0, -1.0]])
    assert read_set(tmp_path / "y.npz").models[0].energy([1, -1]) == -2


def test_energies_without_a_status_are_not_called_proven(tmp_path):
    np.savez(tmp_path / "x.npz", edges=EDGES, J=-np.ones((2, 3)), n=3, ground_energy=[-1, np.nan])
    assert read_set(tmp_path / "x.npz").statuses == ("putative", "unknown")
    np.savez(tmp_path / "x.npz", edges=EDGES, J=-np.ones((1, 3)), n=3, ground_spins=[[1, 1, -1]])
    found = read_set(tmp_path / "x.npz")
    assert (found.ground_energies[0], found.statuses) == (-1, ("putative",))


def test_indices_of_the_ragged_form_are_those_of_each_instance(tmp_path):
    np.savez(
        tmp_path / "x.npz",
        edges=[[0, 1], [0, 1], [1, 2]],
        J=[1.0, 2.0, 3.0],
        edge_ptr=[0, 1, 3],
        node_ptr=[0, 2, 5],
        n=[2, 3],
        h=np.arange(5.0),
        ground_spins=np.array([1, 1, 0, 0, 0], np.int8),
    )
    a, b = read_set(tmp_path / "x.npz").models
    assert (a.n, a.edges.tolist(), a.fields.tolist()) == (2, [[0, 1]], [0, 1])
    assert (b.n, b.edges.tolist(), b.fields.tolist()) == (3, [[0, 1], [1, 2]], [2, 3, 4])


GOOD = {"edges": EDGES, "J": -np.ones((2, 3)), "n": np.array(3)}
RAGGED = {
    "edges": np.array([[0, 1], [0, 1], [1, 2]]),
    "J": np.ones(3),
    "edge_ptr": np.array([0, 1, 3]),
    "node_ptr": np.array([0, 2, 5]),
}
WRONG = [
    (GOOD, {"edges": None}, "key 'edges' is missing"),
    (GOOD, {"J": None}, "key 'J' is missing"),
    (GOOD, {"n": None}, "key 'n' is missing; the file has 'edges', 'J'"),
    (GOOD, {"gs_energy_per_spin": np.zeros(2)}, "unknown key 'gs_energy_per_spin'; .*instances import"),
    (GOOD, {"edges": EDGES.astype(float)}, "edges has dtype float64; integers"),
    (GOOD, {"edges": EDGES.ravel()}, r"edges has shape \(6,\); \(any, 2\) is expected"),
    (GOOD, {"edges": EDGES + 1}, r"edges\[1\] = \(2, 3\) leaves the range 0 … 2"),
    (GOOD, {"edges": EDGES - 1}, r"edges\[0\] = \(-1, 0\) leaves the range"),
    (GOOD, {"edges": np.array([[0, 1], [1, 1], [0, 2]])}, r"edges\[1\] = \(1, 1\) is a self-loop"),
    (GOOD, {"edges": np.array([[0, 1], [1, 0], [0, 2]])}, r"instance 0: .*\(0, 1\) occurs twice"),
    (GOOD, {"edges": np.array([[0, 1], [1, 2], [2, 2**64 - 1]], np.uint64)}, "too large"),
    (GOOD, {"J": np.ones(3)}, r"J has shape \(3,\); \(any, 3\)"),
    (GOOD, {"J": np.ones((2, 4))}, r"J has shape \(2, 4\)"),
    (GOOD, {"J": np.ones((0, 3))}, "0 instances of 3 spins"),
    (GOOD, {"J": np.array([[1, 2, 3], [1, np.nan, 2]])}, r"J\[1, 1\] is nan; a finite number"),
    (GOOD, {"J": np.array([["a"] * 3])}, "J has dtype <U1; numbers"),
    (GOOD, {"n": np.array([3])}, r"n has shape \(1,\); \(\) is expected"),
    (GOOD, {"n": np.array(0), "edges": EDGES[:0], "J": np.ones((2, 0))}, "2 instances of 0 spins"),
    (GOOD, {"n": np.array(2**40)}, "spins in all; at most"),
    (GOOD, {"h": np.ones(3)}, r"h has shape \(3,\); \(2, 3\)"),
    (GOOD, {"h": np.full((2, 3), np.inf)}, r"h\[0, 0\] is inf"),
    (GOOD, {"ground_energy": np.zeros(3)}, r"ground_energy has shape \(3,\)"),
    (GOOD, {"ground_energy": np.array([-1, np.inf])}, r"ground_energy\[1\] is inf; a finite number, or NaN"),
    (GOOD, {"bound": np.array([0.0, -5]), "ground_energy": np.array([-1.0, -1])}, "bound of instance 0, 0, lies above"),
    (GOOD, {"ground_spins": np.ones((2, 2), np.int8)}, r"ground_spins has shape \(2, 2\)"),
    (GOOD, {"ground_spins": np.array([[1, 1, 1], [1, 0, 1]])}, "ground_spins of instance 1: entry 1 is 0"),
    (GOOD, {"ground_spins": np.array([[1, 1, 1], [1, 2, 1]])}, "ground_spins of instance 1: entry 1 is 2"),
    (
        GOOD,
        {"ground_spins": np.array([[1, 1, -1]] * 2), "ground_energy": np.array([-1.0, 1])},
        "ground_energy of instance 1 is 1, but its ground_spins have the energy -1",
    ),
    (
        GOOD,
        {"status": np.array(["optimal", "unknown"])},
        "status of instance 0 is 'optimal', but there is no ground_energy",
    ),
    (GOOD, {"status": np.array(["sure", "unknown"])}, r"status\[0\] is 'sure', none of optimal"),
    (GOOD, {"status": np.array([1, 2])}, "status has dtype int64; text"),
    (GOOD, {"names": np.array(["a"])}, r"names has shape \(1,\)"),
    (GOOD, {"names": np.array([b"ab", b"c"])}, r"entries of type '\|S2'"),
    (GOOD, {"edge_ptr": np.array([0, 3])}, "key 'node_ptr' is missing"),
    (RAGGED, {"node_ptr": None}, "key 'node_ptr' is missing"),
    (RAGGED, {"edge_ptr": np.array([0, 1, 2])}, "edge_ptr ends at 2, but there are 3 edges"),
    (RAGGED, {"edge_ptr": np.array([0, 4, 3])}, "edge_ptr must start at 0 and rise by at least 0"),
    (RAGGED, {"edge_ptr": np.array([1, 1, 3])}, "edge_ptr must start at 0"),
    (RAGGED, {"node_ptr": np.array([0, 5, 5])}, "node_ptr must start at 0 and rise by at least 1"),
    (RAGGED, {"node_ptr": np.array([0, 2, 2**50])}, "spins in all; at most"),
    (RAGGED, {"node_ptr": np.array([0, -(2**63), 2**63 - 1])}, "node_ptr must start at 0"),
    (RAGGED, {"node_ptr": np.array([0, 2, 4])}, r"edges\[2\] = \(1, 2\) leaves the range 0 … 1"),
    (RAGGED, {"edge_ptr": np.array([0]), "node_ptr": np.array([0])}, "edge_ptr must start at 0"),
    (RAGGED, {"edge_ptr": np.zeros(0, int), "node_ptr": np.zeros(0, int)}, "edge_ptr must start at 0"),
    (RAGGED, {"n": np.array([3, 2])}, "n contradicts node_ptr"),
    (RAGGED, {"J": np.ones((1, 3))}, r"J has shape \(1, 3\); \(3\)"),
    (RAGGED, {"h": np.ones(4)}, r"h has shape \(4,\)"),
    (RAGGED, {"ground_spins": np.ones((2, 2), np.int8)}, "ground_spins has shape"),
]


@pytest.mark.parametrize(("base", "change", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_in_one_line(tmp_path, base, change, message):
    path = tmp_path / "x.npz"
    np.savez(path, **{key: value for key, value in (base | change).items() if value is not None})
    with pytest.raises(InputError, match=message) as error:
        read_set(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_instances_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(setfile, "MAX_INSTANCES", 1)
    np.savez(tmp_path / "x.npz", **GOOD)
    with pytest.raises(InputError, match="2 instances, 6 spins in all; at most 1"):
        read_set(tmp_path / "x.npz")


def test_no_set_is_written_that_would_not_be_read(tmp_path, monkeypatch, triangle):
    monkeypatch.setattr(setfile, "MAX_ENTRIES", 10)
    with pytest.raises(InputError, match="a set of 2 instances and 17 numbers; at most"):
        write_set(tmp_path / "x.npz", InstanceSet.from_models("x", [triangle, triangle]))
    assert list(tmp_path.iterdir()) == []


def test_offsets_are_kept(tmp_path):
    models = [IsingModel.from_edges([(0, 1)], offset=1.5), IsingModel.from_edges([(0, 2)])]
    for form in (models, models[:1]):
        write_set(tmp_path / "x.npz", InstanceSet.from_models("x", form))
        again = read_set(tmp_path / "x.npz")
        assert [model.offset for model in again] == [model.offset for model in form]
    assert again.models[0].energy([1, 1]) == 0.5
    np.savez(tmp_path / "y.npz", **GOOD, offset=np.array([0.0, np.nan]))
    with pytest.raises(InputError, match=r"offset\[1\] is nan"):
        read_set(tmp_path / "y.npz")


def test_what_contradicts_itself_is_not_written(tmp_path, triangle):
    spins = np.array([1, 1, 1], np.int8)
    wrong = InstanceSet("x", (triangle,), np.array([-1.0]), (spins,), np.array([np.nan]), ("putative",))
    with pytest.raises(InputError, match="ground_spins have the energy 3"):
        write_set(tmp_path / "x.npz", wrong)
    assert list(tmp_path.iterdir()) == []


def test_large_indices_are_kept(tmp_path):
    model = IsingModel.from_edges([(0, 40_000)], 1.0)
    write_set(tmp_path / "x.npz", InstanceSet.from_models("x", [model]))
    assert read_set(tmp_path / "x.npz").models[0].edges.tolist() == [[0, 40_000]]


def test_every_documented_key_is_a_key():
    assert all(f"``{key}``" in (setfile.__doc__ or "") for key in setfile.KEYS)


def test_nameless_instances_of_a_selection_keep_their_numbers(tmp_path, capsys):
    np.savez(tmp_path / "five.npz", edges=np.array([[0, 1]]), J=np.ones((5, 1)), n=2)
    chosen = load(f"{tmp_path / 'five.npz'}:3-4")
    assert chosen.instance_names == ("3", "4")
    assert chosen.subset([1]).instance_names == ("4",)
    assert run(["solve", f"{tmp_path / 'five.npz'}:3-4", "--json", "-"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["3", "4"]
