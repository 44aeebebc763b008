"""Shortest paths in a two-layer graph: closed walks of the wrong parity, distances, and fives of near nodes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
F32 = npt.NDArray[np.float32]


@jit("int64(float64[::1], int64[::1], int64, float64, int64)")
def _push(keys: F64, nodes: I64, size: int, key: float, node: int) -> int:
    """Put a node on a binary heap; returns the heap's new size."""
    k = size
    while k > 0:
        parent = (k - 1) >> 1
        if keys[parent] <= key:
            break
        keys[k], nodes[k] = keys[parent], nodes[parent]
        k = parent
    keys[k], nodes[k] = key, node
    return size + 1


@jit("int64(float64[::1], int64[::1], int64)")
def _pop(keys: F64, nodes: I64, size: int) -> int:
    """Take the first node off a binary heap; returns the heap's new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    k = 0
    while True:
        child = 2 * k + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[k], nodes[k] = keys[child], nodes[child]
        k = child
    keys[k], nodes[k] = key, node
    return size


@jit(
    "void(int64[::1], int64[::1], float64[::1], int64[::1], int64[::1], float64, float64[::1], int64[:, ::1],"
    " int64[::1])"
)
def closed_walks(
    starts: I64,
    heads: I64,
    lengths: F64,
    mirror: I64,
    sources: I64,
    limit: float,
    reach: F64,
    walks: I64,
    sizes: I64,
) -> None:
    """Shortest path from every source to its mirror image, where one is shorter than `limit`.

    Mirroring every node leaves the graph as it is. What is near a source therefore tells what is near its image, and
    a search from the source as far as half the path suffices.

    Parameters
    ----------
    starts, heads, lengths : arrays
        Arcs of node v are ``starts[v]`` to ``starts[v + 1] - 1``; every arc occurs in both directions.
    mirror : int64 array
        Image of every node.
    sources : int64 array
        Where to start.
    limit : float
        Longer paths are not looked for.
    reach : float64 array, shape (sources,)
        Takes the lengths; infinite where there is no path.
    walks : int64 array, shape (sources, k)
        Takes the nodes of a path from the source to its image; with k = 0 none are wanted.
    sizes : int64 array, shape (sources,)
        Takes the numbers of these nodes.
    """
    nodes = len(mirror)
    distance = np.full(nodes, np.inf)
    parent = np.full(nodes, -1, np.int64)
    touched = np.empty(nodes, np.int64)
    keys = np.empty(len(heads) + 1)
    queue = np.empty(len(heads) + 1, np.int64)
    for s in range(len(sources)):
        source = sources[s]
        best, left, right = limit, -1, -1
        distance[source] = 0.0
        touched[0] = source
        count, size = 1, _push(keys, queue, 0, 0.0, source)
        if mirror[source] == source:
            best, size = 0.0, 0
        while size > 0:
            d, v = keys[0], queue[0]
            if 2.0 * d >= best:
                break
            size = _pop(keys, queue, size)
            if d > distance[v]:
                continue
            for a in range(starts[v], starts[v + 1]):
                w = heads[a]
                there = d + lengths[a]
                if there >= best:
                    continue
                image = mirror[w]
                if there + distance[image] < best:
                    best, left, right = there + distance[image], v, image
                if there < distance[w]:
                    if distance[w] == np.inf:
                        touched[count] = w
                        count += 1
                    distance[w], parent[w] = there, v
                    # What lies beyond half of the way is reached from the other end.
                    if 2.0 * there < best:
                        size = _push(keys, queue, size, there, w)
        reach[s] = best if best < limit else np.inf
        sizes[s] = 0
        if left >= 0 and walks.shape[1] > 0:
            k = 0
            v = left
            while v != -1:
                walks[s, k] = v
                v = parent[v]
                k += 1
            walks[s, :k] = walks[s, :k][::-1].copy()
            v = right
            while v != -1:
                walks[s, k] = mirror[v]
                v = parent[v]
                k += 1
            sizes[s] = k
        for k in range(count):
            distance[touched[k]] = np.inf
            parent[touched[k]] = -1


@jit("void(int64[::1], int64[::1], float64[::1], int64[::1], float64, float32[:, ::1], int32[:, ::1])")
def distances(starts: I64, heads: I64, lengths: F64, sources: I64, limit: float, out: F32, before: I32) -> None:
    """Distances from some nodes to all, where they are below `limit`; other entries stay.

    Parameters
    ----------
    starts, heads, lengths : arrays
        Arcs of node v are ``starts[v]`` to ``starts[v + 1] - 1``.
    sources : int64 array
        Where to start.
    limit : float
        Paths of this length or more are not looked for.
    out : float32 array, shape (sources, nodes)
        Takes the distances.
    before : int32 array, shape (sources, nodes)
        Takes the last but one node of each path.
    """
    distance = np.empty(len(starts) - 1)
    keys = np.empty(len(heads) + 1)
    queue = np.empty(len(heads) + 1, np.int64)
    for s in range(len(sources)):
        distance[:] = limit
        distance[sources[s]] = 0.0
        size = _push(keys, queue, 0, 0.0, sources[s])
        while size > 0:
            d, v = keys[0], queue[0]
            size = _pop(keys, queue, size)
            if d > distance[v]:
                continue
            out[s, v] = d
            for a in range(starts[v], starts[v + 1]):
                there = d + lengths[a]
                if there < distance[heads[a]]:
                    distance[heads[a]] = there
                    before[s, heads[a]] = v
                    size = _push(keys, queue, size, there, heads[a])


@jit("void(float32[:, ::1], int64[:, ::1], int64)")
def grow(lengths: F32, sets: I64, steps: int) -> None:
    """Grow sets of signed items from their first two, so that the lengths between all of them add up to little.

    Every step takes what adds least. Once a set is full, its oldest member leaves before. Items i and i + k, k half of
    them all, are mirror images and never stand in one set.

    Parameters
    ----------
    lengths : float32 array, shape (2k, 2k)
        Lengths between the items.
    sets : int64 array, shape (number, size)
        The first two of every row are given; the rest is filled, in order of age.
    steps : int
        Items to take for each set, ``size - 2`` at least.
    """
    items, full = len(lengths), sets.shape[1]
    sums = np.empty(items, np.float32)
    for row in range(len(sets)):
        members = sets[row]
        size = 2
        for x in range(items):
            sums[x] = lengths[members[0], x] + lengths[members[1], x]
        for _ in range(steps):
            if size == full:
                for x in range(items):
                    sums[x] -= lengths[members[0], x]
                for k in range(full - 1):
                    members[k] = members[k + 1]
                size -= 1
            taken, least = -1, np.float32(np.inf)
            for x in range(items):
                if sums[x] < least:
                    free = True
                    for k in range(size):
                        free = free and members[k] != x and abs(members[k] - x) * 2 != items
                    if free:
                        taken, least = x, sums[x]
            members[size] = taken
            size += 1
            for x in range(items):
                sums[x] += lengths[taken, x]
