"""The measuring command: what it reports, shows, draws and refuses. No time is judged here."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl import throughput
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.kernels import jit, limits
from annealrl.throughput import cases, contenders, parts, targets
from annealrl.throughput.report import BEGIN, END, check

pytestmark = pytest.mark.skipif(jit.INTERPRETED, reason="interpreted kernels are not worth measuring")


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return throughput.measure(["dwave", "openjij"], rounds=2, quick=True)


def test_every_contender_has_a_row_with_ratios(report: dict[str, Any]) -> None:
    for case in cases.cases(quick=True):
        rows = [row for row in report["models"] if row["model"] == case.name]
        assert {row["peer"] for row in rows} == {None, "dwave", "openjij"}
        for row in rows:
            assert len(row["seconds"]) == 2
            assert row["updates_per_second"] == pytest.approx(
                row["n"] * row["replicas"] * row["sweeps"] / np.median(row["seconds"])
            )
            for ratio in row["ratios"].values():
                assert ratio["lowest"] <= ratio["median"] <= ratio["highest"]
        fastest = {row["ratios"]["dwave"]["to"] for row in rows}
        assert len(fastest) == 1
        reference = next(row for row in rows if row["contender"] in fastest)
        assert reference["ratios"]["dwave"]["median"] == 1.0
    assert {"machine", "limit", "scaling", "moves", "threads", "targets"} <= set(report)
    assert min(row["to_the_least"] for row in report["scaling"]) == 1.0


def test_ratios_are_those_of_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    from annealrl.throughput import run as running

    times = {"ours": [1.0, 2.0, 4.0], "theirs": [30.0, 20.0, 80.0]}
    made = [
        contenders.Contender("ours", None, lambda: None),
        contenders.Contender("theirs", "dwave", lambda: None),
    ]
    monkeypatch.setattr(running, "alternating", lambda runs, rounds: times)
    monkeypatch.setattr(contenders, "ours", lambda case, model: made[:1])
    monkeypatch.setattr(contenders, "peers", lambda case, model, names: made[1:])
    row = running._rows(cases.cases(quick=True)[0], ["dwave"], 3)[0]
    assert row["ratios"]["dwave"] == {"to": "theirs", "median": 20.0, "lowest": 10.0, "highest": 30.0}


def test_targets_say_what_is_missed(report: dict[str, Any]) -> None:
    assert report["targets"] == [], "a quick run gives no verdict"
    assert [section.title for section in throughput.to_tables(report)][-1] != "Targets"
    made = copy.deepcopy(report) | {"quick": False}
    made["threads"]["speedup"] = 1.5
    judged = {target["what"]: target for target in targets.judge(made)}
    assert judged["gain by two threads"]["met"] is False
    made["threads"]["speedup"] = 1.9
    judged = {target["what"]: target for target in targets.judge(made)}
    assert judged["gain by two threads"]["met"] is True
    assert "updates a second, degree 4, random order" not in judged, "quick runs measure none of the models it names"


def test_targets_name_models_and_moves_that_are_measured(report: dict[str, Any]) -> None:
    made = copy.deepcopy(report) | {"quick": False}
    for case in cases.cases():
        for name in ("packed, Metropolis, random", "multispin, Metropolis, random", "multispin, heat bath, sequential"):
            ratios = {peer: {"median": 30.0} for peer in contenders.PEERS}
            made["models"].append(
                {"model": case.name, "peer": None, "contender": name, "updates_per_second": 1e10, "ratios": ratios}
            )
    seconds = {"first_run_warm": 1.0, "first_run_cold": 2.0, "help": 0.1}
    made["start"] = dict.fromkeys(seconds, 100.0) | {"wall": seconds}
    made["cuda"] = {"device": "one", "updates_per_second": 2e11}
    made["targets"] = targets.judge(made)
    assert len(made["targets"]) == len(targets.TARGETS)
    judged = {target["what"]: target for target in made["targets"]}
    assert judged["annealrl --help, seconds"]["met"] is True, "the clock on the wall decides"
    assert judged["updates a second, ±J, 64 replicas"]["met"] is None
    made["models"] = report["models"]
    lines = throughput.to_markdown(made).splitlines()
    assert "| annealrl --help | 100.00 s of processor time, 0.10 s by the clock |" in lines
    assert "| updates a second, ±J, 64 replicas | – | 1e+10 | reported |" in lines


def test_children_take_time_by_both_clocks() -> None:
    busy, wall = parts._child([sys.executable, "-c", "import time; time.sleep(0.3)"], dict(os.environ))
    assert wall > 0.29
    assert 0 <= busy < wall


def test_memory_counts_the_kernels_too() -> None:
    case = cases.cases(quick=True)[1]
    model = case.model()
    sizes = {}
    for layout in ("summed", "dense"):
        simulator = contenders.ReplicaSimulator([model], 64, layout=layout)  # type: ignore[arg-type]
        sizes[layout] = contenders.memory(simulator)
    # Dense keeps 2 J (40 rows) and the local fields of 64 replicas, 32 bits each, in rows of 144.
    assert sizes["dense"] > (40 + 64) * 144 * 4
    assert sizes["summed"] > 40 * 39 * 4


def test_markdown_goes_between_its_markers(report: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    throughput.update_markdown(page, report)
    throughput.update_markdown(page, report)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("### Models") == 1
    assert "| 2D Gaussian 8×8" in text
    page.write_text("no markers")
    with pytest.raises(InputError, match="are expected, in this order"):
        throughput.update_markdown(page, report)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.json"
    assert run(["throughput", "--quick", "--only", "2D", "--rounds", "1", "--json", str(out)]) == 0
    assert "packed, Metropolis, random" in capsys.readouterr().out
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    content = json.loads(out.read_text())
    assert [row["model"] for row in content["models"]] == ["2D Gaussian 8×8"] * 2
    assert run(["throughput", "--read", str(out), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == content


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "dwav", "--quick"], "unknown peer 'dwav'"),
        (["--only", "triangle", "--quick"], "no model's name contains 'triangle'"),
        (["--read", "missing.json"], "missing.json"),
        (["--read", "missing.json", "--quick"], "goes with no"),
        (["--quick", "--markdown", "missing.md"], "missing.md"),
    ],
)
def test_bad_options(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["throughput", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_page_that_cannot_be_written_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_: object, **__: object) -> None:
        raise AssertionError("it measured")

    page = tmp_path / "page.md"
    monkeypatch.setattr(throughput, "measure", measure)
    page.write_text("no markers")
    assert run(["throughput", "--markdown", str(page)]) == 2
    page.write_text(f"{BEGIN}\n{END}\n")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path.resolve())
    assert run(["throughput", "--markdown", str(page)]) == 2
    assert "writable" in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"--against openjij: openjij is not installed; pip install 'annealrl\[interop"
    ):
        throughput.measure(["openjij"], quick=True)


def test_the_first_run_runs() -> None:
    exec(parts.FIRST_RUN, {})


def test_other_json_is_refused() -> None:
    with pytest.raises(InputError, match="JSON of `annealrl throughput`"):
        check({"models": []}, "x.json")


def test_draws_of_the_limit_are_those_of_the_generator() -> None:
    state = np.arange(1, 129, dtype=np.uint32)
    twin = state.copy()
    folded = limits.draw(state, np.uint32(1 << 31), 3)
    words = []
    for _ in range(3):
        x, y = twin[:64].copy(), twin[64:].copy()
        words.append(np.packbits(x * np.uint32(0x9E3779BB) < np.uint32(1 << 31), bitorder="little").view("<u8")[0])
        y ^= x
        twin[:64] = (x << np.uint32(26) | x >> np.uint32(6)) ^ y ^ (y << np.uint32(9))
        twin[64:] = y << np.uint32(13) | y >> np.uint32(19)
    assert folded == words[0] ^ words[1] ^ words[2]
    np.testing.assert_array_equal(state, twin)
