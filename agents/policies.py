"""Policies: the paper's network, the one its code trained, and small ones on statistics of the replicas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.distributions import DiagGaussianDistribution, Distribution
from torch import Tensor, nn

from annealrl.agents.extractors import (
    FlatLayers,
    LayerNormLSTM,
    Memoryless,
    ReplicaConvolutions,
    SharedTiles,
    States,
    Statistics,
    StepCounter,
)
from annealrl.errors import InputError
from annealrl.registry import unknown

Schedule = Any
NumpyStates = tuple[npt.NDArray[np.float32], ...]


class EpisodePolicy(RecurrentActorCriticPolicy):  # type: ignore[misc]
    r"""A recurrent Gaussian policy that is trained on whole episodes.

    Sequences begin where episodes do, so a minibatch is one call of the LSTM from zero states instead of sb3-contrib's
    Python loop over time; whatever does not begin that way still takes that loop. Where the LSTM is shared
    (``shared_lstm``), the value's gradient reaches it, as in the paper's single network.

    Parameters
    ----------
    noise_correlation : float
        ρ of first-order autoregressive exploration, in [0, 1): :math:`a_t = \mu_t + \epsilon_t` with
        :math:`\epsilon_t = \rho \epsilon_{t-1} + \sqrt{1 - \rho^2}\, \sigma \xi_t`, stationary from the episode's first
        step. Log-probabilities are those of :math:`a_t` given all before it,
        :math:`N(\mu_t + \rho (a_{t-1} - \mu_{t-1}), (1 - \rho^2) \sigma^2)`, so that they add up to that of the
        episode's actions. Noise that is independent from step to step averages out over an anneal and tells little.
    privileged : int
        Columns that the critic alone sees, beside what the actor does: what is known while training and at no other
        time. Whoever trains sets :attr:`privileged_source`.
    *args, **kwargs
        As for :class:`sb3_contrib.common.recurrent.policies.RecurrentActorCriticPolicy`.

    Attributes
    ----------
    privileged_source : callable, or None
        Gives these columns for what is being judged, shape (K, privileged).
    """

    #: Whether instances of any size will do although observations are larger for larger ones.
    any_size: ClassVar[bool] = False
    #: Threads beyond which Torch does not run this network any faster; None where there is no such number.
    most_threads: ClassVar[int | None] = None

    def __init__(self, *args: Any, noise_correlation: float = 0.0, privileged: int = 0, **kwargs: Any) -> None:
        if not 0 <= noise_correlation < 1:
            raise InputError(f"noise_correlation is {noise_correlation}; a number in [0, 1) is expected")
        if noise_correlation and kwargs.get("use_sde"):
            raise InputError("noise_correlation: it replaces gSDE; use one of the two")
        self.noise_correlation = noise_correlation
        self._residual: Tensor | None = None
        self.privileged = privileged
        self.privileged_source: Callable[[], Tensor] | None = None
        super().__init__(*args, **kwargs)

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        if self.privileged:
            width = self.mlp_extractor.latent_dim_vf
            self.value_net = nn.Sequential(nn.Linear(width + self.privileged, 64), nn.Tanh(), nn.Linear(64, 1))
            self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def _values(self, latent: Tensor) -> Tensor:
        if self.privileged:
            if self.privileged_source is None:
                raise InputError("privileged_critic: values are known while training alone")
            latent = torch.cat([latent, self.privileged_source()], dim=1)
        values: Tensor = self.value_net(latent)
        return values

    # -- sequences -----------------------------------------------------------------------------------------------

    @staticmethod
    def _process_sequence(
        features: Tensor, lstm_states: States, episode_starts: Tensor, lstm: nn.Module
    ) -> tuple[Tensor, States]:
        """Run the core over sequences, flattened as (sequences · times, …); see the class for what is fast."""
        count = lstm_states[0].shape[1]
        starts = episode_starts.reshape(count, -1)
        if starts.shape[1] > 1 and bool(starts[:, 1:].any()):
            outputs, states = RecurrentActorCriticPolicy._process_sequence(features, lstm_states, episode_starts, lstm)
            return outputs, states
        kept = (1.0 - starts[:, 0]).view(1, count, 1)
        inputs = features.reshape(count, -1, features.shape[-1]).swapaxes(0, 1)
        result, states = lstm(inputs, (kept * lstm_states[0], kept * lstm_states[1]))
        return result.swapaxes(0, 1).flatten(0, 1), states

    def _latents(self, obs: Tensor, states: RNNStates, starts: Tensor) -> tuple[Tensor, Tensor, RNNStates]:
        features = self.extract_features(obs)
        actor, actor_states = self._process_sequence(features, states.pi, starts, self.lstm_actor)
        if self.lstm_critic is not None:
            critic, critic_states = self._process_sequence(features, states.vf, starts, self.lstm_critic)
        else:
            critic, critic_states = (actor if self.shared_lstm else self.critic(features)), actor_states
        return (
            self.mlp_extractor.forward_actor(actor),
            self.mlp_extractor.forward_critic(critic),
            RNNStates(actor_states, critic_states),
        )

    # -- the interface of sb3-contrib ----------------------------------------------------------------------------

    def forward(
        self, obs: Tensor, lstm_states: RNNStates, episode_starts: Tensor, deterministic: bool = False
    ) -> tuple[Tensor, Tensor, Tensor, RNNStates]:
        """Return actions, values, log-probabilities and states; the noise goes on from the last call's."""
        actor, critic, states = self._latents(obs, lstm_states, episode_starts)
        if not self.noise_correlation:
            distribution: Distribution = self._get_action_dist_from_latent(actor)
            actions = distribution.get_actions(deterministic=deterministic)
        else:
            mean = self.action_net(actor)
            previous = self._residual
            if previous is None or previous.shape != mean.shape:
                previous = torch.zeros_like(mean)
            distribution = self._correlated(mean, previous, episode_starts.view(-1, 1))
            actions = mean if deterministic else distribution.get_actions()
            self._residual = (actions - mean).detach()
        log_prob = distribution.log_prob(actions)
        return actions.reshape((-1, *self.action_space.shape)), self._values(critic), log_prob, states

    def predict_values(self, obs: Tensor, lstm_states: States, episode_starts: Tensor) -> Tensor:
        """Return the values of observations, given the critic's states."""
        if not self.privileged:
            values: Tensor = super().predict_values(obs, lstm_states, episode_starts)
            return values
        states = RNNStates(lstm_states, lstm_states)
        return self._values(self._latents(obs, states, episode_starts)[1])

    def evaluate_actions(
        self, obs: Tensor, actions: Tensor, lstm_states: RNNStates, episode_starts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return values, log-probabilities and entropies of sequences, flattened as (sequences · times, …)."""
        actor, critic, _ = self._latents(obs, lstm_states, episode_starts)
        if not self.noise_correlation:
            distribution: Distribution = self._get_action_dist_from_latent(actor)
        else:
            mean = self.action_net(actor)
            count = lstm_states.pi[0].shape[1]
            residual = (actions - mean).view(count, -1, mean.shape[-1])
            previous = torch.cat([torch.zeros_like(residual[:, :1]), residual[:, :-1]], dim=1)
            distribution = self._correlated(mean, previous.view_as(mean), episode_starts.view(-1, 1))
        return self._values(critic), distribution.log_prob(actions), distribution.entropy()

    def _correlated(self, mean: Tensor, previous: Tensor, starts: Tensor) -> DiagGaussianDistribution:
        """Distribution of actions given the noise of the step before, shapes (K, A); `starts` has shape (K, 1)."""
        innovation = 0.5 * math.log1p(-(self.noise_correlation**2))
        log_std = self.log_std + (1.0 - starts) * innovation
        return DiagGaussianDistribution(mean.shape[-1]).proba_distribution(
            mean + self.noise_correlation * (1.0 - starts) * previous, log_std
        )

    def predict(
        self,
        observation: npt.NDArray[Any] | dict[str, npt.NDArray[Any]],
        state: NumpyStates | None = None,
        episode_start: npt.NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[npt.NDArray[np.float32], NumpyStates]:
        """Return (actions, states) as SB3's ``predict`` does; pass the states and ``episode_start`` on."""
        if self.training:
            self.set_training_mode(False)
        obs, batched = self.obs_to_tensor(observation)
        # Not inference_mode: gSDE keeps what it samples, which must stay usable in training.
        with torch.no_grad():
            states = None if state is None else tuple(torch.as_tensor(part, device=self.device) for part in state)
            starts = None if episode_start is None else torch.as_tensor(episode_start, device=self.device).float()
            actions, new = self.act(obs, states, starts, deterministic)
        found = actions.cpu().numpy().reshape((-1, *self.action_space.shape))
        if isinstance(self.action_space, gym.spaces.Box):
            found = (
                self.unscale_action(found)
                if self.squash_output
                else np.clip(found, self.action_space.low, self.action_space.high)
            )
        return (found if batched else found.squeeze(axis=0)), (new[0].cpu().numpy(), new[1].cpu().numpy())

    def act(
        self,
        obs: Tensor,
        states: tuple[Tensor, ...] | None = None,
        starts: Tensor | None = None,
        deterministic: bool = True,
    ) -> tuple[Tensor, States]:
        """Return (actions, states), tensors in and out: what a loop over an episode needs and no more.

        Parameters
        ----------
        obs : Tensor, shape (B, …)
        states : pair of Tensor, shape (layers, B, hidden), optional
            Zeros by default.
        starts : float Tensor, shape (B,), optional
            1 where an episode starts; nowhere by default.
        deterministic : bool
            The mean instead of a draw; draws are independent from step to step.
        """
        count = len(obs)
        if states is None:
            layers, _, hidden = self.lstm_hidden_state_shape
            shape = (layers, count, hidden)
            states = (torch.zeros(shape, device=self.device),) * 2
        if starts is None:
            starts = torch.zeros(count, device=self.device)
        if deterministic and not self.use_sde:
            # The mean of a Gaussian needs no distribution around it.
            features = self.extract_features(obs, self.pi_features_extractor)
            latent, new = self._process_sequence(features, (states[0], states[1]), starts, self.lstm_actor)
            return self.action_net(self.mlp_extractor.forward_actor(latent)), new
        distribution, new = self.get_distribution(obs, (states[0], states[1]), starts)
        return distribution.get_actions(deterministic=deterministic), new

    def weights(self) -> dict[str, Tensor]:
        """Copies of all weights, each once (``state_dict`` lists shared modules under several names)."""
        named = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {key: value.detach().cpu().clone() for key, value in named.items()}

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take what :meth:`weights` gave."""
        wanted = {key: (tuple(value.shape), value.dtype) for key, value in self.weights().items()}
        for key in sorted(wanted.keys() | weights.keys()):
            has = (tuple(weights[key].shape), weights[key].dtype) if key in weights else None
            if has is None or has != wanted.get(key):
                found = "is missing" if has is None else f"has shape {has[0]} of {has[1]}"
                expected = "{} of {}".format(*wanted[key]) if key in wanted else "no weight of this name"
                raise InputError(f"weight {key} {found}; {expected} is expected")
            if not torch.isfinite(weights[key]).all():
                raise InputError(f"weight {key} holds values that are not finite; finite ones are expected")
        self.load_state_dict(dict(weights), strict=False)

    def _replace_cores(self, lr_schedule: Schedule, actor: nn.Module, critic: nn.Module | None) -> None:
        """Put other cores in the LSTMs' places; the optimiser then has to be made anew."""
        self.lstm_actor, self.lstm_critic = actor, critic
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)


class ConvLstmPolicy(EpisodePolicy):
    """The paper's: 64 kernels 1×N beside 64 kernels R×1, dense 64, LSTM 64, Gaussian policy and value, all tanh."""

    def __init__(self, obs_space: Any, act_space: Any, lr_schedule: Schedule, **kwargs: Any) -> None:
        options = {"features_extractor_class": ReplicaConvolutions, "lstm_hidden_size": 64, **_ONE_TRUNK, **kwargs}
        _check_image(obs_space, "conv-lstm")
        super().__init__(obs_space, act_space, lr_schedule, **options)


class ConvStepPolicy(EpisodePolicy):
    """The paper's comparison without a memory: `conv-lstm` with the number of the step in the LSTM's place.

    `steps` is that of an episode.
    """

    def __init__(self, obs_space: Any, act_space: Any, lr_schedule: Schedule, steps: int = 40, **kwargs: Any) -> None:
        options = {"features_extractor_class": ReplicaConvolutions, "lstm_hidden_size": 64, **_ONE_TRUNK, **kwargs}
        _check_image(obs_space, "conv-step")
        super().__init__(obs_space, act_space, lr_schedule, **options)
        self.lstm_hidden_state_shape = (1, 1, 1)
        self._replace_cores(lr_schedule, StepCounter(self.features_dim, self.lstm_output_dim, steps), None)


class AsReleasedPolicy(EpisodePolicy):
    """What the paper's released code trained: flatten, dense 64, dense 64, LayerNorm-LSTM 256."""

    def __init__(self, obs_space: Any, act_space: Any, lr_schedule: Schedule, **kwargs: Any) -> None:
        options = {"features_extractor_class": FlatLayers, "lstm_hidden_size": 256, **_ONE_TRUNK, **kwargs}
        super().__init__(obs_space, act_space, lr_schedule, **options)
        core = LayerNormLSTM(self.features_dim, self.lstm_output_dim)
        self._replace_cores(lr_schedule, core, None)


class FeaturePolicy(EpisodePolicy):
    """Two dense tanh layers of `width` on the environment's statistics, for actor and critic; no memory."""

    most_threads = 1

    def __init__(self, obs_space: Any, act_space: Any, lr_schedule: Schedule, width: int = 64, **kwargs: Any) -> None:
        options = {"features_extractor_class": Statistics, **_TWO_TRUNKS, **kwargs}
        options["features_extractor_kwargs"] = {"width": width}
        _check_vector(obs_space, "features")
        super().__init__(obs_space, act_space, lr_schedule, lstm_hidden_size=width, **options)
        self.lstm_hidden_state_shape = (1, 1, 1)
        self._replace_cores(lr_schedule, Memoryless(width, width), Memoryless(width, width))


class FeatureLstmPolicy(EpisodePolicy):
    """A dense tanh layer of `width` on the environment's statistics, then an LSTM of that size."""

    most_threads = 1

    def __init__(self, obs_space: Any, act_space: Any, lr_schedule: Schedule, width: int = 32, **kwargs: Any) -> None:
        options = {"features_extractor_class": Statistics, **_TWO_TRUNKS, **kwargs}
        options["features_extractor_kwargs"] = {"width": width}
        _check_vector(obs_space, "features-lstm")
        super().__init__(obs_space, act_space, lr_schedule, lstm_hidden_size=width, **options)


class SizeFreePolicy(EpisodePolicy):
    """Tiles shared over the sites, pooled replicas and sites, then a dense tanh layer of `width`; no memory.

    The weights belong to no number of sites or replicas, so what was trained at one size anneals instances of any
    other, and instances of several sizes in a batch.
    """

    any_size = True

    def __init__(
        self, obs_space: Any, act_space: Any, lr_schedule: Schedule, width: int = 64, tiles: int = 16, **kwargs: Any
    ) -> None:
        options = {"features_extractor_class": SharedTiles, **_TWO_TRUNKS, **kwargs}
        options["features_extractor_kwargs"] = {"width": width, "tiles": tiles}
        _check_tiles(obs_space, "size-free")
        super().__init__(obs_space, act_space, lr_schedule, lstm_hidden_size=width, **options)
        self.lstm_hidden_state_shape = (1, 1, 1)
        self._replace_cores(lr_schedule, Memoryless(width, width), Memoryless(width, width))

    def obs_to_tensor(self, observation: Any) -> tuple[Tensor, bool]:
        """Observations of any number of sites as a batch, and whether they came as one."""
        values = np.asarray(observation)
        rows = self.observation_space.shape[0]
        if values.ndim not in (2, 3) or values.shape[-2] != rows:
            raise InputError(f"policy 'size-free': observations have shape {values.shape}; (…, {rows}, N) is expected")
        batch = torch.as_tensor(values.reshape(-1, *values.shape[-2:]), device=self.device)
        return batch, values.ndim == 3


_ONE_TRUNK: Mapping[str, Any] = {"net_arch": [], "shared_lstm": True, "enable_critic_lstm": False}
_TWO_TRUNKS: Mapping[str, Any] = {"net_arch": []}

#: The policies by name.
POLICIES: Mapping[str, type[EpisodePolicy]] = {
    "conv-lstm": ConvLstmPolicy,
    "conv-step": ConvStepPolicy,
    "as-released": AsReleasedPolicy,
    "features": FeaturePolicy,
    "features-lstm": FeatureLstmPolicy,
    "size-free": SizeFreePolicy,
}


def policy_class(name: str) -> type[EpisodePolicy]:
    """Return the policy of that name."""
    if name not in POLICIES:
        raise unknown("policy", name, POLICIES)
    return POLICIES[name]


def _check_image(space: gym.spaces.Space[Any], name: str) -> None:
    if len(space.shape or ()) != 2:
        raise InputError(f"policy {name!r}: observations have shape {space.shape}; observation 'spins' is expected")


def _check_tiles(space: gym.spaces.Space[Any], name: str) -> None:
    # Configurations come as images too; they lie within ±1.
    if len(space.shape or ()) != 2 or not isinstance(space, gym.spaces.Box) or space.high.max() <= 1:
        raise InputError(f"policy {name!r}: observations have shape {space.shape}; observation 'tiles' is expected")


def _check_vector(space: gym.spaces.Space[Any], name: str) -> None:
    if len(space.shape or ()) != 1:
        raise InputError(f"policy {name!r}: observations have shape {space.shape}; observation 'features' is expected")
