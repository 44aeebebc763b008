"""Controlled observation: what looking is worth, and what a policy makes of it that decides on its looks.

Side 8, 64 replicas, 40 steps of 10 sweeps, success at the end. Agents that pay for each look, agents that look at fixed
intervals, and what they reach on the test instances, which none of them has seen: n99 against looks per episode. Once
with β known, once with β that starts anywhere and is known by the replicas alone.

    python scripts/looks.py [--runs runs/looks] [--json docs/results/looks-8.json] [--only NAME …]

Trainings resume from their checkpoints; one that is complete is not done again.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import statistics
from annealrl.agents.config import TrainConfig, parse_config
from annealrl.agents.storage import load_agent
from annealrl.agents.training import train
from annealrl.agents.trials import run_trials
from annealrl.api import load_instances
from annealrl.evaluation import evaluate
from annealrl.instance_set import InstanceSet
from annealrl.method import Budget
from annealrl.results import write_text

STEPS, SWEEPS = 40, 10
#: Not the shipped set, whose scores were seen while the settings below were chosen.
TEST, PER_INSTANCE, SEED = "ea2d-8-test:100", 20, 5
RIVALS = ("linear:0.4:4", "geometric:0.4:5")
#: β set outright, so that it is known; or changed from a random start that is known only by what the replicas do.
SETTINGS: dict[str, dict[str, Any]] = {
    "known": {
        "episodes": 7200,
        "action": "log_beta_offset",
        "env": {"action_scale": 1.0, "reference": {"kind": "geometric", "start": 0.4, "end": 5.0}},
        "every": (1, 2, 5, 10, 20, 40),
        "costs": (0.0, 1e-5, 5e-5, 2e-4),
        "sweeps": (),
    },
    "unknown": {
        "episodes": 3600,
        "action": "delta_log_temperature",
        # No β among the features, and no end of its range within reach to calibrate it by.
        "env": {
            "action_scale": 0.5,
            "beta_start": [0.1, 5.0],
            "beta_max": 1000.0,
            "features": ["time", "overlap", "acceptance"],
        },
        "every": (1, 4, 10, 20, 40),
        "costs": (0.0, 3e-6, 1e-5, 3e-5, 1e-4),
        "sweeps": (3,),
    },
}


def configurations() -> dict[str, TrainConfig]:
    """All trainings by name."""
    env: dict[str, Any] = {
        "id": "EdwardsAnderson2D-v0",
        "num_envs": 96,
        "group_size": 8,
        "length": 8,
        "steps": STEPS,
        "sweeps_per_step": SWEEPS,
        "observation": "features",
        "reward": "soft_minimum",
        "criterion": "final",
    }
    recipe: dict[str, Any] = {
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
    found: dict[str, TrainConfig] = {}
    for setting, given in SETTINGS.items():
        ways: dict[str, dict[str, Any]] = {f"every-{k}": {"look_every": k} if k > 1 else {} for k in given["every"]}
        ways |= {f"cost-{cost:g}": {"look_cost": cost} for cost in given["costs"]}
        for sweeps in given["sweeps"]:
            paid = {"look_cost": float(sweeps), "look_paid_in": "sweeps"}
            ways |= {f"sweeps-{sweeps}": paid, f"sweeps-{sweeps}-every-1": {**paid, "look_every": 1}}
        for way, options in ways.items():
            chosen = "look_every" not in options and way != "every-1"
            own = {**given["env"], **options, "action": [given["action"], "look"] if chosen else given["action"]}
            if "features" in own and way != "every-1" and options.get("look_every") != 1:
                own["features"] = [*own["features"], "age"]
            content = {
                **recipe,
                "episodes": given["episodes"],
                "env": {**env, **own},
            }
            name = f"{setting}/{way}"
            found[name] = parse_config(content, name)
    return found


@cache
def _instances() -> InstanceSet:
    return load_instances(TEST, certify=True)


def measure(folder: Path, threads: int) -> dict[str, Any]:
    """What the agent of a folder reaches on the test instances."""
    agent = load_agent(folder)
    budget = Budget(64, STEPS, SWEEPS, threads)
    found = run_trials(agent.policy, agent.config.env, _instances(), episodes=PER_INSTANCE, seed=SEED, budget=budget)
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
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="Of the agents; the others go into the JSON if they are complete.")
    arguments = parser.parse_args()
    rows: dict[str, Any] = {}
    for name, config in configurations().items():
        folder = arguments.runs / name
        if arguments.only is None or name in arguments.only:
            train(config, folder, resume=True)
        done = folder / f"measured-{TEST.replace(':', '-')}.json"
        left_out = arguments.only is not None and name not in arguments.only and not done.is_file()
        if left_out or not (folder / "README.md").is_file():
            continue
        if not done.is_file():
            write_text(done, json.dumps(measure(folder, arguments.threads)))
        options = config.env.options
        rows[name] = {
            "look_every": None if "look" in options["action"] else options.get("look_every", 1),
            "look_cost": options.get("look_cost", 0.0),
            "look_paid_in": options.get("look_paid_in", "reward"),
            **json.loads(done.read_text()),
        }
        print(f"{name}: {rows[name]['looks_per_episode']:.1f} looks, n99 {rows[name]['n99']:.3f}", flush=True)
    counts = np.full(len(_instances()), PER_INSTANCE)
    for name, row in rows.items():
        base = rows.get(f"{name.partition('/')[0]}/every-1")
        if base is not None:
            ratio = statistics.paired_ratio(row["successes"], counts, base["successes"], counts)
            row["n99_ratio_to_always"] = {"value": ratio.value, "interval": ratio.interval}
    budget = Budget(64, STEPS, SWEEPS, arguments.threads)
    static: dict[str, Any] = {}
    for method in RIVALS:
        found = evaluate(method, _instances(), episodes=PER_INSTANCE, budget=budget, criterion="final", seed=SEED)
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
        "training_episodes": {setting: given["episodes"] for setting, given in SETTINGS.items()},
        "settings": {
            setting: {name.partition("/")[2]: row for name, row in rows.items() if name.startswith(f"{setting}/")}
            for setting in SETTINGS
        },
        "static": static,
    }
    write_text(arguments.json, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
