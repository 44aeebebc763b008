"""Controlled observation: what looking is worth, and what a policy makes of it that decides on its looks.

Side 8, 64 replicas, 40 steps of 10 sweeps, success at the end. Agents that pay for each look, agents that look at fixed
intervals, and what they reach on the test instances, which none of them has seen: n99 against looks per episode.

    python scripts/looks.py [--runs runs/looks] [--json docs/results/looks-8.json] [--episodes 4800] [--only NAME …]

Trainings resume from their checkpoints; one that is complete is not done again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import statistics
from annealrl.agents.config import TrainConfig, parse_config
from annealrl.agents.storage import load_agent
from annealrl.agents.training import train
from annealrl.agents.trials import run_trials
from annealrl.evaluation import evaluate
from annealrl.instances import catalogue
from annealrl.method import Budget
from annealrl.results import write_text

STEPS, SWEEPS = 40, 10
TEST, PER_INSTANCE, SEED = "cool-8", 20, 5
COSTS = (0.0, 1e-5, 5e-5, 2e-4, 1e-3)
IN_SWEEPS = (1, 3)
EVERY = (1, 2, 5, 10, 20, 40)
RIVALS = ("linear:0.4:4", "geometric:0.4:5")


def configurations(episodes: int) -> dict[str, TrainConfig]:
    """All trainings by name."""
    env: dict[str, Any] = {
        "id": "EdwardsAnderson2D-v0",
        "num_envs": 96,
        "group_size": 8,
        "length": 8,
        "steps": STEPS,
        "sweeps_per_step": SWEEPS,
        "observation": "features",
        "action_scale": 1.0,
        "reference": {"kind": "geometric", "start": 0.4, "end": 5.0},
        "reward": "soft_minimum",
        "criterion": "final",
    }
    recipe: dict[str, Any] = {
        "episodes": episodes,
        "policy": "features",
        "policy_options": {"width": 64, "log_std_init": -1.8},
        "ppo": {
            "learning_rate": 2e-3,
            "anneal": "cosine",
            "n_epochs": 4,
            "batch_episodes": 48,
            "advantage": "group",
            "vf_coef": 0.0,
            "noise_correlation": 0.9,
        },
        # Validation would choose by success alone, whatever the looks cost: the last policy is kept everywhere.
        "validation": None,
        "seed": 0,
    }
    look = {"action": ["log_beta_offset", "look"]}
    options: dict[str, dict[str, Any]] = {}
    for k in EVERY:
        options[f"every-{k}"] = {"action": "log_beta_offset"} | ({"look_every": k} if k > 1 else {})
    for cost in COSTS:
        options[f"cost-{cost:g}"] = look | {"look_cost": cost}
    for sweeps in IN_SWEEPS:
        options[f"sweeps-{sweeps}"] = look | {"look_cost": float(sweeps), "look_paid_in": "sweeps"}
        paid = {"action": "log_beta_offset", "look_cost": float(sweeps), "look_paid_in": "sweeps"}
        for k in (1, 5):
            options[f"sweeps-{sweeps}-every-{k}"] = paid | {"look_every": k}
    return {name: parse_config({**recipe, "env": {**env, **own}}, name) for name, own in options.items()}


def measure(folder: Path, threads: int) -> dict[str, Any]:
    """What the agent of a folder reaches on the test instances."""
    agent = load_agent(folder)
    budget = Budget(64, STEPS, SWEEPS, threads)
    found = run_trials(
        agent.policy, agent.config.env, catalogue.load(TEST), episodes=PER_INSTANCE, seed=SEED, budget=budget
    )
    frequency = found.looked.mean(axis=(1, 2)).round(4).tolist()
    spread = float(found.looks.std())
    return {
        **found.to_json(),
        "looks_std": spread,
        "look_frequency": frequency,
        "successes": found.successes.tolist(),
    }


def main() -> None:
    """Train what is not trained yet, measure everything, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/looks"))
    parser.add_argument("--json", type=Path, default=Path("docs/results/looks-8.json"))
    parser.add_argument("--episodes", type=int, default=4800)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="Of the trainings; the others go into the JSON if they are complete.")
    arguments = parser.parse_args()
    rows: dict[str, Any] = {}
    for name, config in configurations(arguments.episodes).items():
        folder = arguments.runs / name
        if arguments.only is None or name in arguments.only:
            train(config, folder, resume=True)
        if not (folder / "README.md").is_file():
            continue
        done = folder / "measured.json"
        if not done.is_file():
            write_text(done, json.dumps(measure(folder, arguments.threads)))
        options = config.env.options
        rows[name] = {
            "look_every": options.get("look_every", 1) if "look" not in options["action"] else None,
            "look_cost": options.get("look_cost", 0.0),
            "look_paid_in": options.get("look_paid_in", "reward"),
            **json.loads(done.read_text()),
        }
        print(f"{name}: {rows[name]['looks_per_episode']:.1f} looks, n99 {rows[name]['n99']:.3f}", flush=True)
    base = rows.get("every-1")
    counts = np.full(len(catalogue.load(TEST)), PER_INSTANCE)
    for row in rows.values():
        if base is not None:
            ratio = statistics.paired_ratio(row["successes"], counts, base["successes"], counts)
            row["n99_ratio_to_always"] = {"value": ratio.value, "interval": ratio.interval}
    budget = Budget(64, STEPS, SWEEPS, arguments.threads)
    static: dict[str, Any] = {}
    for method in RIVALS:
        found = evaluate(
            method, catalogue.load(TEST), episodes=PER_INSTANCE, budget=budget, criterion="final", seed=SEED
        )
        static[method] = {"p": found.p, "p_ci": found.p_ci, "n99": found.n99, "n99_ci": found.n99_ci}
    for row in rows.values():
        del row["successes"]
    content = {
        "instances": TEST,
        "episodes_per_instance": PER_INSTANCE,
        "replicas": 64,
        "steps": STEPS,
        "sweeps_per_step": SWEEPS,
        "criterion": "final",
        "training_episodes": arguments.episodes,
        "agents": rows,
        "static": static,
    }
    write_text(arguments.json, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
