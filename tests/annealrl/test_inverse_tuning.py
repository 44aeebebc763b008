"""The stages behind the photonics page: what they take up, tuning, and figures that can be had again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.inverse import mirrors, spheres, successes
from annealrl.inverse.nearest import from_text
from annealrl.inverse.spectra import interval
from annealrl.inverse.sphere_methods import LAYERS, METHODS
from annealrl.inverse.spheres import GOALS, LEVELS, tune_spheres
from annealrl.inverse.stages import Stage
from annealrl.inverse.tunable import Tunable
from annealrl.inverse.tuning import Campaign, Trial, score, tuned
from annealrl.results import read_json

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def stage(name: str, folder: Path, only: str | None = None) -> Stage:
    return Stage(name, folder / "runs", folder, None, (10,), 1000, only)


#: By table: coordinates, calls of episodes, methods.
TABLES: dict[str, tuple[int, tuple[int, ...], dict[str, Tunable]]] = {
    "spheres": (LAYERS, LEVELS, METHODS),
    **{f"mirrors of {n}": (n, levels, mirrors.methods(n)) for n, levels in mirrors.LEVELS.items()},
    **{env: (s.n, s.levels, successes.methods(s)) for env, s in successes.SETTINGS.items()},
}


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


@pytest.mark.parametrize(("table", "name"), [(table, name) for table in TABLES for name in TABLES[table][2]])
def test_whatever_is_free_spells_a_method_and_uses_up_the_calls(table: str, name: str) -> None:
    n, levels, methods = TABLES[table]
    tunable, rng = methods[name], np.random.default_rng(0)
    places = [[0.0] * len(tunable.free), [1.0] * len(tunable.free), *rng.random((30, len(tunable.free)))]
    texts, choices = set(), set()
    for place in places:
        for calls in levels:
            text, (replicas, steps, sweeps) = tunable.at(list(place), calls)
            if text not in texts:
                nearest = text.startswith("nearest:")
                method: Any = from_text(text, lambda: None) if nearest else parse_method(text)  # type: ignore[arg-type, return-value]
                assert method.name == text
            texts.add(text)
            choices.add((text, replicas, steps, sweeps))
            # Descents have three calls beside those that they are given; a sweep more is beyond what short ones have.
            spent = replicas * (steps * sweeps * n + steps + 1)
            assert 0.7 * calls - replicas * n <= spent <= 1.02 * calls, (text, replicas, steps, sweeps, calls)
    assert len(choices) > 2 * len(levels) or not tunable.free
    for kind, place in zip(tunable.free.values(), tunable.begin, strict=True):
        assert 0 <= place <= 1
        assert kind.place(kind.at(place)) == pytest.approx(place)


def test_all_methods_of_a_table_have_as_many_candidates_and_calls(tmp_path: Path) -> None:
    source = "env:BraggMirror-v0,layers=4:1"
    wanted = ("annealing", "CMA-ES", "Adam")
    kept = {name: mirrors.methods(4)[name] for name in wanted}
    campaign = Campaign(kept, 4, (40, 80, 160), (1e-3,), Trial(source, 160, 1, 4), Trial(source, 160, 1, 4), "4 ",
                        lambda energies: energies / Trial(source).models[0].known_optimum - 1)  # fmt: skip
    found = tuned(stage("tune-bragg", tmp_path), campaign)
    for row in found.values():
        assert len(row["tried"]) == 9
        spent = [trial["calls"] * trial["episodes"] for trial in row["tried"]]
        assert 0.7 * 3 * 480 <= sum(spent) <= 1.1 * 3 * 480
    assert found["annealing"]["tried"][1]["method"] == "geometric:30:1e+08:sigma:accept=0.12"


def test_near_misses_count_and_long_episodes_cost() -> None:
    def row(calls: float, *errors: float) -> dict[str, Any]:
        return {"calls": calls, "energies": [[error] for error in errors]}

    assert score(row(100, 1e-9, 1e-8), 1e-3) == 100
    assert score(row(100, 1e-3), 1e-3) == pytest.approx(100 * math.log(0.01) / math.log(0.5))
    assert score(row(100, 2e-3), 1e-3) < score(row(100, 4e-3), 1e-3) < score(row(200, 4e-3), 1e-3)
    assert score(row(100, 0.1), 1e-3) < score(row(100, 1.0), 1e-3) < math.inf
    assert score(row(100, 1e10), 1e-3) == math.inf


def test_what_is_tuned_on_training_targets_is_measured_on_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {name: METHODS[name] for name in ("L-BFGS-B", "annealing")}
    monkeypatch.setattr(spheres, "METHODS", methods)
    for name, value in (("LEVELS", (24, 32, 48)), ("TRAINING", 1), ("VALIDATION", 1), ("ENOUGH", 32)):
        monkeypatch.setattr(spheres, name, value)
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


def test_mirrors_are_reported_as_they_were_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "LEVELS", {10: (150, 400)})
    monkeypatch.setattr(mirrors, "EFFORTS", {10: ((400, 1, 2), (400, 1, 2), (400, 20, 20))})
    every = mirrors.methods(10)
    monkeypatch.setattr(mirrors, "methods", lambda n: {name: every[name] for name in ("L-BFGS-B", "least squares")})
    mirrors.tune_bragg(stage("tune-bragg", tmp_path))
    mirrors.bragg(stage("bragg", tmp_path))
    found = read_json(tmp_path / "photonics-tune-bragg.json")["layers"]["10"]
    rows = read_json(tmp_path / "photonics-bragg.json")
    assert set(rows) == {"10 L-BFGS-B", "10 least squares"}
    for name, tries in found.items():
        pick = tries["validation"][tries["chosen"]["0.001"]]
        row = rows[f"10 {name}"]
        assert (row["method"], row["budget"], row["episodes"]) == (pick["method"], pick["budget"], 20)
    # Both descend to the same minima, by other ways.
    assert all(5 <= row["successes"][0] <= 19 for row in rows.values())
    assert rows["10 least squares"]["ratio"][0] > 1
