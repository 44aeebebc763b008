"""Tables and pictures of metalenses: models' errors, designs by every method, speed, memory.

Every part is kept in DIR as it is finished, so that what was interrupted goes on; what is there is not done again. The
designs are the best of a few forward-designed starts under the model that they were made on; each is judged by the
beam-propagation substitute's run through the whole lens. Lowest energies go on record for Metalens-v0. Writes
metalens.json and pictures to --results; parts that are not asked for stay there as they were. If that is docs/results,
the tables of docs/metalens.md are written anew too.

    python scripts/metalens.py [--out runs/metalens] [--results docs/results] [--train] [--only PART,…] [--fresh PART,…]

`--train` fits the shipped models anew before anything else (two minutes of one core).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import metalens_page
import numpy as np
import torch
from rich.progress import Progress

from annealrl.envs.metalens import Metalens
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.metalens.beam import PILLARS, SAMPLES, Beam
from annealrl.metalens.dataset import load_windows
from annealrl.metalens.design import adam, anneal, on_levels, starts, substitute_energy, substitute_fields
from annealrl.metalens.drawing import draw_lens
from annealrl.metalens.fitting import errors, fit_models, split
from annealrl.metalens.propagation import angular_spectrum, rayleigh_sommerfeld
from annealrl.metalens.records import keep_best, record_key
from annealrl.metalens.reduced import PUBLISHED, modes_of
from annealrl.metalens.store import SCATTERING, SHIPPED, load_model, model_path, save_models
from annealrl.metalens.training import fit_deep
from annealrl.results import read_json, write_text

COLOURS, PIECES = (633.0, 400.0), 32
GOALS = ("focus", "annulus", "depth")
#: By pillars a side: starts; steps and sweeps a step of an anneal on the linear model, and on the deep one.
SIZES = {11: (8, (40, 50), (20, 5)), 31: (4, (40, 50), (10, 1)), 113: (1, (20, 25), (10, 1))}
#: Largest side whose unrounded radii are judged by the substitute too.
JUDGED = 31
HOT, COOLING, REACH = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0), (100, 1000, 10000), (0.3, 1.0)
TUNE_SIDE, TUNE_SEED, SEED = 31, 100, 0
PUBLISHED_TRAINING: dict[str, Any] = {"hidden": PUBLISHED, "epochs": 40, "batch": 256, "learning_rate": 1e-3}
#: What is measured in a process of its own: environment steps and a gradient of the largest lens.
_MEMORY = """
import resource, sys
import gymnasium as gym, numpy as np, annealrl
from annealrl.envs.metalens import Metalens
scattering, replicas = sys.argv[1], int(sys.argv[2])
options = dict(pillars=113, goal="annulus", scattering=scattering)
if scattering == "linear":
    env = gym.make("Metalens-v0", replicas=replicas, sweeps_per_step=1, steps=2, **options)
    env.reset(seed=0); env.step(env.action_space.sample())
else:
    lens = Metalens(**options)
    x = lens.space.random(np.random.default_rng(0), replicas)
    lens.value_and_gradient(x)
    walk = lens.walk(x)
    walk.change(np.arange(replicas), x[:, 0]); walk.take(np.ones(replicas, bool))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


class Kept:
    """Parts of the results, each in a file of its own as soon as it is there."""

    def __init__(self, folder: Path, only: tuple[str, ...], fresh: tuple[str, ...]) -> None:
        self.folder, self.only, self.fresh = folder, only, fresh
        folder.mkdir(parents=True, exist_ok=True)

    def asked(self, *parts: str) -> bool:
        """Whether all is asked for, or one of these by name."""
        return not self.only or any(word.startswith(parts) for word in self.only)

    def get(self, part: str, make: Callable[[], Any]) -> Any:
        """What is kept of a part, or made now; None of what is not asked for."""
        path = self.folder / f"part-{part}.json"
        if path.exists() and not (self.fresh and part.startswith(self.fresh)):
            return read_json(path)
        if self.only and not part.startswith(self.only):
            return None
        print(part, flush=True)
        found = make()
        write_text(path, json.dumps(found, indent=1) + "\n")
        return found


def train(out: Path, data: dict[float, Any]) -> None:
    for colour in COLOURS:
        with Progress() as progress:
            task = progress.add_task(f"training, {colour:g} nm")
            found = fit_models(
                data[colour],
                colour,
                checkpoint=out / f"deep-{colour:g}.pt",
                progress=lambda done, total, error, p=progress, t=task: p.update(t, completed=done, total=total),
            )
        save_models(found.models, model_path(SHIPPED, colour))


def model_errors(data: dict[float, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for colour in COLOURS:
        parts = split(data[colour])
        out[f"{colour:g}"] = {
            "share_of_modes": modes_of(parts.fitted.fields)[1],
            "windows": {"fitted": len(parts.fitted), "test": len(parts.test)},
            "errors": errors({name: load_model(name, colour) for name in SCATTERING}, parts.test),
            "substitute": substitute_errors(colour),
        }
    return out


def substitute_errors(colour: float) -> dict[str, float]:
    """What finer grids, and pillars beyond the window, change in the substitute's own fields."""
    rng, beam = np.random.default_rng(SEED), Beam(colour)
    radii = rng.uniform(PILLARS.smallest, PILLARS.largest, (60, 9))
    coarse = beam.cells(radii)
    fine = Beam(colour, 3 * SAMPLES, 2 * beam.steps).cells(radii)
    fine = fine.reshape(-1, SAMPLES, 3, SAMPLES, 3).mean(axis=(2, 4)).reshape(len(radii), -1)
    out = {"grid": float(np.linalg.norm(coarse - fine) / np.linalg.norm(fine))}
    lens = Metalens(pillars=31)
    for kind, design in (("lens", starts(lens, 1)[0]), ("random", lens.space.random(rng, 1)[0])):
        whole = beam.aperture(design.reshape(31, 31)).reshape(31, SAMPLES, 31, SAMPLES).swapaxes(1, 2)
        whole = whole.reshape(lens.n, -1)
        cells = beam.cells(design[lens.optics.windows])
        out[f"window_{kind}"] = float(np.linalg.norm(cells - whole) / np.linalg.norm(whole))
    return out


def published(out: Path, data: dict[float, Any], colour: float) -> dict[str, Any]:
    """The deep model at its published size."""
    parts, began = split(data[colour]), time.process_time()
    basis, _ = modes_of(parts.fitted.fields)
    with Progress() as progress:
        task = progress.add_task(f"published size, {colour:g} nm")
        model = fit_deep(
            parts.fitted,
            parts.check,
            basis,
            Beam(colour),
            checkpoint=out / f"deep-published-{colour:g}.pt",
            progress=lambda done, total, error: progress.update(task, completed=done, total=total),
            **PUBLISHED_TRAINING,
        )
    settings = {**PUBLISHED_TRAINING, "hidden": list(PUBLISHED)}
    return {**settings, "errors": errors({"deep": model}, parts.test)["deep"], "seconds": time.process_time() - began}


def cross_check() -> list[dict[str, float]]:
    """Angular spectra against the integral, above a forward-designed lens of 11 × 11 pillars."""
    lens, spacing = Metalens(), PILLARS.period / SAMPLES
    rows = []
    for colour in COLOURS:
        field = Beam(colour).aperture(starts(lens, 1).reshape(11, 11))
        x = (np.arange(len(field)) - (len(field) - 1) / 2) * spacing
        chosen = np.arange(25, 85, 6)
        for height in (2e3, 1e3 * lens.focus):
            points = np.array([(x[i], x[j], height) for j in chosen for i in chosen])
            exact = rayleigh_sommerfeld(field, spacing, points, colour)
            for padding in (2, 4, 8):
                found = angular_spectrum(field, spacing, height, colour, padding)[np.ix_(chosen, chosen)].ravel()
                error = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
                rows.append({"wavelength": colour, "height": height, "padding": padding, "error": error})
    return rows


def speed() -> list[dict[str, Any]]:
    """Processor time of a proposal, and of a whole energy, on 31 × 31 pillars; one thread."""
    rows = []
    for scattering in ("linear", "deep"):
        for goal in GOALS:
            lens = Metalens(pillars=31, goal=goal, scattering=scattering)
            start, sweeps = starts(lens, 4), 40 if scattering == "linear" else 1
            simulate = {"hot": 100.0, "cold": 100.0, "step": 1.0, "steps": 1}
            anneal(lens, start, **simulate, sweeps=1)
            spent = {}
            for count in (1, 1 + sweeps):
                began = time.process_time()
                anneal(lens, start, **simulate, sweeps=count)
                spent[count] = time.process_time() - began
            proposal = (spent[1 + sweeps] - spent[1]) / (sweeps * lens.n * len(start))
            began = time.process_time()
            for _ in range(3):
                lens.energies(start)
            whole = (time.process_time() - began) / 3 / len(start)
            points = len(lens.optics.goal.weights)
            rows.append(
                {"scattering": scattering, "goal": goal, "points": points, "proposal": proposal, "energy": whole}
            )
    return rows


def tune(goal: str) -> dict[str, Any]:
    """The best of a grid of geometric schedules from forward-designed lenses, on the linear model and a side of 31."""
    lens = Metalens(pillars=TUNE_SIDE, goal=goal)
    start, rows = starts(lens, 2), []
    for hot in HOT:
        for cooling in COOLING:
            for step in REACH:
                settings = {"hot": float(hot), "cold": float(hot * cooling), "step": step}
                found = anneal(lens, start, steps=20, sweeps=20, seed=TUNE_SEED, **settings)
                rows.append({**settings, "energy": float(found.energies.mean())})
    return {"best": min(rows, key=lambda row: row["energy"]), "tried": rows}


@lru_cache(maxsize=3)
def lenses(goal: str, side: int) -> tuple[Metalens, Metalens]:
    """Under the linear and the deep model, with all that they keep."""
    linear, deep = (Metalens(pillars=side, goal=goal, scattering=kind) for kind in ("linear", "deep"))
    assert linear.kernel is not None
    return linear, deep


def designed(out: Path, goal: str, side: int, method: str, schedule: dict[str, float]) -> dict[str, Any]:
    """Design by one method, from the same starts as the others; the best of them, judged by all."""
    count, long, short = SIZES[side]
    linear, deep = lenses(goal, side)
    own = linear if method.endswith("linear") else deep
    start, began = starts(linear, count), time.process_time()
    free: FloatArray | None = None
    if method == "forward":
        found = start
    elif method.startswith("adam"):
        free = adam(own, start).designs
        found = on_levels(own, free)
    elif own is linear:
        hot, cold, step = (schedule[key] for key in ("hot", "cold", "step"))
        found = anneal(own, start, hot=hot, cold=cold, step=step, steps=long[0], sweeps=long[1], seed=SEED).designs
    else:
        # So few sweeps are spent on the coldest decade of the schedule.
        cold, step = schedule["cold"], schedule["step"]
        found = anneal(
            own, start, hot=cold / 10, cold=cold, step=step, steps=short[0], sweeps=short[1], seed=SEED
        ).designs
    spent = time.process_time() - began
    best = int(own.energies(found).argmin())
    row = {"goal": goal, "side": side, "method": method, "starts": count, "seconds": spent}
    row |= judged(linear, deep, found[best])
    row["own"] = row["deep"] if own is deep else row["linear"]
    if free is not None:
        row["unrounded"] = {"own": own_energy(own, free[best])}
        if side <= JUDGED:
            row["unrounded"]["substitute"] = substitute_energy(linear, free[best])
    np.savez(out / f"design-{goal}-{side}-{method}.npz", radii=found[best])
    return row


def own_energy(lens: Metalens, design: FloatArray) -> float:
    """Of radii that need not be on levels."""
    return float(lens.optics.energies(lens.optics.fields(design[None]))[0])


def judged(linear: Metalens, deep: Metalens, design: FloatArray) -> dict[str, float]:
    return {
        "linear": linear.energy_of(design),
        "deep": deep.energy_of(design),
        "substitute": substitute_energy(linear, design),
    }


def memory() -> dict[str, float]:
    """Largest resident memory, bytes, of processes that anneal 113 × 113 pillars for two wavelengths."""
    out = {}
    for scattering, replicas in (("linear", 64), ("deep", 2)):
        command = [sys.executable, "-c", _MEMORY, scattering, str(replicas)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        out[f"{scattering}, {replicas} replicas"] = float(said.split()[-1])
    return out


METHODS = ("forward", "anneal-linear", "adam-deep", "anneal-deep")


def pictures(out: Path, results: Path, rows: list[dict[str, Any]]) -> None:
    """The lens of 113 × 113 pillars that the substitute finds best for each goal."""
    for goal in GOALS:
        seen = [row for row in rows if row["goal"] == goal and row["side"] == 113]
        if not seen:
            continue
        best = min(seen, key=lambda row: float(row["substitute"]))
        with np.load(out / f"design-{goal}-113-{best['method']}.npz") as file:
            title = f"{goal}, {best['method']}: E = {best['substitute']:.3f} by the beam-propagation substitute"
            draw_lens(Metalens(pillars=113, goal=goal), file["radii"], results / f"metalens-{goal}.png", title)


def ring(out: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How even the light on the circle is, which the published goal does not ask for; by the substitute."""
    found = []
    for row in rows:
        if row["goal"] == "annulus":
            lens = Metalens(pillars=row["side"], goal="annulus")
            with np.load(out / f"design-annulus-{row['side']}-{row['method']}.npz") as file:
                radii = file["radii"].reshape(lens.pillars, lens.pillars)
            seen = np.abs(substitute_fields(lens.optics.goal, radii) / lens.optics.unit) ** 2
            circle, focus = seen[:-1], float(seen[-1])
            spread = {"least": float(circle.min() / circle.mean()), "most": float(circle.max() / circle.mean())}
            kept = {"side": row["side"], "method": row["method"], "mean": float(circle.mean()), "focus": focus}
            found.append({**kept, **spread})
    return found


def record(rows: list[dict[str, Any]]) -> None:
    """Put the lowest energies under each model on record."""
    found: dict[str, float] = {}
    for row in rows:
        for kind in ("linear", "deep"):
            key = record_key(Metalens(pillars=row["side"], goal=row["goal"], scattering=kind))
            found[key] = min(row[kind], found.get(key, row[kind]))
    keep_best(found)


def parts_of(text: str) -> tuple[str, ...]:
    """Names of parts, or how they begin."""
    known = ["errors", "propagation", "speed", "memory", *(f"tune-{goal}" for goal in GOALS), "ring", "pictures"]
    known += [f"design-{goal}-{side}-{method}" for side in SIZES for method in METHODS for goal in GOALS]
    known += [f"published-{colour:g}" for colour in COLOURS]
    words = tuple(filter(None, text.split(",")))
    for word in words:
        if not any(part.startswith(word) for part in known):
            raise InputError(f"no part is called {word!r}; beginnings of {', '.join(known)} are expected")
    return words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/metalens"))
    parser.add_argument("--results", type=Path, default=metalens_page.RESULTS.parent)
    parser.add_argument("--train", action="store_true")
    names = "errors, published, propagation, speed, tune, design, memory, ring, pictures"
    parser.add_argument("--only", default="", help=f"{names}, or more of a part's name, as design-focus-11")
    parser.add_argument("--fresh", default="", help="parts to do again")
    given = parser.parse_args()
    torch.set_num_threads(1)
    kept = Kept(given.out, parts_of(given.only), parts_of(given.fresh))
    path = given.results / "metalens.json"
    held: Any = read_json(path) if path.exists() else {}
    wanted = given.train or kept.asked("errors", "published")
    data: dict[float, Any] = {}
    if wanted:
        with Progress() as progress:
            task = progress.add_task("windows")
            data = load_windows(
                given.out,
                PIECES,
                COLOURS,
                progress=lambda done, total: progress.update(task, completed=done, total=total),
            )
    if given.train:
        train(given.out, data)
    found: dict[str, Any] = {"errors": kept.get("errors", lambda: model_errors(data))}
    found["propagation"] = kept.get("propagation", cross_check)
    found["speed"] = kept.get("speed", speed)
    found["memory"] = kept.get("memory", memory)
    found["tuned"] = {goal: kept.get(f"tune-{goal}", lambda goal=goal: tune(goal)) for goal in GOALS}
    tuned = metalens_page.merged(held.get("tuned"), found["tuned"])
    runs = [(side, goal, method) for side in SIZES for method in METHODS for goal in GOALS if tuned[goal]]
    rows = [
        kept.get(
            f"design-{goal}-{side}-{method}",
            lambda g=goal, s=side, m=method: designed(given.out, g, s, m, tuned[g]["best"]),
        )
        for side, goal, method in runs
    ]
    found["designs"] = [row for row in rows if row is not None]
    if found["designs"]:
        record(found["designs"])
        found["ring"] = kept.get("ring", lambda: ring(given.out, found["designs"]))
    elif kept.asked("design", "ring", "pictures"):
        raise InputError(f"{given.out} holds no designs; --only tune,design makes them")
    given.results.mkdir(parents=True, exist_ok=True)
    if kept.asked("pictures"):
        pictures(given.out, given.results, found["designs"])
    found["published"] = {
        f"{colour:g}": kept.get(f"published-{colour:g}", lambda c=colour: published(given.out, data, c))
        for colour in COLOURS
    }
    found = metalens_page.merged(held, found)
    write_text(path, json.dumps(found, indent=1) + "\n")
    if path.resolve() == metalens_page.RESULTS:
        metalens_page.rewrite(found)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
