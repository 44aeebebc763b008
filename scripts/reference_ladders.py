"""How far the runs of a reference stay above the best energy, by its ladder of temperatures.

Generated instances that are hard at this budget. Prints a Markdown table of the mean excess energy of a run, in units
of σ, over the best that any ladder found on the instance; exact optima (planted, or proven in little time) count too.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from annealrl.cli.output import progress_bar
from annealrl.instances.lattices import edwards_anderson_2d, edwards_anderson_3d
from annealrl.instances.planted import planted_xorsat
from annealrl.instances.random_graphs import max_cut_gnp
from annealrl.ising import IsingModel
from annealrl.schedules import coupling_scale
from annealrl.solvers.reference import Ladder, reference

LADDERS = (
    Ladder(),
    Ladder(cold=3.0),
    Ladder(cold=10.0),
    Ladder(cold=20.0),
    Ladder(hot=1.0),
    Ladder(temperatures=16, copies=4),
    Ladder(every=1),
    Ladder(every=10),
)


def instances(count: int) -> dict[str, list[IsingModel]]:
    """`count` instances of each family."""
    kinds = {
        "3D ±J, side 8": lambda rng: edwards_anderson_3d(8, rng, "pm1"),
        "3D Gaussian, side 8": lambda rng: edwards_anderson_3d(8, rng),
        "open 2D, side 40": lambda rng: edwards_anderson_2d(40, rng, "gaussian", periodic=False),
        "2D ±J, side 50": lambda rng: edwards_anderson_2d(50, rng, "pm1"),
        "3-XORSAT, 48 bits": lambda rng: planted_xorsat(48, rng).model,
        "max-cut, G(800, 0.015)": lambda rng: max_cut_gnp(800, 0.015, rng),
    }
    streams = np.random.SeedSequence(0).spawn(len(kinds))
    return {
        name: [draw(np.random.default_rng(child)) for child in stream.spawn(count)]
        for (name, draw), stream in zip(kinds.items(), streams, strict=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--sweeps", type=int, default=2000)
    arguments = parser.parse_args()
    families = instances(arguments.count)
    excess = np.zeros((len(LADDERS), len(families), arguments.count, 4))
    seconds = np.zeros(len(LADDERS))
    with progress_bar("ladders") as update:
        for row, ladder in enumerate(LADDERS):
            for column, models in enumerate(families.values()):
                for k, model in enumerate(models):
                    started = time.process_time()
                    found = reference(model, sweeps=arguments.sweeps, ladder=ladder, threads=1)
                    seconds[row] += time.process_time() - started
                    excess[row, column, k] = found.run_energies / coupling_scale(model)
            update(row + 1, len(LADDERS))
    excess -= excess.min(axis=(0, 3), keepdims=True)
    print("| hot | cold | temperatures × copies | every | " + " | ".join(families) + " | processor s |")
    print("|---:|---:|---:|---:|" + "---:|" * (len(families) + 1))
    for ladder, values, spent in zip(LADDERS, excess.mean(axis=(2, 3)), seconds, strict=True):
        numbers = " | ".join(f"{value:.2f}" for value in values)
        print(
            f"| {ladder.hot:g} | {ladder.cold:g} | {ladder.temperatures} × {ladder.copies} | {ladder.every} "
            f"| {numbers} | {spent:.1f} |"
        )


if __name__ == "__main__":
    main()
