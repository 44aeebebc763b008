"""A typed face of ``numba.njit``: eager signatures, cached on disk, the interpreter lock released."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np

P = ParamSpec("P")
T = TypeVar("T")

#: True under ``NUMBA_DISABLE_JIT=1``, where the kernels run as plain Python (slowly, for debugging and coverage).
INTERPRETED = bool(numba.config.DISABLE_JIT)


def jit(signature: str | None = None, *, inline: bool = False) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Compile with one explicit signature (or lazily when it is None, for helpers called by kernels only)."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if INTERPRETED:

            @functools.wraps(function)
            def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
                with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                    return function(*args, **kwargs)

            return wrapped
        options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
        if inline:
            options["inline"] = "always"
        compiled: Callable[P, T] = (
            numba.njit(signature, **options)(function) if signature else numba.njit(**options)(function)
        )
        return compiled

    return decorate
