"""Tables, Markdown and a plot of what was measured, made from the JSON alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from annealrl.errors import InputError
from annealrl.throughput.contenders import PEERS

Report = Mapping[str, Any]
#: Between these lines :func:`update_markdown` writes.
BEGIN, END = "<!-- annealrl throughput: begin -->", "<!-- annealrl throughput: end -->"
_COLOURS = {"ours": "tab:blue", "dwave": "tab:orange", "openjij": "tab:green"}


class Section(NamedTuple):
    """One table."""

    title: str
    columns: list[str]
    rows: list[list[str]]


def check(content: Any, where: str) -> Report:
    """Return what was read from `where` if it is a report of :func:`annealrl.throughput.measure`.

    Raises
    ------
    InputError
        If it is not.
    """
    if not isinstance(content, dict) or not {"machine", "against", "models", "targets"} <= set(content):
        raise InputError(f"{where}: the JSON of `annealrl throughput` is expected")
    return content


def to_tables(report: Report) -> list[Section]:
    """Make all tables that the report has figures for."""
    makers = {"models": _models, "scaling": _scaling, "moves": _moves, "limit": _rest, "targets": _targets}
    return [make(report) for key, make in makers.items() if report.get(key)]


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value / 1e9:.3g}"


def _models(report: Report) -> Section:
    peers = list(report["against"])
    titles = [f"× {PEERS[peer][1]}" for peer in peers]
    rows, last = [], None
    for row in report["models"]:
        name = row["model"]
        setting = f"{name} (n {row['n']}, degree {_degree(row)}, R {row['replicas']})" if name != last else ""
        last = name
        ratios = [
            f"{ratio['median']:.3g} ({ratio['lowest']:.3g} to {ratio['highest']:.3g})"
            for ratio in (row["ratios"][peer] for peer in peers)
        ]
        memory = "–" if row["bytes_per_spin"] is None else f"{row['bytes_per_spin']:.3g}, {row['bytes_more']:.2g}"
        rows.append([setting, row["contender"], _rate(row["updates_per_second"]), *ratios, memory])
    columns = [
        "model",
        "kernel or peer, rule, order",
        "10⁹ updates/s",
        *titles,
        "bytes a spin and replica: all, each further",
    ]
    return Section("Models, one core", columns, rows)


def _degree(row: Mapping[str, Any]) -> str:
    mean, largest = row["mean_degree"], row["largest_degree"]
    return f"{largest}" if mean == largest else f"{mean:.3g}, up to {largest}"


def _scaling(report: Report) -> Section:
    rows = [
        [
            f"{'±J' if row['couplings'] == 'pm1' else 'Gaussian'}, R {row['replicas']}",
            row["dynamics"],
            f"{row['n']}",
            f"{row['ns_per_update']:.3g}",
            f"{row['to_the_least']:.2f}",
        ]
        for row in report["scaling"]
    ]
    return Section("Size: square lattices", ["couplings", "rule, order", "n", "ns/update", "× cheapest size"], rows)


def _moves(report: Report) -> Section:
    rows = [
        [
            row["name"],
            f"{row['microseconds_per_instance']:.4g}",
            f"{100 * row['share_of_step']:.3g} %",
            _rate(row["updates_per_second"]),
        ]
        for row in report["moves"]
    ]
    columns = ["what", "µs an instance", "of a step of 100 sweeps", "10⁹ updates/s"]
    return Section("Own β and moves between replicas, 2D Gaussian, 64 replicas", columns, rows)


def _rest(report: Report) -> Section:
    limit = report["limit"]
    rows = [
        ["64 draws and comparisons alone", f"{limit['draws_ns']:.3g} ns"],
        ["proposal to 64 replicas, 16×16", f"{limit['proposal_ns']:.3g} ns = {limit['ratio']:.2f} × that"],
    ]
    if threads := report.get("threads"):
        gain = f"{threads['speedup']:.2f} × (best round {threads['best_speedup']:.2f} ×)"
        cost = f"processor time {threads['processor_time']:.2f} ×"
        side = threads.get("side", 32)
        name = f"{threads['threads']} threads, {threads['instances']} instances {side}×{side}"
        rows.append([name, f"{gain}, {cost}"])
    if start := report.get("start"):
        rows += [
            ["first run, kernels from the cache", _both(start, "first_run_warm")],
            ["first run, kernels compiled", _both(start, "first_run_cold")],
            ["annealrl --help", _both(start, "help")],
        ]
    if cuda := report.get("cuda"):
        rate = cuda["updates_per_second"]
        rows.append(["CUDA device", f"{_rate(rate)} × 10⁹ updates/s on {cuda['device']}" if rate else cuda["device"]])
    return Section("Limit, threads, starting up, device", ["what", "measured"], rows)


def _both(start: Mapping[str, Any], name: str) -> str:
    """Processor time and, where it was taken, time by the clock."""
    wall = start.get("wall")
    return f"{start[name]:.2f} s of processor time" + (f", {wall[name]:.2f} s by the clock" if wall else "")


def _targets(report: Report) -> Section:
    verdicts = {True: "met", False: "MISSED", None: "reported"}
    rows = [
        [
            t["what"],
            "–" if t["bound"] is None else f"{t['sense']} {t['bound']:.3g}",
            f"{t['value']:.3g}",
            verdicts[t["met"]],
        ]
        for t in report["targets"]
    ]
    return Section("Targets", ["what", "target", "measured", ""], rows)


def to_markdown(report: Report) -> str:
    """All tables as Markdown, with the machine they were measured on."""
    machine = report["machine"]
    cores = f"{machine['cores']} cores" if machine["cores"] > 1 else "one core"
    lines = [
        f"Measured on {machine['processor']} ({'with' if machine['avx512'] else 'without'} AVX-512), {cores}, "
        f"Python {machine['python']}, numba {machine['numba']}, {report['rounds']} rounds, "
        f"{report['seconds']:.0f} s"
        + "".join(f", {PEERS[peer][1]} {version}" for peer, version in report["against"].items())
        + "."
    ]
    for section in to_tables(report):
        lines += ["", f"### {section.title}", "", _line(section.columns), _line(["---"] * len(section.columns))]
        lines += [_line(row) for row in section.rows]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def around_markers(path: str | Path) -> tuple[str, str]:
    """Return what stands before :data:`BEGIN` and after :data:`END` in a file that can be written.

    Raises
    ------
    InputError
        If the file cannot be read or written or has not both lines in this order.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path}: the lines {BEGIN!r} and {END!r} are expected, in this order")
    target = Path(path).resolve()
    if not (os.access(target, os.W_OK) and os.access(target.parent, os.W_OK)):
        raise InputError(f"{path}: the file and its folder are expected to be writable")
    return before, after


def update_markdown(path: str | Path, report: Report) -> None:
    """Replace what stands between :data:`BEGIN` and :data:`END` in a file; errors as of :func:`around_markers`."""
    from annealrl.results import write_text

    before, after = around_markers(path)
    write_text(path, f"{before}{BEGIN}\n{to_markdown(report)}{END}{after}")


def draw(report: Report, path: str | Path) -> None:
    """Draw rates by model, and cost against size, and write the picture to `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row["model"] for row in report["models"]))
    if not names:
        raise InputError("throughput plot: no model to draw")
    panels = 1 + bool(report.get("scaling"))
    figure = Figure(figsize=(6.4 * panels, 1.6 + 0.5 * max(len(names), 5)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    kinds = ["ours", *report["against"]]
    height = 0.8 / len(kinds)
    for k, kind in enumerate(kinds):
        for y, name in enumerate(names):
            rows = [row for row in report["models"] if row["model"] == name and (row["peer"] or "ours") == kind]
            rate = max(row["updates_per_second"] for row in rows)
            place = y + (k - (len(kinds) - 1) / 2) * height
            label = {"ours": "annealrl, fastest kernel"}.get(kind, f"{PEERS.get(kind, ('', kind))[1]}, faster order")
            axes[0].barh(place, rate, height, color=_COLOURS[kind], label=label if y == 0 else None)
            axes[0].annotate(f"{rate:.2g}", (rate, place), (3, 0), textcoords="offset points", va="center", fontsize=7)
    axes[0].set_xscale("log")
    axes[0].margins(x=0.25)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    axes[0].set_xlabel("attempted updates per second, one core")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=len(kinds), fontsize=8)
    if panels == 2:
        _draw_scaling(axes[1], report["scaling"])
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _draw_scaling(axes: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    curves = dict.fromkeys((row["couplings"], row["replicas"], row["dynamics"]) for row in rows)
    for couplings, replicas, dynamics in curves:
        own = [r for r in rows if (r["couplings"], r["replicas"], r["dynamics"]) == (couplings, replicas, dynamics)]
        kind = "±J" if couplings == "pm1" else "Gaussian"
        axes.plot(
            [row["n"] for row in own],
            [row["ns_per_update"] for row in own],
            "o-" if "random" in dynamics else "s--",
            color="tab:purple" if couplings == "pm1" else "tab:blue",
            label=f"{kind}, {replicas} replicas, {dynamics}",
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("spins n of a square lattice")
    axes.set_ylabel("ns per attempted update")
    axes.legend(fontsize=8, loc="upper left")
