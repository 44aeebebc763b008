"""Long descents that can be interrupted: leg by leg, each kept in a file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.baselines.gradient import descend
from annealrl.baselines.polish import ValueAndGradient
from annealrl.errors import InputError
from annealrl.ising import FloatArray


def descend_in_legs(
    optimizer: str,
    start: FloatArray,
    value_and_gradient: ValueAndGradient,
    rates: FloatArray,
    path: Path,
    leg: int,
    *,
    progress: Callable[[int, int], None] | None = None,
    project: Callable[[FloatArray], FloatArray] | None = None,
) -> dict[str, Any]:
    """Go down as :func:`annealrl.baselines.gradient.descend` does, and go on from the last leg that `path` holds.

    Parameters
    ----------
    optimizer, start, value_and_gradient, rates, project
        As of that function.
    path : Path
        Made anew if it was begun by another optimizer, from another start, in other legs or with other rates; more
        steps go on with it.
    leg : int
        Steps between two savings.
    progress : callable, optional
        Called with the step and their number.

    Returns
    -------
    dict
        ``values``, shape (iterations + 1, R), as they were on the way; ``kept``, the designs at the start and after
        every leg, shape (1 + legs, R, n); ``best``, shape (R, n); ``processor_seconds``.
    """
    import torch

    key = f"{optimizer} {leg} {hashlib.sha256(np.ascontiguousarray(start).tobytes()).hexdigest()}"
    held: dict[str, Any] = {"key": key, "values": [], "kept": [start], "best": [], "rates": [], "state": None}
    held["seconds"] = 0.0
    if path.exists() and (found := _held(path))["key"] == key:
        followed = np.concatenate(found["rates"])
        if len(followed) <= len(rates) and (followed == rates[: len(followed)]).all():
            held = found
    while (done := leg * (len(held["kept"]) - 1)) < len(rates):
        began = time.process_time()

        def watch(step: int, x: FloatArray, values: FloatArray, done: int = done) -> None:
            if progress is not None:
                progress(done + step, len(rates))

        part = descend(
            optimizer,
            held["kept"][-1],
            value_and_gradient,
            rates[done : done + leg],
            project=project,
            watch=watch,
            state=held["state"],
        )
        held["values"].append(part.values[bool(done) :])
        held["best"].append(part.best)
        held["rates"].append(rates[done : done + leg])
        held["kept"].append(part.last)
        held["state"] = part.state
        held["seconds"] += time.process_time() - began
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(held, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    lowest = np.argmin([values.min(axis=0) for values in held["values"]], axis=0)
    return {
        "values": np.concatenate(held["values"]),
        "kept": np.array(held["kept"]),
        "best": np.stack([held["best"][which][r] for r, which in enumerate(lowest)]),
        "processor_seconds": held["seconds"],
    }


def _held(path: Path) -> dict[str, Any]:
    """What the file of a descent holds; its arrays are rebuilt, and nothing else in it is run."""
    import torch

    arrays: list[Any] = [np.ndarray, np.dtype, type(np.dtype(np.float64)), np.zeros(0).__reduce__()[0]]
    try:
        with torch.serialization.safe_globals(arrays):
            held: dict[str, Any] = torch.load(path, weights_only=True)
        held["key"]
    except Exception as error:
        raise InputError(f"{path}: no legs of a descent ({type(error).__name__}); delete it") from None
    return held
