"""The page of results: Markdown made from the records alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annealrl.errors import InputError
from annealrl.results import write_text
from annealrl.study import plan
from annealrl.study.collection import Results, compared
from annealrl.study.goals import goal_rows
from annealrl.study.measure import record_path
from annealrl.study.record import RULES, Record, describe

#: Between these lines :func:`write_page` writes.
BEGIN, END = "<!-- annealrl results: begin -->", "<!-- annealrl results: end -->"

_DETAIL = (
    "method",
    "p [95 %]",
    "n99 [95 %]",
    "n99 to the best rival's [95 %]",
    "p",
    "n99",
    "n99 to the best rival's [95 %]",
    "n99_set",
    "median n99",
    "replicas",
    "updates",
    "s",
    "TTS (s)",
    "episodes",
)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown lines of a table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows), ""]


def detail(records: Sequence[Record], first: str) -> list[str]:
    """Everything about the methods of one set; the rule that its n99_set and so on are by comes first."""
    second = next(rule for rule in RULES if rule != first)
    header = [f"{head}, {rule}" for head, rule in zip(_DETAIL[1:7], [first] * 3 + [second] * 3, strict=True)]
    rows = []
    for record in records:
        one, two = record.summary(first), record.summary(second)
        rows.append(
            [
                record.label,
                f"{one.p:.3f} {interval(one.p_ci)}",
                f"{describe(one.n99)} {interval(one.n99_ci)}",
                compared(record, records, first),
                f"{two.p:.3f}",
                describe(two.n99),
                compared(record, records, second),
                describe(one.n99_set),
                describe(one.median_n99),
                describe(record.replicas * one.n99),
                f"{record.attempted_updates / sum(record.trials):.3g}",
                describe(record.seconds_per_episode),
                describe(record.tts(first)),
                f"{len(record.trials)} × {record.episodes}",
            ]
        )
    return table([_DETAIL[0], *header, *_DETAIL[7:]], rows)


def interval(ends: Sequence[float]) -> str:
    """Both ends in brackets."""
    return f"[{describe(ends[0])}, {describe(ends[1])}]"


#: Agents that each side has: what follows the side in their names, and what the row is called.
_OF_SIDE = {"": "agent of the side", "-time": "agent, time"}


def single_flips(results: Results) -> list[str]:
    """The paper's table: n99 against the side, by both rules, and all figures side by side."""
    lines = []
    flips = {test: [r for r in results.of(test) if r.moves == ("flip",)] for test in plan.SINGLE_FLIP_SETS}
    everywhere = [*(row.label for row in plan.SINGLE_FLIP), *(f"agent ea2d-{{side}}{kind}" for kind in _OF_SIDE)]
    for rule in ("final", "best"):
        rows: list[list[str]] = []
        if rule == "final":
            for name, published in (("published SA", plan.PUBLISHED_SA), ("published RL", plan.PUBLISHED_RL)):
                rows.append([name, *(describe(float("inf") if (v := published[s]) is None else v) for s in plan.SIDES)])
        for label in (*everywhere, f"agent {plan.ANY_SIDE}"):
            name = _OF_SIDE.get(label.partition("{side}")[2], label) if "{side}" in label else label
            rows.append([name, *(_n99_at(results, label, side, rule) for side in plan.SIDES)])
        lines += [f"n99 by the `{rule}` energy:", ""]
        lines += table(["method", *(f"side {side}" for side in plan.SIDES)], rows)
    lines += ["\\* of the agent of side 10, as none was trained at this side.", ""]
    for test, records in flips.items():
        if records:
            lines += [f"### {test}", "", *detail(records, "final")]
    return lines


def _n99_at(results: Results, label: str, side: int, rule: str) -> str:
    """A cell of the paper's table; an agent of side 10 stands in, with a star, where a side has none."""
    record = results.get(f"cool-{side}", label.format(side=side))
    stand_in = results.get(f"cool-{side}", label.format(side=10)) if record is None and "{side}" in label else None
    if stand_in is not None:
        return f"{describe(stand_in.summary(rule).n99)}\\*"
    return "–" if record is None else describe(record.summary(rule).n99)


def spread(results: Results) -> list[str]:
    """Further trainings of an agent beside the one that was picked by validation."""
    rows = []
    for (test, label, sweeps), picked in sorted(results.table.items()):
        own = [
            r
            for (where, name, count), r in sorted(results.table.items())
            if (where, count) == (test, sweeps) and name.startswith(f"{label}, seed ")
        ]
        if own:
            rule = "final" if picked.moves == ("flip",) else "best"
            numbers = [r.label.rpartition(" ")[2] for r in own]
            found = (f"{describe(r.summary(rule).n99)} {interval(r.summary(rule).n99_ci)}" for r in own)
            there = results.of(test, sweeps)
            rows.append(
                [
                    f"{label}, {sweeps} sweeps",
                    test,
                    rule,
                    describe(picked.summary(rule).n99),
                    *(
                        ", ".join(map(": ".join, zip(numbers, cells, strict=True)))
                        for cells in (found, (compared(r, there, rule) for r in own))
                    ),
                ]
            )
    head = ["agent", "set", "rule", "n99", "n99 by seed [95 %]", "n99 to the best rival's, by seed [95 %]"]
    return table(head, rows) if rows else ["Not run yet.", ""]


def interacting(results: Results) -> list[str]:
    """Methods whose replicas interact, set by set."""
    lines = []
    for test in (*plan.POPULATION_SETS, *plan.INTERACTING_SETS):
        records = [r for r in results.of(test) if r.moves != ("flip",)]
        if records:
            proven = (
                "all proven" if records[0].certified == len(records[0].trials) else f"{records[0].certified} proven"
            )
            lines += [f"### {test}, replicas interacting ({proven} optima)", "", *detail(records, "best")]
    return lines


def mixed(results: Results) -> list[str]:
    """Unknown scales."""
    records = [r for r in results.of(plan.MIXED_SET) if r.moves == ("flip",)]
    return detail(records, "final") if records else ["Not run yet.", ""]


def few_sweeps(results: Results) -> list[str]:
    """Where everything is tuned and trained with fewer sweeps."""
    lines = []
    for (test, sweeps), rows in plan.FEW.items():
        labels = {row.label for row in rows}
        records = [r for r in results.of(test, sweeps) if r.label in labels or r.is_agent]
        single = [record for record in records if record.moves == ("flip",)]
        interacting = [record for record in records if record.moves != ("flip",)]
        if single:
            lines += [f"### {test}, {sweeps} sweeps", "", *detail(single, "final")]
        if interacting:
            lines += [f"### {test}, {sweeps} sweeps, replicas interacting", "", *detail(interacting, "best")]
    return lines or ["Not run yet.", ""]


def over_sweeps(results: Results, folder: Path) -> list[str]:
    """Curves as tables: n99 and TTS by the best energy of any step."""
    exact = exact_seconds(folder)
    lines = []
    for test in plan.CURVES:
        here = {(r.label, sweeps): r for sweeps in plan.SWEEPS for r in results.of(test, sweeps)}
        labels = list(dict.fromkeys(label for label, _ in here if sum(other == label for other, _ in here) > 1))
        if not labels:
            continue
        rows = []
        for label in labels:
            cells = []
            for sweeps in plan.SWEEPS:
                record = here.get((label, sweeps))
                cells.append(
                    "–"
                    if record is None
                    else f"{describe(record.summary('best').n99)} ({describe(record.tts('best'))} s)"
                )
            rows.append([label, *cells])
        solver = f"; the exact solver takes {describe(exact[test][0])} s an instance" if test in exact else ""
        lines += [f"### {test}: n99 (TTS) by the `best` energy{solver}", ""]
        lines += table(["method", *(f"{sweeps} sweeps" for sweeps in plan.SWEEPS)], rows)
    return lines


def exact_seconds(folder: Path) -> dict[str, tuple[float, int]]:
    """Mean processor seconds of the exact solver and the number of instances, by set."""
    path = folder / "exact-seconds.json"
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        name: (sum(row["processor_seconds"]) / len(row["processor_seconds"]), len(row["processor_seconds"]))
        for name, row in content.items()
    }


def searches(folder: Path) -> list[str]:
    """What each tuned method was given."""
    rows = []
    for task in plan.tunings():
        path = folder / task.file
        if not path.is_file():
            continue
        notes = json.loads(path.read_text(encoding="utf-8"))["notes"]
        size = notes["instances"]["name"]
        rows.append(
            [
                f"`{task.file}`",
                size,
                str(notes["evaluations"]),
                notes["criterion"],
                f"{notes['p_train']:.3f}",
            ]
        )
    return table(["file", "instances", "candidates", "rule", "p on them"], rows)


def open_jobs(jobs: Sequence[plan.Job], folder: Path, episodes: int) -> list[str]:
    """What the plan holds and no record has."""
    missing: dict[tuple[str, int], list[str]] = {}
    short: dict[tuple[str, int], list[str]] = {}
    for job in jobs:
        key = (job.problem.test, job.budget.sweeps)
        path = record_path(folder, job)
        if not path.is_file():
            missing.setdefault(key, []).append(job.row.label)
        elif Record.load(path).episodes < episodes:
            short.setdefault(key, []).append(job.row.label)
    lines = [f"- {test}, {sweeps} sweeps: {', '.join(labels)}" for (test, sweeps), labels in missing.items()]
    cut = [f"- {test}, {sweeps} sweeps: {', '.join(labels)}" for (test, sweeps), labels in short.items()]
    return [
        *(["Not run, or not tuned or trained yet:", "", *lines, ""] if lines else []),
        *([f"Fewer than {episodes} episodes an instance so far:", "", *cut, ""] if cut else []),
    ]


def write_page(page: Path, folder: Path, jobs: Sequence[plan.Job], episodes: int = 100) -> None:
    """Write all tables between the markers of the page.

    Raises
    ------
    InputError
        If the page has no such markers.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else f"{BEGIN}\n{END}\n"
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"{page}: one line {BEGIN} and behind it one {END} are expected")
    results = Results(folder)
    image = folder.name
    lines = [
        "## Figures to reach",
        "",
        *table(["claim", "set", "rule", "n99 ratio [95 %]", "wanted", "verdict"], goal_rows(results)),
        "## Single flips",
        "",
        f"![n99 against the side]({image}/n99-by-side.png)",
        "",
        *single_flips(results),
        "## Interacting replicas",
        "",
        *interacting(results),
        "## Unknown scales",
        "",
        *mixed(results),
        "## Few sweeps",
        "",
        *few_sweeps(results),
        "## Seeds",
        "",
        *spread(results),
        "## Sweeps",
        "",
        *(
            line
            for test in plan.CURVES
            if (folder / f"sweeps-{test}.png").is_file()
            for line in (f"![n99 and time to solution against sweeps, {test}]({image}/sweeps-{test}.png)", "")
        ),
        *over_sweeps(results, folder),
        "## Searches",
        "",
        *searches(folder),
        "## Open",
        "",
        *(open_jobs(jobs, folder, episodes) or ["Nothing.", ""]),
    ]
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    write_text(page, "\n".join([before, "", *lines]) + after)
