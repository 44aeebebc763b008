"""Reduced models in files: one of tensors for each wavelength, without code."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.metalens.reduced import CellModel, Deep, OneBody, dense_network
from annealrl.registry import unknown

SHIPPED = Path(__file__).parent / "data"
SCATTERING = ("local", "linear", "deep")


def model_path(folder: Path, wavelength: float) -> Path:
    """Where the models of a wavelength stand."""
    return folder / f"metalens-{wavelength:g}.safetensors"


def save_models(models: Mapping[str, CellModel], path: Path) -> None:
    """Write models by their names, in single precision."""
    from safetensors.numpy import save_file

    arrays: dict[str, Any] = {}
    for name, model in models.items():
        arrays[f"{name}.basis"] = _pairs(model.basis)
        arrays[f"{name}.range"] = np.array([model.smallest, model.largest], np.float32)
        if isinstance(model, OneBody):
            arrays[f"{name}.constant"] = _pairs(model.constant)
            arrays[f"{name}.coefficients"] = _pairs(model.coefficients)
        elif isinstance(model, Deep):
            for key, value in model.network.state_dict().items():
                arrays[f"{name}.network.{key}"] = value.float().numpy()
    beside = path.with_suffix(".part")
    save_file(arrays, beside)
    beside.chmod(0o644)
    beside.replace(path)


@lru_cache(maxsize=32)
def load_model(name: str, wavelength: float, folder: Path = SHIPPED) -> CellModel:
    """A model of a wavelength, in double precision.

    Raises
    ------
    InputError
        If there is no such file or model, or the file is damaged.
    """
    path = model_path(folder, wavelength)
    if name not in SCATTERING:
        raise unknown("scattering", name, SCATTERING)
    if not path.is_file():
        raise InputError(f"{path}: no such file; models of {wavelength:g} nm are expected there")
    try:
        return _read(path, name)
    except Exception as error:
        raise InputError(f"{path}: no {name} model of a metalens ({error})") from None


def _read(path: Path, name: str) -> CellModel:
    from safetensors.numpy import load_file

    arrays = {
        key.removeprefix(f"{name}."): value for key, value in load_file(path).items() if key.startswith(f"{name}.")
    }
    smallest, largest = arrays["range"].astype(np.float64).tolist()
    basis = _complex(arrays["basis"])
    if "coefficients" in arrays:
        return OneBody(basis, _complex(arrays["constant"]), _complex(arrays["coefficients"]), smallest, largest)
    import torch

    layers = {key.removeprefix("network."): value for key, value in arrays.items() if key.startswith("network.")}
    order = sorted((key for key in layers if key.endswith(".bias")), key=lambda key: int(key.split(".")[0]))
    network = dense_network(tuple(len(layers[key]) for key in order[:-1]), basis.shape[1], 0).double()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in layers.items()})
    return Deep(basis, network.eval().requires_grad_(False), smallest, largest)


def _pairs(values: Any) -> Any:
    return np.stack([values.real, values.imag], axis=-1).astype(np.float32)


def _complex(pairs: Any) -> Any:
    return np.ascontiguousarray(pairs[..., 0].astype(np.float64) + 1j * pairs[..., 1].astype(np.float64))
