"""Run methods on instance sets and judge them by one rule: success against certified optima, paired streams."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from annealrl import statistics
from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.judging import (
    BATCH,
    CERTIFIED,
    CertificateError,
    Tolerance,
    check_certificates,
    ground_energies,
    run_episodes,
    slacks,
)
from annealrl.method import Budget, Method
from annealrl.plots import n99_plot
from annealrl.results import KEY, InstanceResult, Result, ResultStore, write_text
from annealrl.tables import Table

__all__ = ["CertificateError", "Criterion", "Result", "Table", "Tolerance", "benchmark", "evaluate", "with_sweeps"]

Criterion = Literal["best", "final"]


def evaluate(
    method: Method | str,
    instances: InstanceSet,
    *,
    episodes: int,
    budget: Budget | None = None,
    criterion: Criterion = "best",
    tolerance: Tolerance = "exact",
    seed: int = 0,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Measure how often a method finds the ground states of a set.

    Episode e on instance i runs on the stream ``SeedSequence(seed, spawn_key=(i, e))``, whatever the method, the batch
    size or the number of episodes: methods are compared on the same starts, and more episodes extend fewer.

    Parameters
    ----------
    method : Method or str
        A text goes through :func:`~annealrl.baselines.grammar.parse_method`.
    instances : InstanceSet
        With ground energies (spins where there are any: their energy is recomputed) for all instances.
    episodes : int
        Per instance.
    budget : Budget, optional
        64 replicas, 40 steps of 100 sweeps by default.
    criterion : {"best", "final"}
        Whether the lowest energy at any step boundary counts or that at the end. Both are counted; this one is ``p``.
    tolerance : {"exact", "cool"}
        Success is E ≤ E_ground + 1e-9·(Σ|J| + Σ|h|) (of an objective: plus the tolerance that it states), or within
        1e-5 per spin as in the COOL paper.
    progress : callable, optional
        Called with episodes done and in all, after each batch.

    Raises
    ------
    InputError
        If a ground energy is unknown.
    CertificateError
        If a configuration is found below a certified optimum by more than the tolerance, or if the energies that a
        method reports are not those of its configurations.
    """
    method = parse_method(method) if isinstance(method, str) else method
    budget = budget or Budget()
    for key, value, known in (
        ("criterion", criterion, get_args(Criterion)),
        ("tolerance", tolerance, get_args(Tolerance)),
    ):
        if value not in known:
            raise InputError(f"{key} is {value!r}; one of {', '.join(known)} is expected")
    if episodes < 1 or batch < 1:
        raise InputError(f"episodes and batch are {episodes} and {batch}; at least 1 is expected")
    ground, slack = ground_energies(instances), slacks(instances, tolerance)
    played = run_episodes(method, instances, range(episodes), budget, seed, batch, progress)
    best, final = played.best, played.final
    check_certificates(method.name, instances, best.min(axis=1), ground, slack)
    energies = {"best": best, "final": final}
    solved = {key: value <= (ground + slack)[:, None] for key, value in energies.items()}
    sizes = np.array([model.n for model in instances])
    extents = np.array([model.extent for model in instances])
    counts = {key: value.sum(axis=1) for key, value in solved.items()}
    rows = tuple(
        InstanceResult(
            name=instances.instance_names[i],
            n=int(sizes[i]),
            ground_energy=float(ground[i]),
            certified=instances.statuses[i] in CERTIFIED,
            episodes=episodes,
            successes=int(counts[criterion][i]),
            best_energy=float(best[i].min()),
            best_successes=int(counts["best"][i]),
            final_successes=int(counts["final"][i]),
        )
        for i in range(len(instances))
    )
    summary = statistics.summarize(counts[criterion], np.full(len(instances), episodes))
    per_episode = played.seconds / (len(instances) * episodes)
    return Result(
        **run_key(method, episodes, budget, criterion, tolerance, seed),
        method=method.name,
        moves=tuple(sorted(method.moves)),
        instances={"name": instances.name, "hash": instances.hash},
        p=summary.p,
        p_ci=summary.p_ci,
        n99=_finite(summary.n99),
        n99_ci=_finite_pair(summary.n99_ci),
        p_best=float(solved["best"].mean()),
        p_final=float(solved["final"].mean()),
        n99_set=_finite(summary.n99_set),
        n99_set_ci=_finite_pair(summary.n99_set_ci),
        median_instance_n99=_finite(summary.median_n99),
        median_instance_n99_ci=_finite_pair(summary.median_n99_ci),
        mean_residual_energy_per_spin=float(((energies[criterion] - ground[:, None]) / extents[:, None]).mean()),
        seconds_per_episode=per_episode,
        tts_seconds=_finite(per_episode * max(1.0, summary.n99)),
        attempted_updates=played.attempted_updates,
        final_only=_final_only(method),
        per_instance=rows,
    )


def benchmark(
    instances: InstanceSet,
    methods: Sequence[Method | str],
    *,
    episodes: int,
    budget: Budget | None = None,
    sweeps: Sequence[int] | None = None,
    criterion: Criterion = "best",
    tolerance: Tolerance = "exact",
    seed: int = 0,
    out: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Table:
    """Measure several methods on the same episodes.

    Parameters
    ----------
    sweeps : sequence of int, optional
        Repeat at these sweeps per replica and episode, see :func:`with_sweeps`; the table then knows the budget of the
        shortest time to solution.
    out : str or Path, optional
        Directory for ``results.jsonl`` (a :class:`~annealrl.results.ResultStore`: what it holds is not measured again,
        so that an interrupted benchmark goes on), ``benchmark.json``, ``benchmark.md``, ``benchmark.html`` and
        ``n99.png``.
    progress : callable, optional
        Called with episodes done and in all, over all methods and budgets.

    Other parameters and errors are those of :func:`evaluate`.
    """
    parsed = [parse_method(method) if isinstance(method, str) else method for method in methods]
    if not parsed:
        raise InputError("benchmark: no method given; at least one is expected")
    for i, method in enumerate(parsed):
        for other in parsed[:i]:
            if method.name == other.name or _fingerprint(method) == _fingerprint(other):
                raise InputError(f"benchmark: method {method.name!r} is given twice (as {other.name!r})")
    budget = budget or Budget()
    budgets = [budget] if sweeps is None else [with_sweeps(budget, count) for count in dict.fromkeys(sweeps)]
    store = ResultStore(out) if out is not None else None
    share = len(instances) * episodes
    results: list[Result] = []
    for spent, method in product(budgets, parsed):
        key = run_key(method, episodes, spent, criterion, tolerance, seed)
        found = store.get((instances.hash, *(key[name] for name in KEY))) if store is not None else None
        if found is not None and not _same_grounds(found, instances):
            found = None  # judged by other ground energies, before a certificate came or was mended
        if found is None:
            found = evaluate(
                method,
                instances,
                episodes=episodes,
                budget=spent,
                criterion=criterion,
                tolerance=tolerance,
                seed=seed,
                progress=partial(_overall, progress, share * len(results), share * len(budgets) * len(parsed)),
            )
            if store is not None:
                store.append(found)
        # What was measured may be asked for again under another name.
        names = {"name": instances.name, "hash": instances.hash}
        results.append(replace(found, method=method.name, instances=names, final_only=_final_only(method)))
    table = Table(tuple(results))
    if out is not None:
        write_text(Path(out) / "benchmark.json", json.dumps(table.to_json(), indent=1, allow_nan=False) + "\n")
        write_text(Path(out) / "benchmark.md", table.to_markdown())
        table.to_html(Path(out) / "benchmark.html")
        n99_plot(table, Path(out) / "n99.png")
    return table


def _same_grounds(found: Result, instances: InstanceSet) -> bool:
    now = ground_energies(instances)
    certified = [status in CERTIFIED for status in instances.statuses]
    rows = found.per_instance
    return [row.ground_energy for row in rows] == now.tolist() and [row.certified for row in rows] == certified


def _overall(progress: Callable[[int, int], None] | None, before: int, total: int, done: int, _: int) -> None:
    if progress is not None:
        progress(before + done, total)


def with_sweeps(budget: Budget, sweeps: int) -> Budget:
    """The budget with `sweeps` sweeps per replica, in as many equal steps as divide them, at most those it had.

    Raises
    ------
    InputError
        If that leaves fewer than half of the steps.

    Examples
    --------
    >>> with_sweeps(Budget(), 500)
    Budget(replicas=64, steps=25, sweeps_per_step=20, threads=None)
    """
    steps = max((k for k in range(1, budget.steps + 1) if sweeps > 0 and sweeps % k == 0), default=0)
    if steps == 0 or 2 * steps < min(budget.steps, sweeps):
        raise InputError(
            f"sweeps: {sweeps} cannot be parted into {-(-budget.steps // 2)} to {budget.steps} equal steps; "
            f"a multiple of {budget.steps} is expected"
        )
    return replace(budget, steps=steps, sweeps_per_step=sweeps // steps)


def run_key(method: Method, episodes: int, budget: Budget, criterion: str, tolerance: str, seed: int) -> dict[str, Any]:
    """The entries of a :class:`~annealrl.results.Result` that are known before it is measured."""
    return {
        # Another backend takes other random numbers and other seconds; its results are kept apart.
        "fingerprint": _fingerprint(method) + ("" if budget.backend == "cpu" else f" on {budget.backend}"),
        "episodes_per_instance": episodes,
        "replicas": budget.replicas,
        "steps": budget.steps,
        "sweeps_per_step": budget.sweeps_per_step,
        "seed": seed,
        "criterion": criterion,
        "tolerance": tolerance,
    }


def _final_only(method: Method) -> bool:
    return bool(getattr(method, "final_only", False))


def _fingerprint(method: Method) -> str:
    return str(getattr(method, "fingerprint", method.name))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finite_pair(values: Sequence[float]) -> tuple[float | None, float | None]:
    return _finite(values[0]), _finite(values[1])
