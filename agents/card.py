"""Model cards: what an agent is, how it was trained, and how well it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annealrl.actions import component_kinds
from annealrl.agents.catalogue import HISTORY
from annealrl.agents.config import TrainConfig
from annealrl.agents.pool import POOL, load
from annealrl.objective import Objective
from annealrl.results import write_text

#: The card itself, where whoever evaluates an agent may put what was measured, and the curve of its validations.
CARD, EVALUATION, CURVE = "README.md", "evaluation.json", "curve.svg"


def write_card(directory: Path, config: TrainConfig) -> None:
    """Write ``README.md`` (and ``curve.svg`` where there was a validation) into an agent's directory."""
    history = json.loads(_read(directory / HISTORY) or "[]")
    evaluation = _read(directory / EVALUATION)
    name = directory.name
    lines = [f"# {name}", "", _summary(config), "", "## Training", "", "    annealrl train config.yml", ""]
    lines += _training(directory, config, history)
    if len(history) > 1:
        write_curve(directory / CURVE, history, config)
        lines += ["", f"![validation against episodes]({CURVE})", "", *_table(history)]
    if evaluation:
        lines += ["", "## Evaluation", "", "```json", evaluation.strip(), "```"]
    write_text(directory / CARD, "\n".join(lines) + "\n")


def _summary(config: TrainConfig) -> str:
    options = config.env.options
    family = ", ".join(f"{key} {value}" for key, value in config.env.family_options.items())
    seen, action = options.get("observation", "spins"), options.get("action", "delta_beta")
    if options.get("features"):
        seen = f"{seen} ({', '.join(options['features'])})"
    kinds = component_kinds(action)
    env = config.env.make(1)
    moves = sorted(env.action.moves - {"flip"})
    beyond = f" and {', '.join(moves)}" if moves else " alone"
    single = "changes of one coordinate" if isinstance(env.family, Objective) else "single flips"
    return (
        f"Policy `{config.policy}` for `{config.env.id}`{f' ({family})' if family else ''}: observes {seen}, "
        f"acts by {' and '.join(kind.name for kind in kinds)}, moves by {single}{beyond}."
    )


def _training(directory: Path, config: TrainConfig, history: list[dict[str, Any]]) -> list[str]:
    rows = [f"- {config.episodes} episodes, {config.env.num_envs} side by side, seed {config.seed}"]
    if history:
        rows.append(f"- {history[-1]['seconds']:.0f} s of training, validation not counted")
    if config.pool is not None:
        rows.append(
            f"- trained on {len(load(directory / POOL, config.pool))} of {config.pool.instances} instances, those on "
            f"which {config.pool.repeats} episodes of the untrained policy did not all come to the same energy; "
            "choosing them is in the seconds"
        )
    if config.validation is not None:
        source = config.validation.set or "instances of the family"
        rows.append(
            f"- kept: the best of {len(history)} policies by {config.validation.score}, validated on "
            f"{source}: {config.validation.instances} instances × {config.validation.repeats}"
        )
    if config.notes:
        rows.append(f"- {config.notes}")
    return rows


def _table(history: list[dict[str, Any]], rows: int = 12) -> list[str]:
    chosen = history[:: max(1, len(history) // rows)]
    if chosen[-1] is not history[-1]:
        chosen.append(history[-1])
    table = ["| episodes | seconds | reward | solved | residual per spin |", "|---|---|---|---|---|"]
    for row in chosen:
        numbers = [f"{row[key]:.6g}" if key in row else "–" for key in ("reward", "success", "residual")]
        table.append(f"| {row['episodes']} | {row['seconds']:.0f} | {' | '.join(numbers)} |")
    return table


def write_curve(path: Path, history: list[dict[str, Any]], config: TrainConfig) -> None:
    """Plot the validations against the episodes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    key, label = ("success", "share of episodes solved") if "success" in history[0] else ("reward", "mean reward")
    figure = Figure(figsize=(5, 3), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.plot([row["episodes"] for row in history], [row[key] for row in history], marker=".", lw=1)
    axes.locator_params(axis="x", nbins=5)  # more would run into each other from ten thousand on
    axes.set_xlabel("episodes trained on")
    axes.set_ylabel(f"{label}, validation")
    axes.set_title(f"{config.env.id}, policy {config.policy}", fontsize=9)
    axes.grid(alpha=0.3)
    beside = path.with_name(f".{path.name}")
    # The same curve gives the same file: no date, and identifiers that are not random.
    with rc_context({"svg.hashsalt": "annealrl"}):
        figure.savefig(beside, format="svg", metadata={"Date": None})
    beside.replace(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
