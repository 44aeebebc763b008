"""Training of the deep model on windows and their mirror images."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.ising import IntArray
from annealrl.metalens.beam import Beam, ComplexArray
from annealrl.metalens.dataset import Windows
from annealrl.metalens.reduced import SMALL, Deep, dense_network


def symmetries(side: int) -> IntArray:
    """The eight symmetries of a square of side² places as permutations of them, shape (8, side²)."""
    places = np.arange(side * side).reshape(side, side)
    turned = [np.rot90(square, k) for square in (places, places.T) for k in range(4)]
    return np.stack([square.ravel() for square in turned]).astype(np.int64)


def fit_deep(
    data: Windows,
    check: Windows,
    basis: ComplexArray,
    beam: Beam,
    *,
    hidden: tuple[int, ...] = SMALL,
    epochs: int = 30,
    batch: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Deep:
    """Train a network on the mean squared error of the weights by Adam with a cosine learning rate.

    A window's mirror images have the mirror images of its field, so every batch is turned by a random symmetry. The
    weights of the epoch with the smallest error on `check` are kept.

    Parameters
    ----------
    checkpoint : path, optional
        Written after every epoch; where it exists, training goes on from there.
    progress : callable, optional
        Called with epochs done, all epochs, and the relative error on `check`.
    """
    import torch

    epochs, batch = whole(epochs, "metalens training: epochs", 1), whole(batch, "metalens training: batch", 1)
    pillars = beam.pillars
    network: Any = dense_network(hidden, basis.shape[1], seed)
    model = Deep(basis, network, pillars.smallest, pillars.largest)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    steps = epochs * max(1, len(data) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sides = symmetries(3), symmetries(beam.samples)
    inputs = torch.from_numpy(model._scaled(data.radii).astype(np.float32))
    split = [data.fields[:, turn] @ basis.conj() for turn in sides[1]]
    targets = [torch.from_numpy(np.concatenate([w.real, w.imag], axis=1).astype(np.float32)) for w in split]
    best, kept, first = float("inf"), {key: value.clone() for key, value in network.state_dict().items()}, 0
    settings = repr((hidden, epochs, batch, learning_rate, seed, len(data), beam, float(np.abs(basis[:, 0]).sum())))
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        state = _load(path)
        if state["settings"] != settings:
            raise InputError(f"{path}: a checkpoint of another training; name another file or delete it")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        best, kept, first = state["best"], state["kept"], state["epoch"]
    for epoch in range(first, epochs):
        order = np.random.default_rng([seed, epoch])
        for rows in np.array_split(order.permutation(len(data)), max(1, len(data) // batch)):
            turn = int(order.integers(8))
            found = network(inputs[rows][:, sides[0][turn]])
            loss: Any = ((found - targets[turn][rows]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        error = model.error(check)
        if error < best:
            best, kept = error, {key: value.clone() for key, value in network.state_dict().items()}
        if path is not None:
            state = {"settings": settings, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
            state |= {"schedule": schedule.state_dict(), "best": best, "kept": kept, "epoch": epoch + 1}
            beside = path.with_suffix(f".{os.getpid()}")
            torch.save(state, beside)
            beside.replace(path)
        if progress is not None:
            progress(epoch + 1, epochs, error)
    network.load_state_dict(kept)
    return Deep(basis, network.double().eval().requires_grad_(False), pillars.smallest, pillars.largest)


def _load(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, weights_only=True)
    except Exception as error:
        raise InputError(f"{path}: no checkpoint of a training ({type(error).__name__}); delete it") from None
