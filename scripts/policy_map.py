"""What an agent of the zoo does where: value and mean action over energy and overlap, beside the density of states.

The instance is the first of the agent's validation set, or drawn from its family; overlaps are with its exact ground
state, which for the ferromagnet is the magnetisation per spin. Instances of up to --density-spins spins get their own
g(overlap, E) by Wang-Landau walks, since overlaps with a reference are the magnetisation of the gauged instance.

    python scripts/policy_map.py AGENT [--density FILE.json] [--json docs/results/policy-map-AGENT.json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.agents.policy_map import policy_map
from annealrl.agents.storage import Agent, load_agent
from annealrl.cli.output import progress_bar
from annealrl.density_of_states import density_of_states
from annealrl.errors import InputError
from annealrl.instances import catalogue
from annealrl.ising import IsingModel
from annealrl.phase_plane import gauged, plane_json
from annealrl.results import read_json, write_text
from annealrl.solvers import solve

#: Levels of energy that a density of continuous couplings is resolved into.
BINS = 64


def instance_of(agent: Agent, number: int) -> tuple[Any, str]:
    """An instance of the agent's environment, and its name."""
    validation = agent.config.validation
    if validation is not None and validation.set is not None:
        chosen = catalogue.load(f"{validation.set}:{number}-{number}")
        return chosen.models[0], f"{validation.set}, instance {number}"
    family = agent.config.env.make(1).family
    return family.sample(np.random.default_rng(number)), f"{agent.config.env.id}, seed {number}"


def is_ferromagnet(model: IsingModel) -> bool:
    """Whether all spins up are a ground state: then that is the reference, and overlaps are magnetisations."""
    return bool((model.couplings >= 0).all()) and solve(model).energy >= model.energy(np.ones(model.n)) - model.slack


def density(model: IsingModel, reference: Any, steps: int, threads: int | None) -> dict[str, Any]:
    """Find ln g over overlap and energy."""
    turned = gauged(model, reference)
    integral = np.allclose(model.couplings, np.round(model.couplings)) and not model.fields.any()
    span = 2 * float(np.abs(model.couplings).sum() + np.abs(model.fields).sum())
    width = None if integral else span / BINS
    with progress_bar("density of states") as update:
        found = density_of_states(
            turned, steps, width=width, magnetisation=True, threads=threads, progress=update, seed=1
        )
    return {
        "steps": steps,
        "walkers": 4,
        "width": width,
        "rms_standard_error": float(np.sqrt(np.nanmean(found.error**2))),
        **plane_json(found, symmetric=not model.fields.any()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agent", help="name or directory")
    parser.add_argument("--instance", type=int, default=0, help="of the validation set, or seed of the family")
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--density", type=Path, help="JSON of density_of_states.py, to be drawn on instead of an own one"
    )
    parser.add_argument("--density-spins", type=int, default=144)
    parser.add_argument("--density-steps", type=int, default=200_000_000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    agent = load_agent(arguments.agent)
    model, name = instance_of(agent, arguments.instance)
    reference = ground = None
    if isinstance(model, IsingModel):
        reference = np.ones(model.n, np.int8) if is_ferromagnet(model) else solve(model).spins
        ground = float(model.energy(reference))
    with progress_bar(f"policy map {agent.name}") as update:
        content = policy_map(
            agent,
            model,
            reference=reference,
            ground_energy=ground,
            episodes=arguments.episodes,
            seed=arguments.seed,
            progress=update,
        )
    content = {"instance": name, **content}
    if arguments.density is not None:
        plane = read_json(arguments.density).get("plane")
        if plane is None:
            raise SystemExit(f"{arguments.density}: no result of density_of_states.py")
        if ground is None or plane["spins"] != model.n or abs(plane["energies"][0] - ground) > 1e-6 * abs(ground):
            raise SystemExit(f"{arguments.density}: the density of states of another model than {name}")
        content["density"] = {"file": arguments.density.name}
    elif isinstance(model, IsingModel) and model.n <= arguments.density_spins:
        content["density"] = density(model, reference, arguments.density_steps, arguments.threads)
    else:
        content["density"] = None
    path = arguments.json or Path(f"docs/results/policy-map-{agent.name}.json")
    write_text(path, compact(content))
    print(f"{path}: {len(content['cells'])} cells, solved {content['solved']}")


def compact(content: dict[str, Any]) -> str:
    """JSON with a line for each row of a table."""
    tables: dict[str, str] = {}

    def mark(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mark(entry) for key, entry in value.items()}
        if isinstance(value, list) and value:
            if isinstance(value[0], list | dict):
                text = "[\n" + ",\n".join("  " + json.dumps(row) for row in value) + "\n ]"
            else:
                text = json.dumps(value, ensure_ascii=False)
            key = f"TABLE {len(tables)}"
            tables[f'"{key}"'] = text
            return key
        return value

    text = json.dumps(mark(content), indent=1, ensure_ascii=False)
    for key, table in tables.items():
        text = text.replace(key, table, 1)
    return text + "\n"


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(f"policy_map: {error}") from None
