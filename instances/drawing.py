"""Pictures of instances: couplings by sign and strength, frustrated plaquettes, a ground state, fields."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.instances.archive import replacing
from annealrl.instances.layout import Layout, frustrated, layout_of, plaquettes
from annealrl.ising import FloatArray, IsingModel, SpinArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most couplings that a picture shows.
MAX_COUPLINGS = 100_000

#: Formats, and what keeps the time of writing out of the file.
_METADATA: dict[str, dict[str, Any]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
_SHADE = "#f2d98d"
_NODE = "#333333"
_STUB = 0.45
#: Characters of the title that go into a line.
_LINE = 90
#: Bonds between the layers of a cubic lattice are drawn from a site this way.
_BETWEEN_LAYERS = np.array([0.3, -0.3])


def draw_instance(
    model: IsingModel, path: str | Path, *, spins: SpinArray | None = None, title: str | None = None
) -> Layout:
    """Draw one instance and write the picture to `path`.

    Lattices are drawn as lattices: bonds that wrap around as stubs at both ends, layers of a cubic one side by side
    with slanted stubs for the bonds to the layer above, and plaquettes within a layer shaded where they are frustrated.
    Chimera graphs are drawn by cells, others by :func:`~annealrl.instances.layout.layout_of`. Couplings are blue where
    ferromagnetic (J > 0), red where J < 0, darker and thicker the stronger.

    Parameters
    ----------
    model : IsingModel
    path : str or path
        The ending says the format: png, pdf or svg.
    spins : int8 array, shape (n,), optional
        A configuration: up filled, down open. Bonds that it leaves unsatisfied are dashed.
    title : str, optional
        The model's name by default.

    Returns
    -------
    Layout
        What the graph was recognised as.

    Raises
    ------
    InputError
        If there are more than :data:`MAX_COUPLINGS` couplings, the ending is no picture's, or the file cannot be
        written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    if len(model.edges) > MAX_COUPLINGS:
        raise InputError(f"{path}: {len(model.edges)} couplings; at most {MAX_COUPLINGS} are drawn")
    ending = Path(path).suffix[1:].lower()
    if ending not in _METADATA:
        raise InputError(f"{path}: a picture ending in {', '.join(f'.{known}' for known in _METADATA)} is expected")
    layout = layout_of(model)
    places = layout.positions
    span = np.ptp(places, axis=0)
    ratio = float(np.clip((span[1] + 1) / (span[0] + 1), 0.4, 1.6)) if layout.kind != "graph" else 1.0
    # A figure of its own canvas: nothing here touches pyplot's global state or asks for a display.
    figure = Figure(figsize=(8.5, 1.2 + 7.0 * ratio), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    shaded = _shade(axes, model, layout)
    norm = _bonds(axes, model, layout, spins)
    _sites(figure, axes, model, places, spins)
    bar = ScalarMappable(norm, _colours())
    figure.colorbar(bar, ax=axes, label="coupling J (blue: ferromagnetic)", shrink=0.7, pad=0.02)
    _frame(axes, layout)
    text = f"{model.name if title is None else title}\n{_caption(model, layout, shaded, spins)}"
    # Over the whole figure, not over the axes beside the bar; lines that are too long all the same are broken.
    figure.suptitle("\n".join(textwrap.fill(line, _LINE) for line in text.splitlines()), fontsize=10)
    with replacing(path) as handle:
        figure.savefig(handle, dpi=150, format=ending, metadata=_METADATA.get(ending))
    return layout


def _shade(axes: Axes, model: IsingModel, layout: Layout) -> tuple[int, int] | None:
    """Shade the frustrated plaquettes in the plane of the picture; return (frustrated, all); across layers too."""
    from matplotlib.collections import PolyCollection

    if layout.kind not in ("square", "cubic"):
        return None
    corners = plaquettes(layout.shape, layout.periodic)
    bad = frustrated(model, corners)
    squares = []
    for plaquette in bad:
        points = layout.positions[plaquette].copy()
        if layout.kind == "cubic" and len({site // (layout.shape[1] * layout.shape[2]) for site in plaquette}) > 1:
            continue
        sides = layout.shape[::-1][: 2 if layout.kind == "square" else None][:2]
        images = [points]
        for axis, side in enumerate(sides):  # one that wraps around is drawn at both ends and cut there
            if np.ptp(points[:, axis]) > 1:
                low = points[:, axis] < points[:, axis].mean()
                shift = np.zeros_like(points)
                shift[low, axis] = side
                back = np.zeros(2)
                back[axis] = side
                images = [moved for image in images for moved in (image + shift, image + shift - back)]
        squares += [_cut(image, points, layout) for image in images]
    if squares:
        axes.add_collection(PolyCollection(squares, facecolors=_SHADE, edgecolors="none", zorder=0))
    return len(bad), len(corners)


def _cut(image: FloatArray, points: FloatArray, layout: Layout) -> FloatArray:
    """Cut a square to half a step around its layer."""
    down, across = layout.shape[-2:]
    corner = points.min(axis=0)
    if layout.kind == "cubic":
        pitch = np.array([across + 1.5, down + 1.5])
        origin = np.floor((corner + 0.25) / pitch) * pitch
    else:
        origin = np.zeros(2)
    most = origin + np.array([across - 1, down - 1]) + _STUB
    cut: FloatArray = np.clip(image, origin - _STUB, most)
    return cut


def _bonds(axes: Axes, model: IsingModel, layout: Layout, spins: SpinArray | None) -> Any:
    """Draw the couplings, the strongest last; return the scale of colours."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import TwoSlopeNorm

    largest = float(np.abs(model.couplings).max(initial=0.0)) or 1.0
    norm = TwoSlopeNorm(0.0, -largest, largest)
    order = np.argsort(np.abs(model.couplings), kind="stable")
    strength = np.abs(model.couplings) / largest
    i, j = model.edges.T
    unsatisfied = model.couplings * spins[i] * spins[j] < 0 if spins is not None else np.zeros(len(i), dtype=bool)
    thickness = 2.6 if len(i) < 6 * model.n else max(0.3, 2.6 * np.sqrt(6 * model.n / len(i)) / 2)
    colours = _colours()(norm(model.couplings))
    for dashed in (False, True):
        chosen = [e for e in order if bool(unsatisfied[e]) == dashed]
        pieces = [(piece, e) for e in chosen for piece in _pieces(layout, int(i[e]), int(j[e]))]
        if pieces:
            lines = LineCollection(
                [piece for piece, _ in pieces],
                colors=[colours[e] for _, e in pieces],
                linewidths=[thickness * (0.25 + 0.75 * strength[e]) for _, e in pieces],
                linestyles=(0, (1.6, 1.0)) if dashed else "solid",
                zorder=1,
            )
            axes.add_collection(lines)
    return norm


def _colours(name: str = "RdBu") -> Any:
    """A map of colours for two signs, without its pale middle, in which weak ones would not be seen."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    halves = [np.linspace(0.0, 0.34, 128), np.linspace(0.66, 1.0, 128)]
    return ListedColormap(colormaps[name](np.concatenate(halves)))


def _pieces(layout: Layout, i: int, j: int) -> list[FloatArray]:
    """The line of a bond, or its two stubs where it wraps around or leads to another layer."""
    a, b = layout.positions[i], layout.positions[j]
    if layout.kind not in ("square", "cubic"):
        return [np.stack([a, b])]
    sides = np.array(layout.shape)
    step = np.array(np.unravel_index(j, layout.shape)) - np.array(np.unravel_index(i, layout.shape))
    wraps = np.abs(step) > 1
    direction = np.where(wraps, -np.sign(step), step) if (sides > 2).all() else step
    if layout.kind == "cubic" and direction[0] != 0:
        low = a if direction[0] > 0 else b  # the site whose upper neighbour the other is
        return [np.stack([low, low + _BETWEEN_LAYERS])]
    if not wraps.any():
        return [np.stack([a, b])]
    away = direction[-2:][::-1] * _STUB
    return [np.stack([a, a + away]), np.stack([b, b - away])]


def _sites(figure: Any, axes: Axes, model: IsingModel, places: FloatArray, spins: SpinArray | None) -> None:
    size = float(np.clip(6000 / model.n, 6, 90))
    shown: Any = np.full(model.n, _NODE)
    if model.fields.any():
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import TwoSlopeNorm

        largest = float(np.abs(model.fields).max())
        scale = ScalarMappable(TwoSlopeNorm(0.0, -largest, largest), _colours("PuOr"))
        shown = scale.to_rgba(model.fields)
        figure.colorbar(scale, ax=axes, label="field h", shrink=0.7, pad=0.02)
    up = np.ones(model.n, dtype=bool) if spins is None else spins > 0
    edge = _NODE if model.fields.any() else shown
    axes.scatter(
        places[up, 0], places[up, 1], s=size, c=shown[up], edgecolors=_part(edge, up), linewidths=0.8, zorder=2
    )
    if not up.all():
        inner = size if not model.fields.any() else size * 1.3
        axes.scatter(
            places[~up, 0], places[~up, 1], s=inner, c="white", edgecolors=shown[~up], linewidths=1.4, zorder=2
        )


def _part(colours: Any, chosen: npt.NDArray[np.bool_]) -> Any:
    return colours if isinstance(colours, str) else colours[chosen]


def _frame(axes: Axes, layout: Layout) -> None:
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.margins(0.03)
    if layout.kind != "graph":
        axes.invert_yaxis()  # rows count downwards
    axes.set_axis_off()
    if layout.kind == "cubic":
        places, layers = layout.positions, layout.shape[0]
        first = places.reshape(layers, -1, 2)[:, 0]
        for layer, (x, y) in enumerate(first):
            axes.annotate(f"z = {layer}", (x - 0.3, y - 0.65), fontsize=8)


def _caption(model: IsingModel, layout: Layout, shaded: tuple[int, int] | None, spins: SpinArray | None) -> str:
    sizes = " × ".join(map(str, layout.shape))
    what = {
        "square": f"{sizes} {'torus' if layout.periodic else 'open lattice'}",
        "cubic": f"{sizes} {'torus' if layout.periodic else 'open lattice'}, layer by layer",
        "chimera": f"Chimera graph of {sizes} cells",
        "graph": "graph",
    }[layout.kind]
    text = f"{what}, {model.n} spins, {len(model.edges)} couplings"
    if shaded is not None:
        where = "shaded" if layout.kind == "square" else "shaded within the layers"
        text += f"; {shaded[0]} of {shaded[1]} plaquettes frustrated ({where})"
    if spins is not None:
        text += f"\nenergy {model.energy(spins):.8g}: spins up filled, down open, unsatisfied bonds dashed"
    return text
