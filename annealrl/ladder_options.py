"""The environment's options of ladders and rounds: what is left open, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from annealrl.component import Component
from annealrl.errors import InputError
from annealrl.rounds import Rounds
from annealrl.schedules import Linear

if TYPE_CHECKING:
    from annealrl.baselines.tempering import TemperingMethod

_GRAMMAR = "tempering:LO:HI:K[:copies=C][:icm][:every=S][:sigma]"
#: Most temperatures of the default ladder.
_RUNGS = 16


def ladder_defaults(
    components: Sequence[type[Component]], text: str | None, replicas: int, no_start: bool
) -> dict[str, Any]:
    """Options that follow from the reference ladder where they are left open; none without a ladder in the action.

    Parameters
    ----------
    text : str, optional
        The ladder, if given.
    no_start : bool
        Whether no starting β is given.
    """
    if not any(component.ladder for component in components):
        return {}
    if text is None:
        copies = 2 if any("cluster" in component.moves for component in components) else 1
        rungs = [k for k in range(2, replicas // copies + 1) if replicas % k == 0]
        if not rungs:
            raise InputError(f"action: {replicas} replicas are no ladder of 2 temperatures × {copies} copies at least")
        text = f"tempering:0.5:5:{max((k for k in rungs if k <= _RUNGS), default=rungs[0])}:sigma"
    ladder = read_ladder(text)
    found = {"ladder": text, "reference": Linear(ladder.high, ladder.high, sigma_units=ladder.sigma_units)}
    if not ladder.sigma_units:
        return found | {"beta_start": ladder.high}
    if no_start and any("beta_start" in component.uses for component in components):
        raise InputError("beta_start is not given, and the ladder is in units of 1/σ; a starting β is expected")
    return found


def make_rounds(
    components: Sequence[type[Component]], text: str | None, every: int | None, replicas: int, beta_max: float
) -> Rounds | None:
    """What the components that make exchanges or cluster moves write to; None where there are none.

    Raises
    ------
    InputError
        If the ladder is none, or does not fit the replicas.
    """
    if not any(component.rounds for component in components):
        return None
    ladder = None
    if any(component.ladder for component in components):
        if every is not None:
            raise InputError("exchange_every is given beside a ladder; every=S in the ladder's text is expected")
        assert text is not None
        ladder = read_ladder(text)
    rungs = 1 if ladder is None else ladder.temperatures
    copies = replicas // rungs if ladder is None or ladder.copies is None else ladder.copies
    if rungs * copies != replicas:
        raise InputError(
            f"ladder: {rungs} temperatures × {copies} copies are {rungs * copies} replicas, but there are {replicas}"
        )
    moving = any("cluster" in component.moves for component in components)
    if copies < 2 and (moving or (ladder is not None and ladder.clusters)):
        raise InputError("action: cluster moves want two replicas at one temperature at least, but there is one")
    return Rounds(ladder, every or 1, beta_max)


def read_ladder(text: str) -> TemperingMethod:
    """The method that a ladder's text spells.

    Raises
    ------
    InputError
        If it is no ladder.
    """
    from annealrl.baselines.grammar import parse_method
    from annealrl.baselines.tempering import TemperingMethod

    if not text.startswith("tempering:"):
        raise InputError(f"ladder is {text!r}; {_GRAMMAR} is expected")
    try:
        method = parse_method(text)
    except InputError as error:
        raise InputError(f"ladder: {error}") from None
    assert isinstance(method, TemperingMethod)
    if method.moving:
        raise InputError(f"ladder is {text!r}; one that stands still is expected, without low_from and high_from")
    return method
