"""Listings and the page of environments."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from annealrl import listing, registry
from annealrl.cli.app import run

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "environments_table.py"


def test_the_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("environments_table", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = script.PAGE.read_text(encoding="utf-8")
    assert page.count("\n| `") > 15
    assert script.updated(page) == page, "run python scripts/environments_table.py"


def test_rows_are_read_off_docstrings() -> None:
    row = listing.describe("PlantedTiles-v0")
    assert row.words == "2D glass on an L×L torus tiled with frustrated plaquettes"
    assert row.parameters == "length = 12, probabilities = (0.2, 0.5, 0.1, 0.2)"
    assert row.reference == "Hamze et al., Phys. Rev. E 97, 043303 (2018)"
    assert listing.markdown([row]).splitlines()[2].startswith("| `PlantedTiles-v0` | 2D glass")


def test_every_family_of_ours_is_described_with_a_source() -> None:
    for row in listing.rows():
        if registry.family(row.env_id).__module__.startswith("annealrl.") and row.env_id != "Annealing-v0":
            assert re.search(r"\(\d{4}\)", row.words + row.reference), f"{row.env_id}: no source with its year"


def test_markdown_is_for_environments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "envs", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| id |")
    assert run(["list", "agents", "--markdown"]) == 2
