"""Families and splits: disjoint by construction, extendable, and with the physics that their papers state."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances import load
from annealrl.instances.families import FAMILIES, SPLITS, Family, mixed_scale_2d, split_of
from annealrl.instances.generators import edwards_anderson_2d
from annealrl.instances.identity import content_key
from annealrl.ising import IsingModel

BY_CONTENT = [name for name, family in FAMILIES.items() if not family.streams]


def test_numbers_are_frozen():
    # They are in the seeds of training sets.
    assert {name: family.number for name, family in FAMILIES.items()} == {
        "ea2d": 0,
        "ea2d-pm": 1,
        "ea2d-mixed-scale": 2,
        "ea3d": 3,
        "sk": 4,
        "chimera": 5,
        "maxcut": 6,
        "tiles": 7,
        "wishart": 8,
    }


@pytest.mark.parametrize("name", BY_CONTENT)
@pytest.mark.parametrize("split", SPLITS)
def test_an_instance_tells_its_split(name, split):
    size = 2 if name == "chimera" else 6
    found = load(f"{name}-{size}-{split}:8")
    assert {split_of(model) for model in found} == {split}
    longer = load(f"{name}-{size}-{split}:3-9")
    assert longer.subset(range(5)).hash == found.subset(range(3, 8)).hash
    stem = f"{name}-{size}" if split == "test" else f"{name}-{size}-{split}"
    assert found.instance_names == tuple(f"{stem}-{i}" for i in range(8))


def test_splits_are_disjoint_even_where_few_instances_exist():
    # 2^18 patterns, but far fewer instances up to gauges and symmetries: by chance alone splits would overlap.
    sets = {split: {content_key(m) for m in load(f"ea2d-pm-3-{split}:150")} for split in SPLITS}
    assert min(map(len, sets.values())) < 150
    for a, b in itertools.combinations(sets.values(), 2):
        assert not a & b


def test_streams_of_splits_hold_nothing_that_is_held_out(monkeypatch):
    ea2d = FAMILIES["ea2d"]
    before = list(itertools.islice(ea2d.instances(6, "train"), 8))

    def steal(held_out: IsingModel) -> None:
        """Let the training stream draw, as its number 3, a gauge copy of what is held out."""
        gauge = np.where(np.arange(held_out.n) % 3 == 0, -1.0, 1.0)
        i, j = held_out.edges.T
        copy = replace(held_out, couplings=held_out.couplings * gauge[i] * gauge[j], name="")
        draw = Family.draw

        def stolen(self, size, index, split=None, again=0):
            if (split, index, again) == ("train", 3, 0):
                return copy, np.nan, None
            return draw(self, size, index, split, again)

        with monkeypatch.context() as patch:
            patch.setattr(Family, "draw", stolen)
            after = list(itertools.islice(ea2d.instances(6, "train"), 8))
            assert np.array_equal(next(ea2d.instances(6, "train", 3))[0].couplings, after[3][0].couplings)
        same = [np.array_equal(a[0].couplings, b[0].couplings) for a, b in zip(before, after, strict=True)]
        assert same == [True, True, True, False, True, True, True, True]
        assert content_key(after[3][0]) != content_key(held_out)

    for name in ("cool-6:57-57", "ea2d-6-val:99-99", "ea2d-6-test:99-99"):
        steal(load(name).models[0])


def test_large_sides_of_the_oldest_family_are_split_by_content():
    assert {split_of(model) for model in load("ea2d-65-val:3")} == {"val"}


def test_shipped_sets_begin_the_test_split():
    for name in ("ea2d-pm-8", "sk-50", "ea2d-24", "tiles-16"):
        assert load(f"{name}:4").hash == load(f"{name}-test:4").hash


@pytest.mark.parametrize("name", BY_CONTENT)
def test_shipped_instances_are_test_instances(name):
    for size in FAMILIES[name].shipped:
        assert {split_of(model) for model in load(f"{name}-{size}:5")} == {"test"}


def test_planted_energies_come_along():
    found = load("tiles-4-train:5")
    assert set(found.statuses) == {"planted"}
    for model, spins, energy in zip(found, found.ground_spins, found.ground_energies, strict=True):
        assert model.energy(spins) == pytest.approx(energy)


def test_a_size_with_too_few_instances_is_refused():
    lonely = Family("lonely", "", 99, f"{__name__}:_lonely", lambda n: n, lambda n: n)
    (split,) = [split for split in SPLITS if split == split_of(_lonely(3))]
    other = next(each for each in SPLITS if each != split)
    assert next(lonely.instances(3, split))[0].name.startswith("lonely-3")
    with pytest.raises(InputError, match="too few different instances"):
        next(lonely.instances(3, other))


def _lonely(size: int, rng: np.random.Generator | None = None) -> IsingModel:
    return IsingModel.from_edges([(0, 1)], 1.0, n=size)


def test_mixed_scales():
    rng, same = np.random.default_rng(5), np.random.default_rng(5)
    factor = 10.0 ** same.uniform(-1, 1)
    np.testing.assert_allclose(mixed_scale_2d(4, rng).couplings, factor * edwards_anderson_2d(4, same).couplings)
    sigmas = np.log10([np.std(model.couplings) for model in load("ea2d-mixed-scale-10")])
    assert sigmas.min() < -0.9
    assert sigmas.max() > 0.9
    assert abs(sigmas.mean()) < 4 * 2 / np.sqrt(12 * len(sigmas))


# Ground energies per spin of the thermodynamic limit; small systems with periodic boundaries lie lower.
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("ea2d-32", -1.335, -1.295),  # -1.3148
        ("ea2d-pm-32", -1.410, -1.395),  # -1.4019
        ("ea3d-6", -1.74, -1.68),  # -1.700
        ("sk-100", -0.80, -0.68),  # -0.76317 + 0.70·100^(-2/3)
        ("tiles-32", -1.95, -1.75),
    ],
)
def test_mean_energies(name, low, high):
    found = load(name)
    mean = float(np.mean(found.ground_energies / [model.n for model in found]))
    assert low < mean < high
