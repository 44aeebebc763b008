"""Proposals a second of compiled and batched moves of designs, by processor time of one thread."""

from __future__ import annotations

import argparse
import time

from annealrl.envs.potts import Clock, Potts
from annealrl.envs.rotor import PlanarRotor, XYModel
from annealrl.envs.surrogate import SurrogateIsing
from annealrl.objective import Objective
from annealrl.objective_simulator import ObjectiveSimulator


def rate(objective: Objective, replicas: int, seconds: float) -> tuple[float, float]:
    """Proposals per second of processor time, and the acceptance ratio, at the energy scale's temperature."""
    simulator = ObjectiveSimulator([objective], replicas, seed=0, threads=1)
    beta, sweeps = 1.0 / objective.energy_scale, 1
    simulator.advance(beta, 1)
    while True:
        before, began = simulator.attempted, time.process_time()
        simulator.advance(beta, sweeps)
        spent = time.process_time() - began
        if spent > seconds:
            return (simulator.attempted - before) / spent, float(simulator.acceptance_ratio(sweeps)[0])
        sweeps *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--length", type=int, default=16)
    parser.add_argument("--replicas", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    side = arguments.length
    families: list[Objective] = [XYModel(side), PlanarRotor(side), Clock(side), Potts(side), SurrogateIsing(side)]
    print(f"{side}×{side}, {arguments.replicas} replicas, one thread; millions of proposals a second (acceptance)")
    for objective in families:
        found, accepted = rate(objective, arguments.replicas, arguments.seconds)
        print(f"{objective.name:16} {found / 1e6:8.3f} ({accepted:.2f})")


if __name__ == "__main__":
    main()
