"""What can be chosen of each policy, by name, type and range; kept apart from the policies, which load Torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annealrl.agents.typed import Range, build, check_fields
from annealrl.registry import unknown

#: Units of a layer. A square layer of the most takes 64 MiB.
Width = Annotated[int, Range(1, 4096)]
#: Layers on top of each other.
Depth = Annotated[int, Range(1, 16)]


@dataclass(frozen=True)
class PolicyOptions:
    """What all policies have, with the meaning of Stable-Baselines3.

    Attributes
    ----------
    log_std_init : float
        Logarithm of the standard deviation of the actions at the start; in units where actions lie within ±1.
    net_arch : tuple of int
        Dense layers between the core and the actions, none by default.
    ortho_init : bool
        Orthogonal weights at the start.
    full_std, use_expln : bool
        Of state-dependent exploration (`use_sde`).
    optimizer_kwargs : mapping
        Of Adam, such as ``eps``.
    """

    log_std_init: Annotated[float, Range(-20, 2)] = 0.0
    net_arch: tuple[Width, ...] = ()
    ortho_init: bool = True
    full_std: bool = True
    use_expln: bool = False
    optimizer_kwargs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class ConvLstmOptions(PolicyOptions):
    """Of ``conv-lstm``."""

    lstm_hidden_size: Width = 64
    n_lstm_layers: Depth = 1


@dataclass(frozen=True)
class ConvStepOptions(PolicyOptions):
    """Of ``conv-step``; `steps` are those of an episode."""

    steps: Annotated[int, Range(1, 10**9)] = 40
    lstm_hidden_size: Width = 64


@dataclass(frozen=True)
class AsReleasedOptions(PolicyOptions):
    """Of ``as-released``."""

    lstm_hidden_size: Width = 256


@dataclass(frozen=True)
class FeatureOptions(PolicyOptions):
    """Of ``features``."""

    width: Width = 64


@dataclass(frozen=True)
class FeatureLstmOptions(PolicyOptions):
    """Of ``features-lstm``."""

    width: Width = 32
    n_lstm_layers: Depth = 1


@dataclass(frozen=True)
class SizeFreeOptions(PolicyOptions):
    """Of ``size-free``."""

    width: Width = 64
    tiles: Width = 16


#: The options of :data:`annealrl.agents.policies.POLICIES`, by the same names.
POLICY_OPTIONS: Mapping[str, type[PolicyOptions]] = {
    "conv-lstm": ConvLstmOptions,
    "conv-step": ConvStepOptions,
    "as-released": AsReleasedOptions,
    "features": FeatureOptions,
    "features-lstm": FeatureLstmOptions,
    "size-free": SizeFreeOptions,
}
POLICY_NAMES = tuple(POLICY_OPTIONS)


def check_policy_options(policy: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given options of a policy, each as its type.

    Raises
    ------
    InputError
        If there is no such policy or option, or a value has another type or lies outside of its range.
    """
    if policy not in POLICY_OPTIONS:
        raise unknown("policy", policy, POLICY_NAMES)
    known = build(POLICY_OPTIONS[policy], options, "policy_options")
    return {key: getattr(known, key) for key in options}
