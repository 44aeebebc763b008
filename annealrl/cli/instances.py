"""``annealrl instances …``: make, import and verify sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import print_table
from annealrl.errors import InputError

instances_app = typer.Typer(
    help="Build, read, certify and check instance sets.", no_args_is_help=True, rich_markup_mode=None
)

Out = Annotated[Path, typer.Option("--out", metavar="FILE.npz", help="The set file to write.")]


@instances_app.command()
def make(
    source: Annotated[str, typer.Argument(metavar="SET", help="A name, such as ea2d-10-train:50, or a file.")],
    out: Out,
    certify: Annotated[bool, typer.Option("--certify/--no-certify", help="Prove the ground states first.")] = True,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Write a set file, with proven ground states."""
    from annealrl import api
    from annealrl.registry import load_object

    loaded = api.load_instances(source, sign=sign, index_base=index_base.value_or_auto, certify=certify)
    load_object("annealrl.instances.setfile:write_set")(out, loaded)
    print(f"{out}: {len(loaded)} instances, {loaded.statuses.count('optimal')} with a proven optimum")


@instances_app.command("import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="One foreign .npz, or any number of files of one instance each."),
    ],
    out: Out,
    sign: Annotated[
        opt.Sign | None,
        typer.Option("--sign", help="What couplings mean; must be said for a .npz, as several look alike."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="auto, rudy, coo, latfile, qubo, bqm or node-link; for single files.")
    ] = "auto",
    index_base: opt.IndexBases = opt.IndexBase.auto,
    energy: Annotated[
        list[float] | None,
        typer.Option("--energy", help="Best known energy of a single file, in its own convention; once for each file."),
    ] = None,
    energy_key: Annotated[str | None, typer.Option("--energy-key", help="Of a .npz: the ground energies.")] = None,
    per_spin: Annotated[bool, typer.Option("--per-spin", help="The energies of a .npz are per spin.")] = False,
    spins_key: Annotated[str | None, typer.Option("--spins-key", help="Of a .npz: the ground states.")] = None,
) -> None:
    """Convert a foreign .npz (other keys or signs), or single files of any format, into a set file."""
    from annealrl.registry import load_object

    loaded = load_object("annealrl.instances.foreign:import_any")(
        files,
        fmt=format_,
        sign=None if sign is None else sign.value,
        index_base=index_base.value_or_auto,
        energies=energy,
        energy_key=energy_key,
        per_spin=per_spin,
        spins_key=spins_key,
    )
    load_object("annealrl.instances.setfile:write_set")(out, loaded)
    print(f"{out}: {len(loaded)} instances")


@instances_app.command()
def verify(
    source: Annotated[str, typer.Argument(metavar="SET")],
    solve: Annotated[int, typer.Option("--solve", min=0, help="Prove this many optima anew.")] = 3,
) -> None:
    """Recompute every energy from the stored spins, and prove a sample of the optima anew."""
    import numpy as np

    from annealrl import api
    from annealrl.solvers import solve as solve_model

    loaded = api.load_instances(source)
    rows = []
    for i, model in enumerate(loaded):
        stated, spins = float(loaded.ground_energies[i]), loaded.ground_spins[i]
        slack = 1e-9 * max(1.0, model.scale)
        if spins is not None and abs(model.energy(spins) - stated) > slack:
            raise InputError(f"{source}: instance {i} states {stated!r}, but its spins have {model.energy(spins)!r}")
    for i in np.unique(np.linspace(0, len(loaded) - 1, min(solve, len(loaded))).astype(int)):
        solution = solve_model(loaded.models[i])
        stated, status = float(loaded.ground_energies[i]), loaded.statuses[i]
        off = stated - solution.energy
        # What was never proven may be rounded or beaten: that is reported, not refused.
        if status in ("optimal", "planted") and abs(off) > 1e-9 * max(1.0, loaded.models[i].scale):
            raise InputError(
                f"{source}: instance {i} states {stated!r} as {status}, the optimum is {solution.energy!r}"
            )
        shown = (f"{solution.energy:.12g}", f"{off:.3g}", f"{solution.seconds:.3f}")
        rows.append((loaded.instance_names[i], status, solution.status, *shown))
    print_table(["proved anew", "stated as", "found", "energy", "stated - found", "seconds"], rows, sys.stdout)
    spins_known = sum(spins is not None for spins in loaded.ground_spins)
    print(f"{source}: {len(loaded)} instances, hash {loaded.hash}; {spins_known} energies agree with their spins")
