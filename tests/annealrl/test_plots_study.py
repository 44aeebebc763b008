"""Figures of the studies of observing, from the records that are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib import image

from annealrl.plots_study import destructive_figure, figure_5, looks_figure

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
DRAW: dict[str, Callable[[Any, Path], None]] = {
    "ablation": figure_5,
    "looks": looks_figure,
    "destructive": destructive_figure,
}
STORED = sorted(path for kind in DRAW for path in RESULTS.glob(f"{kind}-*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_figures_are_drawn_from_the_records_alone(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "figure.png"
    DRAW[path.stem.partition("-")[0]](json.loads(path.read_text()), out)
    pixels = image.imread(out)
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 700
    assert 0.02 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.6, "something is drawn, on a white ground"


def test_there_is_a_record_of_every_kind() -> None:
    assert {path.stem.partition("-")[0] for path in STORED} == set(DRAW)


def test_literal_and_parallel_agree_in_the_record() -> None:
    found = json.loads((RESULTS / "destructive-8.json").read_text())["agreement"]
    low, high = found["p_literal_minus_parallel"]["interval"]
    assert low <= 0 <= high
    one, other = (found[kind]["p_ci"] for kind in ("parallel", "literal"))
    assert max(one[0], other[0]) <= min(one[1], other[1])
    costs = {found[kind]["attempted_updates_per_episode"] for kind in ("parallel", "literal")}
    # 0 + 1 + … + 40 steps of 10 sweeps on 64 replicas of 64 spins.
    assert costs == {820 * 10 * 64 * 64}
