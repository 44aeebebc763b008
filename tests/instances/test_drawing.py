"""Layouts are recognised, frustration is right, and pictures are written."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.drawing import draw_instance
from annealrl.instances.generators import (
    chimera_glass,
    edwards_anderson_2d,
    edwards_anderson_3d,
    ferromagnet_2d,
    lattice_edges,
    max_cut_gnp,
    planted_tiles,
    sherrington_kirkpatrick,
    weak_strong_clusters,
)
from annealrl.instances.layout import frustrated, layout_of, plaquettes
from annealrl.ising import IsingModel


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("model", "kind", "shape", "periodic"),
    [
        (edwards_anderson_2d(8, rng()), "square", (8, 8), True),  # 64 = 4³ too
        (edwards_anderson_3d(4, rng()), "cubic", (4, 4, 4), True),
        (edwards_anderson_2d(5, rng(), periodic=False), "square", (5, 5), False),
        (edwards_anderson_3d(3, rng(), periodic=False), "cubic", (3, 3, 3), False),
        (IsingModel.from_edges(lattice_edges((3, 7)), 1.0), "square", (3, 7), True),
        (planted_tiles(6, rng()).model, "square", (6, 6), True),
        (chimera_glass(2, rng()), "chimera", (2, 2), False),
        (chimera_glass(2, rng(), columns=3), "chimera", (2, 3), False),
        (weak_strong_clusters(), "chimera", (1, 2), False),
        (max_cut_gnp(30, 0.2, rng()), "graph", (), False),
        (max_cut_gnp(30, 0.02, rng()), "graph", (), False),
        (sherrington_kirkpatrick(9, rng()), "graph", (), False),
        (IsingModel.from_edges([], fields=np.ones(3)), "graph", (), False),
        (IsingModel.from_edges(lattice_edges((6, 6))[::-1][:60], 1.0, n=36), "square", (6, 6), True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layouts(model, kind, shape, periodic, tmp_path):
    layout = layout_of(model)
    assert (layout.kind, layout.shape, layout.periodic) == (kind, shape, periodic)
    assert layout.positions.shape == (model.n, 2)
    assert len({tuple(place) for place in np.round(layout.positions, 6)}) == model.n
    out = tmp_path / "picture.png"
    draw_instance(model, out, spins=np.ones(model.n, dtype=np.int8))
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("shape", "periodic"), [((4, 5), True), ((4, 5), False), ((3, 4, 5), True), ((3, 3, 3), False)]
)
def test_plaquettes_are_the_squares_of_the_graph(shape, periodic):
    # every cycle of four sites that no coordinate leaves by more than one step, found by walking the graph
    n = int(np.prod(shape))
    neighbours = {i: set() for i in range(n)}
    for i, j in lattice_edges(shape, periodic=periodic).tolist():
        neighbours[i].add(j)
        neighbours[j].add(i)
    found = plaquettes(shape, periodic)
    for corners in found.tolist():
        assert len(set(corners)) == 4
        assert all(b in neighbours[a] for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    d = len(shape)
    steps = [s if periodic else s - 1 for s in shape]
    expected = sum(
        steps[a] * steps[b] * int(np.prod([shape[c] for c in range(d) if c not in (a, b)]))
        for a, b in itertools.combinations(range(d), 2)
    )
    assert len({frozenset(corners) for corners in found.tolist()}) == len(found) == expected


def test_frustration_by_enumeration():
    # a square is frustrated where no state of its four spins satisfies all bonds
    model = edwards_anderson_3d(3, rng())
    J = {tuple(edge): value for edge, value in zip(model.edges.tolist(), model.couplings, strict=True)}
    corners = plaquettes((3, 3, 3), True)

    def satisfiable(square: list[int]) -> bool:
        bonds = list(zip(square, square[1:] + square[:1], strict=True))
        for spins in itertools.product((-1, 1), repeat=4):
            state = dict(zip(square, spins, strict=True))
            if all(J[min(a, b), max(a, b)] * state[a] * state[b] > 0 for a, b in bonds):
                return True
        return False

    expected = {tuple(square) for square in corners.tolist() if not satisfiable(square)}
    assert {tuple(square) for square in frustrated(model, corners).tolist()} == expected
    assert 0 < len(expected) < len(corners)


def test_frustration_of_known_models():
    corners = plaquettes((6, 6), True)
    assert len(frustrated(ferromagnet_2d(6), corners)) == 0
    assert len(frustrated(ferromagnet_2d(6, -1.0), corners)) == 0  # even cycles
    turned = ferromagnet_2d(6).couplings.copy()
    turned[0] = -1
    model = IsingModel.from_edges(ferromagnet_2d(6).edges, turned)
    assert len(frustrated(model, corners)) == 2  # both squares at the bond
    missing = IsingModel.from_edges(model.edges[1:], model.couplings[1:], n=36)
    assert len(frustrated(missing, corners)) == 0
    # of planted tiles every square of one colour is frustrated
    assert len(frustrated(planted_tiles(6, rng()).model, corners)) >= 18


def test_pictures_are_the_same_every_time(tmp_path):
    model = chimera_glass(1, rng(), fields="gaussian")
    for ending in ("png", "pdf", "svg"):
        for name in ("a", "b"):
            draw_instance(model, tmp_path / f"{name}.{ending}", spins=np.ones(8, dtype=np.int8))
    for ending in ("png", "pdf"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(InputError, match="a picture ending in"):
        draw_instance(ferromagnet_2d(3), tmp_path / "x.gif")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        draw_instance(ferromagnet_2d(3), tmp_path / "file" / "x.png")
    with pytest.raises(InputError, match="at most 100000 are drawn"):
        draw_instance(ferromagnet_2d(256), tmp_path / "x.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_whole_title_is_on_the_canvas(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    saved = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kw: figures.append(self) or saved(self, *args, **kw))
    model = edwards_anderson_3d(4, rng())
    for title in ("ea3d-4-0", "a name of many words " * 9, "x" * 300):
        draw_instance(model, tmp_path / "x.png", spins=np.ones(model.n, dtype=np.int8), title=title)
        figure = figures[-1]
        figure.draw_without_rendering()
        (heading,) = (text for text in figure.texts if "64 spins" in text.get_text())
        box = heading.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
