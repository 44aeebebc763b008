"""What of an agent its success comes from: parts taken away, on the same episodes of the same instances.

The questions are those of Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), Fig. 5: does the policy need
what it sees, would its average schedule do without seeing, and does the answer depend on how hard the instances are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from annealrl import statistics
from annealrl.agents.policies import EpisodePolicy
from annealrl.agents.rollout import Veil
from annealrl.agents.storage import Agent, load_agent
from annealrl.agents.trials import Trials, pooled, run_trials
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray, IntArray
from annealrl.method import Budget, Method
from annealrl.schedules import Table

#: Added to the seed for the episodes by which instances are called easy or difficult. Were they parted by the same
#: episodes that are compared, luck would pass for difficulty.
SPLIT_SEED = 1_000_003
#: Variants that are the agent less something.
OWN_NAMES = (
    *("agent", "shuffled", "mean observation", "mean actions"),
    *(f"mean schedule ({part})" for part in ("all", "easy", "difficult")),
)
#: Schedules of successful episodes that are kept to be drawn.
EXAMPLES = 6


@dataclass(frozen=True)
class _Lab:
    """Everything that all variants share."""

    agent: Agent
    budget: Budget
    episodes: int
    seed: int

    def agent_trials(
        self,
        instances: InstanceSet,
        seed: int,
        veil: Callable[[IntArray], Veil] | None = None,
        agent: Agent | None = None,
    ) -> Trials:
        player = agent or self.agent
        return run_trials(
            player.policy,
            player.config.env,
            instances,
            episodes=self.episodes,
            seed=seed,
            budget=self.budget,
            veil=veil,
        )

    def method_successes(self, method: Method, instances: InstanceSet, seed: int) -> IntArray:
        found = evaluate(method, instances, episodes=self.episodes, budget=self.budget, criterion="final", seed=seed)
        return np.array([row.final_successes for row in found.per_instance])


def ablate(
    agent: str | Path | Agent,
    instances: InstanceSet,
    *,
    baseline: str = "linear:0:5",
    beside: Mapping[str, str | Path] | None = None,
    average_over: InstanceSet | None = None,
    episodes: int = 20,
    difficult: float = 0.14,
    budget: Mapping[str, int | None] | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Compare an agent with itself less something, and with a baseline, by the energies at the end of episodes.

    Variants are the agent; ``shuffled``, which sees the episode of another instance; ``mean observation``, which sees
    the mean of all episodes at that step, so that only the time tells it something; the agent's mean schedule of β, and
    those of easy and of difficult instances, open-loop; its mean actions, open-loop, which are the same only where they
    set β and do not change it; the baseline; and other agents, such as one without a memory.

    Parameters
    ----------
    instances : InstanceSet
        With ground energies; two instances at least.
    baseline : str
        A method, which also parts easy from difficult instances.
    beside : mapping, optional
        Name of a variant → an agent.
    average_over : InstanceSet, optional
        What mean schedules are the means over; the agent's validation set by default. Never test instances.
    episodes : int
        On each instance.
    difficult : float
        Share of the instances, those of the lowest success, that are called difficult: the paper's were 14 of 100.
    budget : mapping, optional
        ``replicas``, ``steps``, ``sweeps_per_step``, ``threads``, where they are not those of the agent's training.

    Returns
    -------
    dict
        JSON; ``variants``, ``splits``, ``schedules``, ``mean_schedules`` and ``examples``.
    """
    for name in beside or {}:
        if name in (*OWN_NAMES, f"baseline {baseline}"):
            raise InputError(f"beside: {name!r} is a variant of the agent itself; another name is expected")
    agent = agent if isinstance(agent, Agent) else load_agent(agent)
    others = {name: load_agent(path) for name, path in (beside or {}).items()}
    averaged = _averaged(agent, average_over)
    if len(instances) < 2:
        raise InputError(f"instance set {instances.name!r}: ablations compare instances; two at least are expected")
    if not 0 < difficult < 1:
        raise InputError(f"difficult is {difficult}; a share of the instances in (0, 1) is expected")
    options = agent.config.env.make(1).options
    given: dict[str, Any] = {key: value for key, value in (budget or {}).items() if value is not None}
    spent = replace(Budget(options.replicas, options.steps, options.sweeps_per_step), **given)
    lab = _Lab(agent, spent, episodes, seed)
    rival = parse_method(baseline)

    done, total = 0, 12 + len(others)

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    def counted(value: Any) -> Any:
        tick()
        return value

    parted = {
        "baseline": _parted(counted(lab.method_successes(rival, instances, seed + SPLIT_SEED)), difficult),
        "agent": _parted(counted(lab.agent_trials(instances, seed + SPLIT_SEED)).successes, difficult),
    }
    averages = counted(lab.agent_trials(averaged, seed + SPLIT_SEED))
    hard = _parted(counted(lab.method_successes(rival, averaged, seed + SPLIT_SEED)), difficult)
    means = {
        "all": averages.betas.mean(axis=(1, 2)),
        "easy": averages.betas[:, ~hard].mean(axis=(1, 2)),
        "difficult": averages.betas[:, hard].mean(axis=(1, 2)),
    }
    plain = counted(lab.agent_trials(instances, seed))
    successes: dict[str, IntArray] = {"agent": plain.successes}
    successes["shuffled"] = counted(lab.agent_trials(instances, seed, shuffling)).successes
    successes["mean observation"] = counted(lab.agent_trials(instances, seed, averaging)).successes
    for name, betas in means.items():
        schedule = ScheduleMethod(Table(tuple(betas.tolist())), f"mean schedule ({name})")
        successes[schedule.name] = counted(lab.method_successes(schedule, instances, seed))
    blind: Any = OpenLoop(agent.policy, averages.actions.mean(axis=(1, 2)))
    successes["mean actions"] = counted(lab.agent_trials(instances, seed, agent=replace(agent, policy=blind))).successes
    for name, other in others.items():
        successes[name] = counted(lab.agent_trials(instances, seed, agent=other)).successes
    successes[f"baseline {baseline}"] = counted(lab.method_successes(rival, instances, seed))

    return {
        "agent": agent.name,
        "fingerprint": agent.fingerprint,
        "instances": {"name": instances.name, "hash": instances.hash},
        "averaged_over": averaged.name,
        "baseline": baseline,
        "beside": {name: other.fingerprint for name, other in others.items()},
        "episodes_per_instance": episodes,
        "criterion": "final",
        "seed": seed,
        **{key: value for key, value in asdict(spent).items() if key in ("replicas", "steps", "sweeps_per_step")},
        "actions": list(_action_names(agent)),
        "variants": _compared(successes, episodes, np.ones(len(instances), bool)),
        "splits": {
            by: {
                "difficult": np.flatnonzero(mask).tolist(),
                "variants": {
                    "easy": _compared(successes, episodes, ~mask),
                    "difficult": _compared(successes, episodes, mask),
                },
            }
            for by, mask in parted.items()
        },
        "schedules": {
            by: {"easy": _schedules(plain, ~mask), "difficult": _schedules(plain, mask)} for by, mask in parted.items()
        },
        "mean_schedules": {name: betas.tolist() for name, betas in means.items()},
        "examples": _examples(plain),
    }


def shuffling(rows: IntArray) -> Veil:
    """Let every episode of a batch see another one's observations, of another instance.

    Parameters
    ----------
    rows : int array, shape (B,)
        Instances of the episodes.

    Raises
    ------
    InputError
        If all of them are of one instance.
    """
    for shift in range(1, len(rows)):
        if (np.roll(rows, shift) != rows).all():
            return lambda step, seen: np.roll(seen, shift, axis=0)
    raise InputError("shuffled observations: half of a batch's episodes at most may be of one instance")


def averaging(rows: IntArray) -> Veil:
    """Let all episodes of a batch see the mean of their observations: what is left to tell them apart is the step."""

    def veil(step: int, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
        mean = seen.mean(axis=0, dtype=np.float64).astype(np.float32)
        return np.broadcast_to(mean, seen.shape).copy()

    return veil


class OpenLoop:
    """A policy that does the same in every episode, whatever it sees.

    Parameters
    ----------
    policy : EpisodePolicy
        In whose place it stands.
    actions : float array, shape (steps, d)
    """

    most_threads = 1
    any_size = False

    def __init__(self, policy: EpisodePolicy, actions: npt.NDArray[Any]) -> None:
        self.observation_space, self.action_space = policy.observation_space, policy.action_space
        self.device = policy.device
        self.actions = torch.as_tensor(actions, dtype=torch.float32, device=policy.device)

    def set_training_mode(self, mode: bool) -> None:
        """There is nothing to train."""

    def act(self, obs: Tensor, states: int | None = None, deterministic: bool = True) -> tuple[Tensor, int]:
        """Return (actions, number of the next step)."""
        step = states or 0
        return self.actions[step].expand(len(obs), -1), step + 1


def _averaged(agent: Agent, given: InstanceSet | None) -> InstanceSet:
    from annealrl.instances import catalogue
    from annealrl.instances.certify import certified

    if given is None:
        validation = agent.config.validation
        if validation is None or validation.set is None:
            raise InputError(f"agent {agent.name!r} was not validated on a set; say what to average over")
        found = catalogue.load(validation.set)
        given = found.subset(range(min(validation.instances, len(found))), found.name)
    tested = catalogue.test_instances(given)
    if tested:
        raise InputError(
            f"instance set {given.name!r} holds test instances ({tested[0]}); validation ones are expected"
        )
    if len(given) < 2:
        raise InputError(f"instance set {given.name!r}: easy and difficult ones are averaged over; two at least")
    # Which of them are difficult takes energies to judge by.
    return given if np.isfinite(given.ground_energies).all() else certified(given, progress=False)


def _parted(successes: IntArray, share: float) -> npt.NDArray[np.bool_]:
    """The difficult instances as a mask: the share of the lowest success, one at least, and not all of them."""
    count = min(max(1, round(share * len(successes))), len(successes) - 1)
    mask = np.zeros(len(successes), bool)
    mask[np.argsort(successes, kind="stable")[:count]] = True
    return mask


def _compared(successes: Mapping[str, IntArray], episodes: int, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    counts = np.full(int(mask.sum()), episodes)
    for name, solved in successes.items():
        ratio = statistics.paired_ratio(solved[mask], counts, successes["agent"][mask], counts)
        rows[name] = {
            "instances": len(counts),
            **pooled(solved[mask], counts),
            "n99_ratio_to_agent": {"value": _finite(ratio.value), "interval": [_finite(end) for end in ratio.interval]},
        }
    return rows


def _schedules(trials: Trials, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    def moments(values: FloatArray) -> dict[str, Any]:
        flat = values[:, mask].reshape(len(values), -1, *values.shape[3:])
        return {"mean": flat.mean(axis=1).tolist(), "std": flat.std(axis=1).tolist()}

    return {"beta": moments(trials.betas), "action": moments(trials.actions.astype(np.float64))}


def _examples(trials: Trials) -> list[list[float]]:
    """Schedules of the first episode of as many instances, successful ones."""
    rows: list[list[float]] = []
    for i in range(trials.solved.shape[0]):
        won = np.flatnonzero(trials.solved[i])
        if len(won) and len(rows) < EXAMPLES:
            rows.append(trials.betas[:, i, won[0]].tolist())
    return rows


def _action_names(agent: Agent) -> Sequence[str]:
    return agent.config.env.make(1).action.names


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
