"""Figures of the results, drawn from the records alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from annealrl.plots import blank_figure, plain_ticks, save_figure
from annealrl.study import plan
from annealrl.study.collection import Results
from annealrl.study.record import Record
from annealrl.study.report import exact_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: n99 below which a point is drawn at the lower edge (p = 1 has n99 0, which no logarithmic axis shows).
_FLOOR = 0.3
_CEILING = 3e4

_BY_SIDE = (
    ("cool-published", "published quench, run again", "tab:brown", "v"),
    ("tuned linear", "tuned linear", "tab:cyan", "s"),
    ("tuned free", "free static, tuned there", "tab:blue", "o"),
    ("free tuned at side 14", "free static, tuned at 14", "tab:purple", "h"),
    ("adaptive, acceptance", "adaptive (acceptance)", "tab:green", "^"),
    ("agent ea2d-{side}", "agent of the side", "tab:red", "D"),
    ("agent ea2d-{side}-time", "time-only agent", "tab:pink", "P"),
    ("agent " + plan.ANY_SIDE, "size-free agent", "tab:orange", "X"),
)


def draw_all(folder: Path) -> list[Path]:
    """Draw every figure that there are records for; returns their paths."""
    results = Results(folder)
    drawn = [draw_sides(results, folder / "n99-by-side.png")]
    exact = exact_seconds(folder)
    for test in plan.CURVES:
        seconds = exact[test][0] if test in exact else None
        drawn.append(draw_sweeps(results, test, folder / f"sweeps-{test}.png", seconds))
    return [path for path in drawn if path is not None]


def draw_sides(results: Results, path: Path) -> Path | None:
    """Draw n99 by the final energy against the side, published curves included."""
    curves = [
        (title, colour, marker, {side: results.get(f"cool-{side}", label.format(side=side)) for side in plan.SIDES})
        for label, title, colour, marker in _BY_SIDE
    ]
    if not any(record for *_, found in curves for record in found.values()):
        return None
    figure = blank_figure(5.0)
    axes = figure.add_subplot()
    for title, published, style in (
        ("published SA", plan.PUBLISHED_SA, ":"),
        ("published RL", plan.PUBLISHED_RL, "--"),
    ):
        values = [math.inf if published[side] is None else float(published[side] or 0) for side in plan.SIDES]
        axes.plot(plan.SIDES, [_clipped(v) for v in values], style, color="0.45", marker=".", label=title)
    shown = [curve for curve in curves if any(curve[3].values())]
    for k, (title, colour, marker, found) in enumerate(shown):
        points = {side: record for side, record in found.items() if record is not None}
        # Intervals side by side, so that none hides another; lines where they belong, or their order would be wrong.
        _curve(axes, points, "final", title, colour, marker, beside=0.05 * (k - (len(shown) - 1) / 2))
    axes.set_yscale("log")
    axes.set_ylim(_FLOOR, _CEILING)
    axes.set_xticks(plan.SIDES)
    axes.set_xlabel("side of the torus")
    axes.set_ylabel("n99: episodes for 99 % success (95 % interval)")
    axes.set_title("64 replicas × 4000 sweeps, success at the end; edges: p = 1 below, p = 0 above", fontsize=9)
    axes.grid(which="major", alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(figure, path)
    return path


def draw_sweeps(results: Results, test: str, path: Path, exact: float | None) -> Path | None:
    """Draw n99 and time to solution against the sweeps, by the best energy of any step."""
    found = {sweeps: results.of(test, sweeps) for sweeps in plan.SWEEPS}
    count: dict[str, int] = {}
    for records in found.values():
        for record in records:
            count[record.label] = count.get(record.label, 0) + 1
    labels = [label for label, number in count.items() if number > 1]
    if not labels:
        return None
    figure = blank_figure(4.6)
    left, right = figure.subplots(1, 2)
    for k, label in enumerate(labels):
        curve = {sweeps: record for sweeps, records in found.items() for record in records if record.label == label}
        _curve(left, curve, "best", label, f"C{k}", "o")
        reached = {sweeps: r.tts("best") for sweeps, r in curve.items() if math.isfinite(r.tts("best"))}
        right.plot(list(reached), list(reached.values()), color=f"C{k}", marker="o", ms=4, label=label)
    if exact is not None:
        right.axhline(exact, color="0.3", ls="--", label="exact solver")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(plan.SWEEPS, [f"{sweeps:g}" for sweeps in plan.SWEEPS], fontsize=8)
        axes.minorticks_off()
        axes.set_xlabel("sweeps a replica")
        axes.grid(which="major", alpha=0.3)
    left.set_ylim(bottom=_FLOOR)
    left.set_ylabel("n99 (at the lower edge: p = 1)")
    right.set_ylabel("processor seconds to 99 %")
    for axes in (left, right):
        plain_ticks(axes.yaxis)
    figure.suptitle(f"{test}, 64 replicas, best energy of any step", fontsize=10)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    save_figure(figure, path)
    return path


def _curve(
    axes: Axes, points: dict[int, Record], rule: str, label: str, colour: str, marker: str, beside: float = 0.0
) -> None:
    summaries = [record.summary(rule) for record in points.values()]
    axes.plot(list(points), [_clipped(s.n99) for s in summaries], color=colour, marker=marker, ms=4, lw=1, label=label)
    for x, summary in zip(points, summaries, strict=True):
        axes.plot([x + beside] * 2, [_clipped(end) for end in summary.n99_ci], color=colour, lw=1)


def _clipped(value: float) -> float:
    return min(max(value, _FLOOR), _CEILING)
