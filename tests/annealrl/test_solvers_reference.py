"""Putative references: never below a proven optimum, equal for any number of threads, and labelled as what they are."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.solvers import solve
from annealrl.solvers.reference import reference
from tests.conftest import random_model


@pytest.mark.parametrize("fields", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_meets_the_proven_optimum(seed: int, fields: bool) -> None:
    model = random_model(5 + 3 * seed, 0.3, seed, fields=fields)
    proven = solve(model)
    found = reference(model, sweeps=60, runs=2, threads=1)
    assert proven.status == "optimal"
    assert found.energy == pytest.approx(proven.energy, abs=1e-9 * model.scale)
    assert found.energy >= proven.bound
    assert found.energy == model.energy(found.spins)
    assert 1 <= found.agreed <= found.runs == len(found.run_energies) == 2
    assert found.run_energies.min() == pytest.approx(found.energy, abs=1e-12 * model.scale)
    assert (found.status, found.name, found.n) == ("putative", model.name, model.n)
    assert math.isnan(found.bound)


def test_a_poor_budget_is_never_better_than_the_optimum() -> None:
    rng = np.random.default_rng(0)
    index = np.arange(144).reshape(12, 12)
    edges = np.concatenate([np.stack([index.ravel(), np.roll(index, -1, axis).ravel()], axis=1) for axis in (0, 1)])
    for _ in range(5):
        model = IsingModel.from_edges(edges, rng.normal(size=len(edges)))
        found = reference(model, sweeps=1, runs=3, threads=1)
        assert found.energy >= solve(model).bound
        assert found.agreed >= 1


def test_threads_do_not_matter_and_seeds_do() -> None:
    model = random_model(60, 0.1, 3)
    one, two = (reference(model, sweeps=3, runs=3, seed=5, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.run_energies, two.run_energies)
    assert np.array_equal(one.spins, two.spins)
    assert one.attempted_updates == two.attempted_updates
    other = reference(model, sweeps=1, runs=3, seed=6, threads=1)
    assert not np.array_equal(one.run_energies, other.run_energies)


def test_progress_changes_nothing() -> None:
    model = random_model(40, 0.2, 4)
    seen: list[tuple[int, int]] = []
    told = reference(model, sweeps=123, runs=1, threads=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (123, 123)
    assert np.array_equal(told.spins, reference(model, sweeps=123, runs=1, threads=1).spins)


@pytest.mark.parametrize(
    ("model", "energy"),
    [
        (IsingModel.from_edges([], fields=[0.5, -2.0, 0.0]), -2.5),
        (IsingModel.from_edges([], n=3, offset=1.5), 1.5),
        (IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1e-200), -1e-200),
        (IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1e200), -1e200),
    ],
)
def test_odd_models(model: IsingModel, energy: float) -> None:
    assert reference(model, sweeps=20, runs=1, threads=1).energy == energy


@pytest.mark.parametrize("wrong", [{"sweeps": 0}, {"runs": 0}, {"sweeps": -3}])
def test_bad_budgets(wrong: dict[str, int], triangle: IsingModel) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        reference(triangle, **wrong)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dense model without time to prove anything: the gap stays, the reference is given with its budget."""
    model = random_model(30, 1.0, 0, fields=False)
    rows = [f"{i + 1} {j + 1} {w!r}" for (i, j), w in zip(model.edges.tolist(), model.couplings.tolist(), strict=True)]
    file = tmp_path / "dense.txt"
    file.write_text(f"30 {len(rows)}\n" + "\n".join(rows) + "\n")
    arguments = ["solve", str(file), "--sign", "ising", "--time-limit", "0", "--json", "-"]
    assert run([*arguments, "--reference", "--sweeps", "50", "--runs", "2"]) == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)
    assert "putative: 2 of 2 runs of 50 sweeps agree" in captured.err
    assert row["status"] == "feasible"
    assert row["gap"] == row["energy"] - row["bound"] > 0
    assert {key: row["reference"][key] for key in ("status", "runs", "agreed", "sweeps", "replicas", "seed")} == {
        "status": "putative",
        "runs": 2,
        "agreed": 2,
        "sweeps": 50,
        "replicas": 64,
        "seed": 0,
    }
    assert run(arguments) == 0
    (bare,) = json.loads(capsys.readouterr().out)
    assert bare["reference"] is None
    assert bare["energy"] >= row["energy"]
