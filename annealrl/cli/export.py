"""``annealrl export``: an agent's mean schedule, for schedule files and other people's samplers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import human, write_json


def export(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A name from `annealrl list agents`, or a directory.")],
    instances: Annotated[
        str | None,
        typer.Option("--instances", metavar="SET", help="Average over these; the agent's validation set by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write a schedule file, for schedule:FILE.")
    ] = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Episodes on each instance.")] = 1,
    replicas: Annotated[int | None, typer.Option("--replicas", min=1, help="As in training by default.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="As in training by default.")] = None,
    sweeps_per_step: Annotated[
        int | None, typer.Option("--sweeps-per-step", min=1, help="As in training by default.")
    ] = None,
    sigma: Annotated[bool, typer.Option("--sigma", help="Average β in units of 1/σ, σ² = ΣJ²/N.")] = False,
    seed: opt.Seed = 0,
    json: opt.Json = None,
) -> None:
    """Write the mean of an agent's β; the JSON's `beta_schedule` is what dwave-samplers take, sweep by sweep."""
    from annealrl.mean_schedule import mean_schedule

    given = {"replicas": replicas, "steps": steps, "sweeps_per_step": sweeps_per_step}
    found = mean_schedule(
        agent,
        instances,
        episodes=episodes,
        budget={key: value for key, value in given.items() if value is not None},
        sigma_units=sigma,
        seed=seed,
    )
    if out is not None:
        found.save(out)
    betas = ", ".join(f"{beta:.4g}" for beta in found.table.values)
    units = " (in units of 1/σ)" if sigma else ""
    print(f"{found.agent} on {found.instances}, mean β of each step{units}: {betas}", file=human(json))
    write_json(found.to_json(), json)
