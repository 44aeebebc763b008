"""Weak–strong clusters from every starting temperature: the trained agent against linear schedules.

Episodes start in the local minimum at a given β; one is solved when a replica is in the ground state at its end. Beside
the agent stand linear schedules from the same β: cooling to one end that serves all starts best, cooling to the end
that is best for each start, and to any end at all, which may lie at a smaller β, so that the schedule heats. Ends are
chosen on other streams than they are measured on. Writes DIR/wsc.json and DIR/wsc.svg.

    python scripts/wsc.py [--agent wsc] [--episodes 100] [--out runs/wsc]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.agents.rollout import play
from annealrl.agents.storage import Agent, load_agent
from annealrl.envs.weak_strong_clusters import WeakStrongClusters
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.results import write_text
from annealrl.schedules import Linear
from annealrl.simulator import ReplicaSimulator

STARTS = np.linspace(0.2, 5.0, 10)
ENDS = np.array([0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0])
TUNE, MEASURE = 1, 2
FAMILY = WeakStrongClusters()
MODEL = FAMILY.sample(np.random.default_rng(0))
GROUND = FAMILY.ground_energy(MODEL) + MODEL.slack


def streams(kind: int, start: int, episodes: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(0, spawn_key=(kind, start, episode)) for episode in range(episodes)]


def linear(start: int, end: float, kind: int, episodes: int, budget: Budget) -> float:
    """Share of episodes that a linear schedule solves."""
    seeds, models = streams(kind, start, episodes), [MODEL] * episodes
    simulator = ReplicaSimulator(models, budget.replicas, seeds=seeds, threads=budget.threads)
    simulator.load(range(episodes), models, seeds, [FAMILY.initial_spins(MODEL)] * episodes)
    for beta in Linear(STARTS[start], end).betas(budget.steps):
        simulator.advance(beta, budget.sweeps_per_step)
    return float((simulator.energies.min(axis=1) <= GROUND).mean())


def learned(agent: Agent, start: int, episodes: int, budget: Budget) -> tuple[float, FloatArray]:
    """Share of episodes that the agent solves, and its mean schedule."""
    played = play(
        agent.policy,
        agent.config.env,
        [MODEL] * episodes,
        streams(MEASURE, start, episodes),
        budget,
        family_starts=True,
        beta_start=STARTS[start],
    )
    return float((played.energies.min(axis=1) <= GROUND).mean()), played.betas.mean(axis=1)


def measure(agent: Agent, episodes: int, budget: Budget, say: Callable[[str], None]) -> dict[str, Any]:
    everywhere = range(len(STARTS))
    say("tuning the ends of linear schedules")
    tuned = np.array([[linear(start, end, TUNE, episodes, budget) for end in ENDS] for start in everywhere])
    cooling = ENDS[None, :] >= STARTS[:, None]
    # Of equally good ends the coldest is taken: that is what a cooling schedule is meant to reach.
    common = ENDS[_last_best(np.where(cooling.all(axis=0), tuned.mean(axis=0), -1.0))]
    own_cooling = [ENDS[_last_best(np.where(cooling[start], tuned[start], -1.0))] for start in everywhere]
    own = [ENDS[_last_best(tuned[start])] for start in everywhere]
    rows: dict[str, dict[str, Any]] = {}
    for name, ends in (
        ("linear cooling, one end", [common] * len(STARTS)),
        ("linear cooling, best end of each start", own_cooling),
        ("linear, any end, best of each start", own),
    ):
        say(name)
        solved = [linear(start, ends[start], MEASURE, episodes, budget) for start in everywhere]
        rows[name] = {"p": solved, "end": [float(end) for end in ends]}
    say(f"agent {agent.name}")
    results = [learned(agent, start, episodes, budget) for start in everywhere]
    rows["agent"] = {
        "p": [p for p, _ in results],
        "name": agent.name,
        "fingerprint": agent.fingerprint,
        "mean_betas": [[round(float(beta), 4) for beta in betas] for _, betas in results],
    }
    return {
        "starts": STARTS.round(6).tolist(),
        "episodes": episodes,
        "criterion": "final",
        "replicas": budget.replicas,
        "steps": budget.steps,
        "sweeps_per_step": budget.sweeps_per_step,
        "smallest_p_of_agent": min(rows["agent"]["p"]),
        "methods": rows,
    }


def _last_best(values: FloatArray) -> int:
    return int(np.flatnonzero(values == values.max())[-1])


def plot(result: dict[str, Any], path: Path) -> None:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    for name, row in result["methods"].items():
        axes.plot(result["starts"], row["p"], marker="o", ms=4, lw=2 if name == "agent" else 1, label=name)
    axes.set(xlabel="starting β", ylabel="share of episodes solved", ylim=(-0.03, 1.03))
    axes.set_title(f"Weak–strong clusters, {result['episodes']} episodes a point, success at the end", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="center right")
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="Weak–strong clusters from every starting temperature.")
    parser.add_argument("--agent", default="wsc", help="name or directory of the agent")
    parser.add_argument("--episodes", type=int, default=100, help="episodes from each start")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("runs/wsc"))
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr)

    began = time.perf_counter()
    agent = load_agent(arguments.agent)
    result = measure(agent, arguments.episodes, Budget(threads=arguments.threads), say)
    result["seconds"] = round(time.perf_counter() - began, 1)
    write_text(arguments.out / "wsc.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    plot(result, arguments.out / "wsc.svg")
    for name, row in result["methods"].items():
        say(f"{name:40s} " + " ".join(f"{p:.2f}" for p in row["p"]))
    say(f"written: {arguments.out}/wsc.json, {arguments.out}/wsc.svg")


if __name__ == "__main__":
    main()
