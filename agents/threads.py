"""How many threads Torch uses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from annealrl.agents.policies import EpisodePolicy


@contextlib.contextmanager
def torch_threads(policy: type[EpisodePolicy], wanted: int | None) -> Iterator[None]:
    """Let Torch use `wanted` threads meanwhile, one by default, but no more than the policy has use for.

    A network on a dozen statistics is fastest on one thread. The paper's gains a little from a second one, but comes
    to a crawl (25 s instead of 1.7 s an update was seen) where threads outnumber free cores: more have to be asked for.
    """
    before = torch.get_num_threads()
    count = wanted or 1
    torch.set_num_threads(count if policy.most_threads is None else min(count, policy.most_threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)
