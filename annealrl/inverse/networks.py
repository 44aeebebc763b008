"""Sizes and layers of the networks, and their training by Adam with a rate that falls on plateaus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from annealrl.ising import FloatArray
from annealrl.surrogate import one_thread

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Sizes:
    """How large networks are and how long they train.

    Attributes
    ----------
    forward, inverse : tuple of int
        Hidden layers from designs to spectra and from spectra to designs (or to their distribution).
    latent : int
        Latent coordinates of the cVAE.
    components : int
        Gaussians of the mixture density network.
    designs, epochs, batch : int
        Training set, passes through it, and rows of a step.
    rate : float
        Adam's.
    cosine : bool
        Whether the rate goes to zero by half a cosine, which short trainings want; else it is halved where the loss has
        not fallen for a tenth of the epochs.
    """

    forward: tuple[int, ...]
    inverse: tuple[int, ...]
    latent: int = 8
    components: int = 8
    designs: int = 40_000
    epochs: int = 12
    batch: int = 256
    rate: float = 2e-3
    cosine: bool = True


#: Two-core sizes, and those of Ren et al. (2022): their forward networks, training set, batch and epochs as published;
#: of the inverse networks the paper's text gives no widths, so they are those of the forward ones.
SIZES = {
    "shell": Sizes((256,) * 3, (256,) * 3),
    "stack": Sizes((96,) * 3, (96,) * 3, designs=8_000, epochs=30, batch=128),
    "shell-published": Sizes((1700,) * 15, (1700,) * 15, 15, 10, 40_000, 300, 1024, 1e-3, cosine=False),
    "stack-published": Sizes((700,) * 9, (700,) * 9, 5, 10, 40_000, 300, 1024, 1e-3, cosine=False),
}


def dense(inputs: int, hidden: Sequence[int], outputs: int, seed: int) -> nn.Sequential:
    """Linear layers with batch norm and leaky ReLU between them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.LeakyReLU(0.1)]
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, outputs))


@dataclass(frozen=True)
class Scaling:
    """Spectra less their mean, over their standard deviation (one number, so that mean squares keep their order)."""

    mean: FloatArray
    deviation: float

    @classmethod
    def of(cls, spectra: FloatArray) -> Scaling:
        """From a training set, shape (N, W)."""
        return cls(spectra.mean(axis=0), float(spectra.std(axis=0).mean()))

    def scaled(self, spectra: FloatArray) -> Tensor:
        """As networks see them, float32."""
        return torch.from_numpy(((spectra - self.mean) / self.deviation).astype(np.float32))


def train(
    network: nn.Module,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    sizes: Sizes,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """Minimise the mean of ``loss(inputs, targets)`` over rows; leaves the network in evaluation mode.

    Returns
    -------
    float
        Processor seconds.
    """
    began = time.process_time()
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=sizes.rate)
    patience = max(1, sizes.epochs // 10)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
    half_cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, sizes.epochs)
    rng = np.random.default_rng(seed)
    network.train()
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for epoch in range(sizes.epochs):
            total = 0.0
            for rows in np.array_split(rng.permutation(len(inputs)), max(1, len(inputs) // sizes.batch)):
                value: Any = loss(inputs[rows], targets[rows])
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                total += float(value.detach()) * len(rows)
            if sizes.cosine:
                half_cosine.step()
            else:
                plateau.step(total / len(inputs))
            if progress is not None:
                progress(epoch + 1, sizes.epochs)
    network.eval()
    return time.process_time() - began
