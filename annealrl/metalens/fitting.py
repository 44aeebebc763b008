"""All reduced models of a wavelength from its data, and their errors on windows that none of them has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from annealrl.metalens.beam import Beam
from annealrl.metalens.dataset import KINDS, Windows
from annealrl.metalens.reduced import MODES, ORDER, SMALL, CellModel, fit_linear, fit_local, modes_of
from annealrl.metalens.training import fit_deep

#: Shares of the windows that are fitted, and that choose the epoch of the deep model; the rest measures errors.
_FITTED, _CHECKED = 0.75, 0.05


class Split(NamedTuple):
    """Windows by their use."""

    fitted: Windows
    check: Windows
    test: Windows


def split(data: Windows) -> Split:
    """Part windows by their use, in their order."""
    first, second = (int(share * len(data)) for share in (_FITTED, _FITTED + _CHECKED))
    return Split(data.part(slice(0, first)), data.part(slice(first, second)), data.part(slice(second, len(data))))


class Fitted(NamedTuple):
    """Models by their names, and the share of the fields' power that the modes have."""

    models: Mapping[str, CellModel]
    share: float


def fit_models(
    data: Windows,
    wavelength: float,
    *,
    hidden: tuple[int, ...] = SMALL,
    epochs: int = 40,
    batch: int = 256,
    learning_rate: float = 2e-3,
    seed: int = 0,
    modes: int = MODES,
    order: int = ORDER,
    checkpoint: str | Path | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Fitted:
    """The local, the linear and the deep model of a wavelength; options as :func:`fit_deep` takes them."""
    beam, parts = Beam(wavelength), split(data)
    basis, share = modes_of(parts.fitted.fields, modes)
    training: dict[str, Any] = {"epochs": epochs, "batch": batch, "learning_rate": learning_rate, "seed": seed}
    deep = fit_deep(
        parts.fitted,
        parts.check,
        basis,
        beam,
        hidden=hidden,
        checkpoint=checkpoint,
        progress=progress,
        **training,
    )
    models = {"local": fit_local(beam), "linear": fit_linear(parts.fitted, basis, beam, order), "deep": deep}
    return Fitted(models, share)


def errors(models: Mapping[str, CellModel], test: Windows) -> dict[str, dict[str, float]]:
    """‖E_pred - E‖_F / ‖E‖_F by model and kind of window; ``all`` of all kinds together."""
    kinds = {kind: test.part(test.kinds == k) for k, kind in enumerate(KINDS) if np.any(test.kinds == k)}
    return {
        name: {kind: model.error(part) for kind, part in {**kinds, "all": test}.items()}
        for name, model in models.items()
    }
