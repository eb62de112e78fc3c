"""What lets several processes measure as one: common errors, and sums that do not depend on the threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from meshrec.engine.distributed import World
from meshrec.errors import MeshrecError


@contextlib.contextmanager
def common_errors(world: World) -> Iterator[None]:
    """Errors that every process finds by itself: the first one says them."""
    try:
        yield
    except MeshrecError as error:
        raise world.common_end(error) from error


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Sums inside the net come out differently, in the last bits, with each number of threads.

    With one thread the figures do not depend on the number of processes, and processes are the way to use more cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
