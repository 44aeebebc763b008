"""Who anneals: our kernels and the samplers of other packages, all through their public interfaces."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel
from annealrl.layouts import Layout, choose
from annealrl.registry import load_object, unknown
from annealrl.simulator import Order, ReplicaSimulator, Rule
from annealrl.throughput.cases import Case

#: Peers: module to import, package that brings it.
PEERS = {"dwave": ("dwave.samplers", "dwave-samplers"), "openjij": ("openjij", "openjij")}
DYNAMICS: tuple[tuple[Rule, Order], ...] = (("metropolis", "random"), ("gibbs", "sequential"))
WORDS = {"metropolis": "Metropolis", "gibbs": "heat bath"}


@dataclass(frozen=True)
class Contender:
    """One that anneals a case.

    Attributes
    ----------
    name : str
    peer : str or None
        The package, None for ours.
    run : callable
        One anneal.
    overhead : callable or None
        The same with next to no sweeps; its time is taken off, so that a peer does not pay for conversions.
    bytes_per_spin, bytes_more : float or None
        All memory of the simulator per replica and spin, and what a further replica takes per spin.
    """

    name: str
    peer: str | None
    run: Callable[[], object]
    overhead: Callable[[], object] | None = None
    bytes_per_spin: float | None = None
    bytes_more: float | None = None


def check_peers(names: Sequence[str]) -> list[str]:
    """Return the names if all are known and installed.

    Raises
    ------
    InputError
        Naming the package and the extra that brings it.
    """
    for name in names:
        if name not in PEERS:
            raise unknown("peer", name, PEERS)
        module, package = PEERS[name]
        if importlib.util.find_spec(module.split(".", maxsplit=1)[0]) is None:
            raise InputError(f"--against {name}: {package} is not installed; pip install 'annealrl[interop]' brings it")
    return list(names)


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of the peers."""
    return {name: importlib.metadata.version(PEERS[name][1]) for name in names}


def ours(case: Case, model: IsingModel) -> list[Contender]:
    """Our kernels, by random and by sequential order."""
    return [_own(case, model, layout, rule, order) for layout in case.layouts for rule, order in DYNAMICS]


def _own(case: Case, model: IsingModel, layout: Layout, rule: Rule, order: Order) -> Contender:
    simulator = ReplicaSimulator([model], case.replicas, rule=rule, order=order, threads=1, layout=layout)
    betas, sweeps = case.schedule(), case.sweeps // case.steps

    def run() -> None:
        if sweeps == 1:  # one β a sweep: a ramp, as `sample` runs it
            simulator.advance(betas[-1], case.sweeps, ramp_from=betas[0])
            return
        for beta in betas:
            simulator.advance(beta, sweeps)

    kernel = choose(model) if layout == "auto" else layout
    used, spins = memory(simulator), model.n * case.replicas
    more = memory(ReplicaSimulator([model], 2 * case.replicas, layout=layout, threads=1)) - used
    return Contender(
        f"{kernel}, {WORDS[rule]}, {order}", None, run, bytes_per_spin=used / spins, bytes_more=more / spins
    )


def memory(simulator: ReplicaSimulator) -> int:
    """Bytes in all arrays of a simulator and of its kernels."""
    holders: list[Any] = [simulator, *(kernel for kernel in simulator._kernels if kernel is not None)]
    arrays = [value for holder in holders for value in vars(holder).values()]
    arrays += [part for value in arrays if isinstance(value, tuple) for part in value]
    return sum(value.nbytes for value in arrays if isinstance(value, np.ndarray))


def peers(case: Case, model: IsingModel, names: Sequence[str]) -> list[Contender]:
    """Return the samplers of other packages, ready to anneal the case."""
    out: list[Contender] = []
    bqm = load_object("annealrl.instances.conventions:to_dimod")(model) if names else None
    if "dwave" in names:
        out += [_dwave(case, bqm, order) for order in ("ordered", "random")]
    if "openjij" in names:
        out.append(_openjij(case, bqm, dense=choose(model) == "dense"))
    return out


def _dwave(case: Case, bqm: Any, order: str) -> Contender:
    from dwave.samplers import SimulatedAnnealingSampler

    sampler = SimulatedAnnealingSampler()

    def anneal(betas: FloatArray, sweeps: int) -> object:
        return sampler.sample(
            bqm,
            num_reads=case.replicas,
            num_sweeps=sweeps * len(betas),
            num_sweeps_per_beta=sweeps,
            beta_schedule_type="custom",
            beta_schedule=list(betas),
            randomize_order=order == "random",
            seed=1,
        )

    betas = case.schedule()
    return Contender(
        f"dwave-samplers, {order}",
        "dwave",
        lambda: anneal(betas, case.sweeps // case.steps),
        lambda: anneal(betas[-1:], 1),
    )


def _openjij(case: Case, bqm: Any, *, dense: bool) -> Contender:
    import openjij

    sampler = openjij.SASampler()
    model = openjij.model.model.BinaryQuadraticModel(
        dict(bqm.linear), dict(bqm.quadratic), bqm.offset, "SPIN", sparse=not dense
    )

    def anneal(betas: FloatArray, sweeps: int) -> object:
        schedule = [[float(beta), sweeps] for beta in betas]
        return sampler.sample(model, num_reads=case.replicas, schedule=schedule, sparse=not dense, seed=1)

    betas = case.schedule()
    return Contender(
        f"OpenJij, {'dense' if dense else 'sparse'}",
        "openjij",
        lambda: anneal(betas, case.sweeps // case.steps),
        lambda: anneal(betas[-1:], 1),
    )
