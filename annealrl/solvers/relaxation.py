"""The linear relaxation: one HiGHS object that grows by cuts, and exact lower bounds from its duals."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from annealrl.ising import FloatArray, IntArray
from annealrl.solvers.cycles import Cut

_EMPTY = np.empty(0, dtype=np.int64)
_RECENT = 4
"""Solves since a cut last had a multiplier, below which a corner remembers it."""
_BEYOND = 1e-6
"""How far beyond the bound that is enough the LP goes, so that its rounded multipliers prove it."""

_OVERHEAD = 100
"""Dual simplex steps that take as long as what comes with every solve: factorising, separation."""


@dataclass(frozen=True)
class Corner:
    """A vertex of the relaxation.

    Attributes
    ----------
    cuts, demands : lists
        Cuts that hold with equality there or had a multiplier not long before, and what they demand.
    tight : list of bool
        Which of them hold with equality (and are not in the basis).
    columns : list
        Status of every variable.
    """

    cuts: list[Cut]
    demands: list[int]
    tight: list[bool]
    columns: list[Any]


class Relaxation:
    """``min costs · u`` over ``lower ≤ u ≤ upper`` and the cuts added so far.

    `work` counts the dual simplex steps made, with an allowance for what else a solve brings.

    Any non-negative multipliers y of the cuts prove ``y · rhs + Σ min over the box of (costs - Aᵀy) u`` as a lower
    bound (weak duality). The LP solver's multipliers are rounded to integers and the sum is formed in integers, so the
    bound holds however inaccurate the LP solution is.
    """

    def __init__(self, costs: IntArray) -> None:
        import highspy

        self._highspy = highspy
        self.costs = costs
        self.m = len(costs)
        self.lower = np.zeros(self.m, dtype=np.int64)
        self.upper = np.ones(self.m, dtype=np.int64)
        self.unit = float(costs.max())
        self.cuts: list[Cut] = []
        self.idle: IntArray = _EMPTY
        self._keys: set[bytes] = set()
        self._demands: IntArray = _EMPTY
        self._flat: Cut = _EMPTY
        self._rows: IntArray = _EMPTY
        self._rhs: IntArray = _EMPTY
        self.u: FloatArray = np.zeros(self.m)
        self.duals: FloatArray = np.empty(0)
        self.feasible = True
        self.solves = 0
        self.work = 0
        self._lp = self._make()

    def _make(self) -> Any:
        lp = self._highspy.Highs()
        for option, value in (
            ("output_flag", False),
            ("threads", 1),
            ("parallel", "off"),
            ("solver", "simplex"),
            ("presolve", "off"),
            ("primal_feasibility_tolerance", 1e-9),
            ("dual_feasibility_tolerance", 1e-9),
            # Cycle relaxations are highly degenerate; cleaning up after a perturbation costs more than it saves.
            ("dual_simplex_cost_perturbation_multiplier", 0.0),
        ):
            lp.setOptionValue(option, value)
        # HiGHS that already runs in this process with more threads refuses one; the dual simplex uses only one anyway.
        if lp.run() == self._highspy.HighsStatus.kError:
            lp.setOptionValue("threads", 0)
        lp.addVars(self.m, np.zeros(self.m), np.ones(self.m))
        lp.changeColsCost(self.m, np.arange(self.m, dtype=np.int32), self.costs / self.unit)
        return lp

    def add(self, cuts: list[Cut], demand: int = 1) -> int:
        """Add those cuts that are not there yet, their sums being at least `demand`; returns how many."""
        fresh = []
        for cut in cuts:
            key = cut.tobytes()
            if key not in self._keys:
                self._keys.add(key)
                fresh.append(cut)
        if not fresh:
            return 0
        lengths = np.array([len(cut) for cut in fresh])
        flat, rows = np.concatenate(fresh), np.repeat(np.arange(len(fresh)), lengths)
        rhs = demand - np.add.reduceat(flat & 1, np.cumsum(lengths) - lengths)
        # An edge that occurs several times in a cut is summed here.
        matrix = sp.csr_array((1.0 - 2.0 * (flat & 1), (rows, flat >> 1)), shape=(len(fresh), self.m))
        matrix.eliminate_zeros()
        self._lp.addRows(
            len(fresh),
            rhs.astype(float),
            np.full(len(fresh), np.inf),
            len(matrix.data),
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )
        self._rows = np.concatenate([self._rows, rows + len(self.cuts)])
        self._flat = np.concatenate([self._flat, flat])
        self._rhs = np.concatenate([self._rhs, rhs])
        self._demands = np.concatenate([self._demands, np.full(len(fresh), demand)])
        self.cuts += fresh
        self.idle = np.concatenate([self.idle, np.zeros(len(fresh), dtype=np.int64)])
        self.duals = np.concatenate([self.duals, np.zeros(len(fresh))])
        return len(fresh)

    def purge(self, patience: int) -> None:
        """Drop cuts that had no multiplier in the last `patience` solves."""
        self._keep(self.idle < patience)

    def _keep(self, keep: npt.NDArray[np.bool_]) -> None:
        gone = np.flatnonzero(~keep)
        if not len(gone):
            return
        self._lp.deleteRows(len(gone), gone.astype(np.int32))
        self._keys.difference_update(self.cuts[row].tobytes() for row in gone.tolist())
        self.cuts = [self.cuts[row] for row in np.flatnonzero(keep).tolist()]
        of_kept = keep[self._rows]
        self._flat = self._flat[of_kept]
        self._rows = (np.cumsum(keep) - 1)[self._rows[of_kept]]
        self._rhs, self._demands = self._rhs[keep], self._demands[keep]
        self.idle, self.duals = self.idle[keep], self.duals[keep]

    def corner(self) -> Corner:
        """Where the last solve ended."""
        basis = self._lp.getBasis()
        basic = self._highspy.HighsBasisStatus.kBasic
        tight = np.array([status != basic for status in basis.row_status], dtype=bool)
        rows = np.flatnonzero(tight | (self.idle < _RECENT))
        return Corner(
            [self.cuts[row] for row in rows.tolist()],
            self._demands[rows].tolist(),
            tight[rows].tolist(),
            list(basis.col_status),
        )

    def go_to(self, corner: Corner) -> None:
        """Start the next solve at an earlier corner, with the cuts that counted there and no others."""
        wanted = {cut.tobytes(): tight for cut, tight in zip(corner.cuts, corner.tight, strict=True)}
        self._keep(np.array([cut.tobytes() in wanted for cut in self.cuts], dtype=bool))
        for demand in sorted(set(corner.demands)):
            self.add([cut for cut, of in zip(corner.cuts, corner.demands, strict=True) if of == demand], demand)
        self.idle[:] = 0
        status = self._highspy.HighsBasisStatus
        basis = self._highspy.HighsBasis()
        basis.col_status = corner.columns
        basis.row_status = [status.kLower if wanted[cut.tobytes()] else status.kBasic for cut in self.cuts]
        basis.valid = True
        self._lp.setBasis(basis)

    def set_box(self, lower: IntArray, upper: IntArray) -> None:
        """Replace the bounds of all variables."""
        changed = np.flatnonzero((lower != self.lower) | (upper != self.upper))
        if len(changed):
            self._lp.changeColsBounds(
                len(changed), changed.astype(np.int32), lower[changed].astype(float), upper[changed].astype(float)
            )
            self.lower, self.upper = lower.copy(), upper.copy()

    def probe(self, edge: int, value: int, iterations: int) -> int:
        """Bound proven by a few dual simplex steps after fixing one variable; nothing else is changed."""
        lp = self._lp
        basis, duals, old = lp.getBasis(), self.duals, (self.lower[edge], self.upper[edge])
        lp.setOptionValue("simplex_iteration_limit", iterations)
        # Devex weights from now on: steepest-edge ones would have to be computed anew after every probe.
        lp.setOptionValue("simplex_dual_edge_weight_strategy", 1)
        lp.changeColBounds(edge, float(value), float(value))
        self._run()
        self.duals = np.maximum(np.array(lp.getSolution().row_dual), 0.0)
        self.lower[edge] = self.upper[edge] = value
        bound = self.exact_bound()[0]
        self.lower[edge], self.upper[edge] = old
        self.duals = duals
        lp.changeColBounds(edge, float(old[0]), float(old[1]))
        lp.setBasis(basis)
        lp.setOptionValue("simplex_iteration_limit", 2**31 - 1)
        return bound

    def _run(self) -> None:
        self._lp.run()
        self.work += _OVERHEAD + max(0, self._lp.getInfo().simplex_iteration_count)

    def solve(self, deadline: float, enough: int | None = None) -> bool:
        """Reoptimise from the last basis; False if no usable solution came out (time is up).

        Multipliers that prove a bound of `enough` are enough: there need not be an optimum then, and `u` stays.
        """
        left = deadline - time.perf_counter()
        if left <= 0:
            return False
        self.solves += 1
        lp = self._lp
        # HiGHS counts its limit from the making of the object.
        lp.setOptionValue("time_limit", lp.getRunTime() + left if math.isfinite(left) else math.inf)
        lp.setOptionValue("objective_bound", math.inf if enough is None else enough / self.unit + _BEYOND)
        self._run()
        status = lp.getModelStatus()
        kinds = self._highspy.HighsModelStatus
        if status == kinds.kObjectiveBound and enough is not None:
            duals = np.array(lp.getSolution().row_dual)
            if len(duals) == len(self.cuts):
                self.duals = np.maximum(duals, 0.0)
                if self.exact_bound()[0] >= enough:
                    self.feasible = True
                    return True
            lp.setOptionValue("objective_bound", math.inf)
            self._run()
            status = lp.getModelStatus()
        if status not in (kinds.kOptimal, kinds.kInfeasible, kinds.kTimeLimit):
            # Once more from scratch: the basis was bad.
            lp.clearSolver()
            self._run()
            status = lp.getModelStatus()
        self.feasible = status != kinds.kInfeasible
        if status == kinds.kOptimal:
            solution = lp.getSolution()
            self.u = np.clip(np.array(solution.col_value), 0.0, 1.0)
            self.duals = np.maximum(np.array(solution.row_dual), 0.0)
            self.idle = np.where(self.duals > 1e-12, 0, self.idle + 1)
            return True
        if not self.feasible:
            _, known, ray = lp.getDualRay()
            # A ray proves any bound; a large multiple of it is handed on as multipliers.
            ray = np.array(ray) if known else np.zeros(len(self.cuts))
            if ray.sum() < 0:
                ray = -ray
            top = float(ray.max(initial=0.0))
            self.duals = np.maximum(ray, 0.0) * (16.0 * self.m / top if top > 0 else 0.0)
            return True
        # Time is up; an interrupted dual simplex still has multipliers, and any multipliers prove a bound.
        duals = np.array(lp.getSolution().row_dual)
        if len(duals) == len(self.cuts):
            self.duals = np.maximum(duals, 0.0)
        return False

    def exact_bound(self) -> tuple[int, npt.NDArray[np.int64]]:
        """Lower bound proven by the current multipliers, and the reduced costs it was formed with; exact integers."""
        # Any multipliers ≥ 0 prove a bound; what is no number proves nothing.
        multipliers = np.rint(np.nan_to_num(self.duals, nan=0.0, posinf=0.0, neginf=0.0) * self.unit)
        weight = float((multipliers[self._rows]).sum()) + float(self.costs.sum())
        if not weight < 2.0**61:
            multipliers = (
                np.floor(multipliers * (2.0**60 / weight)) if math.isfinite(weight) else np.zeros_like(multipliers)
            )
        y = multipliers.astype(np.int64)
        reduced = self.costs.copy()
        np.subtract.at(reduced, self._flat >> 1, (1 - 2 * (self._flat & 1)) * y[self._rows])
        at_box = np.where(reduced > 0, reduced * self.lower, reduced * self.upper)
        return int((y * self._rhs).sum()) + int(at_box.sum()), reduced
