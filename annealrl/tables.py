"""Comparison tables for terminal, Markdown, HTML and JSON, made from the records alone."""

from __future__ import annotations

import html
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annealrl.errors import InputError
from annealrl.results import VERSION, Result, write_text
from annealrl.statistics import Ratio, paired_ratio

HEADER = (
    "method",
    "moves",
    "p [95 %]",
    "n99 [95 %]",
    "n99_set",
    "median n99",
    "p final",
    "n99 ratio to best rival [95 %]",
    "s/episode",
    "TTS (s)",
    "updates",
)
_MARK = " †"
_FINAL_ONLY = "† returns configurations of the end alone: judged by those, the others by the best of any step."


@dataclass(frozen=True)
class Comparison:
    """A method against its best rival; `ratio` below 1 means that the method is better."""

    rival: str
    ratio: Ratio

    @property
    def verdict(self) -> str:
        """``won`` or ``lost`` where the interval excludes 1, else ``open``."""
        low, high = self.ratio.interval
        return "won" if high < 1 else "lost" if low > 1 else "open"


@dataclass(frozen=True)
class Table:
    """Results of several methods on the same instances, by the same rule, at one budget or several.

    Attributes
    ----------
    results : tuple of Result
        In the order of the methods, budget by budget.
    """

    results: tuple[Result, ...]

    def __post_init__(self) -> None:
        shared = {(r.instances["hash"], r.seed, r.criterion, r.tolerance, r.replicas) for r in self.results}
        if len(shared) != 1:
            raise InputError("table: results on the same instances, with the same seed, replicas and rule are expected")
        if len({(r.method, r.sweeps) for r in self.results}) < len(self.results):
            raise InputError("table: two results of one method at one budget")

    @property
    def methods(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(result.method for result in self.results))

    @property
    def budgets(self) -> list[int]:
        """Sweeps per replica and episode, in order."""
        return list(dict.fromkeys(result.sweeps for result in self.results))

    def get(self, method: str, sweeps: int | None = None) -> Result:
        """The result of a method, at the largest budget by default.

        Raises
        ------
        InputError
            If it is not in the table.
        """
        sweeps = max(self.budgets) if sweeps is None else sweeps
        for result in self.results:
            if result.method == method and result.sweeps == sweeps:
                return result
        raise InputError(
            f"table: no result of method {method!r} at {sweeps} sweeps; "
            f"it has {', '.join(self.methods)} at {', '.join(map(str, self.budgets))}"
        )

    def ratio(self, a: str, b: str, sweeps: int | None = None) -> Ratio:
        """Paired ratio of pooled n99, a over b: below 1, a is better."""
        first, second = self.get(a, sweeps), self.get(b, sweeps)
        return paired_ratio(first.successes, first.episodes, second.successes, second.episodes)

    def rival(self, result: Result) -> Result | None:
        """The best other method of the same budget with the same moves; agents are nobody's rival."""
        others = [
            other
            for other in self.results
            if other.sweeps == result.sweeps
            and other.moves == result.moves
            and other.method != result.method
            and not other.method.startswith("agent:")
        ]
        return max(others, key=lambda other: other.p, default=None)

    def comparison(self, result: Result) -> Comparison | None:
        """How a result stands against its rival, if it has one."""
        rival = self.rival(result)
        return (
            None if rival is None else Comparison(rival.method, self.ratio(result.method, rival.method, rival.sweeps))
        )

    def optimal_tts(self, method: str) -> Result | None:
        """The result at the budget with the shortest time to solution, if any solved anything."""
        solved = [r for r in self.results if r.method == method and r.tts_seconds is not None]
        return min(solved, key=lambda r: r.tts_seconds or 0.0, default=None)

    def to_json(self) -> dict[str, Any]:
        """All records, and what follows from them."""
        comparisons = []
        for result in self.results:
            if (found := self.comparison(result)) is not None:
                row = {"method": result.method, "sweeps": result.sweeps, "rival": found.rival, "verdict": found.verdict}
                comparisons.append({**row, "n99_ratio": found.ratio.value, "n99_ratio_ci": list(found.ratio.interval)})
        optima = {method: self.optimal_tts(method) for method in self.methods}
        return {
            "version": VERSION,
            "results": [result.to_json() for result in self.results],
            "comparisons": comparisons,
            "optimal_tts": [
                {
                    "method": method,
                    "sweeps": result.sweeps if result else None,
                    "tts_seconds": result.tts_seconds if result else None,
                }
                for method, result in optima.items()
            ],
        }

    @classmethod
    def from_json(cls, content: Any, where: str = "table") -> Table:
        """Read :meth:`to_json` back; what follows from the records is computed anew."""
        if not isinstance(content, dict) or not isinstance(content.get("results"), list):
            raise InputError(f"{where}: a JSON object with a list 'results' is expected")
        rows = content["results"]
        return cls(tuple(Result.from_json(row, f"{where}: results[{i}]") for i, row in enumerate(rows)))

    def caption(self) -> str:
        """How the results were measured, in a sentence."""
        first = self.results[0]
        return (
            f"{first.instances['name']} ({first.instances['hash']}): {len(first.per_instance)} instances × "
            f"{first.episodes_per_instance} episodes, {first.replicas} replicas; success by the {first.criterion} "
            f"energy, tolerance {first.tolerance}; seed {first.seed}. Pooled p and n99; intervals from resampled "
            "instances."
        )

    def to_markdown(self) -> str:
        """The table as Markdown."""
        lines = [self.caption(), ""]
        for sweeps, rows in self._cells():
            lines += [f"{sweeps} sweeps", ""]
            lines += ["| " + " | ".join(HEADER) + " |", "|" + " --- |" * len(HEADER)]
            lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
            lines += [""]
        return "\n".join(lines + self._notes()) + "\n"

    def to_html(self, path: str | Path) -> None:
        """Write the table as a page that needs nothing else."""
        parts = [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>annealrl benchmark</title><style>',
            "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}",
            "td,th{border:1px solid #bbb;padding:.3em .6em;text-align:right}td:first-child{text-align:left}",
            f"</style></head><body><h1>Benchmark</h1><p>{html.escape(self.caption())}</p>",
        ]
        for sweeps, rows in self._cells():
            parts.append(f"<h2>{sweeps} sweeps</h2><table><tr>")
            parts += [f"<th>{html.escape(head)}</th>" for head in HEADER]
            for row in rows:
                parts += ["</tr><tr>", *(f"<td>{html.escape(cell)}</td>" for cell in row)]
            parts.append("</tr></table>")
        parts += [f"<p>{html.escape(line)}</p>" for line in self._notes()]
        write_text(path, "\n".join([*parts, "</body></html>\n"]))

    def to_text(self) -> str:
        """The table for a terminal."""
        from rich.console import Console
        from rich.table import Table as RichTable
        from rich.text import Text

        console = Console(file=io.StringIO(), width=shutil.get_terminal_size((200, 24)).columns)
        for sweeps, rows in self._cells():
            shown = RichTable(title=f"{self.results[0].instances['name']}, {sweeps} sweeps")
            for k, head in enumerate(HEADER):
                shown.add_column(Text(head), justify="left" if k == 0 else "right", overflow="fold")
            for row in rows:
                # Text, not markup: intervals and names hold brackets.
                shown.add_row(*map(Text, row))
            console.print(shown)
        written = console.file.getvalue()  # type: ignore[attr-defined]
        return "\n".join([str(written), self.caption(), *self._notes()])

    def print(self) -> None:
        """Show the table on the terminal."""
        print(self.to_text())

    def _notes(self) -> list[str]:
        marked = [_FINAL_ONLY] if any(map(_is_marked, self.results)) else []
        return [*marked, *_optima(self)]

    def _cells(self) -> list[tuple[int, list[list[str]]]]:
        return [(sweeps, [_row(self, r) for r in self.results if r.sweeps == sweeps]) for sweeps in self.budgets]


def _is_marked(result: Result) -> bool:
    return result.final_only and result.criterion == "best"


def _row(table: Table, result: Result) -> list[str]:
    comparison = table.comparison(result)
    return [
        result.method + _MARK * _is_marked(result),
        "+".join(result.moves),
        f"{result.p:.3f} {_pair(result.p_ci)}",
        f"{_number(result.n99)} {_pair(result.n99_ci)}",
        _number(result.n99_set),
        _number(result.median_instance_n99),
        f"{result.p_final:.3f}",
        "–" if comparison is None else f"{comparison.verdict}: {comparison.ratio} to {comparison.rival}",
        _number(result.seconds_per_episode),
        _number(result.tts_seconds),
        f"{result.attempted_updates:.3g}",
    ]


def _optima(table: Table) -> list[str]:
    if len(table.budgets) == 1:
        return []
    lines = []
    for method in table.methods:
        best = table.optimal_tts(method)
        found = f"{_number(best.tts_seconds)} s at {best.sweeps} sweeps" if best else "nothing solved at any budget"
        lines.append(f"Optimal TTS of {method}: {found}")
    return lines


def _number(value: float | None) -> str:
    return "∞" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def _pair(values: Sequence[float | None]) -> str:
    return f"[{_number(values[0])}, {_number(values[1])}]"
