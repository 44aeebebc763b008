"""Instance generators, readers and writers, and the fixed sets with certified optima."""

from annealrl.instances.catalogue import Source, load, names, open_source
from annealrl.instances.certify import certified
from annealrl.instances.foreign import import_npz
from annealrl.instances.generators import (
    Planted,
    chimera_edges,
    chimera_glass,
    cool_instance,
    edwards_anderson_2d,
    edwards_anderson_3d,
    ferromagnet_2d,
    lattice_edges,
    max_cut_gnp,
    pegasus_glass,
    planted_tiles,
    planted_wishart,
    planted_xorsat,
    random_regular,
    screened_coulomb,
    sherrington_kirkpatrick,
    sinusoidal_coulomb,
    viana_bray,
    weak_strong_clusters,
    weak_strong_local_minimum,
)
from annealrl.instances.setfile import read_set, write_set

__all__ = [
    "Planted",
    "Source",
    "certified",
    "chimera_edges",
    "chimera_glass",
    "cool_instance",
    "edwards_anderson_2d",
    "edwards_anderson_3d",
    "ferromagnet_2d",
    "import_npz",
    "lattice_edges",
    "load",
    "max_cut_gnp",
    "names",
    "open_source",
    "pegasus_glass",
    "planted_tiles",
    "planted_wishart",
    "planted_xorsat",
    "random_regular",
    "read_set",
    "screened_coulomb",
    "sherrington_kirkpatrick",
    "sinusoidal_coulomb",
    "viana_bray",
    "weak_strong_clusters",
    "weak_strong_local_minimum",
    "write_set",
]
