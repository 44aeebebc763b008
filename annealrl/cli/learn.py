"""``annealrl train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annealrl.cli import options as opt
from annealrl.errors import InputError


def train(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.yml")] = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ID", help="Instead of a file: the default recipe.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    device: Annotated[opt.Device, typer.Option("--device")] = opt.Device.auto,
) -> None:
    """Train an agent; TensorBoard logs, checkpoints and the best model go to the run's folder."""
    from annealrl.registry import load_object

    if (config is None) == (env is None):
        raise InputError("train: either CONFIG.yml or --env ID is expected")
    if config is not None:
        loaded = load_object("annealrl.agents.config:load_config")(config)
        name = config.parent.name if config.stem == "config" else config.stem
    else:
        recipe = load_object("annealrl.agents.config:config_for_env")(env)
        loaded, name = load_object("annealrl.agents.config:load_config")(recipe), str(env)
    folder = out or Path("runs") / name
    written = load_object("annealrl.agents.training:train")(
        loaded, folder, resume=resume, seed=seed, device=device.value
    )
    print(f"the best model stands in {written}")
