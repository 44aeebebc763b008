"""Building blocks of the policies: what turns observations into features, and recurrent cores."""

from __future__ import annotations

import itertools

import gymnasium as gym
import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.nn import functional

#: Statistics are cut here before they enter a network; the interesting ones are of order one.
FEATURE_LIMIT = 5.0

States = tuple[Tensor, Tensor]


class ReplicaConvolutions(BaseFeaturesExtractor):
    """The paper's two parallel 2D convolutions over the image of spins, shape (R, N).

    `kernels` filters of size 1×N look at one replica each, as many of size R×1 at one spin in all replicas; tanh,
    flatten, concatenate, dense, tanh. Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), Methods.

    Parameters
    ----------
    observation_space : Box of shape (R, N)
    kernels, width : int
        Filters of either kind; size of the dense layer.
    """

    def __init__(self, observation_space: gym.spaces.Box, kernels: int = 64, width: int = 64) -> None:
        super().__init__(observation_space, features_dim=width)
        replicas, spins = observation_space.shape
        # A kernel that spans one whole side of the image is a matrix product along that side, which runs several times
        # faster on a processor than the general convolution does.
        self.across_spins = nn.Linear(spins, kernels)
        self.across_replicas = nn.Linear(replicas, kernels)
        self.dense = nn.Linear(kernels * (replicas + spins), width)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, R, N) to (B, width)."""
        image = observations.float()
        per_replica = self.across_spins(image).flatten(1)
        per_spin = torch.einsum("kr,brn->bkn", self.across_replicas.weight, image)
        per_spin = (per_spin + self.across_replicas.bias[:, None]).flatten(1)
        return torch.tanh(self.dense(_tanh(torch.cat([per_replica, per_spin], dim=1))))


def _tanh(values: Tensor) -> Tensor:
    """Tanh, which may overwrite its argument where no gradient is wanted.

    Torch's own is exact to the last digit, and slow: it was two fifths of this network's time. 2/(1 + exp(-2x)) - 1 is
    right to 2e-7 and four times faster.
    """
    if torch.is_grad_enabled():
        return torch.tanh(values)
    return values.mul_(2.0).sigmoid_().mul_(2.0).sub_(1.0)


class FlatLayers(BaseFeaturesExtractor):
    """Flatten, then dense layers with tanh: what the paper's released code trained in truth."""

    def __init__(self, observation_space: gym.spaces.Box, widths: tuple[int, ...] = (64, 64)) -> None:
        super().__init__(observation_space, features_dim=widths[-1])
        sizes = (gym.spaces.utils.flatdim(observation_space), *widths)
        layers: list[nn.Module] = []
        for size, width in itertools.pairwise(sizes):
            layers += [nn.Linear(size, width), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, …) to (B, last width)."""
        result: Tensor = self.layers(observations.float().flatten(1))
        return result


class Statistics(BaseFeaturesExtractor):
    """One dense tanh layer on the environment's statistics, cut at ±:data:`FEATURE_LIMIT`."""

    def __init__(self, observation_space: gym.spaces.Box, width: int = 64) -> None:
        super().__init__(observation_space, features_dim=width)
        self.dense = nn.Linear(gym.spaces.utils.flatdim(observation_space), width)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, features) to (B, width)."""
        return torch.tanh(self.dense(observations.flatten(1).clamp(-FEATURE_LIMIT, FEATURE_LIMIT)))


class SharedTiles(BaseFeaturesExtractor):
    """One small network shared by all sites, its answers pooled over the lattice: any number of sites will do.

    Takes what :class:`~annealrl.observations.TileObservation` gives, where the replicas are pooled already: the first
    row says which sites there are. Means of the rows themselves and first and second moments of `tiles` tanh units over
    the sites, concatenate, dense, tanh.

    Parameters
    ----------
    observation_space : Box of shape (rows, N)
    tiles, width : int
        Units at each site; size of the dense layer.
    """

    def __init__(self, observation_space: gym.spaces.Box, tiles: int = 16, width: int = 64) -> None:
        super().__init__(observation_space, features_dim=width)
        rows = observation_space.shape[0]
        self.tile = nn.Linear(rows, tiles)
        self.dense = nn.Linear(rows + 2 * tiles, width)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, rows, N) to (B, width)."""
        rows = observations.float().clamp(-FEATURE_LIMIT, FEATURE_LIMIT)
        # Sites that are not there hold zeros and weigh nothing.
        weights = rows[:, :1] / rows[:, :1].sum(dim=2, keepdim=True)
        answers = torch.tanh(torch.einsum("tr,brn->btn", self.tile.weight, rows) + self.tile.bias[:, None])
        moments = [(weights * values).sum(dim=2) for values in (rows, answers, answers.square())]
        return torch.tanh(self.dense(torch.cat(moments, dim=1)))


class LayerNormLSTM(nn.Module):
    """LSTM with layer normalisation of both gate inputs and of the cell (Ba, Kiros and Hinton, arXiv:1607.06450).

    It takes and returns what :class:`torch.nn.LSTM` does: inputs (T, B, input), states (1, B, hidden).
    """

    num_layers = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.from_input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.from_hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.norm_input = nn.LayerNorm(4 * hidden_size)
        self.norm_hidden = nn.LayerNorm(4 * hidden_size)
        self.norm_cell = nn.LayerNorm(hidden_size)
        nn.init.orthogonal_(self.from_input.weight)
        nn.init.orthogonal_(self.from_hidden.weight)

    def forward(self, inputs: Tensor, states: States) -> tuple[Tensor, States]:
        """Return (outputs, (hidden, cell)), outputs of shape (T, B, hidden)."""
        hidden, cell = states[0][0], states[1][0]
        # What depends on the inputs alone is computed for all times at once.
        driven = self.norm_input(self.from_input(inputs)) + self.bias
        outputs = []
        for at_time in driven:
            gates = at_time + self.norm_hidden(self.from_hidden(hidden))
            enter, forget, out, new = gates.chunk(4, dim=-1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
            hidden = torch.sigmoid(out) * torch.tanh(self.norm_cell(cell))
            outputs.append(hidden)
        return torch.stack(outputs), (hidden[None], cell[None])


class Memoryless(nn.Module):
    """A dense tanh layer that stands where an LSTM is expected, for observations that hold all that matters.

    States pass through untouched; they are one number wide, so that carrying them costs nothing.
    """

    num_layers = 1

    def __init__(self, input_size: int, output_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, 1
        self.dense = nn.Linear(input_size, output_size)

    def forward(self, inputs: Tensor, states: States) -> tuple[Tensor, States]:
        """Map (T, B, input) to (T, B, output)."""
        return torch.tanh(functional.linear(inputs, self.dense.weight, self.dense.bias)), states


class StepCounter(nn.Module):
    """A dense tanh layer on the input and the number of the step, where an LSTM is expected: time without memory.

    The state counts the steps and is nothing else. Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), compare
    with this: "a floating point representation of the episode step concatenated to the state vector".

    Parameters
    ----------
    input_size, output_size : int
    steps : int
        Of an episode: the number is given as a fraction of this.
    """

    num_layers = 1

    def __init__(self, input_size: int, output_size: int, steps: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.steps = input_size, 1, steps
        self.dense = nn.Linear(input_size + 1, output_size)

    def forward(self, inputs: Tensor, states: States) -> tuple[Tensor, States]:
        """Map (T, B, input) to (T, B, output); states have shape (1, B, 1)."""
        count = len(inputs)
        numbers = states[0] + torch.arange(count, device=inputs.device, dtype=inputs.dtype).view(-1, 1, 1)
        outputs = torch.tanh(self.dense(torch.cat([inputs, numbers / self.steps], dim=2)))
        return outputs, (states[0] + count, states[1])
