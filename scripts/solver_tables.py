"""Rows and tables of ``solver_times.py``: one instance each, in a file; summed up, in a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from annealrl.results import read_json, write_text

_BEGIN, _END = "<!-- {}: written by scripts/solver_times.py -->", "<!-- /{} -->"


@dataclass(frozen=True)
class Row:
    """One instance: what is stated, what was found, and what it took."""

    group: str
    name: str
    n: int
    stated: float | None
    proven: bool
    tolerance: float
    energy: float
    bound: float | None
    status: str
    seconds: float
    cpu: float
    nodes: int
    sweeps: int
    agreed: int
    limit: float

    @property
    def difference(self) -> float:
        """Energy found less energy stated."""
        return self.energy - (self.energy if self.stated is None else self.stated)

    @property
    def met(self) -> bool:
        """Whether the stated energy was found."""
        return self.difference <= self.tolerance

    @property
    def beaten(self) -> bool:
        """Whether a lower energy, or a bound above the stated energy, was found."""
        return self.difference < -self.tolerance or (
            self.stated is not None and self.bound is not None and self.bound > self.stated + self.tolerance
        )


def size_table(rows: Iterable[Row]) -> str:
    """Solve times by family and size."""
    lines = [
        "| instances | spins | limit s | proven | median s | max s | median nodes | max nodes |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for group, members in _grouped(rows).items():
        seconds, nodes = [row.cpu for row in members], [row.nodes for row in members]
        proven = sum(row.status == "optimal" for row in members)
        lines.append(
            f"| {group} | {members[0].n} | {_limit(members)} | {proven} of {len(members)} "
            f"| {median(seconds):.2f} | {max(seconds):.2f} | {median(nodes):g} | {max(nodes)} |"
        )
    return "\n".join(lines)


def single_table(rows: Iterable[Row]) -> str:
    """Single files of the sets of others."""
    lines = [
        "| instance | n | stated | proven? | limit s | ours | status | gap | s | ours − stated |",
        "|---|---:|---:|---|---:|---:|---|---:|---:|---:|",
    ]
    for row in rows:
        status = row.status if row.status == "optimal" else f"putative, {row.agreed} of 4 × {row.sweeps}"
        gap = "" if row.bound is None else f"{row.energy - row.bound:g}"
        lines.append(
            f"| {row.group}/{row.name} | {row.n} | {row.stated:.12g} | {'yes' if row.proven else 'no'} "
            f"| {_limit([row])} | {row.energy:.12g} | {status} | {gap} | {row.cpu:.2f} | {row.difference:g} |"
        )
    return "\n".join(lines)


def archive_table(rows: Iterable[Row]) -> str:
    """Archives of many instances, a line each."""
    lines = [
        "| set | n | instances | stated is proven? | limit s | proven by us | met | missed | beaten | median s | max s "
        "| largest ours − stated |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for group, members in _grouped(rows).items():
        seconds = [row.cpu for row in members]
        missed = sum(not row.met for row in members)
        lines.append(
            f"| {group} | {members[0].n} | {len(members)} | {'yes' if members[0].proven else 'no'} "
            f"| {_limit(members)} | {sum(row.status == 'optimal' for row in members)} | {len(members) - missed} "
            f"| {missed} | {sum(row.beaten for row in members)} | {median(seconds):.2f} | {max(seconds):.2f} "
            f"| {max(row.difference for row in members):.3g} |"
        )
    return "\n".join(lines)


def _limit(rows: Iterable[Row]) -> str:
    """Time limit of the proof; none where only the reference was run."""
    longest = max(row.limit for row in rows)
    return f"{longest:g}" if longest else "–"


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return groups


def fill(page: Path, tables: dict[str, str]) -> None:
    """Replace what stands between the markers of each table."""
    text = page.read_text(encoding="utf-8")
    for key, table in tables.items():
        begin, end = _BEGIN.format(key), _END.format(key)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table}\n{end}{after}"
    write_text(page, text)


def load(out: Path) -> dict[tuple[str, str], Row]:
    rows = [Row(*values) for values in read_json(out)["rows"]] if out.is_file() else []
    return {(row.group, row.name): row for row in rows}


def save(out: Path, rows: Iterable[Row]) -> None:
    lines = [json.dumps(list(asdict(row).values()), ensure_ascii=False) for row in rows]
    columns = json.dumps(list(Row.__dataclass_fields__))
    write_text(out, f'{{"columns": {columns},\n"rows": [\n' + ",\n".join(lines) + "\n]}\n")
