"""How fast the CUDA backend is, where there is a device."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.registry import load_object
from annealrl.simulator import ReplicaSimulator, Rule

#: What the backend was built to reach on one large device, attempted updates a second.
TARGET = 1.5e11


def cuda_rate(
    *,
    instances: int = 1000,
    length: int = 16,
    replicas: int = 64,
    sweeps: int = 100,
    steps: int = 10,
    rounds: int = 5,
    rule: Rule = "metropolis",
) -> dict[str, Any]:
    """Anneal a batch of Gaussian `length` × `length` glasses on the device and take the time.

    A round is `steps` steps of `sweeps` sweeps as an environment runs them: temperatures go there, energies and counts
    come back. The first round is not counted.

    Returns
    -------
    dict
        ``device``; ``updates_per_second``, the median over the rounds, and ``rounds``, all of them; ``sweeps_only``,
        the rate of a round as one step, which shows what the steps cost; what was run; and ``target``.

    Raises
    ------
    InputError
        If there is no device or no numba-cuda.
    """
    for key, value in (("instances", instances), ("sweeps", sweeps), ("steps", steps), ("rounds", rounds)):
        if value < 1:
            raise InputError(f"{key} is {value}; at least 1 is expected")
    from annealrl.cuda import require_device

    require_device()
    generate = load_object("annealrl.instances.generators:edwards_anderson_2d")
    models = [generate(length, np.random.default_rng(k)) for k in range(instances)]
    simulator = ReplicaSimulator(models, replicas, seed=1, rule=rule, backend="cuda")
    betas = np.linspace(0.05, 5.0, steps)
    updates = int(simulator.sizes.sum()) * replicas * sweeps * steps

    def stepwise() -> None:
        for beta in betas:
            simulator.advance(beta, sweeps)

    def at_once() -> None:
        simulator.advance(1.0, sweeps * steps)

    rates: dict[str, list[float]] = {}
    for run in (stepwise, at_once):
        run()  # compiles
        rates[run.__name__] = []
        for _ in range(rounds):
            began = time.perf_counter()
            run()
            rates[run.__name__].append(updates / (time.perf_counter() - began))
    return {
        "device": _device(),
        "updates_per_second": statistics.median(rates["stepwise"]),
        "rounds": rates["stepwise"],
        "sweeps_only": statistics.median(rates["at_once"]),
        "instances": instances,
        "length": length,
        "replicas": replicas,
        "sweeps_per_step": sweeps,
        "steps": steps,
        "rule": rule,
        "target": TARGET,
    }


def _device() -> str:
    from annealrl.kernels.cuda_tools import cuda

    name = getattr(cuda.get_current_device(), "name", b"CUDA simulator")
    return name.decode() if isinstance(name, bytes) else str(name)
