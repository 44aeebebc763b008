"""The tables and figures of docs/results.md: tune, measure, report; whatever is there already is not done again.

Without words everything is done in the order of its weight; `tune`, `measure` or `report` alone do that part. An
interrupted run goes on where it was, a retrained agent or a mended certificate is measured anew, and what has no tuned
schedule or trained agent yet is left out and named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from annealrl.checks import pattern
from annealrl.cli.output import progress_bar
from annealrl.errors import InputError
from annealrl.study import measure, plan
from annealrl.study.figures import draw_all
from annealrl.study.report import write_page

STAGES = ("tune", "measure", "report")
#: Episodes on each instance after which the next job has its turn, so that all rows are there early.
PASSES = (10, 20, 50, 100)


def stage(word: str) -> str:
    """A word of the command line that names a stage."""
    if word not in STAGES:
        raise argparse.ArgumentTypeError(f"{word!r} is no stage; {', '.join(STAGES)} are")
    return word


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", type=stage, metavar="STAGE", help=f"{', '.join(STAGES)}; all by default")
    parser.add_argument("--episodes", type=int, default=100, help="on each test instance")
    parser.add_argument("--candidates", type=int, default=100, help="of every search, the same for all families")
    parser.add_argument("--training", type=int, default=60, help="training instances of every search")
    parser.add_argument("--runs", type=Path, help="folder of trainings NAME-SEED, whose spread is to be shown")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--only",
        default="",
        metavar="REGEX",
        help="searches whose 'set family sweeps' and jobs whose 'set method sweeps' match",
    )
    parser.add_argument("--prune", action="store_true", help="drop records that the plan no longer holds")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--work", type=Path, default=Path("runs/results"), help="histories of searches")
    parser.add_argument("--page", type=Path, default=Path("docs/results.md"))
    arguments = parser.parse_args()
    stages = arguments.stages or STAGES
    console = Console(stderr=True, highlight=False)
    only = pattern(arguments.only, "--only")
    if "tune" in stages:
        for task in plan.tunings():
            name = f"{task.problem.test} {task.family} {task.budget.sweeps}"
            if not only.search(name) or (arguments.out / task.file).is_file():
                continue
            console.print(f"tune {task.family} on {task.problem.train}, {task.budget.sweeps} sweeps")
            with progress_bar(task.file) as update:
                measure.tune(
                    task,
                    arguments.out,
                    arguments.work,
                    candidates=arguments.candidates,
                    training=arguments.training,
                    threads=arguments.threads,
                    progress=update,
                )
    jobs = list(plan.jobs(measure.trained_agents(arguments.runs)))
    if arguments.prune:
        for path in measure.drop_stale(arguments.out, jobs):
            console.print(f"dropped {path}")
    if "measure" in stages:
        chosen = [job for job in jobs if only.search(f"{job.problem.test} {job.row.label} {job.budget.sweeps}")]
        missing = set()
        for episodes in sorted({min(count, arguments.episodes) for count in PASSES} | {arguments.episodes}):
            for job in chosen:
                method = measure.method_of(job, arguments.out)
                if method is None:
                    missing.add(f"{job.problem.test}: {job.row.label}")
                    continue
                label = f"{job.problem.test}, {job.row.label}, {job.budget.sweeps} sweeps, to {episodes}"
                with progress_bar(label) as update:
                    found = measure.measure(
                        job, method, arguments.out, episodes=episodes, threads=arguments.threads, progress=update
                    )
                best, final = found.summary("best").p, found.summary("final").p
                console.print(f"{label}: p {best:.3f} best, {final:.3f} final")
        for line in sorted(missing):
            console.print(f"not tuned: {line}")
        if not arguments.only:
            measure.write_exact_seconds(arguments.out, tuple(plan.CURVES), limit=20)
    if "report" in stages:
        write_page(arguments.page, arguments.out, jobs)
        draw_all(arguments.out)
        console.print(f"wrote {arguments.page}")


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(f"results: {error}", file=sys.stderr)
        raise SystemExit(2) from None
