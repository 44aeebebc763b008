"""Proven optima for sets that have none yet, kept in the user's cache so that each instance is solved once."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances.archive import replacing
from annealrl.ising import IsingModel, SpinArray

if TYPE_CHECKING:
    from rich.progress import Progress

#: Energy, lower bound, spins and status ("optimal" or "putative") of one instance.
Optimum = tuple[float, float, SpinArray, str]


def certified(
    instance_set: InstanceSet,
    cache: bool = True,
    *,
    time_limit: float | None = None,
    progress: bool = True,
) -> InstanceSet:
    """Return the set with proven ground energies, spins and bounds for every instance that the solver can prove.

    Instances whose status is "optimal" or "planted" stay as they are. The others are solved, or taken from the cache:
    energies are always recomputed from the spins.

    Parameters
    ----------
    instance_set : InstanceSet
    cache : bool
        Whether to read and keep proven optima under :func:`cache_folder`, by a hash of the instance's content. A cache
        that cannot be written is done without.
    time_limit : float, optional
        Seconds for one instance. What is not proven by then becomes "putative", with its bound, unless a better energy
        was known already; it is not kept.
    progress : bool
        Whether to show a bar on stderr when that is a terminal.
    """
    open_ = [i for i, status in enumerate(instance_set.statuses) if status not in ("optimal", "planted")]
    energies, bounds = instance_set.ground_energies.copy(), instance_set.bounds.copy()
    spins, statuses = list(instance_set.ground_spins), list(instance_set.statuses)

    with _bar(progress) as bar:
        task = bar.add_task(f"certify {instance_set.name}", total=len(open_))
        for index in open_:
            energy, bound, state, status = _optimum(instance_set.models[index], cache, time_limit)
            bounds[index] = np.fmax(bound, bounds[index])
            if status == "optimal" or not energies[index] <= energy:
                energies[index], spins[index], statuses[index] = energy, state, status
            elif statuses[index] == "unknown":
                statuses[index] = "putative"
            bar.advance(task)
    return InstanceSet(instance_set.name, instance_set.models, energies, tuple(spins), bounds, tuple(statuses))


def cache_folder() -> Path:
    """Return the folder of proven optima.

    ``$ANNEALRL_CACHE`` if it is set, else ``$XDG_CACHE_HOME/annealrl`` or ``~/.cache/annealrl``.
    """
    own = os.environ.get("ANNEALRL_CACHE")
    if own:
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path("~/.cache").expanduser()) / "annealrl"


def solver_version() -> str:
    """Return the version that certificates and cache entries carry: annealrl's and that of its LP library."""
    return f"annealrl {_version('annealrl')}, highspy {_version('highspy')}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _optimum(model: IsingModel, cache: bool, time_limit: float | None) -> Optimum:
    kept = _recall(model) if cache else None
    if kept is not None:
        return kept
    from annealrl.solvers import solve

    solution = solve(model, time_limit=time_limit)
    spins = np.asarray(solution.spins, dtype=np.int8)
    optimal = solution.status == "optimal"
    found: Optimum = (model.energy(spins), float(solution.bound), spins, "optimal" if optimal else "putative")
    if cache and optimal:
        _keep(model, found)
    return found


def _entry(model: IsingModel) -> Path:
    digest = hashlib.sha256(f"{solver_version()}\n{model.n}\n{model.offset!r}\n".encode())
    for array in (model.edges, model.couplings, model.fields):
        digest.update(np.ascontiguousarray(array).tobytes())
    key = digest.hexdigest()
    return cache_folder() / "optima" / key[:2] / f"{key[2:40]}.json"


def _recall(model: IsingModel) -> Optimum | None:
    """Return a kept optimum, or None if there is none or it does not agree with itself."""
    try:
        record = json.loads(_entry(model).read_text(encoding="ascii"))
        spins = np.array([1 if sign == "+" else -1 for sign in record["spins"]], dtype=np.int8)
        energy, bound = float(record["energy"]), float(record["bound"])
        true = model.energy(spins)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return None
    tolerance = 1e-9 * model.scale
    if abs(true - energy) > tolerance or not energy - tolerance <= bound <= energy + tolerance:
        return None
    return true, bound, spins, "optimal"


def _keep(model: IsingModel, found: Optimum) -> None:
    energy, bound, spins, _ = found
    record = {"energy": energy, "bound": bound, "spins": "".join("+" if s > 0 else "-" for s in spins)}
    with contextlib.suppress(OSError, InputError, RuntimeError):  # no place to write: the next run solves again
        entry = _entry(model)
        entry.parent.mkdir(parents=True, exist_ok=True)
        with replacing(entry) as handle:
            handle.write(json.dumps(record).encode("ascii"))


@contextlib.contextmanager
def _bar(show: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (show and console.is_terminal)) as progress:
        yield progress
