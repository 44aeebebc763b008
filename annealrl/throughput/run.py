"""The measurements: contenders take turns round by round, and medians are reported, because machines are noisy."""

from __future__ import annotations

import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm

from annealrl.errors import InputError
from annealrl.parallel import available_cores
from annealrl.throughput import cases as models
from annealrl.throughput import contenders, parts
from annealrl.throughput.cases import Case
from annealrl.throughput.rounds import alternating, seconds
from annealrl.throughput.targets import judge

Progress = Callable[[int, int], None]


def measure(
    against: Sequence[str] = (),
    *,
    rounds: int = 5,
    only: str = "",
    quick: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure everything in one run, on one core but for the gain by threads.

    Rates are attempted updates a second of processor time, which other processes on the machine disturb least; what
    threads gain is measured by the clock on the wall, and starting up by both.

    Parameters
    ----------
    against : sequence of str
        Peers: ``"dwave"``, ``"openjij"``.
    rounds : int
        Rounds in which the contenders take turns.
    only : str
        Measure models whose name contains this text, and nothing else.
    quick : bool
        Small models for a moment, to see whether everything runs; the figures mean nothing, so ``targets`` is empty.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    dict
        ``machine``, ``against`` (peers and versions), ``models`` (a row for each model and contender), ``limit``,
        ``scaling``, ``moves``, ``threads``, ``start``, ``cuda`` (see :mod:`annealrl.throughput.parts`) and ``targets``.

    Raises
    ------
    InputError
        If a peer is unknown or not installed, or no model is chosen.
    """
    peers = contenders.check_peers(against)
    chosen = [case for case in models.cases(quick=quick) if only in case.name]
    if not chosen:
        known = ", ".join(case.name for case in models.cases(quick=quick))
        raise InputError(f"throughput: no model's name contains {only!r}; there are {known}")
    rest = {} if only else parts.all_parts(quick=quick, rounds=rounds)
    total = len(chosen) + len(rest)
    report: dict[str, Any] = {
        "machine": machine(),
        "against": contenders.versions(peers),
        "rounds": rounds,
        "quick": quick,
        "models": [],
    }
    began = time.perf_counter()
    for done, case in enumerate(chosen):
        if progress:
            progress(done, total)
        report["models"] += _rows(case, peers, rounds)
    for done, (name, part) in enumerate(rest.items(), start=len(chosen)):
        if progress:
            progress(done, total)
        report[name] = part()
    if progress:
        progress(total, total)
    report["seconds"] = time.perf_counter() - began
    report["targets"] = judge(report)
    return report


def machine() -> dict[str, Any]:
    """Processor, cores and versions."""
    return {
        "processor": llvm.get_host_cpu_name(),
        "avx512": bool(llvm.get_host_cpu_features().get("avx512bw", False)),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numba": importlib.metadata.version("numba"),
    }


def _rows(case: Case, peers: Sequence[str], rounds: int) -> list[dict[str, Any]]:
    model = case.model()
    everyone = [*contenders.ours(case, model), *contenders.peers(case, model, peers)]
    overheads = {c.name: min(seconds(c.overhead) for _ in range(2)) for c in everyone if c.overhead is not None}
    taken = alternating({c.name: c.run for c in everyone}, rounds)
    net = {name: [max(1e-9, t - overheads.get(name, 0.0)) for t in times] for name, times in taken.items()}
    fastest = {
        peer: min((c.name for c in everyone if c.peer == peer), key=lambda name: statistics.median(net[name]))
        for peer in peers
    }
    updates = model.n * case.replicas * case.sweeps
    rows = []
    for contender in everyone:
        own = net[contender.name]
        ratios = {}
        for peer, name in fastest.items():
            sorted_ratios = sorted(theirs / t for t, theirs in zip(own, net[name], strict=True))
            ratios[peer] = {
                "to": name,
                "median": statistics.median(sorted_ratios),
                "lowest": sorted_ratios[0],
                "highest": sorted_ratios[-1],
            }
        rows.append(
            {
                "model": case.name,
                "n": model.n,
                "mean_degree": float(model.degrees.mean()),
                "largest_degree": int(model.degrees.max()),
                "replicas": case.replicas,
                "sweeps": case.sweeps,
                "steps": case.steps,
                "betas": list(case.betas),
                "contender": contender.name,
                "peer": contender.peer,
                "updates_per_second": updates / statistics.median(own),
                "seconds": own,
                "ratios": ratios,
                "bytes_per_spin": contender.bytes_per_spin,
                "bytes_more": contender.bytes_more,
            }
        )
    return rows
