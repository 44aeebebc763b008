"""The options of the environments: what there is, what it means, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from annealrl.actions import component_kinds
from annealrl.backends import BACKENDS, Backend
from annealrl.component import BETA, LOOKING, SIZE, Component
from annealrl.errors import InputError, blamed
from annealrl.family import Family
from annealrl.hints import hints_of, mismatch
from annealrl.ladder_options import ladder_defaults, make_rounds
from annealrl.looking import LOOKING_OPTIONS, check_looking
from annealrl.observations import FEATURES, SIZE_FREE, WITH_FEATURES
from annealrl.registry import check_fields, family, unknown
from annealrl.rewards import REWARDS, Reward
from annealrl.rounds import Rounds
from annealrl.schedules import Geometric, Schedule

#: Options that are refused where no component of the action makes use of them.
FOR_COMPONENTS = (
    "reference",
    "selection",
    "beta_start",
    "step_start",
    "refusal_penalty",
    "ladder",
    "exchange_every",
)

#: A starting β: fixed, or uniform between two values.
BetaStart = float | tuple[float, float]


@dataclass(frozen=True)
class EnvOptions:
    """How instances are annealed, observed and rewarded; None leaves a choice to the family.

    Attributes
    ----------
    replicas, steps, sweeps_per_step : int
        R replicas of an instance; decisions of an episode; sweeps between two decisions.
    observation : {"spins", "designs", "features", "tiles"}
        Raw configurations, shape (R, n): spins as int8, designs as float32 in [-1, 1]. Features: float32. Tiles:
        float32, what replicas do around each site and the features, shape (rows, n).
    features : tuple of str
        Groups of :data:`annealrl.observations.FEATURES`, with ``observation="features"`` or ``"tiles"`` alone.
    action : str or tuple of str
        Components of :data:`annealrl.actions.COMPONENTS`, a number in [-1, 1] each. By default ``delta_beta`` for Ising
        families and ``delta_log_temperature`` for objectives.
    action_scale : float or tuple of float
        What an action of 1 means, for all components or each.
    reference : Schedule
        What ``log_beta_offset`` multiplies, and what β follows where no component sets it. With ``spread`` or
        ``bend`` by default the ladder's cold end in every step.
    selection : Schedule
        How hard ``select`` selects in each step, by default as hard as β of the reference rises.
    ladder : str
        The reference ladder of ``spread`` and ``bend``, a text of the method grammar such as
        ``tempering:0.2:8:16:icm:every=5``: with all actions 0 the replicas do what that method does. By default from
        0.5/σ to 5/σ, up to 16 temperatures.
    exchange_every : int
        Sweeps between two rounds of ``cluster`` where there is no ladder to say it, 1 by default.
    beta_max : float
        β never goes beyond this.
    refusal_penalty : float
        Subtracted from the reward for each refused ``delta_beta``.
    ramp : bool
        Let β move linearly within a step instead of jumping at its start.
    reward : {"soft_minimum", "scaled_soft_minimum", "residual", "log_residual", "minimum_energy"} or callable
        Given with the last step alone, see :mod:`annealrl.rewards`.
    criterion : {"final", "best"}
        Whether reward and success look at the replicas' final or lowest energies.
    beta_start : float or (low, high)
        Where β starts, fixed or drawn uniformly, under ``delta_beta`` and ``delta_log_temperature``.
    step_start : float
        Where the step size starts under ``delta_log_step`` and ``log_acceptance_target``, as a fraction of a
        coordinate's range.
    initial : {"independent", "shared"}
        Random starts of the replicas, where the family does not fix one.
    observing : {"free", "destructive"}
        Whether replicas go on after they were looked at, or are used up: then every look takes fresh ones that have
        followed the same actions, and what the last ensemble ends in is judged. Ising families alone.
    ensembles : {"parallel", "literal"}
        Where the replicas to be used up come from: ensembles that all advance together (where the times of the looks
        are fixed), or fresh replicas that replay the actions at every look.
    look_every : int
        Look before every so many decisions alone; statistics then hold the age of the observation.
    look_cost : float
        What a look costs, where the action's component ``look`` decides on it or ``look_every`` is given.
    look_paid_in : {"reward", "sweeps", "ensemble"}
        The cost is subtracted from the reward; or is sweeps taken off the following step; or is subtracted from the
        reward for each whole anneal that went into an ensemble that was used up (t/steps of it at step t).
    group_size : int
        That many neighbouring environments share an instance in every episode.
    certify : bool
        Solve sampled instances exactly where the family knows no ground energy; by default only if the reward needs it.
    threads : int
        Threads of the simulator; all available cores by default.
    backend : {"cpu", "cuda"}
        Where the replicas of Ising families are and move; ``"cuda"`` keeps spins on a CUDA device.
    """

    replicas: int = 64
    steps: int = 40
    sweeps_per_step: int = 100
    observation: Literal["spins", "designs", "features", "tiles"] | None = None
    features: tuple[str, ...] | None = None
    action: str | tuple[str, ...] | None = None
    action_scale: float | tuple[float, ...] | None = None
    reference: Schedule | None = None
    selection: Schedule | None = None
    ladder: str | None = None
    exchange_every: int | None = None
    beta_max: float | None = None
    refusal_penalty: float = 0.0
    ramp: bool = False
    reward: str | Reward = "soft_minimum"
    criterion: Literal["final", "best"] = "final"
    beta_start: BetaStart | None = None
    step_start: float | None = None
    initial: Literal["independent", "shared"] = "independent"
    observing: Literal["free", "destructive"] = "free"
    ensembles: Literal["parallel", "literal"] | None = None
    look_every: int | None = None
    look_cost: float = 0.0
    look_paid_in: Literal["reward", "sweeps", "ensemble"] = "reward"
    group_size: int = 1
    certify: bool | None = None
    threads: int | None = None
    backend: Backend = "cpu"

    def __post_init__(self) -> None:
        for key in ("replicas", "steps", "sweeps_per_step", "group_size"):
            value = getattr(self, key)
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float | np.integer)
                or not (int(value) == value >= 1)
            ):
                raise InputError(f"{key} is {value!r}; a whole number of at least 1 is expected")
            object.__setattr__(self, key, int(value))
        for key in (
            "refusal_penalty",
            "ramp",
            "beta_max",
            "step_start",
            "certify",
            "threads",
            "ladder",
            "exchange_every",
            *LOOKING_OPTIONS,
        ):
            _refuse_type(key, getattr(self, key), _HINTS[key])
        self._refuse_other_types()
        if self.look_every is not None and not self.look_every >= 1:
            raise InputError(f"look_every is {self.look_every}; at least 1 is expected")
        if self.criterion not in ("final", "best"):
            raise unknown("criterion", str(self.criterion), ("final", "best"))
        if self.initial not in ("independent", "shared"):
            raise unknown("initial", str(self.initial), ("independent", "shared"))
        if self.backend not in BACKENDS:
            raise unknown("backend", str(self.backend), BACKENDS)
        if not callable(self.reward) and self.reward not in REWARDS:
            raise unknown("reward", str(self.reward), REWARDS)
        if self.beta_max is not None and not self.beta_max > 0:
            raise InputError(f"beta_max is {self.beta_max}; a positive number is expected")
        if self.exchange_every is not None and self.exchange_every < 1:
            raise InputError(f"exchange_every is {self.exchange_every}; a whole number of at least 1 is expected")
        if self.step_start is not None and not 0 < self.step_start <= 1:
            raise InputError(f"step_start is {self.step_start}; a fraction of the range in (0, 1] is expected")
        if self.refusal_penalty < 0:
            raise InputError(f"refusal_penalty is {self.refusal_penalty}; a number ≥ 0 is expected")
        if self.beta_start is not None:
            self.beta_range  # noqa: B018 - it raises
        for key in ("features", "action", "action_scale"):
            if isinstance(getattr(self, key), list):
                object.__setattr__(self, key, tuple(getattr(self, key)))

    def _refuse_other_types(self) -> None:
        """Refuse what is neither a schedule nor names nor numbers where these are expected."""
        for key in ("reference", "selection"):
            value = getattr(self, key)
            if value is not None and not isinstance(value, Schedule):
                raise InputError(f"{key} is {value!r}; a schedule such as Geometric(start=0.3, end=3.0) is expected")
        for key, kinds, expected in (
            ("action", (str,), "a name or several"),
            ("features", (str,), "a list of names"),
            ("action_scale", (int, float, np.integer, np.floating), "a number or several"),
            ("beta_start", (int, float, np.integer, np.floating), "a number ≥ 0 or a pair of rising ones"),
        ):
            value = getattr(self, key)
            one = () if key == "features" else kinds
            several = value if isinstance(value, list | tuple | np.ndarray) else None
            if value is not None and not (
                (isinstance(value, one) and not isinstance(value, bool))
                or (several is not None and all(isinstance(e, kinds) and not isinstance(e, bool) for e in several))
            ):
                raise InputError(f"{key} is {value!r}; {expected} is expected")
        for key in ("refusal_penalty", "look_cost"):
            if not np.isfinite(getattr(self, key)):
                raise InputError(f"{key} is {getattr(self, key)}; a finite number ≥ 0 is expected")

    @property
    def beta_range(self) -> tuple[float, float]:
        """Both ends of the distribution of starting β."""
        start = self.beta_start if self.beta_start is not None else 0.333
        ends = (start, start) if isinstance(start, int | float) else tuple(start)
        low, high = ends if len(ends) == 2 else (1.0, 0.0)
        if not 0 <= low <= high < np.inf:
            raise InputError(f"beta_start is {start}; a value ≥ 0 or a pair of rising values is expected")
        return float(low), float(high)

    def for_family(self, kind: Family) -> EnvOptions:
        """Fill in what was left open by the family's defaults, and check that the options go together.

        Raises
        ------
        InputError
            If an option is given that means nothing beside the others, or that the family cannot follow.
        """
        general: dict[str, Any] = {"action": "delta_beta", "beta_max": 20.0, "beta_start": 0.333, "step_start": 0.1}
        general |= {"observation": kind.observations[0], "reference": Geometric(0.3, 5.0)}
        defaults = {**general, **kind.defaults()}
        components = component_kinds(defaults["action"] if self.action is None else self.action)
        defaults |= ladder_defaults(components, self.ladder, self.replicas, self.beta_start is None)
        left_open = {key: value for key, value in defaults.items() if getattr(self, key) == _DEFAULTS[key]}
        known = dataclasses.replace(self, **left_open)
        if not known.always and self.observation is None:
            known = dataclasses.replace(known, observation="features")
        if known.observation not in kind.observations:
            raise unknown("observation", str(known.observation), kind.observations)
        if known.observation in WITH_FEATURES and known.features is None:
            groups = kind.feature_groups if known.observation == "features" else SIZE_FREE
            further = [group for component in known.components for group in component.features]
            known = dataclasses.replace(known, features=tuple(dict.fromkeys([*groups, *further])))
        self._refuse_idle(known, kind)
        return check_looking(known, kind, self.features is None)

    def _refuse_idle(self, known: EnvOptions, kind: Family) -> None:
        if self.features is not None:
            if known.observation not in WITH_FEATURES:
                raise InputError(
                    f"features are given, but observation is {known.observation!r}; "
                    f"{' or '.join(map(repr, WITH_FEATURES))} is expected"
                )
            if not self.features:
                raise InputError("features: at least one group is needed")
            for group in self.features:
                if group not in FEATURES:
                    raise unknown("feature group", str(group), FEATURES)
                if not FEATURES[group].serves(kind):
                    raise InputError(f"features: group {group!r} means nothing for {type(kind).__name__}")
                if FEATURES[group].of_ladder and not any(component.ladder for component in known.components):
                    raise InputError(f"features: group {group!r} means nothing without a ladder in the action")
        components = known.components
        text = known.action if isinstance(known.action, str) else " and ".join(known.action or ())
        for key in known.idle:
            if getattr(self, key) != _DEFAULTS[key]:
                raise InputError(f"{key} is given, but action {text!r} makes no use of it")
        if any(component.sets == SIZE for component in components) and not kind.step_size:
            raise InputError(f"action: {type(kind).__name__} has moves of one size; no component can set it")
        for component in components:
            if component.rounds and not kind.exchange:
                raise InputError(
                    f"action: {component.name!r} moves replicas of Ising models; {type(kind).__name__} is none"
                )
            if component.rounds and known.ramp:
                raise InputError(f"ramp is given, but {component.name!r} keeps β constant within a step")
            if known.backend == "cuda" and not component.cuda:
                raise InputError(f"action: the CUDA backend has no {component.name!r}; backend 'cpu' is expected")
        known.rounds()

    @property
    def always(self) -> bool:
        """Whether the replicas are looked at before every decision."""
        return self.look_every in (None, 1) and not any(component.sets == LOOKING for component in self.components)

    @property
    def watched(self) -> bool:
        """Whether the replicas that are judged are looked at before every decision."""
        return self.always and self.observing == "free"

    @property
    def components(self) -> tuple[type[Component], ...]:
        """The kinds of the action's components."""
        return component_kinds(self.action or ())

    @property
    def idle(self) -> tuple[str, ...]:
        """The options that the action makes no use of."""
        used = frozenset[str]().union(*(component.uses for component in self.components))
        if not any(component.sets == BETA for component in self.components):
            used |= {"reference"}
        return tuple(key for key in FOR_COMPONENTS if key not in used)

    def rounds(self) -> Rounds | None:
        """What components write to that make exchanges or cluster moves; see :func:`make_rounds`."""
        assert self.beta_max is not None
        return make_rounds(self.components, self.ladder, self.exchange_every, self.replicas, self.beta_max)

    def spelled(self) -> dict[str, Any]:
        """All that is set and matters, as a file would say it."""
        left_out = {*self.idle, "threads"} | ({"backend"} if self.backend == "cpu" else set())
        left_out |= {key for key in LOOKING_OPTIONS if getattr(self, key) == _DEFAULTS[key]}
        return {key: value for key, value in vars(self).items() if value is not None and key not in left_out}


def _refuse_type(key: str, value: object, hint: Any) -> None:
    expected = mismatch(value, hint)
    if expected is not None:
        raise InputError(f"{key} is {value!r}; {expected} is expected")


_HINTS = hints_of(EnvOptions)
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(EnvOptions)}
#: Names of the environment's own options, as against the family's.
ENV_OPTIONS = (*_DEFAULTS, "instances", "render_mode")


def make_family(problem: str | type[Family] | Family, options: Mapping[str, Any] | None = None) -> Family:
    """Resolve an id, a class or a member of a family, with its parameters in `options`.

    Raises
    ------
    InputError
        If there is no such family, a parameter is unknown, missing or of another type than its field says, or the
        class refuses it.
    """
    options = options or {}
    known = family(problem) if isinstance(problem, str) else problem
    kind = type(known) if isinstance(known, Family) else known
    check_fields(kind)
    hints = hints_of(kind)
    for key, value in options.items():
        if key not in kind.options():
            raise unknown(f"option of {kind.__name__}", key, (*kind.options(), *ENV_OPTIONS))
        _refuse_type(key, value, hints.get(key, Any))
    changed: Any = problem
    with blamed(f"{kind.__name__}()"):
        if isinstance(problem, Family):
            return dataclasses.replace(changed, **options) if options else problem
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]
            needed = field.init and field.default is field.default_factory is dataclasses.MISSING
            if needed and field.name not in options:
                raise InputError(f"{kind.__name__}: {field.name} is not given and has no default")
        return kind(**options)
