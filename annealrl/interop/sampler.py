"""Simulated annealing by the replica simulator, as a dimod sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.interop.beta_tables import SCHEDULE_TYPES, beta_table
from annealrl.interop.reads import Anneal, Clock, Group, GroupedSampler
from annealrl.ising import IsingModel, SpinArray
from annealrl.kernels.lanes import LANES
from annealrl.simulator import ReplicaSimulator, Rule


class AnnealRLSampler(GroupedSampler):
    """Simulated annealing, a drop-in for ``dwave.samplers.SimulatedAnnealingSampler``.

    Reads are replicas: 64 of them cost little more than one. Sites are drawn at random instead of in order.

    Examples
    --------
    >>> sampler = AnnealRLSampler()
    >>> found = sampler.sample_ising({}, {("a", "b"): 1.0, ("b", "c"): 1.0, ("a", "c"): 1.0}, num_reads=10, seed=1)
    >>> found.first.energy
    np.float64(-1.0)
    """

    properties: ClassVar[Mapping[str, Any]] = {"beta_schedule_options": SCHEDULE_TYPES}
    parameters: ClassVar[Mapping[str, Any]] = {
        "num_reads": [],
        "num_sweeps": [],
        "beta_range": [],
        "beta_schedule_type": ["beta_schedule_options"],
        "beta_schedule": [],
        "num_sweeps_per_beta": [],
        "initial_states": [],
        "initial_states_generator": [],
        "interrupt_function": [],
        "seed": [],
        "randomize_order": [],
        "proposal_acceptance_criteria": [],
        "threads": [],
    }

    def sample(
        self,
        bqm: Any,
        *,
        num_reads: int | None = None,
        num_sweeps: int | None = None,
        beta_range: Sequence[float] | None = None,
        beta_schedule_type: str = "geometric",
        beta_schedule: npt.ArrayLike | None = None,
        num_sweeps_per_beta: int | None = None,
        initial_states: Any = None,
        initial_states_generator: str = "random",
        interrupt_function: Callable[[], bool] | None = None,
        seed: int | None = None,
        randomize_order: bool = True,
        proposal_acceptance_criteria: str = "Metropolis",
        threads: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Anneal a binary quadratic model.

        Parameters
        ----------
        bqm : dimod.BinaryQuadraticModel
            SPIN or BINARY; the energies are its own, offset included.
        num_reads : int, optional
            As many as there are initial states by default, or 1.
        num_sweeps : int, optional
            Sweeps of a read, 1000 by default; a sweep is n proposals. 0 returns the initial states.
        beta_range : (float, float), optional
            First and last inverse temperature, in units of 1/energy; by default
            :func:`~annealrl.beta_range.default_beta_range`, which is the same for SPIN and BINARY.
        beta_schedule_type : {"geometric", "linear", "custom"}
            How β goes from one to the other; a single temperature is the last.
        beta_schedule : sequence of float, optional
            All β, with ``custom``.
        num_sweeps_per_beta : int, optional
            Sweeps at every β. By default 1 with ``custom``; else as many as make at most 100 temperatures.
        initial_states : samples-like, optional
        initial_states_generator : {"random", "tile", "none"}
            What fills up to `num_reads` if there are fewer initial states: random ones, the same again, or nothing,
            which is then an error.
        interrupt_function : callable, optional
            Called between two temperatures; when it returns True, what there is is returned: reads that are done, and
            those under way as they stand. Reads that have not begun are left out.
        seed : int, optional
            From 0 to 2**32 - 1. The same seed gives the same samples, whatever the threads, and more reads extend
            fewer.
        randomize_order : bool
            False: sites in order, for ``Gibbs`` alone (sequential Metropolis locks at β = 0).
        proposal_acceptance_criteria : {"Metropolis", "Gibbs"}
        threads : int, optional
            All available cores by default; a thread takes 64 reads at a time.

        Returns
        -------
        dimod.SampleSet
            One row a read, in order. ``info``: ``beta_range``, ``beta_schedule_type``, ``beta_schedule`` (every β) and
            ``sweeps`` (at each), ``seed``, ``interrupted``, and ``timing`` in nanoseconds: ``preprocessing_ns`` (model,
            options, initial states, the simulator's arrays), ``sampling_ns`` (the sweeps), ``postprocessing_ns``
            (configurations, energies, sample set).

        Raises
        ------
        InputError, ValueError, TypeError
            If an argument is malformed.
        """
        self.remove_unknown_kwargs(**kwargs)
        if proposal_acceptance_criteria not in ("Metropolis", "Gibbs"):
            raise InputError(
                f"proposal_acceptance_criteria is {proposal_acceptance_criteria!r}; Metropolis or Gibbs is expected"
            )
        stop = interrupt_function or _never

        def prepare(model: IsingModel) -> tuple[Anneal, dict[str, Any]]:
            table = beta_table(
                model,
                beta_range=beta_range,
                num_sweeps=num_sweeps,
                num_sweeps_per_beta=num_sweeps_per_beta,
                beta_schedule_type=beta_schedule_type,
                beta_schedule=beta_schedule,
            )

            def anneal(model: IsingModel, groups: list[Group], clock: Clock) -> tuple[list[SpinArray], bool]:
                models, seeds = [model] * len(groups), [group.seed for group in groups]
                with clock("preprocessing"):
                    simulator = ReplicaSimulator(
                        models,
                        LANES,
                        seeds=seeds,
                        rule=cast(Rule, proposal_acceptance_criteria.lower()),
                        order="random" if randomize_order else "sequential",
                        threads=threads,
                    )
                    simulator.load(range(len(groups)), models, seeds, [group.starts for group in groups])
                interrupted = False
                with clock("sampling"):
                    for beta, sweeps in zip(table.betas, table.sweeps, strict=True):
                        simulator.advance(beta, int(sweeps))
                        interrupted = bool(stop())
                        if interrupted:
                            break
                with clock("postprocessing"):
                    return [simulator.spins(place) for place in range(len(groups))], interrupted

            return anneal, table.to_info()

        return self._sample(
            bqm,
            prepare,
            num_reads=num_reads,
            initial_states=initial_states,
            initial_states_generator=initial_states_generator,
            interrupt_function=interrupt_function,
            seed=seed,
            group_size=LANES,
            threads=threads,
        )


def _never() -> bool:
    return False
