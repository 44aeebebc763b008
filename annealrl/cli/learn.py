"""``annealrl train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from annealrl.cli import options as opt
from annealrl.errors import InputError


def train(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.yml")] = None,
    env: Annotated[
        str | None,
        typer.Option(
            "--env", metavar="ID", help="Instead of a file: the default recipe; FILE.py:Class for a family of yours."
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the configuration: episodes=640, env.length=9, …"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    device: Annotated[opt.Device, typer.Option("--device")] = opt.Device.auto,
) -> None:
    """Train an agent; TensorBoard logs, checkpoints and the best model go to the run's folder."""
    from annealrl.plugins import resolve
    from annealrl.registry import load_object

    if (config is None) == (env is None):
        raise InputError("train: either CONFIG.yml or --env ID is expected")
    if config is not None:
        loaded = load_object("annealrl.agents.config:load_config")(config)
        name = config.parent.name if config.stem == "config" else config.stem
    else:
        name = resolve(str(env))
        recipe = load_object("annealrl.agents.config:config_for_env")(name)
        loaded = load_object("annealrl.agents.config:load_config")(recipe)
    if changes:
        loaded = _changed(loaded, changes)
    folder = out or Path("runs") / name
    if resume and not (folder / load_object("annealrl.agents.training:CHECKPOINT")).is_file():
        print(f"annealrl: {folder}: no checkpoint in it; the training starts afresh", file=sys.stderr)
    written = load_object("annealrl.agents.training:train")(
        loaded, folder, resume=resume, seed=seed, device=device.value
    )
    print(f"the best model stands in {written}")


def _changed(config: Any, changes: list[str]) -> Any:
    """The configuration with ``KEY=VALUE`` put into its file's form, where keys of parts are written with points."""
    import yaml

    from annealrl.registry import load_object

    content = yaml.safe_load(load_object("annealrl.agents.config:dump_config")(config))
    parse = load_object("annealrl.agents.typed:parse_yaml")
    for change in changes:
        key, equals, value = change.partition("=")
        *parts, last = key.split(".")
        if not equals or not all((*parts, last)):
            raise InputError(f"train: --set {change!r}: KEY=VALUE is expected, such as episodes=640 or env.length=9")
        target = content
        for part in parts:
            if target.setdefault(part, {}) is None:
                target[part] = {}
            target = target[part]
            if not isinstance(target, dict):
                raise InputError(f"train: --set {change!r}: {part} has no keys")
        target[last] = parse(value, f"train: --set {change!r}")
    return load_object("annealrl.agents.config:parse_config")(content, "train")
