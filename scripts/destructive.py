"""Destructive observation: its two implementations against each other, and an agent that was trained in it.

Side 8, 64 replicas, 40 steps of 10 sweeps, success at the end. Literal replay and parallel ensembles run one and the
same policy on streams that differ, on validation instances, and must agree on p within their intervals. Then two agents
of one recipe, trained with free and with destructive observation, each judged in both, on test instances.

    python scripts/destructive.py [--runs runs/destructive] [--json docs/results/destructive-8.json]

Trainings resume from their checkpoints; one that is complete is not done again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from looks import RIVALS, SEED, STEPS, SWEEPS, TEST, configurations

from annealrl import api, statistics
from annealrl.agents.config import EnvConfig
from annealrl.agents.storage import Agent, load_agent
from annealrl.agents.training import train
from annealrl.agents.trials import Trials, run_trials
from annealrl.evaluation import evaluate
from annealrl.instances import catalogue
from annealrl.method import Budget
from annealrl.results import write_text

KINDS: dict[str, dict[str, Any]] = {
    "free": {},
    "parallel": {"observing": "destructive", "ensembles": "parallel"},
    "literal": {"observing": "destructive", "ensembles": "literal"},
}


def observed(agent: Agent, kind: str) -> EnvConfig:
    """The agent's environment with another way of observing."""
    kept = {key: value for key, value in agent.config.env.options.items() if key not in ("observing", "ensembles")}
    return replace(agent.config.env, options={**kept, **KINDS[kind]})


def trials(agent: Agent, kind: str, instances: Any, episodes: int, seed: int, threads: int) -> Trials:
    """Episodes of an agent under a way of observing."""
    return run_trials(
        agent.policy,
        observed(agent, kind),
        instances,
        episodes=episodes,
        seed=seed,
        budget=Budget(64, STEPS, SWEEPS, threads),
    )


def main() -> None:
    """Train, compare, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/destructive"))
    parser.add_argument("--json", type=Path, default=Path("docs/results/destructive-8.json"))
    parser.add_argument("--episodes", type=int, default=1440, help="Of training.")
    parser.add_argument("--trials", type=int, default=10, help="Episodes on each instance.")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    recipe = replace(configurations()["known/every-1"], episodes=arguments.episodes, validation=None)
    agents: dict[str, Agent] = {}
    for name in ("free", "destructive"):
        kind = "free" if name == "free" else "parallel"
        options = {**recipe.env.options, **KINDS[kind]}
        options.pop("ensembles", None)
        train(replace(recipe, env=replace(recipe.env, options=options)), arguments.runs / name, resume=True)
        agents[name] = load_agent(arguments.runs / name)

    chosen = api.load_instances("ea2d-8-val", certify=True)
    agreement: dict[str, Any] = {
        "instances": chosen.name,
        "episodes_per_instance": arguments.trials,
        "agent": "destructive",
    }
    successes = {}
    for i, kind in enumerate(("parallel", "literal")):
        found = trials(agents["destructive"], kind, chosen, arguments.trials, 1000 + i, arguments.threads)
        agreement[kind], successes[kind] = found.to_json(), found.successes
        print(f"{kind}: p {agreement[kind]['p']:.4f} {agreement[kind]['p_ci']}", flush=True)
    difference = (successes["literal"] - successes["parallel"]) / arguments.trials
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    mean = float(difference.mean())
    agreement["p_literal_minus_parallel"] = {"value": mean, "interval": [mean - 1.96 * error, mean + 1.96 * error]}

    test = catalogue.load(TEST)
    rows: dict[str, Any] = {}
    solved = {}
    for name, agent in agents.items():
        # Literal replay was compared above; the free agent is none that destructive observation is for.
        for kind in ("free",) if name == "free" else ("free", "parallel"):
            key = f"trained {name}, observed {'free' if kind == 'free' else 'destructive'}"
            found = trials(agent, kind, test, arguments.trials, SEED, arguments.threads)
            rows[key], solved[key] = found.to_json(), found.successes
            print(f"{key}: n99 {rows[key]['n99']:.3f}", flush=True)
    budget = Budget(64, STEPS, SWEEPS, arguments.threads)
    for method in RIVALS:
        judged = evaluate(method, test, episodes=arguments.trials, budget=budget, criterion="final", seed=SEED)
        rows[method] = {
            "p": judged.p,
            "p_ci": judged.p_ci,
            "n99": judged.n99,
            "n99_ci": judged.n99_ci,
            "looks_per_episode": 0.0,
            "attempted_updates_per_episode": judged.attempted_updates / (len(test) * arguments.trials),
            "seconds_per_episode": judged.seconds_per_episode,
        }
        solved[method] = np.array([row.final_successes for row in judged.per_instance])
    counts = np.full(len(test), arguments.trials)
    base = solved["trained free, observed free"]
    for key, row in rows.items():
        ratio = statistics.paired_ratio(solved[key], counts, base, counts)
        row["n99_ratio_to_free"] = {"value": ratio.value, "interval": ratio.interval}
    content = {
        "replicas": 64,
        "steps": STEPS,
        "sweeps_per_step": SWEEPS,
        "criterion": "final",
        "training_episodes": arguments.episodes,
        "agreement": agreement,
        "test": {"instances": TEST, "episodes_per_instance": arguments.trials, "seed": SEED, "rows": rows},
    }
    write_text(arguments.json, json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
