"""The commands of ``annealrl``; each does little more than call the function of the same name."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from annealrl.cli import options as opt
from annealrl.cli.instances import instances_app
from annealrl.cli.output import human, print_table, progress_bar, write_json
from annealrl.errors import InputError

app = typer.Typer(
    name="annealrl",
    help="Learned annealing schedules, and honest benchmarks of them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich costs a quarter of a second that --help does not have
)
app.add_typer(instances_app, name="instances")


class What(StrEnum):
    """What there is to list."""

    envs = "envs"
    instances = "instances"
    agents = "agents"
    baselines = "baselines"


@app.command("list")
def list_(
    what: Annotated[What, typer.Argument(help="What to list.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what there is."""
    rows = _listing(what)
    if json:
        write_json([{"name": name, "description": text} for name, text in rows], "-")
    else:
        print_table(["name", "description"], rows, sys.stdout)


def _listing(what: What) -> list[tuple[str, str]]:
    from annealrl.registry import env_ids, family, load_object

    if what is What.envs:
        return [(env_id, (family(env_id).__doc__ or "").strip().splitlines()[0]) for env_id in env_ids()]
    if what is What.instances:
        return list(load_object("annealrl.instances.catalogue:names")())
    if what is What.agents:
        return list(load_object("annealrl.agents.catalogue:zoo")())
    return list(load_object("annealrl.baselines.grammar:known_methods")())


@app.command()
def solve(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_SET")],
    time_limit: opt.TimeLimit = None,
    json: opt.Json = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Find certified ground states: energy, lower bound, spins and status."""
    from annealrl.registry import load_object
    from annealrl.solvers import solve as solve_model

    loaded = load_object("annealrl.instances.catalogue:open_source")(
        source, sign=sign, index_base=index_base.value_or_auto
    )
    solutions = []
    with progress_bar(f"solve {source}") as update:
        for done, (name, model) in enumerate(
            zip(loaded.instances.instance_names, loaded.instances, strict=True), start=1
        ):
            solution = solve_model(model, time_limit=time_limit)
            solutions.append(
                {
                    "name": name,
                    "n": solution.n,
                    "energy": solution.energy,
                    "bound": solution.bound,
                    "status": solution.status,
                    "seconds": solution.seconds,
                    "convention": loaded.convention,
                    "spins": solution.spins.tolist(),
                }
            )
            update(done, len(loaded.instances))
    print_table(
        ["name", "n", "energy", "bound", "status", "seconds"],
        [
            (
                row["name"],
                row["n"],
                f"{row['energy']:.12g}",
                f"{row['bound']:.12g}",
                row["status"],
                f"{row['seconds']:.3f}",
            )
            for row in solutions
        ],
        human(json),
    )
    write_json(solutions, json)


@app.command()
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


@app.command()
def evaluate(
    instances: opt.Instances,
    method: Annotated[str, typer.Option("--method", metavar="M", help="See `annealrl list baselines`.")],
    episodes: opt.Episodes = 20,
    seed: opt.Seed = 0,
    replicas: opt.Replicas = 64,
    steps: opt.Steps = 40,
    sweeps_per_step: opt.SweepsPerStep = 100,
    criterion: opt.Criteria = opt.Criterion.best,
    tolerance: opt.Tolerances = opt.Tolerance.exact,
    threads: opt.Threads = None,
    json: opt.Json = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Measure p and n99 of one method on a set."""
    from annealrl import api, evaluation
    from annealrl.baselines.grammar import parse_method
    from annealrl.method import Budget
    from annealrl.tables import Table

    parsed = parse_method(method)
    loaded = api.load_instances(instances, sign=sign, index_base=index_base.value_or_auto, certify=True)
    with progress_bar(method) as update:
        result = evaluation.evaluate(
            parsed,
            loaded,
            episodes=episodes,
            budget=Budget(replicas, steps, sweeps_per_step, threads),
            criterion=criterion.value,
            tolerance=tolerance.value,
            seed=seed,
            progress=update,
        )
    print(Table((result,)).to_text(), file=human(json))
    write_json(result.to_json(), json)


@app.command()
def benchmark(
    instances: opt.Instances,
    methods: Annotated[str, typer.Option("--methods", metavar="M1,M2,…", help="Methods, parted by commas.")],
    episodes: opt.Episodes = 20,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Table, JSON, HTML and plot go here.")
    ] = None,
    sweeps: Annotated[
        str | None,
        typer.Option("--sweeps", metavar="S1,S2,…", help="Repeat over these budgets; reports the optimal TTS."),
    ] = None,
    seed: opt.Seed = 0,
    replicas: opt.Replicas = 64,
    steps: opt.Steps = 40,
    sweeps_per_step: opt.SweepsPerStep = 100,
    criterion: opt.Criteria = opt.Criterion.best,
    tolerance: opt.Tolerances = opt.Tolerance.exact,
    threads: opt.Threads = None,
    json: opt.Json = None,
    sign: opt.Signs = None,
    index_base: opt.IndexBases = opt.IndexBase.auto,
) -> None:
    """Compare methods, paired, on the same instances and starts; a run with --out resumes."""
    from annealrl import api, evaluation
    from annealrl.method import Budget

    loaded = api.load_instances(instances, sign=sign, index_base=index_base.value_or_auto, certify=True)
    with progress_bar("benchmark") as update:
        table = evaluation.benchmark(
            loaded,
            _methods(methods),
            episodes=episodes,
            budget=Budget(replicas, steps, sweeps_per_step, threads),
            criterion=criterion.value,
            tolerance=tolerance.value,
            seed=seed,
            sweeps=None if sweeps is None else _numbers(sweeps, "--sweeps"),
            out=out,
            progress=update,
        )
    print(table.to_text(), file=human(json))
    write_json(table.to_json(), json)


@app.command()
def tune(
    instances: opt.Instances,
    family: Annotated[
        str, typer.Option("--family", help="linear, geometric, reciprocal, free, adaptive, adaptive-speed.")
    ],
    budget: Annotated[int, typer.Option("--budget", min=1, metavar="N", help="Candidates to try.")] = 100,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the schedule here.")] = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Episodes on each instance for a candidate.")] = 1,
    seed: opt.Seed = 0,
    replicas: opt.Replicas = 64,
    steps: opt.Steps = 40,
    sweeps_per_step: opt.SweepsPerStep = 100,
    criterion: opt.Criteria = opt.Criterion.best,
    tolerance: opt.Tolerances = opt.Tolerance.exact,
    sigma: Annotated[
        bool, typer.Option("--sigma", help="Tune β in units of 1/σ, σ² = ΣJ²/N of each instance.")
    ] = False,
    threads: opt.Threads = None,
    json: opt.Json = None,
) -> None:
    """Find the best schedule of a family, on training instances alone."""
    from annealrl import api, tuning
    from annealrl.method import Budget

    loaded = api.load_instances(instances, certify=True)
    with progress_bar(f"tune {family}") as update:
        found = tuning.tune(
            loaded,
            family,
            evaluations=budget,
            budget=Budget(replicas, steps, sweeps_per_step, threads),
            episodes=episodes,
            criterion=criterion.value,
            seed=seed,
            tolerance=tolerance.value,
            sigma_units=sigma,
            out=out,
            progress=update,
        )
    print(found.to_text(), file=human(json))
    write_json(found.to_json(), json)


@app.command()
def train(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.yml")] = None,
    env: Annotated[
        str | None, typer.Option("--env", metavar="ID", help="Instead of a file: the default recipe.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    device: Annotated[opt.Device, typer.Option("--device")] = opt.Device.auto,
) -> None:
    """Train an agent; TensorBoard logs, checkpoints and the best model go to the run's folder."""
    from annealrl.registry import load_object

    if (config is None) == (env is None):
        raise InputError("train: either CONFIG.yml or --env ID is expected")
    if config is not None:
        loaded = load_object("annealrl.agents.config:load_config")(config)
        name = config.parent.name if config.stem == "config" else config.stem
    else:
        recipe = load_object("annealrl.agents.config:config_for_env")(env)
        loaded, name = load_object("annealrl.agents.config:load_config")(recipe), str(env)
    folder = out or Path("runs") / name
    written = load_object("annealrl.agents.training:train")(
        loaded, folder, resume=resume, seed=seed, device=device.value
    )
    print(f"the best model stands in {written}")


def _methods(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"--methods is {text!r}; methods parted by single commas are expected")
    return parts


def _numbers(text: str, what: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{what} is {text!r}; whole numbers parted by commas are expected") from None


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the exit status is 0, 2 for wrong input (one line on stderr), 1 for anything else."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


#: What Typer itself makes of Ctrl-C.
_INTERRUPTED = 130


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status."""
    command: Any = typer.main.get_command(app)
    try:
        status = command(arguments, prog_name="annealrl", standalone_mode=False)
    except InputError as error:
        print(f"annealrl: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        status = _INTERRUPTED
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and type(error).__name__ != "CertificateError":
            raise
        print(f"annealrl: {str(error) or 'not enough memory for sizes like these'}", file=sys.stderr)
        return 1
    except Exception as error:
        # Typer's own errors on a malformed command line know how to say themselves.
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ != "NoArgsIsHelpError":
            print(f"annealrl: {' '.join(error.format_message().split())}", file=sys.stderr)
        return 2
    if status == _INTERRUPTED:
        print("annealrl: interrupted; what resumes goes on when run again", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0
