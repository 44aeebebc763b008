"""Trained agents as dimod samplers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from annealrl.errors import InputError
from annealrl.interop.reads import Clock, Group, GroupedSampler
from annealrl.ising import IsingModel, SpinArray
from annealrl.method import Budget
from annealrl.registry import load_object


class LearnedScheduleSampler(GroupedSampler):
    """Anneal by a trained agent, which looks at the reads and chooses β step by step.

    Reads go in groups of as many replicas as the agent was trained with; each group is an episode of its own.

    Parameters
    ----------
    agent : str, Path or Agent
        The name of a shipped agent, the directory of one, or a loaded one.

    Raises
    ------
    InputError
        If there is no such agent.

    Examples
    --------
    >>> sampler = LearnedScheduleSampler("ea2d-8")
    >>> found = sampler.sample_ising({}, {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}, num_reads=10, seed=1)
    >>> found.first.energy
    np.float64(-1.0)
    """

    properties: ClassVar[Mapping[str, Any]] = {}
    parameters: ClassVar[Mapping[str, Any]] = {
        "num_reads": [],
        "num_sweeps": [],
        "initial_states": [],
        "initial_states_generator": [],
        "interrupt_function": [],
        "seed": [],
    }

    def __init__(self, agent: Any) -> None:
        if isinstance(agent, str | Path):
            agent = load_object("annealrl.agents.storage:load_agent")(agent)
        self.agent = agent

    def sample(
        self,
        bqm: Any,
        *,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        initial_states: Any = None,
        initial_states_generator: str = "random",
        interrupt_function: Callable[[], bool] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Anneal a binary quadratic model.

        Parameters
        ----------
        num_sweeps : int, optional
            Sweeps of a read: a multiple of the agent's steps, those of its training by default. 0 returns the start.
        interrupt_function : callable, optional
            Called between groups of reads; when it returns True, the reads that are done are returned.

        The other parameters are those of :meth:`annealrl.interop.AnnealRLSampler.sample`.

        Returns
        -------
        dimod.SampleSet
            One row a read, in order. ``info``: ``beta_schedule`` (β of every step, the mean over groups),
            ``beta_schedules`` (of each group), ``sweeps`` (of each step, likewise), ``seed``, ``interrupted`` and
            ``timing`` as :class:`~annealrl.interop.AnnealRLSampler` has it; ``sampling_ns`` includes the agent's
            decisions.

        Raises
        ------
        InputError, ValueError, TypeError
            If an argument is malformed, or the agent cannot anneal such a model (one that observes spins takes the
            number of spins that it was trained on, one in units of the couplings needs a coupling).
        """
        self.remove_unknown_kwargs(**kwargs)
        trained = self._trained()
        sweeps: Any = trained.sweeps if num_sweeps is None else num_sweeps
        if (
            isinstance(sweeps, bool)
            or not isinstance(sweeps, (int, np.integer))
            or sweeps < 0
            or sweeps % trained.steps
        ):
            raise InputError(f"num_sweeps is {sweeps!r}; a multiple of the agent's {trained.steps} steps is expected")
        budget = Budget(trained.replicas, trained.steps, max(1, int(sweeps) // trained.steps), 1)
        stop = interrupt_function or (lambda: False)
        schedules: list[list[float]] = []
        taken: list[Any] = []
        info: dict[str, Any] = {
            "agent": self.agent.name,
            "beta_schedule": [],
            "beta_schedules": schedules,
            "sweeps": [],
        }

        def anneal(model: IsingModel, groups: list[Group], clock: Clock) -> tuple[list[SpinArray], bool]:
            starts = [group.starts for group in groups]
            if not sweeps:
                return starts, bool(stop())
            with clock("preprocessing"):
                play = load_object("annealrl.agents.rollout:play")
            with clock("sampling"):
                played = play(
                    self.agent.policy,
                    self.agent.config.env,
                    [model] * len(groups),
                    [group.seed for group in groups],
                    budget,
                    starts=starts,
                    keep_spins=True,
                )
            schedules.extend(played.betas.T.tolist())
            info["beta_schedule"] = np.mean(schedules, axis=0).tolist()
            taken.extend(played.sweeps.T)
            info["sweeps"] = np.rint(np.mean(taken, axis=0)).astype(int).tolist()
            return list(played.spins), bool(stop())

        return self._sample(
            bqm,
            lambda model: (anneal, info),
            num_reads=num_reads,
            initial_states=initial_states,
            initial_states_generator=initial_states_generator,
            interrupt_function=interrupt_function,
            seed=seed,
            group_size=trained.replicas,
            # One group at a time: a network's answer to a batch may differ in the last bit from that to a single one.
            threads=1,
        )

    def _trained(self) -> Budget:
        """What an episode of the training spent."""
        options = self.agent.config.env.make(1).options
        return Budget(options.replicas, options.steps, options.sweeps_per_step)
