"""``annealrl record``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError


def record(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The film: .gif, or .mp4 with the extra render.")],
    env: Annotated[
        str | None,
        typer.Option(
            "--env", metavar="ID", help="Anneal by the reference schedule; FILE.py:Class for a family of yours."
        ),
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Anneal by a trained agent, in its environment.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Options of the environment: length=16, steps=60, …"),
    ] = None,
    seed: opt.Seed = 0,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second.")] = 8.0,
) -> None:
    """Film one episode: spins or coordinates, temperature, energies, overlaps."""
    from annealrl import recording
    from annealrl.plugins import resolve
    from annealrl.registry import load_object
    from annealrl.vector_env import AnnealingVectorEnv

    if (env is None) == (agent is None):
        raise InputError("record: either --env ID or --agent NAME is expected")
    given = _settings(changes or [])
    if env is not None:
        env_id = resolve(env)
        options = {"action": "log_beta_offset", **_reference(env_id), **given}
        batch = AnnealingVectorEnv(env_id, 1, render_mode="rgb_array", **options)
        act = recording.follow_reference(batch)
    else:
        loaded = load_object("annealrl.agents.storage:load_agent")(agent)
        batch = loaded.config.env.make(1, render_mode="rgb_array", **given)
        act = recording.follow_agent(batch, loaded.policy)
    with progress_bar(f"record {env or agent}") as update:
        count = recording.write_film(
            out, _counted(recording.film(batch, act, seed=seed), update, batch.steps + 1), fps=fps
        )
    print(f"{out}: {count} frames")


def _reference(env_id: str) -> dict[str, Any]:
    """A schedule in units of the couplings for Ising models; designs bring their own."""
    from annealrl.hamiltonian import Hamiltonian
    from annealrl.registry import family
    from annealrl.schedules import Geometric

    ising = issubclass(family(env_id), Hamiltonian)
    return {"reference": Geometric(0.3, 7.0, sigma_units=True)} if ising else {}


def _counted(frames: Iterator[Any], update: Any, total: int) -> Iterator[Any]:
    for done, frame in enumerate(frames, start=1):
        update(done, total)
        yield frame


def _settings(changes: list[str]) -> dict[str, Any]:
    import yaml

    options = {}
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise InputError(f"record: --set {change!r}: KEY=VALUE is expected, such as length=16")
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"record: --set {change!r}: the value is no YAML") from None
    return options
