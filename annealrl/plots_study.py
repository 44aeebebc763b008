"""Figures of the studies of observing, each drawn from one JSON alone: ablations, looks, destructive observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl.plots import blank_figure, plain_ticks, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EASY, DIFFICULT = "tab:blue", "tab:red"


def figure_5(content: Mapping[str, Any], path: str | Path) -> None:
    """Draw what ``annealrl ablate --json`` wrote as Fig. 5 of Mills, Ronagh and Tamblyn (2020) has it.

    Success on easy and on difficult instances, parted by the baseline (a) and by the agent (b); the mean action (c) and
    β (d) of either kind with their standard deviation; schedules of single successful episodes (e).

    Parameters
    ----------
    content : mapping
        The JSON.
    path : str or Path
        The ending says the format.
    """
    figure = blank_figure(9.5)
    figure.set_size_inches(10.0, 9.5)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.25, 1.0, 1.0))
    for column, by in enumerate(("baseline", "agent")):
        axes = figure.add_subplot(grid[0, column])
        _bars(axes, content["splits"][by]["variants"], names=column == 0)
        counts = {kind: rows["agent"]["instances"] for kind, rows in content["splits"][by]["variants"].items()}
        if column == 0:
            axes.legend(fontsize=8, loc="lower left")
        parted = f"parted by the {by}: {counts['easy']} easy, {counts['difficult']} difficult"
        axes.set_title(f"({'ab'[column]}) {parted}", fontsize=10, loc="left")
    schedules = content["schedules"]["baseline"]
    axes = figure.add_subplot(grid[1, 0])
    for kind, colour in (("easy", EASY), ("difficult", DIFFICULT)):
        moments = {key: np.array(value)[:, 0] for key, value in schedules[kind]["action"].items()}
        _band(axes, moments, colour, kind)
    axes.set_ylabel(f"action {content['actions'][0]}")
    axes.set_title("(c) mean action ± standard deviation", fontsize=10, loc="left")
    axes.legend(fontsize=8)
    axes = figure.add_subplot(grid[1, 1])
    for kind, colour in (("easy", EASY), ("difficult", DIFFICULT)):
        _band(axes, {key: np.array(value) for key, value in schedules[kind]["beta"].items()}, colour, kind)
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.set_ylabel("β")
    axes.set_title("(d) mean β ± standard deviation", fontsize=10, loc="left")
    axes = figure.add_subplot(grid[2, :])
    for betas in content["examples"]:
        axes.plot(range(1, len(betas) + 1), betas, lw=1.2)
    axes.plot(range(1, content["steps"] + 1), content["mean_schedules"]["all"], "k--", lw=1.5, label="mean schedule")
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.set_ylabel("β")
    axes.set_xlabel("step")
    axes.set_title("(e) successful episodes of several instances", fontsize=10, loc="left")
    axes.legend(fontsize=8)
    budget = f"{content['replicas']} replicas × {content['steps']} × {content['sweeps_per_step']} sweeps"
    where = content["instances"]["name"]
    figure.suptitle(f"agent {content['agent']} on {where}, {budget}, success at the end", fontsize=11)
    save_figure(figure, path)


def looks_figure(content: Mapping[str, Any], path: str | Path) -> None:
    """Draw n99 against looks per episode, of agents that choose their looks and of fixed intervals, a panel a setting.

    Parameters
    ----------
    content : mapping
        What ``scripts/looks.py`` wrote.
    path : str or Path
        The ending says the format.
    """
    settings = {name: rows for name, rows in content["settings"].items() if rows}
    figure = blank_figure(4.2)
    figure.set_size_inches(5.2 * len(settings), 4.4)
    titles = {"known": "β known", "unknown": "β starts anywhere and is not observed"}
    for column, (setting, rows) in enumerate(settings.items()):
        axes = figure.add_subplot(1, len(settings), column + 1)
        free = {name: row for name, row in rows.items() if row["look_paid_in"] == "reward"}
        fixed = sorted(
            (row for row in free.values() if row["look_every"] is not None), key=lambda row: row["looks_per_episode"]
        )
        chosen = sorted(
            (row for row in free.values() if row["look_every"] is None), key=lambda row: row["looks_per_episode"]
        )
        _points(axes, fixed, "tab:blue", "s-", "fixed intervals")
        _points(axes, chosen, "tab:red", "o", "chosen, cost in reward")
        paid = [row for row in rows.values() if row["look_paid_in"] == "sweeps"]
        _points(axes, [row for row in paid if row["look_every"] is None], "tab:orange", "D", "chosen, cost in sweeps")
        _points(axes, [row for row in paid if row["look_every"]], "tab:cyan", "v", "always, cost in sweeps")
        for row in chosen:
            axes.annotate(
                f"{row['look_cost']:g}",
                (row["looks_per_episode"] + 1, row["n99"]),
                (6, 6),
                textcoords="offset points",
                fontsize=7,
                color="tab:red",
            )
        for name, row in content["static"].items() if setting == "known" else ():
            axes.axhline(row["n99"], color="0.5", ls=":", lw=1)
            axes.annotate(name, (1, row["n99"]), (2, 3), textcoords="offset points", fontsize=7, color="0.3")
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10, 20, 40], labels=["0", "1", "4", "9", "19", "39"])
        axes.minorticks_off()
        axes.set_xlim(0.85, 50)
        if setting == "unknown":
            axes.set_yscale("log")
            plain_ticks(axes.yaxis)
        axes.set_xlabel("looks per episode")
        axes.set_ylabel("n99")
        axes.set_title(titles.get(setting, setting), fontsize=10, loc="left")
        axes.legend(fontsize=8)
    save_figure(figure, path)


def destructive_figure(content: Mapping[str, Any], path: str | Path) -> None:
    """Draw p of literal replay and parallel ensembles, and n99 of agents against the updates of an episode.

    Parameters
    ----------
    content : mapping
        What ``scripts/destructive.py`` wrote.
    path : str or Path
        The ending says the format.
    """
    figure = blank_figure(4.0)
    figure.set_size_inches(10.0, 4.0)
    left, right = figure.subplots(1, 2, width_ratios=(0.7, 1.3))
    for x, kind in enumerate(("parallel", "literal")):
        row = content["agreement"][kind]
        low, high = row["p_ci"]
        left.errorbar([x], [row["p"]], [[row["p"] - low], [high - row["p"]]], fmt="o", capsize=4)
    left.set_xticks([0, 1], labels=["parallel\nensembles", "literal\nreplay"])
    left.set_xlim(-0.6, 1.6)
    left.set_ylabel("success probability p")
    left.set_title("(a) two implementations, one agent", fontsize=10, loc="left")
    rows = content["test"]["rows"]
    for y, row in enumerate(rows.values()):
        low, high = row["n99_ci"]
        colour = "tab:red" if row["looks_per_episode"] else "tab:blue"
        right.errorbar(
            [row["n99"]], [y], xerr=[[row["n99"] - low], [high - row["n99"]]], fmt="o", color=colour, capsize=4
        )
    labels = [f"{name}\n{row['attempted_updates_per_episode']:.3g} updates an episode" for name, row in rows.items()]
    right.set_yticks(range(len(rows)), labels=labels, fontsize=8)
    right.set_ylim(len(rows) - 0.5, -0.5)
    right.set_xlabel("n99")
    right.set_title(f"(b) {content['test']['instances']}", fontsize=10, loc="left")
    save_figure(figure, path)


def _bars(axes: Axes, variants: Mapping[str, Mapping[str, Any]], names: bool) -> None:
    labels = list(variants["easy"])
    for shift, kind, colour in ((-0.2, "easy", EASY), (0.2, "difficult", DIFFICULT)):
        rows = [variants[kind][label] for label in labels]
        p = np.array([row["p"] for row in rows])
        ends = np.array([row["p_ci"] for row in rows])
        axes.barh(
            np.arange(len(labels)) + shift,
            p,
            0.38,
            xerr=np.abs(ends.T - p),
            color=colour,
            alpha=0.75,
            error_kw={"lw": 1},
            label=kind,
        )
    axes.set_yticks(range(len(labels)), labels=labels if names else [""] * len(labels), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("success probability p")


def _band(axes: Axes, moments: Mapping[str, Any], colour: str, label: str) -> None:
    steps = np.arange(1, len(moments["mean"]) + 1)
    axes.plot(steps, moments["mean"], color=colour, label=label)
    # On a logarithmic axis a standard deviation above the mean would leave it.
    low = np.maximum(moments["mean"] - moments["std"], moments["mean"] / 100) if (moments["mean"] > 0).all() else None
    axes.fill_between(
        steps,
        moments["mean"] - moments["std"] if low is None else low,
        moments["mean"] + moments["std"],
        color=colour,
        alpha=0.2,
        lw=0,
    )
    axes.set_xlabel("step")


def _points(axes: Axes, rows: Sequence[Mapping[str, Any]], colour: str, style: str, label: str) -> None:
    rows = [row for row in rows if row["n99"] is not None and None not in row["n99_ci"]]
    if not rows:
        return
    # One more, so that none has a place on the logarithmic axis.
    x = [row["looks_per_episode"] + 1 for row in rows]
    y = np.array([row["n99"] for row in rows])
    ends = np.array([row["n99_ci"] for row in rows]).T
    axes.errorbar(x, y, np.abs(ends - y), fmt=style, color=colour, ms=5, lw=1, capsize=2, label=label)
