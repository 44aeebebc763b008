"""Windows of 3×3 pillars with the fields over their central cells, computed in resumable pieces."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.metalens.beam import PILLARS, Beam, ComplexArray
from annealrl.metalens.forward import lens_phase, nearest_radii

#: Windows of one piece, a third of each kind.
PIECE = 1536
KINDS = ("random", "lens", "disturbed")
#: Focal lengths and half the diameter of the lenses that windows are cut from, nm.
_FOCAL, _HALF = (10e3, 100e3), 25e3
#: Largest standard deviation of what disturbs lens-like windows, nm.
_DISTURBANCE = 60.0


@dataclass(frozen=True)
class Windows:
    """Data of one wavelength.

    Attributes
    ----------
    radii : float64 array, shape (m, 9)
        Row by row, nm.
    fields : complex128 array, shape (m, 100)
    kinds : int64 array, shape (m,)
        Index into :data:`KINDS`.
    """

    radii: FloatArray
    fields: ComplexArray
    kinds: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.radii)

    def part(self, chosen: Any) -> Windows:
        """Some of the windows."""
        return Windows(self.radii[chosen], self.fields[chosen], self.kinds[chosen])


def draw_windows(rng: np.random.Generator, count: int, design: Beam) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Radii of windows, shape (count, 9), and their kinds.

    A third is uniform between the smallest and the largest radius; a third is cut from forward-designed lenses for the
    wavelength of `design`, of random focal length and phase; a third is such a cut with Gaussian noise.
    """
    pillars = design.pillars
    kinds = np.arange(count) % len(KINDS)
    random = rng.uniform(pillars.smallest, pillars.largest, (count, 9))
    focal = rng.uniform(*_FOCAL, count)
    distance = _HALF * np.sqrt(rng.random(count))
    angle = 2 * np.pi * rng.random(count)
    step = pillars.period * np.arange(-1, 2)
    x = (distance * np.cos(angle))[:, None, None] + step
    y = (distance * np.sin(angle))[:, None, None] + step[:, None]
    phase = lens_phase(np.hypot(x, y), focal[:, None, None], design.wavelength) + 2 * np.pi * rng.random((count, 1, 1))
    lens = nearest_radii(phase, design).reshape(count, 9)
    noise = rng.random((count, 1)) * _DISTURBANCE * rng.normal(size=(count, 9))
    disturbed = np.clip(lens + noise, pillars.smallest, pillars.largest)
    chosen = np.choose(kinds[:, None], [random, lens, disturbed])
    return chosen, kinds.astype(np.int64)


def load_windows(
    folder: str | Path,
    pieces: int,
    wavelengths: Sequence[float] = (633.0, 400.0),
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[float, Windows]:
    """Data for each wavelength, of the same windows; pieces that `folder` has already are read, others are computed.

    Lens-like windows are those of lenses for the first wavelength. Every piece has its own random numbers and file,
    written at its end, so that what was interrupted goes on where it stopped.

    Raises
    ------
    InputError
        If a number is out of range, or a file is damaged.
    """
    whole(pieces, "metalens data: pieces", 1)
    if not wavelengths:
        raise InputError("metalens data: no wavelength; at least one is expected")
    design, beams = Beam(wavelengths[0]), [Beam(wavelength) for wavelength in wavelengths]
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    found = []
    for piece in range(pieces):
        path = where / f"windows-{_key(beams, seed)}-{piece}.npz"
        if not path.exists():
            radii, kinds = draw_windows(np.random.default_rng([seed, piece]), PIECE, design)
            arrays: dict[str, Any] = {"radii": radii, "kinds": kinds}
            for beam in beams:
                arrays[f"fields-{beam.wavelength:g}"] = beam.cells(radii).astype(np.complex64)
            beside = path.with_suffix(f".{os.getpid()}.npz")
            np.savez(beside, **arrays)
            beside.replace(path)
        found.append(_read(path, [*(f"fields-{beam.wavelength:g}" for beam in beams), "radii", "kinds"]))
        if progress is not None:
            progress(piece + 1, pieces)
    joined = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    return {
        beam.wavelength: Windows(
            joined["radii"], joined[f"fields-{beam.wavelength:g}"].astype(np.complex128), joined["kinds"]
        )
        for beam in beams
    }


def _key(beams: Sequence[Beam], seed: int) -> str:
    text = repr((PILLARS, beams, seed, PIECE, _FOCAL, _HALF, _DISTURBANCE))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _read(path: Path, keys: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in keys}
    except Exception as error:
        raise InputError(f"{path}: no piece of metalens data ({error}); delete it to compute it anew") from None
