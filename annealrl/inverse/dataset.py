"""Simulated designs to learn from, drawn from the training stream and kept in a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.space import Space

#: Opens the spawn keys of streams that designs are drawn from; no planted target comes from them.
_STREAM = 0x696E76
#: Designs that are simulated between two looks at the clock.
_CHUNK = 500


class Simulated(Protocol):
    """What can be learned: an objective with spectra of a fixed set of wavelengths."""

    @property
    def space(self) -> Space:
        """Where designs live."""

    def spectra(self, designs: npt.ArrayLike) -> FloatArray:
        """Shape (R, n) → (R, W)."""


@dataclass(frozen=True, eq=False)
class Designs:
    """Designs with their spectra.

    Attributes
    ----------
    points : float64 array, shape (N, n)
        Fractions of the coordinates' ranges, in [0, 1].
    spectra : float64 array, shape (N, W)
    seconds : float
        Processor seconds that the N calls of the simulator took.
    """

    points: FloatArray
    spectra: FloatArray
    seconds: float

    def __len__(self) -> int:
        """N, the number of true calls that the training set cost."""
        return len(self.points)

    @cached_property
    def squares(self) -> FloatArray:
        """Sum of squares of each spectrum, shape (N,)."""
        return np.asarray((self.spectra**2).sum(axis=1))

    def part(self, rows: slice) -> Designs:
        """Some of them."""
        return Designs(self.points[rows], self.spectra[rows], self.seconds * len(self.points[rows]) / len(self))


def simulate(
    problem: Simulated,
    count: int,
    *,
    seed: int = 0,
    file: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Designs:
    """Simulate random designs, uniform in the box; more designs of a seed begin with fewer.

    Parameters
    ----------
    file : path, optional
        Where they are kept (as float32 spectra): what stands there is not simulated again, and what is done is written
        every few thousand, so that an interrupted run goes on.
    progress : callable, optional
        Called with designs done and in all.

    Raises
    ------
    InputError
        If the count is not positive or beyond memory, or the file holds other designs.
    """
    count = whole(count, "inverse: designs", 1)
    space, path = problem.space, None if file is None else Path(file)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    try:
        points = rng.random((count, space.n))
    except (MemoryError, ValueError):
        raise InputError(f"inverse: designs is {count}; as many as memory holds are expected") from None
    spectra, done, seconds = _kept(path, points)
    while done < count:
        began = time.process_time()
        rows = slice(done, min(count, done + _CHUNK))
        found = problem.spectra(space.low + points[rows] * (space.high - space.low))
        spectra = np.concatenate([spectra.reshape(-1, found.shape[1]), found.astype(np.float32)])
        seconds, done = seconds + time.process_time() - began, rows.stop
        if path is not None and (done == count or done % (10 * _CHUNK) == 0):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_suffix(".part").open("wb") as out:
                np.savez(out, points=points[:done], spectra=spectra, seconds=seconds)
            path.with_suffix(".part").replace(path)
        if progress is not None:
            progress(done, count)
    return Designs(points, spectra[:count].astype(np.float64), seconds * count / len(spectra))


def _kept(path: Path | None, points: FloatArray) -> tuple[npt.NDArray[np.float32], int, float]:
    """Spectra in a file, as many as can be used, how many, and their seconds."""
    if path is None or not path.exists():
        return np.zeros((0, 0), np.float32), 0, 0.0
    try:
        with np.load(path) as held:
            spectra, before, seconds = held["spectra"], held["points"], float(held["seconds"])
    except (OSError, ValueError, KeyError, BadZipFile):
        raise InputError(f"{path}: it cannot be read as simulated designs; remove it to start afresh") from None
    common = min(len(before), len(points))
    if before.shape[1:] != points.shape[1:] or not np.array_equal(before[:common], points[:common]):
        raise InputError(f"{path}: designs of another problem or seed; remove it or name another file")
    return spectra, common, seconds
