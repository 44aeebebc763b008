"""Instance generators, readers and writers, and the fixed sets with certified optima."""

from annealrl.instances.catalogue import Source, ea2d_instance, load, names, open_source
from annealrl.instances.certify import certified
from annealrl.instances.foreign import import_npz
from annealrl.instances.generators import (
    cool_instance,
    edwards_anderson_2d,
    edwards_anderson_3d,
    ferromagnet_2d,
    lattice_edges,
    weak_strong_clusters,
    weak_strong_local_minimum,
)
from annealrl.instances.setfile import read_set, write_set

__all__ = [
    "Source",
    "certified",
    "cool_instance",
    "ea2d_instance",
    "edwards_anderson_2d",
    "edwards_anderson_3d",
    "ferromagnet_2d",
    "import_npz",
    "lattice_edges",
    "load",
    "names",
    "open_source",
    "read_set",
    "weak_strong_clusters",
    "weak_strong_local_minimum",
    "write_set",
]
