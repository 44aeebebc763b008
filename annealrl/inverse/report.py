"""Tables and figures of docs/photonics.md from docs/results/photonics-*.json."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.inverse.tasks import TASKS
from annealrl.results import read_json, write_text
from annealrl.statistics import n99, pooled_interval


def _load(docs: Path, name: str) -> Any:
    path = docs / "results" / f"photonics-{name}.json"
    return read_json(path) if path.exists() else None


def _between(text: str, name: str, rows: list[str]) -> str:
    """The text with a table between its markers."""
    begin, end = f"<!-- {name}: written by scripts/photonics.py -->\n", f"<!-- /{name} -->"
    before, after = text.index(begin) + len(begin), text.index(end)
    return text[:before] + "\n" + "\n".join(rows) + "\n\n" + text[after:]


def tables(docs: Path) -> None:
    """Write every table whose results are there."""
    path = docs / "photonics.md"
    text = path.read_text(encoding="utf-8")
    for task in TASKS:
        if (found := _load(docs, task)) is not None:
            text = _between(text, task, task_table(task, found))
    for name, layout in _LAYOUTS.items():
        if (found := _load(docs, name)) is not None:
            text = _between(text, name, n99_table(found, *layout))
    write_text(path, text)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2e}" if abs(value) < 1e-2 or abs(value) >= 1e5 else f"{value:,.4g}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _cost(value: float | None) -> str:
    return "out of reach" if value is None else f"{value:.2g}" if value >= 1e4 else f"{value:.0f}"


def _ratio(row: dict[str, Any]) -> str:
    if row["ratio"] is None:
        return "–"
    value, low, high = (f"{number:.3g}" for number in row["ratio"])
    return f"{value} ({low} to {high})"


#: Lowest energies that are known of Bragg mirrors, by layers.
_BRAGG = {"10": 0.1648557719, "20": 0.0144789419, "40": 9.5717e-05}
#: What :func:`n99_table` is told for each file of n99.
_LAYOUTS: dict[str, tuple[str, str, str, Callable[[str, float], str]]] = {
    "bragg": ("layers", "L-BFGS-B's", "lowest / best known", lambda name, e: f"{e / _BRAGG[name]:.4f}"),
    "spheres": ("error ≤", "L-BFGS-B's", "lowest", lambda name, e: f"{e:.1e}"),
    "agents": ("environment", "the tuned schedule's", "lowest", lambda name, e: f"{e:.1e}"),
}


def n99_table(
    found: dict[str, Any], what: str, rival: str, lowest: str, share: Callable[[str, float], str]
) -> list[str]:
    """A row a method and what it was measured on, in the order of the latter, the best first.

    Parameters
    ----------
    found : dict
        Rows by keys such as ``INSTANCES METHOD``.
    what, rival, lowest : str
        Headings: of the instances, of whose n99 ratios are over, and of the lowest energy.
    share : callable
        (instances, lowest energy) to what is printed.
    """
    rows = [
        f"| {what} | method | replicas × steps × sweeps | calls an episode | of them with gradient | p | episodes "
        f"| n99 in calls | 95 % | over {rival} | {lowest} | s an episode |",
        "|---" * 12 + "|",
    ]
    held = [(key.split(" ", 1)[0], row) for key, row in found.items()]
    order = {name: k for k, (name, _) in reversed(list(enumerate(held)))}
    first = {name: int(name) if name.isdigit() else order[name] for name in order}
    for name, row in sorted(held, key=lambda pair: (first[pair[0]], pair[1]["n99"] or np.inf, pair[1]["best"])):
        low, high = row["n99_ci"]
        rows.append(
            f"| {name} | `{row['method']}` | {' × '.join(str(k) for k in row['budget'])} | {row['calls']:.0f} "
            f"| {row['gradients']:.0f} | {row['p']:.3f} | {row['episodes']} | {_cost(row['n99'])} "
            f"| {_cost(low)} to {_cost(high)} | {_ratio(row)} | {share(name, row['best'])} | {row['seconds']:.3f} |"
        )
    return rows


def task_table(task: str, found: dict[str, Any]) -> list[str]:
    """Rows of ours by r_200, the scale first, and the published ones."""
    goals = ("0.001", "0.0001") if task == "shell" else ("1e-06",)
    rows = [
        f"| method | targets | r_1 | r_20 | r_200 | 95 % | median | {' | '.join(f'≤ {float(g):.0e}' for g in goals)} "
        f"| n99 in calls, ≤ {float(goals[0]):.0e} | 95 % "
        "| true calls | with gradient | surrogate calls | training calls | s training | s a target |",
        "|---" * (15 + len(goals)) + "|",
    ]
    for row in sorted(found["rows"], key=lambda row: (row["kind"] != "scale", row["r"][-1])):
        r, kind = row["r"], row["kind"]
        first = _number(r[0]) if kind in ("scale", "proposals") else "–"
        middle = "–" if kind == "search" else _number(r[19])
        solved = " | ".join(f"{row['solved'][goal]:.2f}" for goal in goals)
        low, high = row["r_ci"]
        rows.append(
            f"| {row['name']} | {row['targets']} | {first} | {middle} | {_number(r[-1])} "
            f"| {_number(low)} to {_number(high)} | {_number(row['median'])} | {solved} "
            f"| {' | '.join(_calls_to_solve(row, goals[0]))} "
            f"| {0 if kind == 'scale' else row['true_calls']:.0f} | {row['gradient_calls']:.0f} "
            f"| {row['surrogate_calls']:,.0f} "
            f"| {row['training_calls']:,} | {_seconds(row['training_seconds'])} | {row['seconds']:.2f} |"
        )
    for name, (first_published, last) in TASKS[task].published.items():
        unknown = [""] * (4 + len(goals))
        cells = [f"published {name}", "500", _number(first_published), "", _number(last), *unknown]
        cells += ["1" if last is None else "200", "", "", "40,000", "", ""]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _calls_to_solve(row: dict[str, Any], goal: str) -> tuple[str, str]:
    """n99 in calls and its interval, an episode being what a row does on one target."""
    if row["kind"] == "scale":
        return "–", "–"
    targets = int(row["targets"])
    solved = (np.arange(targets) < round(row["solved"][goal] * targets)).astype(int)
    low, high = pooled_interval(solved, np.ones(targets, dtype=int))
    middle, worst, best = (
        None if p == 0 else max(1.0, float(n99(p))) * row["true_calls"] for p in (solved.mean(), low, high)
    )
    return _cost(middle), f"{_cost(best)} to {_cost(worst)}"


def figures(docs: Path) -> None:
    """r_T against T on both tasks, and the curve against true calls."""
    from matplotlib.figure import Figure

    for task in TASKS:
        if (found := _load(docs, task)) is None:
            continue
        figure = Figure(figsize=(10, 5.5), layout="constrained")
        axes = figure.subplots()
        for k, row in enumerate(found["rows"]):
            r = np.array(row["r"])
            colour, dashes = f"C{k % 10}", ("-", "--", ":")[k // 10 % 3]
            if row["kind"] == "search":
                axes.plot([200], r[-1:], "o", color=colour, label=row["name"])
            else:
                axes.plot(np.arange(1, len(r) + 1), np.maximum(r, 1e-16), color=colour, ls=dashes, label=row["name"])
        for name, (first, last) in TASKS[task].published.items():
            axes.plot([1], [first], "k<", ms=4)
            if last is not None:
                axes.plot([200], [last], "k>", ms=4)
                # INN and cINN lie on top of each other.
                place = {"cINN": (-22, -3), "VAE": (6, -7)}.get(name, (6, -3))
                axes.annotate(name, (200, last), xytext=place, textcoords="offset points", fontsize=6)
        axes.set(xscale="log", yscale="log", xlabel="true calls on the target, T", ylabel="r_T (mean squared error)")
        counts = sorted({row["targets"] for row in found["rows"]})
        targets = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        axes.set_title(f"{task}: {targets} held-out targets; black triangles: published (T = 1 and 200)")
        legend: Any = figure.legend  # its stubs know no such place
        legend(fontsize=7, loc="outside right")
        figure.savefig(docs / "results" / f"photonics-{task}.png", dpi=110)
    if (found := _load(docs, "curve")) is not None:
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        axes = figure.subplots()
        for k, row in enumerate(found["rows"]):
            marker = "o-" if row["points"] else "-"
            axes.plot(
                row["calls"], np.maximum(row["error"], 1e-16), marker, ms=4, color=f"C{k % 10}", label=row["name"]
            )
        axes.axhline(1.58e-3, color="k", lw=0.8, ls="--")
        axes.annotate("best published r_200", (1.2, 1.7e-3), fontsize=7)
        axes.set(xscale="log", yscale="log", xlabel="true calls on the target", ylabel="mean of the lowest errors")
        axes.set_title(f"layered spheres of eight layers: {found['targets']} held-out targets")
        axes.legend(fontsize=7)
        figure.savefig(docs / "results" / "photonics-curve.png", dpi=110)
