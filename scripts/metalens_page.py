"""Rewrite the tables of docs/metalens.md from docs/results/metalens.json; scripts/metalens.py calls this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "docs" / "metalens.md", ROOT / "docs" / "results" / "metalens.json"
MODELS = {"local": "local phase approximation", "linear": "linear, powers to 10", "deep": "deep, 9-128-256-128-32"}
KINDS = ("lens", "disturbed", "random", "all")


def merged(held: Any, made: Any) -> Any:
    """Results as they were, with the parts that were made now; rows of a list are known by what they are about."""
    if isinstance(held, dict) and isinstance(made, dict):
        return held | {key: merged(held.get(key), value) for key, value in made.items()}
    if isinstance(held, list) and made and "method" in made[0]:
        keys = ("side", "goal", "method")
        return list({tuple(row.get(key) for key in keys): row for row in [*held, *made]}.values())
    return made or held


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def model_errors(found: dict[str, Any]) -> str:
    rows = []
    for colour, part in found["errors"].items():
        for name, label in MODELS.items():
            rows.append([f"{colour} nm", label, *(f"{part['errors'][name][kind]:.3f}" for kind in KINDS)])
        made = found["published"].get(colour)
        if made is not None:
            label = f"deep, published size, {made['epochs']} epochs"
            rows.append([f"{colour} nm", label, *(f"{made['errors'][kind]:.3f}" for kind in KINDS)])
    return table(["wavelength", "model", *KINDS], rows)


def substitute_errors(found: dict[str, Any]) -> str:
    rows = []
    for colour, part in found["errors"].items():
        seen = part["substitute"]
        keys = ("grid", "window_lens", "window_random")
        rows.append([f"{colour} nm", f"{100 * part['share_of_modes']:.3f} %", *(f"{seen[key]:.2f}" for key in keys)])
    head = ["wavelength", "power in 16 modes", "grid of 30 against 90", "window against whole lens", "the same, random"]
    return table(head, rows)


def designs(found: dict[str, Any]) -> str:
    rows = []
    for row in found["designs"]:
        gap = row["substitute"] - row["own"]
        free = row.get("unrounded", {}).get("own")
        rows.append(
            [
                f"{row['side']}²",
                row["goal"],
                row["method"],
                "" if free is None else f"{free:.4f}",
                f"{row['own']:.4f}",
                f"{row['linear']:.4f}",
                f"{row['deep']:.4f}",
                f"{row['substitute']:.4f}",
                f"{gap:+.4f}",
                f"{row['seconds']:.1f}",
            ]
        )
    head = ["pillars", "goal", "method", "before rounding", "own model", "linear", "deep", "substitute", "gap", "CPU s"]
    return table(head, rows)


def ring(found: dict[str, Any]) -> str:
    keys = ("mean", "least", "most", "focus")
    rows = [[f"{row['side']}²", row["method"], *(f"{row[key]:.3f}" for key in keys)] for row in found["ring"]]
    return table(["pillars", "method", "⟨I⟩ on the circle", "least/mean", "most/mean", "I at the focus"], rows)


def speeds(found: dict[str, Any]) -> str:
    rows = [
        [
            row["scattering"],
            row["goal"],
            str(row["points"]),
            f"{1e6 * row['proposal']:.2f}",
            f"{1e6 * row['energy']:.0f}",
            f"{row['energy'] / row['proposal']:.0f}",
        ]
        for row in found["speed"]
    ]
    return table(["model", "goal", "points", "µs a proposal", "µs an energy", "ratio"], rows)


def propagation(found: dict[str, Any]) -> str:
    keys = sorted({(row["wavelength"], row["height"]) for row in found["propagation"]}, reverse=True)
    seen = {(row["wavelength"], row["height"], row["padding"]): row["error"] for row in found["propagation"]}
    rows = [[f"{w:g} nm", f"{z / 1e3:.2f} µm", *(f"{seen[w, z, p]:.4f}" for p in (2, 4, 8))] for w, z in keys]
    return table(["wavelength", "height", "padding 2", "4", "8"], rows)


def memory(found: dict[str, Any]) -> str:
    return table(["113², annulus", "GiB"], [[key, f"{value / 2**30:.2f}"] for key, value in found["memory"].items()])


#: What stands on the page, and the part of the results that it is made of.
TABLES = {
    "model errors": ("errors", model_errors),
    "substitute errors": ("errors", substitute_errors),
    "designs": ("designs", designs),
    "ring": ("ring", ring),
    "speed": ("speed", speeds),
    "propagation": ("propagation", propagation),
    "memory": ("memory", memory),
}


def updated(page: str, found: dict[str, Any]) -> str:
    """The page with the tables of all parts that are there made anew."""
    for name, (part, make) in TABLES.items():
        if found.get(part):
            before, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
            end = "<!-- end -->"
            assert end in rest, f"{PAGE}: no place for {name}"
            page = f"{before}{begin}\n{make(found)}\n\n{end}{rest.partition(end)[2]}"
    return page


def rewrite(found: dict[str, Any]) -> None:
    """Put the tables of the results into the page."""
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    rewrite(json.loads(RESULTS.read_text(encoding="utf-8")))
