"""The published experiments on a quantum wire, by gradients and by annealing: numbers and figures.

A wire of 30×30 sites. Some moves look at a part of the published 101 fields, to save time; L is given for all 101.
Stages, each kept in DIR and not run again: `ten` Gaussians by RMSProp from the published start, the same on a
`quarter` of the fields, `one` Gaussian by RMSProp and by AdaBelief, `squares`, by Levenberg–Marquardt on all fields
from the published start, from where the quarter's ten came and from the starts of the one, `anneal` from those starts,
the drawn curves `bridge` and `skyline` by AdaBelief on 900 free energies, then smoothed. Descents are kept every 250
steps, and go on from there. Two more stages, each a script of its own, are `speed` (scripts/bench_wire.py) and `agent`
(scripts/wire_agent.py). Writes a summary, in which stages that are not asked for stay as they were, and
figures of what has been run, to --results; if these are in docs/results, the tables of docs/quantum-wire.md too.

    python scripts/quantum_wire.py [STAGE …] [--out runs/quantum-wire] [--results docs/results]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import bench_wire
import numpy as np
import quantum_wire_figures
import quantum_wire_page
import wire_agent

from annealrl.baselines.gradient import stepped_rates
from annealrl.baselines.legs import descend_in_legs
from annealrl.cli.output import progress_bar
from annealrl.envs.quantum_wire import QuantumWire
from annealrl.envs.quantum_wire_curves import CURVES
from annealrl.ising import FloatArray
from annealrl.objective_simulator import ObjectiveSimulator
from annealrl.results import read_json, write_text
from annealrl.step_sizes import AdaptiveStep

DEFAULT_RESULTS = quantum_wire_page.RESULTS
PUBLISHED = 101
RATE, GAMMA = 1e-2, 1e-2
#: Where the ten Gaussians start, as published: A, y and r.
TEN = np.concatenate([np.ones(10), np.linspace(0, 15, 10), np.full(10, 2.0)])
#: Where the lone Gaussian starts: beside the edge, and in the middle of the wire.
ONE_STARTS = (0.0, 14.5)
ONE_OPTIMIZERS = ("rmsprop", "adabelief")
#: Replicas, sweeps a step, and β from first to last.
ANNEAL = (4, 8, 1.0, 1e6)
#: Fields that a stage's moves look at, evenly from 0 to 0.12, and its steps.
STAGES = {
    "ten": (PUBLISHED, 6000),
    "quarter": (26, 6000),
    "one": (11, 1200),
    "squares": (PUBLISHED, 100),
    "anneal": (11, 60),
    "bridge": (26, 250),
    "skyline": (26, 250),
}
#: What the figure of the hidden antidot is made of.
ANTIDOT = ("quarter", "ten", "one", "anneal", "squares")
#: A leg of a descent: after so many steps L is taken on all fields, and the designs are kept.
LEG = 250


def wire(fields: int, **options: Any) -> QuantumWire:
    """The published wire, with bounds that the descents do not know of."""
    return QuantumWire(length=30, width=30, fields=fields, field_max=0.12, **options)


def published_l(energy: FloatArray) -> FloatArray:
    """L = ln √Σ (G - G_target)² over 101 fields, from the mean of the squares."""
    return np.asarray(np.log(PUBLISHED * np.maximum(energy, 1e-300)) / 2)


def logarithmic(model: QuantumWire) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
    """L and its gradient."""

    def value(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        energy, gradient = model.value_and_gradient(x)
        return published_l(energy), gradient / (2 * np.maximum(energy, 1e-300))[:, None]

    return value


def roughness(x: FloatArray, side: int = 30) -> tuple[FloatArray, FloatArray]:
    """Σ (h_i - h_j)² over neighbours, and its gradient, shapes (R,) and (R, n)."""
    h = x.reshape(-1, side, side)
    along, across = np.diff(h, axis=1), np.diff(h, axis=2)
    gradient = np.zeros_like(h)
    gradient[:, 1:] += 2 * along
    gradient[:, :-1] -= 2 * along
    gradient[:, :, 1:] += 2 * across
    gradient[:, :, :-1] -= 2 * across
    return (along**2).sum(axis=(1, 2)) + (across**2).sum(axis=(1, 2)), gradient.reshape(x.shape)


def lower_half(x: FloatArray) -> FloatArray:
    """Keep heights between 0 and 15, as published, and radii from vanishing."""
    count = x.shape[1] // 3
    x[:, count : 2 * count] = np.clip(x[:, count : 2 * count], 0.0, 15.0)
    x[:, 2 * count :] = np.maximum(x[:, 2 * count :], 0.3)
    return x


def gaussians(
    count: int, fields: int, optimizer: str, start: FloatArray, rates: FloatArray, path: Path, bar: Any
) -> Any:
    """Descend with `count` antidots from some starts; heights below the middle, as published."""
    model = wire(fields, design="antidots", antidots=count, target="antidot")
    whole = wire(PUBLISHED, design="antidots", antidots=count, target="antidot")
    found = descend_in_legs(optimizer, start, logarithmic(model), rates, path, LEG, progress=bar, project=lower_half)
    return found | {"looks": np.stack([published_l(whole.energies(x)) for x in found["kept"]])}


def ten(name: str, fields: int, steps: int, folder: Path, bar: Any) -> dict[str, Any]:
    """Ten Gaussians from the published start, by the published rates."""
    return dict(gaussians(10, fields, "rmsprop", TEN[None], stepped_rates(RATE, steps), folder / f"{name}.legs", bar))


def least_squares(model: QuantumWire, start: FloatArray, evaluations: int) -> dict[str, Any]:
    """Levenberg–Marquardt with bounds on the differences of all fields, each with its gradient, from one design."""
    from scipy import optimize

    values: list[float] = []
    held: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def solved(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        if x.tobytes() not in held:
            held.clear()
            held[x.tobytes()] = model.residuals(x)
            values.append(float(published_l((held[x.tobytes()][0] ** 2).mean())))
        return held[x.tobytes()]

    k = model.antidots
    low = np.concatenate([np.full(k, -20.0), np.zeros(k), np.full(k, 0.3)])
    high = np.concatenate([np.full(k, 20.0), np.full(k, 15.0), np.full(k, 10.0)])
    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = optimize.least_squares(
        lambda x: solved(x)[0], inside, lambda x: solved(x)[1], bounds=(low, high), x_scale=1.0, max_nfev=evaluations
    )
    return {"values": np.array(values)[:, None], "best": found.x[None]}


def one(fields: int, steps: int, folder: Path, bar: Any) -> dict[str, Any]:
    """A single Gaussian, which may do all that the hidden one does: columns are optimisers, then starts."""
    start = np.array([[1.0, y, 2.0] for y in ONE_STARTS])
    found = [
        gaussians(1, fields, k, start, stepped_rates(RATE, steps), folder / f"one-{k}.legs", bar)
        for k in ONE_OPTIMIZERS
    ]
    out = {key: np.concatenate([part[key] for part in found], axis=1) for key in ("values", "kept", "looks")}
    best = np.concatenate([part["best"] for part in found])
    return {**out, "best": best, "processor_seconds": sum(part["processor_seconds"] for part in found)}


def anneal(fields: int, steps: int, folder: Path, bar: Any) -> dict[str, Any]:
    """Anneal from the starts of the lone Gaussian."""
    model = wire(fields, design="antidots", target="antidot", strength=20.0)
    whole = wire(PUBLISHED, design="antidots", target="antidot", strength=20.0)
    replicas, sweeps, low, high = ANNEAL
    seeds = [np.random.SeedSequence(0, spawn_key=(k,)) for k in range(len(ONE_STARTS))]
    simulator = ObjectiveSimulator([model] * len(seeds), replicas, seeds=seeds)
    simulator.load(range(len(seeds)), [model] * len(seeds), seeds, [[1.0, y, 2.0] for y in ONE_STARTS])
    sizes, size, acceptance = AdaptiveStep(), simulator.step_size, np.full(len(seeds), np.nan)
    rows = [simulator.energies.min(axis=1)]
    spent = [0.0]
    for step in range(steps):
        bar(step, steps)
        size = sizes.size(step, steps, size, acceptance)
        simulator.advance(low * (high / low) ** (step / (steps - 1)), sweeps, step_size=size)
        acceptance = simulator.acceptance_ratio(sweeps)
        rows.append(simulator.energies.min(axis=1))
        spent.append(simulator.evaluations / len(seeds))
    best = np.stack([simulator.lowest(b)[1] for b in range(len(seeds))])
    return {
        "values": published_l(np.array(rows)),
        "evaluations": np.array(spent),
        "best": best,
        "exact": published_l(whole.energies(best)),
        "last": published_l(np.stack([whole.energies(simulator.designs(b)) for b in range(len(seeds))])),
    }


def drawn(name: str, fields: int, steps: int, folder: Path, bar: Any) -> dict[str, Any]:
    """A drawn curve by 900 free energies, then by the same number of steps with the smoothing term."""
    model, whole = (wire(count, design="sites", target=name) for count in (fields, PUBLISHED))
    plain = logarithmic(model)
    start = np.random.default_rng(0).normal(0.0, 0.1, (1, 900))
    rates = stepped_rates(RATE, steps)
    first = descend_in_legs("adabelief", start, plain, rates, folder / f"{name}.legs", LEG, progress=bar)

    def smooth(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        (value, slope), (rough, rise) = plain(x), roughness(x)
        return value + GAMMA * rough, slope + GAMMA * rise

    second = descend_in_legs(
        "adabelief", first["best"], smooth, rates, folder / f"{name}-smooth.legs", LEG, progress=bar
    )
    ends = np.concatenate([start, first["best"], second["best"]])
    return {
        "values": first["values"],
        "smoothed": second["values"],
        "looks": np.stack([published_l(whole.energies(x)) for x in (*first["kept"], *second["kept"])]),
        "rough": np.stack([roughness(x)[0] for x in (*first["kept"], *second["kept"])]),
        "designs": ends,
        "exact": published_l(whole.energies(ends)),
        "roughness": roughness(ends)[0],
        "G": whole.conductances(ends),
        "target": whole.target_conductance,
        "processor_seconds": first["processor_seconds"] + second["processor_seconds"],
    }


def squares(fields: int, evaluations: int, folder: Path, bar: Any) -> dict[str, Any]:
    """Levenberg–Marquardt on all fields, of ten Gaussians from two starts and of one from its own."""
    out: dict[str, Any] = {}
    starts = {"ten from the published start": TEN, "ten": run_stage("quarter", folder)["kept"][-1, 0]}
    starts |= {f"one from y = {y:g}": np.array([1.0, y, 2.0]) for y in ONE_STARTS}
    for done, (name, start) in enumerate(starts.items()):
        bar(done, len(starts))
        model = wire(fields, design="antidots", antidots=len(start) // 3, target="antidot")
        found = least_squares(model, start, evaluations)
        out |= {f"{name}: L": found["values"][:, 0], f"{name}: design": found["best"]}
    return out


def run_stage(name: str, folder: Path) -> Mapping[str, Any]:
    """What a stage gives, from its file if that was made with the same settings."""
    fields, steps = STAGES[name]
    path, settings = folder / f"{name}.npz", json.dumps([name, fields, steps, ANNEAL if name == "anneal" else None])
    if path.exists():
        with np.load(path) as held:
            if str(held["settings"]) == settings:
                return {key: held[key] for key in held.files}
    spent = time.process_time()
    own: dict[str, Callable[[int, int, Path, Any], dict[str, Any]]] = {
        **{name: partial(ten, name) for name in ("ten", "quarter")},
        **{"one": one, "squares": squares, "anneal": anneal},
        **{curve: partial(drawn, curve) for curve in CURVES},
    }
    with progress_bar(f"quantum wire: {name}") as bar:
        found = own[name](fields, steps, folder, bar)
    found = {"processor_seconds": time.process_time() - spent, **found, "settings": settings}
    folder.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".part").open("wb") as file:
        np.savez_compressed(file, **found)
    path.with_suffix(".part").replace(path)
    return found


def summary(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The numbers that the documentation quotes."""
    out: dict[str, Any] = {}
    for name, stage in found.items():
        row: dict[str, Any] = {
            "fields of the moves": STAGES[name][0],
            "processor_seconds": round(float(stage["processor_seconds"]), 1),
        }
        if name in ("quarter", "ten", "one"):
            # Descents are rows of the summary, in the order of their columns.
            looks, own = stage["looks"], stage["values"]
            row |= {
                "steps": len(own) - 1,
                "L at the start": looks[0].round(3).tolist(),
                "L at the end": looks[-1].round(3).tolist(),
                "lowest L on the fields of the moves": own.min(axis=0).round(3).tolist(),
                "steps to L < -3 there": [int(np.argmax(c < -3)) if (c < -3).any() else None for c in own.T],
                "A, y, r at the end": stage["kept"][-1].round(3).tolist(),
            }
            if name == "one":
                row["descents"] = [f"{k} from y = {y:g}" for k in ONE_OPTIMIZERS for y in ONE_STARTS]
        elif name == "squares":
            row |= {key: stage[key].round(3).tolist() for key in stage if ": " in key}
        elif name == "anneal":
            row |= {
                "best L": stage["exact"].round(3).tolist(),
                "L of all replicas at the end": stage["last"].round(3).tolist(),
                "evaluations a start": float(stage["evaluations"][-1]),
                "A, y, r": stage["best"].round(3).tolist(),
            }
        else:
            row["L: start, optimised, smoothed"] = stage["exact"].round(3).tolist()
            row["roughness: start, optimised, smoothed"] = stage["roughness"].round(2).tolist()
            row["steps of each"] = len(stage["values"]) - 1
        out[name] = row
    return out


def figures(found: Mapping[str, Mapping[str, Any]], results: Path) -> None:
    """Those whose stages are all there."""
    if set(ANTIDOT) <= set(found):
        lone, many = (wire(PUBLISHED, design="antidots", antidots=k, target="antidot") for k in (1, 10))
        stages = [found[name] for name in ANTIDOT]
        quantum_wire_figures.antidot(stages, lone, many, ONE_STARTS, results / "quantum-wire-antidot.png")
    if curves := {name: found[name] for name in CURVES if name in found}:
        quantum_wire_figures.curves(curves, LEG, GAMMA, results / "quantum-wire-curves.png")


def speed() -> None:
    """Processor times, as scripts/bench_wire.py measures them."""
    bench_wire.bench(bench_wire.SIDES, bench_wire.FIELDS, DEFAULT_RESULTS / "bench_wire.json")


def agent() -> None:
    """Tuned schedules and gradients, the agent's training, and the comparison."""
    wire_agent.run(wire_agent.STAGES, wire_agent.SEEDS, wire_agent.RUNS)


#: Stages that keep their own results.
OTHERS = {"speed": speed, "agent": agent}


def main() -> None:
    known = ", ".join((*STAGES, *OTHERS))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"{known}; all of them by default")
    parser.add_argument("--out", type=Path, default=Path("runs/quantum-wire"))
    parser.add_argument("--results", type=Path, default=DEFAULT_RESULTS)
    arguments = parser.parse_args()
    asked = arguments.stages or [*STAGES, *OTHERS]
    if wrong := [name for name in asked if name not in (*STAGES, *OTHERS)]:
        parser.error(f"stage {wrong[0]!r}; some of {known} are expected")
    found = {}
    for name in [name for name in STAGES if name in asked]:
        found[name] = run_stage(name, arguments.out)
        print(name, json.dumps(summary({name: found[name]})[name], ensure_ascii=False), flush=True)
    arguments.results.mkdir(parents=True, exist_ok=True)
    if found:
        path = arguments.results / "quantum-wire.json"
        held = read_json(path) if path.exists() else {}
        assert isinstance(held, dict)
        rows = held | summary(found)
        ordered = {name: rows[name] for name in STAGES if name in rows}
        write_text(path, json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
        figures(found, arguments.results)
    for name in [name for name in OTHERS if name in asked]:
        OTHERS[name]()
    if arguments.results.resolve() == DEFAULT_RESULTS:
        quantum_wire_page.rewrite()


if __name__ == "__main__":
    main()
