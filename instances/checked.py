"""The arrays of one ``.npz``, taken out with the type and shape that is expected or with one clear line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.archive import AnyArray
from annealrl.ising import FloatArray, IntArray, IsingModel

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Checked:
    """Arrays of a file and the place that errors name; None in a shape stands for any length.

    Every method raises InputError when the key is missing or its array has another shape or kind.
    """

    arrays: dict[str, AnyArray]
    where: str

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def shaped(self, key: str, shape: Shape) -> AnyArray:
        """Return the array if its shape fits."""
        if key not in self.arrays:
            have = ", ".join(map(repr, self.arrays))[:200] or "nothing"
            raise InputError(f"{self.where}key {key!r} is missing; the file has {have}")
        array = self.arrays[key]
        fits = array.ndim == len(shape) and all(w is None or w == g for w, g in zip(shape, array.shape, strict=True))
        if not fits:
            wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
            raise InputError(f"{self.where}{key} has shape {array.shape}; {wanted} is expected")
        return array

    def integers(self, key: str, shape: Shape) -> IntArray:
        """Return integers as int64."""
        array = self.shaped(key, shape)
        if array.dtype.kind not in "iu":
            raise InputError(f"{self.where}{key} has dtype {array.dtype}; integers are expected")
        if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise InputError(f"{self.where}{key} has the entry {array.max()}, which is too large")
        return array.astype(np.int64)

    def floats(self, key: str, shape: Shape, *, nan: bool = False) -> FloatArray:
        """Return finite numbers as float64; with `nan` also NaN, which stands for "not known"."""
        array = self.shaped(key, shape)
        if array.dtype.kind not in "iuf":
            raise InputError(f"{self.where}{key} has dtype {array.dtype}; numbers are expected")
        with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused as such
            values = array.astype(np.float64)
        bad = np.argwhere(np.isinf(values) if nan else ~np.isfinite(values))
        if len(bad):
            index = tuple(int(b) for b in bad[0])
            wanted = "a finite number, or NaN where nothing is known," if nan else "a finite number"
            entry = f"{key}[{', '.join(map(str, index))}]" if index else key
            raise InputError(f"{self.where}{entry} is {values[index]}; {wanted} is expected")
        return values

    def texts(self, key: str, count: int) -> list[str]:
        """Return `count` texts."""
        array = self.shaped(key, (count,))
        if array.dtype.kind != "U":
            raise InputError(f"{self.where}{key} has dtype {array.dtype}; text is expected")
        try:
            texts = [str(text) for text in array]
            for text in texts:
                text.encode("utf-8")
        except (ValueError, SystemError):  # code points that do not exist
            raise InputError(f"{self.where}{key} holds text that is not Unicode") from None
        return texts

    def edges(self, limits: IntArray | int, key: str = "edges") -> IntArray:
        """Return index pairs, int64 [m, 2], without self-loops and below `limits` (one number, or one for each row)."""
        edges = self.integers(key, (None, 2))
        bound = np.broadcast_to(limits, (len(edges),))
        bad = np.flatnonzero((edges < 0).any(1) | (edges >= bound[:, None]).any(1))
        if len(bad):
            i, j = edges[bad[0]]
            raise InputError(f"{self.where}{key}[{bad[0]}] = ({i}, {j}) leaves the range 0 … {int(bound[bad[0]]) - 1}")
        loops = np.flatnonzero(edges[:, 0] == edges[:, 1])
        if len(loops):
            i, j = edges[loops[0]]
            raise InputError(f"{self.where}{key}[{loops[0]}] = ({i}, {j}) is a self-loop")
        return edges

    def model(self, n: int, edges: IntArray, J: FloatArray, fields: FloatArray, name: str, index: int) -> IsingModel:
        """Make instance `index`; errors of the model (an edge twice) name the file."""
        try:
            return IsingModel(n, edges, J, fields, name=name)
        except InputError as error:
            raise InputError(f"{self.where}instance {index}: {error}") from None
