"""Generators of Ising instances, each with the paper that defined it: the public names of five modules.

=============================================  =========================================================
:mod:`~annealrl.instances.lattices`            Edwards–Anderson in 2D and 3D, ferromagnet, published sets
:mod:`~annealrl.instances.random_graphs`       Sherrington–Kirkpatrick, random regular, Viana–Bray, max-cut
:mod:`~annealrl.instances.hardware_graphs`     Chimera, Pegasus, weak–strong clusters
:mod:`~annealrl.instances.coulomb`             screened Coulomb, plain and sinusoidal
:mod:`~annealrl.instances.planted`             planted tiles, Wishart, 3-regular 3-XORSAT
=============================================  =========================================================

Random ones take a ``numpy.random.Generator`` and nothing else that is hidden: the same generator state gives the same
instance. They are called ``generator(sizes…, rng, *, options…, name="")`` and return an
:class:`~annealrl.ising.IsingModel`; the planted ones return :class:`Planted`. Signs are those of
:mod:`annealrl.ising`: a positive coupling is ferromagnetic.
"""

from __future__ import annotations

from annealrl.instances.coulomb import coulomb_table, screened_coulomb, sinusoidal_coulomb
from annealrl.instances.couplings import MAX_EDGES, MAX_SITES, CouplingKind, Planted, draw_couplings, draw_spins
from annealrl.instances.hardware_graphs import (
    chimera_edges,
    chimera_glass,
    pegasus_edges,
    pegasus_glass,
    weak_strong_clusters,
    weak_strong_local_minimum,
)
from annealrl.instances.lattices import (
    COOL_COUNT,
    COOL_SIDES,
    cool_instance,
    edwards_anderson_2d,
    edwards_anderson_3d,
    ferromagnet_2d,
    lattice_edges,
)
from annealrl.instances.planted import planted_tiles, planted_wishart, planted_xorsat, tile_plaquettes
from annealrl.instances.random_graphs import (
    CutWeights,
    complete_edges,
    gnp_edges,
    max_cut_gnp,
    random_regular,
    sherrington_kirkpatrick,
    viana_bray,
)

__all__ = [
    "COOL_COUNT",
    "COOL_SIDES",
    "MAX_EDGES",
    "MAX_SITES",
    "CouplingKind",
    "CutWeights",
    "Planted",
    "chimera_edges",
    "chimera_glass",
    "complete_edges",
    "cool_instance",
    "coulomb_table",
    "draw_couplings",
    "draw_spins",
    "edwards_anderson_2d",
    "edwards_anderson_3d",
    "ferromagnet_2d",
    "gnp_edges",
    "lattice_edges",
    "max_cut_gnp",
    "pegasus_edges",
    "pegasus_glass",
    "planted_tiles",
    "planted_wishart",
    "planted_xorsat",
    "random_regular",
    "screened_coulomb",
    "sherrington_kirkpatrick",
    "sinusoidal_coulomb",
    "tile_plaquettes",
    "viana_bray",
    "weak_strong_clusters",
    "weak_strong_local_minimum",
]
