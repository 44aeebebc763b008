"""``annealrl instances …``: make, import, verify and show sets."""

from __future__ import annotations

import math
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import print_table, progress_bar
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
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", min=0, help="Seconds for one proof; what is not proven then becomes putative."),
    ] = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Write a set file, with proven ground states."""
    from annealrl import api
    from annealrl.registry import load_object

    loaded = api.load_instances(source, sign=sign, index_base=index_base.value_or_auto)
    if certify:
        loaded = load_object("annealrl.instances.certify:certified")(loaded, time_limit=time_limit)
    load_object("annealrl.instances.setfile:write_set")(out, loaded)
    counts = {status: loaded.statuses.count(status) for status in loaded.statuses}
    said = {"optimal": "with a proven optimum", "planted": "planted", "putative": "putative", "unknown": "unsolved"}
    known = ", ".join(f"{count} {said[status]}" for status, count in counts.items())
    print(f"{out}: {len(loaded)} instances, {known}")


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
    source: Annotated[str | None, typer.Argument(metavar="SET")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every shipped set.")] = False,
    prove: Annotated[
        int, typer.Option("--prove", "--solve", min=0, help="Prove this many optima of each set anew, drawn at random.")
    ] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw.")] = 0,
    time_limit: Annotated[float, typer.Option("--time-limit", min=0, help="Seconds for one proof.")] = 120.0,
) -> None:
    """Recompute every energy from the stored spins, compare files with the manifest, and prove a sample anew."""
    from annealrl.registry import load_object

    if (source is None) != all_:
        raise InputError("instances verify: either one SET or --all is expected")
    check = load_object("annealrl.instances.verify:verify")
    sources = [source] if source is not None else list(load_object("annealrl.instances.catalogue:manifest")())
    for name in sources:
        with progress_bar(f"verify {name}") as update:
            report = check(name, prove=prove, seed=seed, time_limit=time_limit, progress=update)
        if report.proofs:
            columns = ["looked at anew", "stated as", "by", "found", "energy", "stated - found", "seconds"]
            rows = [
                (p.instance, p.status, p.method, p.found, f"{p.energy:.12g}", _difference(p), f"{p.seconds:.3f}")
                for p in report.proofs
            ]
            print_table(columns, rows, sys.stdout)
        file = "file and contents are those of the manifest, " if report.file_checked else ""
        proven = sum(p.found == "optimal" for p in report.proofs)
        print(
            f"{name}: {report.instances} instances, hash {report.hash}; {file}{report.energies} energies agree with "
            f"their spins, {proven} of {len(report.proofs)} proven anew",
            flush=True,
        )


def _difference(proof: Any) -> str:
    return "" if math.isnan(proof.difference) else f"{proof.difference:.3g}"


@instances_app.command()
def show(
    source: Annotated[
        str, typer.Argument(metavar="SET[:i]", help="A set or file, and which of its instances; by default the first.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.png", help="The picture to write (png, pdf or svg).")],
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Draw an instance: couplings by sign and strength, frustrated plaquettes shaded, the ground state if known."""
    # Elsewhere SET:3 means the first three; a picture is of one instance, so here it is number 3.
    from annealrl.ising import ising_models
    from annealrl.registry import load_object

    match = re.fullmatch(r"(.+):([0-9]{1,9})", source, re.DOTALL)
    chosen = source if match is None or Path(source).is_file() else f"{match[1]}:{match[2]}-{match[2]}"
    loaded = load_object("annealrl.instances.catalogue:open_source")(
        chosen, sign=sign, index_base=index_base.value_or_auto
    ).instances
    title = loaded.instance_names[0] if loaded.models[0].name else f"{loaded.name}, instance {loaded.numbers[0]}"
    layout = load_object("annealrl.instances.drawing:draw_instance")(
        ising_models(loaded.models[:1], "show")[0], out, spins=loaded.ground_spins[0], title=title
    )
    print(f"{out}: {title}, drawn as {layout.kind}")
