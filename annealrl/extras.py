"""Packages that come with an extra and may be missing."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from annealrl.errors import InputError


class MissingPackageError(InputError, ImportError):
    """A package of an extra is not installed; the line says which extra brings it."""


def require(module: str, extra: str) -> Any:
    """Import a module of a package that the extra `extra` brings.

    Raises
    ------
    MissingPackageError
        If it is not installed; names the extra.
    """
    try:
        with warnings.catch_warnings():
            # What a package thinks of its own dependencies is no news for whoever uses it through us.
            warnings.simplefilter("ignore", DeprecationWarning)
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{error.name} is not installed; it comes with pip install 'annealrl[{extra}]'"
        ) from None
