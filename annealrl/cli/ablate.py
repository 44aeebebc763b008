"""``annealrl ablate``: what an agent's success comes from."""

from __future__ import annotations

from typing import Annotated

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import human, progress_bar, write_json
from annealrl.errors import InputError


def ablate(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A name from `annealrl list agents`, or a directory.")],
    instances: Annotated[str, typer.Argument(metavar="SET", help="Instances with known ground energies.")],
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="M", help="A method; it also parts easy from difficult instances.")
    ] = "linear:0:5",
    beside: Annotated[
        list[str] | None,
        typer.Option("--beside", metavar="NAME=AGENT", help="Another agent, such as one without a memory; repeatable."),
    ] = None,
    average_over: Annotated[
        str | None,
        typer.Option("--average-over", metavar="SET", help="For the mean schedules; its validation set by default."),
    ] = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Episodes on each instance.")] = 20,
    difficult: Annotated[
        float, typer.Option("--difficult", help="Share of the instances that are called difficult.")
    ] = 0.14,
    replicas: Annotated[int | None, typer.Option("--replicas", min=1, help="As in training by default.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="As in training by default.")] = None,
    sweeps_per_step: Annotated[
        int | None, typer.Option("--sweeps-per-step", min=1, help="As in training by default.")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1)] = None,
    seed: opt.Seed = 0,
    json: opt.Json = None,
) -> None:
    """Take away what an agent sees, or replay its mean schedule; paired ratios of n99, easy and difficult instances."""
    from annealrl import api
    from annealrl.registry import load_object

    variants: dict[str, str] = {}
    for entry in beside or ():
        name, equals, other = entry.partition("=")
        if not equals or not name or not other:
            raise InputError(f"ablate: --beside {entry!r}: NAME=AGENT is expected")
        variants[name] = other
    with progress_bar("ablations") as update:
        found = load_object("annealrl.agents.ablation:ablate")(
            agent,
            api.load_instances(instances, certify=True),
            baseline=baseline,
            beside=variants,
            average_over=None if average_over is None else api.load_instances(average_over, certify=True),
            episodes=episodes,
            difficult=difficult,
            budget={"replicas": replicas, "steps": steps, "sweeps_per_step": sweeps_per_step, "threads": threads},
            seed=seed,
            progress=update,
        )
    easy, hard = (found["splits"]["baseline"]["variants"][kind] for kind in ("easy", "difficult"))
    out = human(json)
    print(f"{'variant':28} {'p':>6} {'easy':>6} {'hard':>6}   n99 over the agent's, 95 %", file=out)
    for name, row in found["variants"].items():
        ratio = row["n99_ratio_to_agent"]
        ends = ", ".join("-" if end is None else f"{end:.3g}" for end in ratio["interval"])
        value = "-" if ratio["value"] is None else f"{ratio['value']:.3g}"
        print(f"{name:28} {row['p']:6.3f} {easy[name]['p']:6.3f} {hard[name]['p']:6.3f}   {value} [{ends}]", file=out)
    write_json(found, json)
