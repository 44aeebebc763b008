"""Kernels of every kind of model beside each other and beside dwave-samplers, one core each, in one run.

All anneal the same instance over the same linear β schedule, one β a sweep, with the same number of replicas (reads).
The contenders take turns, and the figure is the median over the rounds of the ratio of processor times: machines are
noisy, pairs less so. Rates are attempted updates per second of processor time, on one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from annealrl.instances.conventions import to_dimod
from annealrl.instances.generators import lattice_edges
from annealrl.ising import IsingModel
from annealrl.kernels import dense, multispin, packed, streams, summed
from annealrl.kernels.lanes import LANES

Contender = Callable[[], None]
Dynamics = tuple[int, int]
DYNAMICS: dict[str, Dynamics] = {
    "Metropolis, random": (packed.METROPOLIS, packed.RANDOM),
    "heat bath, sequential": (packed.GIBBS, packed.SEQUENTIAL),
}


def stacked(array: np.ndarray) -> np.ndarray:
    return np.array(array[None], order="C")


def contender(
    kernel: str, model: IsingModel, replicas: int, betas: tuple[float, float], sweeps: int, dynamics: Dynamics
) -> Contender | None:
    """One anneal by one of our kernels, energies included; None where the kernel does not know the model."""
    n, words = model.n, -(-replicas // LANES)
    key = np.random.SeedSequence(0).generate_state(2, np.uint64)
    spins, lanes = np.zeros((1, n, words), np.uint64), np.zeros((1, words, 2, LANES), np.uint32)
    packed.seed_lanes(key[0], lanes[0])
    packed.random_spins(spins[0], lanes[0], n, False)
    start = spins.copy()
    site_states, accepted, out = key[1:].reshape(1, 1).copy(), np.zeros(1, np.int64), np.zeros((1, replicas))
    sizes, offsets, begin, end = np.full(1, n), np.full(1, model.offset), *(np.full(1, beta) for beta in betas)
    how = (begin, end, sweeps, *dynamics, spins)
    neighbours, couplings = model.padded
    if neighbours.shape[1] < packed.TABLE_WIDTH:
        missing = packed.TABLE_WIDTH - neighbours.shape[1]
        neighbours = np.hstack([neighbours, np.repeat(np.arange(n, dtype=np.int32)[:, None], missing, axis=1)])
        couplings = np.pad(couplings, ((0, 0), (0, missing)))
    graph = [stacked(a) for a in (neighbours, couplings, model.fields, model.degrees.astype(np.int32))]
    q = dense.unit(model)
    units = np.full(1, q)
    if kernel == "packed":

        def advance() -> None:
            packed.advance(*graph, sizes, *how, lanes, site_states, accepted, 0, 1)

        def energies() -> None:
            packed.energies(*graph, sizes, offsets, spins, out, 0, 1)

    elif kernel == "summed":
        sparse = [stacked(a) for a in (model.padded[0], *summed.encode(model, q), model.degrees.astype(np.int32))]

        def advance() -> None:
            summed.advance(*sparse, units, sizes, *how, lanes, site_states, accepted, 0, 1)

        def energies() -> None:
            packed.energies(*graph, sizes, offsets, spins, out, 0, 1)

    elif kernel == "dense":
        width = dense.stride(n)
        matrix, local = dense.aligned((1, n, width), np.int32), dense.aligned((1, words * LANES, width), np.int32)
        residuals, whole = np.zeros((1, n, width), np.int16), np.zeros((1, n), np.int32)
        exact = np.array([dense.encode(model, q, matrix[0], residuals[0], whole[0])])

        def advance() -> None:
            dense.local_fields(matrix[0], whole[0], n, spins[0], local[0])
            dense.advance(matrix, units, sizes, *how, local, lanes, site_states, accepted, 0, 1)

        def energies() -> None:
            fields = stacked(model.fields)
            dense.energies(residuals, units, exact, fields, whole, sizes, offsets, spins, local, out, 0, 1)

    else:
        bonds = multispin.encode(model)
        if bonds is None:
            return None
        coded = [np.array(np.asarray(a)[None], order="C") for a in bonds]
        state = np.zeros((1, 2, words), np.uint64)
        streams.seed_words(key[0], state[0])

        def advance() -> None:
            multispin.advance(*coded, sizes, *how, state, site_states, accepted, 0, 1)

        def energies() -> None:
            multispin.energies(*coded, sizes, offsets, spins, out, 0, 1)

    def run() -> None:
        spins[:] = start
        advance()
        energies()

    return run


def dwave(model: IsingModel, replicas: int, betas: tuple[float, float], sweeps: int, order: str) -> Contender:
    from dwave.samplers import SimulatedAnnealingSampler

    bqm, sampler = to_dimod(model), SimulatedAnnealingSampler()
    schedule = betas[0] + (betas[1] - betas[0]) * np.arange(1, sweeps + 1) / sweeps

    def run() -> None:
        sampler.sample(
            bqm,
            num_reads=replicas,
            num_sweeps=sweeps,
            num_sweeps_per_beta=1,
            beta_schedule_type="custom",
            beta_schedule=schedule,
            randomize_order=order == "random",
            seed=1,
        )

    return run


def seconds(run: Contender) -> float:
    began = time.thread_time()
    run()
    return time.thread_time() - began


def sherrington_kirkpatrick(n: int, rng: np.random.Generator) -> IsingModel:
    """J normal with variance 1/n, so that the critical β is 1 at any size."""
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    return IsingModel.from_edges(pairs, rng.normal(size=len(pairs)) / np.sqrt(n))


def max_cut(n: int, degree: float, rng: np.random.Generator) -> IsingModel:
    """An unweighted random graph, like G1 of the Gset (800 nodes, mean degree 48)."""
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    return IsingModel.from_edges(pairs[rng.random(len(pairs)) < degree / (n - 1)], -1.0, n=n)


def cases(rng: np.random.Generator) -> list[tuple[str, IsingModel, int, tuple[float, float], int, list[str]]]:
    """(name, model, replicas, first and last β, sweeps, our kernels) of every row of the table."""
    out: list[tuple[str, IsingModel, int, tuple[float, float], int, list[str]]] = []
    for n, sweeps in ((100, 1000), (300, 300), (1000, 100), (3000, 10)):
        kernels = ["dense", "summed"] + (["packed"] if n <= 300 else [])
        out.append((f"SK {n}", sherrington_kirkpatrick(n, rng), 64, (0.1, 3.0), sweeps, kernels))
    graph = max_cut(800, 48.0, rng)
    gaussian = IsingModel.from_edges(graph.edges, rng.normal(size=len(graph.edges)))
    out.append(("max-cut 800, degree 48", graph, 64, (0.02, 0.6), 200, ["summed", "dense", "packed"]))
    out.append(("Gaussian 800, degree 48", gaussian, 64, (0.02, 0.6), 200, ["summed", "dense", "packed"]))
    for shape, title in (((16, 16), "±J 16×16"), ((32, 32), "±J 32×32"), ((10, 10, 10), "±J 10×10×10")):
        edges = lattice_edges(shape)
        model = IsingModel.from_edges(edges, rng.choice([-1.0, 1.0], len(edges)))
        for replicas in (64, 512):
            sweeps = 500 * 1024 * 64 // (model.n * replicas)
            out.append((f"{title}, {replicas} replicas", model, replicas, (0.05, 3.0), sweeps, ["multispin", "packed"]))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="measure the models whose name contains this text")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for name, model, replicas, betas, sweeps, kernels in cases(np.random.default_rng(0)):
        if arguments.only not in name:
            continue
        runs: dict[str, Contender] = {}
        for kernel in kernels:
            for title, dynamics in DYNAMICS.items():
                run = contender(kernel, model, replicas, betas, sweeps, dynamics)
                if run is not None:
                    runs[f"{kernel}, {title}"] = run
        for order in ("ordered", "random"):
            runs[f"dwave-samplers, {order}"] = dwave(model, replicas, betas, sweeps, order)
        taken: dict[str, list[float]] = {title: [] for title in runs}
        for run in runs.values():
            seconds(run)
        for _ in range(arguments.rounds):
            for title, run in runs.items():
                taken[title].append(seconds(run))
        theirs = [title for title in runs if title.startswith("dwave")]
        peer = min(theirs, key=lambda title: statistics.median(taken[title]))
        print(f"{name}: β {betas[0]} to {betas[1]}, {sweeps} sweeps, {replicas} replicas")
        for title, times in taken.items():
            rate = model.n * replicas * sweeps / statistics.median(times)
            ratios = sorted(b / a for a, b in zip(times, taken[peer], strict=True))
            rows.append({"model": name, "n": model.n, "replicas": replicas, "sweeps": sweeps, "betas": betas,
                         "contender": title, "updates_per_second": rate, "ratio": statistics.median(ratios),
                         "ratios": ratios})  # fmt: skip
            print(
                f"  {title:36} {rate / 1e6:9.1f} M/s   {statistics.median(ratios):7.2f} x {peer}"
                f"   ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
