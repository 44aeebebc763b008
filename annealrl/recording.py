"""Films of episodes: frames of an environment, written as GIF or MP4."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.extras import require
from annealrl.rendering import FRAME_SIZE, Frame
from annealrl.vector_env import AnnealingVectorEnv

#: From an observation, shape (1, …), to actions, shape (1, d); called once a step, in order.
Act = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

#: Colours of a GIF, few enough that films stay small.
_COLOURS = 128
#: Seconds that a film rests on its last frame.
_REST = 2.0


def follow_reference(env: AnnealingVectorEnv) -> Act:
    """Actions of zero: under ``log_beta_offset`` that is the reference schedule."""
    still = np.zeros(env.action_space.shape or (), np.float32)
    return lambda observation: still


def follow_agent(env: AnnealingVectorEnv, policy: Any) -> Act:
    """The mean actions of a policy with SB3's ``predict``."""
    state: Any = None

    def act(observation: npt.NDArray[Any]) -> npt.NDArray[Any]:
        nonlocal state
        start = np.full(env.num_envs, state is None)
        actions, state = policy.predict(observation, state, start, deterministic=True)
        return np.asarray(actions)

    return act


def film(env: AnnealingVectorEnv, act: Act, *, seed: int = 0) -> Iterator[Frame]:
    """Play one episode of an environment that renders ``rgb_array``; yield its start and each step."""

    def picture() -> Frame:
        frames = env.render()
        assert frames is not None, "an environment with render_mode='rgb_array' is expected"
        return frames[0]

    observation, _ = env.reset(seed=seed)
    yield picture()
    for _ in range(env.steps):
        observation = env.step(act(observation))[0]
        yield picture()


def write_film(path: str | Path, frames: Iterator[Frame], *, fps: float) -> int:
    """Write frames as they come to a ``.gif`` or ``.mp4`` file, which appears when it is complete.

    Returns
    -------
    int
        Number of frames.

    Raises
    ------
    InputError
        If the ending is neither, `fps` is not positive, the folder cannot be written, or MP4 lacks its encoder.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise InputError(f"{path}: a file ending in .gif or .mp4 is expected")
    if not 0 < fps <= 50:
        raise InputError(f"fps is {fps}; a number above 0 and up to 50 is expected")
    write = _write_gif if kind == ".gif" else _mp4_writer()
    beside = path.with_name(f".{path.stem}.{os.getpid()}{kind}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        count = write(beside, frames, fps)
        beside.replace(path)
    except OSError as error:
        raise InputError(f"{path}: it cannot be written: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)
    return count


def _write_gif(path: Path, frames: Iterator[Frame], fps: float) -> int:
    from PIL import Image

    pictures = [Image.fromarray(frame).quantize(_COLOURS, dither=Image.Dither.NONE) for frame in frames]
    durations = [round(1000 / fps)] * (len(pictures) - 1) + [round(1000 * _REST)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return len(pictures)


def _mp4_writer() -> Callable[[Path, Iterator[Frame], float], int]:
    try:
        imageio_ffmpeg = require("imageio_ffmpeg", "render")
    except InputError as error:
        raise InputError(f"MP4: {error}; a .gif needs no more than is there") from None

    def write(path: Path, frames: Iterator[Frame], fps: float) -> int:
        writer = imageio_ffmpeg.write_frames(str(path), FRAME_SIZE, fps=fps, macro_block_size=1, codec="libx264")
        writer.send(None)
        count = 0
        try:
            for frame in frames:
                writer.send(np.ascontiguousarray(frame))
                count += 1
            for _ in range(round(_REST * fps)):
                writer.send(np.ascontiguousarray(frame))
        finally:
            writer.close()
        return count

    return write
