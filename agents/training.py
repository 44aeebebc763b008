"""Train an agent from a configuration: logs, checkpoints, validation, and a run that can be taken up again."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from annealrl.agents import pool as pools
from annealrl.agents.callbacks import CheckpointCallback, ProgressCallback, ValidationCallback
from annealrl.agents.card import CARD, EVALUATION, write_card
from annealrl.agents.catalogue import CONFIG, HISTORY, WEIGHTS
from annealrl.agents.config import TrainConfig, dump_config, load_config
from annealrl.agents.ppo import RecurrentPPO
from annealrl.agents.storage import blamed_options, save_agent, write_tensors
from annealrl.agents.threads import torch_threads
from annealrl.agents.validation import Score, Validator
from annealrl.errors import InputError
from annealrl.results import write_text

CHECKPOINT = "checkpoint.safetensors"
LOGS = "tensorboard"


def train(
    config: TrainConfig | str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    seed: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    progress: bool = True,
) -> Path:
    """Train an agent and return its directory, which :func:`annealrl.agents.load_agent` reads.

    The directory holds ``config.yml`` and ``policy.safetensors`` (the policy that validated best so far, without
    validation the last one), ``history.json`` (the validations), ``README.md`` (a model card), ``tensorboard/`` and
    ``checkpoint.safetensors``. Ctrl-C ends the training after the update under way, with a checkpoint.

    Parameters
    ----------
    config : TrainConfig or path
    out : path
    resume : bool
        Go on from the checkpoint in `out`; the run then ends as an undisturbed one would have. Without a checkpoint
        the training starts afresh, so that the same call begins it and goes on; `annealrl train` says so.
    seed : int, optional
        Goes before the configuration's.
    device : {"auto", "cpu", "cuda"}
        Goes before the configuration's, unless ``auto``.
    progress : bool
        Show a bar on standard error.

    Raises
    ------
    InputError
        If the configuration is wrong, `out` holds another training, or its checkpoint is damaged.
    KeyboardInterrupt
        After Ctrl-C, when the checkpoint has been written.
    """
    where = "" if isinstance(config, TrainConfig) else f"{config}: "
    config = replace(load_config(config), interface=None)
    if seed is not None:
        config = replace(config, seed=seed)
    if device != "auto":
        config = replace(config, device=device)
    try:
        run = _Run(config, Path(out), progress)
    except InputError as error:
        raise InputError(f"{where}{error}") from None
    with torch_threads(type(run.model.policy), config.threads), _interruptible() as interrupted:
        run.learn(resume, interrupted)
    if interrupted.is_set():
        raise KeyboardInterrupt
    return run.out


class _Run:
    """One training and the files that it keeps."""

    def __init__(self, config: TrainConfig, out: Path, progress: bool) -> None:
        self.config, self.out = config, out
        overrides = {} if config.threads is None else {"threads": config.threads}
        if config.device == "cuda" and not torch.cuda.is_available():
            raise InputError("device 'cuda': Torch finds no GPU; use cpu or auto, or install a CUDA build of Torch")
        self.env = config.env.make(**overrides)
        try:
            self.model = RecurrentPPO(
                config.policy,
                self.env,
                policy_options=dict(config.policy_options),
                seed=config.seed,
                device=config.device,
                **vars(config.ppo),
            )
        except (TypeError, ValueError) as error:  # of the optimiser's options, which are its own
            raise InputError(blamed_options(error)) from None
        self.bar = ProgressCallback(config.episodes) if progress else None
        self.validation: ValidationCallback | None = None
        if config.validation is not None:
            validator = Validator(config.env, config.validation, threads=config.threads)
            self.validation = ValidationCallback(
                validator, config.validation.every, improved=self._keep, validated=self._validated
            )

    def learn(self, resume: bool, interrupted: threading.Event) -> None:
        resuming = self._prepare(resume, interrupted)
        update = self.model.update_episodes
        total = -(-self.config.episodes // update) * update
        left = total - self.model.episodes
        if left > 0:
            self.model.set_logger(configure(str(self.out / LOGS), ["tensorboard"]))
            callbacks: list[BaseCallback] = [] if self.validation is None else [self.validation]
            callbacks.append(CheckpointCallback(self._checkpoint, self.config.checkpoint_every, interrupted.is_set))
            if self.bar is not None:
                callbacks.append(self.bar)
            try:
                self.model.learn(episodes=left, callback=callbacks, reset_num_timesteps=not resuming)
            finally:
                self.model.logger.close()
                if self.bar is not None:
                    self.bar.close()
        if interrupted.is_set():
            return
        if self.validation is None:
            self._keep()
        write_card(self.out, self.config)

    def _prepare(self, resume: bool, interrupted: threading.Event) -> bool:
        """Make the directory, or take up what is in it; returns whether there was something."""
        checkpoint = self.out / CHECKPOINT
        held = (self.out / WEIGHTS).is_file()
        if held and (self.out / CARD).is_file() and not checkpoint.is_file():
            raise InputError(f"{self.out}: it holds an agent without a checkpoint; choose another directory")
        if checkpoint.is_file() or held:
            if not resume:
                raise InputError(f"{self.out}: it holds a training already; resume it or choose another directory")
            before = replace(load_config(self.out / CONFIG), interface=None)
            if replace(before, device=self.config.device, threads=self.config.threads) != self.config:
                raise InputError(
                    f"{self.out / CONFIG}: another configuration than this training's; it cannot be resumed"
                )
        if checkpoint.is_file():
            self._fill_from_pool(interrupted)
            self._restore(checkpoint)
            return True
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.out}: it cannot be made a directory: {error.strerror or error}") from None
        # What was measured on other weights would stand in the new ones' card.
        (self.out / EVALUATION).unlink(missing_ok=True)
        write_text(self.out / CONFIG, dump_config(self.config))
        (self.out / pools.POOL).unlink(missing_ok=True)
        self._fill_from_pool(interrupted)
        return False

    def _fill_from_pool(self, interrupted: threading.Event) -> None:
        """Let the environment draw from the pool, which is chosen here unless it was before.

        Called with the untrained policy, so that a lost choice is made again.
        """
        config, path = self.config, self.out / pools.POOL
        if config.pool is None:
            return
        began, bar = time.perf_counter(), self.bar is not None
        models = pools.drawn(config.env, config.pool, config.seed)
        if not path.is_file():
            chosen = pools.contested(
                self.model.policy, config.env, config.pool, models, config.seed, config.threads, bar, interrupted.is_set
            )
            pools.save(path, config.pool, chosen)
        kept = pools.load(path, config.pool)
        pools.fill(self.env, [models[i] for i in kept], interrupted.is_set)
        if self.validation is not None:
            self.validation.seconds = time.perf_counter() - began

    # -- files ---------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        save_agent(self.out, self.config, self.model.policy)

    def _validated(self, score: Score) -> None:
        assert self.validation is not None
        write_text(self.out / HISTORY, json.dumps(self.validation.history, indent=1) + "\n")
        if self.bar is not None:
            self.bar.show(score)

    def _checkpoint(self) -> None:
        """Write all that the rest of the training depends on; called between two updates."""
        model = self.model
        tensors = {f"policy.{key}": value for key, value in model.policy.weights().items()}
        # Parameters without a gradient, such as those of an idle critic, have no optimiser state.
        for index, state in model.policy.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value).cpu() for key, value in state.items()}
        tensors["random.torch"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        state = {
            "num_timesteps": model.num_timesteps,
            "n_updates": model._n_updates,
            "order": model.rollout_buffer.rng.bit_generator.state,
        }
        if self.validation is not None:
            best = self.validation.best_weights or {}
            tensors |= {f"best.{key}": value for key, value in best.items()}
            state |= {
                "history": self.validation.history,
                "best_value": self.validation.best_value,
                "seconds": self.validation.clock(),
            }
        write_tensors(self.out / CHECKPOINT, tensors, {"state": json.dumps(state)})

    def _restore(self, path: Path) -> None:
        model = self.model
        try:
            with safe_open(path, "pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
                state: dict[str, Any] = json.loads(file.metadata()["state"])
            model.policy.load_weights(_part(tensors, "policy."))
            optimizer = model.policy.optimizer.state_dict()
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in _part(tensors, "optimizer.").items():
                index, _, name = key.partition(".")
                moments.setdefault(int(index), {})[name] = value
            model.policy.optimizer.load_state_dict({**optimizer, "state": moments})
            torch.set_rng_state(tensors["random.torch"])
            if "random.cuda" in tensors and torch.cuda.is_available():
                torch.cuda.set_rng_state(tensors["random.cuda"])
            model.rollout_buffer.rng.bit_generator.state = state["order"]
            model.num_timesteps, model._n_updates = state["num_timesteps"], state["n_updates"]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{path}: {first}; a checkpoint of this training is expected") from None
        if self.validation is not None:
            self.validation.history = state["history"]
            self.validation.best_value, self.validation.seconds = tuple(state["best_value"]), state["seconds"]
            best = _part(tensors, "best.")
            if best:
                current = model.policy.weights()
                model.policy.load_weights(best)
                self.validation.best_weights = best
                # A run that was killed may have kept a later policy than its checkpoint knows of.
                self._keep()
                model.policy.load_weights(current)
        assert model.env is not None
        # Every instance and every stream follows from the seed and the episode's number: restart at the right one.
        model.env.reset()
        model.env.set_attr("episode", model.episodes // model.n_envs)
        model._last_obs = model.env.reset()
        model._last_episode_starts = np.ones(model.n_envs, bool)


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a set event; the second one interrupts at once."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        event.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
