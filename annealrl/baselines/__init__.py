"""Everything that an agent is compared with, behind the interface of :mod:`annealrl.method`."""
