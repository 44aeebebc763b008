"""Rewrite the table of experiments in docs/quantum-wire.md; scripts/quantum_wire.py calls this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annealrl.results import write_text

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "docs" / "quantum-wire.md", ROOT / "docs" / "results" / "quantum-wire.json"
BEGIN, END = "<!-- experiments: begin -->\n", "<!-- experiments: end -->"


def number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


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
    """The table."""
    rows = [
        descent("ten Gaussians, the paper's", "RMSProp, the paper's rates", found["ten"], 0),
        descent("the same", "RMSProp, the paper's rates", found["quarter"], 0),
        squares("where those on a quarter came", found["squares"]["ten: L"]),
    ]
    for i, name in enumerate(found["one"]["descents"]):
        optimizer, _, start = name.partition(" from ")
        rows.append(
            descent(
                f"one Gaussian at {start}", {"rmsprop": "RMSProp", "adabelief": "AdaBelief"}[optimizer], found["one"], i
            )
        )
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
    head = ["start", "method", "L at the start", "L at the end, or the lowest"]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * 4, *rows])


def rewrite(found: dict[str, Any]) -> None:
    """Put the table of the results into the page."""
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    assert begin, f"{PAGE}: no {BEGIN}"
    assert END in rest, f"{PAGE}: no {END}"
    write_text(PAGE, f"{before}{begin}\n{experiments(found)}\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    rewrite(json.loads(RESULTS.read_text(encoding="utf-8")))
