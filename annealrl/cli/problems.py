"""``annealrl solve`` and ``annealrl sample``: a problem of your own."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import human, print_table, progress_bar, write_json


def solve(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_SET")],
    time_limit: opt.TimeLimit = None,
    reference: Annotated[
        bool,
        typer.Option(
            "--reference",
            help="Where the proof fails (within 60 s unless --time-limit says otherwise), take the best of independent "
            "runs of tempering with cluster moves, labelled putative.",
        ),
    ] = False,
    sweeps: Annotated[int, typer.Option("--sweeps", min=1, help="Sweeps of a reference run.")] = 2000,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Independent reference runs.")] = 4,
    seed: opt.Seed = 0,
    threads: opt.Threads = None,
    json: opt.Json = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Find certified ground states: energy, lower bound, gap, spins and status."""
    from annealrl.ising import ising_models
    from annealrl.registry import load_object
    from annealrl.solvers import solve as solve_model

    loaded = load_object("annealrl.instances.catalogue:open_source")(
        source, sign=sign, index_base=index_base.value_or_auto
    )
    ising_models(loaded.instances, source)
    if reference and time_limit is None:
        time_limit = 60.0
    solutions: list[dict[str, Any]] = []
    with progress_bar(f"solve {source}") as update:
        for done, (name, model) in enumerate(
            zip(loaded.instances.instance_names, loaded.instances, strict=True), start=1
        ):
            solution = solve_model(model, time_limit=time_limit, seed=seed, threads=threads)
            found = None
            if reference and solution.status != "optimal":
                from annealrl.solvers.reference import reference as refer

                found = refer(model, sweeps=sweeps, runs=runs, seed=seed, threads=threads)
                solution = solution.with_configuration(model, found.spins)
            solutions.append(
                {
                    "name": name,
                    "n": solution.n,
                    "energy": solution.energy,
                    "bound": solution.bound,
                    "gap": solution.gap,
                    "status": solution.status,
                    "seconds": solution.seconds,
                    "reference": None if found is None else found.to_json(),
                    "convention": loaded.convention,
                    "spins": solution.spins.tolist(),
                }
            )
            update(done, len(loaded.instances))
    print_table(
        ["name", "n", "energy", "bound", "gap", "status", "seconds"],
        [
            (
                row["name"],
                row["n"],
                f"{row['energy']:.12g}",
                f"{row['bound']:.12g}",
                f"{row['gap']:.3g}",
                _status(row),
                f"{row['seconds']:.3f}",
            )
            for row in solutions
        ],
        human(json),
    )
    write_json(solutions, json)


def _status(row: dict[str, Any]) -> str:
    budget = row["reference"]
    if budget is None or row["status"] == "optimal":
        return str(row["status"])
    agreed = budget["agreed"] if math.isclose(budget["energy"], row["energy"], rel_tol=1e-9) else 0
    return f"putative: {agreed} of {budget['runs']} runs of {budget['sweeps']} sweeps agree"


def sample(
    source: Annotated[str, typer.Argument(metavar="FILE")],
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="A schedule in the method grammar; by default from the couplings.")
    ] = None,
    replicas: opt.Replicas = 64,
    sweeps: Annotated[int, typer.Option("--sweeps", min=0, help="Sweeps per replica; 0 returns the start.")] = 4000,
    seed: opt.Seed = 0,
    threads: opt.Threads = None,
    json: opt.Json = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Anneal your own problem."""
    from annealrl import api

    found = api.sample(
        source,
        schedule=schedule,
        replicas=replicas,
        sweeps=sweeps,
        seed=seed,
        sign=sign,
        index_base=index_base.value_or_auto,
        threads=threads,
    )
    out = human(json)
    known = "" if found.ground_energy is None else f" (ground state {found.ground_energy:.12g})"
    print(f"best energy {found.best_energy:.12g}{known} in the {found.convention} convention", file=out)
    hits = int((found.energies <= found.best_energy + 1e-9 * max(1.0, abs(found.best_energy))).sum())
    print(f"{hits} of {replicas} replicas end there; {found.seconds:.2f} s; {found.schedule}", file=out)
    write_json(found.to_json(), json)
