"""Proven optima, or references where nothing can be proven, kept in the user's cache so that each is found once."""

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

#: Odd-cycle cuts leave wide gaps on dense models of more spins than this: no proof is tried unasked.
DENSE_SPINS = 40

#: Energy, lower bound, spins and status ("optimal" or "putative") of one instance.
Optimum = tuple[float, float, SpinArray, str]


class _EnoughError(Exception):
    """The stated number of relaxations was solved."""


def certified(
    instance_set: InstanceSet,
    cache: bool = True,
    *,
    time_limit: float | None = None,
    relaxations: int | None = None,
    planted: bool = False,
    progress: bool = True,
) -> InstanceSet:
    """Return the set with ground energies, spins and bounds for every instance: proven ones where the solver can.

    Instances whose status is "optimal" or "planted" stay as they are. The others are solved, or taken from the cache:
    energies are always recomputed from the spins. Where no proof is tried (:func:`provable`) or none was found in time,
    the instance becomes "putative", with the lowest energy of :func:`annealrl.solvers.reference.reference`.

    Parameters
    ----------
    instance_set : InstanceSet
    cache : bool
        Whether to read and keep optima under :func:`cache_folder`, by a hash of the instance's content. A cache that
        cannot be written is done without.
    time_limit : float, optional
        Seconds for the proof of one instance, which is then tried for dense models too. What is not proven by then
        gets the bound reached, and is not kept.
    relaxations : int, optional
        A limit that is the same on every run: relaxations that the solver may solve for one instance.
    planted : bool
        Prove planted optima too. They stay "planted" and get a bound.
    progress : bool
        Whether to show a bar on stderr when that is a terminal.
    """
    asked = time_limit is not None or relaxations is not None
    if not isinstance(instance_set.models[0], IsingModel):
        return instance_set  # what is known of an objective it says itself
    open_ = [
        i
        for i, (model, status) in enumerate(zip(instance_set.models, instance_set.statuses, strict=True))
        if status == "unknown"
        or (status == "putative" and (asked or provable(model)))
        or (status == "planted" and planted and (asked or provable(model)))
    ]
    energies, bounds = instance_set.ground_energies.copy(), instance_set.bounds.copy()
    spins, statuses = list(instance_set.ground_spins), list(instance_set.statuses)

    with _bar(progress) as bar:
        task = bar.add_task(f"certify {instance_set.name}", total=len(open_))
        for index in open_:
            model = instance_set.models[index]
            energy, bound, state, status = _optimum(model, cache, time_limit, relaxations)
            bounds[index] = np.fmax(bound, bounds[index])
            if statuses[index] == "planted":
                if energy < energies[index] - 1e-9 * model.scale:
                    raise InputError(
                        f"{instance_set.name}: {model.name} is said to have the planted ground energy "
                        f"{energies[index]:.12g}, but {energy:.12g} was found"
                    )
            elif status == "optimal" or not energies[index] <= energy:
                energies[index], spins[index], statuses[index] = energy, state, status
            elif statuses[index] == "unknown":
                statuses[index] = "putative"
            bar.advance(task)
    return InstanceSet(
        instance_set.name, instance_set.models, energies, tuple(spins), bounds, tuple(statuses), instance_set.numbers
    )


def provable(model: IsingModel) -> bool:
    """Whether a proof is tried unasked: not for dense models, with a quarter of all pairs, of many spins."""
    return model.n <= DENSE_SPINS or 8 * len(model.edges) < model.n * (model.n - 1)


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


def _optimum(model: IsingModel, cache: bool, time_limit: float | None, relaxations: int | None) -> Optimum:
    kept = _recall(model) if cache else None
    asked = time_limit is not None or relaxations is not None
    if kept is not None and (kept[3] == "optimal" or not asked):
        return kept
    found = _proof(model, time_limit, relaxations) if asked or provable(model) else None
    if found is None or found[3] != "optimal":
        found = _with_reference(model, found)
    if cache and (found[3] == "optimal" or not asked):
        _keep(model, found)
    return found


def _proof(model: IsingModel, time_limit: float | None, relaxations: int | None) -> Optimum:
    """Solve within the limits; energy inf and no spins where the number of relaxations ended it."""
    from annealrl.solvers import solve

    if relaxations is None:
        solution = solve(model, time_limit=time_limit)
    else:
        reached = [-np.inf]

        def count(energy: float, bound: float) -> None:
            if len(reached) > relaxations:
                raise _EnoughError
            reached.append(bound)

        try:
            solution = solve(model, time_limit=time_limit, progress=count)
        except _EnoughError:
            return np.inf, max(reached), np.zeros(0, dtype=np.int8), "putative"
    spins = np.asarray(solution.spins, dtype=np.int8)
    status = "optimal" if solution.status == "optimal" else "putative"
    return model.energy(spins), float(solution.bound), spins, status


def _with_reference(model: IsingModel, found: Optimum | None) -> Optimum:
    """Take the reference's energy unless a lower one was found; it is proven if it meets the bound that was reached."""
    from annealrl.solvers.reference import reference

    best = reference(model, threads=1)
    bound = found[1] if found is not None else np.nan
    energy, spins = float(best.energy), np.asarray(best.spins, dtype=np.int8)
    if found is not None and found[0] <= energy:
        energy, spins = found[0], found[2]
    return energy, min(bound, energy), spins, "optimal" if energy - bound <= 1e-9 * model.scale else "putative"


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
        status = record.get("status", "optimal")
        energy, bound = float(record["energy"]), float("nan" if record["bound"] is None else record["bound"])
        true = model.energy(spins)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return None
    tolerance = 1e-9 * model.scale
    if status not in ("optimal", "putative") or abs(true - energy) > tolerance or bound > energy + tolerance:
        return None
    if status == "optimal" and not bound >= energy - tolerance:
        return None
    return true, bound, spins, status


def _keep(model: IsingModel, found: Optimum) -> None:
    energy, bound, spins, status = found
    signs = "".join("+" if s > 0 else "-" for s in spins)
    record = {"energy": energy, "bound": None if np.isnan(bound) else bound, "spins": signs, "status": status}
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
