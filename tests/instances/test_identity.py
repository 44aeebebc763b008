"""Content keys: blind to names, relabelling, gauges and signs, and to nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.instances.generators import (
    chimera_glass,
    edwards_anderson_2d,
    edwards_anderson_3d,
    lattice_edges,
    max_cut_gnp,
    planted_tiles,
    sherrington_kirkpatrick,
)
from annealrl.instances.identity import content_key
from annealrl.ising import IsingModel

GENERATORS = {
    "gaussian": lambda rng: edwards_anderson_2d(5, rng),
    "pm": lambda rng: edwards_anderson_2d(6, rng, "pm1"),
    "odd pm": lambda rng: edwards_anderson_2d(5, rng, "pm1"),
    "cubic pm": lambda rng: edwards_anderson_3d(3, rng, "pm1"),
    "dense pm": lambda rng: sherrington_kirkpatrick(20, rng, couplings="pm1"),
    "fields": lambda rng: chimera_glass(2, rng, fields="pm1"),
    "cut": lambda rng: max_cut_gnp(20, 0.3, rng),
    "tiles": lambda rng: planted_tiles(6, rng).model,
}


def disguised(model: IsingModel, rng: np.random.Generator, sign: int) -> IsingModel:
    """Another name, order and gauge of the same instance, and perhaps the other sign."""
    gauge, place = rng.choice([-1.0, 1.0], model.n), rng.permutation(model.n)
    fields = np.empty(model.n)
    fields[place] = sign * model.fields * gauge
    couplings = sign * model.couplings * gauge[model.edges].prod(axis=1)
    return IsingModel.from_edges(place[model.edges], couplings, fields, n=model.n, name="other")


@pytest.mark.parametrize("kind", GENERATORS)
def test_disguises_are_seen_through(kind):
    rng = np.random.default_rng(3)
    for _ in range(10):
        model = GENERATORS[kind](rng)
        assert content_key(disguised(model, rng, 1)) == content_key(model)
        assert content_key(disguised(model, rng, -1)) == content_key(model)


@pytest.mark.parametrize("kind", GENERATORS)
def test_different_instances_differ(kind):
    rng = np.random.default_rng(4)
    assert len({content_key(GENERATORS[kind](rng)) for _ in range(200)}) == 200


def test_one_turned_bond_is_seen():
    model = edwards_anderson_2d(8, np.random.default_rng(0), "pm1")
    for bond in range(0, len(model.edges), 17):
        couplings = model.couplings.copy()
        couplings[bond] *= -1
        assert content_key(IsingModel.from_edges(model.edges, couplings)) != content_key(model)


def test_one_turned_field_is_seen():
    model = chimera_glass(1, np.random.default_rng(0), fields="pm1")
    fields = model.fields.copy()
    fields[3] *= -1
    assert content_key(IsingModel.from_edges(model.edges, model.couplings, fields)) != content_key(model)


def test_small_instances_are_classed_as_enumeration_does():
    # All 2^9 sign patterns of K(3, 3) fall into few classes under gauges and relabelling. By gauges the first row and
    # column are made positive; what remains is a 2 × 2 pattern. Permutations are tried one by one.
    edges = [(i, 3 + j) for i in range(3) for j in range(3)]
    permutations = [list(p) for p in np.array(np.meshgrid(*[range(3)] * 3)).T.reshape(-1, 3) if len(set(p)) == 3]

    def canonical(J: np.ndarray) -> tuple[int, ...]:
        def forms():
            for flipped in (J, J.T):
                for rows in permutations:
                    for columns in permutations:
                        K = flipped[rows][:, columns]
                        K = K * K[:, :1] * K[:1] * K[0, 0]
                        yield tuple(K.ravel())

        return min(forms())

    classes: dict[tuple[int, ...], set[bytes]] = {}
    for pattern in range(0, 512, 3):
        J = np.array([1 if pattern >> bit & 1 else -1 for bit in range(9)]).reshape(3, 3)
        classes.setdefault(canonical(J), set()).add(content_key(IsingModel.from_edges(edges, J.ravel())))
    assert all(len(keys) == 1 for keys in classes.values())
    assert len({key for keys in classes.values() for key in keys}) == len(classes) > 2


def test_uniform_and_tiny_models():
    assert content_key(IsingModel.from_edges(lattice_edges((3, 3)), 1.0)) != content_key(
        IsingModel.from_edges(lattice_edges((3, 4)), 1.0)
    )
    one, two = (IsingModel.from_edges([], fields=np.ones(n)) for n in (1, 2))
    assert content_key(one) != content_key(two)
