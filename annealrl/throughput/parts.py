"""What is measured besides the table of models: size, moves between replicas, threads, starting up, the device."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import limits
from annealrl.parallel import available_cores
from annealrl.simulator import ReplicaSimulator
from annealrl.throughput.cases import QUICK_SIDES, SEED, SIDES, lattice
from annealrl.throughput.contenders import DYNAMICS, WORDS
from annealrl.throughput.rounds import alternating

#: Sweeps of a step, of which costs are given as shares.
SWEEPS = 100
#: What a user's first call may be.
FIRST_RUN = """
import annealrl
ring = annealrl.IsingModel.from_edges([(i, (i + 1) % 9) for i in range(9)], [0.1 * i - 0.3 for i in range(9)])
annealrl.sample(ring, sweeps=200)
"""


def all_parts(*, quick: bool, rounds: int) -> dict[str, Callable[[], Any]]:
    """Return the measurements by name."""
    out: dict[str, Callable[[], Any]] = {
        "limit": partial(limit, rounds),
        "scaling": partial(scaling, quick, rounds),
        "moves": partial(moves, quick, rounds),
        "threads": partial(threads, quick, rounds),
    }
    if not quick:
        out |= {"start": start, "cuda": partial(cuda, rounds)}
    return out


def limit(rounds: int) -> dict[str, Any]:
    """Time of drawing and comparing alone, beside the same draws within proposals at 16×16."""
    simulator = ReplicaSimulator([lattice(2, 16, "gaussian")(np.random.default_rng(SEED))], 64, threads=1)
    state, proposals = np.arange(1, 129, dtype=np.uint32), 256 * SWEEPS
    taken = alternating(
        {
            "draws": lambda: limits.draw(state, np.uint32(1 << 31), proposals),
            "proposals": lambda: simulator.advance(0.8, SWEEPS),
        },
        rounds,
    )
    draws, whole = (1e9 * statistics.median(taken[name]) / proposals for name in ("draws", "proposals"))
    return {"draws_ns": draws, "proposal_ns": whole, "ratio": whole / draws, "replicas": 64}


def scaling(quick: bool, rounds: int) -> list[dict[str, Any]]:
    """Cost of an update against the number of spins, for Gaussian couplings at 64 replicas and ±J at 512."""
    rows = []
    work = 2**22 if quick else 2**27
    for couplings, replicas in (("gaussian", 64), ("pm1", 512)):
        runs: dict[str, Callable[[], object]] = {}
        updates: dict[str, tuple[int, int, str]] = {}
        for side in QUICK_SIDES if quick else SIDES:
            model = lattice(2, side, couplings)(np.random.default_rng(SEED))
            sweeps = max(1, work // (model.n * replicas))
            for rule, order in DYNAMICS:
                simulator = ReplicaSimulator([model], replicas, rule=rule, order=order, threads=1)
                simulator.advance(0.8, 10 if not quick else 1)
                name = f"{side} {order}"
                runs[name] = partial(simulator.advance, 0.8, sweeps)
                updates[name] = (model.n, model.n * sweeps * replicas, f"{WORDS[rule]}, {order}")
        taken = alternating(runs, rounds)
        cost = {name: 1e9 * statistics.median(times) / updates[name][1] for name, times in taken.items()}
        for name, (n, _, dynamics) in updates.items():
            least = min(cost[other] for other in cost if updates[other][2] == dynamics)
            rows.append(
                {
                    "couplings": couplings,
                    "replicas": replicas,
                    "n": n,
                    "dynamics": dynamics,
                    "order": name.split()[1],
                    "ns_per_update": cost[name],
                    "to_the_least": cost[name] / least,
                }
            )
    return rows


def moves(quick: bool, rounds: int) -> list[dict[str, Any]]:
    """Cost of replicas at their own β, of resampling, tempering and cluster moves, by steps of 100 sweeps."""
    replicas, side, count = 64, *((6, 2) if quick else (16, 16))
    glass = lattice(2, side, "gaussian")
    instances = [glass(np.random.default_rng(SEED + k)) for k in range(count)]

    def fresh(rule: Any = "metropolis") -> ReplicaSimulator:
        simulator = ReplicaSimulator(instances, replicas, rule=rule, threads=1, seed=1)
        simulator.advance(0.8, SWEEPS)
        return simulator

    ladder, few = np.geomspace(0.3, 3.0, replicas), np.geomspace(0.3, 3.0, replicas // 8)
    common, own, bath, population = fresh(), fresh(), fresh("gibbs"), fresh()
    tempering = fresh().tempering(ladder)
    clusters = {every: fresh().tempering(few, 8, every=every, clusters=True) for every in (1, 5)}

    runs: dict[str, Callable[[], object]] = {
        "common β, Metropolis": lambda: common.advance(0.8, SWEEPS),
        "own β, Metropolis": lambda: own.advance(ladder[None], SWEEPS),
        "own β, heat bath": lambda: bath.advance(ladder[None], SWEEPS),
        "tempering, exchange after every sweep": lambda: tempering.advance(SWEEPS),
        "tempering and clusters, every sweep": lambda: clusters[1].advance(SWEEPS),
        "tempering and clusters, every 5 sweeps": lambda: clusters[5].advance(SWEEPS),
    }
    taken = alternating(runs, rounds)
    median = {name: statistics.median(times) for name, times in taken.items()}
    median["resampling once"] = statistics.median(_resampling(population) for _ in range(20 * rounds))
    step = median["common β, Metropolis"]
    updates = sum(model.n for model in instances) * replicas * SWEEPS
    return [
        {
            "name": name,
            "microseconds_per_instance": 1e6 * median[name] / count,
            "share_of_step": median[name] / step,
            "updates_per_second": None if name == "resampling once" else updates / median[name],
        }
        for name in median
    ]


def _resampling(population: ReplicaSimulator) -> float:
    """Processor time of one resampling; at Δβ = 0.1 it replaces about a third of the replicas."""
    population.advance(0.8, 20)  # which keeps the population diverse
    began = time.process_time()
    population.population.resample(0.1)
    return time.process_time() - began


def threads(quick: bool, rounds: int) -> dict[str, Any]:
    """Gain of a second thread, by the clock on the wall, and what it costs in processor time."""
    cores = available_cores()
    used = min(2, cores)
    model: IsingModel = lattice(2, 6 if quick else 32, "gaussian")(np.random.default_rng(SEED))
    sweeps = 5 if quick else SWEEPS
    simulators = {k: ReplicaSimulator([model] * 16, 64, threads=k, seed=1) for k in (1, used)}
    walls: dict[int, list[float]] = {k: [] for k in simulators}
    processor: dict[int, list[float]] = {k: [] for k in simulators}
    # A step takes a hundredth of a second: more rounds of several of them than elsewhere.
    for round_ in range(4 * rounds + 1):
        for k, simulator in simulators.items():
            wall, busy = time.perf_counter(), time.process_time()
            for _ in range(4):
                simulator.advance(0.8, sweeps)
            if round_:  # the first one warms up
                walls[k].append(time.perf_counter() - wall)
                processor[k].append(time.process_time() - busy)
    gains = [one / two for one, two in zip(walls[1], walls[used], strict=True)]
    return {
        "threads": used,
        "instances": 16,
        "side": round(model.n**0.5),
        "speedup": statistics.median(gains),
        "best_speedup": max(gains),
        "processor_time": statistics.median(two / one for one, two in zip(processor[1], processor[used], strict=True)),
    }


def start() -> dict[str, Any]:
    """Seconds until a first run is through, kernels compiled or from the cache, and of ``--help``.

    Processor times, and under ``wall`` those of the clock; of a run with kernels from the cache the least of three, of
    ``--help`` of five.
    """
    with tempfile.TemporaryDirectory() as cache:
        fresh = {**os.environ, "NUMBA_CACHE_DIR": cache}
        taken = {
            "first_run_cold": [_child([sys.executable, "-c", FIRST_RUN], fresh)],
            "first_run_warm": [_child([sys.executable, "-c", FIRST_RUN], fresh) for _ in range(3)],
        }
    taken["help"] = [_child([sys.executable, "-m", "annealrl", "--help"], dict(os.environ)) for _ in range(5)]
    out: dict[str, Any] = {name: min(busy for busy, _ in times) for name, times in taken.items()}
    return out | {"wall": {name: min(wall for _, wall in times) for name, times in taken.items()}}


def cuda(rounds: int) -> dict[str, Any]:
    """Rate of the CUDA backend; without a device, its rate is None and why is said in its place."""
    from annealrl.cuda_rate import cuda_rate

    try:
        return cuda_rate(rounds=rounds)
    except InputError as error:
        return {"device": f"none: {error}", "updates_per_second": None}


def _child(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Processor seconds of a child process, and those until it is through by the clock."""
    before = os.times()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    busy = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    return busy, after.elapsed - before.elapsed
