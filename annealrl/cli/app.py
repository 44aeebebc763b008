"""The commands of ``annealrl``, which stand in modules by theme, ``list``, and what is made of errors.

A command does little more than call the function of the same name.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from annealrl.cli import learn, measure, problems, throughput
from annealrl.cli.instances import instances_app
from annealrl.cli.output import print_table, write_json
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


for _command in (
    problems.solve,
    problems.sample,
    measure.evaluate,
    measure.benchmark,
    measure.tune,
    learn.train,
    throughput.throughput,
):
    app.command()(_command)


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
