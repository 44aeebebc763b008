"""``annealrl instances import``: every folder of others' instances becomes a set whose stated optimum is proven."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from annealrl.cli.app import run
from annealrl.instances import read_set
from annealrl.solvers import solve
from annealrl.solvers.reference import reference

#: One instance of each folder: file, options of the command, energy of the first instance, how it is found.
KNOWN = {
    "biqmac_ising": ("t3g5_5555", ["--energy", "-21430078"], -21430078, "proof"),
    "biqmac_qubo": ("bqp50-1.sparse", ["--energy", "-2098"], -2098, "proof"),
    "biqmac_rudy": ("pm1s_80.0", ["--energy", "-166"], -166, "proof"),
    "chook": ("tile3d_L6_F22.npz", ["--sign", "dimod", "--energy-key", "E0"], -432, "proof"),
    "cool": (
        "RND_J_6x6.npz",
        ["--sign", "dimod", "--energy-key", "gs_energy_per_spin", "--per-spin"],
        None,
        "proof",
    ),
    "dimacs_torus": ("toruspm3-8-50.dat", ["--energy", "-916"], -916, "annealing"),
    "ea3d_pm": ("L08.npz", ["--sign", "dimod", "--energy-key", "gs_energy"], -858, "annealing"),
    "gset": ("G11.txt", ["--energy", "-1094"], -1094, "proof"),
    "selby_chimera439": ("weightmode5_439.npz", ["--sign", "dimod", "--energy-key", "E0"], -820, "proof"),
    "vna": (
        "EA_uniform_open_10x10.npz",
        ["--sign", "ising", "--energy-key", "gs_energy_per_spin", "--per-spin"],
        None,
        "proof",
    ),
    "xorsat": ("instance_3r3x_n16_s901.qh", ["--energy", "-32"], -32, "proof"),
}


def test_every_folder_is_here(external):
    assert {path.name for path in external.iterdir() if path.is_dir()} == set(KNOWN)


@pytest.mark.parametrize("folder", KNOWN)
def test_the_known_value_of_a_folder(external, tmp_path, folder, capsys):
    file, options, energy, way = KNOWN[folder]
    out = tmp_path / "set.npz"
    assert run(["instances", "import", str(external / folder / file), "--out", str(out), *options]) == 0
    assert "instances" in capsys.readouterr().out
    loaded = read_set(out)
    model, stated = loaded.models[0], float(loaded.ground_energies[0])
    assert loaded.statuses[0] == "putative"
    if energy is not None:
        assert stated == energy
    if way == "proof":
        solution = solve(model)
        assert solution.status == "optimal"
        found = solution.energy
    else:
        found = reference(model, sweeps=2000, runs=2, seed=1).energy
    # the energies per spin of two folders are rounded
    assert found == pytest.approx(stated, abs=2e-6 * model.n if energy is None else 1e-9 * model.scale)


@pytest.mark.parametrize("folder", [folder for folder in KNOWN if folder != "selby_chimera439"])  # it has one file
def test_every_file_of_a_folder_is_imported(external, tmp_path, folder, capsys):
    out = tmp_path / "set.npz"
    first, options, _, _ = KNOWN[folder]
    files = [path for path in sorted((external / folder).iterdir()) if path.suffix != ".csv"]
    if files[0].suffix != ".npz":
        assert run(["instances", "import", *map(str, files), "--out", str(out)]) == 0
        loaded = read_set(out)
        assert len(loaded) == len(files)
        assert np.isnan(loaded.ground_energies).all()
        tables = [path for path in (external / folder).iterdir() if path.suffix == ".csv"]
        rows = {row.get("name") or row["file"]: row for row in csv.DictReader(tables[0].read_text().splitlines())}
        for path, model in zip(files, loaded, strict=True):
            row = rows.get(path.name) or rows[path.stem]
            assert model.n == int(row.get("n") or path.stem.split("_n")[1].split("_")[0])
            cut = row.get("opt_cut") or row.get("best_cut")
            if cut:
                energy = float(row.get("E_ising_min") or row["E_ising"])
                assert model.energy(np.ones(model.n)) - 2 * int(cut) == energy
        return
    for path in (path for path in files if path.name != first):
        extra = ["--spins-key", "gs_config"] if path.name.startswith("SK") else []
        assert run(["instances", "import", str(path), "--out", str(out), *options, *extra]) == 0
        loaded = read_set(out)
        assert np.isfinite(loaded.ground_energies).all()
        for i in (0, len(loaded) - 1):
            assert abs(loaded.ground_energies[i]) < loaded.models[i].scale
        if extra:
            assert loaded.models[3].energy(loaded.ground_spins[3]) == pytest.approx(loaded.ground_energies[3])


def test_formats_and_offsets_through_the_command(tmp_path, capsys):
    (tmp_path / "a.sparse").write_text("2 2\n1 1 -3\n1 2 1\n")
    (tmp_path / "b.lat").write_text("1,2,-1\n")
    (tmp_path / "c").write_text("1 2 1\n")
    files = [str(tmp_path / name) for name in ("a.sparse", "b.lat")]
    into = ["instances", "import", *files, "--out", str(tmp_path / "x.npz"), "--energy", "-3", "--energy"]
    assert run([*into, "nan"]) == 2
    assert run([*into, "-1"]) == 0
    loaded = read_set(tmp_path / "x.npz")
    assert [model.n for model in loaded] == [2, 3]
    assert list(loaded.instance_names) == ["a", "b"]
    assert loaded.models[0].energy([1, -1]) == loaded.ground_energies[0] == -3
    assert loaded.statuses == ("putative", "putative")
    assert solve(loaded.models[0]).energy == -3
    out = tmp_path / "y.npz"
    assert (
        run(["instances", "import", str(tmp_path / "c"), "--format", "latfile", "--sign", "ising", "--out", str(out)])
        == 0
    )
    assert read_set(out).models[0].couplings.tolist() == [1]
    assert read_set(out).models[0].n == 3
    assert run(["instances", "import", str(tmp_path / "c"), "--index-base", "1", "--out", str(out)]) == 0
    assert read_set(out).models[0].n == 2
    capsys.readouterr()
    assert run(["solve", str(tmp_path / "x.npz"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["energy"] == -3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{npz}"], "several .npz look alike; --sign"),
        (["{npz}", "{rudy}", "--sign", "ising"], "a .npz is imported alone, not among 2 files"),
        (["{npz}", "--sign", "ising", "--format", "coo"], "are for single files, not for .npz"),
        (["{npz}", "--sign", "ising", "--energy", "1"], "are for single files, not for .npz"),
        (["{rudy}", "--energy-key", "E0"], "--energy-key is for .npz files"),
        (["{rudy}", "--per-spin"], "--per-spin is for .npz files"),
        (["{rudy}", "--energy", "1", "--energy", "2"], "2 energies for 1 files; one for each is expected"),
        (["{rudy}", "--energy", "-100"], "the energy given is -100, out of reach with Σ|J| + Σ|h| = 3"),
        (["{rudy}", "--energy", "inf"], "out of reach"),
        (["{rudy}", "--format", "xml"], "format 'xml' is none of auto, rudy"),
        (["{folder}"], "a directory; a file is expected"),
        (["{folder}/none"], "no such file"),
    ],
)
def test_errors_are_one_line_and_leave_no_file(tmp_path, capsys, arguments, message):
    np.savez(tmp_path / "x.npz", edges=np.array([[0, 1]]), J=np.ones((1, 1)))
    (tmp_path / "x.txt").write_text("3 3\n1 2 1\n2 3 1\n1 3 1\n")
    places = {"npz": tmp_path / "x.npz", "rudy": tmp_path / "x.txt", "folder": tmp_path}
    out = tmp_path / "out.npz"
    command = ["instances", "import", *(word.format(**places) for word in arguments), "--out", str(out)]
    assert run(command) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["x.npz", "x.txt"]
