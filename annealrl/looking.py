"""When replicas are looked at, and what becomes of them then: the environment's options for it, and what is refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from annealrl.component import LOOKING
from annealrl.errors import InputError
from annealrl.family import Family

if TYPE_CHECKING:
    from annealrl.env_options import EnvOptions

#: Fields of :class:`~annealrl.env_options.EnvOptions`.
LOOKING_OPTIONS = ("observing", "ensembles", "look_every", "look_cost", "look_paid_in")


def check_looking(options: EnvOptions, kind: Family, add_age: bool) -> EnvOptions:
    """Check what is said of looking, and fill in where destroyed ensembles come from.

    Parameters
    ----------
    add_age : bool
        Add the age of the observation to the features where it means something.

    Raises
    ------
    InputError
        If options contradict each other or mean nothing.
    """
    o = options
    chosen = any(component.sets == LOOKING for component in o.components)
    destructive = o.observing == "destructive"
    for key, default in (("look_cost", 0.0), ("look_paid_in", "reward")):
        if getattr(o, key) != default and not chosen and o.look_every is None:
            raise InputError(f"{key} is given, but nothing decides on looks; action 'look' or look_every is expected")
    if chosen and o.look_every is not None:
        raise InputError("look_every is given, and action 'look' decides on looks; one of them is expected")
    if not o.always and o.observation != "features":
        raise InputError(
            f"observation is {o.observation!r}, which has no place for its age; 'features' is expected where not "
            "every decision is preceded by a look"
        )
    if o.always and "age" in (o.features or ()):
        raise InputError("features: group 'age' means nothing where every decision is preceded by a look")
    if add_age and not o.always:
        options = o = dataclasses.replace(o, features=(*(o.features or ()), "age"))
    if not 0 <= o.look_cost < np.inf:
        raise InputError(f"look_cost is {o.look_cost}; a number ≥ 0 is expected")
    if o.look_paid_in == "sweeps":
        if o.look_cost != int(o.look_cost) or o.look_cost >= o.sweeps_per_step:
            raise InputError(
                f"look_cost is {o.look_cost:g} sweeps; a whole number below sweeps_per_step = "
                f"{o.sweeps_per_step} is expected"
            )
        if destructive:
            raise InputError("look_paid_in is 'sweeps', but observing is 'destructive': 'ensemble' is expected")
    if not o.watched and o.criterion == "best":
        raise InputError("criterion is 'best', but what is not looked at cannot be kept; 'final' is expected")
    if not destructive:
        for key, value in (("ensembles", o.ensembles), ("look_paid_in", o.look_paid_in)):
            if value in ("parallel", "literal", "ensemble"):
                raise InputError(f"{key} is {value!r}; that means something for observing 'destructive' alone")
        return options
    if kind.step_size or "spins" not in kind.observations:
        raise InputError(
            f"observing: looking at designs destroys nothing; 'free' is expected for {type(kind).__name__}"
        )
    for component in o.components:
        if component.moves or component.measures:
            raise InputError(
                f"action: {component.name!r} looks at the replicas; observing 'destructive' does not go with it"
            )
    if chosen and o.ensembles == "parallel":
        raise InputError("ensembles is 'parallel', but action 'look' decides on looks; 'literal' is expected")
    return dataclasses.replace(options, ensembles=o.ensembles or ("literal" if chosen else "parallel"))
