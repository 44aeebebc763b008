"""What moves between replicas cost, one core, 2D Edwards-Anderson: updates a second and shares of a step of 100 sweeps.

Contenders take turns round by round and medians are shown, because machines are noisy.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annealrl.instances.generators import edwards_anderson_2d
from annealrl.simulator import ReplicaSimulator, Rule

SWEEPS = 100


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--instances", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    models = [edwards_anderson_2d(arguments.length, np.random.default_rng(k)) for k in range(arguments.instances)]
    replicas = arguments.replicas

    def fresh(rule: Rule = "metropolis") -> ReplicaSimulator:
        simulator = ReplicaSimulator(models, replicas, rule=rule, threads=1, seed=1)
        simulator.advance(0.8, SWEEPS)
        return simulator

    common, own, bath, population = fresh(), fresh(), fresh("gibbs"), fresh()
    ladder = np.geomspace(0.3, 3.0, replicas)
    few = np.geomspace(0.3, 3.0, replicas // 8)
    tempering = {every: fresh().tempering(ladder, every=every) for every in (1, 2, 5, 10)}
    clusters = {every: fresh().tempering(few, 8, every=every, clusters=True) for every in (1, 2, 5, 10)}
    # At Δβ = 0.1 about a third of the replicas is replaced; warm sweeps in between keep the population diverse.
    contenders: dict[str, Callable[[], object]] = {
        "common β, Metropolis": lambda: common.advance(0.8, SWEEPS),
        "own β, Metropolis": lambda: own.advance(ladder[None], SWEEPS),
        "own β, Gibbs": lambda: bath.advance(ladder[None], SWEEPS),
        "resampling alone": lambda: population.population.resample(0.1),
    }
    for every, moves in tempering.items():
        contenders[f"tempering, every {every}"] = lambda moves=moves: moves.advance(SWEEPS)  # type: ignore[misc]
    for every, moves in clusters.items():
        contenders[f"tempering + icm, every {every}"] = lambda moves=moves: moves.advance(SWEEPS)  # type: ignore[misc]
    contenders["exchange alone"] = tempering[1].exchange
    contenders["cluster move alone"] = clusters[1].cluster
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, work in contenders.items():
            seconds[name].append(timed(work))
        population.advance(0.8, 20)
    step = statistics.median(seconds["common β, Metropolis"])
    updates = sum(model.n for model in models) * replicas * SWEEPS
    rows = []
    for name, taken in seconds.items():
        median = statistics.median(taken)
        alone = name.endswith("alone")
        rate = None if alone else updates / median
        rows.append(
            {
                "name": name,
                "seconds_per_instance": median / len(models),
                "share_of_step": median / step,
                "updates_per_second": rate,
            }
        )
        print(
            f"{name:28} {1e6 * median / len(models):9.2f} µs an instance, {100 * median / step:7.2f} % of a step"
            + ("" if rate is None else f", {rate / 1e9:6.3f} x 1e9 updates/s")
        )
    if arguments.json:
        content = {"length": arguments.length, "replicas": replicas, "sweeps": SWEEPS, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
