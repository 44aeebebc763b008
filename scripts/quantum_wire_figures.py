"""The figures of scripts/quantum_wire.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.envs.quantum_wire import QuantumWire
from annealrl.ising import FloatArray
from annealrl.quantum_wire import LEAD


def picture(axes: Any, potential: FloatArray, title: str, limit: float) -> None:
    """On-site energies less those of the leads; current flows to the right."""
    image = axes.imshow(potential.T - LEAD, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set(title=title, xlabel="x", ylabel="y")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def antidot(
    stages: Sequence[Mapping[str, Any]], lone: QuantumWire, many: QuantumWire, one_starts: Sequence[float], path: Path
) -> None:
    """L against evaluations, G before and after, and the potentials, of the hidden antidot.

    `stages` are quarter, ten, one, anneal and squares; `lone` and `many` the wire of one and of ten Gaussians.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 8.5), layout="constrained")
    (steps, before, after), bottom = figure.subplots(2, 3)
    quarter, ten, one, anneal, squares = stages
    cost, phi, lower = lone.gradient_cost, lone.wire.fields, np.minimum.accumulate
    names = zip(("one, RMSProp", "one, AdaBelief"), ("C1", "C3"), one["values"].T[:: len(one_starts)], strict=True)
    first, whole = quarter["values"][:, 0], ten["values"][:, 0]
    descents = (("ten, RMSProp on 26 fields", "C4", first), ("ten, RMSProp on all fields", "C0", whole))
    for name, colour, column in (*descents, *names):
        # Thin as it went, thick the lowest so far.
        at = cost * np.arange(1, len(column) + 1)
        steps.plot(at, column, colour, lw=0.4, alpha=0.35)
        steps.plot(at, lower(column), colour, lw=1.2, label=name)
    # Least squares begin where the quarter's ten ended, and need few calls.
    for key, colour, begin in (("ten", "C4", len(quarter["values"])), (f"one from y = {one_starts[0]:g}", "C1", 0)):
        values = squares[f"{key}: L"]
        name = f"ten, then least squares on all (to {values.min():.0f})" if key == "ten" else "one, least squares"
        steps.plot(cost * (begin + np.arange(1, len(values) + 1)), lower(values), colour, ls=":", lw=2, label=name)
    spent = np.maximum(anneal["evaluations"], 1)
    steps.plot(spent, lower(anneal["values"][:, 0]), "C2", label="one, annealed")
    steps.axhline(-3, color="grey", lw=0.8)
    title = f"ten from the published start, one from y = {one_starts[0]:g}"
    steps.set(xlabel="solutions of the fields looked at (a gradient: two)", ylabel="L there", xscale="log", title=title)
    steps.set_ylim(bottom=-7)
    steps.legend(fontsize=7, loc="lower left")
    starts = {"ten": many.conductances(quarter["kept"][0])[0], "one": lone.conductances(np.array([[1.0, 0.0, 2.0]]))[0]}
    ends = {
        "ten, RMSProp": many.conductances(ten["best"])[0],
        "ten, least squares": many.conductances(squares["ten: design"])[0],
        "one, RMSProp": lone.conductances(one["best"])[0],
        "one, annealed": lone.conductances(anneal["best"])[0],
    }
    for axes, curves, title, colours in ((before, starts, "before", "C0 C1"), (after, ends, "after", "C0 C4 C1 C2")):
        axes.plot(phi, lone.target_conductance, "k", lw=4, alpha=0.3, label="target")
        for (label, values), colour in zip(curves.items(), colours.split(), strict=True):
            axes.plot(phi, values, colour, lw=1.2, label=label)
        axes.set(xlabel="φ", ylabel="G h/e²", title=title)
        axes.legend(fontsize=8)
    assert lone.hidden is not None
    picture(bottom[0], lone.potentials(lone.hidden[None])[0], "hidden antidot", 10)
    picture(bottom[1], many.potentials(ten["best"])[0], "ten Gaussians, RMSProp", 10)
    halves = np.concatenate([lone.potentials(stage["best"])[0][:, :15] - LEAD for stage in (one, anneal)], axis=1)
    picture(bottom[2], LEAD + halves, "one: RMSProp below, annealed above", 10)
    bottom[2].axhline(14.5, color="k", lw=0.8)
    bottom[2].set_yticks([0, 10, 15, 25], ["0", "10", "0", "10"])
    figure.savefig(path, dpi=110)


def curves(found: Mapping[str, Mapping[str, Any]], leg: int, gamma: float, path: Path) -> None:
    """L and roughness against steps, G, and the potentials, of the drawn curves.

    L on all fields and roughness are known every `leg` steps; `gamma` is what roughness counts.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(17, 4 * len(found)), layout="constrained")
    for (name, stage), row in zip(found.items(), figure.subplots(len(found), 4, squeeze=False), strict=True):
        phi = np.linspace(0, 0.12, len(stage["target"]))
        first, potentials = stage["values"][:, 0], LEAD + stage["designs"].reshape(-1, 30, 30)
        row[0].plot(first, "C0", lw=0.7, label="L, AdaBelief")
        legs = leg * np.arange(len(stage["looks"]))
        split = len(legs) // 2
        legs[split:] -= leg
        row[0].plot(len(first) - 1 + np.arange(len(stage["smoothed"])), stage["smoothed"][:, 0], "C1", lw=0.7,
                    label="L + γ Σ (h_i - h_j)², AdaBelief")  # fmt: skip
        row[0].plot(legs, stage["looks"][:, 0], "ko", ms=3, label="L on all fields")
        row[0].plot(legs, gamma * stage["rough"][:, 0], "C3s", ms=3, label="γ Σ (h_i - h_j)²")
        row[0].set(xlabel="step", title=name, ylim=(None, 1.1 * first[0] + 2))
        row[0].legend(fontsize=7)
        row[1].plot(phi, stage["target"], "k", lw=4, alpha=0.3, label="target")
        for values, label, style in zip(stage["G"], ("start", "optimised", "smoothed"), (":", "-", "--"), strict=True):
            row[1].plot(phi, values, ls=style, lw=1.2, label=label)
        row[1].set(xlabel="φ", ylabel="G h/e²", title="conductance")
        row[1].legend(fontsize=7)
        limit = float(np.abs(potentials[1:] - LEAD).max())
        picture(row[2], potentials[1], "optimised", limit)
        picture(row[3], potentials[2], "smoothed", limit)
    figure.savefig(path, dpi=110)
