"""Commands, files and JSON as users rely on them; wrong input ends with status 2 and one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import annealrl as arl
from annealrl.cli.app import run
from annealrl.ising import IsingModel

TRIANGLE = "3 3\n1 2 1\n2 3 1\n1 3 1\n"


@pytest.fixture
def triangle_file(tmp_path: Path) -> Path:
    file = tmp_path / "triangle.txt"
    file.write_text(TRIANGLE)
    return file


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def test_help_of_the_module_needs_no_heavy_library() -> None:
    check = (
        "import runpy, sys\n"
        "sys.argv = ['annealrl', '--help']\n"
        "try:\n"
        "    runpy.run_module('annealrl', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'numba', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "benchmark" in done.stdout


@pytest.mark.parametrize("command", ["evaluate", "benchmark"])
def test_a_missing_device_is_one_line(capsys: pytest.CaptureFixture[str], command: str) -> None:
    from annealrl.cuda import require_device

    try:
        require_device()
    except arl.InputError as error:
        told = str(error)
    else:
        pytest.skip("there is a CUDA device")
    methods = ["--method", "linear:0:3"] if command == "evaluate" else ["--methods", "linear:0:3"]
    assert run([command, "--instances", "cool-4:1", *methods, "--episodes", "1", "--backend", "cuda"]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err


@pytest.mark.parametrize("what", ["envs", "instances", "agents", "baselines"])
def test_list(capsys: pytest.CaptureFixture[str], what: str) -> None:
    assert run(["list", what, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert all(row["name"] and row["description"] for row in rows)
    assert run(["list", what]) == 0
    assert rows[0]["name"] in capsys.readouterr().out


def test_solve_in_the_files_convention(capsys: pytest.CaptureFixture[str], triangle_file: Path) -> None:
    # rudy means max-cut weights: H = +Σ w s s. Positive weights are an antiferromagnet, which frustrates a triangle.
    (row,) = as_json(capsys, "solve", str(triangle_file))
    assert set(row) >= {"name", "n", "energy", "bound", "status", "seconds", "spins"}
    assert (row["n"], row["energy"], row["status"], row["convention"]) == (3, -1.0, "optimal", "maxcut")
    assert row["bound"] <= row["energy"]
    assert abs(sum(row["spins"])) == 1
    (row,) = as_json(capsys, "solve", str(triangle_file), "--sign", "ising")
    assert (row["energy"], row["convention"]) == (-3.0, "ising")


def test_solve_known_instances(capsys: pytest.CaptureFixture[str], external: Path) -> None:
    (row,) = as_json(capsys, "solve", str(external / "biqmac_ising" / "t2g10_5555"))
    assert (row["energy"], row["status"]) == (-12933724, "optimal")
    assert run(["instances", "import", str(external / "cool" / "RND_J_4x4.npz"), "--sign", "dimod"]) == 2
    assert "--out" in capsys.readouterr().err


def test_import_and_verify(capsys: pytest.CaptureFixture[str], external: Path, tmp_path: Path) -> None:
    out = tmp_path / "cool.npz"
    source = str(external / "cool" / "RND_J_4x4.npz")
    arguments = ["--sign", "dimod", "--energy-key", "gs_energy_per_spin", "--per-spin", "--out", str(out)]
    assert run(["instances", "import", source, *arguments]) == 0
    assert run(["instances", "verify", str(out)]) == 0
    found, shipped = arl.load_instances(out), arl.load_instances("cool-4")
    np.testing.assert_allclose(found.ground_energies, shipped.ground_energies, atol=2e-6 * 16)
    assert run(["instances", "verify", "cool-4", "--solve", "2"]) == 0
    assert "100 energies agree" in capsys.readouterr().out


def test_make_writes_a_certified_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANNEALRL_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "set.npz"
    assert run(["instances", "make", "ea2d-4-train:3", "--out", str(out)]) == 0
    found = arl.load_instances(out)
    assert len(found) == 3
    assert set(found.statuses) == {"optimal"}


def test_sample(capsys: pytest.CaptureFixture[str], triangle_file: Path) -> None:
    found = as_json(capsys, "sample", str(triangle_file), "--replicas", "8", "--sweeps", "50", "--seed", "3")
    assert set(found) >= {"n", "energies", "best_energy", "best_spins", "ground_energy", "schedule", "seed", "seconds"}
    assert len(found["energies"]) == 8
    assert found["best_energy"] == -1.0
    assert abs(sum(found["best_spins"])) == 1
    again = as_json(capsys, "sample", str(triangle_file), "--replicas", "8", "--sweeps", "50", "--seed", "3")
    assert again["energies"] == found["energies"]


def test_sample_at_constant_temperature_is_boltzmann(capsys: pytest.CaptureFixture[str], triangle_file: Path) -> None:
    # P(E = -1) = 6 e^β / (6 e^β + 2 e^-3β); 4 000 independent replicas, four standard errors.
    found = as_json(
        capsys, "sample", str(triangle_file), "--schedule", "linear:0.2:0.2", "--replicas", "4000", "--sweeps", "60"
    )
    low = 6 * np.exp(0.2)
    expected = low / (low + 2 * np.exp(-0.6))
    seen = np.mean(np.array(found["energies"]) < 0)
    assert abs(seen - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)


def test_zero_sweeps_return_the_start(capsys: pytest.CaptureFixture[str], triangle_file: Path) -> None:
    found = as_json(capsys, "sample", str(triangle_file), "--sweeps", "0")
    assert found["best_energy"] == min(found["energies"])


def test_sample_takes_graphs_models_and_bqms() -> None:
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=-1.0)
    graph.add_edge("b", "c", weight=-1.0)
    graph.add_edge("a", "c", weight=-1.0)
    found = arl.sample(graph, sweeps=50, replicas=4)
    assert (found.best_energy, found.labels) == (-1.0, ("a", "b", "c"))
    assert arl.solve(graph).energy == -1.0
    assert arl.solve(graph, sign="dimod").energy == -3.0
    dimod = pytest.importorskip("dimod")
    bqm = dimod.BinaryQuadraticModel({"x": 1.0, "y": -2.0}, {("x", "y"): 3.0}, 0.5, "BINARY")
    assert arl.sample(bqm, sweeps=50, replicas=4).best_energy == pytest.approx(-1.5)
    with pytest.raises(arl.InputError, match="problem of type int"):
        arl.sample(3)


def test_sample_of_a_model_without_couplings() -> None:
    found = arl.sample(IsingModel.from_edges([], fields=[1.0, -2.0]), sweeps=100, replicas=4)
    assert found.best_energy == -3.0
    assert found.best_spins.tolist() == [1, -1]


EVALUATE = ["--instances", "cool-4:4", "--episodes", "3", "--steps", "5", "--sweeps-per-step", "4", "--replicas", "8"]


def test_evaluate_json(capsys: pytest.CaptureFixture[str]) -> None:
    result = as_json(capsys, "evaluate", *EVALUATE, "--method", "linear:0:5")
    keys = {
        *("method", "instances", "episodes_per_instance", "replicas", "steps", "sweeps_per_step", "seed", "criterion"),
        *("p", "p_ci", "n99", "n99_ci", "p_final", "n99_set", "median_instance_n99", "mean_residual_energy_per_spin"),
        *("seconds_per_episode", "tts_seconds", "attempted_updates", "per_instance"),
    }
    assert set(result) >= keys
    assert result["method"] == "linear:0:5"
    assert result["attempted_updates"] == 4 * 3 * 5 * 4 * 8 * 16
    assert len(result["per_instance"]) == 4
    assert set(result["per_instance"][0]) >= {
        "name", "n", "ground_energy", "certified", "episodes", "successes", "best_energy",
    }  # fmt: skip
    assert all(row["certified"] for row in result["per_instance"])


def test_benchmark_writes_and_resumes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["benchmark", *EVALUATE, "--methods", "linear:0:5,geometric:0.3:5", "--out", str(tmp_path / "out")]
    first = as_json(capsys, *arguments)
    files = {file.name for file in (tmp_path / "out").iterdir()}
    assert files >= {"benchmark.json", "benchmark.html", "n99.png"}
    second = as_json(capsys, *arguments)  # the seconds would differ if anything had been measured again
    assert second == first


def test_tune_writes_a_schedule(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "linear.json"
    arguments = ["--instances", "ea2d-4-train:4", "--family", "linear", "--budget", "6", "--out", str(out)]
    as_json(capsys, "tune", *arguments, "--steps", "5", "--sweeps-per-step", "2", "--replicas", "4")
    evaluated = as_json(capsys, "evaluate", *EVALUATE, "--method", f"schedule:{out}")
    assert 0 <= evaluated["p"] <= 1


BAD = {
    "no such command": (["anneal"], "No such command"),
    "no such option": (["solve", "--fast"], "No such option"),
    "no such set": (["evaluate", "--instances", "cool-5", "--method", "linear:0:5"], "cool-5"),
    "selection beyond the set": (["evaluate", "--instances", "cool-4:101", "--method", "linear:0:5"], "cool-4:101"),
    "no such method": (["evaluate", "--instances", "cool-4", "--method", "linar:0:5"], "did you mean linear"),
    "malformed method": (["evaluate", "--instances", "cool-4", "--method", "linear:0:x"], "linear:B0:B1"),
    "no such schedule file": (["sample", "cool-4:0-0", "--schedule", "schedule:none.json"], "none.json"),
    "no such agent": (["evaluate", "--instances", "cool-4", "--method", "agent:none"], "none"),
    "no such file": (["solve", "none.txt"], "none.txt"),
    "many instances": (["sample", "cool-4"], "it holds 100 instances"),
    "episodes": (["evaluate", "--instances", "cool-4", "--method", "linear:0:5", "--episodes", "0"], "--episodes"),
    "sweeps": (["benchmark", "--instances", "cool-4", "--methods", "linear:0:5", "--sweeps", "1,x"], "--sweeps"),
    "tuning on a test set": (["tune", "--instances", "cool-4", "--family", "linear"], "holds test instances"),
    "an empty method": (["benchmark", "--instances", "cool-4", "--methods", "linear:0:5,"], "single commas"),
    "one method twice": (
        ["benchmark", "--instances", "cool-4", "--methods", "linear:0:5, linear:0:5.0"],
        "given twice",
    ),
    "neither config nor env": (["train"], "either CONFIG.yml or --env"),
    "no such config": (["train", "none.yml"], "none.yml"),
    "no such environment": (["train", "--env", "Ising-v0"], "Ising-v0"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_command_lines(capsys: pytest.CaptureFixture[str], name: str) -> None:
    arguments, message = BAD[name]
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    assert message in captured.err
    assert captured.out == ""


FILES = {
    "nan": ("2 1\n1 2 nan\n", "line 2"),
    "infinite": ("2 1\n1 2 inf\n", "line 2"),
    "self-loop": ("2 1\n1 1 1\n", "line 2"),
    "duplicate": ("3 2\n1 2 1\n2 1 1\n", "line 3"),
    "out of range": ("2 1\n1 3 1\n", "line 2"),
    "truncated": ("3 3\n1 2 1\n", "3"),
    "no number": ("2 1\n1 2 x\n", "line 2"),
    "empty": ("", "empty"),
}


@pytest.mark.parametrize("name", FILES)
def test_wrong_files(capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    text, place = FILES[name]
    file = tmp_path / "bad.txt"
    file.write_text(text)
    for command in ("solve", "sample"):
        assert run([command, str(file)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert "bad.txt" in error
        assert place in error


def test_output_is_never_put_in_the_place_of_something_else(
    capsys: pytest.CaptureFixture[str], triangle_file: Path, tmp_path: Path
) -> None:
    link, target = tmp_path / "link.json", tmp_path / "target.json"
    target.write_text("old")
    link.symlink_to(target)
    assert run(["solve", str(triangle_file), "--json", str(link)]) == 0
    assert link.is_symlink()
    assert json.loads(target.read_text())[0]["energy"] == -1.0
    capsys.readouterr()
    for place in (str(tmp_path), str(target / "x.json")):
        assert run(["solve", str(triangle_file), "--json", place]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_extreme_scales_are_annealed_all_the_same(tmp_path: Path) -> None:
    for scale in (1e-200, 1e200):
        model = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -scale)
        assert arl.sample(model, sweeps=200, replicas=4).best_energy == pytest.approx(-scale)


INTERRUPTED = """
import os, signal, threading
from annealrl.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have had it ignored
threading.Timer(3.0, os.kill, (os.getpid(), signal.SIGINT)).start()
main(["evaluate", "--instances", "cool-16", "--method", "linear:0:5", "--episodes", "1000"])
"""


def test_interruption_is_status_1() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("annealrl: interrupted")


@pytest.mark.parametrize(
    "command",
    [
        "solve SET",
        "sample SET",
        "evaluate --instances SET --method tempering:0.5:3:4",
        "tune --instances SET --family tempering",
    ],
)
def test_designs_are_refused_in_one_line(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert run(command.replace("SET", "env:Potts-v0,length=3,split=train:1").split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Ising models are expected, not designs such as 'env:Potts-v0,length=3,split=train-0'" in line


def test_tune_on_designs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "tuned.json"
    instances = ["--instances", "env:Potts-v0,length=3,split=train:1", "--replicas", "4", "--steps", "4"]
    assert run(["tune", *instances, "--family", "linear", "--budget", "2", "--out", str(out)]) == 0
    capsys.readouterr()
    (result,) = as_json(capsys, "benchmark", *instances, "--methods", f"schedule:{out}", "--episodes", "2")["results"]
    assert 0 <= result["p"] <= 1
