"""Foreign ``.npz`` sets: signs and keys are said; the published folders beside the checkout."""

from __future__ import annotations

import math

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import import_npz, read_set, write_set
from annealrl.instances.foreign import import_files
from annealrl.simulator import ReplicaSimulator
from annealrl.solvers import solve

TRIANGLE = {"edges": np.array([[0, 1], [1, 2], [0, 2]], np.int16), "J": np.ones((2, 3), np.int8)}


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "x.npz", **(TRIANGLE | arrays))
        return tmp_path / "x.npz"

    return save


@pytest.mark.parametrize(("sign", "energy"), [("ising", -3), ("dimod", -1), ("maxcut", -1)])
def test_signs_on_a_triangle(save, sign, energy):
    found = import_npz(save(E0=np.array([energy, energy])), sign=sign, energy_key="E0")
    for model in found:
        assert solve(model).energy == energy
    assert found.ground_energies.tolist() == [energy, energy]
    assert found.statuses == ("putative", "putative")
    assert found.name == "x"


def test_a_wrong_sign_shows_in_the_stored_spins(save):
    path = save(E0=np.array([-1.0, -1]), config=np.array([[1, 1, -1], [1, -1, 1]]))
    found = import_npz(path, sign="dimod", energy_key="E0", spins_key="config")
    assert found.ground_spins[1].tolist() == [1, -1, 1]
    with pytest.raises(InputError, match="instance 0: E0 gives -1, but its spins have the energy 1; is ising the sign"):
        import_npz(path, sign="ising", energy_key="E0", spins_key="config")


def test_energies_per_spin(save):
    path = save(e=np.array([-1 / 3, np.nan]))
    found = import_npz(path, sign="dimod", energy_key="e", per_spin=True, name="named", status="optimal")
    assert found.ground_energies[0] == -1
    assert (found.name, found.statuses) == ("named", ("optimal", "unknown"))
    total = save(e=np.array([-1.0, -100]))
    with pytest.raises(InputError, match=r"instance 1: e gives -300, out of reach .* is it not an energy per spin"):
        import_npz(total, sign="dimod", energy_key="e", per_spin=True)


def test_one_instance_without_its_axis(save):
    one = {"J": np.ones(3), "h": np.array([0.0, 0, 1]), "s": np.array([1, 1, -1])}
    for energy in (np.array(-2.0), np.array([-2.0])):
        found = import_npz(save(**one, E0=energy), sign="dimod", energy_key="E0", spins_key="s")
        assert (len(found), found.models[0].fields.tolist(), found.ground_energies[0]) == (1, [0, 0, -1], -2)
    with pytest.raises(InputError, match=r"E0 has shape \(1, 2\); \(1\)"):
        import_npz(save(**one, E0=np.zeros((1, 2))), sign="dimod", energy_key="E0")


def test_number_of_spins(save):
    assert import_npz(save(n=np.array(7)), sign="ising").models[0].n == 7
    assert import_npz(save(h=np.zeros((2, 5))), sign="ising").models[0].n == 5
    assert import_npz(save(c=np.ones((2, 4))[:, :3].astype(int)), sign="ising").models[0].n == 3
    with pytest.raises(InputError, match="spins in all; at most"):
        import_npz(save(n=np.array(2**50)), sign="ising")
    with pytest.raises(InputError, match=r"leaves the range 0 … 1"):
        import_npz(save(n=np.array(2)), sign="ising")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sign": "plus"}, "sign 'plus' is none of"),
        ({"sign": "ising", "energy_key": "nope"}, "key 'nope' is missing; the file has 'edges', 'J'"),
        ({"sign": "ising", "couplings_key": "w"}, "key 'w' is missing"),
        ({"sign": "ising", "edges_key": "w"}, "key 'w' is missing"),
        ({"sign": "ising", "spins_key": "w"}, "key 'w' is missing"),
        ({"sign": "ising", "status": "unknown"}, "status 'unknown' is none of optimal, putative, planted"),
        ({"sign": "maxcut", "fields_key": "f"}, "instance 0: .*no fields"),
    ],
)
def test_errors(save, options, message):
    with pytest.raises(InputError, match=message) as error:
        import_npz(save(f=np.ones((2, 3))), **options)
    assert "\n" not in str(error.value)


def test_what_is_imported_can_be_written(save, tmp_path):
    found = import_npz(save(E0=np.array([-1.0, np.nan]), n=np.array(3)), sign="dimod", energy_key="E0")
    write_set(tmp_path / "set.npz", found)
    assert read_set(tmp_path / "set.npz").hash == found.hash


# Sets of others -------------------------------------------------------------------------------------------------------

FOLDERS = [
    ("cool/RND_J_6x6", {"sign": "dimod", "energy_key": "gs_energy_per_spin", "per_spin": True}, 20),
    ("vna/EA_uniform_open_10x10", {"sign": "ising", "energy_key": "gs_energy_per_spin", "per_spin": True}, 5),
    ("chook/tile2d_L8_default", {"sign": "dimod", "energy_key": "E0", "status": "planted"}, 10),
    ("chook/tile3d_L6_F22", {"sign": "dimod", "energy_key": "E0", "status": "planted"}, 2),
]


@pytest.mark.parametrize(("file", "options", "count"), FOLDERS)
def test_published_energies_are_proven(external, file, options, count):
    found = import_npz(external / f"{file}.npz", **options)
    for model, energy in zip(found.models[:count], found.ground_energies[:count], strict=True):
        solution = solve(model)
        assert solution.status == "optimal"
        assert solution.energy == pytest.approx(energy, abs=2e-6 * model.n)


ANNEALED = [
    ("ea3d_pm/L08", {"sign": "dimod", "energy_key": "gs_energy"}, 512, 300),
    ("chook/wishart_N64_a0.75", {"sign": "dimod", "energy_key": "E0"}, 64, 10),
    ("selby_chimera439/weightmode5_439", {"sign": "dimod", "energy_key": "E0"}, 512, 1000),
]


@pytest.mark.parametrize(("file", "options", "n", "count"), ANNEALED)
def test_annealing_comes_close_to_published_energies_and_never_beats_them(external, file, options, n, count):
    found = import_npz(external / f"{file}.npz", **options)
    assert (len(found), found.models[0].n) == (count, n)
    models = found.models[:3]
    simulator = ReplicaSimulator(models, replicas=64, seed=1, threads=1)
    scale = np.array([1 / np.sqrt(2 * (m.couplings**2).sum() / m.n) for m in models])
    for step in np.linspace(0.1, 8.0, 60):
        simulator.advance(step * scale, 10)
    lowest, known = simulator.best_energies.min(axis=1), found.ground_energies[:3]
    assert (lowest >= known + 1e-9 * known).all()
    assert (lowest <= 0.96 * known).all()


def test_published_spins_have_their_energies(external):
    found = import_npz(
        external / "vna/SK_gaussian_N100.npz",
        sign="ising",
        energy_key="gs_energy_per_spin",
        per_spin=True,
        spins_key="gs_config",
    )
    assert len(found) == 25
    assert found.ground_energies[0] / 100 == pytest.approx(-0.71912939, abs=1e-8)


def test_single_files_of_nonsense_energies(tmp_path):
    file = tmp_path / "one.rud"
    file.write_text("2 1\n1 2 1\n")
    with pytest.raises(InputError, match=r"one\.rud: the energy given is nan"):
        import_files([file], energies=[math.nan])
