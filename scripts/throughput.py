"""Attempted updates per second of the simulator beside dwave-samplers, one core each, in one run.

Both anneal the same 2D Edwards-Anderson torus over the same linear β schedule with the same number of replicas (reads).
The two take turns, and the median over the rounds of the ratio is the figure: machines are noisy, pairs less so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annealrl.instances.conventions import to_dimod
from annealrl.instances.generators import edwards_anderson_2d
from annealrl.ising import IsingModel
from annealrl.simulator import Order, ReplicaSimulator, Rule


def ours(
    model: IsingModel, replicas: int, sweeps: int, betas: np.ndarray, rule: Rule, order: Order
) -> Callable[[], float]:
    simulator = ReplicaSimulator([model], replicas, rule=rule, order=order, threads=1)

    def run() -> float:
        began = time.perf_counter()
        for k, beta in enumerate(betas):
            simulator.advance(beta, sweeps * (k + 1) // len(betas) - sweeps * k // len(betas))
        return time.perf_counter() - began

    return run


def dwave(model: IsingModel, replicas: int, sweeps: int, betas: np.ndarray, order: str) -> Callable[[], float]:
    from dwave.samplers import SimulatedAnnealingSampler

    bqm = to_dimod(model)
    sampler = SimulatedAnnealingSampler()

    def run() -> float:
        began = time.perf_counter()
        sampler.sample(
            bqm,
            num_reads=replicas,
            num_sweeps=sweeps,
            num_sweeps_per_beta=sweeps // len(betas),
            beta_schedule_type="custom",
            beta_schedule=list(betas),
            randomize_order=order == "random",
            seed=1,
        )
        return time.perf_counter() - began

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--sweeps", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = edwards_anderson_2d(arguments.length, np.random.default_rng(0))
    betas = np.linspace(0.05, 5.0, 40)
    shared = (model, arguments.replicas, arguments.sweeps, betas)
    contenders = {
        "annealrl, Metropolis, random order": ours(*shared, "metropolis", "random"),
        "annealrl, Gibbs, sequential": ours(*shared, "gibbs", "sequential"),
        "dwave-samplers, default order": dwave(*shared, "default"),
        "dwave-samplers, random order": dwave(*shared, "random"),
    }
    updates = model.n * arguments.replicas * arguments.sweeps
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for _ in range(arguments.rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
    peer = seconds["dwave-samplers, default order"]
    rows = []
    for name, taken in seconds.items():
        rate = updates / statistics.median(taken)
        ratios = sorted(theirs / own for own, theirs in zip(taken, peer, strict=True))
        rows.append({"name": name, "updates_per_second": rate, "ratio": statistics.median(ratios), "ratios": ratios})
        print(
            f"{name:36} {rate / 1e9:7.3f} x 1e9/s   {statistics.median(ratios):6.1f} x dwave-samplers' default order"
            f"   ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
    if arguments.json:
        content = {"length": arguments.length, "replicas": arguments.replicas, "sweeps": arguments.sweeps, "rows": rows}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
