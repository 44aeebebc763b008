"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from annealrl.errors import InputError

#: ``--json -``: JSON alone on stdout.
STDOUT = "-"


def human(json_to: str | None) -> IO[str]:
    """Where text for people goes: stdout, or stderr when stdout is taken by JSON."""
    return sys.stderr if json_to == STDOUT else sys.stdout


def check_json(to: str | None) -> str | None:
    """Refuse what ``--json`` cannot write to before any work is done; folders that are missing are not made here."""
    if to is None or to == STDOUT:
        return to
    try:
        path = Path(to).resolve()
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
        if path.is_dir():
            problem = "Is a directory"
        elif path.exists() and not path.is_file():
            problem = ""  # devices and pipes are written to
        elif not folder.is_dir():
            problem = f"{folder} is not a directory"
        else:
            problem = "" if os.access(folder, os.W_OK | os.X_OK) else f"no permission in {folder}"
    except (OSError, ValueError) as error:
        problem = str(getattr(error, "strerror", None) or error)
    if problem:
        raise InputError(f"{to}: it cannot be written: {problem}")
    return to


def write_json(content: Any, to: str | None) -> None:
    """Write JSON to a file (beside it first, then renamed) or stdout; nothing when `to` is None."""
    if to is None:
        return
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if to == STDOUT:
        sys.stdout.write(text)
    else:
        from annealrl.results import write_text

        write_text(to, text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], file: IO[str]) -> None:
    """Print a table by rich, which fits it to the terminal; columns are never cut when it is none.

    Cells are text as it is: names from files hold neither markup nor codes for the terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=file, highlight=False, width=None if file.isatty() else 200)
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("–" if value is None else _printable(str(value))) for value in row))
    console.print(table)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr, driven by ``update(done, total)``; silent when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
