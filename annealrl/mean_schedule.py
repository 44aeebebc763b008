"""What an agent does on average, as a static schedule that any annealer can follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.component import SWEEPS
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel
from annealrl.method import Budget
from annealrl.registry import load_object
from annealrl.schedules import Table, coupling_scale

#: Episodes that are played together.
_BATCH = 128


@dataclass(frozen=True)
class MeanSchedule:
    """The mean of an agent's β over episodes, step by step.

    Attributes
    ----------
    agent, instances : str
        Whose, and the mean over what.
    episodes : int
        On each instance.
    budget : Budget
    seed : int
    table : Table
        β of every step; in units of 1/σ of each instance if its ``sigma_units`` say so.
    """

    agent: str
    instances: str
    episodes: int
    budget: Budget
    seed: int
    table: Table

    def beta_schedule(self, model: IsingModel | None = None) -> list[float]:
        """β of every sweep, as ``beta_schedule`` of D-Wave's samplers takes it with ``beta_schedule_type="custom"``.

        Parameters
        ----------
        model : IsingModel, optional
            Whose σ to use where the table is in units of 1/σ; without one, those units stay.
        """
        steps = self.budget.steps
        betas = self.table.betas(steps) if model is None else self.table.table([model], steps)[:, 0]
        return [float(beta) for beta in np.repeat(betas, self.budget.sweeps_per_step)]

    def save(self, path: str | Path) -> None:
        """Write a file that ``schedule:FILE.json`` reads."""
        self.table.save(path, **self._notes())

    def to_json(self) -> dict[str, Any]:
        """Everything: β of every step (``betas``) and of every sweep (``beta_schedule``)."""
        units = {"sigma_units": self.table.sigma_units}
        return {**self._notes(), **units, "betas": list(self.table.values), "beta_schedule": self.beta_schedule()}

    def _notes(self) -> dict[str, Any]:
        spent = asdict(self.budget)
        del spent["threads"], spent["backend"]
        names = {"agent": self.agent, "instances": self.instances}
        return {**names, "episodes_per_instance": self.episodes, **spent, "seed": self.seed}


def mean_schedule(
    agent: Any,
    instances: str | InstanceSet | None = None,
    *,
    episodes: int = 1,
    budget: Mapping[str, int] | None = None,
    sigma_units: bool = False,
    seed: int = 0,
) -> MeanSchedule:
    """Let an agent anneal, and average its β.

    Parameters
    ----------
    agent : str, Path or Agent
        The name of a shipped agent, the directory of one, or a loaded one.
    instances : str or InstanceSet, optional
        The agent's own validation set by default.
    episodes : int
        On each instance.
    budget : mapping, optional
        ``replicas``, ``steps`` or ``sweeps_per_step``, where they are not those of the agent's training.
    sigma_units : bool
        Average β·σ, so that the schedule serves any energy scale; σ² = Σ J²/N.

    Raises
    ------
    InputError
        If there is no such agent or set, the agent has no validation set, or the set holds test instances: a schedule
        made from those could not be compared with others on them. If the agent exchanges replicas, moves clusters or
        shares out sweeps, which no schedule of β says (what resamples can be replayed by ``population:schedule:FILE``).
    """
    if isinstance(agent, str | Path):
        agent = load_object("annealrl.agents.storage:load_agent")(agent)
    if episodes < 1:
        raise InputError(f"episodes is {episodes}; at least 1 is expected")
    env = agent.config.env.make(1)
    further = [kind.name for kind in env.options.components if kind.rounds or kind.sets == SWEEPS]
    if further:
        raise InputError(
            f"agent {agent.name!r} acts by {' and '.join(further)} too, which a schedule of β cannot say; an agent of "
            "β alone is expected"
        )
    if instances is None:
        validation = agent.config.validation
        if validation is None or validation.set is None:
            raise InputError(f"agent {agent.name!r} was not validated on a set; name instances")
        instances = str(validation.set)
        found = load_object("annealrl.instances.catalogue:load")(instances)
        chosen = found.subset(range(min(validation.instances, len(found))), found.name)
    else:
        is_set = isinstance(instances, InstanceSet)
        chosen = instances if is_set else load_object("annealrl.instances.catalogue:load")(instances)
    tested = load_object("annealrl.instances.catalogue:test_instances")(chosen)
    if tested:
        raise InputError(
            f"instance set {chosen.name!r} holds test instances ({tested[0]}); validation ones are expected"
        )
    options = env.options
    trained = Budget(options.replicas, options.steps, options.sweeps_per_step)
    changed: dict[str, Any] = dict(budget or {})
    spent = replace(trained, **changed)
    method = load_object("annealrl.agents.method:AgentMethod")(agent, agent.name)
    pairs = [(i, e) for i in range(len(chosen)) for e in range(episodes)]
    total = np.zeros(spent.steps)
    for first in range(0, len(pairs), _BATCH):
        batch = pairs[first : first + _BATCH]
        models = [chosen.models[i] for i, _ in batch]
        outcome = method.run(models, spent, [np.random.SeedSequence(seed, spawn_key=pair) for pair in batch])
        scales = np.array([coupling_scale(model) if sigma_units else 1.0 for model in models])
        total += (outcome.betas * scales).sum(axis=1)
    table = Table(tuple((total / len(pairs)).tolist()), sigma_units=sigma_units)
    return MeanSchedule(agent.name, chosen.name, episodes, spent, seed, table)
