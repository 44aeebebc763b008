"""The record and its store."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annealrl.errors import InputError
from annealrl.results import InstanceResult, Result, ResultStore, read_json, write_text

#: The keys that the JSON of `evaluate` and `benchmark` promises.
PROMISED = {
    "method", "instances", "episodes_per_instance", "replicas", "steps", "sweeps_per_step", "seed", "criterion", "p",
    "p_ci", "n99", "n99_ci", "p_final", "n99_set", "median_instance_n99", "mean_residual_energy_per_spin",
    "seconds_per_episode", "tts_seconds", "attempted_updates", "per_instance", "version",
}  # fmt: skip
PROMISED_ROW = {"name", "n", "ground_energy", "certified", "episodes", "successes", "best_energy"}

RESULT = Result(
    method="linear:0:5",
    instances={"name": "set", "hash": "abc"},
    episodes_per_instance=10,
    replicas=64,
    steps=40,
    sweeps_per_step=100,
    seed=0,
    criterion="best",
    tolerance="exact",
    p=0.0,
    p_ci=(0.0, 0.1),
    n99=None,
    n99_ci=(30.0, None),
    p_best=0.0,
    p_final=0.0,
    n99_set=None,
    n99_set_ci=(30.0, None),
    median_instance_n99=None,
    median_instance_n99_ci=(20.0, None),
    mean_residual_energy_per_spin=0.01,
    seconds_per_episode=0.5,
    tts_seconds=None,
    attempted_updates=1000,
    moves=("flip",),
    fingerprint="{}",
    per_instance=(InstanceResult("a", 4, -4.0, True, 10, 0, -2.0, 0, 0),),
)


def content() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(RESULT.to_json(), allow_nan=False))
    return loaded


def test_json_has_the_promised_keys_and_round_trips() -> None:
    assert set(content()) >= PROMISED
    assert set(content()["per_instance"][0]) >= PROMISED_ROW
    assert set(content()["instances"]) == {"name", "hash"}
    assert Result.from_json(content()) == RESULT
    assert Result.from_json(RESULT.to_json()) == RESULT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version is 2; 1 is expected"),
        ({"p": "high"}, "p: 'high' is of the wrong type"),
        ({"p": True}, "p: True is of the wrong type"),
        ({"replicas": 6.5}, "replicas: 6.5 is of the wrong type"),
        ({"n99_ci": [1.0]}, "n99_ci: .* of the wrong type"),
        ({"p_ci": [0.0, None]}, r"p_ci\[1\]: None"),
        ({"moves": "flip"}, "moves: 'flip'"),
        ({"per_instance": [3]}, r"per_instance\[0\]: a JSON object"),
        ({"per_instance": [{"name": "a"}]}, r"per_instance\[0\]: key 'n' is missing"),
        ({"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_bad_records_are_refused_with_the_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^file: {message}"):
        Result.from_json({**content(), **change}, "file")


def test_missing_keys_and_other_things_are_refused() -> None:
    short = content()
    del short["p"]
    with pytest.raises(InputError, match="key 'p' is missing"):
        Result.from_json(short)
    with pytest.raises(InputError, match="a JSON object is expected"):
        Result.from_json([1])


def test_the_store_keeps_results_by_what_was_measured(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "deep" / "store")
    assert len(store) == 0
    store.append(RESULT)
    store.append(replace(RESULT, seed=1, p=0.5))
    again = ResultStore(tmp_path / "deep" / "store")
    assert list(again) == [RESULT, replace(RESULT, seed=1, p=0.5)]
    assert again.get(RESULT.key) == RESULT
    assert again.get(replace(RESULT, tolerance="cool").key) is None
    again.append(replace(RESULT, seconds_per_episode=0.7))
    later = ResultStore(tmp_path / "deep" / "store")
    assert len(later) == 2
    found = later.get(RESULT.key)
    assert found is not None
    assert found.seconds_per_episode == 0.7


def test_a_half_written_line_is_dropped_and_a_broken_one_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.append(RESULT)
    with store.path.open("a") as file:
        file.write('{"method": "lin')
    again = ResultStore(tmp_path)
    assert list(again) == [RESULT]
    again.append(replace(RESULT, seed=1))
    assert len(ResultStore(tmp_path)) == 2
    store.path.write_text("{}\n" + store.path.read_text())
    with pytest.raises(InputError, match=r"results\.jsonl, line 1: version is None"):
        ResultStore(tmp_path)
    store.path.write_text("oops\n")
    with pytest.raises(InputError, match=r"results\.jsonl, line 1: no JSON"):
        ResultStore(tmp_path)


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_text(path, "one")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_json_files_are_read_or_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: No such file"):
        read_json(tmp_path / "none.json")
