"""Draw what trainings reached against episodes and against processor seconds, side by side.

    python scripts/learning_curve.py docs/results/learning-curve-6 "the paper's=runs/paper-6" "modern=runs/modern-6"
    python scripts/learning_curve.py docs/results/learning-curve-6

Takes folders that `annealrl train` wrote, all validated on the same set, and writes OUT.json and OUT.png; without
folders it draws OUT.json again. A training's own clock is on the wall and tells of a shared machine what it was shared
with: the seconds here are processor seconds of one thread, an episode's share of --updates updates that are played and
learned from anew, times the episodes.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from annealrl.agents.catalogue import CONFIG, HISTORY
from annealrl.agents.config import TrainConfig, dump_config, load_config
from annealrl.agents.ppo import RecurrentPPO
from annealrl.errors import InputError
from annealrl.results import read_json, write_text

#: Residuals below are sums in another order, that is 0: drawn at the lower edge.
FLOOR = 1e-6


def processor_seconds(config: TrainConfig, updates: int) -> float:
    """Processor seconds of an episode of training on one thread; the first update is not counted."""
    torch.set_num_threads(1)
    model = RecurrentPPO(
        config.policy,
        config.env.make(threads=1),
        policy_options=dict(config.policy_options),
        seed=config.seed,
        device="cpu",
        **vars(config.ppo),
    )
    model.learn(episodes=model.update_episodes)
    began = time.process_time()
    model.learn(episodes=updates * model.update_episodes)
    return (time.process_time() - began) / (updates * model.update_episodes)


def read(name: str, folder: Path, updates: int) -> dict[str, Any]:
    """What is drawn of one training."""
    config = replace(load_config(folder / CONFIG), interface=None)
    history = read_json(folder / HISTORY)
    if not history or "success" not in history[0]:
        raise InputError(f"{folder}: no validation with certified energies in it")
    cost = processor_seconds(config, updates)
    print(f"{name}: {cost:.4f} processor seconds an episode, {history[-1]['episodes']} of {config.episodes} episodes")
    return {
        "name": name,
        "config": dump_config(config),
        "episodes_wanted": config.episodes,
        "processor_seconds_per_episode": cost,
        "history": history,
    }


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Write the picture: shares of episodes solved above, residual energies below."""
    figure = Figure(figsize=(9, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2, sharey="row", sharex="col")
    rows = (("share of episodes solved", _solved), ("residual energy per spin", _residual))
    for i, (label, value) in enumerate(rows):
        for j in (0, 1):
            axes = panels[i][j]
            for run in runs:
                cost = run["processor_seconds_per_episode"] if j else 1.0
                # The untrained policy stands where one update would, a logarithmic axis having no 0.
                first = run["history"][1]["episodes"] / 10 if len(run["history"]) > 1 else 1
                at = [cost * max(row["episodes"], first) for row in run["history"]]
                axes.plot(at, [value(row) for row in run["history"]], marker=".", lw=1, label=run["name"])
            axes.set_xscale("log")
            if value is _residual:
                axes.set_yscale("log")
                axes.set_ylim(bottom=FLOOR)
            axes.grid(alpha=0.3, which="both")
            if j == 0:
                axes.set_ylabel(f"{label}, validation")
    panels[1][0].set_xlabel("episodes trained on (first point: none)")
    panels[1][1].set_xlabel("processor seconds of training (first point: none)")
    panels[0][0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def _solved(row: dict[str, Any]) -> float:
    return float(row["success"])


def _residual(row: dict[str, Any]) -> float:
    return max(float(row["residual"]), FLOOR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("runs", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--updates", type=int, default=5)
    arguments = parser.parse_args()
    record = arguments.out.with_suffix(".json")
    if arguments.runs:
        found = []
        for text in arguments.runs:
            name, separator, folder = text.rpartition("=")
            if not separator:
                raise InputError(f"{text!r}: NAME=FOLDER is expected")
            found.append(read(name, Path(folder), arguments.updates))
        write_text(record, json.dumps(found, indent=1) + "\n")
    draw(read_json(record), arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"learning_curve: {error}") from None
