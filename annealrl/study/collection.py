"""All records of a folder, and which of them are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annealrl.study import plan
from annealrl.study.record import RECORDS, Record, load_records
from annealrl.tables import Comparison


class Results:
    """All records of a folder, found by set, label and sweeps."""

    def __init__(self, folder: Path) -> None:
        records = load_records(folder / RECORDS)
        self.table = {(r.instances["name"], r.label, r.budget.sweeps): r for r in records}

    def get(self, test: str, label: str, sweeps: int = plan.PAPER.sweeps) -> Record | None:
        """One record, if it is there."""
        return self.table.get((test, label, sweeps))

    def of(self, test: str, sweeps: int = plan.PAPER.sweeps) -> list[Record]:
        """All on one set with one budget, in the order of the plan."""
        problem = plan.PROBLEMS[test]
        few = plan.FEW.get((test, sweeps), ())
        order = [row.label for row in (*plan.rows(problem), *plan.CURVES.get(test, ()), *few)]
        found = [r for (name, _, count), r in self.table.items() if (name, count) == (test, sweeps)]
        return sorted(found, key=lambda r: (order.index(r.label) if r.label in order else len(order), r.label))


def rival(record: Record, others: Sequence[Record], rule: str) -> Record | None:
    """The best other method that is not learned and moves as this one may; on mixed scales none that knows J."""
    blind = record.instances["name"] == plan.MIXED_SET
    usable = [
        other
        for other in others
        if not other.is_agent
        and other.label != record.label
        and set(other.moves) <= set(record.moves)
        and not (blind and "β·σ" in other.label)
    ]
    return max(usable, key=lambda other: other.summary(rule).p, default=None)


def compared(record: Record, others: Sequence[Record], rule: str) -> str:
    """Verdict and ratio to the best rival."""
    best = rival(record, others, rule)
    if best is None:
        return "–"
    found = Comparison(best.label, record.ratio(best, rule))
    return f"{found.verdict}: {found.ratio} to {found.rival}"
