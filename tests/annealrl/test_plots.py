"""Tables and plots, from records alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from annealrl import statistics
from annealrl.errors import InputError
from annealrl.plots import n99_plot, schedule_plot
from annealrl.results import InstanceResult, Result
from annealrl.schedules import Knots, Linear
from annealrl.tables import Table


def record(method: str, counts: list[int], *, sweeps: int = 100, moves: tuple[str, ...] = ("flip",)) -> Result:
    episodes = 20
    summary = statistics.summarize(counts, [episodes] * len(counts))
    number = summary.n99 if np.isfinite(summary.n99) else None
    ends = [end if np.isfinite(end) else None for end in summary.n99_ci]
    return Result(
        method=method,
        instances={"name": "set [a|b]", "hash": "abc"},
        episodes_per_instance=episodes,
        replicas=64,
        steps=40,
        sweeps_per_step=sweeps,
        seed=0,
        criterion="best",
        tolerance="exact",
        p=summary.p,
        p_ci=summary.p_ci,
        n99=number,
        n99_ci=(ends[0], ends[1]),
        p_best=summary.p,
        p_final=0.25,
        n99_set=None,
        n99_set_ci=(1.0, None),
        median_instance_n99=None,
        median_instance_n99_ci=(1.0, None),
        mean_residual_energy_per_spin=0.0,
        seconds_per_episode=sweeps / 1000,
        tts_seconds=None if number is None else sweeps / 1000 * max(1, number),
        attempted_updates=10**9,
        moves=moves,
        fingerprint=method,
        per_instance=tuple(
            InstanceResult(f"i{i}", 4, -4.0, True, episodes, k, -4.0, k, k) for i, k in enumerate(counts)
        ),
    )


GOOD, FAIR, BAD = [18] * 12, [10] * 6 + [11] * 6, [2] * 11 + [3]
TABLE = Table((record("good", GOOD), record("fair", FAIR), record("agent:x", BAD), record("never", [0] * 12)))


def test_the_ratio_is_the_paired_one() -> None:
    n = [20] * 12
    assert TABLE.ratio("good", "fair") == statistics.paired_ratio(GOOD, n, FAIR, n)


def test_the_rival_is_the_best_other_method_with_the_same_moves_and_no_agent() -> None:
    def rival(table: Table, method: str) -> str | None:
        found = table.rival(table.get(method))
        return found.method if found else None

    assert rival(TABLE, "fair") == "good"
    assert rival(TABLE, "good") == "fair"
    assert rival(TABLE, "agent:x") == "good"
    strong = Table(
        (*TABLE.results, record("cluster", [20] * 12, moves=("cluster", "flip")), record("agent:y", [20] * 12))
    )
    assert rival(strong, "fair") == "good"
    assert rival(strong, "cluster") is None
    assert strong.comparison(strong.get("cluster")) is None


def test_lost_comparisons_are_printed_as_lost() -> None:
    verdicts = {method: TABLE.comparison(TABLE.get(method)) for method in TABLE.methods}
    assert {k: v.verdict for k, v in verdicts.items() if v} == {
        "good": "won",
        "fair": "lost",
        "agent:x": "lost",
        "never": "lost",
    }
    even = Table((record("a", FAIR), record("b", [11] * 6 + [10] * 6)))
    comparison = even.comparison(even.get("a"))
    assert comparison is not None
    assert comparison.verdict == "open"
    for text in (TABLE.to_markdown(), TABLE.to_text()):
        line = next(line for line in text.splitlines() if "agent:x" in line)
        assert "lost" in line


def test_several_budgets_give_the_shortest_time_to_solution() -> None:
    table = Table((*TABLE.results, record("good", [20] * 11 + [19], sweeps=150), record("never", [0] * 12, sweeps=150)))
    assert table.budgets == [4000, 6000]
    best = table.optimal_tts("good")
    assert best is not None
    assert best.sweeps == 6000
    assert table.optimal_tts("never") is None
    assert table.get("good").sweeps == 6000
    assert table.get("good", 4000).p == pytest.approx(0.9)
    assert "Optimal TTS of good: 0.15 s at 6000 sweeps" in table.to_markdown()
    assert "Optimal TTS of never: nothing solved" in table.to_text()
    optima = {row["method"]: row["sweeps"] for row in table.to_json()["optimal_tts"]}
    assert optima == {"good": 6000, "fair": 4000, "agent:x": 4000, "never": None}


def test_json_holds_all_records_and_the_table_comes_back() -> None:
    content = json.loads(json.dumps(TABLE.to_json(), allow_nan=False))
    assert Table.from_json(content) == TABLE
    assert content["comparisons"][1]["verdict"] == "lost"
    assert content["comparisons"][1]["rival"] == "good"
    with pytest.raises(InputError, match="a list 'results'"):
        Table.from_json([])
    with pytest.raises(InputError, match=r"results\[0\]: version"):
        Table.from_json({"results": [{}]})


def test_markdown_and_html_show_every_method_and_escape_names(tmp_path: Path) -> None:
    table = Table((*TABLE.results, record("<b>|x", FAIR)))
    lines = table.to_markdown().splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 7  # heads, rule, five methods
    assert {line.replace("\\|", "").count("|") for line in rows} == {12}
    table.to_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;|x" in page
    assert "<b>" not in page
    assert page.count("<tr>") == 6
    assert page.count("</tr>") == 6


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    TABLE.print()
    shown = capsys.readouterr().out
    for text in ("agent:x", "0.900 [0.", "set [a|b]", "∞"):
        assert text in shown


def test_mixed_results_are_refused() -> None:
    with pytest.raises(InputError, match="same instances"):
        Table((record("a", GOOD), replace(record("b", GOOD), seed=3)))
    with pytest.raises(InputError, match="two results of one method"):
        Table((record("a", GOOD), record("a", FAIR)))
    with pytest.raises(InputError, match="no result of method 'z' at 4000 sweeps; it has good"):
        TABLE.get("z")


def test_n99_is_drawn_from_json_alone_with_every_edge_case(tmp_path: Path) -> None:
    records = [*TABLE.results, record("always", [20] * 12)]
    n99_plot([json.loads(json.dumps(result.to_json())) for result in records], tmp_path / "deep" / "plot.png")
    n99_plot(Table(tuple(records)), tmp_path / "table.png")
    one, other = imread(tmp_path / "deep" / "plot.png"), imread(tmp_path / "table.png")
    assert one.shape[1] > 800
    assert (one == other).all()
    # Points and intervals of methods are blue, of agents red.
    red = (one[..., 0] > 0.8) & (one[..., 1] < 0.3) & (one[..., 2] < 0.3)
    blue = (one[..., 0] < 0.2) & (one[..., 2] > 0.6)
    assert 50 < red.sum() < blue.sum()
    n99_plot([record("only", [0] * 12)], tmp_path / "never.png")
    n99_plot([record("only", [20] * 12)], tmp_path / "always.svg")
    assert "only" in (tmp_path / "always.svg").read_text() or (tmp_path / "always.svg").stat().st_size > 1000
    with pytest.raises(InputError, match="no result"):
        n99_plot([], tmp_path / "none.png")


def test_schedules_are_drawn(tmp_path: Path) -> None:
    schedule_plot({"linear": Linear(0, 5), "free": Knots((0.4, 1.6, 14))}, tmp_path / "plot.png")
    assert imread(tmp_path / "plot.png").std() > 0.02
    with pytest.raises(InputError, match="no schedule"):
        schedule_plot({}, tmp_path / "none.png")
