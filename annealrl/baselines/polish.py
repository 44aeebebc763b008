"""Descent by SciPy from one start after another, every call of the simulator counted: ``lbfgs`` and ``lsq``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray
from annealrl.objective import Objective

ValueAndGradient = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


class Polished(NamedTuple):
    """What calls found.

    Attributes
    ----------
    best, last : float64 array, shape (n,)
        The point of lowest value and the last one, in fractions of the coordinates' ranges.
    values : float64 array, shape (calls,)
        At every call, in their order: the mean square for ``lsq``.
    """

    best: FloatArray
    last: FloatArray
    values: FloatArray


class _SpentError(Exception):
    pass


def polish(
    kind: str,
    model: Objective,
    starts: Iterable[FloatArray],
    calls: int,
    *,
    value: ValueAndGradient | None = None,
    each: int | None = None,
    goal: float = -np.inf,
    tight: bool = False,
    memory: int = 10,
) -> Polished:
    """Descend from the starts in their order until they, or the calls, are used up.

    Parameters
    ----------
    kind : "lbfgs" or "lsq"
        SciPy's L-BFGS-B, or its bounded least squares by the objective's residuals.
    starts : iterable of float64 array, shape (n,)
        In fractions of the coordinates' ranges. There must be one at least.
    calls : int
        Calls of the simulator in all, each with its gradient.
    value : callable, optional
        What ``lbfgs`` descends, with its gradient, for points of shape (R, n); the energy by default.
    each : int, optional
        The most calls from one start.
    goal : float
        Stop at a value of this or below.
    tight : bool
        Let ``lbfgs`` go on to the last digits: SciPy's own limits are absolute, and stop 0.4 % above a lowest energy of
        1e-4.
    memory : int
        Of ``lbfgs``: how many of the last steps its curvature comes from.
    """
    from scipy.optimize import Bounds, least_squares, minimize

    space, width = model.space, model.space.high - model.space.low
    free = np.where(space.periodic, np.inf, 0.0)
    values: list[float] = []
    best = last = np.zeros(0)
    lowest = np.inf

    def plain(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        energies, gradients = model.value_and_gradient(space.low + z * width)
        return energies, gradients * width

    asked = plain if value is None else value

    def seen(z: npt.NDArray[Any], energy: float) -> None:
        nonlocal best, lowest, last
        last = np.where(space.periodic, z % 1.0, np.clip(z, 0.0, 1.0))
        values.append(energy)
        if energy < lowest:
            best, lowest = last, energy
        if energy <= goal:
            raise _SpentError

    def spend() -> None:
        if len(values) >= calls:
            raise _SpentError

    def one(z: npt.NDArray[Any]) -> tuple[float, FloatArray]:
        spend()
        energies, gradients = asked(z[None])
        seen(z, float(energies[0]))
        return float(energies[0]), gradients[0]

    jacobians: dict[bytes, FloatArray] = {}

    def differences(z: npt.NDArray[Any]) -> FloatArray:
        spend()
        off, jacobian = model.residuals(space.low + z * width)
        jacobians.clear()  # the Jacobian is asked for at the point that was seen last, or not at all
        jacobians[z.tobytes()] = jacobian * width
        seen(z, float((off**2).mean()))
        return np.asarray(off)

    def jacobian_at(z: npt.NDArray[Any]) -> FloatArray:
        if z.tobytes() not in jacobians:
            differences(z)
        return jacobians[z.tobytes()]

    try:
        for start in starts:
            if kind == "lsq":
                least_squares(differences, start, jacobian_at, bounds=(-free, 1.0 + free), max_nfev=each)
            else:
                most: dict[str, Any] = {"maxcor": memory} if each is None else {"maxcor": memory, "maxfun": each}
                if tight:
                    most |= {"gtol": 1e-10, "ftol": 1e-14}
                bounds = Bounds(-free, 1.0 + free)
                search: Any = minimize  # its stubs know neither these bounds nor these options
                search(one, start, jac=True, method="L-BFGS-B", bounds=bounds, options=most)
    except _SpentError:
        pass
    return Polished(best, last, np.array(values))
