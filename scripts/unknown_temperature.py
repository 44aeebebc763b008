"""Starting temperatures that nobody tells: agents and constant cooling rates against the starting β.

The equivalents of Fig. 3 of Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), for weak–strong clusters and
for the ferromagnet: success at the end of an episode against the starting β, for schedules that add a constant to β in
every step, and for agents; then schedules and acceptance ratios of the agents from the hottest and the coldest start.
For the clusters also success where all energies are multiplied by a number that nobody tells either.

    python scripts/unknown_temperature.py wsc [--agents wsc-unknown wsc] [--episodes 100]
    python scripts/unknown_temperature.py ferromagnet [--agents ferromagnet-16]
    python scripts/unknown_temperature.py wsc --card    # what is stored into the card of the agent; measures nothing
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from policy_map import compact

from annealrl import statistics
from annealrl.agents.card import EVALUATION, write_card
from annealrl.agents.storage import Agent, load_agent
from annealrl.agents.traces import Trace, trace
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget
from annealrl.results import read_json, write_text
from annealrl.simulator import ReplicaSimulator

ZOO = Path(__file__).resolve().parents[1] / "agents" / "zoo"
#: What is added to β in every step.
RATES = (0.0, 0.01, 0.03, 0.1, 0.3)
CASES: dict[str, dict[str, Any]] = {
    "wsc": {"agents": ["wsc-unknown", "wsc"], "starts": np.linspace(0.2, 5.0, 13)},
    "ferromagnet": {"agents": ["ferromagnet-16"], "starts": np.linspace(0.1, 2.0, 11)},
}
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SEED = 3


def streams(*key: int, episodes: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(SEED, spawn_key=(*key, episode)) for episode in range(episodes)]


def judged(energies: FloatArray, model: IsingModel, ground: float) -> dict[str, Any]:
    """What final energies, shape (E, R), come to."""
    solved = energies <= ground + model.slack
    wins = np.array([int(solved.any(axis=1).sum())])
    low, high = statistics.pooled_interval(wins, np.array([len(energies)]))
    return {
        "p": float(solved.any(axis=1).mean()),
        "p_ci": [low, high],
        "replicas_solved": float(solved.mean()),
        "residual_per_spin": float((energies.mean() - ground) / model.n),
    }


def rate(agent: Agent, model: IsingModel, ground: float, start: float, step: float, key: int, episodes: int) -> Any:
    """A schedule of constant rate from a start, on the agent's budget."""
    env = agent.config.env.make(1)
    seeds, models, o = streams(key, episodes=episodes), [model] * episodes, env.options
    simulator = ReplicaSimulator(models, o.replicas, seeds=seeds, threads=o.threads)
    simulator.load(range(episodes), models, seeds, [env.family.start(model)] * episodes)
    for t in range(o.steps):
        simulator.advance(start + step * (t + 1), o.sweeps_per_step)
    return judged(simulator.energies, model, ground)


def moments(values: FloatArray) -> dict[str, Any]:
    """Mean and standard deviation over episodes, and the first one, of shape (steps, E)."""
    return {
        "mean": values.mean(axis=1).round(5).tolist(),
        "std": values.std(axis=1).round(5).tolist(),
        "example": values[:, 0].round(5).tolist(),
    }


def shown(found: Trace) -> dict[str, Any]:
    return {"beta": moments(found.betas), "acceptance": moments(found.acceptances)}


def scaled(model: IsingModel, factor: float) -> IsingModel:
    return IsingModel.from_edges(
        model.edges, model.couplings * factor, model.fields * factor, n=model.n, offset=model.offset * factor
    )


def write_evaluation(content: dict[str, Any], case: str) -> Path:
    """Put what was measured into the zoo's entry of the agent whose schedules are shown."""
    name = content["examples"]["agent"]
    folder, row = ZOO / name, content["methods"][name]
    agent = load_agent(folder)
    if agent.fingerprint != row["fingerprint"]:
        raise SystemExit(f"{folder}: the agent has changed since it was measured")

    def shares(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"p": [entry["p"] for entry in rows], "replicas": [round(entry["replicas_solved"], 3) for entry in rows]}

    shown = {
        "command": f"python scripts/unknown_temperature.py {case}",
        "shares solved": "p: of episodes; replicas: of all replicas, by their energies at the end",
        **{key: content[key] for key in ("episodes", "replicas", "steps", "sweeps_per_step", "criterion", "starts")},
        "agent": {"name": name, "fingerprint": row["fingerprint"], **shares(row["starts"])},
        "schedules from the same starts": {
            f"Δβ = {other['rate']:g} a step": shares(other["starts"])
            for other in content["methods"].values()
            if other["kind"] == "rate"
        },
    }
    if name in content["scales"]:
        rows = content["scales"][name]
        shown["all energies times a factor"] = {"factors": [entry["scale"] for entry in rows], **shares(rows)}
    write_text(folder / EVALUATION, compact(shown))
    write_card(folder, agent.config)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=sorted(CASES))
    parser.add_argument("--agents", nargs="+", help="names or directories; the first one's schedules are shown")
    parser.add_argument("--episodes", type=int, default=100, help="from each start")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--card", action="store_true", help="write the stored result into the agent's card, no more")
    arguments = parser.parse_args()
    path = arguments.json or Path(f"docs/results/unknown-temperature-{arguments.case}.json")
    if arguments.card:
        print(write_evaluation(read_json(path), arguments.case))
        return
    case, episodes = CASES[arguments.case], arguments.episodes
    agents = [load_agent(name) for name in arguments.agents or case["agents"]]
    first = agents[0].config.env.make(1)
    model = first.family.sample(np.random.default_rng(0))
    ground = first.family.ground_energy(model)
    starts = case["starts"]
    scales = SCALES if arguments.case == "wsc" else ()
    options = first.options
    total = len(starts) * (len(RATES) + len(agents)) + len(scales) * len(agents)
    rows: dict[str, Any] = {}
    examples: dict[str, Any] = {}
    by_scale: dict[str, Any] = {}
    done = 0
    with progress_bar(arguments.case) as update:

        def tick() -> None:
            nonlocal done
            done += 1
            update(done, total)

        for step in RATES:
            found = []
            for k, start in enumerate(starts):
                found.append(rate(agents[0], model, ground, start, step, k, episodes))
                tick()
            rows[f"rate {step:g}"] = {"kind": "rate", "rate": step, "starts": found}
        for agent in agents:
            found = []
            budget = Budget(options.replicas, options.steps, options.sweeps_per_step, arguments.threads)
            for k, start in enumerate(starts):
                seeds = streams(k, episodes=episodes)
                way = trace(agent, [model] * episodes, seeds, beta_start=float(start), budget=budget)
                found.append(judged(way.energies[-1], model, ground))
                if agent is agents[0] and k in (0, len(starts) - 1):
                    examples["hot" if k == 0 else "cold"] = {"start": float(start), **shown(way)}
                tick()
            features = agent.config.env.make(1).options.features or ()
            names = agent.config.env.make(1).observation
            rows[agent.name] = {
                "kind": "agent",
                "fingerprint": agent.fingerprint,
                "knows_beta": any("beta" in name for name in getattr(names, "names", ())),
                "features": list(features),
                "starts": found,
            }
            if scales:
                by_scale[agent.name] = []
            for factor in scales:
                # The environment's own random starts, the same numbers at every scale.
                seeds = streams(1000, episodes=episodes)
                other = scaled(model, factor)
                way = trace(agent, [other] * episodes, seeds, budget=budget)
                by_scale[agent.name].append({"scale": factor, **judged(way.energies[-1], other, ground * factor)})
                tick()
    content = {
        "case": arguments.case,
        "model": first.family.__class__.__name__,
        "episodes": episodes,
        "replicas": options.replicas,
        "steps": options.steps,
        "sweeps_per_step": options.sweeps_per_step,
        "criterion": "final",
        "seed": SEED,
        "beta_max": options.beta_max,
        "starts": [round(float(start), 6) for start in starts],
        "methods": rows,
        "examples": {"agent": agents[0].name, **examples},
        "scales": by_scale,
    }
    write_text(path, compact(content))
    for name, row in rows.items():
        print(f"{name:16s}", " ".join(f"{entry['p']:.2f}" for entry in row["starts"]))
    for name, found in by_scale.items():
        print(f"scale {name:10s}", " ".join(f"{entry['p']:.2f}" for entry in found))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"unknown_temperature: {error}") from None
