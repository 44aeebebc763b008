"""Conformance checks of problem families."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.hamiltonian import SYMMETRIES, Hamiltonian
from annealrl.ising import FloatArray, IsingModel, SpinArray
from annealrl.simulator import ReplicaSimulator
from annealrl.solvers import solve

#: Instances of at most this many spins are enumerated.
BRUTE_FORCE = 16
#: Larger ones with a stated ground energy are given to the exact solver for this many seconds.
PROOF_SECONDS = 5.0


def check_hamiltonian(hamiltonian: Hamiltonian, seed: int = 0) -> None:
    """Check a family of Ising instances.

    - It is a frozen dataclass with a docstring, and equal when made anew from its parameters.
    - The same seed gives the same instance, whatever numpy's and Python's global generators hold.
    - Energies are those of the definition, term by term; differences of a flip are those of the neighbour table.
    - Energies that the simulator reports are those of its configurations.
    - ``initial_spins`` is int8 ±1 of shape (n,); ``lattice_shape`` has n sites.
    - Claimed symmetries hold.
    - ``ground_energy`` lies at or below everything that is found; up to :data:`BRUTE_FORCE` spins it is the minimum of
      all configurations, beyond them what the exact solver proves in :data:`PROOF_SECONDS`, or at least not below the
      bound that it has by then.

    Parameters
    ----------
    hamiltonian : Hamiltonian
        A member of the family; one of at most 16 spins is checked hardest.
    seed : int
        Of the instance and of the configurations.

    Raises
    ------
    AssertionError
        With what was expected.
    """
    _check_class(hamiltonian)
    model = _check_seeds(hamiltonian, seed)
    spins = np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (8, model.n))
    slack = 1e-9 * max(1.0, model.scale + abs(model.offset))
    _check_energies(model, spins, slack)
    _check_shapes(hamiltonian, model)
    for symmetry in hamiltonian.symmetries:
        _check_symmetry(symmetry, hamiltonian, model, spins, slack)

    simulator = ReplicaSimulator([model], 64, seed=seed)
    for beta in (0.0, 0.5, 5.0):
        simulator.advance(beta, 20)
        direct = [_energy(model, each) for each in simulator.spins(0)]
        np.testing.assert_allclose(simulator.energies[0], direct, atol=slack)
    _check_ground(hamiltonian, model, float(simulator.best_energies.min()), slack)


def _check_class(hamiltonian: Hamiltonian) -> None:
    kind = type(hamiltonian)
    parameters = getattr(kind, "__dataclass_params__", None)
    assert parameters is not None and parameters.frozen, f"{kind.__name__} is no frozen dataclass"  # noqa: PT018
    said = (kind.__doc__ or "").strip()
    # A dataclass without a docstring is given its signature for one.
    missing = not said or said.startswith(f"{kind.__name__}(")
    assert not missing, f"{kind.__name__} has no docstring; it should state H and its source"
    again = dataclasses.replace(hamiltonian)  # type: ignore[type-var]
    assert again == hamiltonian, f"{kind.__name__} made anew from its parameters is another one"
    try:
        kind(**kind.example)
    except (InputError, TypeError) as error:
        raise AssertionError(f"{kind.__name__}.example does not make one: {error}") from None


def _check_seeds(hamiltonian: Hamiltonian, seed: int) -> IsingModel:
    held, kept = np.random.get_state(), random.getstate()  # noqa: NPY002 - it is the global generator that is meant
    try:
        models = []
        for state in (1, 2):
            np.random.seed(state)  # noqa: NPY002
            random.seed(state)
            models.append(hamiltonian.sample(np.random.default_rng(seed)))
    finally:
        np.random.set_state(held)  # noqa: NPY002
        random.setstate(kept)
    model, again = models
    assert isinstance(model, IsingModel), f"sample() returned {type(model).__name__}; an IsingModel is expected"
    for key in ("edges", "couplings", "fields", "offset", "ground_spins"):
        same = np.array_equal(np.asarray(getattr(model, key)), np.asarray(getattr(again, key)))
        assert same, f"sample() gave other {key} for the same seed; all randomness must come from `rng`"
    return model


def _check_energies(model: IsingModel, spins: SpinArray, slack: float) -> None:
    direct = np.array([_energy(model, each) for each in spins])
    np.testing.assert_allclose(model.energy(spins), direct, atol=slack)
    neighbours, couplings = model.padded
    for site in range(0, model.n, max(1, model.n // 16)):
        field = (spins[:, neighbours[site]] * couplings[site]).sum(axis=1) + model.fields[site]
        flipped = spins.copy()
        flipped[:, site] *= -1
        change = np.array([_energy(model, each) for each in flipped]) - direct
        np.testing.assert_allclose(change, 2 * spins[:, site] * field, atol=slack)


def _check_shapes(hamiltonian: Hamiltonian, model: IsingModel) -> None:
    start = hamiltonian.initial_spins(model)
    if start is not None:
        assert isinstance(start, np.ndarray), f"initial_spins() is a {type(start).__name__}; an int8 array is expected"
        assert start.shape == (model.n,), f"initial_spins() has shape {start.shape}; ({model.n},) is expected"
        assert start.dtype == np.int8, f"initial_spins() has dtype {start.dtype}; int8 is expected"
        assert np.isin(start, (-1, 1)).all(), "initial_spins() must be ±1"
    shape = hamiltonian.lattice_shape(model)
    if shape is not None:
        assert int(np.prod(shape)) == model.n, f"lattice_shape() is {shape}, but there are {model.n} spins"


def _check_symmetry(name: str, hamiltonian: Hamiltonian, model: IsingModel, spins: SpinArray, slack: float) -> None:
    assert name in SYMMETRIES, f"the claimed symmetry {name!r} is none of {', '.join(SYMMETRIES)}"
    if name == "spin-flip":
        images = [-spins]
    else:
        shape = hamiltonian.lattice_shape(model)
        assert shape is not None, "the symmetry 'translation' needs lattice_shape()"
        grid = spins.reshape(-1, *shape)
        images = [np.roll(grid, 1, axis + 1).reshape(spins.shape) for axis in range(len(shape))]
    for image in images:
        same = np.allclose(model.energy(image), model.energy(spins), rtol=0.0, atol=slack)
        assert same, f"the claimed symmetry {name!r} changes energies"


def _check_ground(hamiltonian: Hamiltonian, model: IsingModel, found: float, slack: float) -> None:
    ground = hamiltonian.ground_energy(model)
    if model.ground_spins is not None:
        planted = model.energy(model.ground_spins)
        assert ground is not None, "the model holds ground_spins, but ground_energy() is None"
        assert abs(planted - ground) <= slack, f"ground_energy() is {ground}, but ground_spins has {planted}"
    if ground is None:
        return
    assert found >= ground - slack, f"ground_energy() is {ground}, but {found} was found"
    if model.n <= BRUTE_FORCE:
        lowest = float(brute_force(model).min())
        assert abs(lowest - ground) <= slack, f"ground_energy() is {ground}, but the minimum is {lowest}"
        return
    solution = solve(model, time_limit=PROOF_SECONDS)
    assert ground >= solution.bound - slack, f"ground_energy() is {ground}, but nothing lies below {solution.bound}"
    proven = solution.status == "optimal" and abs(solution.energy - ground) > slack
    assert not proven, f"ground_energy() is {ground}, but the minimum is {solution.energy}"


def brute_force(model: IsingModel) -> FloatArray:
    """Energies of all 2ⁿ configurations, shape (2ⁿ,), bit i of the index saying whether spin i is down; n ≤ 20."""
    assert model.n <= 20, f"{model.n} spins are too many to enumerate"
    energies = np.empty(2**model.n)
    block = 1 << 14
    for first in range(0, len(energies), block):
        index = np.arange(first, min(first + block, len(energies)))
        energies[index] = model.energy((1 - 2 * ((index[:, None] >> np.arange(model.n)) & 1)).astype(np.int8))
    return energies


def _energy(model: IsingModel, spins: Any) -> float:
    """The definition, term by term."""
    s = [int(each) for each in spins]
    pairs = zip(model.edges.tolist(), model.couplings.tolist(), strict=True)
    bonds = sum(J * s[i] * s[j] for (i, j), J in pairs)
    return float(model.offset - bonds - sum(h * each for h, each in zip(model.fields.tolist(), s, strict=True)))
