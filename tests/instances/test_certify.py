"""Certified optima, and a cache that is never trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import certified, certify, load
from annealrl.ising import IsingModel
from annealrl.solvers import solve


@pytest.fixture
def counted(monkeypatch):
    calls = []

    def counting(model, time_limit=None):
        calls.append(model.name)
        return solve(model, time_limit=time_limit)

    monkeypatch.setattr("annealrl.solvers.solve", counting)
    return calls


def test_certified(counted, own_cache):
    instances = load("ea2d-4-val:3")
    found = certified(instances)
    assert (found.name, found.statuses, len(counted)) == (instances.name, ("optimal",) * 3, 3)
    for model, spins, energy, bound in zip(found, found.ground_spins, found.ground_energies, found.bounds, strict=True):
        assert model.energy(spins) == energy
        assert energy - 1e-9 * model.scale <= bound <= energy + 1e-12
    again = certified(load("ea2d-4-val:4"))
    assert len(counted) == 4  # only the new one was solved
    np.testing.assert_array_equal(again.ground_energies[:3], found.ground_energies)
    assert len(list(own_cache.rglob("*.json"))) == 4
    assert [p for p in own_cache.rglob("*") if p.is_file() and p.suffix != ".json"] == []


def test_without_the_cache(counted, own_cache):
    for _ in range(2):
        certified(load("ea2d-4-val:1"), cache=False)
    assert len(counted) == 2
    assert not own_cache.exists()


def test_proven_and_planted_stay(counted):
    found = certified(load("cool-4:2"))
    assert counted == []
    assert found.hash == load("cool-4:2").hash


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        '{"energy": -1e9, "bound": -1e9, "spins": "+"}',
        '{"energy": "x"}',
        "\xff",
        "[" * 9999,
    ],
)
def test_a_spoilt_cache_is_solved_again(counted, own_cache, text):
    instances = load("ea2d-4-val:1")
    before = certified(instances)
    (entry,) = own_cache.rglob("*.json")
    entry.write_text(text)
    after = certified(instances)
    assert len(counted) == 2
    np.testing.assert_array_equal(after.ground_energies, before.ground_energies)


def test_forged_energies_are_not_believed(counted, own_cache):
    instances = load("ea2d-4-val:1")
    before = certified(instances)
    (entry,) = own_cache.rglob("*.json")
    flipped = entry.read_text().replace("+", "-", 1)
    entry.write_text(flipped)
    assert certified(instances).ground_energies[0] == before.ground_energies[0]
    assert len(counted) == 2


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANNEALRL_CACHE", str(tmp_path / "file"))
    assert certified(load("ea2d-4-val:1")).statuses == ("optimal",)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("ANNEALRL_CACHE", str(tmp_path))
    assert certify.cache_folder() == tmp_path
    monkeypatch.delenv("ANNEALRL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert certify.cache_folder() == tmp_path / "x" / "annealrl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert certify.cache_folder() == tmp_path / ".cache" / "annealrl"


def test_what_cannot_be_proven_is_putative(monkeypatch, own_cache):
    model = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1.0)

    class Unproven:
        spins = np.array([1, 1, -1], dtype=np.int8)
        bound = -3.0
        status = "feasible"

    monkeypatch.setattr("annealrl.solvers.solve", lambda model, time_limit=None: Unproven)
    found = certified(InstanceSet.from_models("x", [model]), time_limit=0.1)
    assert (found.statuses, found.ground_energies[0], found.bounds[0]) == (("putative",), -1, -3)
    assert not own_cache.exists()
    known = InstanceSet("x", (model,), np.array([-1.0]), (Unproven.spins,), np.array([-2.0]), ("putative",))
    found = certified(known)
    assert (found.ground_energies[0], found.bounds[0]) == (-1, -2)


def test_dense_models_get_the_reference(counted, own_cache, monkeypatch):
    instances = load("sk-41-train:1")
    found = certified(instances)
    assert (found.statuses, counted) == (("putative",), [])
    assert np.isnan(found.bounds[0])
    assert found.models[0].energy(found.ground_spins[0]) == found.ground_energies[0]
    monkeypatch.setattr("annealrl.solvers.reference.reference", None)
    again = certified(instances)  # from the cache
    assert (again.statuses, again.ground_energies[0]) == (("putative",), found.ground_energies[0])
    assert certified(again, cache=False).ground_energies[0] == found.ground_energies[0]  # nothing more to do
    (entry,) = own_cache.rglob("*.json")
    entry.write_text(entry.read_text().replace("putative", "optimal"))
    with pytest.raises(TypeError):  # a proof needs a bound: it is looked for again
        certified(instances)


def test_a_limit_that_does_not_depend_on_time(own_cache):
    instances = load("ea3d-6-val:1")
    first, second = (certified(instances, cache=False, relaxations=2) for _ in range(2))
    whole = certified(instances)
    assert (first.statuses, whole.statuses) == (("putative",), ("optimal",))
    assert first.bounds[0] == second.bounds[0] < whole.ground_energies[0] - 1e-6
    assert first.ground_energies[0] == second.ground_energies[0] >= whole.ground_energies[0] - 1e-9


def test_planted_optima_are_proven_when_asked():
    instances = load("tiles-6-val:2")
    assert np.isnan(certified(instances).bounds).all()
    found = certified(instances, planted=True)
    assert found.statuses == ("planted", "planted")
    np.testing.assert_allclose(found.bounds, found.ground_energies, atol=1e-6)
    wrong = replace(
        instances,
        ground_energies=instances.ground_energies + 1,
        ground_spins=(None, None),
    )
    with pytest.raises(InputError, match=r"tiles-6-val-0 is said to have the planted ground energy"):
        certified(wrong, planted=True)


def test_nothing_is_printed(capfd):
    certified(load("ea2d-4-val:2"))
    out, err = capfd.readouterr()
    assert (out, err.strip()) == ("", "")
