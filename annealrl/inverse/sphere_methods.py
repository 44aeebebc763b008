"""What the table of eight-layer spheres compares, and what is free in it."""

from __future__ import annotations

from annealrl.inverse.tunable import Choice, Tunable, adam, adaptive, agent, annealing, cma, evolution, fixed, hybrid

#: Layers of the spheres: proposals of a sweep.
LAYERS = 8
#: What had been tuned for one replica and 200 calls.
_BEFORE = {
    "replicas": 2,
    "first": 4.01,
    "last": 171.0,
    "sizes": "geometric",
    "step": 0.664,
    "to": 0.0278,
    "accept": 0.44,
}

#: By name.
METHODS: dict[str, Tunable] = {
    "L-BFGS-B": fixed(LAYERS, "gradient:lbfgs"),
    "least squares": fixed(LAYERS, "gradient:lsq"),
    "Adam": adam(LAYERS, {}),
    "nearest designs": Tunable(
        lambda v, calls: (f"nearest:{v['starts']}:{v['first']}:{v['each']}", (1, 1, calls // LAYERS)),
        {"starts": Choice((5, 10, 20, 30, 60)), "first": Choice((2, 3, 4, 6, 8, 12)), "each": Choice((8, 15, 30, 60))},
        {"starts": 30, "first": 4, "each": 30},
    ),
    "annealing": annealing(LAYERS, _BEFORE | {"steps": 16}),
    "annealing and descent": hybrid(LAYERS, _BEFORE | {"replicas": 4, "steps": 8, "share": 0.5, "descent": "lsq"}),
    "adaptive annealing": adaptive(LAYERS, {}),
    "agent of three layers": agent(LAYERS, "nanoparticle", 12),
    "CMA-ES": cma(LAYERS, {"size": 10}),
    "differential evolution": evolution(LAYERS, {"size": 16}),
    "random designs": fixed(LAYERS, "search:random"),
}
