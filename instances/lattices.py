"""Instances on hypercubic lattices: Edwards–Anderson glasses, the ferromagnet, the published learned-annealing sets."""

from __future__ import annotations

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.couplings import MAX_SITES, CouplingKind, check_integer, draw_couplings
from annealrl.ising import IntArray, IsingModel

#: Sides of the fixed test sets of Mills, Ronagh and Tamblyn, and the number of instances of each.
COOL_SIDES = (4, 6, 8, 10, 12, 14, 16)
COOL_COUNT = 100


def lattice_edges(shape: tuple[int, ...], *, periodic: bool = True) -> IntArray:
    """Nearest-neighbour bonds of a hypercubic lattice whose sites are numbered in row-major order.

    Every site comes with the bonds to its predecessor along each axis, axis by axis: in two dimensions (up, left).
    Open boundaries leave out the bonds that wrap around.

    Parameters
    ----------
    shape : tuple of int
        Sites along each axis; at least 3 when periodic, as with 2 the two bonds of a pair would coincide, else at least
        1.
    periodic : bool
        Whether the lattice is a torus.

    Returns
    -------
    int64 array, shape (m, 2)
        ``(site, predecessor)``; m = n·d when periodic.

    Raises
    ------
    InputError
        If a side is too short, or there are more than :data:`MAX_SITES` sites.
    """
    least = 3 if periodic else 1
    sides = tuple(check_integer(side, "lattice side") for side in shape)
    if not sides or min(sides) < least:
        kind = "periodic" if periodic else "open"
        raise InputError(f"lattice of shape {sides}: every side of a {kind} lattice must be at least {least}")
    n = 1
    for side in sides:
        n *= side
    if n > MAX_SITES:
        raise InputError(f"lattice of shape {sides}: {n} sites; at most {MAX_SITES} are made")
    sites = np.arange(n, dtype=np.int64).reshape(sides)
    bonds = np.stack([np.stack([sites, np.roll(sites, 1, axis)], -1) for axis in range(len(sides))], axis=-2)
    if not periodic:
        inner = np.stack([index > 0 for index in np.indices(sides)], axis=-1)
        return np.ascontiguousarray(bonds[inner])
    return bonds.reshape(-1, 2)


def edwards_anderson_2d(
    length: int,
    rng: np.random.Generator,
    couplings: CouplingKind = "gaussian",
    periodic: bool = True,
    *,
    name: str = "",
) -> IsingModel:
    """Draw an Edwards–Anderson spin glass on a `length` × `length` square lattice, h = 0.

    Parameters
    ----------
    length : int
        Side; at least 3 when periodic, at least 2 otherwise.
    rng : numpy.random.Generator
    couplings : {"gaussian", "pm1", "uniform"}
        See :func:`draw_couplings`. Bond order: :func:`lattice_edges`.
    periodic : bool

    Raises
    ------
    InputError
        If the side is too short or the couplings' name is unknown.

    References
    ----------
    S. F. Edwards and P. W. Anderson, J. Phys. F 5, 965 (1975).
    """
    return _edwards_anderson(2, length, rng, couplings, periodic, name)


def edwards_anderson_3d(
    length: int,
    rng: np.random.Generator,
    couplings: CouplingKind = "gaussian",
    periodic: bool = True,
    *,
    name: str = "",
) -> IsingModel:
    """Draw an Edwards–Anderson spin glass on a `length`³ cubic lattice; as :func:`edwards_anderson_2d`.

    References
    ----------
    S. F. Edwards and P. W. Anderson, J. Phys. F 5, 965 (1975).
    """
    return _edwards_anderson(3, length, rng, couplings, periodic, name)


def _edwards_anderson(
    dimension: int, length: int, rng: np.random.Generator, couplings: str, periodic: bool, name: str
) -> IsingModel:
    if not periodic and length < 2:
        raise InputError(f"lattice side {length}: at least 2 is needed for a bond")
    edges = lattice_edges((length,) * dimension, periodic=periodic)
    J = draw_couplings(couplings, len(edges), rng)
    return IsingModel.from_edges(edges, J, n=int(length) ** dimension, name=name)


def ferromagnet_2d(length: int, J: float = 1.0) -> IsingModel:
    """Return the Ising model on a `length` × `length` torus with the same coupling J everywhere.

    For J > 0 the ground states are the two uniform ones, at -2·J·length². J < 0 is the antiferromagnet.

    References
    ----------
    L. Onsager, Phys. Rev. 65, 117 (1944).
    """
    return IsingModel.from_edges(lattice_edges((length, length)), J, n=int(length) ** 2, name=f"ferromagnet-{length}")


def cool_instance(side: int, index: int) -> IsingModel:
    """Return a fixed test instance of the learned-annealing paper: an Edwards–Anderson torus from its seed.

    The couplings are the first 2·side² normal numbers N(0, 1) of ``RandomState(index)``, two for each site in row-major
    order: the bond to the site above, then the one to the left. Their last bit depends on the platform's
    logarithm (differences up to 3e-16 were seen), so the shipped set files, not this function, define the sets' hashes.

    Parameters
    ----------
    side : int
        One of :data:`COOL_SIDES`.
    index : int
        0 … 99, which is the seed.

    References
    ----------
    K. Mills, P. Ronagh and I. Tamblyn, Nature Machine Intelligence 2, 509 (2020).
    """
    if side not in COOL_SIDES:
        raise InputError(f"side {side}: the fixed sets have sides {', '.join(map(str, COOL_SIDES))}")
    if not 0 <= index < COOL_COUNT:
        raise InputError(f"instance {index}: each fixed set has instances 0 … {COOL_COUNT - 1}")
    J = np.random.RandomState(index).normal(size=2 * side**2)
    return IsingModel.from_edges(lattice_edges((side, side)), J, name=f"cool-{side}-{index}")
