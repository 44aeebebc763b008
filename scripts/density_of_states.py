"""Density of states of the ferromagnet on a torus by Wang-Landau walks, with their errors against the exact counts.

g(E) and g(M, E), each by walkers of its own. The exact g(E) comes from Kaufman's partition function; the sum of g(M, E)
over E is a binomial coefficient; the ground states are two. Writes what the figure over the phase plane is drawn on.

    python scripts/density_of_states.py [--length 16] [--json docs/results/density-of-states-16.json]
"""

from __future__ import annotations

import argparse
import json
import time
from math import lgamma, log
from pathlib import Path
from typing import Any

import numpy as np
from policy_map import compact

from annealrl.cli.output import progress_bar
from annealrl.density_of_states import density_of_states
from annealrl.errors import InputError
from annealrl.exact_torus import torus_levels
from annealrl.instances.generators import ferromagnet_2d
from annealrl.ising import FloatArray
from annealrl.phase_plane import plane_json
from annealrl.results import write_text

TEMPERATURES = (1.5, 2.0, 2.269185, 2.5, 3.0, 4.0)


def thermal(energies: FloatArray, log_g: FloatArray, spins: int, temperature: float) -> tuple[float, float]:
    """Energy and heat capacity per spin."""
    weights = log_g - energies / temperature
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    mean = float(weights @ energies)
    return mean / spins, float(weights @ (energies - mean) ** 2) / temperature**2 / spins


def logsum(values: FloatArray, axis: int) -> FloatArray:
    return np.asarray(np.logaddexp.reduce(values, axis=axis))


def rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--walkers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300_000_000, help="proposals of each walker over E")
    parser.add_argument("--plane-steps", type=int, default=1_000_000_000, help="proposals of each walker over (M, E)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    length, spins = arguments.length, arguments.length**2
    model = ferromagnet_2d(length)
    levels, counts = torus_levels(length)
    exact = np.array([log(count) for count in counts])
    energies = np.array(levels, float)
    common = {"walkers": arguments.walkers, "seed": arguments.seed, "threads": arguments.threads}

    began = time.process_time()
    with progress_bar("g(E)") as update:
        line = density_of_states(model, arguments.steps, progress=update, **common)
    line_seconds, began = time.process_time() - began, time.process_time()
    with progress_bar("g(M, E)") as update:
        plane = density_of_states(model, arguments.plane_steps, magnetisation=True, progress=update, **common)
    plane_seconds = time.process_time() - began
    assert plane.magnetisations is not None
    missing = [level for level in levels if level not in line.energies]
    if missing:
        raise SystemExit(f"levels that no walker found: {missing}; more --steps are needed")
    binomials = np.array([lgamma(spins + 1) - lgamma(k + 1) - lgamma(spins - k + 1) for k in range(spins + 1)])
    over_e = logsum(plane.log_g, 1)
    over_m = logsum(plane.log_g, 0)
    sums = binomials[(plane.magnetisations + spins) // 2]
    at = [levels.index(round(energy)) for energy in plane.energies]
    content = {
        "model": f"ferromagnet, {length}×{length} torus, J = 1",
        "length": length,
        "walkers": arguments.walkers,
        "seed": arguments.seed,
        "energy": {
            "steps": arguments.steps,
            "processor_seconds": round(line_seconds, 1),
            "levels": len(levels),
            "rms_error_of_log_g": rms(line.log_g - exact),
            "largest_error_of_log_g": float(np.abs(line.log_g - exact).max()),
            "rms_standard_error": rms(line.error),
            "ground_states": float(np.exp(line.log_g[0])),
            "thermal": [
                {
                    "T": t,
                    **dict(zip(("u", "c"), thermal(line.energies, line.log_g, spins, t), strict=True)),
                    **dict(zip(("u_exact", "c_exact"), thermal(energies, exact, spins, t), strict=True)),
                }
                for t in TEMPERATURES
            ],
            "energies": levels,
            "log_g": line.log_g.round(3).tolist(),
            "log_g_exact": exact.round(6).tolist(),
        },
        "plane": {
            "steps": arguments.plane_steps,
            "processor_seconds": round(plane_seconds, 1),
            "cells": int(np.isfinite(plane.log_g).sum()),
            "levels_missing": sorted(set(levels) - {round(energy) for energy in plane.energies}),
            "rms_standard_error": rms(plane.error[np.isfinite(plane.error)]),
            "rms_error_of_log_g_of_e": rms(over_e - exact[at]),
            "rms_error_of_log_g_of_m": rms(over_m - sums),
            "ground_states": float(np.exp(over_e[0])),
            **plane_json(plane, symmetric=True),
        },
    }
    path = arguments.json or Path(f"docs/results/density-of-states-{length}.json")
    write_text(path, compact(content))
    for part in ("energy", "plane"):
        shown = {key: value for key, value in content[part].items() if not isinstance(value, list)}  # type: ignore[index,attr-defined]
        print(part, json.dumps(shown))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"density_of_states: {error}") from None
