"""Train the agents of the zoo: several seeds each, the pick by validation, and what it does on the test instances.

An agent is a recipe (agents/configs/), a side and a tuned schedule (docs/results/tuned-*.json) to start from; the
schedule must have been tuned before, with `annealrl tune`. Those of films and spheres start from nothing. Every
training resumes from its last checkpoint, and one that is complete is not done again. The pick goes to agents/zoo/ with
the validations of all seeds in its card. Its test instances are looked at after that, by scripts/results.py or by
scripts/photonics.py.

    python scripts/train_zoo.py ea2d-14 [--seeds 0 1 2] [--runs runs/zoo] [--threads 1]
    python scripts/train_zoo.py ea2d-14 --evaluate        # after scripts/results.py measure
    python scripts/train_zoo.py planted-spectrum nanoparticle bragg-mirror
    python scripts/train_zoo.py planted-spectrum --evaluate        # after scripts/photonics.py agents
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annealrl import schedules
from annealrl.agents.card import EVALUATION, write_card
from annealrl.agents.catalogue import HISTORY, ZOO
from annealrl.agents.catalogue import sweeps as trained_sweeps
from annealrl.agents.config import CONFIGS, PoolConfig, TrainConfig, ValidationConfig, load_config
from annealrl.agents.method import AgentMethod
from annealrl.agents.pool import POOL
from annealrl.agents.storage import load_agent, save_agent
from annealrl.agents.training import CHECKPOINT, train
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.population import PopulationMethod
from annealrl.baselines.tempering import TemperingMethod
from annealrl.errors import InputError
from annealrl.inverse.stages import ratio
from annealrl.results import read_json, write_text
from annealrl.schedules import Schedule
from annealrl.study.record import RULES, Record

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"


@dataclass(frozen=True)
class Entry:
    """An agent of the zoo.

    Attributes
    ----------
    recipe : str
        File of agents/configs.
    test, validation : str
        Sets; for designs, the file of docs/results and the instances in it, and none, which is those of the family.
    tuned : str, optional
        File of docs/results: what the untrained policy does, and the rival; by default the recipe's own reference.
    env : dict
        Options that differ from the recipe's; None leaves one out.
    changes : dict
        Fields of the configuration that differ; of `validation`, its fields.
    """

    recipe: str
    test: str
    validation: str | None
    tuned: str | None
    env: dict[str, Any]
    changes: dict[str, Any]


#: Where claims are made: training on instances that are solved now and then, and a choice between policies that rests
#: on 2000 episodes each. Of trainings on all instances, chosen by 600, none beat its start at side 14 or on cubes.
HARD: dict[str, Any] = {
    "pool": PoolConfig(instances=1000, repeats=8),
    "validation": {"repeats": 20, "every": 50},
}


def _table() -> dict[str, Entry]:
    table = {}
    for side in (8, 10, 12, 14, 16):
        sets = (f"cool-{side}", f"ea2d-{side}-val")
        length = {"length": side}
        fewer = {"episodes": 9600 if side >= 14 else 4800}
        # The search at side 14 was the largest, and what it found solves more validation instances of the other sides
        # than what was found there: .955 and .943 at side 10, .739 and .678 at 12, .090 and .065 at 16.
        start = "tuned-free-14"
        table[f"ea2d-{side}"] = Entry("temperature", *sets, start, length, fewer)
        table[f"ea2d-{side}-time"] = Entry("time_only", *sets, start, length, fewer)
        few = HARD if side == 14 else {}
        table[f"ea2d-{side}-population"] = Entry("population", *sets, f"tuned-population-select-{side}", length, few)
    table["ea2d-sizefree"] = Entry("size_free", "cool-10", "ea2d-10-val", "tuned-free-10", {"length": 10}, {})
    cube = {"id": "EdwardsAnderson3D-v0", "length": 6}
    own = ("ea3d-6", "ea3d-6-val", "tuned-population-select-ea3d-6")
    table["ea3d-6-population"] = Entry("population", *own, cube, HARD)
    scales = ("ea2d-mixed-scale-10", "ea2d-mixed-scale-10-val")
    table["ea2d-mixed-scale"] = Entry("mixed_scale", *scales, None, {}, {})
    for sweeps in (500, 1000):
        few = {"steps": 25, "sweeps_per_step": sweeps // 25}
        start = f"tuned-free-sigma-mixed-scale-10-{sweeps}"
        table[f"ea2d-mixed-scale-{sweeps}"] = Entry("mixed_scale", *scales, start, few, {})
    start = "tuned-population-select-mixed-scale-10"
    wide = {"id": "MixedScale2D-v0", "length": 10, "reward": "scaled_soft_minimum", "beta_max": 1e4}
    table["ea2d-mixed-scale-population"] = Entry("population", *scales, start, wide, {"episodes": 9600})
    # Short, as all training instances are solved by what the agents start from.
    dense = {"id": "SK-v0", "n": 100, "length": None}
    start = "tuned-population-select-sk-100"
    table["sk-100-population"] = Entry("population", "sk-100", "sk-100-val", start, dense, {"episodes": 960})
    for name, test, options, changes in (
        ("ea2d-24", "ea2d-24", {}, {}),
        ("ea3d-6", "ea3d-6", cube, {}),
        ("sk-100", "sk-100", dense, {"episodes": 960}),
        ("ea2d-mixed-scale", "ea2d-mixed-scale-10", wide, {}),
    ):
        start = f"tuned-tempering-icm-{test.removeprefix('ea2d-') if options is wide else test}-500"
        table[f"{name}-all"] = Entry("all_moves", test, f"{test}-val", start, options, changes)
    for name, test in (
        ("planted-spectrum", "photonics-agents PlantedSpectrum-v0,layers=3"),
        ("nanoparticle", "photonics-agents NanoparticleShell-v0,layers=3"),
        ("bragg-mirror", "photonics-bragg 20"),
    ):
        table[name] = Entry(name.replace("-", "_"), test, None, None, {}, {})
    return table


def _start(tuned: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options of an environment whose neutral action is what a tuned method does."""
    content = read_json(RESULTS / f"{tuned}.json")
    if content["kind"] != "method":
        schedule = schedules.load(RESULTS / f"{tuned}.json")
        if options["action"] == "measured_beta_offset":
            # Its unit is measured, not read from the couplings.
            schedule = replace(schedule, sigma_units=False)
        return {"reference": schedule}
    method = parse_method(content["method"])
    if isinstance(method, TemperingMethod):
        return {"ladder": content["method"]}
    assert isinstance(method, PopulationMethod)
    assert isinstance(method.base.control, Schedule)
    start: dict[str, Any] = {"reference": method.base.control}
    if method.selection is not None:
        start["selection"] = method.selection
    return start | {"action_scale": (options["action_scale"][0], 2 * method.alpha)}


def configuration(name: str, seed: int) -> TrainConfig:
    """The configuration of an agent of the table."""
    entry = _table()[name]
    config = load_config(CONFIGS / f"{entry.recipe}.yml")
    options = {key: value for key, value in {**config.env.options, **entry.env}.items() if value is not None}
    if entry.tuned is not None:
        options |= _start(entry.tuned, options)
    env = replace(config.env, id=options.pop("id", config.env.id), options=options)
    changes = dict(entry.changes)
    validated = {"set": entry.validation, **changes.pop("validation", {})}
    validation = replace(config.validation or ValidationConfig(), **validated)
    return replace(config, env=env, seed=seed, validation=validation, **changes)


def best(history: list[dict[str, Any]]) -> dict[str, Any]:
    """The validation that the kept policy had."""
    return max(history, key=lambda row: (row["success"], row["reward"]))


def trained(name: str, seeds: list[int], runs: Path, threads: int | None) -> None:
    """Train what is not trained yet, and put the pick into the zoo."""
    found: dict[int, list[dict[str, Any]]] = {}
    for seed in seeds:
        folder, config = runs / f"{name}-{seed}", replace(configuration(name, seed), threads=threads)
        history = read_json(folder / HISTORY) if (folder / HISTORY).is_file() else []
        if not history or history[-1]["episodes"] < config.episodes:
            train(config, folder, resume=(folder / CHECKPOINT).is_file())
            history = read_json(folder / HISTORY)
        found[seed] = history
    pick = max(seeds, key=lambda seed: (best(found[seed])["success"], best(found[seed])["reward"]))
    values = ", ".join(f"{best(found[seed])['success']:.3f} (seed {seed})" for seed in seeds)
    start = "the untrained policy" if _table()[name].validation is None else "the method that it starts from"
    notes = (
        f"Solved in validation, at the best of each training: {values}; by {start}, on the same episodes: "
        f"{found[pick][0]['success']:.3f}. The best seed is kept."
    )
    if best(found[pick])["episodes"] == 0:
        notes += " No policy of its training validated better than the untrained one, which is what is kept."
    source, target = runs / f"{name}-{pick}", ZOO / name
    agent = load_agent(source)
    save_agent(target, replace(agent.config, threads=None, notes=notes), agent.policy)
    for file in (HISTORY, POOL):
        if (source / file).is_file():
            shutil.copyfile(source / file, target / file)
    (target / EVALUATION).unlink(missing_ok=True)
    write_card(target, load_config(target / "config.yml"))
    print(f"{name}: {notes}")


def designs_evaluated(name: str) -> None:
    """As :func:`evaluated`, from what scripts/photonics.py measured."""
    file, source = _table()[name].test.split(" ")
    rows = [row for key, row in read_json(RESULTS / f"{file}.json").items() if key.split(" ")[0] == source]
    ours = next((row for row in rows if row["method"] == f"agent:{name}"), None)
    fingerprint = AgentMethod(load_agent(name), name).fingerprint
    if ours is None or ours["fingerprint"] != fingerprint:
        raise InputError(f"{name}: not measured as it is; scripts/photonics.py does that")
    same = [row for row in rows if row is not ours]
    shown = {
        "instances": f"{source} layers of BraggMirror-v0" if source.isdigit() else f"env:{source}",
        **{key: ours[key] for key in ("budget", "episodes", "p", "calls", "n99", "n99_ci", "best")},
        "budgets": "replicas, steps, sweeps a step; calls of the simulator in an episode; n99 in calls",
        "ratios": "n99 of the agent in calls over that of the method, with its 95 % interval",
    }
    lines = [
        {key: row[key] for key in ("method", "budget", "p", "calls", "n99")}
        | {"n99_ratio_of_agent": found if found is None else [round(value, 3) for value in found]}
        for row, found in ((row, ratio(ours, row)) for row in same)
    ]
    _write_evaluation(name, shown, lines)


def _write_evaluation(name: str, shown: dict[str, Any], methods: list[dict[str, Any]]) -> None:
    # A method is a line, in the card too.
    lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in methods)
    head = ",\n ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in shown.items())
    write_text(ZOO / name / EVALUATION, f'{{\n {head},\n "methods": [\n  {lines}\n ]\n}}\n')
    write_card(ZOO / name, load_config(ZOO / name / "config.yml"))


def evaluated(name: str) -> None:
    """Put what was measured on the test instances beside the agent; measuring is `scripts/results.py`'s affair."""
    if _table()[name].validation is None:
        designs_evaluated(name)
        return
    records = [Record.load(path) for path in sorted((RESULTS / "records").glob(f"{_table()[name].test}--*.json"))]
    # With the sweeps that it learned with; it may have been measured with others too.
    fingerprint, sweeps = AgentMethod(load_agent(name), name).fingerprint, trained_sweeps(name)
    ours = next((r for r in records if r.fingerprint == fingerprint and r.budget.sweeps == sweeps), None)
    if ours is None:
        raise InputError(
            f"{name}: not measured on {_table()[name].test} as it is; scripts/results.py measure does that"
        )
    rows: list[dict[str, Any]] = []
    for record in records:
        if record is ours or record.budget != ours.budget or ", seed " in record.label:
            continue
        row: dict[str, Any] = {
            "method": record.label,
            "episodes_per_instance": record.episodes,
            "p": {},
            "n99_ratio_of_agent": {},
        }
        for rule in RULES:
            ratio = ours.ratio(record, rule)
            row["p"][rule] = round(record.summary(rule).p, 4)
            row["n99_ratio_of_agent"][rule] = [round(value, 3) for value in (ratio.value, *ratio.interval)]
        rows.append(row)
    shown = {
        "instances": ours.instances["name"],
        "episodes_per_instance": ours.episodes,
        "replicas": ours.replicas,
        "steps": ours.steps,
        "sweeps_per_step": ours.sweeps_per_step,
        "seed": ours.seed,
        "p": {rule: round(ours.summary(rule).p, 4) for rule in RULES},
        "p_interval": {rule: [round(value, 4) for value in ours.summary(rule).p_ci] for rule in RULES},
        "n99": {rule: round(ours.summary(rule).n99, 3) for rule in RULES},
        "ratios": "n99 of the agent over that of the method, with its 95 % interval",
    }
    _write_evaluation(name, shown, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=sorted(_table()))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--evaluate", action="store_true", help="write what was measured into the agents' cards")
    arguments = parser.parse_args()
    for name in arguments.names:
        if arguments.evaluate:
            evaluated(name)
        else:
            trained(name, arguments.seeds, arguments.runs, arguments.threads)


if __name__ == "__main__":
    main()
