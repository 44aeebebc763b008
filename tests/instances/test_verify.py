"""Checks of sets: what is wrong is named, what is proven is proven again."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import catalogue, load, shipped, verify, write_set
from annealrl.instances.archive import read_npz, write_npz


def test_a_shipped_set():
    report = verify.verify("cool-6", prove=4, seed=2)
    assert (report.name, report.instances, report.file_checked, report.energies) == ("cool-6", 100, True, 100)
    assert [proof.found for proof in report.proofs] == ["optimal"] * 4
    assert max(abs(proof.difference) for proof in report.proofs) < 1e-9
    others = verify.verify("cool-6", prove=4, seed=3)
    assert [p.instance for p in others.proofs] != [p.instance for p in report.proofs]


def test_putative_sets_are_looked_at_by_the_reference():
    (proof,) = verify.verify("sk-50", prove=1).proofs
    assert (proof.status, proof.method, proof.found) == ("putative", "reference", "putative")
    assert abs(proof.difference) < 1e-9


def test_planted_sets():
    (proof,) = verify.verify("tiles-16", prove=1).proofs
    assert (proof.status, proof.method, proof.found, proof.difference) == ("planted", "solver", "optimal", 0)


def test_a_changed_file_is_named(monkeypatch, tmp_path):
    arrays = dict(read_npz(catalogue.DATA / "cool-4.npz"))
    write_npz(tmp_path / "cool-4.npz", arrays | {"J": arrays["J"] * 2, "ground_energy": arrays["ground_energy"] * 2})
    monkeypatch.setattr(verify, "DATA", tmp_path)
    with pytest.raises(InputError, match="cool-4: the file's SHA-256 is"):
        verify.verify("cool-4", prove=0)


def test_a_changed_instance_is_named(monkeypatch):
    whole = load("cool-4")
    other = load("ea2d-4-train:1").models[0]
    swapped = InstanceSet.from_models("cool-4", [*whole.models[:7], replace(other, name="cool-4-7"), *whole.models[8:]])
    monkeypatch.setattr(verify, "open_source", lambda name: catalogue.Source(swapped, "ising", "set"))
    with pytest.raises(InputError, match=r"instance 7 \(cool-4-7\) is not the instance that the manifest lists"):
        verify.verify("cool-4", prove=0)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("file", "missing.npz", "its file missing.npz cannot be read"),
        ("sha256", "0" * 64, "the manifest has 0000"),
        ("hash", "00", "the manifest says hash '00', the file has '7d3b92a9249c1e16'"),
        ("instances", 99, "the manifest says instances 99, the file has 100"),
        ("spins", 99, "spins"),
        ("couplings", [1, 2], "couplings"),
        ("statuses", {"putative": 100}, "statuses"),
        ("proven", 99, "proven"),
        ("largest_gap", None, "largest_gap"),
        ("mean_energy_per_spin", -9.0, "mean_energy_per_spin"),
        ("contents", "15835c8917b782fc", "the manifest lists 1 instances, the file has 100"),
    ],
)
def test_a_manifest_that_says_something_else_is_named(monkeypatch, key, value, message):
    entry = catalogue.manifest()["cool-4"]
    monkeypatch.setattr(verify, "manifest", lambda: {"cool-4": entry | {key: value}})
    with pytest.raises(InputError, match=f"^cool-4: .*{re.escape(message)}"):
        verify.verify("cool-4", prove=0)


def test_manifests_say_what_the_files_hold():
    for name in ("maxcut-60", "ea3d-8", "tiles-16", "wishart-64"):  # ragged, of two statuses, planted, without bounds
        assert verify.verify(name, prove=0).file_checked


def test_a_damaged_manifest(monkeypatch, tmp_path):
    (tmp_path / "manifest.json").write_text('{"cool-4": {')
    monkeypatch.setattr(shipped, "DATA", tmp_path)
    shipped.manifest.cache_clear()
    try:
        with pytest.raises(InputError, match=r"manifest\.json: the manifest of the shipped sets cannot be read"):
            shipped.manifest()
    finally:
        shipped.manifest.cache_clear()


def test_wrong_energies_are_named(tmp_path, capsys):
    write_set(tmp_path / "good.npz", load("cool-4:5"))
    arrays = dict(read_npz(tmp_path / "good.npz"))
    energies = arrays["ground_energy"].copy()
    energies[3] += 0.5
    write_npz(tmp_path / "bad.npz", arrays | {"ground_energy": energies, "bound": energies})
    assert run(["instances", "verify", str(tmp_path / "bad.npz")]) == 2
    assert "ground_energy of instance 3 (cool-4-3) is" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["optimal", "planted"])
def test_a_beaten_optimum_is_named(tmp_path, capsys, status):
    whole = load("cool-4:3")
    energies, spins = whole.ground_energies.copy(), list(whole.ground_spins)
    spins[1] = np.ones(16, dtype=np.int8)
    energies[1] = whole.models[1].energy(spins[1])
    forged = replace(
        whole, ground_energies=energies, ground_spins=tuple(spins), bounds=energies, statuses=(status,) * 3
    )
    write_set(tmp_path / "forged.npz", forged)
    assert run(["instances", "verify", str(tmp_path / "forged.npz"), "--prove", "3"]) == 2
    error = capsys.readouterr().err
    assert "instance 1 (cool-4-1) states" in error
    assert error.count("\n") == 1
    # claimed as best known only, it is reported
    write_set(tmp_path / "honest.npz", replace(forged, statuses=("optimal", "putative", "optimal")))
    assert run(["instances", "verify", str(tmp_path / "honest.npz"), "--prove", "3"]) == 0


def test_an_energy_below_every_configuration_is_named(tmp_path, capsys):
    # The frustrated triangle has -1; -3 is what its couplings could have at most, -5 nothing.
    triangle = {"edges": np.array([[0, 1], [1, 2], [0, 2]]), "J": -np.ones((2, 3)), "n": np.array(3)}
    out = tmp_path / "low.npz"
    for energy, message in ((-5.0, "ground_energy of instance 1 is -5, which no configuration has"), (-3.0, "-1.0")):
        write_npz(out, triangle | {"ground_energy": np.array([-1.0, energy])})
        assert run(["instances", "verify", str(out)]) == 2
        error = capsys.readouterr().err
        assert "instance 1" in error
        assert message in error
        assert error.count("\n") == 1
    for energy in (-1.0, np.nan, -1.00001):  # rounded ones of others are taken
        write_npz(out, triangle | {"ground_energy": np.array([-1.0, energy])})
        assert run(["instances", "verify", str(out)]) == 0


def test_command(capsys):
    assert run(["instances", "verify", "cool-4", "--prove", "2"]) == 0
    shown = capsys.readouterr().out
    assert "file and contents are those of the manifest, 100 energies agree with their spins, 2 of 2 proven" in shown
    assert run(["instances", "verify"]) == 2
    assert run(["instances", "verify", "cool-4", "--all"]) == 2
    assert "either one SET or --all" in capsys.readouterr().err


def test_all(capsys, monkeypatch):
    small = {name: catalogue.manifest()[name] for name in ("cool-4", "ea2d-pm-8")}
    monkeypatch.setattr(catalogue, "manifest", lambda: small)
    assert run(["instances", "verify", "--all", "--prove", "1"]) == 0
    shown = capsys.readouterr().out
    assert [line.split(":")[0] for line in shown.splitlines() if "hash" in line] == ["cool-4", "ea2d-pm-8"]


def test_show(capsys, tmp_path):
    out = tmp_path / "x.png"
    assert run(["instances", "show", "cool-4:7", "--out", str(out)]) == 0
    assert "cool-4-7, drawn as square" in capsys.readouterr().out
    assert out.read_bytes().startswith(b"\x89PNG")
    assert run(["instances", "show", "chimera-2", "--out", str(out)]) == 0
    assert "chimera-2-0, drawn as chimera" in capsys.readouterr().out
    assert run(["instances", "show", "cool-4:100", "--out", str(out)]) == 2
    assert run(["instances", "show", "cool-4", "--out", str(tmp_path / "x.txt")]) == 2


def test_make_of_every_family(capsys, tmp_path):
    from annealrl.instances.families import FAMILIES

    for family in FAMILIES.values():
        size = 2 if family.name == "chimera" else 4 if family.size == "L" else 12
        out = tmp_path / f"{family.name}.npz"
        assert run(["instances", "make", f"{family.name}-{size}-val:2", "--certify", "--out", str(out)]) == 0
        made = load(out)
        assert set(made.statuses) <= {"optimal", "planted"}
        assert made.hash == load(f"{family.name}-{size}-val:2").hash
        assert all(spins is not None for spins in made.ground_spins)
    capsys.readouterr()


def test_make_of_what_cannot_be_proven(capsys, tmp_path):
    out = tmp_path / "sk.npz"
    assert run(["instances", "make", "sk-45-train:1", "--out", str(out)]) == 0
    assert "1 instances, 1 putative" in capsys.readouterr().out
    assert run(["instances", "make", "sk-45-train:1", "--time-limit", "0.1", "--out", str(out)]) == 0
    (limited,) = load(out).bounds
    assert np.isfinite(limited)
