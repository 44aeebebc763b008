"""annealrl: reinforcement-learning environments, agents and honest benchmarks for annealing schedules.

Importing the package registers its problem families with Gymnasium, by name; everything else is loaded when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from annealrl.registry import discover, discover_plugins, load_object, register

if TYPE_CHECKING:
    from annealrl.api import benchmark, evaluate, load_instances, make_vec, sample, solve, tune
    from annealrl.errors import InputError
    from annealrl.hamiltonian import Hamiltonian
    from annealrl.instance_set import InstanceSet
    from annealrl.ising import IsingModel
    from annealrl.objective import Objective
    from annealrl.plugins import load_plugin
    from annealrl.simulator import ReplicaSimulator

__version__ = "0.1.0"

#: Subpackages that ``annealrl.NAME`` imports on first use.
_ROOMS = ("agents", "envs", "instances")
#: What ``annealrl.NAME`` loads on first use.
_LAZY = {
    "benchmark": "annealrl.api:benchmark",
    "evaluate": "annealrl.api:evaluate",
    "load_instances": "annealrl.api:load_instances",
    "load_plugin": "annealrl.plugins:load_plugin",
    "make_vec": "annealrl.api:make_vec",
    "sample": "annealrl.api:sample",
    "solve": "annealrl.api:solve",
    "tune": "annealrl.api:tune",
    "Hamiltonian": "annealrl.hamiltonian:Hamiltonian",
    "InputError": "annealrl.errors:InputError",
    "InstanceSet": "annealrl.instance_set:InstanceSet",
    "IsingModel": "annealrl.ising:IsingModel",
    "Objective": "annealrl.objective:Objective",
    "ReplicaSimulator": "annealrl.simulator:ReplicaSimulator",
}

__all__ = [
    "Hamiltonian",
    "InputError",
    "InstanceSet",
    "IsingModel",
    "Objective",
    "ReplicaSimulator",
    "__version__",
    "benchmark",
    "evaluate",
    "load_instances",
    "load_plugin",
    "make_vec",
    "register",
    "sample",
    "solve",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = globals()[name] = load_object(_LAZY[name])
        return value
    if name in _ROOMS:
        return importlib.import_module(f"annealrl.{name}")
    raise AttributeError(f"module 'annealrl' has no attribute {name!r}")


discover("annealrl.envs")
discover_plugins()
