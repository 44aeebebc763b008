"""Tables that scripts write into pages are those of the results beside them."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"


def script(name: str) -> ModuleType:
    """A module of scripts/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["quantum_wire_page", "metalens_page"])
def test_pages_hold_the_tables_of_their_results(name: str) -> None:
    made = script(name)
    text = made.PAGE.read_text(encoding="utf-8")
    given = [json.loads(made.RESULTS.read_text(encoding="utf-8"))] if made.RESULTS.is_file() else []
    assert made.updated(text, *given) == text, f"run python scripts/{name}.py"


def test_an_agent_that_solves_all_takes_no_time_and_one_that_solves_none_for_ever() -> None:
    row: dict[str, Any] = {"method": "m", "p": 1.0, "p_ci": [0.9, 1.0], "n99_ratio_of_agent": [0.5, 0.4, 0.6]}
    row |= {"n99": 0.0, "solutions": 3.0, "n99_solutions": 3, "seconds": 0.1, "n99_seconds": 0.1}
    none = row | {"n99": None, "n99_solutions": None}
    lines = script("quantum_wire_page").agent({"methods": [row, none]}).splitlines()
    assert lines[2].split(" | ")[2] == "0.0"
    assert lines[3].split(" | ")[2] == "∞"


def test_parts_of_the_lenses_results_replace_what_they_are_about() -> None:
    merged = script("metalens_page").merged
    row = {"side": 11, "goal": "a", "method": "m", "E": 1}
    rows = [{**row, "E": 2}, {**row, "side": 31}]
    held: dict[str, Any] = {"speed": [1], "tuned": {"focus": 1, "depth": 2}, "designs": [row]}
    made: dict[str, Any] = {"speed": None, "tuned": {"focus": 3, "depth": None}, "memory": {"x": 1}, "designs": rows}
    found = merged(held, made)
    assert found == {"speed": [1], "tuned": {"focus": 3, "depth": 2}, "memory": {"x": 1}, "designs": rows}
    assert merged(held, {"designs": []}) == held
    assert merged({}, made) == made


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_rows_of_a_table_have_as_many_cells_as_its_head(page: str) -> None:
    tables = re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    for table in tables:
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert len(set(cells)) == 1, table.splitlines()[0]
