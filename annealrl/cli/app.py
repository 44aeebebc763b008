"""The commands of ``annealrl``, which stand in modules by theme, and what is made of errors.

A command does little more than call the function of the same name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from annealrl.cli import ablate, export, learn, listing, measure, problems, record, throughput
from annealrl.cli.instances import instances_app
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


@app.callback()
def common(
    plugin: Annotated[
        list[Path] | None,
        typer.Option(
            "--plugin",
            metavar="FILE.py",
            help="Run this file first, for the families that it registers; goes anywhere.",
        ),
    ] = None,
) -> None:
    """Run what stands before every command."""
    from annealrl.plugins import load_plugin

    for file in plugin or ():
        load_plugin(file)


app.command("list")(listing.list_)
for _command in (
    problems.solve,
    problems.sample,
    measure.evaluate,
    measure.benchmark,
    measure.tune,
    learn.train,
    record.record,
    export.export,
    ablate.ablate,
    throughput.throughput,
):
    app.command()(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the exit status is 0, 2 for wrong input (one line on stderr), 1 for anything else."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


#: What Typer itself makes of Ctrl-C.
_INTERRUPTED = 130


def _plugins_first(arguments: list[str]) -> list[str]:
    """Bring ``--plugin FILE`` before the command, whichever of the two places it stands in."""
    first, rest = [], []
    words = iter(arguments)
    for word in words:
        if word == "--plugin":
            first += [word, *[value for value in [next(words, None)] if value is not None]]
        elif word.startswith("--plugin="):
            first.append(word)
        else:
            rest.append(word)
    return first + rest


def _how_to_go_on(arguments: list[str]) -> str:
    """Only what keeps its results goes on; everything else starts anew."""
    words = _plugins_first(arguments)
    while words[:1] == ["--plugin"]:
        words = words[2:]
    if words[:1] == ["train"]:
        return "; with --resume it goes on from its last checkpoint"
    if words[:1] == ["benchmark"] and any(word.split("=")[0] == "--out" for word in words):
        return "; run again, it goes on"
    return ""


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status."""
    command: Any = typer.main.get_command(app)
    try:
        status = command(_plugins_first(arguments), prog_name="annealrl", standalone_mode=False)
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
        print(f"annealrl: interrupted{_how_to_go_on(arguments)}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0
