"""Schedules that agents of the zoo follow on their test instances: mean, spread, examples, acceptance ratios.

One episode by the mean actions on each instance; three of them are kept as examples.

    python scripts/agent_schedules.py [AGENT=SET …] [--json docs/results/agent-schedules.json]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from policy_map import compact

from annealrl.agents import catalogue as zoo
from annealrl.agents.storage import load_agent
from annealrl.agents.traces import trace
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.instances import catalogue
from annealrl.results import write_text

SIDES = (4, 6, 8, 10, 12, 14, 16)
SEED = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agents", nargs="*", help="AGENT=SET; by default ea2d-SIDE=cool-SIDE of every side there is")
    parser.add_argument("--json", type=Path, default=Path("docs/results/agent-schedules.json"))
    arguments = parser.parse_args()
    default = [f"ea2d-{side}=cool-{side}" for side in SIDES if f"ea2d-{side}" in zoo.names()]
    pairs = [given.partition("=")[::2] for given in arguments.agents or default]
    rows: list[dict[str, Any]] = []
    with progress_bar("schedules") as update:
        for k, (name, chosen) in enumerate(pairs):
            agent, models = load_agent(name), catalogue.load(chosen).models
            seeds = [np.random.SeedSequence(SEED, spawn_key=(i,)) for i in range(len(models))]
            found = trace(agent, models, seeds)
            parts: dict[str, Any] = {"agent": name, "instances": chosen, "fingerprint": agent.fingerprint}
            for key, values in (("beta", found.betas), ("acceptance", found.acceptances)):
                parts[key] = {
                    "mean": values.mean(axis=1).round(5).tolist(),
                    "std": values.std(axis=1).round(5).tolist(),
                }
            parts["examples"] = found.betas[:, :3].T.round(4).tolist()
            parts["largest_relative_std"] = float((found.betas.std(axis=1) / found.betas.mean(axis=1)).max())
            rows.append(parts)
            update(k + 1, len(pairs))
    write_text(arguments.json, compact({"seed": SEED, "episodes_per_instance": 1, "agents": rows}))
    for row in rows:
        print(f"{row['agent']}: largest relative standard deviation of beta {row['largest_relative_std']:.3f}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"agent_schedules: {error}") from None
