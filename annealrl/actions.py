"""What an agent decides: components, each a number in [-1, 1] an episode that sets or does one thing.

An action of the environment is one component or several, ``action="delta_beta"`` or ``action=("log_beta_offset",
"resample")``. A component is an object that looks at a :class:`~annealrl.drive.Drive` and writes to it, or moves the
replicas of its simulator; the environment knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from annealrl.component import BETA, LOOKING, RESAMPLING, SIZE, SWEEPS, BoolArray, Component
from annealrl.controllers import measured_scale
from annealrl.drive import Drive
from annealrl.errors import InputError
from annealrl.exchange_components import Bend, Cluster, Spread
from annealrl.ising import FloatArray
from annealrl.registry import unknown
from annealrl.rounds import Rounds
from annealrl.schedules import Schedule, selection_table
from annealrl.step_sizes import SMALLEST_STEP, AdaptiveStep, adapted


class DeltaBeta(Component):
    """The paper's action: β changes by ``scale · action``.

    A change that would leave (0, `beta_max`] is refused and the step runs at the old β.
    """

    name = "delta_beta"
    meaning = "delta_beta: beta += scale * action"
    sets = BETA
    uses = frozenset({"beta_start", "refusal_penalty"})

    def apply(self, step: int, action: FloatArray, drive: Drive) -> BoolArray:
        """Add the change where it is allowed."""
        wanted = drive.beta + self.scale * action
        refused = (wanted <= 0.0) | (wanted > self.beta_max)
        drive.beta = np.where(refused, drive.beta, wanted)
        return refused


class DeltaLogTemperature(Component):
    """The temperature changes by the factor ``exp(scale · action)``; β is cut at `beta_max`."""

    name = "delta_log_temperature"
    meaning = "delta_log_temperature: beta *= exp(-scale * action)"
    sets = BETA
    uses = frozenset({"beta_start"})
    default_scale = 0.5

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Divide β."""
        drive.beta = np.minimum(drive.beta * np.exp(-self.scale * action), self.beta_max)


class LogBetaOffset(Component):
    """β of step k is ``reference_k · exp(scale · action)``: action 0 is the reference schedule itself."""

    name = "log_beta_offset"
    meaning = "log_beta_offset: beta = reference * exp(scale * action)"
    sets = BETA
    uses = frozenset({"reference"})

    def begin(self, drive: Drive) -> None:
        """Start at the reference's first β."""
        self._table: FloatArray = self.reference.table(drive.simulator.models, drive.steps)
        drive.beta = self._table[0].copy()

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Scale the reference, cut at `beta_max`."""
        drive.beta = np.minimum(self._table[step] * np.exp(self.scale * action), self.beta_max)


class MeasuredBetaOffset(LogBetaOffset):
    """As :class:`LogBetaOffset`, the reference in units that the replicas tell and not the couplings.

    The unit of β is 1/σ̂ with σ̂ the standard deviation of the replicas' energies at the start over √N. For random
    starts σ̂ estimates σ = √(Σ J²/N), the unit of ``sigma_units``, within 1/√(2R); nothing but energies is looked at.
    """

    name = "measured_beta_offset"
    meaning = "measured_beta_offset: beta = reference / spread of the start's energies * sqrt(N) * exp(scale * action)"
    measures = True

    def begin(self, drive: Drive) -> None:
        """Measure the unit."""
        simulator = drive.simulator
        self._table: FloatArray = self.reference.betas(drive.steps)[:, None] / measured_scale(simulator)
        drive.beta = self._table[0].copy()


class DeltaLogStep(Component):
    """The size of proposed moves changes by the factor ``exp(scale · action)``, within (1e-6, 1] of a range."""

    name = "delta_log_step"
    meaning = "delta_log_step: step_size *= exp(scale * action)"
    sets = SIZE
    uses = frozenset({"step_start"})
    default_scale = 0.5

    def begin(self, drive: Drive) -> None:
        """Start at `step_start`."""
        drive.controls["step_size"] = np.full(len(drive.simulator), self.step_start)

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Multiply the size."""
        size = drive.controls["step_size"] * np.exp(self.scale * action)
        drive.controls["step_size"] = np.clip(size, SMALLEST_STEP, 1.0)


class LogAcceptanceTarget(Component):
    """The step size keeps the acceptance ratio near ``0.44 · exp(scale · action)``, 0.95 at most.

    Action 0 is :class:`~annealrl.step_sizes.AdaptiveStep` as annealing has it by default.
    """

    name = "log_acceptance_target"
    meaning = "log_acceptance_target: step_size *= exp(2 * (acceptance - 0.44 * exp(scale * action)))"
    sets = SIZE
    uses = frozenset({"step_start"})
    measures = True

    def begin(self, drive: Drive) -> None:
        """Start at `step_start`; nothing has been accepted yet."""
        drive.controls["step_size"] = np.full(len(drive.simulator), self.step_start)
        self._spent = drive.spent.copy()

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Judge the last step's acceptance by the target."""
        sweeps, self._spent = drive.spent - self._spent, drive.spent.copy()
        acceptance = np.where(sweeps > 0, drive.simulator.acceptance_ratio(sweeps), np.nan)
        target = np.minimum(AdaptiveStep.acceptance * np.exp(self.scale * action), 0.95)
        drive.controls["step_size"] = adapted(drive.controls["step_size"], acceptance, target)


class Resample(Component):
    """Population annealing of strength α = scale · (1 + action) / 2, with weights exp(-α Δβ E); α = 1 is canonical.

    Before the first step no temperature has been held, so nothing is resampled there.
    """

    name = "resample"
    meaning = "resample: weights exp(-alpha * delta_beta * E), alpha = scale * (1 + action) / 2"
    sets = RESAMPLING
    moves = frozenset({"resample"})
    late = True
    common = True
    default_scale = 2.0

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Resample from the last step's temperature to the coming one's."""
        if step:
            drive.simulator.population.resample(drive.beta - drive.previous, self.scale * (1.0 + action) / 2)

    def attempted(self, drive: Drive) -> int:
        """One for each replica that was weighed."""
        return drive.simulator.population.weighed


class Select(Resample):
    """As :class:`Resample`, but with what the option ``selection`` has for each step in the place of Δβ.

    By default that is the difference of β from one step of the reference schedule to the next, wherever β itself is
    set to. Differences of β between steps are small: exploration that shakes β would turn :class:`Resample` into
    selection of high energies every other step, and what a policy learns under it is to resample less.
    """

    name = "select"
    meaning = "select: weights exp(-alpha * selection * E), alpha = scale * (1 + action) / 2"
    uses = frozenset({"reference", "selection"})

    def begin(self, drive: Drive) -> None:
        """Tabulate the selection."""
        self._table = selection_table(self.reference, self.selection, drive.simulator.models, drive.steps)

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Resample as the table has it."""
        if step:
            drive.simulator.population.resample(self._table[step], self.scale * (1.0 + action) / 2)


class Look(Component):
    """Controlled observation: the replicas are looked at before the next decision where the action is above 0.

    Proposed by Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), "Conclusion". The options ``look_cost``
    and ``look_paid_in`` say what a look costs; :class:`annealrl.sight.Sight` takes it.
    """

    name = "look"
    meaning = "look: observe before the next decision where action > 0"
    sets = LOOKING

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Say where there will be a look."""
        drive.looks = action > 0


class Sweeps(Component):
    """Of the S sweeps that are left, with k steps to go, the step takes ``S / k · exp(scale · action)``, rounded.

    The last step takes all that are left, so that every episode spends the same.
    """

    name = "sweeps"
    meaning = "sweeps: sweeps_left / steps_left * exp(scale * action), all that are left in the last step"
    sets = SWEEPS
    features = ("budget",)
    cuda = False

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Share out what is left."""
        left, steps = drive.budget - drive.spent, drive.steps - step
        share = np.floor(left / steps * np.exp(self.scale * action) + 0.5).astype(np.int64)
        drive.sweeps = np.minimum(share, left) if steps > 1 else left


#: All components by name.
COMPONENTS: Mapping[str, type[Component]] = {
    kind.name: kind
    for kind in (
        DeltaBeta,
        DeltaLogTemperature,
        LogBetaOffset,
        MeasuredBetaOffset,
        DeltaLogStep,
        LogAcceptanceTarget,
        Resample,
        Select,
        Look,
        Sweeps,
        Spread,
        Bend,
        Cluster,
    )
}


class Action:
    """Components side by side: an action has shape (B, d), column i for component i.

    Where none of them sets β it follows the reference schedule.

    Attributes
    ----------
    components : tuple of Component
    rounds : Rounds, optional
        What those write to that make exchanges or cluster moves.
    """

    def __init__(
        self, components: Sequence[Component], reference: Schedule, beta_max: float, rounds: Rounds | None = None
    ) -> None:
        self.components = tuple(components)
        self.rounds = rounds
        self._follow = None
        if not any(component.sets == BETA for component in components):
            self._follow = LogBetaOffset(0.0, beta_max, reference, 1.0)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the components."""
        return tuple(component.name for component in self.components)

    @property
    def meaning(self) -> str:
        """What each number does."""
        return "; ".join(component.meaning for component in self.components)

    @property
    def moves(self) -> frozenset[str]:
        """What replicas do under it, as in :class:`annealrl.method.Method`."""
        own = frozenset[str]().union(*(component.moves for component in self.components))
        return frozenset({"flip"}) | own | (self.rounds.moves if self.rounds is not None else frozenset())

    def begin(self, drive: Drive) -> None:
        """Start a batch of episodes."""
        if self.rounds is not None:
            self.rounds.begin(drive)
            drive.rounds, drive.advance = self.rounds, self.rounds.advance
        for component in (*([self._follow] if self._follow else []), *self.components):
            component.begin(drive)
        drive.previous = drive.beta

    def apply(self, step: int, actions: FloatArray, drive: Drive) -> BoolArray:
        """Act before a step; returns how often each episode's action was refused as a mask, shape (B,)."""
        drive.previous = drive.beta
        drive.sweeps = np.full(len(actions), drive.sweeps_per_step)
        refused = np.zeros(len(actions), bool)
        if self._follow is not None:
            self._follow.apply(step, np.zeros(len(actions)), drive)
        for late in (False, True):
            for i, component in enumerate(self.components):
                if component.late == late:
                    mask = component.apply(step, actions[:, i], drive)
                    refused |= False if mask is None else mask
        return refused

    def attempted(self, drive: Drive) -> int:
        """Updates attempted so far, the simulator's own included."""
        further = 0 if self.rounds is None else self.rounds.attempted
        return drive.simulator.attempted + further + sum(component.attempted(drive) for component in self.components)


def component_kinds(names: str | Sequence[str]) -> tuple[type[Component], ...]:
    """The components that the environment's option ``action`` names.

    Raises
    ------
    InputError
        If a name is unknown, or two components set the same or do not go together.
    """
    kinds: list[type[Component]] = []
    for name in (names,) if isinstance(names, str) else tuple(names):
        if name not in COMPONENTS:
            raise unknown("action", str(name), COMPONENTS)
        for other in kinds:
            if other.sets == COMPONENTS[name].sets:
                raise InputError(f"action: {other.name!r} and {name!r} both set {other.sets}; one of them is expected")
        kinds.append(COMPONENTS[name])
    for kind, other in ((kind, other) for kind in kinds if kind.common for other in kinds if other.ladder):
        raise InputError(
            f"action: {kind.name!r} wants all replicas at one temperature, {other.name!r} spreads them; "
            "one of the two is expected"
        )
    if not kinds:
        raise InputError("action is empty; at least one component is expected")
    return tuple(kinds)


def make_action(
    names: str | Sequence[str],
    scales: float | Sequence[float] | None,
    reference: Schedule,
    beta_max: float,
    step_start: float,
    rounds: Rounds | None = None,
    selection: Schedule | None = None,
) -> Action:
    """Resolve the options ``action`` and ``action_scale``; `rounds` and `selection` are what some components need."""
    kinds = component_kinds(names)
    given: Sequence[Any]
    if scales is None or isinstance(scales, int | float):
        given = [scales] * len(kinds)
    else:
        given = tuple(scales)
        if len(given) != len(kinds):
            raise InputError(f"action_scale holds {len(given)} numbers for {len(kinds)} components")
    chosen = [kind.default_scale if scale is None else scale for kind, scale in zip(kinds, given, strict=True)]
    for scale in chosen:
        if not 0 < scale < np.inf:
            raise InputError(f"action_scale is {scale}; a positive number is expected")
    settings = beta_max, reference, step_start, selection
    components = [kind(scale, *settings) for kind, scale in zip(kinds, chosen, strict=True)]
    return Action(components, reference, beta_max, rounds)
