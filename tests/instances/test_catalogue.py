"""Names, selections and paths; the shipped sets and what their manifest says of them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import catalogue, cool_instance, import_npz, load, names, open_source, write_set
from annealrl.instances.catalogue import DATA
from annealrl.instances.families import FAMILIES
from annealrl.instances.generators import COOL_SIDES
from annealrl.instances.identity import content_key
from annealrl.solvers import solve

#: Mean ground energy per spin of each published set.
MEANS = {4: -1.2793, 6: -1.2941, 8: -1.3167, 10: -1.3064, 12: -1.3061, 14: -1.3108, 16: -1.3101}


@pytest.mark.parametrize("side", COOL_SIDES)
def test_shipped_sets(side):
    found = load(f"cool-{side}")
    assert (found.name, len(found), set(found.statuses)) == (f"cool-{side}", 100, {"optimal"})
    assert found.ground_energies.mean() / side**2 == pytest.approx(MEANS[side], abs=6e-5)
    for i, (model, spins) in enumerate(zip(found, found.ground_spins, strict=True)):
        assert model.name == f"cool-{side}-{i}"
        energy = model.energy(spins)
        assert energy == pytest.approx(found.ground_energies[i], abs=1e-11)
        assert found.bounds[i] <= energy + 1e-12
        assert energy - found.bounds[i] <= 1e-9 * model.scale
    for i in (0, 1, 50, 99):
        made = cool_instance(side, i)
        np.testing.assert_array_equal(made.edges, found.models[i].edges)
        np.testing.assert_allclose(made.couplings, found.models[i].couplings, rtol=0, atol=1e-15)


@pytest.mark.parametrize("side", COOL_SIDES)
def test_shipped_energies_are_the_published_ones(external, side):
    options = {"sign": "dimod", "energy_key": "gs_energy_per_spin", "per_spin": True}
    published = import_npz(external / f"cool/RND_J_{side}x{side}.npz", **options)
    np.testing.assert_allclose(
        load(f"cool-{side}").ground_energies, published.ground_energies, rtol=0, atol=2e-6 * side**2
    )


def test_a_few_published_energies():
    # energies per spin as published, rounded to 1e-6 or so
    for side, energies in {4: [-1.33386953, -1.31159148], 10: [-1.3368691, -1.18353237], 16: [-1.29690494]}.items():
        found = load(f"cool-{side}").ground_energies[: len(energies)] / side**2
        np.testing.assert_allclose(found, energies, rtol=0, atol=2e-6)


def test_manifest():
    entries = json.loads((DATA / "manifest.json").read_text(encoding="utf-8"))
    assert entries == catalogue.manifest()
    assert {entry["file"] for entry in entries.values()} == {path.name for path in DATA.glob("*.npz")}
    stems = {f"{family.name}-{size}" for family in FAMILIES.values() for size in family.shipped}
    assert set(entries) == stems | {f"cool-{side}" for side in COOL_SIDES}


@pytest.mark.parametrize("name", catalogue.manifest())
def test_manifest_entries(name):
    entry, found = catalogue.manifest()[name], load(name)
    data = (DATA / entry["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) < 2_000_000
    assert (entry["hash"], entry["instances"], entry["spins"]) == (found.hash, len(found), found.models[0].n)
    assert {"generator", "parameters", "seeds", "split", "certificate", "solver", "licence"} <= set(entry)
    assert {status: found.statuses.count(status) for status in set(found.statuses)} == entry["statuses"]
    gaps = [
        energy - bound <= 1e-9 * model.scale
        for energy, bound, model in zip(found.ground_energies, found.bounds, found, strict=True)
    ]
    assert sum(gaps) == entry["proven"]
    assert all(gap for gap, status in zip(gaps, found.statuses, strict=True) if status == "optimal")
    # what no proof stands behind says how the best known energy was found
    unproven = [i for i, gap in enumerate(gaps) if not gap]
    assert (entry["reference"] or {"instances": []})["instances"] == unproven
    keys = entry["contents"].split()
    assert len(set(keys)) == len(keys) == len(found)
    for i in (0, len(found) - 1):
        assert content_key(found.models[i]).hex().startswith(keys[i])
    assert all(spins is not None for spins in found.ground_spins)


def test_the_documentation_lists_them():
    text = (Path(__file__).parents[2] / "docs" / "instances.md").read_text(encoding="utf-8")
    rows = {row[1].strip(" `"): row for row in (line.split("|") for line in text.splitlines()) if len(row) == 9}
    for name, entry in catalogue.manifest().items():
        row = rows[name]
        assert (int(row[2]), int(row[4])) == (entry["spins"], entry["instances"])
        assert float(row[6]) == pytest.approx(entry["mean_energy_per_spin"], abs=6e-5)
        assert ("putative" in row[5], "planted" in row[5]) == (
            "putative" in entry["statuses"],
            "planted" in entry["statuses"],
        )


def test_the_shipped_sets_are_small():
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 5_000_000


@pytest.mark.parametrize("name", catalogue.manifest())
def test_loading(benchmark, name):
    # 50 ms is what a set may take; time is measured by --benchmark-only and scripts/bench_sets.py, never asserted.
    assert len(benchmark(load, name)) == catalogue.manifest()[name]["instances"]


def test_every_listed_name_loads():
    listed = [name for name, _ in names()]
    assert [name for name in listed if "<" not in name and not name.startswith("env:")] == list(catalogue.manifest())
    patterns = [name for name in listed if "<" in name]
    assert len(patterns) == 2 * len(FAMILIES)
    for name in patterns:
        found = load(re.sub("<.*>", "4", name) + ":3")
        assert len(found) == 3
        assert set(found.statuses) <= {"unknown", "planted"}


def test_descriptions_say_what_is_proven():
    said = dict(names())
    assert said["cool-10"].endswith("100 spins; certified")
    assert said["sk-100"].endswith("putative: best known without a proof")
    assert "planted ground states" in said["wishart-64"]
    assert said["tiles-16"].endswith("planted ground states (100 proven too)")


def test_generated_sets_extend_and_differ():
    short, long = load("ea2d-5-train"), load("ea2d-5-train:120")
    assert (len(short), len(long), long.name) == (100, 120, "ea2d-5-train:120")
    assert long.subset(range(100)).hash == short.hash
    assert set(short.statuses) == {"unknown"}
    assert load("ea2d-5-train:100-119").hash == long.subset(range(100, 120)).hash
    sums = {float(np.abs(m.couplings).sum()) for name in ("train", "val") for m in load(f"ea2d-6-{name}")}
    sums |= {float(np.abs(m.couplings).sum()) for m in load("cool-6")}
    assert len(sums) == 300


def test_streams_are_frozen():
    # training and validation data must not change between versions
    train, val = load("ea2d-4-train:0-0").models[0], load("ea2d-4-val:7-7").models[0]
    assert (train.name, val.name) == ("ea2d-4-train-0", "ea2d-4-val-7")
    assert train.couplings[:2] == pytest.approx([-2.056922652888234, 0.5896465614435321], abs=1e-12)
    assert val.couplings[:2] == pytest.approx([-0.26928097339839835, -1.0861474747031108], abs=1e-12)


def test_test_instances_are_known_by_content():
    for name in ("ea2d-pm-16", "sk-50", "tiles-16", "maxcut-60"):
        shipped = load(f"{name}:5")
        renamed = InstanceSet.from_models("mine", [replace(model, name="") for model in shipped])
        assert catalogue.test_instances(renamed) == [str(i) for i in range(5)]
        for split in ("train", "val"):
            assert catalogue.test_instances(load(f"{name}-{split}:10")) == []


@pytest.mark.parametrize(
    ("name", "indices"),
    [("cool-4:3", range(3)), ("cool-4:0-2", range(3)), ("cool-4:98-99", range(98, 100)), ("cool-4:5-5", [5])],
)
def test_selections(name, indices):
    found = load(name)
    assert found.name == name
    assert found.hash == load("cool-4").subset(indices).hash
    np.testing.assert_array_equal(found.ground_energies, load("cool-4").ground_energies[indices])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cool-4:101", "'cool-4:101': it has instances 0 … 99, not 100"),
        ("cool-4:5-100", "not 100"),
        ("cool-4:0", "the selection is empty"),
        ("cool-4:7-3", "the selection is empty"),
        ("cool-5", "'cool-5': neither a known name nor a file; did you mean cool-"),
        ("cool10", "did you mean cool-10"),
        ("ea2d-12-trian", "did you mean ea2d-12-train"),
        ("ea2d-10", "did you mean ea2d-10-"),
        ("ea2d-2-train", "'ea2d-2-train': lattice of shape .* must be at least 3"),
        ("ea2d-0010-train", "neither a known name"),
        ("ea2d-9999-train", "too many"),
        ("ea2d-4-train:999999999", "too many"),
        ("cool-4:", "neither a known name"),
        ("cool-4:a-b", "neither a known name"),
        ("xyzzy", "`annealrl list instances` shows the names$"),
        ("sk-20000-train", "too many"),
        ("ea2d-pm-8-train:900000000-900000001", "too many"),
        ("tiles-5-train", "even integer"),
        ("./cool-4", r"\./cool-4: no such file"),
        ("", "neither a known name"),
        ("a\0b", "neither a known name"),
        ("a\nb/c", "no such file"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(InputError, match=message) as error:
        load(name)
    assert "\n" not in str(error.value)


def test_paths(tmp_path, triangle, monkeypatch):
    write_set(tmp_path / "mine.npz", InstanceSet.from_models("x", [triangle, triangle]))
    assert len(load(tmp_path / "mine.npz")) == 2
    one = open_source(f"{tmp_path / 'mine.npz'}:1")
    assert (one.instances.name, len(one.instances), one.convention, one.format) == ("mine:1", 1, "ising", "set")
    (tmp_path / "p:3").write_text("0 1 1\n1 2 1\n0 2 1\n")
    whole = open_source(tmp_path / "p:3")  # a file of that name goes before the selection
    assert (whole.convention, whole.format, whole.instances.name) == ("dimod", "coo", "p:3")
    assert whole.instances.models[0].energy([1, 1, 1]) == 3
    assert load(tmp_path / "p:3", sign="ising").models[0].energy([1, 1, 1]) == -3
    assert load(f"{tmp_path / 'p:3'}:1").name == "p:3:1"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cool-4").write_text("2 1\n1 2 1\n")
    assert len(load("cool-4")) == 100
    assert len(load("./cool-4")) == 1


def test_files_that_are_wrong(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 nonsense")
    (tmp_path / "y").write_bytes(b"PK\x03\x04 nonsense")
    (tmp_path / "z.npz").write_bytes(b"")
    for name in ("x.npz", "y", "z.npz"):
        with pytest.raises(InputError, match=f"{name}: not a whole"):
            load(tmp_path / name)
    with pytest.raises(InputError, match="a directory; a file is expected"):
        load(tmp_path)


def test_source_of_generated_sets():
    source = open_source("ea2d-4-val:2")
    assert (source.format, source.convention) == ("generated", "ising")
    assert catalogue.DEFAULT_COUNT == 100


@pytest.mark.parametrize("side", COOL_SIDES)
def test_a_sample_is_proven_again(side):
    sample = load(f"cool-{side}:97-99")
    for model, energy in zip(sample, sample.ground_energies, strict=True):
        solution = solve(model)
        assert solution.status == "optimal"
        assert solution.energy == pytest.approx(energy, abs=1e-9)


@pytest.mark.parametrize(
    "command",
    [
        ["instances", "make", "env:XYModel-v0,length=4,split=val:2", "--out", "x.npz"],
        ["instances", "verify", "env:XYModel-v0,length=4:1"],
        ["instances", "show", "env:XYModel-v0,length=4:0", "--out", "x.png"],
    ],
)
def test_designs_are_refused_in_one_line(command, capsys, tmp_path, monkeypatch):
    from annealrl.cli.app import run

    monkeypatch.chdir(tmp_path)
    assert run(command) == 2
    assert "Ising models are expected" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
