"""Networks from spectra to designs: direct, tandem, mixture density and conditional variational auto-encoder.

Ren et al. (2022) compare them; the tandem is Liu, Tan, Khoram and Yu's (ACS Photonics 5, 1365 (2018)), the mixture
density network Bishop's (1994), the cVAE Ma, Cheng, Xu, Wen and Liu's (Adv. Mater. 31, 1901111 (2019)).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from annealrl.inverse.dataset import Designs
from annealrl.inverse.forward import Proposals, Surrogate
from annealrl.inverse.networks import Scaling, Sizes, dense, train
from annealrl.ising import FloatArray
from annealrl.surrogate import one_thread

Progress = Callable[[int, int], None] | None

#: Smallest logarithm of a Gaussian's width in the mixture, in units of half a coordinate's range.
_NARROWEST = -6.0


@dataclass(frozen=True, eq=False)
class Inverse:
    """A trained network that proposes designs for a target.

    Attributes
    ----------
    draw : callable
        ``draw(scaled target, proposals, generator)`` to points in [-1, 1], shape (T, n).
    several : bool
        Whether further proposals differ from the first.
    seconds : float
        Processor seconds of its training.
    """

    scaling: Scaling
    draw: Callable[[Tensor, int, torch.Generator], Tensor]
    several: bool
    seconds: float

    def propose(self, target: FloatArray, *, proposals: int = 200, seed: int = 0) -> Proposals:
        """Designs for a target; a single one from networks that know no more."""
        began = time.process_time()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad(), one_thread():
            count = proposals if self.several else 1
            found = self.draw(self.scaling.scaled(target[None]), count, generator).numpy()
        points = np.clip((found.astype(np.float64) + 1) / 2, 0.0, 1.0)
        return Proposals(points, 0, time.process_time() - began)


def _tensors(data: Designs) -> tuple[Scaling, Tensor, Tensor]:
    """Scaling, spectra and designs as networks see them."""
    scaling = Scaling.of(data.spectra)
    return scaling, scaling.scaled(data.spectra), torch.from_numpy((data.points * 2 - 1).astype(np.float32))


def fit_direct(data: Designs, sizes: Sizes, *, seed: int = 0, progress: Progress = None) -> Inverse:
    """A network from spectra to designs on the mean squared error of designs."""
    scaling, spectra, designs = _tensors(data)
    network = dense(spectra.shape[1], sizes.inverse, designs.shape[1], seed)

    def loss(seen: Tensor, wanted: Tensor) -> Tensor:
        off: Tensor = ((network(seen) - wanted) ** 2).mean()
        return off

    seconds = train(network, loss, spectra, designs, sizes, seed=seed, progress=progress)
    return Inverse(scaling, lambda target, count, generator: network(target), False, seconds)


def fit_tandem(
    data: Designs, sizes: Sizes, surrogate: Surrogate, *, seed: int = 0, progress: Progress = None
) -> Inverse:
    """A network from spectra to designs on the mean squared error of the frozen surrogate's spectra.

    The boundary loss of the neural adjoint keeps designs in the box.
    """
    scaling, spectra = surrogate.scaling, surrogate.scaling.scaled(data.spectra)
    network = dense(spectra.shape[1], sizes.inverse, surrogate.coordinates, seed)
    for parameter in surrogate.network.parameters():
        parameter.requires_grad_(False)

    def loss(seen: Tensor, wanted: Tensor) -> Tensor:
        designs = network(seen)
        off: Tensor = ((surrogate.network(designs) - wanted) ** 2).mean()
        return off + 0.1 * torch.relu(designs.abs() - 1.0).sum(dim=1).mean()

    seconds = train(network, loss, spectra, spectra, sizes, seed=seed, progress=progress)
    return Inverse(scaling, lambda target, count, generator: network(target), False, seconds)


def fit_mixture(data: Designs, sizes: Sizes, *, seed: int = 0, progress: Progress = None) -> Inverse:
    """A network from spectra to a mixture of diagonal Gaussians over designs, on their negative log-likelihood.

    The first proposal is the centre of the heaviest Gaussian, further ones are drawn.
    """
    scaling, spectra, designs = _tensors(data)
    n, k = designs.shape[1], sizes.components
    network = dense(spectra.shape[1], sizes.inverse, k * (2 * n + 1), seed)

    def parts(seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        out = network(seen)
        shape = (len(out), k, n)
        widths = out[:, k + k * n :].reshape(shape).clamp(_NARROWEST, 1.0)
        return out[:, :k].log_softmax(dim=1), out[:, k : k + k * n].reshape(shape), widths

    def loss(seen: Tensor, wanted: Tensor) -> Tensor:
        weights, centres, widths = parts(seen)
        off = (wanted[:, None] - centres) * torch.exp(-widths)
        return -torch.logsumexp(weights - (off**2 / 2 + widths).sum(dim=2), dim=1).mean()

    def draw(target: Tensor, count: int, generator: torch.Generator) -> Tensor:
        weights, centres, widths = (part[0] for part in parts(target))
        chosen = torch.multinomial(weights.exp(), count, replacement=True, generator=generator)
        noise = torch.randn((count, n), generator=generator)
        noise[0], chosen[0] = 0.0, weights.argmax()
        return centres[chosen] + noise * widths[chosen].exp()

    seconds = train(network, loss, spectra, designs, sizes, seed=seed, progress=progress)
    return Inverse(scaling, draw, True, seconds)


def fit_autoencoder(
    data: Designs, sizes: Sizes, *, beta: float = 0.01, seed: int = 0, progress: Progress = None
) -> Inverse:
    """A conditional variational auto-encoder: designs given spectra, by a latent Gaussian; β weighs its divergence.

    The first proposal is decoded from the latent centre, further ones from draws.
    """
    scaling, spectra, designs = _tensors(data)
    n, latent, wide = designs.shape[1], sizes.latent, spectra.shape[1]
    encoder = dense(n + wide, sizes.inverse, 2 * latent, seed)
    decoder = dense(latent + wide, sizes.inverse, n, seed + 1)
    both: Any = nn.ModuleList([encoder, decoder])

    def loss(seen: Tensor, wanted: Tensor) -> Tensor:
        centre, spread = encoder(torch.cat([wanted, seen], dim=1)).chunk(2, dim=1)
        spread = spread.clamp(-10.0, 10.0)
        z = centre + torch.randn_like(centre) * torch.exp(spread / 2)
        divergence = (centre**2 + spread.exp() - 1 - spread).sum(dim=1).mean() / 2
        off: Tensor = ((decoder(torch.cat([z, seen], dim=1)) - wanted) ** 2).mean()
        total: Tensor = off + beta * divergence / n
        return total

    def draw(target: Tensor, count: int, generator: torch.Generator) -> Tensor:
        z = torch.randn((count, latent), generator=generator)
        z[0] = 0.0
        found: Tensor = decoder(torch.cat([z, target.expand(count, -1)], dim=1))
        return found

    seconds = train(both, loss, spectra, designs, sizes, seed=seed, progress=progress)
    return Inverse(scaling, draw, True, seconds)
