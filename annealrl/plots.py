"""Plots of results and schedules, drawn from the records alone; they need no display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl.errors import InputError
from annealrl.results import Result
from annealrl.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from annealrl.schedules import Schedule


def n99_plot(results: Sequence[Result | Mapping[str, Any]] | Table, path: str | Path) -> None:
    """Draw the pooled n99 of each method with its 95 % interval on a logarithmic axis, and write it to `path`.

    Parameters
    ----------
    results : Table or sequence of Result or of their JSON
        A row each, of one instance set or several. Where n99 is infinite an arrow starts at the lower end of its
        interval; where it is 0 (p = 1) the point lies at the left edge.
    path : str or Path
        The ending says the format: png, pdf, svg.
    """
    rows = list(results.results) if isinstance(results, Table) else [_as_result(row) for row in results]
    if not rows:
        raise InputError("n99 plot: no result to draw")
    sets = list(dict.fromkeys(row.instances["name"] for row in rows))
    budgets = {row.sweeps for row in rows}

    def label_of(row: Result) -> str:
        parts = [row.instances["name"]] * (len(sets) > 1) + [f"{row.sweeps} sweeps"] * (len(budgets) > 1)
        return f"{row.method} ({', '.join(parts)})" if parts else row.method

    figure, axes = _figure(height=1.4 + 0.42 * len(rows))
    numbers = [value for row in rows for value in (row.n99, *row.n99_ci) if value]
    left, right = min(numbers, default=1.0) / 1.6, max(numbers, default=10.0) * 1.6
    for y, row in enumerate(rows):
        colour = "tab:red" if row.method.startswith("agent:") else "tab:blue"
        low, high = row.n99_ci
        axes.plot([max(low or left, left), right if high is None else high], [y, y], color=colour, lw=2)
        if high is None:
            axes.plot(right, y, ">", color=colour, clip_on=False)
        if row.n99 is not None:
            axes.plot(max(row.n99, left), y, "o", color=colour, clip_on=False)
        at, side, label = (row.n99, "center", f"{row.n99:.3g}") if row.n99 else (left, "left", "0 (p = 1)")
        if row.n99 is None:
            at, side, label = right, "right", "∞ (p = 0)"
        axes.annotate(label, (at, y), (0, 5), textcoords="offset points", ha=side, fontsize=8)
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    axes.set_xlim(left, right)
    axes.set_ylim(len(rows) - 0.5, -0.7)
    axes.set_yticks(range(len(rows)), [label_of(row) for row in rows])
    axes.set_xlabel("n99: episodes for 99 % success (95 % interval); fewer is better")
    axes.set_title(f"{', '.join(sets)}: success by the {rows[0].criterion} energy", fontsize=10)
    axes.grid(axis="x", which="both", alpha=0.3)
    save_figure(figure, path)


def schedule_plot(schedules: Mapping[str, Schedule], path: str | Path, *, steps: int = 40) -> None:
    """Draw β against the step for schedules by name, on a logarithmic axis (β = 0 lies below it)."""
    if not schedules:
        raise InputError("schedule plot: no schedule to draw")
    figure, axes = _figure(height=3.6)
    for name, schedule in schedules.items():
        betas = schedule.betas(steps)
        axes.plot(np.arange(steps), np.where(betas > 0, betas, np.nan), marker=".", label=name)
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.set_xlabel("step")
    scaled = {schedule.sigma_units for schedule in schedules.values()}
    axes.set_ylabel("β·σ" if scaled == {True} else "β" if scaled == {False} else "β, or β·σ")
    axes.grid(which="both", alpha=0.3)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def _as_result(row: Result | Mapping[str, Any]) -> Result:
    return row if isinstance(row, Result) else Result.from_json(dict(row))


def blank_figure(height: float) -> Figure:
    """An empty figure of the usual width; nothing touches pyplot's global state or asks for a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = blank_figure(height)
    return figure, figure.add_subplot()


def plain_ticks(axis: Axis) -> None:
    """Label 1, 2, 5, 10, … as such: most axes here span a decade or two."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure; the ending of `path` says the format."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
