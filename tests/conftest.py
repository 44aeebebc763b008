"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annealrl.ising import IsingModel

EXTERNAL = Path(__file__).resolve().parents[2] / "shared" / "instances"


@pytest.fixture(scope="session")
def external() -> Path:
    """Instance sets made by others, beside the checkout."""
    if not EXTERNAL.is_dir():
        pytest.skip("no external instance sets beside the checkout")
    return EXTERNAL


@pytest.fixture
def triangle() -> IsingModel:
    """Antiferromagnetic triangle: frustrated, so it shows a wrong sign."""
    return IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1.0, name="triangle")


def random_model(n: int, density: float, seed: int, *, fields: bool = True) -> IsingModel:
    """Dense or sparse random instance with couplings of both signs."""
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < density
    edges = np.stack([i[kept], j[kept]], axis=1)
    return IsingModel.from_edges(
        edges, rng.normal(size=len(edges)), rng.normal(size=n) if fields else 0.0, n=n, offset=0.25
    )
