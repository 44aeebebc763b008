"""What there is to tell of the registered environments: the rows of ``annealrl list envs`` and of the documentation."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

from annealrl.errors import InputError
from annealrl.registry import env_ids, family

#: A source in brackets, known by its year in brackets.
_REFERENCE = re.compile(r"\s*\(([^()]*\(\d{4}\)[^()]*)\)")
_COLUMNS = ("id", "what it is", "parameters", "reference")


@dataclass(frozen=True)
class Row:
    """One environment.

    Attributes
    ----------
    env_id : str
    words : str
        The first sentence of the family's docstring, without the source.
    parameters : str
        The family's parameters with their defaults.
    reference : str
        The source that the docstring names in brackets, or nothing.
    """

    env_id: str
    words: str
    parameters: str
    reference: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row as a table takes it."""
        return self.env_id, self.words, self.parameters, self.reference


def rows(ids: Iterable[str] | None = None) -> list[Row]:
    """Describe environments, all of them by default; one whose module cannot be imported says so in its row."""
    found = []
    for env_id in env_ids() if ids is None else ids:
        try:
            found.append(describe(env_id))
        except InputError as error:
            found.append(Row(env_id, str(error), "", ""))
    return found


def describe(env_id: str) -> Row:
    """Describe one environment by its family's docstring and fields.

    Examples
    --------
    >>> describe("SK-v0").cells[1:3]
    ('Sherrington–Kirkpatrick glass: every pair of n spins is coupled', 'n = 40, couplings = gaussian')
    """
    kind = family(env_id)
    paragraphs = (inspect.getdoc(kind) or "").split("\n\n")
    summary = " ".join(paragraphs[0].split())
    cited = _REFERENCE.search(" ".join(" ".join(paragraphs).split()))
    fields = [
        field.name if field.default in (None, dataclasses.MISSING) else f"{field.name} = {_spelled(field.default)}"
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
    ]
    return Row(env_id, _REFERENCE.sub("", summary).rstrip("."), ", ".join(fields), cited[1] if cited else "")


def markdown(table: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [_line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    for row in table:
        env_id, words, parameters, reference = row.cells
        lines.append(_line((f"`{env_id}`", words, parameters, reference)))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _spelled(value: object) -> str:
    return f"({', '.join(map(_spelled, value))})" if isinstance(value, tuple) else str(value)
