"""Families of instance sets: one table from which every set of any size and split is drawn.

A family is a generator with its parameters. It has three splits at every size: ``test`` (whose first instances are
shipped with certificates for some sizes), ``train`` and ``val``.

Splits are disjoint by construction. Instance i of a family's stream, seeded by (family, size, i), belongs to the split
that the first byte of its :func:`~annealrl.instances.identity.content_key` says: below 64 test, below 128 val, else
train. So whatever two splits hold differs, even where few instances exist at all (±J at small sizes), and whoever has
an instance can tell its split.

The ``ea2d`` family is older: up to side 64 each of its splits has a stream of its own, and what is held out elsewhere
is drawn again. Its training stream holds none of the first 100 instances of the streams ``val`` and ``test`` of its
size, ``val`` none of the first 100 of ``test``, and neither any shipped test instance (``cool`` among them), all told
by content.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances.couplings import Planted
from annealrl.instances.identity import content_key
from annealrl.instances.lattices import edwards_anderson_2d
from annealrl.instances.shipped import is_shipped
from annealrl.ising import IsingModel, SpinArray
from annealrl.registry import load_object

#: The splits and their numbers in seeds.
SPLITS = {"train": 0, "val": 1, "test": 2}

#: Most spins, and most couplings, that a generated set may have in all.
MAX_SPINS = 1 << 24
MAX_COUPLINGS = 1 << 26

_ENTROPY = 0x616E6E65616C726C
_TEST, _VAL = 64, 128
#: Draws without an instance of a split after which a size is said to have none.
_PATIENCE = 1000
#: First instances of a stream that the streams for earlier uses may not hold.
_HELD_OUT = 100

#: An instance, and a ground state with its energy where the generator planted one.
Drawn = tuple[IsingModel, float, SpinArray | None]


@dataclass(frozen=True)
class Family:
    """A generator with its parameters, and how many instances are shipped at which sizes.

    Attributes
    ----------
    name : str
        As in ``<name>-<size>-<split>``.
    title : str
        For lists.
    number : int
        In seeds; never changes.
    generator : str
        ``module:function``, called with (size, rng=…, name=…, **parameters).
    spins, couplings : callable
        How many an instance of a size has, about; no more than that is drawn.
    parameters : mapping
    shipped : mapping of int to int
        Instances of the test sets by size.
    size : str
        What the size is called: L is a side, m cells of a side, n spins.
    streams : int
        Largest size at which each split has a stream of its own instead of being chosen by content.
    """

    name: str
    title: str
    number: int
    generator: str
    spins: Callable[[int], int]
    couplings: Callable[[int], int]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    shipped: Mapping[int, int] = field(default_factory=dict)
    size: str = "L"
    streams: int = 0

    def draw(self, size: int, index: int, split: str | None = None, again: int = 0) -> Drawn:
        """Draw instance `index` of the stream of a size (and of a split, for a family whose splits have streams).

        `again` counts earlier draws that were refused.
        """
        key: tuple[int, ...] = (self.number, size, index)
        if split is not None:
            key = (self.number, size, SPLITS[split], index)
        key += (again,) if again else ()
        rng = np.random.default_rng(np.random.SeedSequence(_ENTROPY, spawn_key=key))
        drawn: IsingModel | Planted = load_object(self.generator)(size, rng=rng, **self.parameters)
        if isinstance(drawn, Planted):
            return drawn.model, drawn.ground_energy, drawn.ground_spins
        return drawn, np.nan, None

    def instances(self, size: int, split: str, start: int = 0) -> Iterator[Drawn]:
        """Yield the instances of a split from number `start` on, without end, named after family, size and number.

        Raises
        ------
        InputError
            If the generator refuses the size, or so few different instances exist that none falls into the split.
        """
        found = (self._of_stream if size <= self.streams else self._by_content)(size, split, start)
        stem = f"{self.name}-{size}" if split == "test" else f"{self.name}-{size}-{split}"
        for number, (model, energy, spins) in enumerate(found, start=start):
            yield replace(model, name=f"{stem}-{number}"), energy, spins

    def _of_stream(self, size: int, split: str, start: int) -> Iterator[Drawn]:
        for index in itertools.count(start):
            yield next(
                drawn
                for again in itertools.count()
                for drawn in [self.draw(size, index, split, again)]
                if split == "test" or not self._held_out(drawn[0], size, split)
            )

    def _held_out(self, model: IsingModel, size: int, split: str) -> bool:
        """Whether an instance drawn for one split is held out for the tests, or, in training, for the validation."""
        later = [other for other, number in SPLITS.items() if number > SPLITS[split]]
        return is_shipped(model) or any(content_key(model) in _first_contents(self.name, size, each) for each in later)

    def _by_content(self, size: int, split: str, start: int) -> Iterator[Drawn]:
        number = waited = 0
        for index in itertools.count():
            drawn = self.draw(size, index)
            waited += 1
            if split_of(drawn[0]) == split:
                waited = 0
                if number >= start:
                    yield drawn
                number += 1
            elif waited >= _PATIENCE:
                raise InputError(f"{self.name} of size {size} has too few different instances for the split {split!r}")


@functools.lru_cache(maxsize=64)
def _first_contents(name: str, size: int, split: str) -> frozenset[bytes]:
    """Contents of the first instances of a split's stream."""
    found = itertools.islice(FAMILIES[name].instances(size, split), _HELD_OUT)
    return frozenset(content_key(model) for model, _, _ in found)


def split_of(model: IsingModel) -> str:
    """Return the split to which an instance's content assigns it: "test", "val" or "train"."""
    first = content_key(model)[0]
    return "test" if first < _TEST else "val" if first < _VAL else "train"


def mixed_scale_2d(length: int, rng: np.random.Generator, *, name: str = "") -> IsingModel:
    """Draw a Gaussian 2D Edwards–Anderson torus with all couplings times 10^u, u uniform in [-1, 1).

    The energy scale differs from instance to instance, and nothing but the couplings tells it.
    """
    factor = 10.0 ** rng.uniform(-1.0, 1.0)
    model = edwards_anderson_2d(length, rng)
    return replace(model, couplings=model.couplings * factor, name=name)


_GENERATORS = "annealrl.instances.generators"
_EA2D, _EA3D = f"{_GENERATORS}:edwards_anderson_2d", f"{_GENERATORS}:edwards_anderson_3d"


def _square(size: int) -> int:
    return size * size


def _cube(size: int) -> int:
    return size**3


def _itself(size: int) -> int:
    return size


def _pairs(size: int) -> int:
    return size * (size - 1) // 2


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "ea2d",
            "2D Edwards–Anderson torus, Gaussian couplings",
            0,
            _EA2D,
            _square,
            lambda L: 2 * L * L,
            shipped={24: 40, 32: 20},
            streams=64,
        ),
        Family(
            "ea2d-pm",
            "2D Edwards–Anderson torus, ±J",
            1,
            _EA2D,
            _square,
            lambda L: 2 * L * L,
            {"couplings": "pm1"},
            {8: 100, 16: 100, 32: 100},
        ),
        Family(
            "ea2d-mixed-scale",
            "2D Edwards–Anderson torus, Gaussian couplings times 10^u, u uniform in [-1, 1)",
            2,
            "annealrl.instances.families:mixed_scale_2d",
            _square,
            lambda L: 2 * L * L,
            shipped={10: 100},
        ),
        Family(
            "ea3d",
            "3D Edwards–Anderson torus, Gaussian couplings",
            3,
            _EA3D,
            _cube,
            lambda L: 3 * L**3,
            shipped={4: 100, 6: 40, 8: 20},
        ),
        Family(
            "sk",
            "Sherrington–Kirkpatrick, Gaussian couplings of variance 1/n",
            4,
            f"{_GENERATORS}:sherrington_kirkpatrick",
            _itself,
            _pairs,
            shipped={50: 25, 100: 10},
            size="n",
        ),
        Family(
            "chimera",
            "Chimera graph C(m, m, 4), Gaussian couplings",
            5,
            f"{_GENERATORS}:chimera_glass",
            lambda m: 8 * m * m,
            lambda m: 24 * m * m,
            {"couplings": "gaussian"},
            {2: 100, 4: 40},
            size="m",
        ),
        Family(
            "maxcut",
            "max-cut on random graphs G(n, 0.06), unit weights",
            6,
            f"{_GENERATORS}:max_cut_gnp",
            _itself,
            lambda n: n * n // 16,
            {"p": 0.06},
            {60: 100, 100: 20},
            size="n",
        ),
        Family(
            "tiles",
            "2D torus of planted frustrated plaquettes",
            7,
            f"{_GENERATORS}:planted_tiles",
            _square,
            lambda L: 2 * L * L,
            shipped={16: 100, 32: 100},
        ),
        Family(
            "wishart",
            "Wishart ensemble, α = 0.75, planted",
            8,
            f"{_GENERATORS}:planted_wishart",
            _itself,
            _pairs,
            {"alpha": 0.75},
            {64: 20},
            size="n",
        ),
    )
}


def generate(name: str, family: Family, size: int, split: str, indices: range) -> InstanceSet:
    """Draw the instances `indices` of a family, size and split as a set called `name`.

    Planted ground states come along, with the status "planted"; of the others nothing is known yet.

    Raises
    ------
    InputError
        If the generator refuses the size, or the set would be too large.
    """
    reach = len(indices) if size <= family.streams else indices[-1] + 1
    if reach * family.spins(size) > MAX_SPINS or reach * family.couplings(size) > MAX_COUPLINGS:
        raise InputError(
            f"instance set {name!r}: {reach} instances of {family.spins(size)} spins are too many; "
            f"at most {MAX_SPINS} spins and {MAX_COUPLINGS} couplings in all are drawn"
        )
    try:
        drawn = list(itertools.islice(family.instances(size, split, indices[0]), len(indices)))
    except InputError as error:
        raise InputError(f"instance set {name!r}: {error}") from None
    return _as_set(name, drawn)


def _as_set(name: str, drawn: Sequence[Drawn]) -> InstanceSet:
    energies = np.array([energy for _, energy, _ in drawn])
    return InstanceSet(
        name,
        tuple(model for model, _, _ in drawn),
        energies,
        tuple(spins for _, _, spins in drawn),
        np.full(len(drawn), np.nan),
        tuple("unknown" if np.isnan(energy) else "planted" for energy in energies),
    )
