"""Every code block of the README runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]


def test_all_blocks_are_known() -> None:
    assert len(PYTHON) == 4
    shell = [code.split("#")[0].strip() for language, code in BLOCKS if language == "sh"]
    assert shell == ["sh scripts/quickstart.sh"]  # which the quick start's own test runs


@pytest.mark.parametrize("index", range(len(PYTHON)))
def test_python_block(index: int, tmp_path: Path) -> None:
    # A process of its own: a block registers an environment, and warnings are errors as everywhere.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PYTHON[index]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
