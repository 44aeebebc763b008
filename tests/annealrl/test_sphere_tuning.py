"""The stages behind the photonics page: what they take up, tuning on spheres, and figures that can be had again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.inverse import sphere_tuning, spheres
from annealrl.inverse.nearest import from_text
from annealrl.inverse.spectra import interval
from annealrl.inverse.sphere_methods import LAYERS, METHODS
from annealrl.inverse.sphere_tuning import GOALS, LEVELS, score, tune_spheres
from annealrl.inverse.stages import Stage
from annealrl.results import read_json

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def stage(name: str, folder: Path, only: str | None = None) -> Stage:
    return Stage(name, folder / "runs", folder, None, 4, (10,), 1000, only)


def test_only_matches_whole_names(tmp_path: Path) -> None:
    names = ["random", "random designs", "L-BFGS-B, random starts", "CMA-ES"]

    def left(only: str | None) -> list[str]:
        return [name for name in names if stage("shell", tmp_path, only).wanted(name)]

    assert left("random") == ["random"]
    assert left("random|CMA-ES") == ["random", "CMA-ES"]
    assert left(".*random.*") == names[:3]
    assert left(None) == names
    with pytest.raises(InputError, match="no regular expression"):
        stage("shell", tmp_path, "(")


@pytest.mark.parametrize("name", METHODS)
def test_whatever_is_free_spells_a_method_and_uses_up_the_calls(name: str) -> None:
    tunable, rng = METHODS[name], np.random.default_rng(0)
    places = [[0.0] * len(tunable.free), [1.0] * len(tunable.free), *rng.random((30, len(tunable.free)))]
    texts = set()
    for place in places:
        for calls in LEVELS:
            text, (replicas, steps, sweeps) = tunable.at(list(place), calls)
            if text not in texts:
                nearest = text.startswith("nearest:")
                method: Any = from_text(text, lambda: None) if nearest else parse_method(text)  # type: ignore[arg-type, return-value]
                assert method.name == text
            texts.add(text)
            # Descents have three calls beside those that they are given.
            spent = replicas * (steps * sweeps * LAYERS + steps + 1)
            assert 0.7 * calls <= spent <= 1.02 * calls, (text, replicas, steps, sweeps, calls)
    assert len(texts) > 10 or not tunable.free or name == "agent of three layers"
    for kind, place in zip(tunable.free.values(), tunable.begin, strict=True):
        assert 0 <= place <= 1
        assert kind.place(kind.at(place)) == pytest.approx(place)


def test_near_misses_count_and_long_episodes_cost() -> None:
    def row(calls: float, *errors: float) -> dict[str, Any]:
        return {"calls": calls, "energies": [[error] for error in errors]}

    assert score(row(100, 1e-9, 1e-8), 1e-3) == 100
    assert score(row(100, 1e-3), 1e-3) == pytest.approx(100 * math.log(0.01) / math.log(0.5))
    assert score(row(100, 2e-3), 1e-3) < score(row(100, 4e-3), 1e-3) < score(row(200, 4e-3), 1e-3)
    assert score(row(100, 1e9), 1e-3) == math.inf


def test_what_is_tuned_on_training_targets_is_measured_on_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: METHODS[name] for name in ("L-BFGS-B", "annealing")}
    monkeypatch.setattr(sphere_tuning, "METHODS", methods)
    for name, value in (("LEVELS", (24, 32, 48)), ("TRAINING", 1), ("VALIDATION", 1), ("_ENOUGH", 32)):
        monkeypatch.setattr(sphere_tuning, name, value)
    for name, value in (("FIRST", 3), ("COUNT", 2), ("_CALLS", 64)):
        monkeypatch.setattr(spheres, name, value)
    with pytest.raises(InputError, match="run the stage tune-spheres first"):
        spheres.spheres(stage("spheres", tmp_path))
    tune_spheres(stage("tune-spheres", tmp_path))
    found = read_json(tmp_path / "photonics-tune-spheres.json")["methods"]
    assert {name: len(row["tried"]) for name, row in found.items()} == {"L-BFGS-B": 3, "annealing": 9}
    for row in found.values():
        counts = [trial["episodes"] * trial["calls"] for trial in row["validation"]]
        assert max(counts) <= 2.5 * min(counts)
        for k, goal in enumerate(GOALS):
            chosen = row["validation"][row["chosen"][f"{goal:g}"]]
            assert chosen["solved"][k] or not any(trial["solved"][k] for trial in row["validation"])
    # Nothing is measured twice, and a method that is not asked for keeps its row.
    written = (tmp_path / "runs" / "tune-spheres.json").read_text()
    tune_spheres(stage("tune-spheres", tmp_path, "annealing"))
    assert (tmp_path / "runs" / "tune-spheres.json").read_text() == written
    assert set(read_json(tmp_path / "photonics-tune-spheres.json")["methods"]) == set(methods)
    spheres.spheres(stage("spheres", tmp_path))
    rows = read_json(tmp_path / "photonics-spheres.json")
    assert set(rows) == {f"{goal:g} {name}" for goal in GOALS for name in methods}
    for key, row in rows.items():
        goal, name = key.split(" ", 1)
        assert row["method"] == found[name]["validation"][found[name]["chosen"][goal]]["method"]
        assert len(row["successes"]) == 2


@pytest.mark.parametrize("task", ["shell", "stack"])
def test_intervals_can_be_had_from_the_targets_errors(task: str) -> None:
    errors = json.loads((RESULTS / f"photonics-{task}-errors.json").read_text(encoding="utf-8"))
    rows = {row["name"]: row for row in read_json(RESULTS / f"photonics-{task}.json")["rows"]}
    assert errors.keys() == rows.keys()
    for name, row in rows.items():
        assert len(errors[name]) == row["targets"]
        assert interval(errors[name]) == pytest.approx(row["r_ci"], rel=1e-12)
        assert np.mean(errors[name]) == pytest.approx(row["r"][-1], rel=2e-4)
