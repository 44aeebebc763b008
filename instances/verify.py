"""Checks of what a set says of itself: file, contents, energies of the stored spins, and a sample of the optima."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances.catalogue import open_source
from annealrl.instances.certify import provable
from annealrl.instances.identity import content_key
from annealrl.instances.setfile import rounding
from annealrl.instances.shipped import DATA, KEY_DIGITS, manifest
from annealrl.ising import ising_models

#: Seconds for one proof unless asked otherwise.
TIME_LIMIT = 120.0


@dataclass(frozen=True)
class Proof:
    """One optimum that was looked at anew.

    Attributes
    ----------
    instance, status : str
        Name, and what the set says of its optimum.
    method : {"solver", "reference"}
        Who looked: the reference proves nothing, and stands in where no proof can be expected.
    found : str
        "optimal" if it was proven now, else "feasible" or "putative".
    energy : float
        The lowest energy found now.
    difference : float
        The stated energy less that; positive where the set is beaten.
    seconds : float
    """

    instance: str
    status: str
    method: str
    found: str
    energy: float
    difference: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """What was checked.

    Attributes
    ----------
    name : str
    instances : int
    file_checked : bool
        Whether the file's SHA-256, counts, certificates and the instances' contents were compared with the manifest.
    energies : int
        Stated energies that were recomputed from stored spins.
    proofs : tuple of Proof
    """

    name: str
    instances: int
    hash: str
    file_checked: bool
    energies: int
    proofs: tuple[Proof, ...]


def verify(
    source: str,
    *,
    prove: int = 3,
    seed: int = 0,
    time_limit: float | None = TIME_LIMIT,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Recompute every energy of a set from its stored spins, check a shipped file's hash, prove a random sample anew.

    Parameters
    ----------
    source : str
        A name or path, as :func:`annealrl.instances.catalogue.load` takes it.
    prove : int
        Instances to prove anew, chosen at random among those whose optimum is said to be proven or planted; from a set
        without such ones, among all.
    seed : int
        Of that choice.
    time_limit : float, optional
        Seconds for one proof.
    progress : callable, optional
        Called with (proofs done, proofs).

    Raises
    ------
    InputError
        If a file differs from anything that the manifest says of it, spins do not have the stated energy, a stated
        energy lies below what is proven, or a stated optimum is beaten; it names the instance.
    """
    entry = manifest().get(source)
    if entry is not None:
        digest = hashlib.sha256(_bytes(source, str(entry.get("file")))).hexdigest()
        if digest != entry.get("sha256"):
            raise InputError(f"{source}: the file's SHA-256 is {digest}, the manifest has {entry.get('sha256')}")
    instances = open_source(source).instances  # reading a file recomputes energies as well, and names the instance
    if entry is not None:
        _check_contents(instances, str(entry.get("contents", "")).split())
        _check_facts(source, facts(instances), entry)
    models = ising_models(instances, f"verify {source}")
    for i, (model, spins) in enumerate(zip(models, instances.ground_spins, strict=True)):
        stated = float(instances.ground_energies[i])
        if spins is not None and abs(model.energy(spins) - stated) > 1e-9 * model.scale:
            raise InputError(
                f"{source}: {_called(instances, i)} states {stated!r}, its spins have {model.energy(spins)!r}"
            )
    certain = [i for i, status in enumerate(instances.statuses) if status in ("optimal", "planted")]
    candidates = certain or range(len(instances))
    chosen = np.random.default_rng(seed).choice(candidates, min(prove, len(candidates)), replace=False)
    proofs = []
    for done, i in enumerate(sorted(chosen.tolist()), start=1):
        proofs.append(_prove(source, instances, i, time_limit))
        if progress:
            progress(done, len(chosen))
    known = sum(spins is not None for spins in instances.ground_spins)
    return Report(source, len(instances), instances.hash, entry is not None, known, tuple(proofs))


def facts(instances: InstanceSet) -> dict[str, Any]:
    """Return all that the manifest says of a set and the set itself tells."""
    gaps = (instances.ground_energies - instances.bounds)[np.isfinite(instances.bounds)]
    models = ising_models(instances, instances.name)
    sizes = sorted({len(model.edges) for model in models})
    return {
        "hash": instances.hash,
        "instances": len(instances),
        "spins": models[0].n,
        "couplings": sizes[0] if len(sizes) == 1 else [sizes[0], sizes[-1]],
        "statuses": {status: instances.statuses.count(status) for status in sorted(set(instances.statuses))},
        "proven": sum(proven(instances, i) for i in range(len(instances))),
        "largest_gap": max(0.0, float(gaps.max())) if len(gaps) else None,
        "mean_energy_per_spin": round(float(instances.ground_energies.mean()) / models[0].n, 6),
    }


def proven(instances: InstanceSet, i: int) -> bool:
    """Whether the solver's bound meets the energy of instance `i`."""
    return bool(instances.ground_energies[i] - instances.bounds[i] <= 1e-9 * instances.models[i].scale)


def _bytes(source: str, file: str) -> bytes:
    try:
        return (DATA / file).read_bytes()
    except OSError as error:
        raise InputError(f"{source}: its file {file} cannot be read: {error.strerror or error}") from None


def _check_facts(source: str, found: dict[str, Any], entry: dict[str, Any]) -> None:
    for key, value in found.items():
        stated = entry.get(key)
        same = value == stated
        if isinstance(value, float) and isinstance(stated, float):  # the mean is rounded
            same = math.isclose(value, stated, rel_tol=2e-6)
        if not same:
            raise InputError(f"{source}: the manifest says {key} {stated!r}, the file has {value!r}")


def _check_contents(instances: InstanceSet, keys: list[str]) -> None:
    if len(keys) != len(instances):
        raise InputError(f"{instances.name}: the manifest lists {len(keys)} instances, the file has {len(instances)}")
    for i, model in enumerate(instances):
        if content_key(model).hex()[:KEY_DIGITS] != keys[i]:
            raise InputError(f"{instances.name}: {_called(instances, i)} is not the instance that the manifest lists")


def _prove(source: str, instances: InstanceSet, i: int, time_limit: float | None) -> Proof:
    from annealrl.solvers import Solution, solve
    from annealrl.solvers.reference import Reference, reference

    model, status, stated = instances.models[i], instances.statuses[i], float(instances.ground_energies[i])
    by_solver = status == "optimal" or provable(model)
    best: Solution | Reference
    best = solve(model, time_limit=time_limit) if by_solver else reference(model, threads=1)
    found: str = best.status
    off, slack = stated - best.energy, 1e-9 * model.scale
    if stated < best.bound - slack - rounding(status, model.n):
        raise InputError(
            f"{source}: {_called(instances, i)} states {stated!r} as {status}, but no configuration lies below "
            f"{best.bound!r}, which is proven"
        )
    # What was never proven may be rounded (to 1e-5 per spin) or beaten: that is reported, not refused.
    if status in ("optimal", "planted") and (off > slack or (found == "optimal" and off < -slack)):
        raise InputError(
            f"{source}: {_called(instances, i)} states {stated!r} as {status}, "
            f"{'the optimum is' if found == 'optimal' else 'but there is'} {best.energy!r}"
        )
    method = "solver" if by_solver else "reference"
    return Proof(instances.instance_names[i], status, method, found, best.energy, off, best.seconds)


def _called(instances: InstanceSet, i: int) -> str:
    name = instances.models[i].name
    return f"instance {i} ({name})" if name else f"instance {i}"
