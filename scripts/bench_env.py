"""Where an environment step's time goes, at the reference paper's settings: kernel, Python around it, policy.

A batch of environments (10×10, 64 replicas, 100 sweeps a step) runs whole episodes under the paper's conv-LSTM policy,
or under that of another observation. The kernel's share is what :meth:`ReplicaSimulator.advance` takes; everything else
is overhead, per environment and step: processor seconds with one thread, wall seconds with more. Later work must not
worsen the last line.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

import annealrl as arl
from annealrl.agents import RecurrentPPO
from annealrl.sb3 import AnnealingVecEnv
from annealrl.simulator import ReplicaSimulator

#: The policy that each observation is looked at by.
POLICY = {"spins": "conv-lstm", "features": "features", "tiles": "size-free"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=int, default=32)
    parser.add_argument("--length", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--observation", choices=list(POLICY), default="spins")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    env = arl.make_vec(
        "EdwardsAnderson2D-v0",
        arguments.envs,
        length=arguments.length,
        observation=arguments.observation,
        threads=arguments.threads,
    )
    policy = POLICY[arguments.observation]
    agent = RecurrentPPO(policy, env, seed=0)
    vec = AnnealingVecEnv(env)
    spent = {"kernel": 0.0, "policy": 0.0}
    # On a shared machine the wall's clock tells of others as well.
    clock = time.process_time if arguments.threads == 1 else time.perf_counter

    advance = ReplicaSimulator.advance

    def timed(self: ReplicaSimulator, *args: object, **kwargs: object) -> None:
        began = clock()
        advance(self, *args, **kwargs)  # type: ignore[arg-type]
        spent["kernel"] += clock() - began

    ReplicaSimulator.advance = timed  # type: ignore[method-assign, assignment]
    rows = []
    for episode in range(arguments.episodes + 1):
        spent["kernel"] = spent["policy"] = 0.0
        began = clock()
        observation = vec.reset()
        state, start = None, np.ones(arguments.envs, bool)
        for _ in range(env.steps):
            thinking = clock()
            action, state = agent.predict(observation, state, start, deterministic=True)
            spent["policy"] += clock() - thinking
            observation, _, done, _ = vec.step(action)
            start = done
        total = clock() - began
        if episode:  # the first one warms up
            rows.append((total, spent["kernel"], spent["policy"]))
    scale = 1e6 / (env.steps * arguments.envs)
    total, kernel, thinking = (float(np.median(column)) * scale for column in zip(*rows, strict=True))
    report = {
        "envs": arguments.envs,
        "threads": arguments.threads,
        "observation": arguments.observation,
        "kernel_us": kernel,
        "policy_us": thinking,
        "python_us": total - kernel - thinking,
        "outside_us": total - kernel,
        "outside_share": (total - kernel) / total,
    }
    size = f"{arguments.length}×{arguments.length}"
    print(f"{arguments.envs} environments of {size}, {arguments.threads} thread(s), policy {policy}")
    print("µs per environment and step, median over episodes (reset included):")
    for key in ("kernel_us", "policy_us", "python_us", "outside_us"):
        print(f"  {key.removesuffix('_us'):8} {report[key]:8.1f}")
    print(f"outside the kernel: {100 * report['outside_share']:.1f} % of an episode")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
