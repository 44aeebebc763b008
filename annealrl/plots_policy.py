"""Figures of what policies do, each drawn from result JSON alone: Fig. 3, 4e-k and 6 of Mills, Ronagh and Tamblyn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl.ising import FloatArray
from annealrl.plots import blank_figure, plain_ticks, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRAJECTORIES = ("tab:red", "tab:orange", "k")
_EPISODES = ("tab:orange", "tab:green", "tab:purple")
_AGENTS = ("tab:red", "tab:purple", "tab:pink")


def figure_3(content: Mapping[str, Any], path: str | Path) -> None:
    """Draw success against the starting β, and schedules and acceptance ratios from a hot and from a cold start.

    Parameters
    ----------
    content : mapping
        What ``scripts/unknown_temperature.py`` wrote.
    path : str or Path
        The ending says the format.
    """
    scales = bool(content["scales"])
    figure = blank_figure(8.5)
    figure.set_size_inches(10.0, 8.5)
    grid = figure.add_gridspec(3, 2, height_ratios=(1.2, 1.0, 0.8))
    axes = figure.add_subplot(grid[0, 0])
    _against_start(axes, content, "p")
    axes.set_ylabel("share of episodes solved")
    axes.set_title("(a)", fontsize=10, loc="left")
    if scales:
        axes = figure.add_subplot(grid[0, 1])
        for colour, (name, rows) in zip(_AGENTS, content["scales"].items(), strict=False):
            axes.plot([r["scale"] for r in rows], [r["p"] for r in rows], "o-", color=colour, lw=1.5, ms=4, label=name)
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("factor on all energies")
        axes.set_title("(b) other scales of energy", fontsize=10, loc="left")
        axes.legend(fontsize=8)
    else:
        # Where one of the replicas always finds a ground state, how many do says more.
        axes = figure.add_subplot(grid[0, 1])
        _against_start(axes, content, "replicas_solved")
        axes.set_ylabel("share of replicas solved")
        axes.set_title("(b)", fontsize=10, loc="left")
    agent = content["examples"]["agent"]
    for column, key in enumerate(("hot", "cold")):
        found = content["examples"][key]
        axes = figure.add_subplot(grid[1, column])
        _band(axes, found["beta"], with_example=True)
        axes.axhline(found["start"], color="0.5", lw=0.8, ls=":")
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
        axes.set_ylabel("β")
        axes.set_title(f"({'cd'[column]}) {agent} from β = {found['start']:g}", fontsize=10, loc="left")
        axes.legend(fontsize=8)
        axes = figure.add_subplot(grid[2, column])
        _band(axes, found["acceptance"], with_example=True)
        axes.set_ylabel("acceptance ratio")
        axes.set_xlabel("step")
        axes.set_title(f"({'ef'[column]})", fontsize=10, loc="left")
    budget = f"{content['replicas']} replicas × {content['steps']} × {content['sweeps_per_step']} sweeps"
    figure.suptitle(
        f"{content['model']}, {budget}, success at the end, {content['episodes']} episodes a point", fontsize=11
    )
    save_figure(figure, path)


def figure_4_schedules(content: Mapping[str, Any], path: str | Path) -> None:
    """Draw mean schedules with their spread, examples of episodes and acceptance ratios, a column an agent.

    Parameters
    ----------
    content : mapping
        What ``scripts/agent_schedules.py`` wrote.
    path : str or Path
        The ending says the format.
    """
    agents = content["agents"]
    figure = blank_figure(5.2)
    figure.set_size_inches(3.3 * len(agents), 5.4)
    axes = figure.subplots(2, len(agents), squeeze=False, sharey="row", sharex=True)
    for column, found in enumerate(agents):
        top, bottom = axes[0, column], axes[1, column]
        _band(top, found["beta"])
        for k, betas in enumerate(found["examples"]):
            # Colours beside the blue of the mean.
            label = "episodes" if k == 0 else None
            top.plot(range(1, len(betas) + 1), betas, lw=0.9, color=_EPISODES[k % len(_EPISODES)], label=label)
        top.set_yscale("log")
        plain_ticks(top.yaxis)
        top.set_title(f"{found['agent']} on {found['instances']}", fontsize=10)
        _band(bottom, found["acceptance"])
        bottom.set_xlabel("step")
    axes[0, 0].set_ylabel("β")
    axes[1, 0].set_ylabel("acceptance ratio")
    axes[0, 0].legend(fontsize=8)
    save_figure(figure, path)


def figure_6(content: Mapping[str, Any], path: str | Path, density: Mapping[str, Any] | None = None) -> None:
    """Draw a policy on the plane of overlap and energy: density of states, value, mean action, ways of episodes.

    Parameters
    ----------
    content : mapping
        What ``scripts/policy_map.py`` wrote.
    path : str or Path
        The ending says the format.
    density : mapping, optional
        The ``plane`` of what ``scripts/density_of_states.py`` wrote, where `content` names its file instead of holding
        a density of its own.
    """
    density = density if density is not None else content.get("density")
    if density is not None and "columns" not in density:
        density = None
    if content["x"] is None:
        _energy_alone(content, path)
        return
    columns = content["columns"]
    wanted = [("value", "value V(s)")] if "value" in columns else []
    wanted.append(("action 0", f"mean action\n{content['actions'][0]}"))
    if "action 0, memory at zero" in columns:
        wanted.append(("action 0, memory at zero", "mean action, memory at zero"))
    panels = len(wanted) + (density is not None)
    across = 2 if panels == 4 else panels
    figure = blank_figure(4.6)
    figure.set_size_inches(max(4.6 * across, 6.0), 4.3 * (panels // across) + 0.4)
    axes = figure.subplots(panels // across, across, squeeze=False).ravel()
    ferromagnet = content["instance"].startswith("Ferromagnet")
    k = 0
    if density is not None:
        x, y, log_g = _plane(density)
        # From a light grey on, so that single states do not look like none.
        shade = {"cmap": "Greys", "vmin": -0.25 * float(np.nanmax(log_g))}
        picture = axes[0].pcolormesh(x, y, log_g, shading="nearest", rasterized=True, **shade)
        figure.colorbar(picture, ax=axes[0], label="ln g", location="bottom", shrink=0.8)
        axes[0].set_title("(a) density of states", fontsize=10, loc="left")
        k = 1
    for name, title in wanted:
        values = _grid(content, name)
        if name.startswith("action"):
            bound = float(np.nanmax(np.abs(values)))
            options: dict[str, Any] = {"cmap": "coolwarm", "vmin": -bound, "vmax": bound}
        else:
            low, high = np.nanpercentile(values, (2, 98))
            options = {"cmap": "viridis", "vmin": low, "vmax": high}
        picture = axes[k].pcolormesh(
            content["x_centres"], content["y_centres"], values.T, shading="nearest", rasterized=True, **options
        )
        figure.colorbar(picture, ax=axes[k], label=title, location="bottom", shrink=0.8)
        axes[k].set_title(f"({'abcd'[k]}) {title.splitlines()[0]}", fontsize=10, loc="left")
        k += 1
    for panel in axes:
        _ways(panel, content)
        panel.set_xlabel("magnetisation per spin" if ferromagnet else "overlap with the ground state")
        panel.set_xlim(-1.05, 1.05)
        panel.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
        panel.set_ylim(*_limits(content, density if panel is axes[0] else None))
        panel.set_ylabel("energy per spin")
    replicas, steps = content["replicas"], content["steps"]
    memory = "" if content["memory"].startswith("none") else ", memory as at the step"
    figure.suptitle(
        f"{content['agent']} on {content['instance']}: {content['episodes']} episodes × {steps} steps × {replicas} "
        f"replicas{memory};\nlines: first replica of three episodes",
        fontsize=9,
    )
    save_figure(figure, path)


def _against_start(axes: Axes, content: Mapping[str, Any], key: str) -> None:
    starts = content["starts"]
    rates = [row for row in content["methods"].values() if row["kind"] == "rate"]
    for k, row in enumerate(rates):
        shade = str(0.75 - 0.6 * k / max(1, len(rates) - 1))
        values = [entry[key] for entry in row["starts"]]
        axes.plot(starts, values, "s--", color=shade, lw=1, ms=3, label=f"Δβ = {row['rate']:g} a step")
    agents = {name: row for name, row in content["methods"].items() if row["kind"] == "agent"}
    # The first one thickest and below, so that those that do alike are all seen.
    for k, (colour, (name, row)) in enumerate(zip(_AGENTS, agents.items(), strict=False)):
        label = f"{name} ({'knows' if row['knows_beta'] else 'does not know'} β)"
        values = [entry[key] for entry in row["starts"]]
        axes.plot(starts, values, "o-", color=colour, lw=max(1.0, 3.0 - 1.5 * k), ms=max(2, 6 - 3 * k), label=label)
        if key == "p":
            ends = np.array([entry["p_ci"] for entry in row["starts"]])
            axes.fill_between(starts, ends[:, 0], ends[:, 1], color=colour, alpha=0.15, lw=0)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("starting β")
    axes.legend(fontsize=7)


def _band(axes: Axes, found: Mapping[str, Any], with_example: bool = False) -> None:
    mean, std = np.array(found["mean"]), np.array(found["std"])
    steps = np.arange(1, len(mean) + 1)
    axes.plot(steps, mean, "--", color="tab:blue", lw=1.5, label="mean")
    # On a logarithmic axis a standard deviation above the mean would leave it.
    low = np.maximum(mean - std, mean * 0.05)
    axes.fill_between(steps, low, mean + std, color="tab:blue", alpha=0.2, lw=0, label="± standard deviation")
    if with_example:
        axes.plot(steps, found["example"], color="tab:red", lw=1.2, label="an episode")


def _grid(content: Mapping[str, Any], name: str) -> FloatArray:
    at = content["columns"].index(name)
    values = np.full((len(content["x_centres"]), len(content["y_centres"])), np.nan)
    for row in content["cells"]:
        values[row[0], row[1]] = row[at]
    return values


def _plane(density: Mapping[str, Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Overlaps, energies per spin, and ln g on them, the highest of a cell's levels where there are too many."""
    spins = density["spins"]
    energies = np.array(density["energies"]) / spins
    # One parity of M at a time occurs at a level, and single levels are thinner than a pixel.
    rows = min(96, len(energies))
    at = np.minimum((np.arange(len(energies)) * rows) // len(energies), rows - 1)
    columns = min(spins + 1, 97)
    table = np.full((columns, rows), -np.inf)
    for column in density["columns"]:
        log_g = np.array([-np.inf if value is None else value for value in column["log_g"]])
        places = at[column["first"] : column["first"] + len(log_g)]
        for m in {column["m"], -column["m"]} if density["symmetric"] else {column["m"]}:
            x = round((m / spins + 1) / 2 * (columns - 1))
            np.maximum.at(table[x], places, log_g)
    centres = np.array([energies[at == row].mean() for row in range(rows)])
    return np.linspace(-1, 1, columns), centres, np.where(np.isfinite(table), table, np.nan).T


def _limits(content: Mapping[str, Any], density: Mapping[str, Any] | None) -> tuple[float, float]:
    low, high = float(content["y_centres"][0]), float(content["y_centres"][-1])
    if density is not None:
        low = min(low, density["energies"][0] / density["spins"])
        high = max(high, density["energies"][-1] / density["spins"])
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _ways(axes: Axes, content: Mapping[str, Any]) -> None:
    for colour, way in zip(_TRAJECTORIES, content["trajectories"], strict=False):
        axes.plot(way["overlap"], way["energy"], "-", color=colour, lw=0.9, alpha=0.9)
        axes.plot(way["overlap"][0], way["energy"][0], "o", color=colour, ms=4, mec="w", mew=0.5)
        axes.plot(way["overlap"][-1], way["energy"][-1], "*", color=colour, ms=8, mec="w", mew=0.5)


def _energy_alone(content: Mapping[str, Any], path: str | Path) -> None:
    columns = content["columns"]
    names = [name for name in ("value", "action 0") if name in columns]
    figure = blank_figure(3.0 * len(names))
    energies = np.array([content["y_centres"][row[1]] for row in content["cells"]])
    for k, name in enumerate(names):
        axes = figure.add_subplot(len(names), 1, k + 1)
        axes.plot(energies, [row[columns.index(name)] for row in content["cells"]], "o-", ms=3)
        axes.set_ylabel(name)
        axes.set_xlabel(content["y"])
    figure.suptitle(f"{content['agent']} on {content['instance']}", fontsize=10)
    save_figure(figure, path)
