"""Times thin films and layered spheres: energies, gradients, proposals and accepted changes, in processor time.

python scripts/bench_films.py [--out FILE.json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.envs.nanoparticle import NanoparticleShell
from annealrl.films import FilmDesign, FilmObjective, FilmStack


def least(work: Callable[[], object], rounds: int = 7, seconds: float = 0.15) -> float:
    """Least processor seconds of a call, over rounds of many calls."""
    work()
    began = time.process_time()
    work()
    calls = max(1, int(seconds / max(time.process_time() - began, 1e-7)))
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            work()
        taken.append((time.process_time() - began) / calls)
    return min(taken)


def moves(objective: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Seconds of a proposal and of an accepted one, over all coordinates."""
    kernel = objective.kernel
    x, cache = objective.space.random(rng, 1)[0], np.zeros(kernel.cache)
    kernel.init(kernel.floats, kernel.ints, x, cache)
    n = objective.n

    def each(function: Callable[..., object]) -> Callable[[], None]:
        def work() -> None:
            for i in range(n):
                function(kernel.floats, kernel.ints, x, cache, i, x[i])

        return work

    return least(each(kernel.delta)) / n, least(each(kernel.apply)) / n


def films(layers: int, wavelengths: int, rng: np.random.Generator) -> FilmObjective:
    """Random lossless films with a target."""
    stack = FilmStack(rng.uniform(1.4, 2.1, layers), np.linspace(500, 1500, wavelengths))
    return FilmDesign(stack, 20.0, 200.0, wanted=rng.random(wavelengths))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    cases: list[tuple[str, Any]] = [
        ("films, 10 layers × 256 wavelengths", films(10, 256, rng)),
        ("films, 10 layers × 64 wavelengths", films(10, 64, rng)),
        ("films, 40 layers × 64 wavelengths", films(40, 64, rng)),
        ("sphere, 8 layers × 201 wavelengths", NanoparticleShell().sample(rng)),
    ]
    for name, objective in cases:
        x = objective.space.random(rng, 1)
        proposed, accepted = moves(objective, rng)
        row = {
            "what": name,
            "energy_ms": 1e3 * least(lambda o=objective, d=x: o.energy(d)),  # type: ignore[misc]
            "energy_and_gradient_ms": 1e3 * least(lambda o=objective, d=x: o.value_and_gradient(d)),  # type: ignore[misc]
            "proposal_us": 1e6 * proposed,
            "accepted_us": 1e6 * accepted,
        }
        rows.append(row)
        print("  ".join([f"{name:36}", *(f"{key} {value:.3g}" for key, value in row.items() if key != "what")]))
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
