"""How many threads Torch uses."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from annealrl.agents.policies import EpisodePolicy


@contextlib.contextmanager
def torch_threads(policy: type[EpisodePolicy], wanted: int | None) -> Iterator[None]:
    """Let Torch use `wanted` threads meanwhile (None: its own choice), but no more than the policy has use for.

    A network on a dozen statistics is fastest on one thread, and comes to a crawl where threads outnumber free cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(min(wanted or before, policy.most_threads or before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
