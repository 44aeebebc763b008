"""Every code block of the README runs as it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import blocks, play

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCKS = blocks(README)
PYTHON = [place for place, (language, _) in enumerate(BLOCKS) if language == "python"]


def test_all_blocks_are_known() -> None:
    assert len(PYTHON) == 4
    shell = [code.split("#")[0].strip() for language, code in BLOCKS if language == "sh"]
    assert shell == ["sh scripts/quickstart.sh"]


def test_quick_start(tmp_path: Path) -> None:
    # What the shell block runs once everything is installed, at the smallest size.
    script = Path(__file__).resolve().parents[1] / "scripts" / "quickstart.py"
    small = ["--instances", "2", "--episodes", "1", "--candidates", "2", "--training", "2", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, str(script), *small], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    for side in (8, 10):
        table = json.dumps(results[f"cool-{side}:2"])
        assert all(f'"{method}"' in table for method in ("cool-published", "linear", "free", f"agent:ea2d-{side}"))
    assert (tmp_path / "n99.png").is_file()


@pytest.mark.parametrize("place", PYTHON)
def test_python_block(place: int, tmp_path: Path) -> None:
    # Each on its own: a reader may take any of them.
    play(README, tmp_path, place)
