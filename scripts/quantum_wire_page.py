"""Rewrite the tables of docs/quantum-wire.md from their results; scripts/quantum_wire.py calls this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annealrl.results import write_text

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, RESULTS = DOCS / "quantum-wire.md", DOCS / "results"


def number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def two_digits(value: float) -> float:
    return float(f"{value:.2g}")


def seconds(value: float) -> str:
    """Two digits, in µs, ms or s."""
    factor, unit = (1e6, "µs") if value < 1e-4 else (1e3, "ms") if value < 0.1 else (1.0, "s")
    return f"{two_digits(factor * value):g} {unit}"


def speed(rows: list[dict[str, Any]]) -> str:
    """Of scripts/bench_wire.py."""
    timed = ("leads", "solve", "gradient", "cached solve", "proposal", "acceptance")
    lines = [
        [
            f"{row['side']}×{row['side']}",
            str(row["fields"]),
            *(seconds(row[key]) for key in timed),
            f"{two_digits(row['solve / proposal']):,.0f}".replace(",", " "),
            f"{row['solve / acceptance']:.1f}",
            f"{row['drift']:.0e}".replace("e-0", "e-"),
            f"{row['MiB a replica']:.0f}",
        ]
        for row in rows
    ]
    head = "wire, fields, leads (once), solve, gradient, solve and keep, propose, accept"
    return table([*head.split(", "), "solve / propose", "solve / accept", "drift after 32", "MiB"], lines)


def descent(start: str, method: str, stage: dict[str, Any], i: int) -> list[str]:
    """A row of a stage whose columns are descents."""
    lowest, below = stage["lowest L on the fields of the moves"][i], stage["steps to L < -3 there"][i]
    fields = "all fields" if stage["fields of the moves"] == 101 else f"{stage['fields of the moves']} fields"
    first = "" if below is None else f", there below −3 first after {below} steps"
    end = f"{number(stage['L at the end'][i])} (lowest on {fields} {number(lowest)}{first})"
    return [start, f"{method}, {stage['steps']} steps on {fields}", number(stage["L at the start"][i]), end]


def squares(start: str, values: list[float]) -> list[str]:
    method = f"Levenberg–Marquardt on all fields, {len(values)} evaluations"
    return [start, method, number(values[0]), number(min(values))]


def experiments(found: dict[str, Any]) -> str:
    """The hidden antidot."""
    rows = [
        descent("ten Gaussians, the paper's", "RMSProp, the paper's rates", found["ten"], 0),
        descent("the same", "RMSProp, the paper's rates", found["quarter"], 0),
        squares("the same", found["squares"]["ten from the published start: L"]),
        squares("where those on a quarter came", found["squares"]["ten: L"]),
    ]
    for i, name in enumerate(found["one"]["descents"]):
        optimizer, _, start = name.partition(" from ")
        label = {"rmsprop": "RMSProp", "adabelief": "AdaBelief"}[optimizer]
        rows.append(descent(f"one Gaussian at {start}", label, found["one"], i))
    starts = [
        key.removesuffix(": L").removeprefix("one from ")
        for key in found["squares"]
        if key.startswith("one") and key.endswith(": L")
    ]
    anneal = found["anneal"]
    for i, start in enumerate(starts):
        values = found["squares"][f"one from {start}: L"]
        rows.append(squares(f"one Gaussian at {start}", values))
        method = f"annealed on {anneal['fields of the moves']} fields, {anneal['evaluations a start']:.0f} evaluations"
        rows.append([f"one Gaussian at {start}", method, number(values[0]), number(anneal["best L"][i])])
    return table(["start", "method", "L at the start", "L at the end, or the lowest"], rows)


def curves(found: dict[str, Any]) -> str:
    """The drawn curves."""
    rows = []
    for name in ("bridge", "skyline"):
        stage = found[name]
        values, rough = stage["L: start, optimised, smoothed"], stage["roughness: start, optimised, smoothed"]
        spent = f"{stage['steps of each']} steps on {stage['fields of the moves']} fields"
        designs = ("start", f"optimised, {spent}", f"then smoothed, {spent} more")
        for design, value, sum_of_squares in zip(designs, values, rough, strict=True):
            rows.append([f"`{name}`", design, number(value), f"{sum_of_squares:.0f}"])
    return table(["curve", "design", "L on all fields", "Σ (h_i − h_j)²"], rows)


def finite(value: float | None) -> str:
    return "∞" if value is None else str(value)


def agent(found: dict[str, Any]) -> str:
    """Of scripts/wire_agent.py."""
    rows = []
    for row in found["methods"]:
        value, low, high = row["n99_ratio_of_agent"]
        rows.append([
            f"`{row['method']}`",
            f"{row['p']:.3f} [{row['p_ci'][0]:.2f}, {row['p_ci'][1]:.2f}]",
            finite(row["n99"]),
            "" if row["method"].startswith("agent:") else f"{value:.2f} [{low:.2f}, {high:.2f}]",
            f"{row['solutions']:.0f}",
            finite(row["n99_solutions"]),
            f"{row['seconds']:.3f}",
            finite(row["n99_seconds"]),
        ])  # fmt: skip
    head = "method, p, n99, n99 of the agent over it, solutions an episode, to 99 %, s an episode, to 99 %"
    return table(head.split(", "), rows)


#: What stands on the page, and the file of results that it is made of.
TABLES = {
    "speed": ("bench_wire.json", speed),
    "experiments": ("quantum-wire.json", experiments),
    "curves": ("quantum-wire.json", curves),
    "wire agent": ("wire-agent.json", agent),
}


def updated(page: str) -> str:
    """The page with all tables made anew from the results in docs/results."""
    for name, (file, make) in TABLES.items():
        found = json.loads((RESULTS / file).read_text(encoding="utf-8"))
        before, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
        _, end, after = rest.partition(f"<!-- {name}: end -->")
        assert end, f"{PAGE}: no place for {name}"
        page = f"{before}{begin}\n{make(found)}\n\n{end}{after}"
    return page


def rewrite() -> None:
    """Put the tables of the results into the page."""
    write_text(PAGE, updated(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    rewrite()
