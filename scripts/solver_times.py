"""What the exact solver proves and how long it takes: generated instances by size, and the sets of others.

``python scripts/solver_times.py`` solves generated instances; with ``--external DIR`` (a folder of published instance
sets, one subfolder a set) also every instance there, compared with its stated optimum. An instance that is not proven
within its time limit gets a putative reference, whose budget is quadrupled until half of the independent runs agree.
Nothing stated is known to the search.

Every instance is kept in ``--out`` as soon as it is done, so an interrupted run goes on where it stopped. In the end
the tables are written between the markers of ``--page``. The exit status is 1 if a proven optimum was beaten or missed.
One thread unless ``--threads`` says otherwise; processor seconds are reported, which a busy machine does not inflate
much.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from solver_tables import Row, archive_table, fill, load, save, single_table, size_table

from annealrl.checks import pattern
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.instances import import_npz
from annealrl.instances.catalogue import open_source
from annealrl.instances.conventions import from_binary
from annealrl.instances.hardware_graphs import chimera_glass
from annealrl.instances.lattices import edwards_anderson_2d, edwards_anderson_3d
from annealrl.instances.random_graphs import max_cut_gnp
from annealrl.ising import IsingModel
from annealrl.solvers import solve
from annealrl.solvers.reference import reference

GENERATED_LIMIT = 600.0
"""Time limit of a generated instance, in seconds."""
_SLOWEST = ("max-cut, G(n, 0.1), weights ±1, n", 100), ("max-cut, G(n, 0.1), n", 100)
"""Come last."""
COPIES = 6
"""Of the torus that takes longest."""
SWEEPS = (2_000, 8_000, 32_000, 128_000)
"""Budgets of the reference: sweeps of each of 64 replicas, in each of four runs."""


@dataclass(frozen=True)
class Task:
    """One instance to do; `make` reads or draws it."""

    group: str
    name: str
    make: Callable[[], IsingModel]
    limit: float
    stated: float | None = None
    proven: bool = False
    digits: float = 0.0
    """Accuracy of the stated energy per spin."""
    sweeps: tuple[int, ...] = ()
    """Budgets of the reference where there is no proof; none for no reference."""


def work(task: Task, threads: int) -> Row:
    """Solve the instance, or give it a reference where that fails."""
    model = task.make()
    wall, cpu = time.perf_counter(), time.process_time()
    energy, bound, status, nodes, sweeps, agreed = np.inf, None, "putative", 0, 0, 0
    if task.limit > 0:
        solution = solve(model, time_limit=task.limit, threads=threads)
        energy, bound, nodes = solution.energy, solution.bound, solution.nodes
        status = "optimal" if solution.status == "optimal" else ("putative" if task.sweeps else "feasible")
    if status == "putative":
        for sweeps in task.sweeps:
            found = reference(model, sweeps=sweeps, runs=4, threads=1)
            lower = found.energy < energy + 1e-9 * model.scale
            energy, agreed = min(energy, found.energy), found.agreed if lower else 0
            if agreed >= 2:
                break
    return Row(
        task.group,
        task.name,
        model.n,
        task.stated,
        task.proven,
        max(1e-9 * model.scale, task.digits * model.n),
        energy,
        bound,
        status,
        round(time.perf_counter() - wall, 3),
        round(time.process_time() - cpu, 3),
        nodes,
        sweeps,
        agreed,
        task.limit,
    )


# ---- generated instances


def _qubo(n: int, rng: np.random.Generator) -> IsingModel:
    """Sparse QUBO as in Beasley's sets: a tenth of the coefficients, integers from -100 to 100."""
    i, j = np.triu_indices(n, 1)
    kept = rng.random(len(i)) < 0.1
    edges = np.stack([i[kept], j[kept]], axis=1)
    return from_binary(rng.integers(-100, 101, n), edges, 2 * rng.integers(-100, 101, len(edges)))


def _families() -> Iterator[tuple[str, int, Callable[[int, np.random.Generator], IsingModel]]]:
    for side in (8, 10, 12, 16, 20, 24, 28, 32):
        yield "2D torus, Gaussian, side", side, edwards_anderson_2d
    for side in (8, 10, 12, 16, 20, 24, 28, 32):
        yield "2D torus, ±J, side", side, lambda L, rng: edwards_anderson_2d(L, rng, "pm1")
    yield "2D open, Gaussian, side", 40, lambda L, rng: edwards_anderson_2d(L, rng, "gaussian", periodic=False)
    for side in (4, 5, 6):
        yield "3D torus, Gaussian, side", side, edwards_anderson_3d
    for side in (4, 5, 6):
        yield "3D torus, ±J, side", side, lambda L, rng: edwards_anderson_3d(L, rng, "pm1")
    for side in (2, 3, 4):
        yield (
            "Chimera, Gaussian J and h, cells",
            side,
            lambda m, rng: chimera_glass(m, rng, couplings="gaussian", fields="gaussian"),
        )
    for side in (2, 3, 4):
        yield "Chimera, J and h = ±1, cells", side, lambda m, rng: chimera_glass(m, rng, fields="pm1")
    for n in (60, 80, 100):
        yield "max-cut, G(n, 0.1), weights ±1, n", n, lambda n, rng: max_cut_gnp(n, 0.1, rng, weights="pm1")
    for n in (60, 80, 100):
        yield "max-cut, G(n, 0.1), n", n, lambda n, rng: max_cut_gnp(n, 0.1, rng)
    for n in (50, 75, 100):
        yield "QUBO, density 0.1, n", n, _qubo


def generated(count: int, limit: float = GENERATED_LIMIT) -> Iterator[Task]:
    """`count` instances of every family and size, each from a stream of its own."""
    families = list(_families())
    numbers = {family: number for number, family in enumerate(dict.fromkeys(family for family, _, _ in families))}
    for family, size, draw in sorted(families, key=lambda entry: entry[:2] in _SLOWEST):
        number = numbers[family]
        for k in range(count):
            seed = np.random.SeedSequence(0, spawn_key=(number, size, k))

            def make(draw: Any = draw, size: int = size, seed: np.random.SeedSequence = seed) -> IsingModel:
                model: IsingModel = draw(size, np.random.default_rng(seed))
                return model

            yield Task(f"{family} {size}", str(k), make, limit)


def _copies(count: int, limit: float) -> Iterator[Task]:
    """The torus that takes longest, its spins permuted and gauged: what the numbering does to the time."""
    hardest = next(task for task in generated(3) if (task.group, task.name) == ("3D torus, ±J, side 6", "2"))
    for k in range(1, count + 1):

        def make(k: int = k) -> IsingModel:
            model, rng = hardest.make(), np.random.default_rng(k)
            numbers, gauge = rng.permutation(model.n), rng.choice([-1.0, 1.0], model.n)
            edges = numbers[model.edges]
            couplings = model.couplings * gauge[model.edges].prod(axis=1)
            order = rng.permutation(len(edges))
            return IsingModel.from_edges(edges[order], couplings[order], n=model.n)

        yield Task(f"{hardest.group}, copies of no. {hardest.name}", str(k), make, limit)


# ---- the sets of others


def _archive(
    folder: Path,
    pattern: str,
    sign: str,
    key: str,
    limit: float,
    *,
    proven: bool,
    per_spin: bool = False,
    digits: float = 0.0,
    sweeps: tuple[int, ...] = SWEEPS,
    first: int | None = None,
    note: str = "",
) -> Iterator[Task]:
    for file in sorted(folder.glob(pattern)):
        instances = import_npz(file, sign=sign, energy_key=key, per_spin=per_spin)
        for k, (model, energy) in enumerate(
            zip(instances.models[:first], instances.ground_energies[:first], strict=True)
        ):
            yield Task(
                f"{folder.name}/{file.name}{note}",
                str(k),
                lambda model=model: model,  # type: ignore[misc]
                limit,
                float(energy),
                proven,
                digits,
                sweeps,
            )


def _single(file: Path, stated: float, proven: bool, limit: float) -> Task:
    def make() -> IsingModel:
        return open_source(file).instances.models[0]

    return Task(file.parent.name, file.name, make, limit, stated, proven, sweeps=SWEEPS)


def _listed(folder: Path, table: str, energy: str, limit: float) -> Iterator[Task]:
    """Files named in the folder's table; proven unless its column ``status`` says otherwise."""
    header, *lines = (folder / table).read_text().splitlines()
    for line in lines:
        row = dict(zip(header.split(","), line.split(","), strict=True))
        name = row.get("file", row.get("name", ""))
        file = next(
            path for path in (folder / f"{name}{end}" for end in ("", ".txt", ".dat", ".sparse")) if path.is_file()
        )
        yield _single(file, float(row[energy]), "best known" not in row.get("status", ""), limit)


def external(root: Path) -> Iterator[Task]:
    """Every instance of the sets that are there, the quick ones first."""
    yield from _listed(root / "biqmac_ising", "best_known.csv", "E_ising_min", 60.0)
    yield from _listed(root / "biqmac_rudy", "best_known.csv", "E_ising_min", 20.0)
    yield from _listed(root / "biqmac_qubo", "best_known.csv", "best_x0Qx_min", 20.0)
    yield from _listed(root / "xorsat", "ground_states.csv", "E0", 60.0)
    yield from _listed(root / "dimacs_torus", "best_known.csv", "E_ising", 120.0)
    chook = root / "chook"
    yield from _archive(chook, "tile*.npz", "dimod", "E0", 60.0, proven=True)
    yield from _archive(chook, "wishart*.npz", "dimod", "E0", 10.0, proven=True)
    vna = root / "vna"
    yield from _archive(vna, "EA*.npz", "ising", "gs_energy_per_spin", 60.0, proven=True, per_spin=True, digits=2e-7)
    yield from _archive(vna, "SK*.npz", "ising", "gs_energy_per_spin", 0.0, proven=True, per_spin=True)
    cool = root / "cool"
    yield from _archive(cool, "*.npz", "dimod", "gs_energy_per_spin", 60.0, proven=True, per_spin=True, digits=2e-6)
    chimera = root / "selby_chimera439"
    yield from _archive(chimera, "*.npz", "dimod", "E0", 0.0, proven=True)
    gset = list(_listed(root / "gset", "best_known.csv", "E_ising", 120.0))
    # Four runs of 2 000 sweeps of G57, 5 000 spins, agree on an energy that is not the lowest.
    yield from (replace(task, sweeps=SWEEPS[2:]) for task in gset if task.proven)
    yield from _archive(
        chimera, "*.npz", "dimod", "E0", 300.0, proven=True, first=20, note=", first 20 by branch and cut"
    )
    # Nothing is proven of the others: a smaller budget, and of the largest a selection.
    yield from (replace(task, sweeps=SWEEPS[:2]) for task in gset if not task.proven)
    ea3d = root / "ea3d_pm"
    few = {"first": 10, "note": ", first 10"}
    yield from _archive(ea3d, "L08.npz", "dimod", "gs_energy", 0.0, proven=False, sweeps=SWEEPS[:2], **few)
    yield from _archive(ea3d, "L12.npz", "dimod", "gs_energy", 0.0, proven=False, sweeps=SWEEPS[1:2], **few)


# ---- the run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--external", type=Path, help="folder of published sets")
    parser.add_argument("--count", type=int, default=10, help="generated instances of each size")
    parser.add_argument("--out", type=Path, default=Path("docs/results/solver.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/solver.md"))
    parser.add_argument("--only", default="", metavar="REGEX", help="solve only what has this in its row and number")
    parser.add_argument("--anew", action="store_true", help="solve again what is there")
    parser.add_argument("--limit", type=float, default=GENERATED_LIMIT, help="seconds for a generated instance")
    parser.add_argument("--threads", type=int, default=1, help="threads of the solver")
    parser.add_argument("--tables", action="store_true", help="write the tables of what is there, and solve nothing")
    arguments = parser.parse_args()
    only = pattern(arguments.only, "--only")
    done = load(arguments.out)
    if not arguments.tables:
        tasks = [*generated(arguments.count, arguments.limit), *_copies(COPIES, arguments.limit)]
        if arguments.external:
            tasks = [*external(arguments.external), *tasks]
        tasks = [task for task in tasks if only.search(f"{task.group} {task.name}")]
        with progress_bar("solver times") as update:
            for k, task in enumerate(tasks):
                if arguments.anew or (task.group, task.name) not in done:
                    done[task.group, task.name] = work(task, arguments.threads)
                    save(arguments.out, done.values())
                update(k + 1, len(tasks))
    rows = list(done.values())
    foreign = [row for row in rows if row.stated is not None]
    many = [row for row in foreign if ".npz" in row.group]
    fill(
        arguments.page,
        {
            "sizes": size_table(row for row in rows if row.stated is None),
            "single": single_table(row for row in foreign if ".npz" not in row.group),
            "archives": archive_table(many),
        },
    )
    wrong = [row for row in foreign if row.proven and (row.beaten or not row.met)]
    for row in wrong:
        print(f"{row.group} {row.name}: stated {row.stated}, found {row.energy} ({row.status}), bound {row.bound}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except InputError as error:
        print(f"solver_times: {error}", file=sys.stderr)
        raise SystemExit(2) from None
