"""n99 in true calls of agents and their rivals on planted films and spheres."""

from __future__ import annotations

from annealrl import api
from annealrl.inverse.stages import REPORT, Stage, known, measured, tuned_steps, with_ratios
from annealrl.method import Budget

#: Environment, agent of the zoo, (replicas, steps, sweeps a step), targets, episodes on each of them, candidates of
#: tuning. Agents were trained at these budgets.
SETTINGS = (
    ("PlantedSpectrum-v0,layers=3", "planted-spectrum", (4, 16, 4), 50, 4, 40),
    ("NanoparticleShell-v0,layers=3", "nanoparticle", (2, 12, 4), 50, 4, 40),
)
METHODS = (
    "agent",
    "tuned",
    "adaptive",
    "hybrid:tuned:lsq",
    "gradient:lsq",
    "gradient:lbfgs",
    "gradient:adam:rate=0.03",
    "search:cma",
    "search:de",
    "search:random",
)
#: Those that have one episode on each target, to save time.
ONCE = METHODS[4:]


def successes(stage: Stage) -> None:
    """Measure what is missing on held-out targets; ratios are over the tuned schedule, which has the agent's moves."""
    for env, agent, shape, targets, count, candidates in SETTINGS:
        wanted = [name for name in METHODS if stage.wanted(f"{env} {name}")]
        if not wanted:
            continue
        budget = Budget(*shape, threads=1)
        tuned = tuned_steps(stage, f"env:{env},split=train:16", budget, agent, candidates)
        models = list(api.load_instances(f"env:{env}:{targets}").models)
        for name in wanted:
            text = f"agent:{agent}" if name == "agent" else name.replace("tuned", tuned)
            if known(text):
                episodes = 1 if name in ONCE else count
                found = stage.keep(f"{env} {name}", lambda: measured(text, models, budget, episodes, REPORT))  # noqa: B023
                print(env, text, found["p"], found["calls"], found["n99"], flush=True)
    stage.publish(with_ratios(stage.held(), "tuned"))
