"""All figures of the studies and the results, drawn anew from the stored JSON alone; measures nothing.

What there is no result of yet is left out and named.

    python scripts/figures.py [--results docs/results]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annealrl import plots_policy, plots_study
from annealrl.results import read_json
from annealrl.study.figures import draw_all

#: Pattern of result files, and who draws them.
DRAWN: tuple[tuple[str, Any], ...] = (
    ("unknown-temperature-*.json", plots_policy.figure_3),
    ("agent-schedules.json", plots_policy.figure_4_schedules),
    ("ablation-*.json", plots_study.figure_5),
    ("policy-map-*.json", plots_policy.figure_6),
    ("looks-*.json", plots_study.looks_figure),
    ("destructive-*.json", plots_study.destructive_figure),
)


def drawn(folder: Path) -> Iterator[str]:
    """Draw; yields a line for each picture, or for what there is no result of yet."""
    paths = draw_all(folder)
    yield from (f"drawn: {path}" for path in paths)
    if not paths:
        yield f"left out: n99 by side: no record in {folder}"
    for pattern, draw in DRAWN:
        found = sorted(folder.glob(pattern))
        if not found:
            yield f"left out: {pattern}: no such result in {folder}"
        for path in found:
            content = read_json(path)
            picture = path.with_suffix(".png")
            further = {}
            if draw is plots_policy.figure_6 and "file" in (content["density"] or {}):
                further["density"] = read_json(folder / content["density"]["file"])["plane"]
            draw(content, picture, **further)
            yield f"drawn: {picture}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "results")
    arguments = parser.parse_args()
    began = time.process_time()
    for line in drawn(arguments.results):
        print(line, flush=True)
    print(f"{time.process_time() - began:.1f} s of processor time")


if __name__ == "__main__":
    main()
