"""One antidot in an 8×8 wire: an agent for temperature and step size, tuned schedules and gradients, compared.

Stages, each going on where it was interrupted: `tune` tries as many candidates of a geometric schedule of temperature
and step size as of all gradient methods together, on the same training instances; `train` makes agents of
agents/configs/quantum_wire.yml with several seeds and puts the one that validates best into the zoo; `compare` takes
the agent, the best schedule and the best gradient of each kind to the test instances, and writes docs/results/
wire-agent.json, the table of docs/quantum-wire.md and the agent's evaluation.

    python scripts/wire_agent.py [tune] [train] [compare] [--seeds 0 1 2] [--runs runs/wire-agent]
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import quantum_wire_page

from annealrl import api, statistics
from annealrl.agents.card import EVALUATION, write_card
from annealrl.agents.catalogue import HISTORY, ZOO
from annealrl.agents.config import CONFIGS, load_config
from annealrl.agents.storage import load_agent, save_agent
from annealrl.agents.training import CHECKPOINT, train
from annealrl.baselines.grammar import parse_method
from annealrl.cli.output import progress_bar
from annealrl.method import Budget
from annealrl.results import read_json, write_text
from annealrl.tuning import tune

DOCS = Path(__file__).resolve().parents[1] / "docs"
SOURCE, NAME = "env:QuantumWire-v0,design=antidots", "quantum-wire"
BUDGET = Budget(replicas=2, steps=16, sweeps_per_step=3, threads=1)
#: Training instances of the tuning; test instances, episodes on each and their stream.
TRAINING, TESTS, EPISODES, SEED = 24, 60, 3, 1
CANDIDATES = 21
GRADIENTS = {
    **{
        kind: [
            f"gradient:{kind}:rate={rate:g}{flags}" for rate in (0.01, 0.03, 0.1) for flags in (":log", ":log:cosine")
        ]
        for kind in ("rmsprop", "adabelief", "adam")
    },
    "lbfgs": ["gradient:lbfgs", "gradient:lbfgs:log"],
    "lsq": ["gradient:lsq"],
}
STAGES, SEEDS, RUNS = ("tune", "train", "compare"), (0, 1, 2), Path("runs/wire-agent")


def measured(text: str, source: str, episodes: int, seed: int) -> dict[str, Any]:
    """Solved episodes of each instance, and what an episode costs: solutions of the wire and processor seconds."""
    method, models = parse_method(text), list(api.load_instances(source).models)
    goals = np.array([model.known_optimum + model.tolerance for model in models])
    solved, calls = np.zeros(len(models), int), 0.0
    method.run(models[:1], replace(BUDGET, steps=2), [np.random.SeedSequence(0)])
    began = time.process_time()
    with progress_bar(text) as bar:
        for e in range(episodes):
            seeds = [np.random.SeedSequence(seed, spawn_key=(i, e)) for i in range(len(models))]
            outcome = method.run(models, BUDGET, seeds)
            solved += outcome.best_energies <= goals
            calls += float(outcome.evaluations or 0)
            bar(e + 1, episodes)
    count = episodes * len(models)
    return {
        "method": text,
        "solved": solved.tolist(),
        "episodes": episodes,
        "solutions": calls / count,
        "seconds": (time.process_time() - began) / count,
    }


def kept(path: Path, text: str, source: str, episodes: int, seed: int) -> dict[str, Any]:
    """What was measured before, from a file, or now."""
    held = read_json(path) if path.exists() else {}
    assert isinstance(held, dict)
    key = f"{text} {source} {episodes} {seed}"
    if text.startswith("agent:"):
        key += f" {parse_method(text).fingerprint}"
    if key not in held:
        held[key] = measured(text, source, episodes, seed)
        write_text(path, json.dumps(held) + "\n")
    return dict(held[key])


def tuning(runs: Path) -> dict[str, dict[str, Any]]:
    """The best schedule and the best gradient of each kind on training instances, with their shares solved."""
    source = f"{SOURCE},split=train:{TRAINING}"
    best = {}
    for kind, texts in GRADIENTS.items():
        rows = [kept(runs / "tuning.json", text, source, 1, 0) for text in texts]
        best[kind] = max(rows, key=lambda row: sum(row["solved"]))
    with progress_bar("geometric-step") as bar:
        found = tune(
            api.load_instances(source),
            "geometric-step",
            evaluations=CANDIDATES,
            budget=BUDGET,
            sigma_units=True,
            seed=3,
            out=runs / "tuned.json",
            progress=bar,
        )
    shutil.copyfile(runs / "tuned.json", DOCS / "results" / "tuned-wire-antidot.json")
    best["schedule"] = kept(runs / "tuning.json", found.method.name, source, 1, 0)
    for name, row in best.items():
        print(f"{name}: {row['method']} solves {sum(row['solved'])} of {TRAINING}", flush=True)
    return best


def training(runs: Path, seeds: Sequence[int]) -> None:
    """Train, and keep the seed that validated best."""
    config = load_config(CONFIGS / "quantum_wire.yml")

    def best(rows: list[dict[str, Any]]) -> tuple[float, float]:
        return max((row["success"], row["reward"]) for row in rows)

    histories = {}
    for seed in seeds:
        folder = runs / f"agent-{seed}"
        done = read_json(folder / HISTORY) if (folder / HISTORY).is_file() else []
        if not done or done[-1]["episodes"] < config.episodes:
            train(replace(config, seed=seed, threads=1), folder, resume=(folder / CHECKPOINT).is_file())
        histories[seed] = read_json(folder / HISTORY)
    pick = max(seeds, key=lambda seed: best(histories[seed]))
    values = ", ".join(f"{best(histories[seed])[0]:.3f} (seed {seed})" for seed in seeds)
    notes = (
        f"Solved in validation, at the best of each training: {values}; by the untrained policy, which follows the "
        f"tuned temperatures with steps of one size, on the same episodes: {histories[pick][0]['success']:.3f}. The "
        "best seed is kept."
    )
    if max(histories[pick], key=lambda row: (row["success"], row["reward"]))["episodes"] == 0:
        notes += " No policy of its training validated better than the untrained one, which is what is kept."
    agent = load_agent(runs / f"agent-{pick}")
    save_agent(ZOO / NAME, replace(agent.config, threads=None, notes=notes), agent.policy)
    shutil.copyfile(runs / f"agent-{pick}" / HISTORY, ZOO / NAME / HISTORY)
    (ZOO / NAME / EVALUATION).unlink(missing_ok=True)
    write_card(ZOO / NAME, load_config(ZOO / NAME / "config.yml"))
    print(notes)


def comparison(runs: Path) -> None:
    """n99 of all on the test instances, and its ratio to the agent's, paired."""
    best = tuning(runs)
    tuned = best["schedule"]["method"]
    texts = [f"agent:{NAME}", tuned, *(best[kind]["method"] for kind in GRADIENTS)]
    rows = [kept(runs / "compare.json", text, f"{SOURCE}:{TESTS}", EPISODES, SEED) for text in texts]
    counts = [EPISODES] * TESTS
    out = []
    for row in rows:
        summary = statistics.summarize(row["solved"], counts)
        ratio = statistics.paired_ratio(rows[0]["solved"], counts, row["solved"], counts)
        times = max(1.0, summary.n99)
        out.append({
            "method": row["method"],
            "p": round(summary.p, 4),
            "p_ci": [round(value, 4) for value in summary.p_ci],
            "n99": _finite(summary.n99),
            "n99_ci": [_finite(value) for value in summary.n99_ci],
            "n99_ratio_of_agent": [round(value, 3) for value in (ratio.value, *ratio.interval)],
            "solutions": round(row["solutions"], 1),
            "n99_solutions": _finite(times * row["solutions"], 0),
            "seconds": round(row["seconds"], 4),
            "n99_seconds": _finite(times * row["seconds"]),
        })  # fmt: skip
    held = {
        "instances": f"{SOURCE}:{TESTS}",
        "episodes_per_instance": EPISODES,
        "replicas": BUDGET.replicas,
        "steps": BUDGET.steps,
        "sweeps_per_step": BUDGET.sweeps_per_step,
        "seed": SEED,
        "ratios": "n99 of the agent over that of the method, with its 95 % interval",
    }
    lines = ",\n  ".join(json.dumps(row) for row in out)
    head = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in held.items())
    text = f'{{\n {head},\n "methods": [\n  {lines}\n ]\n}}\n'
    write_text(DOCS / "results" / "wire-agent.json", text)
    write_text(ZOO / NAME / EVALUATION, text)
    write_card(ZOO / NAME, load_config(ZOO / NAME / "config.yml"))
    quantum_wire_page.rewrite()


def _finite(value: float, digits: int = 2) -> float | None:
    return round(value, digits or None) if math.isfinite(value) else None


def run(stages: Sequence[str], seeds: Sequence[int], runs: Path) -> None:
    """Run the stages, in this order."""
    for name in stages:
        if name == "tune":
            tuning(runs)
        elif name == "train":
            training(runs, seeds)
        else:
            comparison(runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help="tune, train, compare; all of them by default")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--runs", type=Path, default=RUNS)
    given = parser.parse_args()
    for name in given.stages:
        if name not in STAGES:
            parser.error(f"stage {name!r}; tune, train or compare is expected")
    run(given.stages or STAGES, given.seeds, given.runs)


if __name__ == "__main__":
    main()
