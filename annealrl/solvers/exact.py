"""The public solver: scale, presolve, branch and cut block by block, expand, certify."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from annealrl import checks
from annealrl.errors import InputError
from annealrl.ising import IsingModel, SpinArray
from annealrl.parallel import allowed_threads
from annealrl.solvers.branching import BranchAndCut
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.large import MAX_COUPLINGS, annealed_spins, settled, unfrustrated_spins
from annealrl.solvers.reduction import OutOfTimeError, reduce_graph
from annealrl.solvers.scaled import ScaledModel
from annealrl.solvers.solution import Solution, status_of

Progress = Callable[[float, float], None]


def solve(
    model: IsingModel,
    *,
    time_limit: float | None = None,
    seed: int = 0,
    initial: npt.ArrayLike | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Solution:
    """Find a ground state and prove it, by branch and cut over odd-cycle inequalities.

    Made for sparse models: tori and open lattices, Chimera-like graphs, sparse max-cut and QUBO. Dense models end at
    the time limit with a bound and a gap. Beyond 200 000 couplings (fields counted), and where the time does not
    suffice for the presolve, there is only annealing and the bound -Σ|J| - Σ|h|.

    Parameters
    ----------
    model : IsingModel
        Fields are allowed.
    time_limit : float, optional
        Wall-clock seconds after which the best configuration and bound so far are returned; None means no limit.
    seed : int
        Seed of the heuristics; the same seed repeats the same search as long as no time limit strikes.
    initial : array_like of ±1, shape (n,), optional
        A known good configuration.
    progress : callable, optional
        Called with (energy, bound) of the whole model, for every relaxation that was solved; after the root of a block
        once the node is done with.
    threads : int, optional
        Threads that search at a time, two at most; by default all available cores. The result is the same for any
        number of them as long as no time limit strikes.

    Returns
    -------
    Solution

    Raises
    ------
    InputError
        If the time limit is negative or NaN, `threads` no whole number above 0, or `initial` no configuration of the
        model.

    References
    ----------
    F. Barahona, M. Grötschel, M. Jünger, G. Reinelt, Oper. Res. 36, 493 (1988); F. Liers, M. Jünger, G. Reinelt,
    G. Rinaldi, in: New Optimization Algorithms in Physics (Wiley, 2004), chapter 4.

    Examples
    --------
    >>> triangle = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], couplings=-1.0)
    >>> solution = solve(triangle)
    >>> solution.energy, solution.bound, solution.status
    (-1.0, -1.0, 'optimal')
    """
    started = time.perf_counter()
    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"time limit is {time_limit}; seconds, 0 or more, are expected")
    threads = allowed_threads() if threads is None else checks.whole(threads, "threads", 1)
    deadline = math.inf if time_limit is None else started + time_limit
    rng = np.random.default_rng(seed)
    scaled = ScaledModel.from_model(model)
    whole = SignedGraph(scaled.n, scaled.edges, scaled.weights)
    best = _initial_spins(model, scaled, initial)
    try:
        if len(scaled.edges) > MAX_COUPLINGS:
            raise OutOfTimeError
        reduction = reduce_graph(scaled.n, scaled.edges, scaled.weights, deadline)
    except OutOfTimeError:
        return _unsearched(model, scaled, whole, best, rng, deadline, started)
    spins = reduction.restrict(best)
    costs = [block.graph.cost(part) for block, part in zip(reduction.blocks, spins, strict=True)]
    # The reduced energies differ from the full ones by a constant, which any expanded configuration shows.
    constant = _energy(whole, reduction.expand(spins)) - sum(costs)
    bounds = [0] * len(costs)
    nodes = 0
    for b, block in enumerate(reduction.blocks):
        if time.perf_counter() > deadline:
            break

        def report(cost: int, bound: int, b: int = b) -> None:
            if progress is not None:
                energy = constant + sum(costs) - costs[b] + cost
                proven = constant + sum(bounds) - bounds[b] + bound
                progress(model.offset + math.ldexp(energy, -scaled.exponent), scaled.model_bound(proven, model.offset))

        search = BranchAndCut(
            block.graph,
            rng=rng,
            # Smallest blocks come in any order, so each may use all the time that is left.
            deadline=deadline,
            tolerance=_tolerance(block.graph),
            start=spins[b],
            report=report,
            threads=threads,
        )
        spins[b], bounds[b] = search.run()
        costs[b] = search.incumbent.cost
        nodes += search.nodes
    expanded = reduction.expand(spins)
    if time.perf_counter() > deadline:  # perhaps before some block was looked at
        expanded = settled(whole, expanded, rng, deadline)
    return _certified(model, scaled, expanded, constant + sum(bounds), nodes, started)


def _unsearched(
    model: IsingModel,
    scaled: ScaledModel,
    whole: SignedGraph,
    best: SpinArray,
    rng: np.random.Generator,
    deadline: float,
    started: float,
) -> Solution:
    """All couplings satisfied where that is possible, else the best of `best` and annealing; the bound is -Σ|w|."""
    satisfied = unfrustrated_spins(whole)
    if satisfied is not None:
        best = satisfied
    else:
        annealed = annealed_spins(model, rng, deadline)
        if annealed is not None:
            ghost = np.ones(scaled.n - model.n, dtype=np.int8)
            best = min(best, np.concatenate([annealed, ghost]), key=whole.cost)
        best = settled(whole, best, rng, deadline)
    return _certified(model, scaled, best, -int(np.abs(whole.weights).sum()), 0, started)


def _tolerance(graph: SignedGraph) -> int:
    """Cost differences that do not matter: a thousandth of what "optimal" allows, and none for coarse integer data."""
    allowed = int(np.abs(graph.weights).sum()) // 10**12
    return allowed if allowed >= graph.step else 0


def _energy(graph: SignedGraph, spins: SpinArray) -> int:
    return graph.cost(spins) - int(np.abs(graph.weights).sum())


def _initial_spins(model: IsingModel, scaled: ScaledModel, initial: npt.ArrayLike | None) -> SpinArray:
    if initial is None:
        return np.ones(scaled.n, dtype=np.int8)
    spins = np.asarray(initial)
    model.energy(spins)  # raises for anything that is not a configuration
    if spins.ndim != 1:
        raise InputError(f"initial spins have shape {spins.shape}; ({model.n},) is expected")
    return np.concatenate([spins, np.ones(scaled.n - model.n)]).astype(np.int8)


def _certified(
    model: IsingModel, scaled: ScaledModel, spins: SpinArray, bound: int, nodes: int, started: float
) -> Solution:
    chosen = scaled.model_spins(spins)
    chosen.setflags(write=False)
    energy = model.energy(chosen)
    # The bound holds for real numbers; the float64 energy may lie below its own by a rounding error.
    proven = min(scaled.model_bound(bound, model.offset), energy)
    return Solution(
        name=model.name,
        n=model.n,
        energy=energy,
        bound=proven,
        spins=chosen,
        status=status_of(energy, proven, model.scale),
        seconds=time.perf_counter() - started,
        nodes=nodes,
    )
