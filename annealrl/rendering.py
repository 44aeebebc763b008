"""Pictures of running episodes: replicas, temperature, energies and overlaps, drawn by matplotlib without a display."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray
from annealrl.registry import unknown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from annealrl.vector_env import AnnealingVectorEnv

Frame = npt.NDArray[np.uint8]

RENDER_MODES = ("human", "rgb_array")
RENDER_FPS = 8
#: Width and height of a frame in pixels; even, as video formats want it.
FRAME_SIZE = (800, 480)
#: Replicas that are shown one by one, and the most whose overlaps are counted.
SHOWN, COMPARED = 16, 64
#: Most frames that a window shows side by side.
TILED = 9
_DPI = 100
_SPIN_UP, _SPIN_DOWN = "#1f4e79", "#f2b134"
_NO_DISPLAY = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")


@dataclass
class View:
    """What is drawn of one episode.

    Attributes
    ----------
    configurations : array, shape (R, n)
        Spins ±1, or coordinates in [-1, 1].
    spins : bool
        Which of the two.
    shape : tuple of int or None
        Sides of the lattice that the spins stand on in row-major order.
    energies : float64 array, shape (R,)
        Of the configurations.
    ground : float
        NaN where it is unknown.
    steps : int
        Of the whole episode.
    periodic : bool
        Whether coordinates have no ends, as angles, so that -1 is to look like 1.
    traces : dict of list of float
        ``beta``, ``acceptance`` and ``step_size`` of every step so far; ``energy`` (lowest), ``mean_energy`` and
        ``best_energy`` at its start and after each.
    """

    configurations: npt.NDArray[Any]
    spins: bool
    shape: tuple[int, ...] | None
    energies: FloatArray
    ground: float
    steps: int
    periodic: bool = False
    traces: dict[str, list[float]] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Steps so far."""
        return max(0, len(self.traces.get("energy", ())) - 1)


def overlaps(configurations: npt.NDArray[Any]) -> FloatArray:
    """Similarity of every pair of replicas, shape (R(R - 1)/2,): 1 - mean |x - y|, for spins the overlap s·s'/n."""
    x = np.asarray(configurations[:COMPARED], dtype=np.float64)
    pairs = [1.0 - np.abs(x[i + 1 :] - x[i]).mean(axis=1) for i in range(len(x) - 1)]
    return np.concatenate(pairs) if pairs else np.empty(0)


def mosaic(frames: Sequence[npt.NDArray[Any]], gap: int = 0, fill: Any = 0) -> npt.NDArray[Any]:
    """Put equal pictures side by side, row by row, as nearly square as they go; `gap` pixels of `fill` between them."""
    columns = int(np.ceil(np.sqrt(len(frames))))
    lines = -(-len(frames) // columns)
    height, width = frames[0].shape[:2]
    size = (lines * (height + gap) - gap, columns * (width + gap) - gap, *frames[0].shape[2:])
    out = np.full(size, fill, frames[0].dtype)
    for k, frame in enumerate(frames):
        row, column = divmod(k, columns)
        top, left = row * (height + gap), column * (width + gap)
        out[top : top + height, left : left + width] = frame
    return out


def replica_image(view: View) -> FloatArray:
    """The replicas of lowest energy as one picture, lowest first; NaN parts them.

    On a square lattice each is a square, on a cubic one a square of its layers; elsewhere each is a row of spins or
    coordinates.
    """
    order = np.argsort(view.energies, kind="stable")
    values = np.asarray(view.configurations, dtype=np.float64)[order]
    shape = view.shape
    if shape is None or len(shape) not in (2, 3):
        return values
    grids = values[:SHOWN].reshape(-1, *shape)
    if len(shape) == 3:
        return mosaic([mosaic(list(grid), 1, np.nan) for grid in grids[:4]], 3, np.nan)
    return mosaic(list(grids), 1, np.nan)


def colour_map(view: View) -> Any:
    """Two colours for spins, a cyclic map for angles and clocks, a rising one for all else."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    if view.spins:
        return ListedColormap([_SPIN_DOWN, _SPIN_UP])
    return colormaps["twilight" if view.periodic else "viridis"]


class Canvas:
    """A figure that is drawn once and then brought up to date."""

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure: Figure = Figure(figsize=(FRAME_SIZE[0] / _DPI, FRAME_SIZE[1] / _DPI), dpi=_DPI)
        self.agg: Any = FigureCanvasAgg(self.figure)
        grid = self.figure.add_gridspec(
            3, 2, width_ratios=(1.15, 1), left=0.02, right=0.93, top=0.87, bottom=0.06, wspace=0.26, hspace=0.55
        )
        self.image = self.figure.add_subplot(grid[:, 0])
        self.drive, self.energy, self.overlap = (self.figure.add_subplot(grid[k, 1]) for k in range(3))
        self.second = self.drive.twinx()

    def draw(self, view: View) -> Frame:
        """Draw a view; uint8, shape (height, width, 3)."""
        for axes in (self.image, self.drive, self.second, self.energy, self.overlap):
            axes.clear()
        self._draw_image(view)
        self._draw_drive(view)
        self._draw_energy(view)
        self._draw_overlap(view)
        gap = float(view.energies.min()) - view.ground
        at_ground = gap <= 1e-9 * max(1.0, abs(view.ground))
        known = (
            (", the ground state" if at_ground else f", {gap:.4g} above the ground state") if np.isfinite(gap) else ""
        )
        title = f"step {view.step} of {view.steps}: lowest energy {view.energies.min():.6g}{known}"
        self.figure.suptitle(title, x=0.02, ha="left", fontsize=10)
        self.agg.draw()
        return np.array(self.agg.buffer_rgba(), dtype=np.uint8)[..., :3].copy()

    def _draw_image(self, view: View) -> None:
        picture = replica_image(view)
        colours = colour_map(view)
        on_lattice = view.shape is not None and len(view.shape) in (2, 3)
        self.image.imshow(
            picture, cmap=colours, vmin=-1, vmax=1, interpolation="nearest", aspect="equal" if on_lattice else "auto"
        )
        self.image.set_xticks([])
        self.image.set_yticks([])
        what = "spins" if view.spins else "coordinates"
        text = f"replicas by energy, lowest first ({what})" if on_lattice else f"replicas by energy (rows) × {what}"
        self.image.set_title(text, fontsize=8)

    def _draw_drive(self, view: View) -> None:
        from matplotlib.ticker import LogLocator, NullLocator

        steps = np.arange(1, view.step + 1)
        betas = view.traces.get("beta", [])
        self.drive.plot(steps, betas, color="black", lw=1.2, marker=".", ms=3)
        if betas and min(betas) > 0 and max(betas) > 4 * min(betas):
            self.drive.set_yscale("log")
            self.drive.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            self.drive.yaxis.set_major_formatter("{x:g}")
            self.drive.yaxis.set_minor_locator(NullLocator())
        self.drive.set_ylabel("β", fontsize=8)
        self.second.plot(steps, view.traces.get("acceptance", []), color="tab:red", lw=1.2)
        self.second.set_ylim(0, 1)
        self.second.yaxis.set_label_position("right")
        self.second.yaxis.tick_right()
        self.second.set_ylabel("acceptance", fontsize=8, color="tab:red")
        title = "inverse temperature and acceptance"
        if view.traces.get("step_size"):
            title += f" (step size {view.traces['step_size'][-1]:.3g})"
        self.drive.set_title(title, fontsize=8)
        self._frame(self.drive, (0, view.steps))
        self.second.tick_params(labelsize=7, colors="tab:red")

    def _draw_energy(self, view: View) -> None:
        traces = view.traces
        steps = np.arange(len(traces.get("energy", ())))
        self.energy.plot(steps, traces.get("mean_energy", []), color="tab:gray", lw=1, label="mean")
        self.energy.plot(steps, traces.get("energy", []), color="tab:blue", lw=1.2, label="lowest")
        self.energy.plot(steps, traces.get("best_energy", []), color="tab:green", lw=1, ls="--", label="best so far")
        if np.isfinite(view.ground):
            self.energy.axhline(view.ground, color="black", lw=0.8, ls=":", label="ground state")
        self.energy.legend(fontsize=6, loc="upper right", ncols=2, frameon=False, borderpad=0.1)
        self.energy.set_title("energy of the replicas", fontsize=8)
        self._frame(self.energy, (0, view.steps))

    def _draw_overlap(self, view: View) -> None:
        # Overlaps of n spins are multiples of 2/n: a bar holds as many of them as the others.
        width = 2.0 / view.configurations.shape[1]
        width = width * np.ceil(0.05 / width) if view.spins else 0.05
        edges = np.arange(-1 - width / 2, 1 + width, width)
        counts, _ = np.histogram(np.clip(overlaps(view.configurations), -1, 1), edges)
        self.overlap.stairs(counts / max(1, counts.sum()), edges, fill=True, color="tab:purple")
        self.overlap.set_title("overlaps of pairs of replicas" if view.spins else "likeness of replicas", fontsize=8)
        self._frame(self.overlap, (-1.04, 1.04))
        self.overlap.set_ylim(bottom=0)

    @staticmethod
    def _frame(axes: Any, limits: tuple[float, float]) -> None:
        axes.set_xlim(*limits)
        axes.tick_params(labelsize=7)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)


class Window:
    """Shows frames on a screen, where there is one."""

    def __init__(self) -> None:
        self._image: Any = None
        self._figure: Figure | None = None
        self._blind = False

    def show(self, frame: Frame) -> None:
        """Put a frame into the window, which opens with the first one."""
        if self._blind:
            return
        from matplotlib import pyplot as plt

        if plt.get_backend().lower() in _NO_DISPLAY:
            self._blind = True
            print("render_mode 'human': no display was found; 'rgb_array' needs none", file=sys.stderr)
            return
        if self._figure is None:
            self._figure = plt.figure("annealrl", figsize=(frame.shape[1] / _DPI, frame.shape[0] / _DPI), dpi=_DPI)
            axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axes.set_axis_off()
            self._image = axes.imshow(frame)
        self._image.set_data(frame)
        plt.pause(1 / RENDER_FPS)

    def close(self) -> None:
        """Close the window."""
        if self._figure is not None:
            from matplotlib import pyplot as plt

            plt.close(self._figure)
            self._figure = None


class Recorder:
    """What a batched environment remembers of its running episodes in order to draw them.

    After the last step of an episode the finished one is drawn, until the next step: the environment has begun the
    episode after by then, but the end is what one wants to see.

    Parameters
    ----------
    env : AnnealingVectorEnv
    mode : {"rgb_array", "human"}
        ``human`` shows each step in a window, where there is a display.
    """

    def __init__(self, env: AnnealingVectorEnv, mode: str) -> None:
        self.env, self.mode = env, mode
        self._canvas: Canvas | None = None
        self._window = Window()
        self._views: list[View] = []
        self._shown: list[View] = []

    def begin(self, info: dict[str, Any], *, after_end: bool = False) -> None:
        """An episode has begun; `after_end` says that the step which ended the one before did it."""
        self._views = self._look(info)
        self._append(info, ("energy", "mean_energy", "best_energy"))
        if not after_end:
            self._shown = self._views
            self._show()

    def record(self, info: dict[str, Any]) -> None:
        """A step has been made."""
        traces = [view.traces for view in self._views]
        self._views = self._look(info)
        for view, trace in zip(self._views, traces, strict=True):
            view.traces = trace
        self._append(info, ("beta", "acceptance", "step_size", "energy", "mean_energy", "best_energy"))
        self._shown = self._views
        self._show()

    def frames(self) -> tuple[Frame, ...]:
        """A picture of each episode."""
        canvas = self._canvas = self._canvas or Canvas()
        return tuple(canvas.draw(view) for view in self._shown)

    def close(self) -> None:
        """Close the window, if there is one."""
        self._window.close()

    def _show(self) -> None:
        if self.mode == "human":
            canvas = self._canvas = self._canvas or Canvas()
            self._window.show(mosaic([canvas.draw(view) for view in self._shown[:TILED]]))

    def _append(self, info: dict[str, Any], keys: Sequence[str]) -> None:
        for key in keys:
            for b, view in enumerate(self._views):
                if key in info:
                    view.traces.setdefault(key, []).append(float(info[key][b]))

    def _look(self, info: dict[str, Any]) -> list[View]:
        env = self.env
        simulator: Any = env.drive.simulator
        spins = hasattr(simulator, "all_spins")
        seen = simulator.all_spins() if spins else simulator.scaled_designs()
        views = []
        for b, model in enumerate(simulator.models):
            views.append(
                View(
                    configurations=seen[b, :, : model.n],
                    spins=spins,
                    shape=env.family.lattice_shape(model),
                    energies=simulator.energies[b].copy(),
                    ground=float(info["ground_energy"][b]),
                    steps=env.steps,
                    periodic=not spins and bool(model.space.periodic.all()),
                )
            )
        return views


def make_recorder(env: AnnealingVectorEnv, mode: str | None) -> Recorder | None:
    """The recorder of a render mode; none is needed without one."""
    if mode is None:
        return None
    if mode not in RENDER_MODES:
        raise unknown("render mode", str(mode), RENDER_MODES)
    return Recorder(env, mode)
